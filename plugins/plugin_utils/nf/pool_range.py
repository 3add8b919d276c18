# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools of ``fabric_pools``: a covering prefix, and the pools at its beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import NextHop, PoolRange, UserPlane
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import prefix_at
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section, suggestion

if TYPE_CHECKING:
    from netaddr import IPNetwork

MAX_POOLS = 16384


def parse_range(
    section: Section,
    name: str,
    next_hops: Mapping[str, NextHop | None],
    user_planes: Mapping[str, UserPlane | None],
) -> PoolRange | None:
    """``next_hops`` and ``user_planes`` have None for those with faults of their own."""
    prefix = section.required("prefix", addresses.network, None, "name the covering prefix, such as 203.0.113.0/24")
    length = section.required(
        "length", values.integer(1, 128), None, "say how long the prefix of a pool is, such as 28"
    )
    count = section.get("count", values.integer(1, MAX_POOLS), None)
    hop_name = section.required("next_hop", names.object_name, "", "name one of fabric_next_hops")
    raw_pins = section.get("pins", _pins, {})
    section.close()
    if prefix is None or length is None:
        return None
    fit = _fit(section, prefix, length)
    if hop_name and hop_name not in next_hops:
        section.fault("next_hop", f"there is no {hop_name} in fabric_next_hops; {suggestion(hop_name, next_hops)}")
    hop = next_hops.get(hop_name)
    if hop is None or not fit or not section.are_sound("prefix", "length", "count"):
        return None
    if count is None and fit > MAX_POOLS:
        section.fault("count", f"is missing; {fit} pools would fit, and {MAX_POOLS} is the most")
    elif count is not None and count > fit:
        section.fault("count", f"{count} is more than the {fit} of length {length} that fit into {prefix}")
    if hop.address(prefix.version) is None:
        text = f"{hop.name} has no address of IPv{prefix.version} ({hop.path}); name one there, or choose another"
        section.fault("next_hop", text)
    found = PoolRange(name, section.path, prefix, length, min(count or fit, MAX_POOLS), hop, raw_pins)
    if section.are_sound("pins", "count", "next_hop"):
        _check_pins(section, found, user_planes)
    return found if section.sound else None


def _pins(value: Any) -> dict[IPNetwork, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a map of pools and user planes; write {{203.0.113.96/28: nf-up1}}")
    return {addresses.network(pool): names.object_name(name) for pool, name in value.items()}


def _fit(section: Section, prefix: IPNetwork, length: int) -> int:
    """How many pools fit into the prefix, 0 where the length is wrong."""
    width = 32 if prefix.version == 4 else 128
    if not prefix.prefixlen < length <= width:
        text = f"{length} is not longer than that of {prefix}" if length <= width else f"{length} is too long"
        section.fault("length", f"{text}; choose {prefix.prefixlen + 1} to {width}")
        return 0
    return int(2 ** (length - prefix.prefixlen))


def _check_pins(section: Section, found: PoolRange, user_planes: Mapping[str, UserPlane | None]) -> None:
    last = prefix_at(found, found.count - 1)
    members = set(found.next_hop.members)
    for pool, name in sorted(found.pins.items()):
        if pool.prefixlen != found.length or pool not in found.prefix or pool.first > last.first:
            text = f"{pool} is none of the {found.count} pools of {found.prefix}, which end with {last}"
            section.fault("pins", f"{text}; pin one of them")
        if name not in user_planes:
            section.fault("pins", f"there is no {name} in fabric_user_planes; {suggestion(name, user_planes)}")
            continue
        plane = user_planes[name]
        if plane is not None and plane.addresses and plane.address(found.family) not in members:
            text = f"{name} has no address of IPv{found.family} among the members of {found.next_hop.path}"
            section.fault("pins", f"{text}; pin {pool} to one that has")
