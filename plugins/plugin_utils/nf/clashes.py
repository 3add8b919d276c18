# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no entry can see by itself: names, numbers and addresses that two have, and families that somebody lacks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.claims import Claims, Holder
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import overlapping
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    FAMILIES,
    Bfd,
    ControlPlane,
    Function,
    Gateways,
    Host,
    NextHop,
    PoolRange,
    UserPlane,
    Vlan,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import devices_of
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.symbol import symbol
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

if TYPE_CHECKING:
    from netaddr import IPAddress


def check_vlans(vlans: Iterable[Vlan], faults: Faults) -> None:
    claims = Claims(faults)
    for vlan in vlans:
        claims.claim(vlan.id, Holder(vlan.path, f"{vlan.name}'s"), f"{vlan.path}.id", f"{vlan.id}", "choose another")


def check_prefixes(
    vlans: Iterable[Vlan], ranges: Iterable[PoolRange], next_hops: Iterable[NextHop], faults: Faults
) -> None:
    """Subnets, covering prefixes and virtual next hops are all in one routing table."""
    owned = [(subnet, f"{vlan.path}.subnets") for vlan in vlans for subnet in vlan.subnets]
    owned += [(found.prefix, f"{found.path}.prefix") for found in ranges]
    owned += [(addresses.single(ip), f"{hop.path}.addresses") for hop in next_hops for ip in hop.addresses]
    for pair in overlapping(owned):
        # A VLAN is where it is; what is routed can be chosen.
        (other, its_path), (one, path) = sorted(pair[::-1], key=lambda own: not own[1].startswith("fabric_vlans."))
        faults.add(path, f"{one} overlaps {other} ({its_path}); choose another")


def check_functions(functions: Iterable[Function], faults: Faults) -> None:
    """What two NFs must not both have."""
    claims = Claims(faults)
    for one in functions:
        holder = Holder(one.path, f"{one.name}'s")
        claims.claim(("name", one.name), holder, one.path, one.name, "give one of them another name")
        if isinstance(one.port, Veth):
            place = ("namespace", one.host, one.port.namespace)
            shown = f"{one.port.namespace} on {one.host}"
            claims.claim(place, holder, f"{one.path}.namespace", shown, "choose another")
        for leg in one.legs:
            claims.claim(("device", one.host, leg.device), holder, one.path, leg.device, "rename one of them")


def check_uplinks(
    hosts: Iterable[Host],
    gateways: Gateways | None,
    vlans: Iterable[Vlan],
    functions: Iterable[Function],
    faults: Faults,
) -> None:
    """What brings the VLANs is there before, and none of what is made."""
    ports: dict[str, dict[str, str]] = {}
    for one in functions:
        ports.setdefault(one.host, {}).update((leg.device, one.path) for leg in one.legs)
    pair = gateways.hosts if gateways is not None else ()
    routed = gateways.vlan if gateways is not None else None
    found = [(host, None) for host in hosts] + [(gateway.host, routed) for gateway in pair]
    for host, vlan in found:
        made = {**devices_of(host, tuple(vlans), vlan), **ports.get(host.name, {})}
        if host.uplink in made:
            text = f"{host.uplink} is a device that is made there ({made[host.uplink]})"
            faults.add(f"{host.path}.uplink", f"{text}; name the one that brings the VLANs")


def check_addresses(functions: Iterable[Function], gateways: Gateways | None, faults: Faults) -> None:
    claims = Claims(faults)

    def claim(ip: IPAddress | str, path: str, whose: str) -> None:
        claims.claim(str(ip), Holder(path, whose), f"{path}.addresses", f"{ip}", "choose another address")

    if gateways is not None:
        for ip in gateways.shared:
            claim(ip, gateways.path, "the gateways'")
        for gateway in gateways.hosts:
            for ip in gateway.addresses:
                claim(ip, gateway.host.path, f"{gateway.host.name}'s")
    for one in functions:
        for leg in one.legs:
            for interface in leg.addresses:
                claim(interface.split("/")[0], one.path, f"{one.name}'s")


def check_members(
    functions: Sequence[Function], gateways: Gateways, next_hops: Sequence[NextHop], faults: Faults
) -> None:
    """The members of next hops are user planes' addresses, and every user plane is one."""
    others = {ip: gateways.path for ip in gateways.shared}
    others |= {ip: gateway.host.path for gateway in gateways.hosts for ip in gateway.addresses}
    others |= {ip: one.path for one in functions if isinstance(one, ControlPlane) for ip in one.addresses}
    members: dict[IPAddress, str] = {}
    for hop in next_hops:
        for ip in hop.members:
            if ip in others:
                faults.add(f"{hop.path}.members", f"{ip} is no user plane's ({others[ip]}); leave it out")
            if members.setdefault(ip, hop.path) != hop.path:
                faults.add(f"{hop.path}.members", f"{ip} is already a member of {members[ip]}; leave it out of one")
        live = [one for one in functions if isinstance(one, UserPlane) and set(one.addresses) & set(hop.members)]
        if hop.min_live > max(len(live), 1):
            text = f"{hop.min_live} is more than the {len(live)} user planes that there are"
            faults.add(f"{hop.path}.min_live", f"{text}; choose {len(live)} or less")
    for one in functions:
        if isinstance(one, UserPlane) and next_hops:
            for ip in one.addresses:
                if ip not in members:
                    text = f"{ip} is a member of none of fabric_next_hops, so that nothing is sent to it"
                    faults.add(f"{one.path}.addresses", f"{text}; add it there or choose another")


def check_gateways(gateways: Gateways, next_hops: Iterable[NextHop], faults: Faults) -> None:
    """Each has an address of every family that they route."""
    for hop in next_hops:
        for family in FAMILIES:
            if hop.address(family) is None:
                continue
            for gateway in gateways.hosts:
                if gateway.address(family) is None:
                    text = f"has none of IPv{family}, and {hop.path} has"
                    faults.add(f"{gateway.host.path}.addresses", f"{text}; name one")


def check_speakers(
    gateways: Gateways, speakers: Sequence[ControlPlane], ranges: Iterable[PoolRange], faults: Faults
) -> None:
    """Somebody announces each family, and BIRD can tell everybody's names apart."""
    for found in ranges:
        if not any(one.address(found.family) for one in speakers):
            text = f"no control plane has an address of IPv{found.family}, by which it could announce pools"
            faults.add(found.path, f"{text}; see fabric_control_planes")
    claims = Claims(faults)
    named = [(one.name, one.path) for one in speakers]
    named += [(gateway.host.name, gateway.host.path) for gateway in gateways.hosts]
    for name, path in named:
        claims.claim(symbol(name), Holder(path, f"{name}'s"), path, f"{symbol(name)} to BIRD", "rename one of them")


def check_bfd(bfd: Bfd, functions: Iterable[Function], faults: Faults) -> None:
    """BIRD has one key for all neighbours on an interface, and other daemons know none."""
    for one in functions if bfd.password is not None else ():
        if not one.runs_bird:
            text = f"needs BIRD at every end, and {one.name} has another daemon ({one.path})"
            faults.add("fabric_bfd.password", f"{text}; leave it out")
