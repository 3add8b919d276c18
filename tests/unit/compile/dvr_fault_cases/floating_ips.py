# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Floating IPs that cannot work."""

from __future__ import annotations

CASES = {
    "floating IP that another instance has": (
        {"fabric_instances/c1/floating_ip": "192.0.2.150"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.150 is already vm1's (fabric_instances.vm1); choose "
            "another address of 192.0.2.0/24 or move it",
        ],
    ),
    "floating IP that is no address": (
        {"fabric_instances/c1/floating_ip": "192.0.2.300"},
        [
            "fabric_instances.c1.floating_ip: '192.0.2.300' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "floating IP outside": (
        {"fabric_instances/c1/floating_ip": "192.0.3.150"},
        [
            "fabric_instances.c1.floating_ip: 192.0.3.150 is in no external network of fabric_routers.blue "
            "(192.0.2.0/24); choose an address of those",
        ],
    ),
    "floating IP with IPv6": (
        {"fabric_instances/c1/floating_ip": "2001:db8:e::150"},
        [
            "fabric_instances.c1.floating_ip: 2001:db8:e::150 is IPv6, which is routed without translation; "
            "choose an IPv4 address, or leave it out",
        ],
    ),
    "floating IP that is the gateway's": (
        {"fabric_instances/c1/floating_ip": "192.0.2.1"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.1 is already the gateway's "
            "(fabric_external_networks.ext.gateways); choose another address of 192.0.2.0/24 or move it",
        ],
    ),
    "floating IP that is a host's": (
        {"fabric_instances/c1/floating_ip": "192.0.2.253"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.253 is already kvm-02's own "
            "(fabric_external_networks.ext.host_addresses.kvm-02); choose another address of 192.0.2.0/24 "
            "or move it",
        ],
    ),
    "floating IP that is the SNAT's": (
        {"fabric_instances/c1/floating_ip": "192.0.2.20"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.20 is already router blue's "
            "(fabric_routers.blue.snat); choose another address of 192.0.2.0/24 or move it",
        ],
    ),
    "floating IP that is the broadcast address": (
        {"fabric_instances/c1/floating_ip": "192.0.2.255"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.255 is the broadcast address of 192.0.2.0/24; choose "
            "another address of it",
        ],
    ),
    "floating IP without an external network": (
        {"fabric_routers/red/external": ..., "fabric_instances/l1/floating_ip": "192.0.2.151"},
        [
            "fabric_instances.l1.floating_ip: 192.0.2.151 needs an external network, and fabric_routers.red "
            "has no network in external; add it there",
        ],
    ),
    "floating IP of another external network": (
        {
            "fabric_external_networks/ext2": {"provider": "wan", "vlan": 7, "subnets": ["198.51.100.0/24"]},
            "fabric_instances/c1/floating_ip": {"address": "198.51.100.9", "network": "ext2"},
        },
        [
            "fabric_instances.c1.floating_ip: 198.51.100.9 needs an external network, and "
            "fabric_routers.blue has no ext2 in external; add it there",
        ],
    ),
    "floating IP without a router": (
        {
            "fabric_networks/alone": {"subnets": ["10.4.0.0/24"]},
            "fabric_instances/a1": {
                "host": "kvm-01",
                "attach": "veth",
                "network": "alone",
                "addresses": ["10.4.0.10"],
                "floating_ip": "192.0.2.151",
            },
        },
        [
            "fabric_instances.a1.floating_ip: 192.0.2.151 needs a router that is the gateway of "
            "fabric_networks.alone; add the network to one",
        ],
    ),
    "floating IP for one of two addresses": (
        {"fabric_instances/c1/addresses": ["10.1.0.11", "10.1.0.12"], "fabric_instances/c1/floating_ip": "192.0.2.151"},
        [
            "fabric_instances.c1.floating_ip.fixed: is missing; say which address it stands for: 10.1.0.11, 10.1.0.12",
        ],
    ),
    "floating IP for an address of another": (
        {"fabric_instances/c1/floating_ip": {"address": "192.0.2.151", "fixed": "10.1.0.10"}},
        [
            "fabric_instances.c1.floating_ip.fixed: 10.1.0.10 is no IPv4 address of the instance "
            "(10.1.0.11); choose one",
        ],
    ),
    "floating IP without an IPv4 address": (
        {"fabric_instances/c1/addresses": ["2001:db8:1::11"], "fabric_instances/c1/floating_ip": "192.0.2.151"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.151 needs an IPv4 address of the instance; add one to addresses",
        ],
    ),
    "floating IP key unknown": (
        {"fabric_instances/c1/floating_ip": {"address": "192.0.2.151", "bandwith": {"in": "1mbit"}}},
        [
            "fabric_instances.c1.floating_ip.bandwith: is not known; did you mean bandwidth?",
        ],
    ),
    "floating IP with a bad bandwidth": (
        {"fabric_instances/c1/floating_ip": {"address": "192.0.2.151", "bandwidth": {"in": "fast"}}},
        [
            "fabric_instances.c1.floating_ip.bandwidth.in: 'fast' is not understood; write it as 500kbit, "
            "100mbit or 1.5gbit",
        ],
    ),
}
