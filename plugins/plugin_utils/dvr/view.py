# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What concerns one host, put together from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import single
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.catalogue import HOSTS, Catalogue
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.external import DeclaredExternal, on_host
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.floating_ip import DeclaredFloatingIp, placed
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.instance import DeclaredInstance
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import (
    CentralLeg,
    Host,
    HostView,
    Instance,
    LocalNetwork,
    Provider,
    Router,
    Rule,
    Snat,
    Station,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.router import DeclaredRouter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.security_group import DeclaredRule, resolved
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.segment import Segment, gateway_router
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import derived_mac, device_name
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

# What a port receives, and what it sends.
Guards = tuple[tuple[Rule, ...], "tuple[Rule, ...] | None"]


@dataclass(frozen=True)
class Surveyed:
    """A host's view, and the routers that it was made of: those on the host, and those whose SNAT is."""

    view: HostView
    routers: tuple[DeclaredRouter, ...]
    central: tuple[DeclaredRouter, ...]


@dataclass(frozen=True)
class _Behind:
    """What a router translates for instances of this host, and what it only routes."""

    translated: list[DeclaredFloatingIp]
    routed: list[tuple[IPAddress, str]]


def survey(catalogue: Catalogue, host: str, faults: Faults) -> Surveyed | None:
    """The host's view, or None when something is wrong with the host itself.

    What is wrong with anything on it is added to the faults, and left out of the view.
    """
    own = catalogue.host(host, faults)
    return None if own is None else _Survey(catalogue, own, faults).made()


class _Survey:
    """One host, looked at once."""

    def __init__(self, catalogue: Catalogue, host: Host, faults: Faults) -> None:
        self.catalogue = catalogue
        self.host = host
        self.faults = faults
        self.does_snat = host.name in catalogue.settings.snat_hosts
        self.rules: dict[tuple[tuple[str, ...], frozenset[str], frozenset[int]], Guards] = {}
        self.members_of: dict[tuple[str, frozenset[str]], tuple[IPNetwork, ...]] = {}

    def made(self) -> Surveyed:
        networks = tuple(self._local(segment) for segment in self.segments.values())
        providers = self._providers()
        # The tunnel's address goes along when its device becomes a port.
        legs = {provider.device: provider.host_leg for provider in providers if provider.device is not None}
        tunnel_device = legs.get(self.host.tunnel_device or "", self.host.tunnel_device)
        view = HostView(
            host=replace(self.host, providers=providers, tunnel_device=tunnel_device),
            networks=networks,
            externals=tuple(on_host(external, self.host.name, self.faults) for external in self._externals),
            routers=tuple(self._router(router) for router in self.routers),
            instances=tuple(self._instance(instance) for instance in self.instances),
            snats=tuple(snat for router in self.central if (snat := self._snat(router)) is not None),
            gated=self.does_snat and len(self.catalogue.settings.snat_hosts) > 1,
            snat_hosts=self._snat_hosts() if self.does_snat else (),
        )
        self._check_translated()
        return Surveyed(view, self.routers, self.central)

    @cached_property
    def instances(self) -> tuple[DeclaredInstance, ...]:
        names = sorted(self.catalogue.on_host.get(self.host.name, ()))
        found = (self.catalogue.instance(name, self.faults) for name in names)
        return tuple(instance for instance in found if instance is not None)

    @cached_property
    def routers(self) -> tuple[DeclaredRouter, ...]:
        """Those of the instances' networks, and of all that are connected with them."""
        names = {name for one in self.instances for name in self.catalogue.connected(one.network)[1]}
        return self._routers(names)

    @cached_property
    def central(self) -> tuple[DeclaredRouter, ...]:
        """Those whose SNAT is on this host."""
        return self._routers(self.catalogue.snat_routers()) if self.does_snat else ()

    @cached_property
    def segments(self) -> dict[str, Segment]:
        names = {name for one in self.instances for name in self.catalogue.connected(one.network)[0]}
        names.update(leg.network for router in self.central for leg in router.legs)
        found = {name: self.catalogue.segment(name, self.faults) for name in sorted(names)}
        return {name: segment for name, segment in found.items() if segment is not None}

    @cached_property
    def _externals(self) -> list[DeclaredExternal]:
        found = {external.name: external for router in self.routers for external in router.externals}
        return [external for _name, external in sorted(found.items())]

    def _routers(self, names: Iterable[str]) -> tuple[DeclaredRouter, ...]:
        found = (self.catalogue.router(name, self.faults) for name in sorted(names))
        return tuple(router for router in found if router is not None)

    def _providers(self) -> tuple[Provider, ...]:
        """Those that something on the host is on; each needs a device here."""
        users = {segment.network.provider: segment.network.path for segment in self.segments.values()}
        users |= {one.network.provider: one.path for one in self._externals}
        users |= {one.network.provider: one.path for router in self.central if (one := router.way_out) is not None}
        found = []
        for name, user in sorted((name, user) for name, user in users.items() if name is not None):
            provider = self.catalogue.provider(name, self.faults, self.host.name)
            if provider is None:
                continue
            if provider.device is None:
                text = f"is missing on {self.host.name}, which has {user}; name the device that leads there"
                self.faults.add(f"{provider.path}.device", text)
            found.append(provider)
        return tuple(found)

    def _local(self, segment: Segment) -> LocalNetwork:
        if segment.network.vni is None:
            return LocalNetwork(segment.network, segment.members, (), ())
        here = self.host.name
        remote = [one for one in segment.instances if one.host != here]
        hosts = {one.host for one in remote}
        if segment.central:
            hosts.update(name for name in self.catalogue.settings.snat_hosts if name != here)
        tunnels = {name: self._tunnel(name, segment) for name in sorted(hosts)}
        if hosts:
            self._tunnel(here, segment)
        stations = [Station(one.mac, tunnel, one.path) for one in remote if (tunnel := tunnels[one.host]) is not None]
        flood = sorted(tunnel for tunnel in tunnels.values() if tunnel is not None)
        stations.sort(key=lambda station: station.mac)
        return LocalNetwork(segment.network, segment.members, tuple(stations), tuple(flood))

    def _tunnel(self, name: str, segment: Segment) -> IPAddress | None:
        host = self.catalogue.host(name, self.faults) if name in self.catalogue.hosts else None
        if host is not None and host.tunnel is None:
            text = f"is missing; {segment.network.path} is on other hosts, too: name the host's address for VXLAN"
            self.faults.add(f"{HOSTS}.{name}.tunnel", text)
        return None if host is None else host.tunnel

    def _router(self, router: DeclaredRouter) -> Router:
        legs = tuple(leg.leg(self.segments[leg.network].network) for leg in router.legs if leg.network in self.segments)
        floating = [placed(declared, router, self.faults) for declared in self._behind[router.name].translated]
        return Router(
            name=router.name,
            path=router.path,
            namespace=router.namespace,
            legs=legs,
            pairs=router.pair_links(),
            redirects=router.redirects(),
            routes=router.routes,
            floating_ips=tuple(sorted((one for one in floating if one is not None), key=lambda one: one.address)),
            routed=tuple(sorted(self._behind[router.name].routed)),
            routed_subnets=tuple(sorted(self._routed_subnets(router))),
        )

    def _routed_subnets(self, router: DeclaredRouter) -> Iterator[IPNetwork]:
        """Those whose addresses outside reaches by this router, whether this host has one of them or not."""
        for leg in router.legs:
            for _ip, subnet in leg.addresses:
                gateway = self._gateway_router(leg.network, subnet.ip)
                if gateway is not None and gateway.name == router.name and _is_routed(subnet.ip, router):
                    yield subnet

    @cached_property
    def _behind(self) -> dict[str, _Behind]:
        """What outside reaches by each router: that which is the gateway of the instance's subnet."""
        found = {router.name: _Behind([], []) for router in self.routers}
        for instance in self.instances:
            for ip in instance.addresses:
                router = self._gateway_router(instance.network, ip)
                if router is None or router.name not in found:
                    continue
                if instance.floating_ip is not None and instance.floating_ip.fixed == ip:
                    found[router.name].translated.append(instance.floating_ip)
                if _is_routed(ip, router):
                    found[router.name].routed.append((ip, instance.path))
        return found

    def _gateway_router(self, network: str, ip: IPAddress) -> DeclaredRouter | None:
        segment = self.segments.get(network)
        if segment is None:
            return None
        return gateway_router(segment.network, self._routers(self.catalogue.routers_of.get(network, ())), ip)

    def _check_translated(self) -> None:
        """A floating IP without a router. One that something is wrong with may be its router, though."""
        for instance in self.instances:
            declared = instance.floating_ip
            if declared is None or self._gateway_router(instance.network, declared.fixed) is not None:
                continue
            names = self.catalogue.routers_of.get(instance.network, ())
            if all(self.catalogue.router(name, self.faults) for name in names):
                network = f"fabric_networks.{instance.network}"
                text = f"{declared.address} needs a router that is the gateway of {network}; add the network to one"
                self.faults.add(declared.path, text)

    def _instance(self, declared: DeclaredInstance) -> Instance:
        network = self.segments[declared.network].network
        families = frozenset(
            [*(subnet.family for subnet in network.subnets), *(own.version for own in declared.allowed)]
        )
        guards = (declared.groups, self.catalogue.connected(declared.network)[0], families)
        if guards not in self.rules:
            self.rules[guards] = self._rules(*guards)
        return declared.on(network, *self.rules[guards])

    def _rules(self, names: tuple[str, ...], networks: frozenset[str], families: frozenset[int]) -> Guards:
        """What these groups let in and out, the latter None for everything."""
        groups = [group for name in names if (group := self.catalogue.group(name, self.faults)) is not None]

        def of(declared: Iterable[DeclaredRule]) -> tuple[Rule, ...]:
            return resolved(declared, families, lambda group: self._members_of(group, networks))

        ingress = of(rule for group in groups for rule in group.ingress)
        if not groups or any(group.egress is None for group in groups):
            return ingress, None
        return ingress, of(rule for group in groups for rule in group.egress or ())

    def _members_of(self, group: str, networks: frozenset[str]) -> tuple[IPNetwork, ...]:
        """The addresses of a group's instances, as far as routers lead from these networks."""
        if (group, networks) not in self.members_of:
            found = [
                ip
                for name in networks
                if name in self.segments
                for instance in self.segments[name].instances
                if group in instance.groups
                for ip in instance.addresses
            ]
            self.members_of[group, networks] = tuple(single(ip) for ip in sorted(found))
        return self.members_of[group, networks]

    def _snat(self, router: DeclaredRouter) -> Snat | None:
        snat = router.snat
        external = router.way_out
        if snat is None or external is None:
            return None
        outside = CentralLeg(
            network=external.network,
            device=device_name(external.name, "qg-"),
            port=device_name(router.name, "vqg-"),
            mac=derived_mac("qg", router.name),
            interfaces=(f"{snat.address}/{snat.subnet.prefixlen}",),
            path=f"{router.path}.snat",
        )
        inside = [leg for leg in router.legs if leg.central and leg.network in self.segments]
        return Snat(
            router=router.name,
            path=f"{router.path}.snat",
            namespace=router.snat_namespace,
            inside=tuple(leg.central_leg(self.segments[leg.network].network) for leg in inside),
            outside=outside,
            address=snat.address,
            gateway=snat.gateway,
            routes=tuple(route for route in router.routes if route.to.version == 4),
            sync=router.sync,
        )

    def _snat_hosts(self) -> tuple[Host, ...]:
        found = (self.catalogue.host(name, self.faults) for name in self.catalogue.settings.snat_hosts)
        return tuple(host for host in found if host is not None)


def _is_routed(ip: IPAddress, router: DeclaredRouter) -> bool:
    """IPv6 addresses are reached from outside as they are, but for those that mean something inside only."""
    if ip.version == 4 or not router.externals:
        return False
    outside = [subnet.network for subnet in router.externals[0].network.subnets if subnet.family == 6]
    return any(subnet.ip.is_ipv6_unique_local() or not ip.is_ipv6_unique_local() for subnet in outside)
