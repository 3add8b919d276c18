# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual next hop of ``fabric_next_hops``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import FAMILIES, Gateways, NextHop
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress

# As many ways as BIRD gives to one route.
MAX_MEMBERS = 255


def parse_next_hop(section: Section, name: str, gateways: Gateways | None) -> NextHop | None:
    """``gateways`` is None where they have faults of their own, or are not there."""
    virtual = section.listed("addresses", addresses.ip)
    members = tuple(ip for one in section.listed("members", address_range) for ip in one)
    min_live = section.get("min_live", values.integer(0, MAX_MEMBERS), 1)
    section.close()
    found = NextHop(name, section.path, virtual, members, min_live)
    if section.are_sound("members"):
        _check_members(section, found, gateways)
    if section.are_sound("addresses", "members"):
        _check_families(section, found)
    if section.are_sound("addresses") and gateways is not None:
        for ip in virtual:
            subnet = addresses.holding(ip, gateways.vlan.subnets)
            if subnet is not None:
                text = f"{ip} is in {subnet} of {gateways.vlan.path}, where nobody would route it"
                section.fault("addresses", f"{text}; choose one outside")
    return found if section.sound else None


def address_range(value: Any) -> tuple[IPAddress, ...]:
    """192.0.2.1, or 192.0.2.1-192.0.2.8."""
    begin, dash, end = value.partition("-") if isinstance(value, str) else (value, "", "")
    first = addresses.ip(begin)
    if not dash:
        return (first,)
    last = addresses.ip(end)
    if first.version != last.version:
        raise ValueError(f"'{value}' is from IPv{first.version} to IPv{last.version}; name a range of one family")
    if last < first:
        raise ValueError(f"'{value}' ends before it begins; write {last}-{first}")
    if int(last) - int(first) >= MAX_MEMBERS:
        raise ValueError(f"'{value}' has {int(last) - int(first) + 1} addresses; {MAX_MEMBERS} is the most")
    return tuple(first + number for number in range(int(last) - int(first) + 1))


def _check_members(section: Section, found: NextHop, gateways: Gateways | None) -> None:
    seen: set[IPAddress] = set()
    for ip in found.members:
        if ip in seen:
            section.fault("members", f"{ip} is named twice; name it once")
        seen.add(ip)
        if gateways is None:
            continue
        subnet = addresses.holding(ip, gateways.vlan.subnets)
        if subnet is None:
            there = ", ".join(map(str, gateways.vlan.subnets)) or "there are none"
            text = f"{ip} is in no subnet of {gateways.vlan.path} ({there}), where the gateways can see it"
            section.fault("members", f"{text}; choose addresses there")
            continue
        try:
            addresses.refuse_reserved(ip, subnet)
        except ValueError as error:
            section.fault("members", str(error))
    for family in FAMILIES:
        count = len(found.members_of(family))
        if count > MAX_MEMBERS:
            section.fault("members", f"has {count} of IPv{family}; {MAX_MEMBERS} is the most")


def _check_families(section: Section, found: NextHop) -> None:
    """Each family has an address and members, or neither."""
    if not found.addresses and "addresses" not in section:
        section.fault("addresses", "is missing; name the virtual next hop of BGP, such as 198.51.100.100")
    if not found.members and "members" not in section:
        section.fault("members", "is missing; name the addresses of the user planes, such as 192.0.2.1-192.0.2.8")
    for family in FAMILIES:
        virtual = [ip for ip in found.addresses if ip.version == family]
        if len(virtual) > 1:
            section.fault("addresses", f"has more than one of IPv{family}; name one")
        if found.addresses and found.members and bool(virtual) != bool(found.members_of(family)):
            key, other = ("members", "addresses") if virtual else ("addresses", "members")
            section.fault(key, f"has none of IPv{family}, and {other} has; say both, or neither")
