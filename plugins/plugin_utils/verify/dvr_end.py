# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance with the ways that lead from it and to it, as its host's router knows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import holding
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import (
    HostView,
    Instance,
    Leg,
    Router,
    Veth,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import Probe

if TYPE_CHECKING:
    from netaddr import IPAddress


@dataclass(frozen=True)
class Public:
    """An address by which an external network knows an instance. mtu: the largest packet that gets there."""

    address: IPAddress
    external: str
    mtu: int


@dataclass(frozen=True)
class End:
    """router: the one whose leg is the gateway of the instance's network. public: its floating IPs by the addresses
    they stand for, and those of its addresses that are routed as they are. snat: whom its other addresses are seen as.
    """

    instance: Instance
    host: str
    router: Router | None
    public: dict[IPAddress, Public]
    snat: Public | None

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def leg(self) -> Leg | None:
        """The router's leg in the instance's network."""
        return None if self.router is None else leg_in(self.router, self.instance.network.name)

    @property
    def networks(self) -> frozenset[str]:
        """Those that the instance reaches by its link or its router."""
        legs = () if self.router is None else self.router.legs
        return frozenset([self.instance.network.name, *(leg.network.name for leg in legs)])

    @property
    def sender(self) -> Probe:
        """How frames are sent as the instance."""
        port = self.instance.port
        if isinstance(port, Veth):
            return {"namespace": port.namespace, "interface": port.interface, "mac": self.instance.mac}
        return {"interface": self.instance.device, "as_guest": True, "mac": self.instance.mac}

    def shares_router(self, other: End) -> bool:
        """Whether packets between the two go by the same router in both directions."""
        return self.router is not None and other.router is not None and self.router.name == other.router.name

    def own_address(self, target: IPAddress) -> IPAddress | None:
        """The address for this target: one of the target's subnet, else the first of that family."""
        same_family = [own for own in self.instance.addresses if own.version == target.version]
        subnet = holding(target, [each.network for each in self.instance.network.subnets])
        near = [own for own in same_family if subnet is not None and own in subnet]
        return next(iter([*near, *same_family]), None)

    def is_on_link(self, target: IPAddress) -> bool:
        return holding(target, [subnet.network for subnet in self.instance.network.subnets]) is not None

    def gateway(self, own: IPAddress) -> IPAddress | None:
        """The router's address for what the instance sends from one of its own."""
        if self.router is None:
            return None
        return next((each for each in _gateways(self.instance) if each.version == own.version), None)

    def outward(self, own: IPAddress) -> Public | None:
        """Whom an external network sees when the instance sends from this address; None when nothing gets there."""
        if own in self.public:
            return self.public[own]
        redirects = () if self.router is None else self.router.redirects
        return self.snat if holding(own, [redirect.subnet for redirect in redirects]) is not None else None

    def sent(self, kind: str, target: IPAddress) -> Probe | None:
        """The beginning of a probe to a target: out of a container's namespace, or in the place of a VM at its tap.

        None when the instance has no address, or a VM no gateway, for it.
        """
        own = self.own_address(target)
        if own is None:
            return None
        probe: Probe = {"kind": kind, "address": str(target), "source": str(own)}
        port = self.instance.port
        if isinstance(port, Veth):
            probe["namespace"] = port.namespace
            return {**probe, "interface": port.interface} if kind == "arp" else probe
        probe |= self.sender
        if kind == "arp" or self.is_on_link(target):
            return probe
        gateway = self.gateway(own)
        return None if gateway is None else {**probe, "via": str(gateway)}


def end_of(view: HostView, instance: Instance, snat: dict[str, IPAddress]) -> End:
    """snat: the address of each router that translates centrally, by its name."""
    router = _router(view, instance)
    if router is None:
        return End(instance, view.host.name, None, {}, None)
    address = snat.get(router.name)
    seen = None if address is None else _central(view, address)
    return End(instance, view.host.name, router, _public(router, instance), seen)


def _central(view: HostView, address: IPAddress) -> Public | None:
    """What a router's central address is on the external network that it is in."""
    for external in view.externals:
        if holding(address, [subnet.network for subnet in external.network.subnets]) is not None:
            return Public(address, external.name, external.network.mtu)
    return None


def leg_in(router: Router, network: str) -> Leg | None:
    return next((leg for leg in router.legs if leg.network.name == network), None)


def _router(view: HostView, instance: Instance) -> Router | None:
    """The router whose leg is the instance's gateway; others may have legs in its network, too."""
    gateways = {str(gateway) for gateway in _gateways(instance)}
    for router in view.routers:
        leg = leg_in(router, instance.network.name)
        if leg is not None and gateways.intersection(each.partition("/")[0] for each in leg.interfaces):
            return router
    return None


def _gateways(instance: Instance) -> list[IPAddress]:
    """Those that are said, else those of its network."""
    said = list(instance.gateways)
    families = {gateway.version for gateway in said}
    subnets = [subnet for subnet in instance.network.subnets if subnet.gateway is not None]
    return said + [subnet.gateway for subnet in subnets if subnet.family not in families]


def _public(router: Router, instance: Instance) -> dict[IPAddress, Public]:
    mtus = {pair.external: pair.mtu for pair in router.pairs}
    found = {}
    for floating in router.floating_ips:
        if floating.fixed in instance.addresses:
            found[floating.fixed] = Public(floating.address, floating.external, mtus[floating.external])
    for address, _path in router.routed:
        if address in instance.addresses:
            found[address] = Public(address, router.pairs[0].external, router.pairs[0].mtu)
    return found
