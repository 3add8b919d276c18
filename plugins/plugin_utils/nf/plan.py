# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pool is whose.

A pool belongs to a place in the list of members, by its number. The user plane at that address is its home. Where
nobody is yet, the pool goes to whom rendezvous hashing chooses among those that are there: each user plane draws a lot
for each pool, and the highest one wins. So a user plane that comes or goes moves no pool but those it wins or had.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Pool, PoolRange, UserPlane

if TYPE_CHECKING:
    from netaddr import IPNetwork


def planned(found: PoolRange, user_planes: Iterable[UserPlane]) -> tuple[Pool, ...]:
    """The pools in their order. Without a user plane behind the next hop, nobody has one."""
    members = found.next_hop.members_of(found.family)
    known = set(members)
    by_address = {
        address: plane
        for plane in user_planes
        if (address := plane.address(found.family)) is not None and address in known
    }
    by_name = {plane.name: plane for plane in by_address.values()}
    pools = []
    for number in range(found.count if by_name else 0):
        prefix = prefix_at(found, number)
        home = by_name.get(found.pins.get(prefix, "")) or by_address.get(members[number % len(members)])
        plane = home or _winner(prefix, sorted(by_name.values(), key=lambda plane: plane.name))
        own = plane.address(found.family)
        if own is not None:
            pools.append(Pool(prefix, found.name, plane.name, own))
    return tuple(pools)


def as_data(ranges: Iterable[PoolRange], pools: Iterable[Pool]) -> list[dict[str, Any]]:
    """The plan in plain words."""
    found = list(pools)
    return [
        {
            "name": one.name,
            "prefix": str(one.prefix),
            "next_hop": str(one.next_hop.address(one.family)),
            "members": [str(member) for member in one.next_hop.members_of(one.family)],
            "pools": [
                {"prefix": str(pool.prefix), "user_plane": pool.user_plane, "next_hop": str(pool.next_hop)}
                for pool in found
                if pool.range == one.name
            ],
        }
        for one in ranges
    ]


def prefix_at(found: PoolRange, number: int, pools: int = 1) -> IPNetwork:
    """The pool with this number, the first one being 0; or the prefix of so many that begin there."""
    width = 32 if found.family == 4 else 128
    first = found.prefix[0] + (number << (width - found.length))
    return addresses.network(f"{first}/{found.length - pools.bit_length() + 1}")


def rest(found: PoolRange) -> Iterator[IPNetwork]:
    """What a covering prefix has behind its pools."""
    number = found.count
    while number < 1 << (found.length - found.prefix.prefixlen):
        pools = number & -number  # as many as a prefix can have that begins here
        yield prefix_at(found, number, pools)
        number += pools


def _winner(prefix: IPNetwork, user_planes: Sequence[UserPlane]) -> UserPlane:
    return max(user_planes, key=lambda plane: (_lot(prefix, plane), plane.name))


def _lot(prefix: IPNetwork, plane: UserPlane) -> float:
    digest = sha256(f"{prefix}\0{plane.name}".encode()).digest()
    chance = (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
    return -plane.weight / math.log(chance)
