# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's network with everybody in it, on whatever host."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.claims import Claims, Holder
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.instance import DeclaredInstance
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.leg import DeclaredLeg
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Member, Network
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.router import DeclaredRouter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

if TYPE_CHECKING:
    from netaddr import IPAddress


@dataclass(frozen=True)
class Segment:
    """members: every address in the network and who answers for it. central: whether SNAT hosts are in it."""

    network: Network
    instances: tuple[DeclaredInstance, ...]
    members: tuple[Member, ...]
    central: bool


def segment(
    network: Network,
    named_gateways: bool,
    routers: Sequence[DeclaredRouter],
    instances: Iterable[DeclaredInstance],
    faults: Faults,
) -> Segment:
    """``named_gateways``: whether the gateways are the intent's own words, and hold without a router, too.

    ``routers`` are those with a leg in the network.
    """
    legs = [(router, leg) for router in routers if (leg := router.leg_in(network.name)) is not None]
    own = tuple(instances)
    _check(network, legs, own, faults)
    members = [
        *(Member(ip, leg.mac, leg.path) for _router, leg in legs for ip, _subnet in leg.addresses),
        *(Member(ip, leg.central_mac, leg.path) for _router, leg in legs for ip, _subnet in leg.central),
        *(Member(ip, instance.mac, instance.path) for instance in own for ip in instance.addresses),
    ]
    if not legs and not named_gateways:
        network = replace(network, subnets=tuple(replace(subnet, gateway=None) for subnet in network.subnets))
    return Segment(
        network=replace(network, gateway_mac=_gateway_mac(network, [leg for _router, leg in legs])),
        instances=own,
        members=tuple(sorted(members, key=lambda member: member.address)),
        central=any(leg.central for _router, leg in legs),
    )


def gateway_router(network: Network, routers: Iterable[DeclaredRouter], ip: IPAddress) -> DeclaredRouter | None:
    """The router that is the gateway of the subnet that an address is in."""
    gateway = next((subnet.gateway for subnet in network.subnets if ip in subnet.network), None)
    for router in routers:
        leg = router.leg_in(network.name)
        if leg is not None and any(own == gateway for own, _subnet in leg.addresses):
            return router
    return None


def _gateway_mac(network: Network, legs: Sequence[DeclaredLeg]) -> str | None:
    gateways = {subnet.gateway for subnet in network.subnets}
    first = [leg for leg in legs if any(ip in gateways for ip, _subnet in leg.addresses)]
    return next((leg.mac for leg in [*first, *legs]), None)


def _check(
    network: Network,
    legs: Iterable[tuple[DeclaredRouter, DeclaredLeg]],
    instances: Iterable[DeclaredInstance],
    faults: Faults,
) -> None:
    """No address and no MAC address twice."""
    addresses, macs = Claims(faults), Claims(faults)
    for router, leg in legs:
        holder = Holder(router.path, f"router {router.name}'s")
        for ip, _subnet in leg.addresses:
            cure = f"give one of them other addresses in {network.name}"
            addresses.claim(ip, holder, f"{router.path}.networks", str(ip), cure)
        macs.claim(leg.mac, holder, f"{router.path}.networks", leg.mac, "give one of them another mac")
        central = Holder(f"{router.path}.snat", f"the SNAT's of router {router.name}")
        for ip, subnet in leg.central:
            cure = f"set snat_address of {network.name} to a free address of {subnet}"
            addresses.claim(ip, central, f"{router.path}.networks", str(ip), cure)
        if leg.central:
            macs.claim(leg.central_mac, central, f"{router.path}.networks", leg.central_mac, "rename one of them")
    for instance in instances:
        holder = Holder(instance.path, f"{instance.name}'s")
        for ip in instance.addresses:
            cure = "choose another address or move it"
            addresses.claim(ip, holder, f"{instance.path}.addresses", str(ip), cure)
        macs.claim(instance.mac, holder, f"{instance.path}.mac", instance.mac, "give one of them another mac")


def check_next_hops(
    network: Network, routers: Iterable[DeclaredRouter], instances: Iterable[DeclaredInstance], faults: Faults
) -> None:
    """A router finds instances only, and an instance sends on for others only if it may."""
    holders = {ip: instance for instance in instances for ip in instance.addresses}
    for router in routers:
        for route in router.routes:
            if not any(route.via in subnet.network for subnet in network.subnets):
                continue
            holder = holders.get(route.via)
            if holder is None:
                text = f"{route.via} is no instance's address in {network.path}; name one that is"
                faults.add(f"{route.path}.via", text)
            elif holder.port_security and not any(route.to in allowed for allowed in holder.allowed):
                text = f"{route.via} is {holder.name}'s, which may not send from {route.to}"
                faults.add(f"{route.path}.via", f"{text}; add that to {holder.path}.allowed_addresses")
