# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual next hops that cannot work, and their members."""

from __future__ import annotations

CASES = {
    "next hop without addresses": (
        {"fabric_next_hops/planes/addresses": ...},
        [
            "fabric_next_hops.planes.addresses: is missing; name the virtual next hop of BGP, such as 198.51.100.100",
        ],
    ),
    "next hop without members": (
        {"fabric_next_hops/planes/members": ...},
        [
            "fabric_next_hops.planes.members: is missing; name the addresses of the user planes, such as "
            "192.0.2.1-192.0.2.8",
        ],
    ),
    "next hop on the link": (
        {"fabric_next_hops/planes/addresses": ["192.0.2.100", "2001:db8:c6::100"]},
        [
            "fabric_next_hops.planes.addresses: 192.0.2.100 is in 192.0.2.0/24 of fabric_vlans.n6, where "
            "nobody would route it; choose one outside",
        ],
    ),
    "next hop with two addresses": (
        {"fabric_next_hops/planes/addresses": ["198.51.100.100", "198.51.100.101", "2001:db8:c6::100"]},
        [
            "fabric_next_hops.planes.addresses: has more than one of IPv4; name one",
        ],
    ),
    "next hop without members of a family": (
        {"fabric_next_hops/planes/members": ["192.0.2.1-192.0.2.4"], "fabric_user_planes/up1/addresses": ["192.0.2.1"]},
        [
            "fabric_next_hops.planes.members: has none of IPv6, and addresses has; say both, or neither",
        ],
    ),
    "next hop without an address of a family": (
        {"fabric_next_hops/planes/addresses": ["198.51.100.100"]},
        [
            "fabric_next_hops.planes.addresses: has none of IPv6, and members has; say both, or neither",
        ],
    ),
    "member elsewhere": (
        {"fabric_next_hops/planes/members/0": "10.3.0.1-10.3.0.2"},
        [
            "fabric_next_hops.planes.members: 10.3.0.1 is in no subnet of fabric_vlans.n6 (192.0.2.0/24, "
            "2001:db8:2::/64), where the gateways can see it; choose addresses there",
            "fabric_next_hops.planes.members: 10.3.0.2 is in no subnet of fabric_vlans.n6 (192.0.2.0/24, "
            "2001:db8:2::/64), where the gateways can see it; choose addresses there",
        ],
    ),
    "member range backwards": (
        {"fabric_next_hops/planes/members/0": "192.0.2.4-192.0.2.1"},
        [
            "fabric_next_hops.planes.members: '192.0.2.4-192.0.2.1' ends before it begins; write 192.0.2.1-192.0.2.4",
        ],
    ),
    "member range of two families": (
        {"fabric_next_hops/planes/members/0": "192.0.2.1-2001:db8:2::4"},
        [
            "fabric_next_hops.planes.members: '192.0.2.1-2001:db8:2::4' is from IPv4 to IPv6; name a range of"
            " one family",
        ],
    ),
    "member range too large": (
        {"fabric_next_hops/planes/members/0": "10.0.0.0-10.0.1.0"},
        [
            "fabric_next_hops.planes.members: '10.0.0.0-10.0.1.0' has 257 addresses; 255 is the most",
        ],
    ),
    "member twice": (
        {"fabric_next_hops/planes/members/1": "2001:db8:2::2"},
        [
            "fabric_next_hops.planes.members: 2001:db8:2::2 is named twice; name it once",
        ],
    ),
    "member that is a gateway": (
        {"fabric_next_hops/planes/members": ["192.0.2.1-192.0.2.4", "192.0.2.254", "2001:db8:2::1"]},
        [
            "fabric_next_hops.planes.members: 192.0.2.254 is no user plane's (fabric_gateways); leave it out",
        ],
    ),
    "member that is a control plane": (
        {"fabric_next_hops/planes/members/0": "192.0.2.1-192.0.2.9"},
        [
            "fabric_next_hops.planes.members: 192.0.2.9 is no user plane's (fabric_control_planes.cp1); leave it out",
        ],
    ),
    "member of two next hops": (
        {"fabric_next_hops/others": {"addresses": ["198.51.100.101"], "members": ["192.0.2.4"]}},
        [
            "fabric_next_hops.planes.members: 192.0.2.4 is already a member of fabric_next_hops.others; leave"
            " it out of one",
        ],
    ),
    "one next hop for two": (
        {"fabric_next_hops/others": {"addresses": ["198.51.100.100"], "members": ["192.0.2.5"]}},
        [
            "fabric_next_hops.planes.addresses: 198.51.100.100/32 overlaps 198.51.100.100/32 "
            "(fabric_next_hops.others.addresses); choose another",
        ],
    ),
    "more user planes to live than there are": (
        {"fabric_next_hops/planes/min_live": 3},
        [
            "fabric_next_hops.planes.min_live: 3 is more than the 2 user planes that there are; choose 2 or less",
        ],
    ),
    "next hop in the pools": (
        {"fabric_next_hops/planes/addresses/0": "203.0.113.100"},
        [
            "fabric_next_hops.planes.addresses: 203.0.113.100/32 overlaps 203.0.113.0/24 "
            "(fabric_pools.subs.prefix); choose another",
        ],
    ),
}
