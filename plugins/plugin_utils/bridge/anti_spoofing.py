# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anti-spoofing: each instance sends from its own MAC and IP addresses only.

The rules are the same on every host and for any number of instances; what belongs to an instance is elements of sets.
Ports that are in no set, such as an uplink, are not filtered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

Entry = dict[str, Any]

# Before anything else that looks at bridged frames.
_PRIORITY = -300

_PORT_RULES = (
    "iifname != @ports accept",
    "iifname . ether saddr != @macs counter drop",
    "meta protocol arp goto arp_sender",
    "meta protocol ip goto ipv4_source",
    "meta protocol ip6 goto ipv6_source",
    # RARP, by which a hypervisor announces a VM that has moved here.
    "meta protocol 0x8035 accept",
    "counter drop",
)
_ARP_RULES = (
    "iifname . arp saddr ether != @macs counter drop",
    "iifname @any_address accept",
    # An ARP probe, which asks whether an address is free.
    "arp operation request arp saddr ip 0.0.0.0 accept",
    "iifname . arp saddr ip @ipv4 accept",
    "iifname . arp saddr ip @ipv4_prefixes accept",
    "counter drop",
)
_IPV4_RULES = (
    # An instance is no DHCP server.
    "udp sport 67 udp dport 68 counter drop",
    "iifname @any_address accept",
    "iifname . ip saddr @ipv4 accept",
    "iifname . ip saddr @ipv4_prefixes accept",
    # A DHCP client that has no address yet.
    "ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept",
    "counter drop",
)
_IPV6_RULES = (
    # An instance is neither a router nor a DHCP server.
    "icmpv6 type { nd-router-advert, nd-redirect } counter drop",
    "udp sport 547 udp dport 546 counter drop",
    "iifname @any_address accept",
    "icmpv6 type nd-neighbor-advert jump nd_target",
    "ip6 saddr fe80::/10 accept",
    "iifname . ip6 saddr @ipv6 accept",
    "iifname . ip6 saddr @ipv6_prefixes accept",
    # Duplicate address detection, and what else comes before there is an address.
    "ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld2-listener-report } "
    "accept",
    "counter drop",
)
# Bytes 8 to 23 of a neighbour advertisement are the address it speaks for: link-local, or one of the instance's.
_ND_RULES = (
    "@th,64,10 0x3fa return",
    "iifname . @th,64,128 @nd_targets return",
    "iifname . @th,64,128 @nd_target_prefixes return",
    "counter drop",
)


def guard(instances: Iterable[Instance]) -> list[Entry]:
    """The table that guards the ports of these instances; none when no port is guarded."""
    guarded = [instance for instance in instances if instance.anti_spoofing]
    if not guarded:
        return []
    elements: dict[str, list[str]] = {name: [] for name, _type, _interval in _SETS}
    for instance in guarded:
        for name, value in _elements(instance):
            elements[name].append(value)
    return [
        {
            "family": "bridge",
            "name": "guard",
            "sets": [_set(name, kind, interval, elements[name]) for name, kind, interval in _SETS],
            "chains": [
                {
                    "name": "ingress",
                    "type": "filter",
                    "hook": "prerouting",
                    "priority": _PRIORITY,
                    "policy": "accept",
                    "rules": list(_PORT_RULES),
                },
                {"name": "arp_sender", "rules": list(_ARP_RULES)},
                {"name": "ipv4_source", "rules": list(_IPV4_RULES)},
                {"name": "ipv6_source", "rules": list(_IPV6_RULES)},
                {"name": "nd_target", "rules": list(_ND_RULES)},
            ],
            "because": "fabric_instances",
        }
    ]


# Name, type, and whether elements are prefixes. Bytes of a packet have no type of their own, only a place.
_SETS = (
    ("ports", "ifname", False),
    ("any_address", "ifname", False),
    ("macs", "ifname . ether_addr", False),
    ("ipv4", "ifname . ipv4_addr", False),
    ("ipv4_prefixes", "ifname . ipv4_addr", True),
    ("ipv6", "ifname . ipv6_addr", False),
    ("ipv6_prefixes", "ifname . ipv6_addr", True),
    ("nd_targets", "meta iifname . @th,64,128", False),
    ("nd_target_prefixes", "meta iifname . @th,64,128", True),
)


def _set(name: str, kind: str, interval: bool, elements: list[str]) -> Entry:
    entry: Entry = {"name": name, "type": kind, "elements": sorted(elements)}
    return {**entry, "flags": ["interval"]} if interval else entry


def _elements(instance: Instance) -> list[tuple[str, str]]:
    """What one instance adds to the sets. One whose addresses nobody has declared may use any."""
    port = f'"{instance.device}"'
    found = [("ports", port), ("macs", f"{port} . {instance.mac}")]
    if not instance.addresses and not instance.allowed:
        return [*found, ("any_address", port)]
    for address in instance.addresses:
        found += [(name, f"{port} . {value}") for name, value in _of_address(address.ip)]
    for prefix in _disjoint(instance):
        found += [(name, f"{port} . {value}") for name, value in _of_prefix(prefix)]
    return found


def _disjoint(instance: Instance) -> list[IPNetwork]:
    """The allowed prefixes less those that others of them hold: elements of an interval set must not overlap."""
    own = {address.ip for address in instance.addresses}
    kept: list[IPNetwork] = []
    for prefix in instance.allowed:
        if not any(prefix in other for other in kept) and not (prefix.size == 1 and prefix.ip in own):
            kept.append(prefix)
    return kept


def _of_address(ip: IPAddress) -> list[tuple[str, str]]:
    if ip.version == 4:
        return [("ipv4", str(ip))]
    return [("ipv6", str(ip)), ("nd_targets", f"{int(ip):#034x}")]


def _of_prefix(prefix: IPNetwork) -> list[tuple[str, str]]:
    if prefix.size == 1:
        return _of_address(prefix.ip)
    if prefix.version == 4:
        return [("ipv4_prefixes", str(prefix))]
    return [("ipv6_prefixes", str(prefix)), ("nd_target_prefixes", f"{prefix.first:#034x}-{prefix.last:#034x}")]
