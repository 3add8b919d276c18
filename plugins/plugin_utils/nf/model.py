# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the intent for NF nodes says once it has been read: names resolved, defaults and numbers filled in.

:class:`HostView` is everything that concerns one host, and all that its document and its daemons' settings are made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Tap, Veth

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

FAMILIES = (4, 6)


@dataclass(frozen=True)
class Vlan:
    """A VLAN of the fabric. Without subnets nobody has addresses in it."""

    name: str
    path: str
    id: int
    subnets: tuple[IPNetwork, ...]
    mtu: int


@dataclass(frozen=True)
class Host:
    """A host with all VLANs on its device ``uplink``. ``datapath`` is that of Open vSwitch, where it is the backend."""

    name: str
    path: str
    backend: str
    datapath: str
    uplink: str


@dataclass(frozen=True)
class Leg:
    """An NF's port in a VLAN: ``interface`` inside, ``device`` on the host, addresses with the length of their prefix.

    gateways: where its default routes lead.
    """

    vlan: Vlan
    interface: str
    device: str
    mac: str
    addresses: tuple[str, ...]
    gateways: tuple[IPAddress, ...]


@dataclass(frozen=True)
class NetworkFunction:
    """A user plane or a control plane.

    addresses: those in the VLAN of the gateways, at most one of each family. runs_bird: whether its BIRD is ours.
    """

    name: str
    path: str
    host: str
    port: Tap | Veth
    legs: tuple[Leg, ...]
    addresses: tuple[IPAddress, ...]
    runs_bird: bool

    def address(self, family: int) -> IPAddress | None:
        return of_family(self.addresses, family)

    @property
    def routed_leg(self) -> Leg:
        """The leg in the VLAN of the gateways."""
        return next(leg for leg in self.legs if str(self.addresses[0]) in {a.split("/")[0] for a in leg.addresses})


@dataclass(frozen=True)
class UserPlane(NetworkFunction):
    """weight: its share of the pools that are nobody's by their place."""

    weight: int


@dataclass(frozen=True)
class ControlPlane(NetworkFunction):
    asn: int


Function = UserPlane | ControlPlane


@dataclass(frozen=True)
class Gateway:
    """A host of the gateway pair, and its own addresses in the VLAN, at most one of each family."""

    host: Host
    addresses: tuple[IPAddress, ...]

    def address(self, family: int) -> IPAddress | None:
        return of_family(self.addresses, family)


@dataclass(frozen=True)
class Gateways:
    """shared: the addresses that the one has which VRRP chooses. hosts: in the order of preference."""

    path: str
    asn: int
    vlan: Vlan
    shared: tuple[IPAddress, ...]
    router_id: int
    hosts: tuple[Gateway, ...]


@dataclass(frozen=True)
class NextHop:
    """A virtual next hop of BGP, and the addresses that it leads to where somebody answers at them."""

    name: str
    path: str
    addresses: tuple[IPAddress, ...]
    members: tuple[IPAddress, ...]
    min_live: int

    def address(self, family: int) -> IPAddress | None:
        return of_family(self.addresses, family)

    def members_of(self, family: int) -> tuple[IPAddress, ...]:
        return tuple(member for member in self.members if member.version == family)


@dataclass(frozen=True)
class PoolRange:
    """Pools of one length at the beginning of a prefix. ``pins`` are names of user planes by pool."""

    name: str
    path: str
    prefix: IPNetwork
    length: int
    count: int
    next_hop: NextHop
    pins: Mapping[IPNetwork, str]

    @property
    def family(self) -> int:
        return int(self.prefix.version)


@dataclass(frozen=True)
class Pool:
    """A pool and the user plane whose it is."""

    prefix: IPNetwork
    range: str
    user_plane: str
    next_hop: IPAddress


@dataclass(frozen=True)
class Drained:
    """Who is taken out of service. names: as they were said; functions: those NFs, and all that are on those hosts."""

    names: tuple[str, ...] = ()
    functions: frozenset[str] = frozenset()
    gateways: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Bfd:
    """interval: milliseconds between two packets. multiplier: how many may be missing."""

    interval: int
    multiplier: int
    password: str | None


@dataclass(frozen=True)
class Bgp:
    """tcp_ao: whether the password is a key of TCP-AO (RFC 5925) and not one of TCP MD5."""

    hold_time: int
    password: str | None
    gtsm: bool
    tcp_ao: bool


@dataclass(frozen=True)
class HostView:
    """functions: those on this host. gateway: the host itself, where it is one of the pair.

    ranges, pools, members and control planes are the fleet's, where this host has to do with them.
    withdrawn: the addresses of user planes that are drained. leaving: control planes that are about to be.
    """

    host: Host
    vlans: tuple[Vlan, ...]
    functions: tuple[Function, ...]
    gateways: Gateways | None
    gateway: Gateway | None
    next_hops: tuple[NextHop, ...]
    ranges: tuple[PoolRange, ...]
    pools: tuple[Pool, ...]
    control_planes: tuple[ControlPlane, ...]
    bfd: Bfd
    bgp: Bgp
    drained: Drained = Drained()
    withdrawn: frozenset[IPAddress] = frozenset()
    leaving: frozenset[str] = frozenset()


def of_family(addresses: tuple[IPAddress, ...], family: int) -> IPAddress | None:
    return next((address for address in addresses if address.version == family), None)
