# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLANs of NF nodes that cannot work."""

from __future__ import annotations

CASES = {
    "VLANs as a list": (
        {"fabric_vlans": ["n6"]},
        [
            "fabric_gateways.vlan: there is no n6 in fabric_vlans; there is none yet",
            "fabric_vlans: ['n6'] is not a map; write each entry as NAME: {…}",
        ],
    ),
    "VLAN without a number": (
        {"fabric_vlans/n4/id": ...},
        [
            "fabric_vlans.n4.id: is missing; say its number, 1 to 4094",
        ],
    ),
    "VLAN number out of range": (
        {"fabric_vlans/n4/id": 4095},
        [
            "fabric_vlans.n4.id: 4095 is out of range; choose 1 to 4094",
        ],
    ),
    "VLAN key unknown": (
        {"fabric_vlans/n4/subnet": []},
        [
            "fabric_vlans.n4.subnet: is not known; did you mean subnets?",
        ],
    ),
    "VLAN subnet with host bits": (
        {"fabric_vlans/oam/subnets": ["10.3.0.1/24"]},
        [
            "fabric_vlans.oam.subnets: '10.3.0.1/24' has host bits set; write 10.3.0.0/24",
        ],
    ),
    "VLAN MTU too small for IPv6": (
        {"fabric_vlans/n6/mtu": 1000},
        [
            "fabric_vlans.n6.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "two VLANs with one number": (
        {"fabric_vlans/n4/id": 100},
        [
            "fabric_vlans.n6.id: 100 is already n4's (fabric_vlans.n4); choose another",
        ],
    ),
    "VLANs with overlapping subnets": (
        {"fabric_vlans/n4/subnets": ["192.0.2.128/25"]},
        [
            "fabric_vlans.n4.subnets: 192.0.2.128/25 overlaps 192.0.2.0/24 (fabric_vlans.n6.subnets); choose another",
        ],
    ),
}
