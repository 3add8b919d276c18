# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge of ``fabric_bridges``, as it is on one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names, vlans
from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import Address
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

FORWARD = ("isolated", "route", "nat", "bridge")
DEFAULT_MTU = 1500
IPV6_MINIMUM_MTU = 1280


@dataclass(frozen=True)
class Bridge:
    """forward: what leaves the bridge. vlans: None for a bridge that knows no VLANs, else those its uplink carries.

    vlan: the one that the host itself is in. native_vlan: the one without a tag on the uplink.
    mac and mtu are None where the kernel chooses: a bridge that takes over its uplink takes its MAC address too.
    """

    name: str
    host: str
    device: str
    forward: str
    addresses: tuple[Address, ...]
    subnets: tuple[IPNetwork, ...]
    gateways: tuple[IPAddress, ...]
    uplink: str | None
    mac: str | None
    mtu: int | None
    vlans: tuple[int, ...] | None
    vlan: int | None
    native_vlan: int | None
    isolated_ports: bool

    @property
    def path(self) -> str:
        return f"fabric_bridges.{self.name}"

    @property
    def takes_uplink(self) -> bool:
        return self.forward == "bridge"

    @property
    def families(self) -> set[int]:
        return {address.family for address in self.addresses}

    def subnets_of(self, vlan: int | None) -> tuple[IPNetwork, ...]:
        """The subnets of an instance in this VLAN: the bridge's own are those of its own VLAN."""
        return self.subnets if self.vlans is None or vlan == self.vlan else ()


def parse_bridge(section: Section, name: str, host: str) -> Bridge | None:
    """The bridge, or None when something is wrong with it."""
    if "device" not in section:
        section.short("device", names.device_name(name))
    forward = section.get("forward", values.choice(*FORWARD), "isolated")
    own = section.listed("addresses", addresses.interface)
    subnets = tuple(sorted({a.subnet for a in own if a.subnet} | set(section.listed("subnets", addresses.network))))
    carried = vlans.merged(section.listed("vlans", vlans.vlan_range))
    mac = section.get("mac", names.mac, None)
    mtu = section.get("mtu", values.integer(68, 65535), None)
    if forward != "bridge":
        mac = mac or names.derived_mac("bridge", name, host)
        mtu = mtu or DEFAULT_MTU
    bridge = Bridge(
        name=name,
        host=host,
        device=section.get("device", names.device, ""),
        forward=forward,
        addresses=own,
        subnets=subnets,
        gateways=section.listed("gateways", addresses.ip),
        uplink=section.get("uplink", names.device, None),
        mac=mac,
        mtu=mtu,
        vlans=carried if "vlans" in section else None,
        vlan=section.get("vlan", vlans.vlan_id, None),
        native_vlan=section.get("native_vlan", vlans.vlan_id, None),
        isolated_ports=section.get("isolated_ports", values.boolean, False),
    )
    section.close()
    if section.are_sound("forward", "uplink", "device", "addresses"):
        _check_forward(section, bridge)
    if section.are_sound("addresses", "subnets"):
        _check_addresses(section, bridge)
    if section.are_sound("vlans", "vlan", "native_vlan"):
        _check_vlans(section, bridge)
    if section.are_sound("native_vlan", "forward", "uplink"):
        _check_native_vlan(section, bridge)
    return bridge if section.sound else None


def _check_forward(section: Section, bridge: Bridge) -> None:
    if bridge.forward in ("nat", "bridge") and bridge.uplink is None:
        section.fault(
            "uplink", f"is missing; forward: {bridge.forward} needs the device that leads outside, such as eth0"
        )
    if bridge.forward == "isolated" and bridge.uplink is not None:
        text = f"{bridge.uplink} has no meaning with forward: isolated; leave it out or choose nat, route or bridge"
        section.fault("uplink", text)
    if bridge.forward == "nat" and 4 not in bridge.families:
        section.fault("addresses", "has no IPv4 address; forward: nat needs one, such as 192.168.3.1/24")
    if bridge.forward == "route" and not bridge.addresses:
        section.fault("addresses", "is missing; forward: route needs an address of the host in each subnet")
    if bridge.uplink == bridge.device:
        section.fault("uplink", f"{bridge.uplink} is the bridge itself; name the device that leads outside")


def _check_addresses(section: Section, bridge: Bridge) -> None:
    for number, one in enumerate(bridge.addresses):
        for other in bridge.addresses[:number]:
            if one.ip == other.ip:
                section.fault("addresses", f"{one.ip} is named twice; name it once")
            elif one.subnet is not None and other.ip in one.subnet:
                section.fault(
                    "addresses", f"{one} and {other} are in one subnet; one address of the host in each is enough"
                )
    for number, subnet in enumerate(bridge.subnets):
        for other in bridge.subnets[:number]:
            if subnet in other or other in subnet:
                section.fault("subnets", f"{subnet} and {other} overlap; keep one of them")
    if section.are_sound("gateways", "addresses", "subnets"):
        _check_gateways(section, bridge)
    if bridge.mtu is not None and bridge.mtu < IPV6_MINIMUM_MTU and any(s.version == 6 for s in bridge.subnets):
        section.fault("mtu", f"{bridge.mtu} is too small for IPv6; choose 1280 or more, or leave IPv6 out")


def _check_gateways(section: Section, bridge: Bridge) -> None:
    for gateway in bridge.gateways:
        subnet = addresses.holding(gateway, bridge.subnets)
        if subnet is None:
            named = ", ".join(map(str, bridge.subnets)) or "there are none"
            section.fault("gateways", f"{gateway} is in none of the bridge's subnets ({named}); name a neighbour")
            continue
        try:
            addresses.refuse_reserved(gateway, subnet)
        except ValueError as error:
            section.fault("gateways", str(error))
    for family in (4, 6):
        if sum(gateway.version == family for gateway in bridge.gateways) > 1:
            section.fault("gateways", f"has more than one for IPv{family}; name one")


def _check_vlans(section: Section, bridge: Bridge) -> None:
    for key, vlan in (("vlan", bridge.vlan), ("native_vlan", bridge.native_vlan)):
        if vlan is None:
            continue
        if bridge.vlans is None:
            section.fault(key, f"{vlan} has no meaning on a bridge without vlans; list the bridge's VLANs in vlans")
        elif vlan not in bridge.vlans:
            section.fault(key, f"{vlan} is none of the bridge's VLANs ({vlans.named(bridge.vlans)}); add it to vlans")
    if bridge.vlans == ():
        section.fault("vlans", "is empty; list the VLANs of the bridge, or leave it out")
    if bridge.vlans is not None and bridge.addresses and bridge.vlan is None:
        section.fault("vlan", "is missing; say which of vlans the bridge's own addresses are in")


def _check_native_vlan(section: Section, bridge: Bridge) -> None:
    if bridge.native_vlan is None:
        return
    if bridge.uplink is None:
        section.fault("native_vlan", f"{bridge.native_vlan} has no meaning without an uplink; leave it out")
    elif not bridge.takes_uplink:
        text = "has no meaning unless the uplink is a port; choose forward: bridge or leave it out"
        section.fault("native_vlan", text)
