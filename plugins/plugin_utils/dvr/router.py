# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router of ``fabric_routers``: its legs, its ways out, its routes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.external import DeclaredExternal
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.leg import DeclaredLeg, leg_section, parse_leg
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Network, Pair, Redirect, StaticRoute
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import Settings, known
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import listed, overlapping
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import parse_namespace
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork


@dataclass(frozen=True)
class Surroundings:
    """What a router is parsed with: the names of networks and externals, and how to get one of them parsed."""

    settings: Settings
    networks: Collection[str]
    externals: Collection[str]
    network: Callable[[str], Network | None]
    external: Callable[[str], DeclaredExternal | None]


@dataclass(frozen=True)
class Outside:
    """The address that a router's instances without a floating IP are seen with, and where."""

    address: IPAddress
    subnet: IPNetwork
    gateway: IPAddress
    external: str


@dataclass(frozen=True)
class DeclaredRouter:
    """externals: in their order, the first has IPv6. pairs: the first address of each that is pinned or derived."""

    name: str
    path: str
    namespace: str
    snat_namespace: str
    legs: tuple[DeclaredLeg, ...]
    externals: tuple[DeclaredExternal, ...]
    pairs: tuple[int, ...]
    snat: Outside | None
    routes: tuple[StaticRoute, ...]
    sync: bool

    @property
    def way_out(self) -> DeclaredExternal | None:
        """The external network that its SNAT is in."""
        return next((one for one in self.externals if self.snat and one.name == self.snat.external), None)

    def leg_in(self, network: str) -> DeclaredLeg | None:
        return next((leg for leg in self.legs if leg.network == network), None)

    def redirects(self) -> tuple[Redirect, ...]:
        """For each subnet with a central leg; the table is the number that the router's own address there is."""
        found = []
        for leg in self.legs:
            own = {subnet: ip for ip, subnet in leg.addresses}
            found += [Redirect(subnet, ip, leg.device, int(own[subnet]), leg.path) for ip, subnet in leg.central]
        return tuple(found)

    def pair_links(self) -> tuple[Pair, ...]:
        return tuple(self._pair_link(position) for position in range(len(self.externals)))

    def _pair_link(self, position: int) -> Pair:
        external = self.externals[position]
        words = self.name if position == 0 else f"{self.name}-{external.name}"
        return Pair(
            external=external.name,
            rfp=names.device_name(words, "rfp-"),
            fpr=names.device_name(words, "fpr-"),
            rfp_mac=names.derived_mac("rfp", self.name, external.name),
            fpr_mac=names.derived_mac("fpr", self.name, external.name),
            rfp_address=addresses.ipv4(self.pairs[position]),
            fpr_address=addresses.ipv4(self.pairs[position] + 1),
            mtu=external.network.mtu,
            table=numbers.FIRST_TABLE + position,
            path=f"{self.path}.external",
        )


def parse_router(section: Section, name: str, around: Surroundings) -> DeclaredRouter | None:
    externals = _externals(section, around)
    snat = _outside(section, externals, around.settings)
    legs = _legs(section, name, around, "snat" in section)
    namespace = section.get("namespace", parse_namespace, names.namespace_name(name, "router-"))
    snat_namespace = section.get("snat_namespace", parse_namespace, names.namespace_name(name, "snat-"))
    pairs = _pairs(section, name, externals, around.settings)
    routes = _routes(section, legs)
    sync = section.get("conntrack_sync", values.boolean, False)
    section.close()
    if not legs and section.are_sound("networks"):
        section.fault("networks", "is missing; list the networks that it connects")
    if "snat" not in section:
        section.meaningless(("conntrack_sync", "snat_namespace"), "has no meaning without snat; leave it out")
    elif sync and around.settings.snat_named < 2:
        section.fault("conntrack_sync", "needs a second SNAT host; add one to fabric_snat_hosts, or leave it out")
    if section.are_sound("networks", "external"):
        _check_overlaps(section, legs, externals)
    if not section.sound:
        return None
    return DeclaredRouter(
        name=name,
        path=section.path,
        namespace=namespace,
        snat_namespace=snat_namespace,
        legs=legs,
        externals=externals,
        pairs=pairs,
        snat=snat,
        routes=routes,
        sync=sync,
    )


def network_names(raw: Any) -> list[str]:
    """The networks that a router's entry names, without looking whether it is right."""
    entries = raw if isinstance(raw, (list, tuple)) else ()
    found = (entry.get("network") if isinstance(entry, Mapping) else entry for entry in entries)
    return [name for name in found if isinstance(name, str)]


def _legs(section: Section, router: str, around: Surroundings, snat: bool) -> tuple[DeclaredLeg, ...]:
    raw = section.raw("networks")
    path = f"{section.path}.networks"
    if not isinstance(raw, (list, tuple)):
        if raw is not None:
            section.fault("networks", f"{raw!r} is not a list; list the networks that it connects")
        return ()
    found: dict[str, DeclaredLeg] = {}
    for number, entry in enumerate(raw):
        own = leg_section(f"{path}[{number}]", entry, section)
        name = own.required("network", names.object_name, None, "name the network") if own.sound else None
        network = None
        if name is not None and known(own, "network", name, around.networks, "fabric_networks"):
            network = around.network(name)
        leg = None if name is None or network is None else parse_leg(own, router, name, network, snat)
        if leg is None:
            section.spoil("networks")
        elif leg.network in found:
            section.fault("networks", f"{name} is named twice; name it once")
        else:
            found[leg.network] = leg
    return tuple(leg for _name, leg in sorted(found.items()))


def _externals(section: Section, around: Surroundings) -> tuple[DeclaredExternal, ...]:
    raw = section.raw("external")
    if isinstance(raw, (list, tuple)):
        wanted = section.listed("external", names.object_name)
    else:
        one = section.get("external", names.object_name, None)
        wanted = () if one is None else (one,)
    found = []
    for name in wanted:
        external = None
        if known(section, "external", name, around.externals, "fabric_external_networks"):
            external = around.external(name)
        if external is None:
            section.spoil("external")
        else:
            found.append(external)
    return tuple(found)


def _outside(section: Section, externals: Iterable[DeclaredExternal], settings: Settings) -> Outside | None:
    address = section.get("snat", addresses.ip, None)
    if address is None or not section.are_sound("external"):
        return None
    if not settings.snat_named:
        section.fault("snat", f"{address} is on no host; name one in fabric_snat_hosts, or leave it out")
    if address.version == 6:
        section.fault("snat", f"{address} is IPv6, which is routed without translation; choose an IPv4 address")
        return None
    for external in externals:
        for subnet in external.network.subnets:
            if address in subnet.network:
                return _way_out(section, address, subnet.network, subnet.gateway, external)
    there = listed(subnet.network for external in externals for subnet in external.network.subnets)
    section.fault("snat", f"{address} is in no external network of the router ({there}); choose an address of those")
    return None


def _way_out(
    section: Section, address: IPAddress, subnet: IPNetwork, gateway: IPAddress | None, external: DeclaredExternal
) -> Outside | None:
    try:
        addresses.refuse_reserved(address, subnet)
    except ValueError as error:
        section.fault("snat", str(error))
    if gateway is None:
        section.fault("snat", f"{address} has no way out; name the gateway of {subnet} in {external.path}.gateways")
        return None
    return Outside(address, subnet, gateway, external.name)


def _pairs(
    section: Section, router: str, externals: tuple[DeclaredExternal, ...], settings: Settings
) -> tuple[int, ...]:
    """The first address of the pair with each external network: pinned, or derived from the names."""
    raw = section.raw("link_local")
    if raw is not None and not externals:
        if section.are_sound("external"):
            section.fault("link_local", "has no meaning without external; leave it out")
        return ()
    pins: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {}
    if raw is not None and not isinstance(raw, Mapping):
        pins = {externals[0].name: raw}
    for name in pins:
        known(section, "link_local", name, [external.name for external in externals], f"{section.path}.external")
    return tuple(_pair(section, router, external.name, pins.get(external.name), settings) for external in externals)


def _pair(section: Section, router: str, external: str, pin: Any, settings: Settings) -> int:
    if pin is None:
        return numbers.pair(settings.pool, router, external)
    try:
        return pair_address(pin)
    except ValueError as error:
        section.fault("link_local", str(error))
        return 0


def pair_address(value: Any) -> int:
    """The number of the first address of a pair."""
    address = addresses.ip(value)
    first = int(address)
    if address.version != 4 or first >> 16 != numbers.LINK_LOCAL >> 16:
        raise ValueError(f"{address} is outside of 169.254.0.0/16; choose the first address of a /31 there")
    if first % 2:
        raise ValueError(f"{address} is odd; choose the first address of the /31, {address - 1}")
    if numbers.is_reserved(first):
        raise ValueError(f"{address} is used otherwise (169.254.169.254 and 169.254.192.0/18); choose another address")
    return first


def _routes(section: Section, legs: tuple[DeclaredLeg, ...]) -> tuple[StaticRoute, ...]:
    raw = section.raw("routes")
    if raw is None:
        return ()
    if not isinstance(raw, (list, tuple)):
        section.fault("routes", f"{raw!r} is not a list; write [{{to: 10.9.0.0/16, via: 172.16.18.50}}]")
        return ()
    found: dict[IPNetwork, StaticRoute] = {}
    for number, entry in enumerate(raw):
        own = Section(f"{section.path}.routes[{number}]", entry, section.faults)
        route = _route(own, f"{section.path}.routes[{number}]", legs, check=section.are_sound("networks"))
        if route is None:
            section.spoil("routes")
        elif route.to in found:
            own.fault("to", f"{route.to} is named twice; name it once")
            section.spoil("routes")
        else:
            found[route.to] = route
    return tuple(route for _to, route in sorted(found.items()))


def _route(section: Section, path: str, legs: tuple[DeclaredLeg, ...], check: bool) -> StaticRoute | None:
    to = section.required("to", addresses.prefix, None, "name the subnet behind via")
    via = section.required("via", addresses.ip, None, "name a neighbour in a network of the router")
    section.close()
    if to is None or via is None or not section.sound:
        return None
    if to.prefixlen == 0:
        section.fault("to", f"{to} is a default route; the router's is that of its external network")
    elif to.version != via.version:
        section.fault("via", f"{via} is of another family than {to}; choose an IPv{to.version} address")
    elif check:
        _check_next_hop(section, to, via, legs)
    return StaticRoute(to, via, path) if section.sound else None


def _check_next_hop(section: Section, to: IPNetwork, via: IPAddress, legs: tuple[DeclaredLeg, ...]) -> None:
    own = [placed for leg in legs for placed in leg.addresses]
    holding = addresses.holding(via, [subnet for _ip, subnet in own])
    if holding is None:
        there = listed(subnet for _ip, subnet in own)
        section.fault("via", f"{via} is in no network of the router ({there}); name a neighbour")
    elif any(via == ip for ip, _subnet in own):
        section.fault("via", f"{via} is the router itself; name a neighbour")
    inside = next((subnet for _ip, subnet in own if to in subnet or subnet in to), None)
    if inside is not None and (to == inside or to not in inside):
        section.fault("to", f"{to} covers {inside}, which the router is connected with; leave that out of the route")


def _check_overlaps(section: Section, legs: tuple[DeclaredLeg, ...], externals: tuple[DeclaredExternal, ...]) -> None:
    """A router cannot know where an address is that two of its networks have."""
    inside = [(subnet, f"fabric_networks.{leg.network}") for leg in legs for _ip, subnet in leg.addresses]
    outside = [(subnet.network, external.path) for external in externals for subnet in external.network.subnets]
    for (one, path), (other, other_path) in overlapping([*inside, *outside]):
        text = f"{one} of {path} overlaps with {other} of {other_path}; choose another subnet for one of them"
        section.fault("networks" if (one, path) in inside and (other, other_path) in inside else "external", text)
