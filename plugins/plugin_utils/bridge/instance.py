# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance of ``fabric_instances`` that hangs on a bridge: a VM by its tap, a container by a veth pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names, vlans
from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import Address
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import IPV6_MINIMUM_MTU, Bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Tap, Veth, parse_attach, parse_port
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

__all__ = ["Instance", "Tap", "Veth", "parse_instance"]


@dataclass(frozen=True)
class Instance:
    """addresses: those it has. allowed: those it may also send from. vlan: untagged, trunk: tagged."""

    name: str
    bridge: Bridge
    port: Tap | Veth
    device: str
    mac: str
    mtu: int | None
    addresses: tuple[Address, ...]
    gateways: tuple[IPAddress, ...]
    vlan: int | None
    trunk: tuple[int, ...]
    isolated: bool
    anti_spoofing: bool
    allowed: tuple[IPNetwork, ...]

    @property
    def path(self) -> str:
        return f"fabric_instances.{self.name}"


def parse_instance(section: Section, name: str, bridge: Bridge | None) -> Instance | None:
    """The instance, or None when something is wrong with it.

    Without a bridge, because something is wrong with that, the instance is looked at alone.
    """
    attach = parse_attach(section)
    port = parse_port(section, name, attach)
    given = section.listed("addresses", addresses.address)
    gateways = section.listed("gateways", addresses.ip)
    allowed = tuple(sorted(section.listed("allowed_addresses", addresses.prefix)))
    device = section.get("device", names.device, names.device_name(name, f"{attach}-"))
    mac = section.get("mac", names.mac, None) or names.derived_mac("instance", name)
    mtu = section.get("mtu", values.integer(68, 65535), None)
    vlan = section.get("vlan", vlans.vlan_id, None)
    trunk = vlans.merged(section.listed("trunk", vlans.vlan_range))
    isolated = section.get("isolated", values.boolean, None)
    anti_spoofing = section.get("anti_spoofing", values.boolean, True)
    if not anti_spoofing and "allowed_addresses" in section:
        section.fault("allowed_addresses", "has no meaning with anti_spoofing: false; leave one of the two out")
    section.close()
    if bridge is None:
        return None
    own = _placed(section, given, bridge, vlan, on_device=attach == "veth")
    instance = Instance(
        name=name,
        bridge=bridge,
        port=port,
        device=device,
        mac=mac,
        mtu=bridge.mtu if mtu is None else mtu,
        addresses=own,
        gateways=gateways if "gateways" in section else _default_gateways(bridge, vlan, own),
        vlan=vlan,
        trunk=trunk,
        isolated=bridge.isolated_ports if isolated is None else isolated,
        anti_spoofing=anti_spoofing,
        allowed=allowed,
    )
    _check_gateways(section, instance)
    _check_mtu(section, instance)
    _check_vlans(section, instance)
    return instance if section.sound else None


def _placed(
    section: Section, given: tuple[Address, ...], bridge: Bridge, vlan: int | None, on_device: bool
) -> tuple[Address, ...]:
    """Addresses with the bridge's subnets filled in; ``on_device`` for those that we put on a device ourselves."""
    found = []
    for address in given:
        try:
            found.append(_in_subnet(address, bridge, vlan, on_device))
        except ValueError as error:
            section.fault("addresses", str(error))
    return tuple(found)


def _in_subnet(given: Address, bridge: Bridge, vlan: int | None, on_device: bool) -> Address:
    subnets = bridge.subnets_of(vlan)
    subnet = addresses.holding(given.ip, subnets)
    if subnet is None and subnets:
        named = ", ".join(map(str, subnets))
        raise ValueError(f"{given.ip} is in none of the subnets of {bridge.name} ({named}); choose an address of those")
    if subnet is None:
        if given.subnet is None and on_device:
            raise ValueError(f"{given} has no prefix length, and its subnet is not known; write it as 192.0.2.1/24")
        return given
    if given.subnet is not None and given.subnet != subnet:
        raise ValueError(f"{given} has another prefix length than {subnet} of {bridge.path}; write {given.ip}")
    addresses.refuse_reserved(given.ip, subnet)
    return Address(given.ip, subnet)


def _reached(own: tuple[Address, ...]) -> list[IPNetwork]:
    return [address.subnet for address in own if address.subnet is not None]


def _default_gateways(bridge: Bridge, vlan: int | None, own: tuple[Address, ...]) -> tuple[IPAddress, ...]:
    """The bridge's; else the host's addresses there, unless nothing is forwarded for it."""
    candidates = bridge.gateways
    if not candidates and bridge.forward in ("route", "nat"):
        candidates = tuple(address.ip for address in bridge.addresses)
    if not bridge.subnets_of(vlan):
        candidates = ()
    first = {gateway.version: gateway for gateway in reversed(candidates) if addresses.holding(gateway, _reached(own))}
    return tuple(first[family] for family in sorted(first))


def _check_gateways(section: Section, instance: Instance) -> None:
    if "gateways" not in section or not section.are_sound("gateways", "addresses"):
        return
    for gateway in instance.gateways:
        if addresses.holding(gateway, _reached(instance.addresses)) is None:
            text = f"{gateway} is in no subnet of this instance; choose a neighbour of its addresses"
            section.fault("gateways", text)
    for family in (4, 6):
        if sum(gateway.version == family for gateway in instance.gateways) > 1:
            section.fault("gateways", f"has more than one for IPv{family}; name one")


def _check_mtu(section: Section, instance: Instance) -> None:
    if "mtu" not in section or instance.mtu is None:
        return
    ceiling = instance.bridge.mtu
    if ceiling is None:
        section.fault("mtu", f"{instance.mtu} would lower that of {instance.bridge.path} too; say the mtu there first")
    elif instance.mtu > ceiling:
        text = f"{instance.mtu} is more than the {ceiling} of {instance.bridge.path}"
        section.fault("mtu", f"{text}; choose {ceiling} or less, or raise it there")
    if instance.mtu < IPV6_MINIMUM_MTU and any(address.family == 6 for address in instance.addresses):
        section.fault("mtu", f"{instance.mtu} is too small for IPv6; choose 1280 or more, or leave IPv6 out")


def _check_vlans(section: Section, instance: Instance) -> None:
    bridge = instance.bridge
    untagged = [] if instance.vlan is None else [("vlan", instance.vlan)]
    for key, vlan in [*untagged, *(("trunk", vlan) for vlan in instance.trunk)]:
        if bridge.vlans is None:
            section.fault(key, f"{vlan} needs a bridge that knows VLANs; list them in {bridge.path}.vlans")
        elif vlan not in bridge.vlans:
            text = f"{vlan} is none of the VLANs of {bridge.path} ({vlans.named(bridge.vlans)})"
            section.fault(key, f"{text}; add it there or choose one")
    if instance.vlan is not None and instance.vlan in instance.trunk:
        section.fault(
            "trunk", f"{instance.vlan} is the instance's vlan, which has no tag; leave it out of one of the two"
        )
    if bridge.vlans is not None and not untagged and not instance.trunk and section.are_sound("vlan", "trunk"):
        section.fault("vlan", f"is missing; {bridge.path} has VLANs: say vlan, or trunk for tagged ones")
