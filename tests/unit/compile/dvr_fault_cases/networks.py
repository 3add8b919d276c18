# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that cannot work."""

from __future__ import annotations

CASES = {
    "subnet of IPv4 addresses in IPv6": (
        {"fabric_networks/db/subnets": ["10.2.0.0/24", "::ffff:10.9.0.0/112"]},
        [
            "fabric_networks.db.subnets: ::ffff:10.9.0.0 is an IPv4 address in IPv6; write 10.9.0.0",
        ],
    ),
    "network key unknown": (
        {"fabric_networks/web/subnet": ["10.1.0.0/24"]},
        [
            "fabric_networks.web.subnet: is not known; did you mean subnets?",
        ],
    ),
    "network without subnets": (
        {"fabric_networks/db/subnets": ...},
        [
            "fabric_networks.db.subnets: is missing; name at least one, such as [172.16.18.0/24]",
        ],
    ),
    "network with a bad subnet": (
        {"fabric_networks/db/subnets": ["10.2.0.1/24"]},
        [
            "fabric_networks.db.subnets: '10.2.0.1/24' has host bits set; write 10.2.0.0/24",
        ],
    ),
    "network whose subnets overlap": (
        {"fabric_networks/db/subnets": ["10.2.0.0/24", "10.2.0.0/25"]},
        [
            "fabric_networks.db.subnets: 10.2.0.0/25 and 10.2.0.0/24 overlap; keep one of them",
        ],
    ),
    "network with no room": (
        {"fabric_networks/db/subnets": ["10.2.0.0/24", "10.3.0.0/31"]},
        [
            "fabric_networks.db.subnets: 10.3.0.0/31 has no room for a gateway and instances; choose a /30 or more",
        ],
    ),
    "network with two gateways": (
        {"fabric_networks/db/gateways": ["10.2.0.1", "10.2.0.2"]},
        [
            "fabric_networks.db.gateways: 10.2.0.2 is the second one in 10.2.0.0/24; name one for each subnet",
        ],
    ),
    "network whose gateway is its broadcast address": (
        {"fabric_networks/db/gateways": ["10.2.0.255"]},
        [
            "fabric_networks.db.gateways: 10.2.0.255 is the broadcast address of 10.2.0.0/24; choose "
            "another address of it",
        ],
    ),
    "network with a gateway elsewhere": (
        {"fabric_networks/db/gateways": ["10.3.0.1"]},
        [
            "fabric_networks.db.gateways: 10.3.0.1 is in no subnet of the network (10.2.0.0/24); choose one there",
        ],
    ),
    "network with an MTU that does not fit in VXLAN": (
        {"fabric_networks/web/mtu": 1500},
        [
            "fabric_networks.web.mtu: 1500 is more than the 1450 that fit in VXLAN (fabric_underlay_mtu "
            "1500 - 50); choose 1450 or less",
        ],
    ),
    "network with an MTU that does not fit in VXLAN over IPv6": (
        {
            "fabric_networks/web/mtu": 1440,
            "fabric_hosts/kvm-01/tunnel": "2001:db8::1",
            "fabric_hosts/kvm-02/tunnel": "2001:db8::2",
            "fabric_hosts/net-01/tunnel": "2001:db8::3",
        },
        [
            "fabric_networks.web.mtu: 1440 is more than the 1430 that fit in VXLAN (fabric_underlay_mtu "
            "1500 - 70); choose 1430 or less",
        ],
    ),
    "network with an MTU that does not fit its provider": (
        {"fabric_networks/lan/mtu": 9000},
        [
            "fabric_networks.lan.mtu: 9000 is more than the 1500 of fabric_providers.wan; choose 1500 or less",
        ],
    ),
    "network with an MTU too small for IPv6": (
        {"fabric_networks/web/mtu": 1000},
        [
            "fabric_networks.web.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "network with a VNI on a provider": (
        {"fabric_networks/lan/vni": 7},
        [
            "fabric_networks.lan.vni: has no meaning on a provider; leave it out, or provider",
        ],
    ),
    "network with a VLAN and no provider": (
        {"fabric_networks/web/vlan": 7},
        [
            "fabric_networks.web.vlan: has no meaning without provider; say which provider it is on, or leave it out",
        ],
    ),
    "network with a bad VNI": (
        {"fabric_networks/web/vni": 16777216},
        [
            "fabric_networks.web.vni: 16777216 is out of range; choose 1 to 16777215",
        ],
    ),
    "networks with one VNI": (
        {"fabric_networks/web/vni": 7, "fabric_networks/db/vni": 7},
        [
            "fabric_networks.web.vni: VNI 7 is already that of db (fabric_networks.db); set vni of one of "
            "them, to 14668240 for example",
        ],
    ),
    "networks with one VLAN": (
        {"fabric_networks/lan2": {"subnets": ["10.3.0.0/24"], "provider": "wan", "vlan": 30}},
        [
            "fabric_networks.lan2.vlan: VLAN 30 of provider wan is already lan's (fabric_networks.lan); "
            "choose another VLAN for one of them",
        ],
    ),
    "network and external network both without a tag": (
        {"fabric_networks/lan/vlan": ...},
        [
            "fabric_networks.lan.vlan: what has no tag of provider wan is already ext's "
            "(fabric_external_networks.ext); choose another VLAN for one of them",
        ],
    ),
    "network on an unknown provider": (
        {"fabric_networks/lan/provider": "lan"},
        [
            "fabric_networks.lan.provider: there is no lan in fabric_providers; did you mean wan?",
        ],
    ),
    "networks as a list": (
        {"fabric_networks": ["web"], "fabric_routers": {}, "fabric_instances": {}},
        [
            "fabric_networks: ['web'] is not a map; write each entry as NAME: {…}",
        ],
    ),
    "network that is a text": (
        {"fabric_networks/x": "10.0.0.0/24"},
        [
            "fabric_networks.x: '10.0.0.0/24' is not a map of keys and values",
        ],
    ),
}
