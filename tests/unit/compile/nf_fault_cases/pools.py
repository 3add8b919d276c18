# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools that cannot work, and what is pinned in them."""

from __future__ import annotations

CASES = {
    "pools without a prefix": (
        {"fabric_pools/subs/prefix": ...},
        [
            "fabric_pools.subs.prefix: is missing; name the covering prefix, such as 203.0.113.0/24",
        ],
    ),
    "pools without a length": (
        {"fabric_pools/subs/length": ...},
        [
            "fabric_pools.subs.length: is missing; say how long the prefix of a pool is, such as 28",
        ],
    ),
    "pools without a next hop": (
        {"fabric_pools/subs/next_hop": ...},
        [
            "fabric_pools.subs.next_hop: is missing; name one of fabric_next_hops",
        ],
    ),
    "pools behind an unknown next hop": (
        {"fabric_pools/subs/next_hop": "plane"},
        [
            "fabric_pools.subs.next_hop: there is no plane in fabric_next_hops; did you mean planes?",
        ],
    ),
    "pools behind a next hop of the other family": (
        {
            "fabric_next_hops/v4": {"addresses": ["198.51.100.101"], "members": ["192.0.2.5"]},
            "fabric_pools/subs6/next_hop": "v4",
        },
        [
            "fabric_pools.subs6.next_hop: v4 has no address of IPv6 (fabric_next_hops.v4); name one there, or"
            " choose another",
        ],
    ),
    "pools as long as their prefix": (
        {"fabric_pools/subs/length": 24},
        [
            "fabric_pools.subs.length: 24 is not longer than that of 203.0.113.0/24; choose 25 to 32",
        ],
    ),
    "pools too long": (
        {"fabric_pools/subs/length": 33},
        [
            "fabric_pools.subs.length: 33 is too long; choose 25 to 32",
        ],
    ),
    "more pools than fit": (
        {"fabric_pools/subs/count": 17},
        [
            "fabric_pools.subs.count: 17 is more than the 16 of length 28 that fit into 203.0.113.0/24",
        ],
    ),
    "too many pools": (
        {"fabric_pools/subs6/length": 64, "fabric_pools/subs6/count": ...},
        [
            "fabric_pools.subs6.count: is missing; 16777216 pools would fit, and 16384 is the most",
        ],
    ),
    "pools that overlap": (
        {"fabric_pools/more": {"prefix": "203.0.113.128/25", "length": 28, "next_hop": "planes"}},
        [
            "fabric_pools.more.prefix: 203.0.113.128/25 overlaps 203.0.113.0/24 (fabric_pools.subs.prefix); "
            "choose another",
        ],
    ),
    "pools in a VLAN's subnet": (
        {"fabric_pools/subs/prefix": "192.0.0.0/16", "fabric_pools/subs/pins": ..., "fabric_pools/subs/length": 24},
        [
            "fabric_pools.subs.prefix: 192.0.0.0/16 overlaps 192.0.2.0/24 (fabric_vlans.n6.subnets); choose another",
        ],
    ),
    "pin outside": (
        {"fabric_pools/subs6/pins": {"2001:db8:cb30::/44": "up1"}},
        [
            "fabric_pools.subs6.pins: 2001:db8:cb30::/44 is none of the 3 pools of 2001:db8:cb00::/40, which "
            "end with 2001:db8:cb20::/44; pin one of them",
        ],
    ),
    "pin of another length": (
        {"fabric_pools/subs/pins": {"203.0.113.64/27": "up2"}},
        [
            "fabric_pools.subs.pins: 203.0.113.64/27 is none of the 16 pools of 203.0.113.0/24, which end "
            "with 203.0.113.240/28; pin one of them",
        ],
    ),
    "pin to nobody": (
        {"fabric_pools/subs/pins": {"203.0.113.64/28": "up3"}},
        [
            "fabric_pools.subs.pins: there is no up3 in fabric_user_planes; did you mean up2?",
        ],
    ),
    "pin to one without the family": (
        {"fabric_pools/subs6/pins": {"2001:db8:cb20::/44": "up2"}},
        [
            "fabric_pools.subs6.pins: up2 has no address of IPv6 among the members of "
            "fabric_next_hops.planes; pin 2001:db8:cb20::/44 to one that has",
        ],
    ),
    "pins as a list": (
        {"fabric_pools/subs/pins": ["up1"]},
        [
            "fabric_pools.subs.pins: ['up1'] is not a map of pools and user planes; write {203.0.113.96/28: nf-up1}",
        ],
    ),
    "nobody announces a family": (
        {"fabric_control_planes/cp1/addresses": ["192.0.2.9"]},
        [
            "fabric_pools.subs6: no control plane has an address of IPv6, by which it could announce pools; "
            "see fabric_control_planes",
        ],
    ),
}
