# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance of ``fabric_instances`` on a network of ``fabric_networks``."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.floating_ip import (
    DeclaredFloatingIp,
    parse_floating_ip,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.host import instance_mac
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.leg import subnet_of
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.limits import parse_limit
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Instance, Network, RateLimit, Rule
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.security_group import DEFAULT
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import known, mtu
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import IPV6_MINIMUM_MTU
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Tap, Veth, parse_attach, parse_port
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork


@dataclass(frozen=True)
class DeclaredInstance:
    """An instance whose network's gateway and whose security groups are still names."""

    name: str
    path: str
    host: str
    network: str
    port: Tap | Veth
    device: str
    mac: str
    mtu: int
    addresses: tuple[IPAddress, ...]
    gateways: tuple[IPAddress, ...] | None
    allowed: tuple[IPNetwork, ...]
    port_security: bool
    groups: tuple[str, ...]
    floating_ip: DeclaredFloatingIp | None
    limit: RateLimit | None

    def on(self, network: Network, ingress: tuple[Rule, ...], egress: tuple[Rule, ...] | None) -> Instance:
        return Instance(
            name=self.name,
            path=self.path,
            host=self.host,
            network=network,
            port=self.port,
            device=self.device,
            mac=self.mac,
            mtu=self.mtu,
            addresses=self.addresses,
            allowed=self.allowed,
            port_security=self.port_security,
            ingress=ingress,
            egress=egress,
            limit=self.limit,
            gateways=self._gateways(network) if isinstance(self.port, Veth) else (),
        )

    def _gateways(self, network: Network) -> tuple[IPAddress, ...]:
        """Those of its own subnets, at most one of each family."""
        if self.gateways is not None:
            return self.gateways
        found: dict[int, IPAddress] = {}
        for subnet in network.subnets:
            if subnet.gateway is not None and any(ip in subnet.network for ip in self.addresses):
                found.setdefault(subnet.family, subnet.gateway)
        return tuple(gateway for _family, gateway in sorted(found.items()))


def parse_instance(
    section: Section, name: str, network: Network | None, hosts: Collection[str], groups: Collection[str]
) -> DeclaredInstance | None:
    """The instance, or None when something is wrong with it. ``hosts`` and ``groups`` are those that there are.

    Without a network, because something is wrong with that, the instance is looked at alone.
    """
    section.raw("network")
    host = section.required("host", names.host_name, None, "name the host that it runs on")
    if host is not None:
        known(section, "host", host, hosts, "fabric_hosts")
    attach = parse_attach(section)
    port = parse_port(section, name, attach)
    own = section.listed("addresses", addresses.ip)
    gateways = section.listed("gateways", addresses.ip) if "gateways" in section else None
    section.raw("gateways")
    allowed = tuple(sorted(section.listed("allowed_addresses", addresses.prefix)))
    device = section.get("device", names.switched_device, names.device_name(name, f"{attach}-"))
    mac = section.get("mac", instance_mac, None) or names.derived_mac("instance", name)
    own_mtu = section.get("mtu", mtu, None)
    port_security = section.get("port_security", values.boolean, True)
    named = section.listed("security_groups", names.object_name)
    if "security_groups" not in section and DEFAULT in groups:
        named = (DEFAULT,)
    floating_ip = parse_floating_ip(section, own)
    limit = parse_limit(section)
    section.close()
    if "security_groups" in section:
        for group in named:
            known(section, "security_groups", group, groups, "fabric_security_groups")
    if not port_security:
        why = "has no meaning with port_security: false; leave one of the two out"
        section.meaningless(("security_groups", "allowed_addresses"), why)
    elif not own and section.are_sound("addresses"):
        section.fault("addresses", "is missing; name an address of the network, or set port_security: false")
    if gateways is not None and attach == "tap":
        section.fault("gateways", "has no meaning for a tap: a VM has routes of its own; leave it out")
    if network is None:
        return None
    _check_addresses(section, own, gateways, network)
    _check_mtu(section, own_mtu, own, network)
    if not section.sound or host is None:
        return None
    return DeclaredInstance(
        name=name,
        path=section.path,
        host=host,
        network=network.name,
        port=port,
        device=device,
        mac=mac,
        mtu=network.mtu if own_mtu is None else own_mtu,
        addresses=tuple(sorted(own)),
        gateways=gateways,
        allowed=allowed,
        port_security=port_security,
        groups=tuple(sorted(named)) if port_security else (),
        floating_ip=floating_ip,
        limit=limit,
    )


def _check_addresses(
    section: Section, own: tuple[IPAddress, ...], gateways: tuple[IPAddress, ...] | None, network: Network
) -> None:
    reached = []
    for ip in own:
        try:
            reached.append(subnet_of(ip, network))
        except ValueError as error:
            section.fault("addresses", str(error))
    if not section.are_sound("addresses", "gateways"):
        return
    for gateway in gateways or ():
        if addresses.holding(gateway, reached) is None:
            section.fault(
                "gateways", f"{gateway} is in no subnet of this instance; choose a neighbour of its addresses"
            )
    for family in (4, 6):
        if sum(gateway.version == family for gateway in gateways or ()) > 1:
            section.fault("gateways", f"has more than one for IPv{family}; name one")


def _check_mtu(section: Section, own_mtu: int | None, own: tuple[IPAddress, ...], network: Network) -> None:
    if own_mtu is None:
        return
    if own_mtu > network.mtu:
        section.fault(
            "mtu", f"{own_mtu} is more than the {network.mtu} of {network.path}; choose {network.mtu} or less"
        )
    if own_mtu < IPV6_MINIMUM_MTU and any(ip.version == 6 for ip in own):
        section.fault("mtu", f"{own_mtu} is too small for IPv6; choose 1280 or more, or leave IPv6 out")
