# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and gateways of instances on bridges that cannot work."""

from __future__ import annotations

CASES = {
    "address outside": (
        {"fabric_instances/vm1/addresses": ["192.168.4.3"]},
        [
            "fabric_instances.vm1.addresses: 192.168.4.3 is in none of the subnets of vms (192.168.3.0/24, "
            "fd00:3::/64); choose an address of those",
        ],
    ),
    "address is network": (
        {"fabric_instances/vm1/addresses": ["192.168.3.0"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.0 is the network address of 192.168.3.0/24; choose "
            "another address of it",
        ],
    ),
    "address is broadcast": (
        {"fabric_instances/vm1/addresses": ["192.168.3.255"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.255 is the broadcast address of 192.168.3.0/24; "
            "choose another address of it",
        ],
    ),
    "address is IPv6 network": (
        {"fabric_instances/vm1/addresses": ["fd00:3::"]},
        [
            "fabric_instances.vm1.addresses: fd00:3:: is the network address of fd00:3::/64; choose another "
            "address of it",
        ],
    ),
    "address is the host's": (
        {"fabric_instances/vm1/addresses": ["192.168.3.1"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.1 is already kvm-01's own (fabric_bridges.vms);"
            " choose another address of 192.168.3.0/24 or move it",
        ],
    ),
    "address is the gateway's": (
        {"fabric_instances/c2/addresses": ["10.9.0.1"]},
        [
            "fabric_instances.c2.addresses: 10.9.0.1 is already the gateway's (fabric_bridges.lan);"
            " choose another address of 10.9.0.0/24 or move it",
        ],
    ),
    "address twice on a host": (
        {"fabric_instances/vm2": {"bridge": "vms", "attach": "tap", "addresses": ["192.168.3.3"]}},
        [
            "fabric_instances.vm2.addresses: 192.168.3.3 is already vm1's (fabric_instances.vm1);"
            " choose another address of 192.168.3.0/24 or move it",
        ],
    ),
    "address twice on a shared network": (
        {"fabric_instances/c4": {"bridge": "lan", "host": "kvm-03", "attach": "veth", "addresses": ["10.9.0.31"]}},
        [
            "fabric_instances.c4.addresses: 10.9.0.31 is already c2's (fabric_instances.c2);"
            " choose another address of 10.9.0.0/24 or move it",
        ],
    ),
    "host address twice on a shared network": (
        {"fabric_bridges/lan/addresses": ["10.9.0.5/24"]},
        [
            "fabric_bridges.lan.addresses: 10.9.0.5 is already kvm-02's own (fabric_bridges.lan);"
            " choose another address of 10.9.0.0/24 or move it",
        ],
    ),
    "address with another prefix": (
        {"fabric_instances/vm1/addresses": ["192.168.3.3/25"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.3/25 has another prefix length than 192.168.3.0/24 "
            "of fabric_bridges.vms; write 192.168.3.3",
        ],
    ),
    "address without known subnet": (
        {"fabric_instances/c3/addresses": ["192.168.10.3"]},
        [
            "fabric_instances.c3.addresses: 192.168.10.3 has no prefix length, and its subnet is not known; "
            "write it as 192.0.2.1/24",
        ],
    ),
    "address no text": (
        {"fabric_instances/vm1/addresses": [5]},
        [
            "fabric_instances.vm1.addresses: 5 is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "address that is none": (
        {"fabric_instances/vm1/addresses": ["192.168.3"]},
        [
            "fabric_instances.vm1.addresses: '192.168.3' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "gateway outside": (
        {"fabric_instances/c1/gateways": ["10.0.8.1"]},
        [
            "fabric_instances.c1.gateways: 10.0.8.1 is in no subnet of this instance; choose a neighbour of "
            "its addresses",
        ],
    ),
    "gateway of no family": (
        {"fabric_instances/c1/gateways": ["fd00::1"]},
        [
            "fabric_instances.c1.gateways: fd00::1 is in no subnet of this instance; choose a neighbour of "
            "its addresses",
        ],
    ),
    "two gateways": (
        {"fabric_instances/c1/gateways": ["10.0.9.1", "10.0.9.8"]},
        [
            "fabric_instances.c1.gateways: has more than one for IPv4; name one",
        ],
    ),
    "allowed address without anti-spoofing": (
        {"fabric_instances/vm1/anti_spoofing": False, "fabric_instances/vm1/allowed_addresses": ["10.0.0.9"]},
        [
            "fabric_instances.vm1.allowed_addresses: has no meaning with anti_spoofing: false; leave one of "
            "the two out",
        ],
    ),
    "allowed address with host bits": (
        {"fabric_instances/vm1/allowed_addresses": ["10.0.0.9/24"]},
        [
            "fabric_instances.vm1.allowed_addresses: '10.0.0.9/24' has host bits set; write 10.0.0.0/24",
        ],
    ),
    "allowed address that is none": (
        {"fabric_instances/vm1/allowed_addresses": ["vip"]},
        [
            "fabric_instances.vm1.allowed_addresses: 'vip' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
}
