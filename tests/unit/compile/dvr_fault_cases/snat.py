# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SNAT of routers that cannot work, and its central addresses."""

from __future__ import annotations

CASES = {
    "SNAT without a host for it": (
        {"fabric_snat_hosts": ...},
        [
            "fabric_routers.blue.snat: 192.0.2.20 is on no host; name one in fabric_snat_hosts, or leave it out",
        ],
    ),
    "SNAT without an external network": (
        {"fabric_routers/blue/external": ..., "fabric_instances/vm1/floating_ip": ...},
        [
            "fabric_routers.blue.snat: 192.0.2.20 is in no external network of the router (there are none); "
            "choose an address of those",
        ],
    ),
    "SNAT outside of the external network": (
        {"fabric_routers/blue/snat": "192.0.3.20"},
        [
            "fabric_routers.blue.snat: 192.0.3.20 is in no external network of the router (192.0.2.0/24, "
            "2001:db8:e::/64); choose an address of those",
        ],
    ),
    "SNAT with IPv6": (
        {"fabric_routers/blue/snat": "2001:db8:e::20"},
        [
            "fabric_routers.blue.snat: 2001:db8:e::20 is IPv6, which is routed without translation; choose "
            "an IPv4 address",
        ],
    ),
    "SNAT with the gateway's address": (
        {"fabric_routers/blue/snat": "192.0.2.1"},
        [
            "fabric_routers.blue.snat: 192.0.2.1 is already the gateway's "
            "(fabric_external_networks.ext.gateways); choose another address of 192.0.2.0/24",
        ],
    ),
    "SNAT with a host's address": (
        {"fabric_routers/blue/snat": "192.0.2.254"},
        [
            "fabric_routers.blue.snat: 192.0.2.254 is already kvm-01's own "
            "(fabric_external_networks.ext.host_addresses.kvm-01); choose another address of 192.0.2.0/24",
        ],
    ),
    "SNAT with the network's address": (
        {"fabric_routers/blue/snat": "192.0.2.0"},
        [
            "fabric_routers.blue.snat: 192.0.2.0 is the network address of 192.0.2.0/24; choose another address of it",
        ],
    ),
    "SNAT with another router's address": (
        {"fabric_routers/red/snat": "192.0.2.20"},
        [
            "fabric_routers.red.snat: 192.0.2.20 is already router blue's (fabric_routers.blue.snat); "
            "choose another address of 192.0.2.0/24",
        ],
    ),
    "SNAT without a way out": (
        {"fabric_external_networks/ext/gateways": []},
        [
            "fabric_routers.blue.snat: 192.0.2.20 has no way out; name the gateway of 192.0.2.0/24 in "
            "fabric_external_networks.ext.gateways",
        ],
    ),
    "SNAT key without SNAT": (
        {
            "fabric_routers/red/networks": [{"network": "lan", "snat_address": "10.1.0.9"}],
            "fabric_routers/red/conntrack_sync": True,
        },
        [
            "fabric_routers.red.conntrack_sync: has no meaning without snat; leave it out",
            "fabric_routers.red.networks[0].snat_address: has no meaning without snat; leave it out",
        ],
    ),
    "central address outside": (
        {"fabric_routers/blue/networks/1/snat_address": "10.3.0.9"},
        [
            "fabric_routers.blue.networks[1].snat_address: 10.3.0.9 is in no IPv4 subnet of the leg "
            "(10.2.0.0/24); choose an address of those",
        ],
    ),
    "central address that is the router's": (
        {"fabric_routers/blue/networks/1/snat_address": "10.2.0.1"},
        [
            "fabric_routers.blue.networks[1].snat_address: 10.2.0.1 of 10.2.0.0/24 is the router's own; set "
            "snat_address to one that nobody has",
        ],
    ),
    "central address that is an instance's": (
        {"fabric_routers/blue/networks/1/snat_address": "10.2.0.10"},
        [
            "fabric_instances.d1.addresses: 10.2.0.10 is already the SNAT's of router blue "
            "(fabric_routers.blue.snat); choose another address or move it",
        ],
    ),
    "central address for which there is no room": (
        {
            "fabric_networks/db/subnets": ["10.2.0.0/30"],
            "fabric_networks/db/gateways": ["10.2.0.2"],
            "fabric_instances/d1": ...,
        },
        [
            "fabric_routers.blue.networks[1].snat_address: 10.2.0.2 of 10.2.0.0/30 is the router's own; set "
            "snat_address to one that nobody has",
        ],
    ),
    "connections to be told to nobody": (
        {"fabric_routers/blue/conntrack_sync": True},
        [
            "fabric_routers.blue.conntrack_sync: needs a second SNAT host; add one to fabric_snat_hosts, or "
            "leave it out",
        ],
    ),
}
