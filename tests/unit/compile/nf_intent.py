# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet of NF nodes that is right; each test changes what it is about."""

from __future__ import annotations

from intent_change import changed

HOSTS = ["kvm-01", "kvm-02", "kvm-03", "gw-01", "gw-02"]
BASE = {
    "fabric_vlans": {
        "n6": {"id": 100, "subnets": ["192.0.2.0/24", "2001:db8:2::/64"], "mtu": 9000},
        "n4": {"id": 200},
        "oam": {"id": 300, "subnets": ["10.3.0.0/24"]},
    },
    "fabric_nf_uplink": "eth1",
    "fabric_nf_hosts": {"kvm-01": {}, "kvm-02": {"uplink": "eth2", "backend": "openvswitch"}, "kvm-03": None},
    "fabric_user_planes": {
        "up1": {"host": "kvm-01", "attach": "veth", "addresses": ["192.0.2.1", "2001:db8:2::1", "10.3.0.1"]},
        "up2": {"host": "kvm-02", "attach": "tap", "addresses": ["192.0.2.2"], "vlans": ["n6"], "user": 64055},
    },
    "fabric_control_planes": {
        "cp1": {"host": "kvm-01", "attach": "veth", "addresses": ["192.0.2.9", "2001:db8:2::9"], "asn": 65101},
    },
    "fabric_gateways": {
        "asn": 65000,
        "vlan": "n6",
        "addresses": ["192.0.2.254", "2001:db8:2::254"],
        "preferred": ["gw-02"],
        "hosts": {
            "gw-01": {"addresses": ["192.0.2.252", "2001:db8:2::252"]},
            "gw-02": {"addresses": ["192.0.2.253", "2001:db8:2::253"], "uplink": "eth9"},
        },
    },
    "fabric_next_hops": {
        "planes": {
            "addresses": ["198.51.100.100", "2001:db8:c6::100"],
            "members": ["192.0.2.1-192.0.2.4", "2001:db8:2::1", "2001:db8:2::2-2001:db8:2::4"],
            "min_live": 1,
        }
    },
    "fabric_pools": {
        "subs": {"prefix": "203.0.113.0/24", "length": 28, "next_hop": "planes", "pins": {"203.0.113.64/28": "up2"}},
        "subs6": {"prefix": "2001:db8:cb00::/40", "length": 44, "count": 3, "next_hop": "planes"},
    },
    "fabric_bfd": {"interval": 300, "multiplier": 3},
    "fabric_bgp": {"password": "between-us"},
}


def fleet(changes=None):
    """The small fleet's intent, with changes by path: ``fleet({"fabric_vlans/n6/mtu": 1})``"""
    return changed(BASE, changes or {})
