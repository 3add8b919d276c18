# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers that cannot work: their networks, link-local pairs and routes."""

from __future__ import annotations

CASES = {
    "router key unknown": (
        {"fabric_routers/blue/nat": "192.0.2.20"},
        [
            "fabric_routers.blue.nat: is not known; did you mean snat?",
        ],
    ),
    "router without networks": (
        {"fabric_routers/red/networks": ...},
        [
            "fabric_routers.red.networks: is missing; list the networks that it connects",
        ],
    ),
    "router with networks as a text": (
        {"fabric_routers/red/networks": "lan"},
        [
            "fabric_routers.red.networks: 'lan' is not a list; list the networks that it connects",
        ],
    ),
    "router with an unknown network": (
        {"fabric_routers/blue/networks": ["web", "bd"]},
        [
            "fabric_routers.blue.networks[1]: there is no bd in fabric_networks; choose db, lan, web",
        ],
    ),
    "router with a network twice": (
        {"fabric_routers/blue/networks": ["web", "db", "web"]},
        [
            "fabric_routers.blue.networks: web is named twice; name it once",
        ],
    ),
    "router with a leg without network": (
        {"fabric_routers/red/networks": [{"port": "vport-x"}]},
        [
            "fabric_routers.red.networks[0].network: is missing; name the network",
        ],
    ),
    "router with a leg's key unknown": (
        {"fabric_routers/red/networks": [{"network": "lan", "address": ["10.1.0.1"]}]},
        [
            "fabric_routers.red.networks[0].address: is not known; did you mean addresses?",
        ],
    ),
    "router with an address outside": (
        {"fabric_routers/red/networks": [{"network": "lan", "addresses": ["10.2.0.1"]}]},
        [
            "fabric_routers.red.networks[0].addresses: 10.2.0.1 is in no subnet of fabric_networks.lan "
            "(10.1.0.0/24); choose an address of those",
        ],
    ),
    "router with two addresses in a subnet": (
        {"fabric_routers/red/networks": [{"network": "lan", "addresses": ["10.1.0.1", "10.1.0.2"]}]},
        [
            "fabric_routers.red.networks[0].addresses: 10.1.0.1 and 10.1.0.2 are in one subnet; one address "
            "of the router in each is enough",
        ],
    ),
    "router in a network without gateway": (
        {"fabric_networks/lan/gateways": []},
        [
            "fabric_routers.red.networks[0].addresses: is missing; fabric_networks.lan has no gateway that "
            "the router could be",
        ],
    ),
    "router with a host's MAC address": (
        {"fabric_routers/red/networks": [{"network": "lan", "mac": "5a:d0:00:00:00:01"}]},
        [
            "fabric_routers.red.networks[0].mac: 5a:d0:00:00:00:01 begins with 5a:d0, as hosts' addresses "
            "for routed frames do; choose another, such as 52:54:00:00:00:01",
        ],
    ),
    "router with overlapping networks": (
        {"fabric_routers/red/networks": ["lan", "web"]},
        [
            "fabric_routers.red.networks: 10.1.0.0/24 of fabric_networks.web overlaps with 10.1.0.0/24 of "
            "fabric_networks.lan; choose another subnet for one of them",
        ],
    ),
    "router with an external network that overlaps": (
        {"fabric_networks/lan/subnets": ["192.0.2.0/25"], "fabric_instances/l1/addresses": ["192.0.2.10"]},
        [
            "fabric_routers.red.external: 192.0.2.0/25 of fabric_networks.lan overlaps with 192.0.2.0/24 of "
            "fabric_external_networks.ext; choose another subnet for one of them",
        ],
    ),
    "router with external networks that overlap": (
        {
            "fabric_external_networks/ext2": {
                "provider": "wan",
                "vlan": 7,
                "subnets": ["192.0.2.0/24"],
                "host_addresses": {"kvm-01": "192.0.2.9", "kvm-02": "192.0.2.8"},
            },
            "fabric_routers/red/external": ["ext", "ext2"],
        },
        [
            "fabric_routers.red.external: 192.0.2.0/24 of fabric_external_networks.ext2 overlaps with "
            "192.0.2.0/24 of fabric_external_networks.ext; choose another subnet for one of them",
        ],
    ),
    "router with an unknown external network": (
        {"fabric_routers/red/external": "exit"},
        [
            "fabric_routers.red.external: there is no exit in fabric_external_networks; did you mean ext?",
        ],
    ),
    "two routers that are one gateway": (
        {"fabric_routers/green": {"networks": ["web"]}},
        [
            "fabric_routers.green.networks: 10.1.0.1 is already router blue's (fabric_routers.blue); give "
            "one of them other addresses in web",
            "fabric_routers.green.networks: 2001:db8:1::1 is already router blue's (fabric_routers.blue); "
            "give one of them other addresses in web",
        ],
    ),
    "two routers with one central address": (
        {
            "fabric_routers/green": {
                "networks": [{"network": "web", "addresses": ["10.1.0.2"]}],
                "external": "ext",
                "snat": "192.0.2.21",
            }
        },
        [
            "fabric_routers.green.networks: 10.1.0.254 is already the SNAT's of router blue "
            "(fabric_routers.blue.snat); set snat_address of web to a free address of 10.1.0.0/24",
        ],
    ),
    "pair outside of link-local addresses": (
        {"fabric_routers/blue/link_local": "10.0.0.2"},
        [
            "fabric_routers.blue.link_local: 10.0.0.2 is outside of 169.254.0.0/16; choose the first "
            "address of a /31 there",
        ],
    ),
    "pair that begins with an odd address": (
        {"fabric_routers/blue/link_local": "169.254.31.239"},
        [
            "fabric_routers.blue.link_local: 169.254.31.239 is odd; choose the first address of the /31, "
            "169.254.31.238",
        ],
    ),
    "pair of the metadata address": (
        {"fabric_routers/blue/link_local": "169.254.169.254"},
        [
            "fabric_routers.blue.link_local: 169.254.169.254 is used otherwise (169.254.169.254 and "
            "169.254.192.0/18); choose another address",
        ],
    ),
    "pair that SNAT hosts use": (
        {"fabric_routers/blue/link_local": "169.254.192.2"},
        [
            "fabric_routers.blue.link_local: 169.254.192.2 is used otherwise (169.254.169.254 and "
            "169.254.192.0/18); choose another address",
        ],
    ),
    "pair of an unknown external network": (
        {"fabric_routers/blue/link_local": {"exit": "169.254.31.238"}},
        [
            "fabric_routers.blue.link_local: there is no exit in fabric_routers.blue.external; did you mean ext?",
        ],
    ),
    "pair without external network": (
        {"fabric_routers/red/external": ..., "fabric_routers/red/link_local": "169.254.31.238"},
        [
            "fabric_routers.red.link_local: has no meaning without external; leave it out",
        ],
    ),
    "pairs that meet on a host": (
        {"fabric_routers/blue/link_local": "169.254.64.2", "fabric_routers/red/link_local": "169.254.64.2"},
        [
            "fabric_routers.red.link_local: 169.254.64.2 is already router blue's (fabric_routers.blue) on "
            "kvm-01; set link_local of one of them to 169.254.64.4",
        ],
    ),
    "pairs that meet where no more is free": (
        {"fabric_link_local_pool": "169.254.64.0/31"},
        [
            "fabric_routers.red.link_local: 169.254.64.0 is already router blue's (fabric_routers.blue) on "
            "kvm-01; set fabric_link_local_pool: none is free in 169.254.64.0/31",
        ],
    ),
    "route that is the default": (
        {"fabric_routers/blue/routes": [{"to": "0.0.0.0/0", "via": "10.1.0.50"}]},
        [
            "fabric_routers.blue.routes[0].to: 0.0.0.0/0 is a default route; the router's is that of its "
            "external network",
        ],
    ),
    "route by a neighbour that is none": (
        {"fabric_routers/blue/routes": [{"to": "10.9.0.0/16", "via": "10.3.0.50"}]},
        [
            "fabric_routers.blue.routes[0].via: 10.3.0.50 is in no network of the router (10.2.0.0/24, "
            "10.1.0.0/24, 2001:db8:1::/64); name a neighbour",
        ],
    ),
    "route by an external neighbour": (
        {"fabric_routers/blue/routes": [{"to": "10.9.0.0/16", "via": "192.0.2.9"}]},
        [
            "fabric_routers.blue.routes[0].via: 192.0.2.9 is in no network of the router (10.2.0.0/24, "
            "10.1.0.0/24, 2001:db8:1::/64); name a neighbour",
        ],
    ),
    "route by the router itself": (
        {"fabric_routers/blue/routes": [{"to": "10.9.0.0/16", "via": "10.1.0.1"}]},
        [
            "fabric_routers.blue.routes[0].via: 10.1.0.1 is the router itself; name a neighbour",
        ],
    ),
    "route of two families": (
        {"fabric_routers/blue/routes": [{"to": "10.9.0.0/16", "via": "2001:db8:1::50"}]},
        [
            "fabric_routers.blue.routes[0].via: 2001:db8:1::50 is of another family than 10.9.0.0/16; "
            "choose an IPv4 address",
        ],
    ),
    "route to what is connected": (
        {"fabric_routers/blue/routes": [{"to": "10.2.0.0/24", "via": "10.1.0.50"}]},
        [
            "fabric_routers.blue.routes[0].to: 10.2.0.0/24 covers 10.2.0.0/24, which the router is "
            "connected with; leave that out of the route",
        ],
    ),
    "route by what is no instance": (
        {"fabric_routers/blue/routes": [{"to": "10.9.0.0/16", "via": "10.1.0.60"}]},
        [
            "fabric_routers.blue.routes[0].via: 10.1.0.60 is no instance's address in fabric_networks.web; "
            "name one that is",
        ],
    ),
    "route by an instance that may not send on": (
        {"fabric_instances/gw/allowed_addresses": ...},
        [
            "fabric_routers.blue.routes[0].via: 10.1.0.50 is gw's, which may not send from 10.9.0.0/16; add "
            "that to fabric_instances.gw.allowed_addresses",
        ],
    ),
    "route without neighbour": (
        {"fabric_routers/blue/routes": [{"to": "10.9.0.0/16"}]},
        [
            "fabric_routers.blue.routes[0].via: is missing; name a neighbour in a network of the router",
        ],
    ),
    "route twice": (
        {
            "fabric_routers/blue/routes": [
                {"to": "10.9.0.0/16", "via": "10.1.0.50"},
                {"to": "10.9.0.0/16", "via": "10.1.0.11"},
            ]
        },
        [
            "fabric_routers.blue.routes[1].to: 10.9.0.0/16 is named twice; name it once",
        ],
    ),
    "routes as a map": (
        {"fabric_routers/blue/routes": {"to": "10.9.0.0/16", "via": "10.1.0.50"}},
        [
            "fabric_routers.blue.routes: {'to': '10.9.0.0/16', 'via': '10.1.0.50'} is not a list; write "
            "[{to: 10.9.0.0/16, via: 172.16.18.50}]",
        ],
    ),
    "name that is a number": (
        {"fabric_routers": {7: {}}, "fabric_instances": {}},
        [
            "fabric_routers: 7 is not a text; put the name in quotes",
        ],
    ),
}
