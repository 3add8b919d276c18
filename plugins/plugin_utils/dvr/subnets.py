# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The subnets of a network, each with its gateway."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Subnet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

IPV6_MINIMUM_MTU = 1280
# A subnet, and the path of what has it.
Owned = tuple["IPNetwork", str]


def parse_subnets(section: Section, default_gateways: bool) -> tuple[Subnet, ...]:
    """A subnet whose gateway is not named has its first address for it, unless there shall be none."""
    found = section.listed("subnets", addresses.network)
    named = section.listed("gateways", addresses.ip)
    subnets = tuple(_with_gateway(section, subnet, named, default_gateways) for subnet in sorted(found))
    for gateway in named if section.are_sound("subnets", "gateways") else ():
        if addresses.holding(gateway, found) is None:
            section.fault("gateways", f"{gateway} is in no subnet of the network ({listed(found)}); choose one there")
    for (one, _path), (other, _same) in overlapping((subnet, section.path) for subnet in found):
        section.fault("subnets", f"{one} and {other} overlap; keep one of them")
    return subnets


def require_subnets(section: Section) -> None:
    """To be called when all keys have been read: a misspelt one is not missing."""
    if not section.raw("subnets") and section.are_sound("subnets"):
        section.fault("subnets", "is missing; name at least one, such as [172.16.18.0/24]")


def _with_gateway(section: Section, subnet: IPNetwork, named: Sequence[IPAddress], default: bool) -> Subnet:
    if subnet.prefixlen > (30 if subnet.version == 4 else 126):
        text = (
            f"{subnet} has no room for a gateway and instances; choose a /{30 if subnet.version == 4 else 126} or more"
        )
        section.fault("subnets", text)
        return Subnet(subnet, None)
    own = [gateway for gateway in named if gateway in subnet]
    for gateway in own:
        try:
            addresses.refuse_reserved(gateway, subnet)
        except ValueError as error:
            section.fault("gateways", str(error))
    if len(own) > 1:
        section.fault("gateways", f"{own[1]} is the second one in {subnet}; name one for each subnet")
    if own:
        return Subnet(subnet, own[0])
    return Subnet(subnet, subnet[1] if default else None)


def overlapping(subnets: Iterable[Owned]) -> list[tuple[Owned, Owned]]:
    """Sorted by their first address, subnets overlap with one that came before, or with none."""
    found = []
    widest: Owned | None = None
    for owned in sorted(subnets):
        if widest is not None and owned[0] in widest[0]:
            found.append((owned, widest))
        else:
            widest = owned
    return found


def listed(subnets: Iterable[IPNetwork]) -> str:
    return ", ".join(map(str, subnets)) or "there are none"


def check_mtu(section: Section, mtu: int, subnets: Iterable[Subnet]) -> None:
    if mtu < IPV6_MINIMUM_MTU and any(subnet.family == 6 for subnet in subnets):
        section.fault("mtu", f"{mtu} is too small for IPv6; choose 1280 or more, or leave IPv6 out")
