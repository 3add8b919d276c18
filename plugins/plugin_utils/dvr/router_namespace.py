# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A distributed router on one host: the namespace with its legs, and the way out for those that have one.

The main table has the router's networks and static routes, and never a default for IPv4. What it does not know falls
to the rules behind it: by the sender's floating IP to the external network, else by its subnet to the central leg.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import (
    FORWARDING,
    Entry,
    Sections,
    sysctls,
    usable_at_once,
    veth,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.link_local import link_local
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import (
    External,
    FloatingIp,
    Leg,
    LocalNetwork,
    Member,
    Pair,
    Router,
)

FLOATING_PRIORITY = 33000
REDIRECT_PRIORITY = 40000

_SYSCTLS = {
    **FORWARDING,
    # Only a part of a connection's packets may come this way: each direction is routed where it begins.
    "net.netfilter.nf_conntrack_tcp_be_liberal": 1,
}
_FORWARD = (
    "oifname @outward ct state invalid counter drop",
    "iifname != @outward accept",
    "ct state established,related accept",
    "ct status dnat accept",
    "counter drop",
)
# A connection that began before its sender had a floating IP would leave with the sender's own address.
_POSTROUTING = ("oifname @outward ct status & (snat | dnat) == 0 counter drop",)
# The sender's own address is all that outside knows it by. Neighbours on the pair speak with those of the link.
_FORWARD_IPV6 = ("iifname @outward ip6 daddr != @routed counter drop",)
_POSTROUTING_IPV6 = ("oifname @outward ip6 saddr != @routed ip6 saddr != { ::, fe80::/10 } counter drop",)
_INPUT = ("iifname != @outward accept", "ct state established,related accept", "counter drop")


def router(own: Router, externals: tuple[External, ...], networks: tuple[LocalNetwork, ...]) -> Sections:
    namespaces = {external.name: external.namespace for external in externals}
    members = {known.network.number: known.members for known in networks}
    return {
        "namespaces": [{"name": own.namespace, "because": own.path}],
        "links": [
            *(entry for leg in own.legs for entry in _leg_links(own, leg)),
            *(entry for pair in own.pairs for entry in _pair_links(own, pair, namespaces[pair.external])),
        ],
        "addresses": list(_addresses(own, namespaces)),
        "routes": list(_routes(own)),
        "rules": list(_rules(own)),
        "neighbours": [
            *(entry for leg in own.legs for entry in _known(own, leg, members.get(leg.network.number, ()))),
            *(entry for pair in own.pairs for entry in _neighbours(own, pair, namespaces[pair.external])),
        ],
        "sysctls": sysctls(own.namespace, _SYSCTLS, own.path),
        "nft_tables": [_nat(own), _filter(own), *_filter_ipv6(own)] if own.pairs else [],
    }


def _leg_links(own: Router, leg: Leg) -> list[Entry]:
    common = {"label": f"{own.name} {leg.network.name}", "mtu": leg.network.mtu, "because": leg.path}
    return veth(
        {"namespace": own.namespace, "name": leg.device, "mac": leg.mac, **common}, {"name": leg.port, **common}
    )


def _pair_links(own: Router, pair: Pair, namespace: str) -> list[Entry]:
    common = {"label": f"{own.name} {pair.external}", "mtu": pair.mtu, "because": pair.path}
    rfp = {"namespace": own.namespace, "name": pair.rfp, "mac": pair.rfp_mac, **common}
    return veth(rfp, {"namespace": namespace, "name": pair.fpr, "mac": pair.fpr_mac, **common})


def _addresses(own: Router, namespaces: dict[str, str]) -> Iterator[Entry]:
    for leg in own.legs:
        for interface in leg.interfaces:
            yield usable_at_once(own.namespace, leg.device, interface, leg.path)
    for pair in own.pairs:
        yield usable_at_once(own.namespace, pair.rfp, f"{pair.rfp_address}/31", pair.path)
        yield usable_at_once(namespaces[pair.external], pair.fpr, f"{pair.fpr_address}/31", pair.path)


def _routes(own: Router) -> Iterator[Entry]:
    for route in own.routes:
        yield {"namespace": own.namespace, "destination": str(route.to), "via": str(route.via), "because": route.path}
    for pair in own.pairs:
        way = {"destination": "0.0.0.0/0", "table": pair.table, "via": str(pair.fpr_address), "dev": pair.rfp}
        yield {"namespace": own.namespace, **way, "because": pair.path}
    if own.pairs and own.routed_subnets:
        first = own.pairs[0]
        way = {"destination": "::/0", "via": link_local(first.fpr_mac), "dev": first.rfp}
        yield {"namespace": own.namespace, **way, "because": first.path}
    for redirect in own.redirects:
        way = {"destination": "0.0.0.0/0", "table": redirect.table, "via": str(redirect.via), "dev": redirect.leg}
        yield {"namespace": own.namespace, **way, "because": redirect.path}


def _rules(own: Router) -> Iterator[Entry]:
    tables = {pair.external: pair.table for pair in own.pairs}
    for floating in own.floating_ips:
        yield {
            "namespace": own.namespace,
            "priority": FLOATING_PRIORITY,
            "source": f"{floating.fixed}/32",
            "table": tables[floating.external],
            "because": floating.path,
        }
    for redirect in own.redirects:
        yield {
            "namespace": own.namespace,
            "priority": REDIRECT_PRIORITY,
            "source": str(redirect.subnet),
            "table": redirect.table,
            "because": redirect.path,
        }
        # What is behind a static route goes the way of the neighbour that leads there.
        for route in own.routes:
            if route.via in redirect.subnet:
                yield {
                    "namespace": own.namespace,
                    "priority": REDIRECT_PRIORITY,
                    "source": str(route.to),
                    "table": redirect.table,
                    "because": route.path,
                }


def _known(own: Router, leg: Leg, members: tuple[Member, ...]) -> Iterator[Entry]:
    """The IPv6 addresses in a network. Whom a router asks on another host would answer to the router of that host."""
    for member in members:
        if member.address.version == 6 and member.mac != leg.mac:
            known = {"link": leg.device, "address": str(member.address), "mac": member.mac}
            yield {"namespace": own.namespace, **known, "because": member.path}


def _neighbours(own: Router, pair: Pair, namespace: str) -> Iterator[Entry]:
    """Both ends know each other from the start."""
    ends = (
        (own.namespace, pair.rfp, pair.fpr_address, pair.fpr_mac),
        (namespace, pair.fpr, pair.rfp_address, pair.rfp_mac),
    )
    for place, link, ipv4, mac in ends:
        for known in (str(ipv4), link_local(mac)):
            yield {"namespace": place, "link": link, "address": known, "mac": mac, "because": pair.path}


def _nat(own: Router) -> Entry:
    by_external: dict[str, list[FloatingIp]] = {pair.external: [] for pair in own.pairs}
    for floating in own.floating_ips:
        by_external[floating.external].append(floating)
    sets: list[Entry] = []
    incoming: list[str] = []
    outgoing: list[str] = []
    for position, pair in enumerate(own.pairs):
        suffix = f"_{position + 1}" if position else ""
        floating_ips = by_external[pair.external]
        into = [f"{floating.address} : {floating.fixed}" for floating in floating_ips]
        out_of = [f"{floating.fixed} : {floating.address}" for floating in floating_ips]
        sets.append(_map(f"floating_in{suffix}", into))
        sets.append(_map(f"floating_out{suffix}", out_of))
        incoming.append(f'iifname "{pair.rfp}" dnat to ip daddr map @floating_in{suffix}')
        outgoing.append(f'oifname "{pair.rfp}" snat to ip saddr map @floating_out{suffix}')
    chains = [
        {"name": "prerouting", "type": "nat", "hook": "prerouting", "priority": -100, "rules": incoming},
        {"name": "postrouting", "type": "nat", "hook": "postrouting", "priority": 100, "rules": outgoing},
    ]
    return {
        "namespace": own.namespace,
        "family": "ip",
        "name": "nat",
        "sets": sets,
        "chains": chains,
        "because": own.path,
    }


def _map(name: str, elements: list[str]) -> Entry:
    return {"name": name, "type": "ipv4_addr : ipv4_addr", "elements": elements, "forget": True}


def _filter(own: Router) -> Entry:
    """From the external network only what is for a floating IP, or an answer; to it nothing untranslated."""
    chains = [
        {"name": "forward", "type": "filter", "hook": "forward", "priority": 0, "rules": list(_FORWARD)},
        {"name": "input", "type": "filter", "hook": "input", "priority": 0, "rules": list(_INPUT)},
        # After addresses have been translated.
        {"name": "postrouting", "type": "filter", "hook": "postrouting", "priority": 150, "rules": list(_POSTROUTING)},
    ]
    return {
        "namespace": own.namespace,
        "family": "ip",
        "name": "filter",
        "sets": [_outward(own)],
        "chains": chains,
        "because": own.path,
    }


def _filter_ipv6(own: Router) -> Iterator[Entry]:
    """To and from the external network only what has an address that is routed there."""
    if not any(subnet.family == 6 for leg in own.legs for subnet in leg.network.subnets):
        return
    subnets = [str(subnet) for subnet in own.routed_subnets]
    chains = [
        {"name": "forward", "type": "filter", "hook": "forward", "priority": 0, "rules": list(_FORWARD_IPV6)},
        {
            "name": "postrouting",
            "type": "filter",
            "hook": "postrouting",
            "priority": 0,
            "rules": list(_POSTROUTING_IPV6),
        },
    ]
    yield {
        "namespace": own.namespace,
        "family": "ip6",
        "name": "filter",
        "sets": [_outward(own), {"name": "routed", "type": "ipv6_addr", "flags": ["interval"], "elements": subnets}],
        "chains": chains,
        "because": own.path,
    }


def _outward(own: Router) -> Entry:
    return {"name": "outward", "type": "ifname", "elements": sorted(f'"{pair.rfp}"' for pair in own.pairs)}
