# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables 15 to 17 and 50 to 52: what the security groups of an instance let through, from it and to it.

Connections are tracked in a zone per port. Replies and errors pass; everything in a connection's first direction has to
fit a rule, packet by packet, so that a rule that is taken away ends the connections it let through.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import IPNetwork, cidr_merge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.port_security import short
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    DELIVER,
    FIREWALL_IN,
    FIREWALL_IN_COMMIT,
    FIREWALL_IN_RULES,
    FIREWALL_OUT,
    FIREWALL_OUT_COMMIT,
    FIREWALL_OUT_RULES,
    FORWARD,
    IN_ZONE,
    OUT_ZONE,
    flow,
    goto,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Instance, Rule

COMMITS = (FIREWALL_OUT_COMMIT, FIREWALL_IN_COMMIT)

_DIRECTIONS = (
    (FIREWALL_OUT, FIREWALL_OUT_RULES, FIREWALL_OUT_COMMIT, OUT_ZONE, FORWARD),
    (FIREWALL_IN, FIREWALL_IN_RULES, FIREWALL_IN_COMMIT, IN_ZONE, DELIVER),
)
_FAMILIES = ("ip", "ipv6")
_LISTENER_REPORTS = (131, 132, 143)
_PROTOCOLS = {
    (4, "tcp"): "tcp",
    (6, "tcp"): "tcp6",
    (4, "udp"): "udp",
    (6, "udp"): "udp6",
    (4, "sctp"): "sctp",
    (6, "sctp"): "sctp6",
    (4, "icmp"): "icmp",
    (6, "icmpv6"): "icmp6",
    (4, None): "ip",
    (6, None): "ipv6",
}


def base() -> Iterator[str]:
    for first, rules, commit, zone, then in _DIRECTIONS:
        for family in _FAMILIES:
            yield flow(first, 100, family, f"ct(table={rules},zone={zone})")
            yield flow(commit, 100, f"ct_state=+new+trk,{family}", f"ct(commit,zone={zone}),{goto(then)}")
        yield flow(commit, 0, "", goto(then))
        yield flow(rules, 110, "ct_state=+inv+trk", "drop")
        yield flow(rules, 100, "ct_state=+est+rpl+trk", goto(then))
        yield flow(rules, 100, "ct_state=+rel+trk", goto(then))
    # What is not tracked: discovery of neighbours, and who listens to which group.
    yield flow(FIREWALL_IN, 110, "arp", goto(DELIVER))
    for kind in (135, 136):
        yield flow(FIREWALL_IN, 110, f"icmp6,icmp_type={kind}", goto(DELIVER))
    for kind in _LISTENER_REPORTS:
        yield flow(FIREWALL_OUT, 110, f"icmp6,icmp_type={kind}", goto(FORWARD))


def instance(own: Instance) -> Iterator[str]:
    if not own.port_security:
        yield flow(FIREWALL_IN, 120, f"reg0=port({own.device})", goto(DELIVER))
        return
    if own.egress is None:
        for family in _FAMILIES:
            yield flow(FIREWALL_OUT_RULES, 90, f"{family},in_port={own.device}", goto(FIREWALL_OUT_COMMIT))
    else:
        outward = (m for rule in own.egress for m in matches(rule, f"in_port={own.device}", "dst"))
        for match in dict.fromkeys(outward):
            yield flow(FIREWALL_OUT_RULES, 90, match, goto(FIREWALL_OUT_COMMIT))
    inward = (m for rule in own.ingress for m in matches(rule, f"reg0=port({own.device})", "src"))
    for match in dict.fromkeys(inward):
        yield flow(FIREWALL_IN_RULES, 90, match, goto(FIREWALL_IN_COMMIT))


def matches(rule: Rule, port: str, remote: str) -> Iterator[str]:
    """Every remote with every range of ports."""
    head, tail = _protocol(rule)
    for address in _remotes(rule, remote):
        for ports in _ports(rule):
            yield ",".join(filter(None, (head, port, address, tail, ports)))


def _protocol(rule: Rule) -> tuple[str, str]:
    """What stands first in the match, and what stands behind the addresses."""
    known = _PROTOCOLS.get((rule.family, rule.protocol))
    if known is None:
        return _PROTOCOLS[rule.family, None], f"nw_proto={rule.protocol}"
    kind = "" if rule.icmp_type is None else f"icmp_type={rule.icmp_type}"
    code = "" if rule.icmp_code is None else f",icmp_code={rule.icmp_code}"
    return known, kind + code


def _remotes(rule: Rule, remote: str) -> Iterator[str]:
    if rule.remotes is None:
        yield ""
        return
    field = f"nw_{remote}" if rule.family == 4 else f"ipv6_{remote}"
    own: list[IPNetwork] = cidr_merge([prefix for prefix in rule.remotes if prefix.version == rule.family])
    for prefix in own:
        yield "" if prefix.prefixlen == 0 else f"{field}={short(prefix)}"


def _ports(rule: Rule) -> Iterator[str]:
    if not rule.ports:
        yield ""
    for first, last in rule.ports:
        for value, mask in masked(first, last):
            if mask == 0:
                yield ""
            else:
                yield f"tp_dst={value}" if mask == 0xFFFF else f"tp_dst={value:#x}/{mask:#x}"


def masked(first: int, last: int) -> Iterator[tuple[int, int]]:
    """A range of ports as values with masks: 8000 to 8080 is 8000/0xffc0, 8064/0xfff0 and 8080."""
    while first <= last:
        size = first & -first or 0x10000
        while first + size - 1 > last:
            size //= 2
        yield first, 0x10000 - size
        first += size
