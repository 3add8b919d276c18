# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network function: a user plane of ``fabric_user_planes`` or a control plane of ``fabric_control_planes``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    ControlPlane,
    Gateways,
    Leg,
    UserPlane,
    Vlan,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Tap, Veth, parse_attach, parse_port
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section, suggestion

if TYPE_CHECKING:
    from netaddr import IPAddress

_daemon = values.choice("bird", "none")


def asn(value: Any) -> int:
    number = int(values.integer(1, 4_294_967_294)(value))
    if number in (23456, 65535):
        raise ValueError(f"{number} is reserved; choose another, such as one of 64512 to 65534")
    return number


def parse_user_plane(section: Section, name: str, vlans: Iterable[Vlan], gateways: Gateways | None) -> UserPlane | None:
    weight = section.get("weight", values.integer(1, 1000), 1)
    common = _common(section, name, tuple(vlans), gateways, "bfd")
    return UserPlane(**common, weight=weight) if section.sound else None


def parse_control_plane(
    section: Section, name: str, vlans: Iterable[Vlan], gateways: Gateways | None
) -> ControlPlane | None:
    own = section.required("asn", asn, 0, "say its AS number, such as 65101")
    common = _common(section, name, tuple(vlans), gateways, "bgp")
    if gateways is None and section.sound:
        section.faults.add(section.path, "has nobody to talk to; say what the gateways are, in fabric_gateways")
    return ControlPlane(**common, asn=own) if section.sound else None


def _common(
    section: Section, name: str, vlans: tuple[Vlan, ...], gateways: Gateways | None, daemon: str
) -> dict[str, Any]:
    attach = parse_attach(section)
    port = parse_port(section, name, attach)
    section.meaningless(("interface",), "has no meaning here; an NF has eth0, eth1…, one for each of its VLANs")
    host = section.required("host", names.host_name, "", "name one of fabric_nf_hosts")
    own = section.listed("addresses", addresses.ip)
    wanted = section.listed("vlans", names.object_name)
    runs = section.get(daemon, _daemon, None)
    section.close()
    if section.are_sound("vlans"):
        _check_vlans(section, wanted, vlans)
    routed: tuple[IPAddress, ...] = ()
    if section.are_sound("vlans", "addresses"):
        joined = _joined(wanted, vlans, own)
        _check_addresses(section, own, joined)
        routed = _routed(section, own, gateways, joined)
    else:
        joined = ()
    if attach is not None:
        _check_daemon(section, daemon, runs, port, gateways)
    can_run = isinstance(port, Veth) and not port.namespace.startswith("pid:") and gateways is not None
    return {
        "name": name,
        "path": section.path,
        "host": host,
        "port": port,
        "legs": tuple(_leg(name, port, number, vlan, own, gateways) for number, vlan in enumerate(joined)),
        "addresses": routed,
        "runs_bird": can_run and runs != "none",
    }


def _joined(wanted: tuple[str, ...], vlans: tuple[Vlan, ...], own: tuple[IPAddress, ...]) -> tuple[Vlan, ...]:
    """The VLANs of an NF in the order of its interfaces; unless it says so, those first that it has addresses in."""
    if wanted:
        return tuple(vlan for name in wanted for vlan in vlans if vlan.name == name)
    return tuple(sorted(vlans, key=lambda vlan: (not any(_is_in(ip, vlan) for ip in own), vlan.id)))


def _is_in(ip: IPAddress, vlan: Vlan) -> bool:
    return addresses.holding(ip, vlan.subnets) is not None


def _leg(
    name: str, port: Tap | Veth, number: int, vlan: Vlan, own: tuple[IPAddress, ...], gateways: Gateways | None
) -> Leg:
    mine = [(ip, subnet) for ip in own if (subnet := addresses.holding(ip, vlan.subnets)) is not None]
    families = {ip.version for ip, _subnet in mine}
    shared = gateways.shared if gateways is not None and gateways.vlan.name == vlan.name else ()
    return Leg(
        vlan=vlan,
        interface=f"eth{number}",
        device=names.device_name(vlan.name, f"{'tap' if isinstance(port, Tap) else 'veth'}-{name}-"),
        mac=names.derived_mac("nf", name, vlan.name),
        addresses=tuple(f"{ip}/{subnet.prefixlen}" for ip, subnet in mine),
        gateways=tuple(ip for ip in shared if ip.version in families),
    )


def _check_vlans(section: Section, wanted: tuple[str, ...], vlans: tuple[Vlan, ...]) -> None:
    known = {vlan.name for vlan in vlans}
    for name in wanted:
        if name not in known:
            section.fault("vlans", f"there is no {name} in fabric_vlans; {suggestion(name, known)}")


def _check_addresses(section: Section, own: tuple[IPAddress, ...], joined: tuple[Vlan, ...]) -> None:
    subnets = [subnet for vlan in joined for subnet in vlan.subnets]
    seen: dict[Any, IPAddress] = {}
    for ip in own:
        subnet = addresses.holding(ip, subnets)
        if subnet is None:
            there = ", ".join(map(str, subnets)) or "there are none"
            section.fault("addresses", f"{ip} is in no subnet of its VLANs ({there}); choose an address there")
            continue
        try:
            addresses.refuse_reserved(ip, subnet)
        except ValueError as error:
            section.fault("addresses", str(error))
        if subnet in seen:
            section.fault("addresses", f"{seen[subnet]} and {ip} are both in {subnet}; name one for each subnet")
        seen[subnet] = ip


def _routed(
    section: Section, own: tuple[IPAddress, ...], gateways: Gateways | None, joined: tuple[Vlan, ...]
) -> tuple[IPAddress, ...]:
    """The addresses by which the gateways know the NF."""
    if gateways is None or not section.are_sound("addresses"):
        return ()
    vlan = gateways.vlan
    if vlan.name not in {one.name for one in joined}:
        section.fault("vlans", f"lacks {vlan.name}, the VLAN of the gateways (fabric_gateways.vlan); add it")
        return ()
    found = tuple(sorted((ip for ip in own if _is_in(ip, vlan)), key=lambda ip: (ip.version, ip)))
    if not found:
        there = ", ".join(map(str, vlan.subnets))
        section.fault("addresses", f"has none in the VLAN of the gateways ({there}); name one there")
    for family in (4, 6):
        if sum(ip.version == family for ip in found) > 1:
            section.fault("addresses", f"has more than one of IPv{family} in {vlan.path}; name one")
    return found


def _check_daemon(section: Section, daemon: str, runs: str | None, port: Tap | Veth, gateways: Gateways | None) -> None:
    if runs != "bird":
        return
    if isinstance(port, Tap):
        section.fault(daemon, "bird is not possible in a VM; run it there yourself and choose none")
    elif port.namespace.startswith("pid:"):
        section.fault(daemon, "bird needs a namespace with a name, which a process does not have; choose none")
    elif gateways is None:
        section.fault(daemon, "bird has nobody to talk to; say what the gateways are, in fabric_gateways")
