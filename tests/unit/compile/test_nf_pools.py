# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool plan: every pool has one home, without gaps or overlap, and moves only when it must."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nf_intent import fleet

from ansible_collections.hostnet.fabric.plugins.filter.nf_pools import nf_pools
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import NextHop, PoolRange, UserPlane
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import planned, prefix_at, rest
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Veth

SUBNETS = {4: "192.0.2.{}", 6: "2001:db8:2::{:x}"}
COVERS = {4: ("203.0.113.0/24", 24), 6: ("2001:db8:cb00::/40", 40)}


def user_plane(number, family=4, weight=1):
    """The one at this place; from 100 on, at none."""
    own = (addresses.ip(SUBNETS[family].format(number + 1)),)
    return UserPlane(
        f"up{number}", f"fabric_user_planes.up{number}", "h", Veth("n", False, "eth0"), (), own, True, weight
    )


@st.composite
def situations(draw):
    """Pools, and the user planes that there are."""
    family = draw(st.sampled_from([4, 6]))
    places = draw(st.integers(1, 12))
    members = tuple(addresses.ip(SUBNETS[family].format(number + 1)) for number in range(places))
    hop = NextHop("hop", "fabric_next_hops.hop", (), members, 1)
    prefix, length = COVERS[family]
    length += draw(st.integers(1, 6))
    count = draw(st.integers(1, 2 ** (length - COVERS[family][1])))
    there = draw(st.sets(st.integers(0, places - 1)))
    planes = [user_plane(number, family, draw(st.integers(1, 4))) for number in sorted(there)]
    return PoolRange("r", "fabric_pools.r", addresses.network(prefix), length, count, hop, {}), planes


def homes(found, planes):
    return {pool.prefix: pool.user_plane for pool in planned(found, planes)}


@settings(deadline=None)
@given(situations())
def test_pools_are_neighbours_from_the_beginning(situation):
    """No gap, no overlap, and each has a next hop that is its user plane's address."""
    found, planes = situation
    pools = planned(found, planes)
    assert len(pools) == (found.count if planes else 0)
    expected = found.prefix.first
    for pool in pools:
        assert pool.prefix.first == expected
        assert pool.prefix.prefixlen == found.length
        assert pool.prefix in found.prefix
        expected = pool.prefix.last + 1
        assert pool.next_hop == {plane.name: plane.addresses[0] for plane in planes}[pool.user_plane]


@settings(deadline=None)
@given(situations())
def test_the_rest_is_all_that_is_in_no_pool(situation):
    """In as few prefixes as possible, which have nothing in common."""
    found, _planes = situation
    pools = [prefix_at(found, number) for number in range(found.count)]
    behind = list(rest(found))
    assert behind == addresses.cidr_merge(behind)
    assert addresses.cidr_merge([*pools, *behind]) == [found.prefix]
    assert sum(each.size for each in (*pools, *behind)) == found.prefix.size


@settings(deadline=None)
@given(situations())
def test_a_place_with_a_user_plane_is_its_pools_home(situation):
    found, planes = situation
    at = {plane.addresses[0]: plane.name for plane in planes}
    for number, pool in enumerate(planned(found, planes)):
        place = found.next_hop.members[number % len(found.next_hop.members)]
        assert pool.user_plane == at.get(place, pool.user_plane)


@settings(deadline=None)
@given(situations(), st.data())
def test_who_goes_moves_only_its_own(situation, data):
    """And who comes takes only what it then has: it is the same step backwards."""
    found, planes = situation
    if len(planes) < 2:
        return
    gone = data.draw(st.sampled_from(planes))
    before, after = homes(found, planes), homes(found, [plane for plane in planes if plane is not gone])
    assert {pool for pool in before if before[pool] != after[pool]} == {p for p in before if before[p] == gone.name}


@settings(deadline=None)
@given(situations(), st.randoms(use_true_random=False))
def test_order_means_nothing(situation, chance):
    found, planes = situation
    assert planned(found, chance.sample(planes, len(planes))) == planned(found, planes)


@settings(deadline=None)
@given(situations(), st.data())
def test_a_pin_wins_and_moves_nothing_else(situation, data):
    found, planes = situation
    if not planes:
        return
    before = homes(found, planes)
    pool, plane = data.draw(st.sampled_from(sorted(before))), data.draw(st.sampled_from(planes))
    after = homes(replace(found, pins={pool: plane.name}), planes)
    assert after == {**before, pool: plane.name}


def test_weights_are_shares():
    """Of many pools that are nobody's by their place, each gets its part."""
    members = tuple(addresses.ip(f"192.0.2.{number}") for number in (1, 2, 200))
    hop = NextHop("hop", "fabric_next_hops.hop", (), members, 1)
    found = PoolRange("r", "fabric_pools.r", addresses.network("10.0.0.0/8"), 20, 4095, hop, {})
    counted = Counter(pool.user_plane for pool in planned(found, [user_plane(0), user_plane(1, weight=3)]))
    orphans = counted.total() / 3
    assert counted["up0"] == pytest.approx(orphans + orphans / 4, rel=0.1)
    assert counted["up1"] == pytest.approx(orphans + orphans * 3 / 4, rel=0.1)


def test_plan_of_the_small_fleet():
    (subs, subs6) = nf_pools(fleet())
    assert (subs["prefix"], subs["next_hop"]) == ("203.0.113.0/24", "198.51.100.100")
    assert subs["members"] == ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]
    assert len(subs["pools"]) == 16
    assert subs["pools"][:2] == [
        {"prefix": "203.0.113.0/28", "user_plane": "up1", "next_hop": "192.0.2.1"},
        {"prefix": "203.0.113.16/28", "user_plane": "up2", "next_hop": "192.0.2.2"},
    ]
    assert subs["pools"][4] == {"prefix": "203.0.113.64/28", "user_plane": "up2", "next_hop": "192.0.2.2"}
    # Only one user plane has IPv6.
    assert {pool["next_hop"] for pool in subs6["pools"]} == {"2001:db8:2::1"}
