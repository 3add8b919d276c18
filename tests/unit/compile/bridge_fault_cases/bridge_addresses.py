# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses, subnets and gateways of bridges that cannot work."""

from __future__ import annotations

CASES = {
    "bridge address without prefix length": (
        {"fabric_bridges/vms/addresses": ["192.168.3.1"]},
        [
            "fabric_bridges.vms.addresses: '192.168.3.1' has no prefix length; write it as 192.0.2.1/24",
        ],
    ),
    "bridge address that makes everybody a neighbour": (
        {"fabric_bridges/vms/addresses": ["192.168.3.1/0"]},
        [
            "fabric_bridges.vms.addresses: '192.168.3.1/0' makes every address a neighbour; write the length of its "
            "subnet, as 192.0.2.1/24",
        ],
    ),
    "bridge address that is none": (
        {"fabric_bridges/vms/addresses": ["192.168.3.256/24"]},
        [
            "fabric_bridges.vms.addresses: '192.168.3.256' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "bridge address that is a network": (
        {"fabric_bridges/vms/addresses": ["192.168.3.0/24"]},
        [
            "fabric_bridges.vms.addresses: 192.168.3.0 is the network address of 192.168.3.0/24; choose "
            "another address of it",
        ],
    ),
    "bridge address that is a broadcast": (
        {"fabric_bridges/vms/addresses": ["192.168.3.255/24"]},
        [
            "fabric_bridges.vms.addresses: 192.168.3.255 is the broadcast address of 192.168.3.0/24; choose "
            "another address of it",
        ],
    ),
    "bridge address that is multicast": (
        {"fabric_bridges/lab/addresses": ["224.0.0.5/24"], "fabric_instances/c1": ...},
        [
            "fabric_bridges.lab.addresses: 224.0.0.5 is a multicast address; a device cannot have it",
        ],
    ),
    "bridge address twice in one subnet": (
        {"fabric_bridges/lab/addresses": ["10.0.9.1/24", "10.0.9.5/24"]},
        [
            "fabric_bridges.lab.addresses: 10.0.9.5/24 and 10.0.9.1/24 are in one subnet; one address of "
            "the host in each is enough",
        ],
    ),
    "bridge subnets that overlap": (
        {"fabric_bridges/lab/subnets": ["10.0.0.0/16"]},
        [
            "fabric_bridges.lab.subnets: 10.0.9.0/24 and 10.0.0.0/16 overlap; keep one of them",
        ],
    ),
    "bridge addresses not a list": (
        {"fabric_bridges/lab/addresses": "10.0.9.1/24"},
        [
            "fabric_bridges.lab.addresses: '10.0.9.1/24' is not a list; write [10.0.9.1/24]",
        ],
    ),
    "bridge address named twice": (
        {"fabric_bridges/lab/addresses": ["10.0.9.1/24", "10.0.9.1/24"]},
        [
            "fabric_bridges.lab.addresses: 10.0.9.1/24 is named twice; name it once",
        ],
    ),
    "bridge subnet with host bits": (
        {"fabric_bridges/lan/subnets": ["10.9.0.1/24"]},
        [
            "fabric_bridges.lan.subnets: '10.9.0.1/24' has host bits set; write 10.9.0.0/24",
        ],
    ),
    "two bridges of a host overlap": (
        {"fabric_bridges/lab/addresses": ["192.168.0.1/16"], "fabric_instances/c1/addresses": ["192.168.0.9"]},
        [
            "fabric_bridges.vms.addresses: 192.168.3.0/24 overlaps with 192.168.0.0/16 of "
            "fabric_bridges.lab on kvm-01; choose another subnet",
        ],
    ),
    "bridge gateway outside": (
        {"fabric_bridges/lan/gateways": ["10.9.1.1"]},
        [
            "fabric_bridges.lan.gateways: 10.9.1.1 is in none of the bridge's subnets (10.9.0.0/24); name a neighbour",
        ],
    ),
    "bridge gateway is the broadcast address": (
        {"fabric_bridges/lan/gateways": ["10.9.0.255"]},
        [
            "fabric_bridges.lan.gateways: 10.9.0.255 is the broadcast address of 10.9.0.0/24; choose "
            "another address of it",
        ],
    ),
    "bridge with two gateways": (
        {"fabric_bridges/lan/gateways": ["10.9.0.1", "10.9.0.2"]},
        [
            "fabric_bridges.lan.gateways: has more than one for IPv4; name one",
        ],
    ),
}
