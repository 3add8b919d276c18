# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intent of a whole fleet for NF nodes and their gateways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf import clashes
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.catalogue import (
    GATEWAYS,
    HOSTS,
    USER_PLANES,
    Catalogue,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.drained import check_drained
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    ControlPlane,
    Drained,
    Function,
    Gateway,
    Gateways,
    Host,
    HostView,
    NextHop,
    Pool,
    PoolRange,
    UserPlane,
    Vlan,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import planned
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, IntentError, suggestion

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork


class Fleet:
    """What there is, by host.

    :param intent: a map with ``fabric_vlans``, ``fabric_nf_hosts``, ``fabric_user_planes``, ``fabric_gateways``…
    :param leaving: control planes whose routes shall be used last, before they are drained.
    """

    def __init__(self, intent: Any, leaving: Iterable[str] = ()) -> None:
        if not isinstance(intent, Mapping):
            raise IntentError([f"intent: {intent!r} is not a map with fabric_vlans, {HOSTS}, {USER_PLANES}…"])
        self._catalogue = Catalogue(intent)
        self._leaving = frozenset(leaving)

    @property
    def hosts(self) -> list[str]:
        """NF nodes and gateways, whether they are right or not."""
        gateways = self._catalogue.gateways(Faults())
        pair = [gateway.host.name for gateway in gateways.hosts] if gateways is not None else []
        return sorted({*self._catalogue.hosts, *pair})

    def view(self, host: str) -> HostView:
        """What concerns this host.

        :raises IntentError: with everything that is wrong with it.
        """
        faults = Faults()
        faults.update(self._catalogue.faults)
        catalogue = self._catalogue
        vlans = self._vlans(faults)
        gateways = catalogue.gateways(faults)
        gateway = _own_gateway(gateways, host)
        node = gateway.host if gateway is not None else catalogue.host(host, faults)
        functions = self._functions(faults, host)
        clashes.check_functions(functions, faults)
        announces = gateway is not None or any(isinstance(one, ControlPlane) for one in functions)
        ranges = self._ranges(faults) if announces else []
        pools = self._pools(ranges, faults)
        next_hops = self._next_hops(faults) if announces else []
        speakers = [one for one in self._functions(faults, None) if isinstance(one, ControlPlane)] if gateway else []
        drained = catalogue.drained(faults)
        planes = self._user_planes(faults) if announces else []
        if faults or node is None:
            raise IntentError(faults)
        return HostView(
            host=node,
            vlans=tuple(vlans),
            functions=tuple(functions),
            gateways=gateways,
            gateway=gateway,
            next_hops=tuple(next_hops),
            ranges=tuple(ranges),
            pools=tuple(pools),
            control_planes=tuple(speakers),
            bfd=catalogue.settings.bfd,
            bgp=catalogue.settings.bgp,
            drained=drained,
            withdrawn=frozenset(ip for one in planes if one.name in drained.functions for ip in one.addresses),
            leaving=self._leaving,
        )

    def everything(self) -> Everything:
        """Of a fleet without faults."""
        faults, catalogue = Faults(), self._catalogue
        gateways = catalogue.gateways(faults)
        drained = catalogue.drained(faults)
        pair = tuple(sorted(one.host.name for one in gateways.hosts)) if gateways is not None else ()
        planes = tuple(self._user_planes(faults))
        functions = self._functions(faults, None)
        ranges = self._ranges(faults)
        pools = tuple(self._pools(ranges, faults))
        whole = [pool for one in ranges for pool in planned(one, planes)] if drained.functions else pools
        return Everything(
            names=(*sorted(catalogue.hosts), *pair, *(one.name for one in functions)),
            pair=gateways,
            user_planes=planes,
            control_planes=tuple(one for one in functions if isinstance(one, ControlPlane)),
            next_hops=tuple(self._next_hops(faults)),
            ranges=tuple(ranges),
            pools=pools,
            homes={pool.prefix: pool.next_hop for pool in whole},
            drained=drained,
        )

    def pools(self) -> tuple[list[PoolRange], list[Pool]]:
        """The plan.

        :raises IntentError: with everything that is wrong with what it is made of.
        """
        faults = Faults()
        faults.update(self._catalogue.faults)
        ranges = self._ranges(faults)
        pools = self._pools(ranges, faults)
        if faults:
            raise IntentError(faults)
        return ranges, pools

    def faults(self, inventory: Iterable[str] = ()) -> list[str]:
        """Everything that is wrong with the fleet's intent; ``inventory`` are the hosts there are, if known."""
        found, known, catalogue = Faults(), set(inventory), self._catalogue
        found.update(catalogue.faults)
        vlans, gateways = self._vlans(found), catalogue.gateways(found)
        parsed = [catalogue.host(name, found) for name in sorted(catalogue.hosts)]
        hosts = [host for host in parsed if host is not None]
        functions = self._functions(found, None)
        next_hops, ranges = self._next_hops(found), self._ranges(found)
        clashes.check_vlans(vlans, found)
        clashes.check_prefixes(vlans, ranges, next_hops, found)
        clashes.check_functions(functions, found)
        clashes.check_uplinks(hosts, gateways, vlans, functions, found)
        clashes.check_addresses(functions, gateways, found)
        clashes.check_bfd(catalogue.settings.bfd, functions, found)
        if gateways is not None:
            clashes.check_gateways(gateways, next_hops, found)
            # Of one with faults of its own it is not known what it has.
            if len(functions) == len(catalogue.user_planes) + len(catalogue.control_planes):
                clashes.check_members(functions, gateways, next_hops, found)
                speakers = [one for one in functions if isinstance(one, ControlPlane)]
                clashes.check_speakers(gateways, speakers, ranges, found)
                check_drained(catalogue.drained(found), functions, gateways, next_hops, ranges, found)
        elif next_hops and not catalogue.has_gateways:
            found.add(GATEWAYS, "is missing; fabric_next_hops are routes of the gateways")
        self._check_hosts(hosts, gateways, functions, known, found)
        return list(found)

    def _check_hosts(
        self,
        hosts: list[Host],
        gateways: Gateways | None,
        functions: list[Function],
        known: set[str],
        faults: Faults,
    ) -> None:
        nodes = self._catalogue.hosts
        for one in functions:
            if one.host not in nodes:
                text = f"there is no {one.host} in {HOSTS}; {suggestion(one.host, nodes)}"
                faults.add(f"{one.path}.host", text)
        pair = [gateway.host for gateway in gateways.hosts] if gateways is not None else []
        for host in pair:
            if host.name in nodes:
                text = f"is already in {HOSTS}; a gateway has no NFs, take it out there"
                faults.add(host.path, text)
        for host in [*hosts, *pair] if known else ():
            if host.name not in known:
                faults.add(host.path, f"{host.name} is not in the inventory; {suggestion(host.name, known)}")

    def _vlans(self, faults: Faults) -> list[Vlan]:
        found = [vlan for vlan in self._catalogue.all_vlans(faults).values() if vlan is not None]
        return sorted(found, key=lambda vlan: (vlan.id, vlan.name))

    def _functions(self, faults: Faults, host: str | None) -> list[Function]:
        """Those on a host, or all; control planes first."""
        catalogue = self._catalogue
        found: list[Function | None] = [
            catalogue.control_plane(name, faults)
            for name, raw in sorted(catalogue.control_planes.items())
            if host is None or raw.get("host") == host
        ]
        found += [
            catalogue.user_plane(name, faults)
            for name, raw in sorted(catalogue.user_planes.items())
            if host is None or raw.get("host") == host
        ]
        return [one for one in found if one is not None]

    def _next_hops(self, faults: Faults) -> list[NextHop]:
        found = [self._catalogue.next_hop(name, faults) for name in sorted(self._catalogue.next_hops)]
        return [hop for hop in found if hop is not None]

    def _ranges(self, faults: Faults) -> list[PoolRange]:
        found = [self._catalogue.pool_range(name, faults) for name in sorted(self._catalogue.ranges)]
        return [one for one in found if one is not None]

    def _pools(self, ranges: list[PoolRange], faults: Faults) -> list[Pool]:
        drained = self._catalogue.drained(faults).functions
        usable = [plane for plane in self._user_planes(faults) if plane.name not in drained] if ranges else []
        return [pool for found in ranges for pool in planned(found, usable)]

    def _user_planes(self, faults: Faults) -> list[UserPlane]:
        found = [self._catalogue.user_plane(name, faults) for name in sorted(self._catalogue.user_planes)]
        return [plane for plane in found if plane is not None]


@dataclass(frozen=True)
class Everything:
    """What a fleet consists of. names: those of all hosts, gateways and network functions.

    homes: where each pool would be if nobody was drained.
    """

    names: tuple[str, ...]
    pair: Gateways | None
    user_planes: tuple[UserPlane, ...]
    control_planes: tuple[ControlPlane, ...]
    next_hops: tuple[NextHop, ...]
    ranges: tuple[PoolRange, ...]
    pools: tuple[Pool, ...]
    homes: Mapping[IPNetwork, IPAddress]
    drained: Drained

    @property
    def gateways(self) -> tuple[str, ...]:
        return tuple(sorted(one.host.name for one in self.pair.hosts)) if self.pair is not None else ()

    @property
    def drained_planes(self) -> tuple[UserPlane, ...]:
        return tuple(one for one in self.user_planes if one.name in self.drained.functions)

    @property
    def in_service(self) -> tuple[Function, ...]:
        functions: tuple[Function, ...] = (*self.user_planes, *self.control_planes)
        return tuple(one for one in functions if one.name not in self.drained.functions)


def _own_gateway(gateways: Gateways | None, host: str) -> Gateway | None:
    return next((one for one in gateways.hosts if one.host.name == host), None) if gateways is not None else None
