# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the intent for distributed routing says once it has been read: names resolved, defaults and numbers filled in.

:class:`HostView` is everything that concerns one host, and all that its document is made of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import port

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork


@dataclass(frozen=True)
class Provider:
    """A physical network, and how a host is on it: ``device`` is a port of the Open vSwitch bridge ``bridge``.

    The patch port ``integration_patch`` of br-int leads to ``provider_patch`` of the bridge. ``host_leg`` is the
    device that carries the host's own addresses once the bridge has ``device``; ``host_port`` is its end on the bridge.
    """

    name: str
    path: str
    bridge: str
    device: str | None
    mtu: int
    integration_patch: str
    provider_patch: str
    host_leg: str
    host_port: str


@dataclass(frozen=True)
class Host:
    """One host. ``datapath`` is ``system`` or ``netdev``; ``tunnel`` its address for VXLAN, on ``tunnel_device``:
    the host leg of the device that the intent names, where that is a provider's.

    ``dvr_mac`` is what gateways' MAC addresses become where routed frames leave the host.
    """

    name: str
    path: str
    datapath: str
    tunnel: IPAddress | None
    tunnel_device: str | None
    dvr_mac: str
    providers: tuple[Provider, ...]


@dataclass(frozen=True)
class Subnet:
    """gateway: of a tenant's network the address of its router, of an external one that of the physical router."""

    network: IPNetwork
    gateway: IPAddress | None

    @property
    def family(self) -> int:
        return int(self.network.version)


@dataclass(frozen=True)
class Network:
    """A tenant's or an external network.

    vni: of a VXLAN network; else it is on ``provider`` with VLAN ``vlan``, or without a tag when that is None.
    number: what the flows of br-int call it, unique in the fleet, 32 bits.
    gateway_mac: the MAC address of the first router's leg; None without a router, as of external networks.
    """

    name: str
    path: str
    subnets: tuple[Subnet, ...]
    mtu: int
    number: int
    vni: int | None = None
    provider: str | None = None
    vlan: int | None = None
    tunnel_device: str | None = None
    gateway_mac: str | None = None


@dataclass(frozen=True)
class Leg:
    """A router's distributed leg in a network: device ``device`` in the router's namespace, ``port`` on br-int.

    interfaces: its addresses, as 172.16.18.1/24. mac: the same on every host.
    """

    network: Network
    device: str
    port: str
    mac: str
    interfaces: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class StaticRoute:
    to: IPNetwork
    via: IPAddress
    path: str


@dataclass(frozen=True)
class RateLimit:
    """Bits per second and bits of burst, to the instance (``inbound``) and from it; None for no limit."""

    inbound: int | None
    outbound: int | None
    burst: int | None
    path: str


@dataclass(frozen=True)
class FloatingIp:
    """``address`` of ``external`` stands for ``fixed`` of an instance behind ``router``."""

    address: IPAddress
    fixed: IPAddress
    external: str
    router: str
    limit: RateLimit | None
    path: str


@dataclass(frozen=True)
class External:
    """An external network on this host: ``namespace`` with ``device`` in it, and that one's end ``port`` on br-int.

    interfaces: the host's own addresses there, as 192.168.100.254/24.
    """

    name: str
    path: str
    network: Network
    namespace: str
    device: str
    port: str
    mac: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """The link between a router's namespace (``rfp``) and that of an external network (``fpr``), on every host alike.

    rfp_address and fpr_address: a /31 of IPv4 link-local addresses. table: of the router's routes to this network.
    """

    external: str
    rfp: str
    fpr: str
    rfp_mac: str
    fpr_mac: str
    rfp_address: IPAddress
    fpr_address: IPAddress
    mtu: int
    table: int
    path: str


@dataclass(frozen=True)
class Redirect:
    """Where a subnet's traffic without a floating IP goes, by ``table``: to the central leg ``via`` in the subnet."""

    subnet: IPNetwork
    via: IPAddress
    leg: str
    table: int
    path: str


@dataclass(frozen=True)
class Router:
    """A router on a compute host. floating_ips: those of instances on this host. routed: IPv6 addresses of instances on
    this host that are reached by the first pair, without translation. routed_subnets: where such addresses are."""

    name: str
    path: str
    namespace: str
    legs: tuple[Leg, ...]
    pairs: tuple[Pair, ...]
    redirects: tuple[Redirect, ...]
    routes: tuple[StaticRoute, ...]
    floating_ips: tuple[FloatingIp, ...]
    routed: tuple[tuple[IPAddress, str], ...]
    routed_subnets: tuple[IPNetwork, ...]


@dataclass(frozen=True)
class CentralLeg:
    """A leg of a router's SNAT namespace in a network; the same on every SNAT host."""

    network: Network
    device: str
    port: str
    mac: str
    interfaces: tuple[str, ...]
    path: str


@dataclass(frozen=True)
class Snat:
    """A router's central part: ``inside`` legs in its networks, one ``outside``, where its traffic has ``address``.

    sync: whether connection tracking is copied to the other SNAT hosts (``HostView.snat_hosts``).
    """

    router: str
    path: str
    namespace: str
    inside: tuple[CentralLeg, ...]
    outside: CentralLeg
    address: IPAddress
    gateway: IPAddress
    routes: tuple[StaticRoute, ...]
    sync: bool


Tap = port.Tap
Veth = port.Veth


@dataclass(frozen=True)
class Rule:
    """What a security group lets through: protocol ``tcp``, ``udp``, ``sctp``, ``icmp``, ``icmpv6``, a number or None
    for any; ports as closed ranges; remotes None for anybody, else addresses and subnets, those of groups included."""

    family: int
    protocol: str | None
    ports: tuple[tuple[int, int], ...]
    icmp_type: int | None
    icmp_code: int | None
    remotes: tuple[IPNetwork, ...] | None
    path: str


@dataclass(frozen=True)
class Instance:
    """One port of a VM or container.

    addresses: its own, in subnets of ``network``. allowed: more that it may send from.
    egress: None lets everything out. port_security: whether it is guarded at all.
    gateways: default gateways inside a container, at most one of each family.
    """

    name: str
    path: str
    host: str
    network: Network
    port: Tap | Veth
    device: str
    mac: str
    mtu: int
    addresses: tuple[IPAddress, ...]
    allowed: tuple[IPNetwork, ...]
    port_security: bool
    ingress: tuple[Rule, ...]
    egress: tuple[Rule, ...] | None
    limit: RateLimit | None
    gateways: tuple[IPAddress, ...] = ()


@dataclass(frozen=True)
class Member:
    """An address that is known in a network, wherever it is: br-int answers for it."""

    address: IPAddress
    mac: str
    path: str


@dataclass(frozen=True)
class Station:
    """A MAC address that is behind a tunnel."""

    mac: str
    tunnel: IPAddress
    path: str


@dataclass(frozen=True)
class LocalNetwork:
    """A network as this host must know it.

    members: instances and central legs anywhere, and the routers' legs.
    stations: instances on other hosts (VXLAN only).
    flood: the tunnel addresses of hosts that get what has no known receiver.
    """

    network: Network
    members: tuple[Member, ...]
    stations: tuple[Station, ...]
    flood: tuple[IPAddress, ...]


@dataclass(frozen=True)
class HostView:
    """Everything that concerns one host, each part sorted by name.

    networks: of tenants only; external ones are in ``externals`` and in the ``outside`` of ``snats``.
    gated: whether its SNAT waits to be made active, as that of every SNAT host does where there are several.
    snat_hosts: the fleet's SNAT hosts, in the order of preference, without their providers; empty on other hosts.
    """

    host: Host
    networks: tuple[LocalNetwork, ...]
    externals: tuple[External, ...]
    routers: tuple[Router, ...]
    instances: tuple[Instance, ...]
    snats: tuple[Snat, ...]
    gated: bool
    snat_hosts: tuple[Host, ...] = ()
