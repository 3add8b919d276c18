# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router's leg in a tenant's network, and the central one that its SNAT has there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.host import instance_mac
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import CentralLeg, Leg, Network
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import listed
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

Placed = tuple["IPAddress", "IPNetwork"]


@dataclass(frozen=True)
class DeclaredLeg:
    """addresses: the router's own in the network, with their subnets. central: those of its SNAT."""

    network: str
    path: str
    device: str
    port: str
    mac: str
    addresses: tuple[Placed, ...]
    central: tuple[Placed, ...]
    central_mac: str
    central_port: str

    def leg(self, network: Network) -> Leg:
        return Leg(network, self.device, self.port, self.mac, _interfaces(self.addresses), self.path)

    def central_leg(self, network: Network) -> CentralLeg:
        device = names.device_name(self.network, "sg-")
        return CentralLeg(network, device, self.central_port, self.central_mac, _interfaces(self.central), self.path)


def leg_section(path: str, raw: Any, section: Section) -> Section:
    """An entry of ``networks``: a name alone, or a map."""
    if not isinstance(raw, str):
        return Section(path, raw, section.faults)
    own = Section(path, {}, section.faults)
    own.short("network", raw)
    return own


def parse_leg(section: Section, router: str, name: str, network: Network, snat: bool) -> DeclaredLeg | None:
    """The leg of a router in a network. ``snat``: whether the router has a central leg, too."""
    section.raw("network")
    own = section.listed("addresses", addresses.ip)
    central = section.get("snat_address", addresses.ip, None)
    device = section.get("device", names.switched_device, names.device_name(name, "qr-"))
    port = section.get("port", names.switched_device, names.device_name(f"{router}-{name}", "vport-"))
    mac = section.get("mac", instance_mac, names.derived_mac("leg", router, name))
    central_port = section.get("snat_port", names.switched_device, names.device_name(f"{router}-{name}", "vsg-"))
    section.close()
    if not snat:
        section.meaningless(("snat_address", "snat_port"), "has no meaning without snat; leave it out")
    placed = _placed(section, own, network) if "addresses" in section else _gateways(network)
    if not placed and section.are_sound("addresses"):
        section.fault("addresses", f"is missing; {network.path} has no gateway that the router could be")
    leg = DeclaredLeg(
        network=name,
        path=f"fabric_routers.{router}.networks",
        device=device,
        port=port,
        mac=mac,
        addresses=placed,
        central=_central(section, placed, central) if snat and section.sound else (),
        central_mac=names.derived_mac("sg", router, name),
        central_port=central_port,
    )
    return leg if section.sound else None


def _gateways(network: Network) -> tuple[Placed, ...]:
    return tuple((subnet.gateway, subnet.network) for subnet in network.subnets if subnet.gateway is not None)


def _placed(section: Section, own: tuple[IPAddress, ...], network: Network) -> tuple[Placed, ...]:
    found: dict[IPNetwork, IPAddress] = {}
    for ip in own:
        try:
            subnet = subnet_of(ip, network)
        except ValueError as error:
            section.fault("addresses", str(error))
            continue
        if subnet in found:
            text = f"{found[subnet]} and {ip} are in one subnet; one address of the router in each is enough"
            section.fault("addresses", text)
        found[subnet] = ip
    return tuple((ip, subnet) for subnet, ip in sorted(found.items()))


def subnet_of(ip: IPAddress, network: Network) -> IPNetwork:
    """The subnet of a network that an address of a device is in."""
    there = [subnet.network for subnet in network.subnets]
    subnet = addresses.holding(ip, there)
    if subnet is None:
        raise ValueError(f"{ip} is in no subnet of {network.path} ({listed(there)}); choose an address of those")
    addresses.refuse_reserved(ip, subnet)
    return subnet


def _central(section: Section, placed: tuple[Placed, ...], pinned: IPAddress | None) -> tuple[Placed, ...]:
    """Its address in each IPv4 subnet: the last one, unless another is chosen."""
    found = []
    for ip, subnet in placed:
        if subnet.version != 4:
            continue
        chosen = pinned if pinned is not None and pinned in subnet else subnet[-2]
        if chosen == ip:
            text = f"{chosen} of {subnet} is the router's own; set snat_address to one that nobody has"
            section.fault("snat_address", text)
        found.append((chosen, subnet))
    if pinned is not None:
        holding = addresses.holding(pinned, [subnet for _ip, subnet in found])
        if holding is None:
            there = listed(subnet for _ip, subnet in found)
            section.fault(
                "snat_address", f"{pinned} is in no IPv4 subnet of the leg ({there}); choose an address of those"
            )
        else:
            _refuse_reserved(section, "snat_address", pinned, holding)
    return tuple(found)


def _refuse_reserved(section: Section, key: str, ip: IPAddress, subnet: IPNetwork) -> None:
    try:
        addresses.refuse_reserved(ip, subnet)
    except ValueError as error:
        section.fault(key, str(error))


def _interfaces(placed: tuple[Placed, ...]) -> tuple[str, ...]:
    return tuple(f"{ip}/{subnet.prefixlen}" for ip, subnet in placed)
