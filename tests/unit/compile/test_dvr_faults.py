# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intent for routers that cannot work, with the exact words that refuse it. Cases change the fleet of dvr_intent."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from dvr_intent import HOSTS, fleet

from ansible_collections.hostnet.fabric.plugins.filter.dvr_document import dvr_document
from ansible_collections.hostnet.fabric.plugins.filter.dvr_faults import dvr_faults
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet as Bridges
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError

H, P, X = "fabric_hosts", "fabric_providers", "fabric_external_networks"
N, R, G, V = "fabric_networks", "fabric_routers", "fabric_security_groups", "fabric_instances"
RULE = f"{G}/web/ingress/0"

CASES = {
    # hosts and what holds for all
    "host key unknown": (
        {f"{H}/kvm-01/tunel": "10.0.0.1"},
        [
            "fabric_hosts.kvm-01.tunel: is not known; did you mean tunnel?",
        ],
    ),
    "host that is not in the inventory": (
        {f"{H}/kvm-3": {}},
        [
            "fabric_hosts.kvm-3: kvm-3 is not in the inventory; did you mean kvm-02?",
        ],
    ),
    "host with a bad tunnel": (
        {f"{H}/kvm-01/tunnel": "10.0.0.1/24"},
        [
            "fabric_hosts.kvm-01.tunnel: '10.0.0.1/24' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "host without a tunnel whose networks are elsewhere, too": (
        {f"{H}/kvm-02/tunnel": ...},
        [
            "fabric_hosts.kvm-02.tunnel: is missing; fabric_networks.db is on other hosts, too: name the "
            "host's address for VXLAN",
            "fabric_hosts.kvm-02.tunnel: is missing; fabric_networks.web is on other hosts, too: name the "
            "host's address for VXLAN",
        ],
    ),
    "two hosts with one tunnel": (
        {f"{H}/kvm-02/tunnel": "10.0.0.1"},
        [
            "fabric_hosts.kvm-02.tunnel: 10.0.0.1 is already kvm-01's (fabric_hosts.kvm-01); choose the "
            "host's own address",
        ],
    ),
    "tunnels of two families": (
        {f"{H}/kvm-02/tunnel": "2001:db8::2"},
        [
            "fabric_hosts.kvm-01.tunnel: 10.0.0.1 is of IPv4, and other hosts have tunnels over IPv6; "
            "choose one family for all hosts",
            "fabric_hosts.net-01.tunnel: 10.0.0.3 is of IPv4, and other hosts have tunnels over IPv6; "
            "choose one family for all hosts",
        ],
    ),
    "two hosts with one MAC address": (
        {f"{H}/kvm-01/dvr_mac": "5a:d0:00:00:00:01", f"{H}/kvm-02/dvr_mac": "5a:d0:00:00:00:01"},
        [
            "fabric_hosts.kvm-02.dvr_mac: 5a:d0:00:00:00:01 is already kvm-01's (fabric_hosts.kvm-01); set "
            "dvr_mac of one of them",
        ],
    ),
    "host MAC address that others do not know": (
        {f"{H}/kvm-01/dvr_mac": "52:54:00:00:00:01"},
        [
            "fabric_hosts.kvm-01.dvr_mac: 52:54:00:00:00:01 does not begin with 5a:d0:, by which other "
            "hosts know it; choose one",
        ],
    ),
    "host with an unknown datapath": (
        {f"{H}/kvm-01/datapath": "dpdk"},
        [
            "fabric_hosts.kvm-01.datapath: 'dpdk' is not known; choose system, netdev",
        ],
    ),
    "host with an unknown provider": (
        {f"{H}/kvm-01/providers": {"lan": {"device": "eth2"}}},
        [
            "fabric_hosts.kvm-01.providers: there is no lan in fabric_providers; did you mean wan?",
        ],
    ),
    "host with a list of providers": (
        {f"{H}/kvm-01/providers": ["wan"]},
        [
            "fabric_hosts.kvm-01.providers: ['wan'] is not a map; write what is different here, such as "
            "{PROVIDER: {device: eth1}}",
        ],
    ),
    "host with an MTU of its own": (
        {f"{H}/kvm-01/providers": {"wan": {"mtu": 9000}}},
        [
            "fabric_hosts.kvm-01.providers.wan.mtu: is the same on all hosts; set fabric_providers.wan.mtu",
        ],
    ),
    "SNAT host that there is not": (
        {"fabric_snat_hosts": ["net-1"]},
        [
            "fabric_snat_hosts: there is no net-1 in fabric_hosts; did you mean net-01?",
        ],
    ),
    "second SNAT host without a way to see the first": (
        {"fabric_snat_hosts": ["net-01", "kvm-01"]},
        [
            "fabric_hosts.kvm-01.tunnel_device: is missing; name the device of the tunnel's address, by "
            "which SNAT hosts see whether the others live",
        ],
    ),
    "second SNAT host without a tunnel": (
        {"fabric_snat_hosts": ["net-01", "kvm-03"], f"{H}/kvm-03": {"tunnel_device": "eth0"}},
        [
            "fabric_hosts.kvm-03: kvm-03 is not in the inventory; did you mean kvm-02?",
            "fabric_hosts.kvm-03.tunnel: is missing; name the address, by which SNAT hosts see whether the others live",
        ],
    ),
    "pool that is not link-local": (
        {"fabric_link_local_pool": "10.0.0.0/24"},
        [
            "fabric_link_local_pool: 10.0.0.0/24 is no part of 169.254.0.0/16 with room for pairs; choose "
            "one, such as 169.254.64.0/18",
        ],
    ),
    "pool that SNAT hosts use": (
        {"fabric_link_local_pool": "169.254.192.0/20"},
        [
            "fabric_link_local_pool: 169.254.192.0/20 is used for connections between SNAT hosts; choose "
            "another, such as 169.254.64.0/18",
        ],
    ),
    "pool with host bits": (
        {"fabric_link_local_pool": "169.254.64.1/18"},
        [
            "fabric_link_local_pool: '169.254.64.1/18' has host bits set; write 169.254.64.0/18",
        ],
    ),
    "underlay MTU out of range": (
        {"fabric_underlay_mtu": 90000},
        [
            "fabric_underlay_mtu: 90000 is out of range; choose 68 to 65535",
        ],
    ),
    "underlay MTU too small for IPv6 inside": (
        {"fabric_underlay_mtu": 1300},
        [
            "fabric_networks.web.mtu: 1250 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    # providers
    "provider without a device": (
        {f"{P}/wan/device": ...},
        [
            "fabric_providers.wan.device: is missing on kvm-01, which has fabric_external_networks.ext; "
            "name the device that leads there",
            "fabric_providers.wan.device: is missing on kvm-02, which has fabric_external_networks.ext; "
            "name the device that leads there",
            "fabric_providers.wan.device: is missing on net-01, which has fabric_external_networks.ext; "
            "name the device that leads there",
        ],
    ),
    "provider key unknown": (
        {f"{P}/wan/devise": "eth1"},
        [
            "fabric_providers.wan.devise: is not known; did you mean device?",
        ],
    ),
    "provider with br-int": (
        {f"{P}/wan/bridge": "br-int"},
        [
            "fabric_providers.wan.bridge: br-int is already the device of all networks (fabric_hosts); give "
            "one of them another name",
        ],
    ),
    "two names of one device": (
        {f"{P}/wan/integration_patch": "peer", f"{P}/wan/provider_patch": "peer"},
        [
            "fabric_providers.wan.provider_patch: peer is already the device of wan "
            "(fabric_providers.wan.integration_patch); give one of them another name",
        ],
    ),
    # external networks
    "external network without a provider": (
        {f"{X}/ext/provider": ..., f"{X}/ext/vlan": 7},
        [
            "fabric_external_networks.ext.provider: is missing; name the physical network that it is on",
        ],
    ),
    "external network on an unknown provider": (
        {f"{X}/ext/provider": "wam"},
        [
            "fabric_external_networks.ext.provider: there is no wam in fabric_providers; did you mean wan?",
        ],
    ),
    "external network with the MTU of none": (
        {f"{X}/ext/mtu": 9000},
        [
            "fabric_external_networks.ext.mtu: 9000 is more than the 1500 of fabric_providers.wan; choose 1500 or less",
        ],
    ),
    "external network with an address that cannot be right": (
        {f"{X}/ext/host_addresses/kvm-01": "192.0.2.400"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: '192.0.2.400' is no IP address; write it "
            "as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "external network without an address for a host": (
        {f"{X}/ext/host_addresses": {"kvm-01": "192.0.2.254"}},
        [
            "fabric_external_networks.ext.host_addresses: has no IPv4 address of kvm-02, which has "
            "fabric_routers.blue; choose a free one of 192.0.2.0/24",
        ],
    ),
    "host address of an unknown host": (
        {f"{X}/ext/host_addresses/kvm-2": "192.0.2.252"},
        [
            "fabric_external_networks.ext.host_addresses: there is no kvm-2 in fabric_hosts; did you mean kvm-02?",
        ],
    ),
    "host address outside": (
        {f"{X}/ext/host_addresses/kvm-01": "192.0.3.254"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.3.254 is in no subnet of "
            "fabric_external_networks.ext (192.0.2.0/24, 2001:db8:e::/64); choose an address of those",
        ],
    ),
    "host address that is the broadcast address": (
        {f"{X}/ext/host_addresses/kvm-01": "192.0.2.255"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.2.255 is the broadcast address of "
            "192.0.2.0/24; choose another address of it",
        ],
    ),
    "host address that is the gateway": (
        {f"{X}/ext/host_addresses/kvm-01": "192.0.2.1"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.2.1 is already the gateway's "
            "(fabric_external_networks.ext.gateways); choose another address",
        ],
    ),
    "host addresses twice in one subnet": (
        {f"{X}/ext/host_addresses/kvm-01": ["192.0.2.254", "192.0.2.252"]},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.2.254 and 192.0.2.252 are in one "
            "subnet; one of the host in each is enough",
        ],
    ),
    "host addresses the same": (
        {f"{X}/ext/host_addresses/kvm-02": "192.0.2.254"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-02: 192.0.2.254 is already kvm-01's own "
            "(fabric_external_networks.ext.host_addresses.kvm-01); choose another address",
        ],
    ),
    "host addresses as a text": (
        {f"{X}/ext/host_addresses": "192.0.2.254"},
        [
            "fabric_external_networks.ext.host_addresses: '192.0.2.254' is not a map; write each host's own "
            "as HOST: ADDRESS",
        ],
    ),
    "external gateway outside": (
        {f"{X}/ext/gateways": ["192.0.3.1"]},
        [
            "fabric_external_networks.ext.gateways: 192.0.3.1 is in no subnet of the network (192.0.2.0/24, "
            "2001:db8:e::/64); choose one there",
        ],
    ),
    "external network named like a network": (
        {f"{N}/ext": {"subnets": ["10.3.0.0/24"]}},
        [
            "fabric_networks.ext: ext is already an external network (fabric_external_networks.ext); rename "
            "one of them",
        ],
    ),
    # networks
    "network key unknown": (
        {f"{N}/web/subnet": ["10.1.0.0/24"]},
        [
            "fabric_networks.web.subnet: is not known; did you mean subnets?",
        ],
    ),
    "network without subnets": (
        {f"{N}/db/subnets": ...},
        [
            "fabric_networks.db.subnets: is missing; name at least one, such as [172.16.18.0/24]",
        ],
    ),
    "network with a bad subnet": (
        {f"{N}/db/subnets": ["10.2.0.1/24"]},
        [
            "fabric_networks.db.subnets: '10.2.0.1/24' has host bits set; write 10.2.0.0/24",
        ],
    ),
    "network whose subnets overlap": (
        {f"{N}/db/subnets": ["10.2.0.0/24", "10.2.0.0/25"]},
        [
            "fabric_networks.db.subnets: 10.2.0.0/25 and 10.2.0.0/24 overlap; keep one of them",
        ],
    ),
    "network with no room": (
        {f"{N}/db/subnets": ["10.2.0.0/24", "10.3.0.0/31"]},
        [
            "fabric_networks.db.subnets: 10.3.0.0/31 has no room for a gateway and instances; choose a /30 or more",
        ],
    ),
    "network with two gateways": (
        {f"{N}/db/gateways": ["10.2.0.1", "10.2.0.2"]},
        [
            "fabric_networks.db.gateways: 10.2.0.2 is the second one in 10.2.0.0/24; name one for each subnet",
        ],
    ),
    "network whose gateway is its broadcast address": (
        {f"{N}/db/gateways": ["10.2.0.255"]},
        [
            "fabric_networks.db.gateways: 10.2.0.255 is the broadcast address of 10.2.0.0/24; choose "
            "another address of it",
        ],
    ),
    "network with a gateway elsewhere": (
        {f"{N}/db/gateways": ["10.3.0.1"]},
        [
            "fabric_networks.db.gateways: 10.3.0.1 is in no subnet of the network (10.2.0.0/24); choose one there",
        ],
    ),
    "network with an MTU that does not fit in VXLAN": (
        {f"{N}/web/mtu": 1500},
        [
            "fabric_networks.web.mtu: 1500 is more than the 1450 that fit in VXLAN (fabric_underlay_mtu "
            "1500 - 50); choose 1450 or less",
        ],
    ),
    "network with an MTU that does not fit in VXLAN over IPv6": (
        {
            f"{N}/web/mtu": 1440,
            f"{H}/kvm-01/tunnel": "2001:db8::1",
            f"{H}/kvm-02/tunnel": "2001:db8::2",
            f"{H}/net-01/tunnel": "2001:db8::3",
        },
        [
            "fabric_networks.web.mtu: 1440 is more than the 1430 that fit in VXLAN (fabric_underlay_mtu "
            "1500 - 70); choose 1430 or less",
        ],
    ),
    "network with an MTU that does not fit its provider": (
        {f"{N}/lan/mtu": 9000},
        [
            "fabric_networks.lan.mtu: 9000 is more than the 1500 of fabric_providers.wan; choose 1500 or less",
        ],
    ),
    "network with an MTU too small for IPv6": (
        {f"{N}/web/mtu": 1000},
        [
            "fabric_networks.web.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "network with a VNI on a provider": (
        {f"{N}/lan/vni": 7},
        [
            "fabric_networks.lan.vni: has no meaning on a provider; leave it out, or provider",
        ],
    ),
    "network with a VLAN and no provider": (
        {f"{N}/web/vlan": 7},
        [
            "fabric_networks.web.vlan: has no meaning without provider; say which provider it is on, or leave it out",
        ],
    ),
    "network with a bad VNI": (
        {f"{N}/web/vni": 16777216},
        [
            "fabric_networks.web.vni: 16777216 is out of range; choose 1 to 16777215",
        ],
    ),
    "networks with one VNI": (
        {f"{N}/web/vni": 7, f"{N}/db/vni": 7},
        [
            "fabric_networks.web.vni: VNI 7 is already that of db (fabric_networks.db); set vni of one of "
            "them, to 14668240 for example",
        ],
    ),
    "networks with one VLAN": (
        {f"{N}/lan2": {"subnets": ["10.3.0.0/24"], "provider": "wan", "vlan": 30}},
        [
            "fabric_networks.lan2.vlan: VLAN 30 of provider wan is already lan's (fabric_networks.lan); "
            "choose another VLAN for one of them",
        ],
    ),
    "network and external network both without a tag": (
        {f"{N}/lan/vlan": ...},
        [
            "fabric_networks.lan.vlan: what has no tag of provider wan is already ext's "
            "(fabric_external_networks.ext); choose another VLAN for one of them",
        ],
    ),
    "network on an unknown provider": (
        {f"{N}/lan/provider": "lan"},
        [
            "fabric_networks.lan.provider: there is no lan in fabric_providers; did you mean wan?",
        ],
    ),
    # routers
    "router key unknown": (
        {f"{R}/blue/nat": "192.0.2.20"},
        [
            "fabric_routers.blue.nat: is not known; did you mean snat?",
        ],
    ),
    "router without networks": (
        {f"{R}/red/networks": ...},
        [
            "fabric_routers.red.networks: is missing; list the networks that it connects",
        ],
    ),
    "router with networks as a text": (
        {f"{R}/red/networks": "lan"},
        [
            "fabric_routers.red.networks: 'lan' is not a list; list the networks that it connects",
        ],
    ),
    "router with an unknown network": (
        {f"{R}/blue/networks": ["web", "bd"]},
        [
            "fabric_routers.blue.networks[1]: there is no bd in fabric_networks; choose db, lan, web",
        ],
    ),
    "router with a network twice": (
        {f"{R}/blue/networks": ["web", "db", "web"]},
        [
            "fabric_routers.blue.networks: web is named twice; name it once",
        ],
    ),
    "router with a leg without network": (
        {f"{R}/red/networks": [{"port": "vport-x"}]},
        [
            "fabric_routers.red.networks[0].network: is missing; name the network",
        ],
    ),
    "router with a leg's key unknown": (
        {f"{R}/red/networks": [{"network": "lan", "address": ["10.1.0.1"]}]},
        [
            "fabric_routers.red.networks[0].address: is not known; did you mean addresses?",
        ],
    ),
    "router with an address outside": (
        {f"{R}/red/networks": [{"network": "lan", "addresses": ["10.2.0.1"]}]},
        [
            "fabric_routers.red.networks[0].addresses: 10.2.0.1 is in no subnet of fabric_networks.lan "
            "(10.1.0.0/24); choose an address of those",
        ],
    ),
    "router with two addresses in a subnet": (
        {f"{R}/red/networks": [{"network": "lan", "addresses": ["10.1.0.1", "10.1.0.2"]}]},
        [
            "fabric_routers.red.networks[0].addresses: 10.1.0.1 and 10.1.0.2 are in one subnet; one address "
            "of the router in each is enough",
        ],
    ),
    "router in a network without gateway": (
        {f"{N}/lan/gateways": []},
        [
            "fabric_routers.red.networks[0].addresses: is missing; fabric_networks.lan has no gateway that "
            "the router could be",
        ],
    ),
    "router with a host's MAC address": (
        {f"{R}/red/networks": [{"network": "lan", "mac": "5a:d0:00:00:00:01"}]},
        [
            "fabric_routers.red.networks[0].mac: 5a:d0:00:00:00:01 begins with 5a:d0, as hosts' addresses "
            "for routed frames do; choose another, such as 52:54:00:00:00:01",
        ],
    ),
    "router with overlapping networks": (
        {f"{R}/red/networks": ["lan", "web"]},
        [
            "fabric_routers.red.networks: 10.1.0.0/24 of fabric_networks.web overlaps with 10.1.0.0/24 of "
            "fabric_networks.lan; choose another subnet for one of them",
        ],
    ),
    "router with an external network that overlaps": (
        {f"{N}/lan/subnets": ["192.0.2.0/25"], f"{V}/l1/addresses": ["192.0.2.10"]},
        [
            "fabric_routers.red.external: 192.0.2.0/25 of fabric_networks.lan overlaps with 192.0.2.0/24 of "
            "fabric_external_networks.ext; choose another subnet for one of them",
        ],
    ),
    "router with external networks that overlap": (
        {
            f"{X}/ext2": {
                "provider": "wan",
                "vlan": 7,
                "subnets": ["192.0.2.0/24"],
                "host_addresses": {"kvm-01": "192.0.2.9", "kvm-02": "192.0.2.8"},
            },
            f"{R}/red/external": ["ext", "ext2"],
        },
        [
            "fabric_routers.red.external: 192.0.2.0/24 of fabric_external_networks.ext2 overlaps with "
            "192.0.2.0/24 of fabric_external_networks.ext; choose another subnet for one of them",
        ],
    ),
    "router with an unknown external network": (
        {f"{R}/red/external": "exit"},
        [
            "fabric_routers.red.external: there is no exit in fabric_external_networks; did you mean ext?",
        ],
    ),
    "two routers that are one gateway": (
        {f"{R}/green": {"networks": ["web"]}},
        [
            "fabric_routers.green.networks: 10.1.0.1 is already router blue's (fabric_routers.blue); give "
            "one of them other addresses in web",
            "fabric_routers.green.networks: 2001:db8:1::1 is already router blue's (fabric_routers.blue); "
            "give one of them other addresses in web",
        ],
    ),
    "two routers with one central address": (
        {
            f"{R}/green": {
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
    "SNAT without a host for it": (
        {"fabric_snat_hosts": ...},
        [
            "fabric_routers.blue.snat: 192.0.2.20 is on no host; name one in fabric_snat_hosts, or leave it out",
        ],
    ),
    "SNAT without an external network": (
        {f"{R}/blue/external": ..., f"{V}/vm1/floating_ip": ...},
        [
            "fabric_routers.blue.snat: 192.0.2.20 is in no external network of the router (there are none); "
            "choose an address of those",
        ],
    ),
    "SNAT outside of the external network": (
        {f"{R}/blue/snat": "192.0.3.20"},
        [
            "fabric_routers.blue.snat: 192.0.3.20 is in no external network of the router (192.0.2.0/24, "
            "2001:db8:e::/64); choose an address of those",
        ],
    ),
    "SNAT with IPv6": (
        {f"{R}/blue/snat": "2001:db8:e::20"},
        [
            "fabric_routers.blue.snat: 2001:db8:e::20 is IPv6, which is routed without translation; choose "
            "an IPv4 address",
        ],
    ),
    "SNAT with the gateway's address": (
        {f"{R}/blue/snat": "192.0.2.1"},
        [
            "fabric_routers.blue.snat: 192.0.2.1 is already the gateway's "
            "(fabric_external_networks.ext.gateways); choose another address of 192.0.2.0/24",
        ],
    ),
    "SNAT with a host's address": (
        {f"{R}/blue/snat": "192.0.2.254"},
        [
            "fabric_routers.blue.snat: 192.0.2.254 is already kvm-01's own "
            "(fabric_external_networks.ext.host_addresses.kvm-01); choose another address of 192.0.2.0/24",
        ],
    ),
    "SNAT with the network's address": (
        {f"{R}/blue/snat": "192.0.2.0"},
        [
            "fabric_routers.blue.snat: 192.0.2.0 is the network address of 192.0.2.0/24; choose another address of it",
        ],
    ),
    "SNAT with another router's address": (
        {f"{R}/red/snat": "192.0.2.20"},
        [
            "fabric_routers.red.snat: 192.0.2.20 is already router blue's (fabric_routers.blue.snat); "
            "choose another address of 192.0.2.0/24",
        ],
    ),
    "SNAT without a way out": (
        {f"{X}/ext/gateways": []},
        [
            "fabric_routers.blue.snat: 192.0.2.20 has no way out; name the gateway of 192.0.2.0/24 in "
            "fabric_external_networks.ext.gateways",
        ],
    ),
    "SNAT key without SNAT": (
        {f"{R}/red/networks": [{"network": "lan", "snat_address": "10.1.0.9"}], f"{R}/red/conntrack_sync": True},
        [
            "fabric_routers.red.conntrack_sync: has no meaning without snat; leave it out",
            "fabric_routers.red.networks[0].snat_address: has no meaning without snat; leave it out",
        ],
    ),
    "central address outside": (
        {f"{R}/blue/networks/1/snat_address": "10.3.0.9"},
        [
            "fabric_routers.blue.networks[1].snat_address: 10.3.0.9 is in no IPv4 subnet of the leg "
            "(10.2.0.0/24); choose an address of those",
        ],
    ),
    "central address that is the router's": (
        {f"{R}/blue/networks/1/snat_address": "10.2.0.1"},
        [
            "fabric_routers.blue.networks[1].snat_address: 10.2.0.1 of 10.2.0.0/24 is the router's own; set "
            "snat_address to one that nobody has",
        ],
    ),
    "central address that is an instance's": (
        {f"{R}/blue/networks/1/snat_address": "10.2.0.10"},
        [
            "fabric_instances.d1.addresses: 10.2.0.10 is already the SNAT's of router blue "
            "(fabric_routers.blue.snat); choose another address or move it",
        ],
    ),
    "central address for which there is no room": (
        {f"{N}/db/subnets": ["10.2.0.0/30"], f"{N}/db/gateways": ["10.2.0.2"], f"{V}/d1": ...},
        [
            "fabric_routers.blue.networks[1].snat_address: 10.2.0.2 of 10.2.0.0/30 is the router's own; set "
            "snat_address to one that nobody has",
        ],
    ),
    "connections to be told to nobody": (
        {f"{R}/blue/conntrack_sync": True},
        [
            "fabric_routers.blue.conntrack_sync: needs a second SNAT host; add one to fabric_snat_hosts, or "
            "leave it out",
        ],
    ),
    "pair outside of link-local addresses": (
        {f"{R}/blue/link_local": "10.0.0.2"},
        [
            "fabric_routers.blue.link_local: 10.0.0.2 is outside of 169.254.0.0/16; choose the first "
            "address of a /31 there",
        ],
    ),
    "pair that begins with an odd address": (
        {f"{R}/blue/link_local": "169.254.31.239"},
        [
            "fabric_routers.blue.link_local: 169.254.31.239 is odd; choose the first address of the /31, "
            "169.254.31.238",
        ],
    ),
    "pair of the metadata address": (
        {f"{R}/blue/link_local": "169.254.169.254"},
        [
            "fabric_routers.blue.link_local: 169.254.169.254 is used otherwise (169.254.169.254 and "
            "169.254.192.0/18); choose another address",
        ],
    ),
    "pair that SNAT hosts use": (
        {f"{R}/blue/link_local": "169.254.192.2"},
        [
            "fabric_routers.blue.link_local: 169.254.192.2 is used otherwise (169.254.169.254 and "
            "169.254.192.0/18); choose another address",
        ],
    ),
    "pair of an unknown external network": (
        {f"{R}/blue/link_local": {"exit": "169.254.31.238"}},
        [
            "fabric_routers.blue.link_local: there is no exit in fabric_routers.blue.external; did you mean ext?",
        ],
    ),
    "pair without external network": (
        {f"{R}/red/external": ..., f"{R}/red/link_local": "169.254.31.238"},
        [
            "fabric_routers.red.link_local: has no meaning without external; leave it out",
        ],
    ),
    "pairs that meet on a host": (
        {f"{R}/blue/link_local": "169.254.64.2", f"{R}/red/link_local": "169.254.64.2"},
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
        {f"{R}/blue/routes": [{"to": "0.0.0.0/0", "via": "10.1.0.50"}]},
        [
            "fabric_routers.blue.routes[0].to: 0.0.0.0/0 is a default route; the router's is that of its "
            "external network",
        ],
    ),
    "route by a neighbour that is none": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16", "via": "10.3.0.50"}]},
        [
            "fabric_routers.blue.routes[0].via: 10.3.0.50 is in no network of the router (10.2.0.0/24, "
            "10.1.0.0/24, 2001:db8:1::/64); name a neighbour",
        ],
    ),
    "route by an external neighbour": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16", "via": "192.0.2.9"}]},
        [
            "fabric_routers.blue.routes[0].via: 192.0.2.9 is in no network of the router (10.2.0.0/24, "
            "10.1.0.0/24, 2001:db8:1::/64); name a neighbour",
        ],
    ),
    "route by the router itself": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16", "via": "10.1.0.1"}]},
        [
            "fabric_routers.blue.routes[0].via: 10.1.0.1 is the router itself; name a neighbour",
        ],
    ),
    "route of two families": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16", "via": "2001:db8:1::50"}]},
        [
            "fabric_routers.blue.routes[0].via: 2001:db8:1::50 is of another family than 10.9.0.0/16; "
            "choose an IPv4 address",
        ],
    ),
    "route to what is connected": (
        {f"{R}/blue/routes": [{"to": "10.2.0.0/24", "via": "10.1.0.50"}]},
        [
            "fabric_routers.blue.routes[0].to: 10.2.0.0/24 covers 10.2.0.0/24, which the router is "
            "connected with; leave that out of the route",
        ],
    ),
    "route by what is no instance": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16", "via": "10.1.0.60"}]},
        [
            "fabric_routers.blue.routes[0].via: 10.1.0.60 is no instance's address in fabric_networks.web; "
            "name one that is",
        ],
    ),
    "route by an instance that may not send on": (
        {f"{V}/gw/allowed_addresses": ...},
        [
            "fabric_routers.blue.routes[0].via: 10.1.0.50 is gw's, which may not send from 10.9.0.0/16; add "
            "that to fabric_instances.gw.allowed_addresses",
        ],
    ),
    "route without neighbour": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16"}]},
        [
            "fabric_routers.blue.routes[0].via: is missing; name a neighbour in a network of the router",
        ],
    ),
    "route twice": (
        {f"{R}/blue/routes": [{"to": "10.9.0.0/16", "via": "10.1.0.50"}, {"to": "10.9.0.0/16", "via": "10.1.0.11"}]},
        [
            "fabric_routers.blue.routes[1].to: 10.9.0.0/16 is named twice; name it once",
        ],
    ),
    "routes as a map": (
        {f"{R}/blue/routes": {"to": "10.9.0.0/16", "via": "10.1.0.50"}},
        [
            "fabric_routers.blue.routes: {'to': '10.9.0.0/16', 'via': '10.1.0.50'} is not a list; write "
            "[{to: 10.9.0.0/16, via: 172.16.18.50}]",
        ],
    ),
    # security groups
    "group key unknown": (
        {f"{G}/web/ingres": []},
        [
            "fabric_security_groups.web.ingres: is not known; did you mean ingress?",
        ],
    ),
    "rule key unknown": (
        {f"{RULE}/port": 80},
        [
            "fabric_security_groups.web.ingress[0].port: is not known; did you mean ports?",
        ],
    ),
    "rule with the other side": (
        {f"{RULE}/to": ["web"]},
        [
            "fabric_security_groups.web.ingress[0].to: is not known; choose family, from, icmp_code, "
            "icmp_type, ports, protocol",
        ],
    ),
    "rule with ports and no protocol": (
        {f"{RULE}/protocol": ...},
        [
            "fabric_security_groups.web.ingress[0].ports: has no meaning for any protocol; choose protocol: "
            "tcp, udp or sctp",
        ],
    ),
    "rule with ports of ICMP": (
        {f"{G}/web/ingress": [{"protocol": "icmp", "ports": [80]}]},
        [
            "fabric_security_groups.web.ingress[0].ports: has no meaning for icmp; choose protocol: tcp, udp or sctp",
        ],
    ),
    "rule with a port out of range": (
        {f"{RULE}/ports": [70000]},
        [
            "fabric_security_groups.web.ingress[0].ports: 70000 is out of range; choose 1 to 65535",
        ],
    ),
    "rule with a range backwards": (
        {f"{RULE}/ports": ["90-80"]},
        [
            "fabric_security_groups.web.ingress[0].ports: '90-80' ends before it begins; write 80-90",
        ],
    ),
    "rule with a port that is none": (
        {f"{RULE}/ports": ["http"]},
        [
            "fabric_security_groups.web.ingress[0].ports: 'http' is not a whole number; choose 1 to 65535",
        ],
    ),
    "rule for no port": (
        {f"{RULE}/ports": []},
        [
            "fabric_security_groups.web.ingress[0].ports: is empty, so that the rule is for no port; leave "
            "it out for all",
        ],
    ),
    "rule for nobody": (
        {f"{RULE}/from": []},
        [
            "fabric_security_groups.web.ingress[0].from: is empty, so that the rule is for nobody; leave it "
            "out for anybody",
        ],
    ),
    "rule with an unknown group": (
        {f"{RULE}/from": ["wbe"]},
        [
            "fabric_security_groups.web.ingress[0].from: there is no wbe in fabric_security_groups; did you mean web?",
        ],
    ),
    "rule with a bad subnet": (
        {f"{RULE}/from": ["10.1.0.1/24"]},
        [
            "fabric_security_groups.web.ingress[0].from: '10.1.0.1/24' has host bits set; write 10.1.0.0/24",
        ],
    ),
    "rule with an unknown protocol": (
        {f"{RULE}/protocol": "tpc"},
        [
            "fabric_security_groups.web.ingress[0].protocol: 'tpc' is not known; choose tcp, udp, sctp, "
            "icmp, icmpv6, any, or a number from 0 to 255",
        ],
    ),
    "rule with a type of ICMP for TCP": (
        {f"{RULE}/icmp_type": 8},
        [
            "fabric_security_groups.web.ingress[0].icmp_type: has no meaning without protocol: icmp or "
            "icmpv6; leave it out",
        ],
    ),
    "rule with a code and no type": (
        {f"{G}/web/ingress": [{"protocol": "icmp", "icmp_code": 0}]},
        [
            "fabric_security_groups.web.ingress[0].icmp_code: 0 has no meaning without icmp_type; name the type, too",
        ],
    ),
    "rule of two families": (
        {f"{G}/web/ingress": [{"protocol": "icmp", "from": ["2001:db8::/32"]}]},
        [
            "fabric_security_groups.web.ingress[0].from: 2001:db8::/32 is of IPv6, and the rule of IPv4 "
            "only; name an address of that",
        ],
    ),
    "rule of a family without its protocol": (
        {f"{G}/web/ingress": [{"protocol": "icmpv6", "family": 4}]},
        [
            "fabric_security_groups.web.ingress[0].family: 4 has no icmpv6; leave it out",
        ],
    ),
    "rules as a map": (
        {f"{G}/web/egress": {"protocol": "tcp"}},
        [
            "fabric_security_groups.web.egress: {'protocol': 'tcp'} is not a list; write [{protocol: tcp, "
            "ports: [80]}]",
        ],
    ),
    # instances
    "instance key unknown": (
        {f"{V}/c1/adresses": []},
        [
            "fabric_instances.c1.adresses: is not known; did you mean addresses?",
        ],
    ),
    "instance without a host": (
        {f"{V}/c1/host": ...},
        [
            "fabric_instances.c1.host: is missing; name the host that it runs on",
        ],
    ),
    "instance on an unknown host": (
        {f"{V}/c1/host": "kvm-2"},
        [
            "fabric_instances.c1.host: there is no kvm-2 in fabric_hosts; did you mean kvm-02?",
        ],
    ),
    "instance without network or bridge": (
        {f"{V}/c1/network": ...},
        [
            "fabric_instances.c1.network: is missing; name one of fabric_networks, or a bridge of fabric_bridges",
        ],
    ),
    "instance in an unknown network": (
        {f"{V}/c1/network": "wbe"},
        [
            "fabric_instances.c1.network: there is no wbe in fabric_networks; did you mean web?",
        ],
    ),
    "instance in an external network": (
        {f"{V}/c1/network": "ext"},
        [
            "fabric_instances.c1.network: there is no ext in fabric_networks; choose db, lan, web",
        ],
    ),
    "instance that hangs on nothing": (
        {f"{V}/c1/attach": ...},
        [
            "fabric_instances.c1.attach: is missing; choose tap for a VM, veth for a container",
        ],
    ),
    "instance with an unknown group": (
        {f"{V}/c1/security_groups": ["wbe"]},
        [
            "fabric_instances.c1.security_groups: there is no wbe in fabric_security_groups; did you mean web?",
        ],
    ),
    "instance without addresses": (
        {f"{V}/c1/addresses": ...},
        [
            "fabric_instances.c1.addresses: is missing; name an address of the network, or set port_security: false",
        ],
    ),
    "instance with an address outside": (
        {f"{V}/c1/addresses": ["10.3.0.11"]},
        [
            "fabric_instances.c1.addresses: 10.3.0.11 is in no subnet of fabric_networks.web (10.1.0.0/24, "
            "2001:db8:1::/64); choose an address of those",
        ],
    ),
    "instance with an address with prefix length": (
        {f"{V}/c1/addresses": ["10.1.0.11/24"]},
        [
            "fabric_instances.c1.addresses: '10.1.0.11/24' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "instance with the network's address": (
        {f"{V}/c1/addresses": ["10.1.0.0"]},
        [
            "fabric_instances.c1.addresses: 10.1.0.0 is the network address of 10.1.0.0/24; choose another "
            "address of it",
        ],
    ),
    "instance with the router's address": (
        {f"{V}/c1/addresses": ["10.1.0.1"]},
        [
            "fabric_instances.c1.addresses: 10.1.0.1 is already router blue's (fabric_routers.blue); choose "
            "another address or move it",
        ],
    ),
    "instance with the central address": (
        {f"{V}/c1/addresses": ["10.1.0.254"]},
        [
            "fabric_instances.c1.addresses: 10.1.0.254 is already the SNAT's of router blue "
            "(fabric_routers.blue.snat); choose another address or move it",
        ],
    ),
    "instance with another's address": (
        {f"{V}/c1/addresses": ["10.1.0.10"]},
        [
            "fabric_instances.vm1.addresses: 10.1.0.10 is already c1's (fabric_instances.c1); choose "
            "another address or move it",
        ],
    ),
    "instance with another's MAC address": (
        {f"{V}/c1/mac": "52:54:00:00:00:01", f"{V}/vm1/mac": "52:54:00:00:00:01"},
        [
            "fabric_instances.vm1.mac: 52:54:00:00:00:01 is already c1's (fabric_instances.c1); give one of "
            "them another mac",
        ],
    ),
    "instance with a host's MAC address": (
        {f"{V}/c1/mac": "5a:d0:00:00:00:01"},
        [
            "fabric_instances.c1.mac: 5a:d0:00:00:00:01 begins with 5a:d0, as hosts' addresses for routed "
            "frames do; choose another, such as 52:54:00:00:00:01",
        ],
    ),
    "instance with a MAC address that YAML takes for a number": (
        {f"{V}/c1/mac": 5254},
        [
            "fabric_instances.c1.mac: 5254 is a number to YAML; put the MAC address in quotes",
        ],
    ),
    "instance with an MTU that is too large": (
        {f"{V}/c1/mtu": 1500},
        [
            "fabric_instances.c1.mtu: 1500 is more than the 1450 of fabric_networks.web; choose 1450 or less",
        ],
    ),
    "instance with an MTU that is too small": (
        {f"{V}/vm1/mtu": 1000},
        [
            "fabric_instances.vm1.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "instances with one device": (
        {f"{V}/l1/device": "tap-vm1"},
        [
            "fabric_instances.vm1.device: tap-vm1 is already the device of l1 (fabric_instances.l1.device); "
            "give one of them another name",
        ],
    ),
    "instance with the name of a router's port": (
        {f"{V}/vm1/device": "vport-blue-web"},
        [
            "fabric_routers.blue.networks: vport-blue-web is already the device of vm1 "
            "(fabric_instances.vm1.device); give one of them another name",
        ],
    ),
    "instances with one interface": (
        {f"{V}/d1/namespace": "c1"},
        [
            "fabric_instances.d1.gateways: the default route of IPv4 in c1 is already c1's "
            "(fabric_instances.c1); set gateways: [] for one of them",
            "fabric_instances.d1.interface: eth0 in c1 is already the device of c1 "
            "(fabric_instances.c1.interface); give one of them another name",
        ],
    ),
    "instances with one default route": (
        {f"{V}/d1/namespace": "c1", f"{V}/d1/interface": "eth1"},
        [
            "fabric_instances.d1.gateways: the default route of IPv4 in c1 is already c1's "
            "(fabric_instances.c1); set gateways: [] for one of them",
        ],
    ),
    "instance in a router's namespace": (
        {f"{V}/c1/namespace": "router-blue"},
        [
            "fabric_instances.c1.namespace: router-blue is already router blue's "
            "(fabric_routers.blue.namespace); give one of them another namespace",
        ],
    ),
    "instance that is guarded and not": (
        {f"{V}/vm1/port_security": False, f"{V}/vm1/allowed_addresses": ["10.1.0.99"]},
        [
            "fabric_instances.vm1.allowed_addresses: has no meaning with port_security: false; leave one of "
            "the two out",
            "fabric_instances.vm1.security_groups: has no meaning with port_security: false; leave one of the two out",
        ],
    ),
    "VM with gateways": (
        {f"{V}/vm1/gateways": ["10.1.0.1"]},
        [
            "fabric_instances.vm1.gateways: has no meaning for a tap: a VM has routes of its own; leave it out",
        ],
    ),
    "container with a gateway elsewhere": (
        {f"{V}/c1/gateways": ["10.2.0.1"]},
        [
            "fabric_instances.c1.gateways: 10.2.0.1 is in no subnet of this instance; choose a neighbour of "
            "its addresses",
        ],
    ),
    "instance with a bandwidth that is none": (
        {f"{V}/c1/bandwidth": {"in": "100M"}},
        [
            "fabric_instances.c1.bandwidth.in: '100M' is not understood; write it as 500kbit, 100mbit or 1.5gbit",
        ],
    ),
    "instance with a bandwidth of nothing": (
        {f"{V}/c1/bandwidth": {"burst": "1mbit"}},
        [
            "fabric_instances.c1.bandwidth: limits nothing; say in, out or both, such as {in: 100mbit, out: 50mbit}",
        ],
    ),
    "instance with a bandwidth out of range": (
        {f"{V}/c1/bandwidth": {"in": "0kbit"}},
        [
            "fabric_instances.c1.bandwidth.in: '0kbit' is out of range; choose 1kbit to 1000gbit",
        ],
    ),
    "instance with a bandwidth as a text": (
        {f"{V}/c1/bandwidth": "100mbit"},
        [
            "fabric_instances.c1.bandwidth: '100mbit' is not a map of keys and values",
        ],
    ),
    # floating IPs
    "floating IP that another instance has": (
        {f"{V}/c1/floating_ip": "192.0.2.150"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.150 is already vm1's (fabric_instances.vm1); choose "
            "another address of 192.0.2.0/24 or move it",
        ],
    ),
    "floating IP that is no address": (
        {f"{V}/c1/floating_ip": "192.0.2.300"},
        [
            "fabric_instances.c1.floating_ip: '192.0.2.300' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "floating IP outside": (
        {f"{V}/c1/floating_ip": "192.0.3.150"},
        [
            "fabric_instances.c1.floating_ip: 192.0.3.150 is in no external network of fabric_routers.blue "
            "(192.0.2.0/24); choose an address of those",
        ],
    ),
    "floating IP with IPv6": (
        {f"{V}/c1/floating_ip": "2001:db8:e::150"},
        [
            "fabric_instances.c1.floating_ip: 2001:db8:e::150 is IPv6, which is routed without translation; "
            "choose an IPv4 address, or leave it out",
        ],
    ),
    "floating IP that is the gateway's": (
        {f"{V}/c1/floating_ip": "192.0.2.1"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.1 is already the gateway's "
            "(fabric_external_networks.ext.gateways); choose another address of 192.0.2.0/24 or move it",
        ],
    ),
    "floating IP that is a host's": (
        {f"{V}/c1/floating_ip": "192.0.2.253"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.253 is already kvm-02's own "
            "(fabric_external_networks.ext.host_addresses.kvm-02); choose another address of 192.0.2.0/24 "
            "or move it",
        ],
    ),
    "floating IP that is the SNAT's": (
        {f"{V}/c1/floating_ip": "192.0.2.20"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.20 is already router blue's "
            "(fabric_routers.blue.snat); choose another address of 192.0.2.0/24 or move it",
        ],
    ),
    "floating IP that is the broadcast address": (
        {f"{V}/c1/floating_ip": "192.0.2.255"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.255 is the broadcast address of 192.0.2.0/24; choose "
            "another address of it",
        ],
    ),
    "floating IP without an external network": (
        {f"{R}/red/external": ..., f"{V}/l1/floating_ip": "192.0.2.151"},
        [
            "fabric_instances.l1.floating_ip: 192.0.2.151 needs an external network, and fabric_routers.red "
            "has no network in external; add it there",
        ],
    ),
    "floating IP of another external network": (
        {
            f"{X}/ext2": {"provider": "wan", "vlan": 7, "subnets": ["198.51.100.0/24"]},
            f"{V}/c1/floating_ip": {"address": "198.51.100.9", "network": "ext2"},
        },
        [
            "fabric_instances.c1.floating_ip: 198.51.100.9 needs an external network, and "
            "fabric_routers.blue has no ext2 in external; add it there",
        ],
    ),
    "floating IP without a router": (
        {
            f"{N}/alone": {"subnets": ["10.4.0.0/24"]},
            f"{V}/a1": {
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
        {f"{V}/c1/addresses": ["10.1.0.11", "10.1.0.12"], f"{V}/c1/floating_ip": "192.0.2.151"},
        [
            "fabric_instances.c1.floating_ip.fixed: is missing; say which address it stands for: 10.1.0.11, 10.1.0.12",
        ],
    ),
    "floating IP for an address of another": (
        {f"{V}/c1/floating_ip": {"address": "192.0.2.151", "fixed": "10.1.0.10"}},
        [
            "fabric_instances.c1.floating_ip.fixed: 10.1.0.10 is no IPv4 address of the instance "
            "(10.1.0.11); choose one",
        ],
    ),
    "floating IP without an IPv4 address": (
        {f"{V}/c1/addresses": ["2001:db8:1::11"], f"{V}/c1/floating_ip": "192.0.2.151"},
        [
            "fabric_instances.c1.floating_ip: 192.0.2.151 needs an IPv4 address of the instance; add one to addresses",
        ],
    ),
    "floating IP key unknown": (
        {f"{V}/c1/floating_ip": {"address": "192.0.2.151", "bandwith": {"in": "1mbit"}}},
        [
            "fabric_instances.c1.floating_ip.bandwith: is not known; did you mean bandwidth?",
        ],
    ),
    "floating IP with a bad bandwidth": (
        {f"{V}/c1/floating_ip": {"address": "192.0.2.151", "bandwidth": {"in": "fast"}}},
        [
            "fabric_instances.c1.floating_ip.bandwidth.in: 'fast' is not understood; write it as 500kbit, "
            "100mbit or 1.5gbit",
        ],
    ),
    "IPv6 addresses that outside reaches twice": (
        {f"{N}/lan/subnets": ["10.1.0.0/24", "2001:db8:1::/64"], f"{V}/l1/addresses": ["10.1.0.10", "2001:db8:1::10"]},
        [
            "fabric_instances.l1.addresses: 2001:db8:1::10 is already vm1's (fabric_instances.vm1); ext can "
            "reach one of them only: choose another subnet for one network",
        ],
    ),
    # shapes
    "networks as a list": (
        {N: ["web"], R: {}, V: {}},
        [
            "fabric_networks: ['web'] is not a map; write each entry as NAME: {…}",
        ],
    ),
    "network that is a text": (
        {f"{N}/x": "10.0.0.0/24"},
        [
            "fabric_networks.x: '10.0.0.0/24' is not a map of keys and values",
        ],
    ),
    "name that is a number": (
        {R: {7: {}}, V: {}},
        [
            "fabric_routers: 7 is not a text; put the name in quotes",
        ],
    ),
}


def test_small_fleet_is_right():
    assert Fleet(fleet()).faults(HOSTS) == []
    assert all(Fleet(fleet()).view(host) for host in HOSTS)


@pytest.mark.parametrize("case", CASES)
def test_fault(case):
    changes, faults = CASES[case]
    assert Fleet(fleet(changes)).faults(HOSTS) == faults


@pytest.mark.parametrize("case", CASES)
def test_host_is_refused_what_concerns_it(case):
    """A host's own view finds no other faults than the fleet's, and some host finds what makes documents wrong."""
    changes, faults = CASES[case]
    seen = set()
    intent = fleet(changes)
    for host in intent[H]:
        try:
            Fleet(intent).view(host)
        except IntentError as error:
            seen.update(error.faults)
    assert seen <= set(faults)


TOGETHER = {
    "one bad value does not hide another": (
        {f"{N}/web/mtu": 9000, f"{V}/d1/host": ..., f"{R}/red/nat": 1, f"{P}/wan/x": 1},
        [f"{N}.web.mtu", f"{V}.d1.host", f"{P}.wan.x", f"{R}.red.nat"],
    ),
    "a misspelt network is not missing to its routers and instances": (
        {f"{N}/web/subnets": ..., f"{N}/web/subnet": ["10.1.0.0/24"]},
        [f"{N}.web.subnet"],
    ),
    "a bad provider is not missing to its networks": (
        {f"{P}/wan/bridge": "a b"},
        [f"{P}.wan.bridge"],
    ),
    "a bad external network is not missing to floating IPs": (
        {f"{X}/ext/gateways": ["192.0.3.1"]},
        [f"{X}.ext.gateways"],
    ),
    "a bad router does not make its floating IPs wrong": (
        {f"{R}/blue/link_local": "169.254.31.239"},
        [f"{R}.blue.link_local"],
    ),
    "a bad host does not make its instances wrong": (
        {f"{H}/kvm-02/tunnel": "ten"},
        [f"{H}.kvm-02.tunnel"],
    ),
    "a bad group does not make its instances wrong": (
        {f"{G}/web/ingress": "all"},
        [f"{G}.web.ingress"],
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_faults_do_not_hide_or_cause_each_other(case):
    changes, paths = TOGETHER[case]
    assert sorted(fault.split(": ")[0] for fault in Fleet(fleet(changes)).faults(HOSTS)) == sorted(paths)


def test_view_is_not_refused_for_what_is_elsewhere():
    """The document of a host depends on what concerns it, and so do its faults."""
    intent = fleet({f"{N}/far": {"subnets": ["10.7.0.0/33"]}, f"{R}/far": {"networks": ["far"]}})
    assert Fleet(intent).view("kvm-01") == Fleet(fleet()).view("kvm-01")
    assert len(Fleet(intent).faults(HOSTS)) == 1


def test_clashes_of_a_host_refuse_its_view():
    intent = fleet({f"{V}/c1/floating_ip": "192.0.2.253", f"{N}/web/vni": 7, f"{N}/db/vni": 7})
    with pytest.raises(IntentError) as refused:
        Fleet(intent).view("kvm-02")
    assert [fault.split(": ")[0] for fault in refused.value.faults] == [f"{V}.c1.floating_ip", f"{N}.web.vni"]


def test_filters_tell_every_fault():
    intent = fleet({f"{V}/c1/addresses": ["10.3.0.11"], f"{N}/web/mtu": 9000})
    with pytest.raises(AnsibleFilterError, match=r"fabric_networks\.web\.mtu: 9000 is more than"):
        dvr_document(intent, "kvm-01")
    assert len(dvr_faults(intent, HOSTS)) == 1
    assert dvr_faults("no map") == [
        "intent: 'no map' is not a map with fabric_hosts, fabric_networks, fabric_routers…",
    ]


def test_bridges_and_routers_share_the_instances():
    """Who has a bridge is the bridges', who has a network the routers'; who has both is told so by the bridges."""
    own = {"b1": {"bridge": "lab", "attach": "veth"}, "x1": {"bridge": "lab", "network": "web", "attach": "veth"}}
    intent = fleet({"fabric_bridges": {"lab": {"host": "kvm-01"}}})
    intent[V] = {**intent[V], "b1": own["b1"]}
    assert Bridges(intent).faults(HOSTS) == Fleet(intent).faults(HOSTS) == []
    assert [instance.name for instance in Bridges(intent).host("kvm-01").instances] == ["b1"]
    assert [instance.name for instance in Fleet(intent).view("kvm-01").instances] == ["l1", "vm1"]
    intent[V] = {**intent[V], **own}
    assert Fleet(intent).faults(HOSTS) == []
    (fault,) = Bridges(intent).faults(HOSTS)
    assert fault.startswith("fabric_instances.x1.network: is not known;")


JUNK = (None, True, -1, "", "x y", "::/0", [], [["x"]], {}, {7: [1]})


def places(value, path=()):
    """Every place of an intent, from the outside in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, str(key))
        yield from places(inner, (*path, str(key)))


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_nothing_that_yaml_can_say_is_more_than_a_fault(junk):
    """Whatever stands anywhere in the intent: each fault has a path, and a host is either refused or made."""
    for place in places(fleet()):
        found = Fleet(fleet({"/".join(place): junk}))
        faults = found.faults(HOSTS)
        assert all(fault.startswith("fabric_") for fault in faults), place
        for host in HOSTS:
            try:
                found.view(host)
            except IntentError as error:
                assert set(error.faults) <= set(faults), place
