# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intent for NF nodes that cannot work, with the exact words that refuse it. Cases change the fleet of nf_intent."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from nf_intent import HOSTS, fleet

from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_document import nf_document
from ansible_collections.hostnet.fabric.plugins.filter.nf_faults import nf_faults
from ansible_collections.hostnet.fabric.plugins.filter.nf_pools import nf_pools
from ansible_collections.hostnet.fabric.plugins.filter.nf_vrrp import nf_vrrp

V, H, U, C = "fabric_vlans", "fabric_nf_hosts", "fabric_user_planes", "fabric_control_planes"
G, N, P = "fabric_gateways", "fabric_next_hops", "fabric_pools"
D = "fabric_drained"

CASES = {
    "VLANs as a list": (
        {V: ["n6"]},
        [
            "fabric_gateways.vlan: there is no n6 in fabric_vlans; there is none yet",
            "fabric_vlans: ['n6'] is not a map; write each entry as NAME: {…}",
        ],
    ),
    "VLAN without a number": (
        {f"{V}/n4/id": ...},
        [
            "fabric_vlans.n4.id: is missing; say its number, 1 to 4094",
        ],
    ),
    "VLAN number out of range": (
        {f"{V}/n4/id": 4095},
        [
            "fabric_vlans.n4.id: 4095 is out of range; choose 1 to 4094",
        ],
    ),
    "VLAN key unknown": (
        {f"{V}/n4/subnet": []},
        [
            "fabric_vlans.n4.subnet: is not known; did you mean subnets?",
        ],
    ),
    "VLAN subnet with host bits": (
        {f"{V}/oam/subnets": ["10.3.0.1/24"]},
        [
            "fabric_vlans.oam.subnets: '10.3.0.1/24' has host bits set; write 10.3.0.0/24",
        ],
    ),
    "VLAN MTU too small for IPv6": (
        {f"{V}/n6/mtu": 1000},
        [
            "fabric_vlans.n6.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "two VLANs with one number": (
        {f"{V}/n4/id": 100},
        [
            "fabric_vlans.n6.id: 100 is already n4's (fabric_vlans.n4); choose another",
        ],
    ),
    "VLANs with overlapping subnets": (
        {f"{V}/n4/subnets": ["192.0.2.128/25"]},
        [
            "fabric_vlans.n4.subnets: 192.0.2.128/25 overlaps 192.0.2.0/24 (fabric_vlans.n6.subnets); choose another",
        ],
    ),
    "host without an uplink": (
        {"fabric_nf_uplink": ...},
        [
            "fabric_gateways.hosts.gw-01.uplink: is missing; name the device that has the VLANs, here or for "
            "all in fabric_nf_uplink",
            "fabric_nf_hosts.kvm-01.uplink: is missing; name the device that has the VLANs, here or for all "
            "in fabric_nf_uplink",
            "fabric_nf_hosts.kvm-03.uplink: is missing; name the device that has the VLANs, here or for all "
            "in fabric_nf_uplink",
        ],
    ),
    "host key unknown": (
        {f"{H}/kvm-01/uplnk": "eth1"},
        [
            "fabric_nf_hosts.kvm-01.uplnk: is not known; did you mean uplink?",
        ],
    ),
    "host with an unknown backend": (
        {f"{H}/kvm-01/backend": "ovs"},
        [
            "fabric_nf_hosts.kvm-01.backend: 'ovs' is not known; choose linux, vlan_aware, openvswitch",
        ],
    ),
    "fleet with an unknown backend": (
        {"fabric_nf_backend": "vpp"},
        [
            "fabric_nf_backend: 'vpp' is not known; choose linux, vlan_aware, openvswitch",
        ],
    ),
    "datapath without Open vSwitch": (
        {f"{H}/kvm-01/datapath": "netdev"},
        [
            "fabric_nf_hosts.kvm-01.datapath: has no meaning with backend: linux; leave it out or choose openvswitch",
        ],
    ),
    "host that is not in the inventory": (
        {f"{H}/kvm-4": {}},
        [
            "fabric_nf_hosts.kvm-4: kvm-4 is not in the inventory; did you mean kvm-03?",
        ],
    ),
    "gateway that is not in the inventory": (
        {f"{G}/hosts/gw-3": {"addresses": ["192.0.2.251", "2001:db8:2::251"]}},
        [
            "fabric_gateways.hosts.gw-3: gw-3 is not in the inventory; did you mean gw-02?",
        ],
    ),
    "gateway that is an NF node": (
        {f"{G}/hosts/kvm-03": {"addresses": ["192.0.2.251", "2001:db8:2::251"]}},
        [
            "fabric_gateways.hosts.kvm-03: is already in fabric_nf_hosts; a gateway has no NFs, take it out there",
        ],
    ),
    "NF on an unknown host": (
        {f"{U}/up1/host": "kvm-1"},
        [
            "fabric_user_planes.up1.host: there is no kvm-1 in fabric_nf_hosts; did you mean kvm-01?",
        ],
    ),
    "NF without a host": (
        {f"{U}/up1/host": ...},
        [
            "fabric_user_planes.up1.host: is missing; name one of fabric_nf_hosts",
        ],
    ),
    "NF without attach": (
        {f"{U}/up1/attach": ...},
        [
            "fabric_user_planes.up1.attach: is missing; choose tap for a VM, veth for a container",
        ],
    ),
    "NF without addresses": (
        {f"{U}/up2/addresses": ...},
        [
            "fabric_user_planes.up2.addresses: has none in the VLAN of the gateways (192.0.2.0/24, "
            "2001:db8:2::/64); name one there",
        ],
    ),
    "NF in an unknown VLAN": (
        {f"{U}/up2/vlans": ["n7"]},
        [
            "fabric_user_planes.up2.vlans: there is no n7 in fabric_vlans; choose n4, n6, oam",
        ],
    ),
    "NF without the VLAN of the gateways": (
        {f"{U}/up2/vlans": ["oam"], f"{U}/up2/addresses": ["10.3.0.2"]},
        [
            "fabric_user_planes.up2.vlans: lacks n6, the VLAN of the gateways (fabric_gateways.vlan); add it",
        ],
    ),
    "NF address in none of its VLANs": (
        {f"{U}/up2/addresses": ["192.0.2.2", "10.3.0.2"]},
        [
            "fabric_user_planes.up2.addresses: 10.3.0.2 is in no subnet of its VLANs (192.0.2.0/24, "
            "2001:db8:2::/64); choose an address there",
        ],
    ),
    "NF address that is the network's": (
        {f"{U}/up2/addresses": ["192.0.2.0"]},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.0 is the network address of 192.0.2.0/24; choose "
            "another address of it",
        ],
    ),
    "NF with two addresses in a subnet": (
        {f"{U}/up2/addresses": ["192.0.2.2", "192.0.2.3"]},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.2 and 192.0.2.3 are both in 192.0.2.0/24; name one for"
            " each subnet",
        ],
    ),
    "NF with the name of an interface": (
        {f"{U}/up1/interface": "n6"},
        [
            "fabric_user_planes.up1.interface: has no meaning here; an NF has eth0, eth1…, one for each of its VLANs",
        ],
    ),
    "NF key of the other kind": (
        {f"{U}/up1/user": "root"},
        [
            "fabric_user_planes.up1.user: has no meaning for a veth; leave it out or choose attach: tap",
        ],
    ),
    "BIRD in a VM": (
        {f"{U}/up2/bfd": "bird"},
        [
            "fabric_user_planes.up2.bfd: bird is not possible in a VM; run it there yourself and choose none",
        ],
    ),
    "BIRD in a process's namespace": (
        {f"{U}/up1/pid": 4711, f"{U}/up1/bfd": "bird"},
        [
            "fabric_user_planes.up1.bfd: bird needs a namespace with a name, which a process does not have; "
            "choose none",
        ],
    ),
    "unknown BFD daemon": (
        {f"{U}/up1/bfd": "frr"},
        [
            "fabric_user_planes.up1.bfd: 'frr' is not known; choose bird, none",
        ],
    ),
    "user plane with an AS number": (
        {f"{U}/up1/asn": 65001},
        [
            "fabric_user_planes.up1.asn: is not known; choose addresses, attach, bfd, group, host, interface,"
            " multi_queue, namespace, namespace_exists, pid, user, vlans, weight",
        ],
    ),
    "control plane without an AS number": (
        {f"{C}/cp1/asn": ...},
        [
            "fabric_control_planes.cp1.asn: is missing; say its AS number, such as 65101",
        ],
    ),
    "reserved AS number": (
        {f"{C}/cp1/asn": 23456},
        [
            "fabric_control_planes.cp1.asn: 23456 is reserved; choose another, such as one of 64512 to 65534",
        ],
    ),
    "two NFs with one name": (
        {f"{C}/up1": {"host": "kvm-03", "attach": "veth", "addresses": ["192.0.2.10"], "asn": 65101}},
        [
            "fabric_user_planes.up1: up1 is already up1's (fabric_control_planes.up1); give one of them another name",
        ],
    ),
    "two NFs in one namespace": (
        {f"{C}/cp1/namespace": "up1"},
        [
            "fabric_user_planes.up1.namespace: up1 on kvm-01 is already cp1's (fabric_control_planes.cp1); "
            "choose another",
        ],
    ),
    "two NFs with one address": (
        {f"{U}/up2/addresses": ["192.0.2.1"]},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.1 is already up1's (fabric_user_planes.up1); choose "
            "another address",
        ],
    ),
    "NF with a gateway's address": (
        {f"{C}/cp1/addresses": ["192.0.2.252", "2001:db8:2::254"]},
        [
            "fabric_control_planes.cp1.addresses: 192.0.2.252 is already gw-01's "
            "(fabric_gateways.hosts.gw-01); choose another address",
            "fabric_control_planes.cp1.addresses: 2001:db8:2::254 is already the gateways' (fabric_gateways);"
            " choose another address",
        ],
    ),
    "user plane that is nobody's member": (
        {f"{U}/up2/addresses": ["192.0.2.20"], f"{P}/subs/pins": ...},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.20 is a member of none of fabric_next_hops, so that "
            "nothing is sent to it; add it there or choose another",
        ],
    ),
    "gateways without an AS number": (
        {f"{G}/asn": ...},
        [
            "fabric_gateways.asn: is missing; say the AS number of the gateways, such as 65000",
        ],
    ),
    "gateways without a VLAN": (
        {f"{G}/vlan": ...},
        [
            "fabric_gateways.vlan: is missing; name the VLAN that they route, one of fabric_vlans",
        ],
    ),
    "gateways in an unknown VLAN": (
        {f"{G}/vlan": "n5"},
        [
            "fabric_gateways.vlan: there is no n5 in fabric_vlans; choose n4, n6, oam",
        ],
    ),
    "gateways without hosts": (
        {f"{G}/hosts": ...},
        [
            "fabric_gateways.hosts: is missing; name the hosts, each with its addresses",
        ],
    ),
    "gateways with a list of hosts": (
        {f"{G}/hosts": ["gw-01"]},
        [
            "fabric_gateways.hosts: ['gw-01'] is no map of hosts; write {dcgw-01: {addresses: [192.0.2.252]}}",
        ],
    ),
    "gateways without shared addresses": (
        {f"{G}/addresses": ...},
        [
            "fabric_gateways.addresses: is missing; name the shared address in each subnet of fabric_vlans.n6",
        ],
    ),
    "shared address elsewhere": (
        {f"{G}/addresses": ["10.3.0.254"]},
        [
            "fabric_gateways.addresses: 10.3.0.254 is in no subnet of fabric_vlans.n6 (192.0.2.0/24, "
            "2001:db8:2::/64); choose an address there",
        ],
    ),
    "two shared addresses": (
        {f"{G}/addresses": ["192.0.2.254", "192.0.2.251"]},
        [
            "fabric_gateways.addresses: has more than one of IPv4; name one",
        ],
    ),
    "gateway without an address": (
        {f"{G}/hosts/gw-01/addresses": ...},
        [
            "fabric_gateways.hosts.gw-01.addresses: is missing; name the host's own address in each subnet of"
            " fabric_vlans.n6",
        ],
    ),
    "gateway with a key unknown": (
        {f"{G}/hosts/gw-01/uplnk": "eth1"},
        [
            "fabric_gateways.hosts.gw-01.uplnk: is not known; did you mean uplink?",
        ],
    ),
    "gateway without an address of a family": (
        {f"{G}/hosts/gw-01/addresses": ["192.0.2.252"]},
        [
            "fabric_gateways.hosts.gw-01.addresses: has none of IPv6, and fabric_next_hops.planes has; name one",
        ],
    ),
    "preferred gateway that there is not": (
        {f"{G}/preferred": ["gw-2"]},
        [
            "fabric_gateways.preferred: there is no gw-2 in fabric_gateways.hosts; did you mean gw-02?",
        ],
    ),
    "VRRP router ID out of range": (
        {f"{G}/vrid": 256},
        [
            "fabric_gateways.vrid: 256 is out of range; choose 1 to 255",
        ],
    ),
    "no gateways": (
        {G: ...},
        [
            "fabric_control_planes.cp1: has nobody to talk to; say what the gateways are, in fabric_gateways",
            "fabric_gateways: is missing; fabric_next_hops are routes of the gateways",
        ],
    ),
    "names that BIRD cannot tell apart": (
        {
            f"{C}/cp.1": {"host": "kvm-03", "attach": "veth", "addresses": ["192.0.2.11"], "asn": 65101},
            f"{C}/cp_1": {"host": "kvm-02", "attach": "veth", "addresses": ["192.0.2.12"], "asn": 65101},
        },
        [
            "fabric_control_planes.cp_1: cp_1 to BIRD is already cp.1's (fabric_control_planes.cp.1); rename "
            "one of them",
        ],
    ),
    "next hop without addresses": (
        {f"{N}/planes/addresses": ...},
        [
            "fabric_next_hops.planes.addresses: is missing; name the virtual next hop of BGP, such as 198.51.100.100",
        ],
    ),
    "next hop without members": (
        {f"{N}/planes/members": ...},
        [
            "fabric_next_hops.planes.members: is missing; name the addresses of the user planes, such as "
            "192.0.2.1-192.0.2.8",
        ],
    ),
    "next hop on the link": (
        {f"{N}/planes/addresses": ["192.0.2.100", "2001:db8:c6::100"]},
        [
            "fabric_next_hops.planes.addresses: 192.0.2.100 is in 192.0.2.0/24 of fabric_vlans.n6, where "
            "nobody would route it; choose one outside",
        ],
    ),
    "next hop with two addresses": (
        {f"{N}/planes/addresses": ["198.51.100.100", "198.51.100.101", "2001:db8:c6::100"]},
        [
            "fabric_next_hops.planes.addresses: has more than one of IPv4; name one",
        ],
    ),
    "next hop without members of a family": (
        {f"{N}/planes/members": ["192.0.2.1-192.0.2.4"], f"{U}/up1/addresses": ["192.0.2.1"]},
        [
            "fabric_next_hops.planes.members: has none of IPv6, and addresses has; say both, or neither",
        ],
    ),
    "next hop without an address of a family": (
        {f"{N}/planes/addresses": ["198.51.100.100"]},
        [
            "fabric_next_hops.planes.addresses: has none of IPv6, and members has; say both, or neither",
        ],
    ),
    "member elsewhere": (
        {f"{N}/planes/members/0": "10.3.0.1-10.3.0.2"},
        [
            "fabric_next_hops.planes.members: 10.3.0.1 is in no subnet of fabric_vlans.n6 (192.0.2.0/24, "
            "2001:db8:2::/64), where the gateways can see it; choose addresses there",
            "fabric_next_hops.planes.members: 10.3.0.2 is in no subnet of fabric_vlans.n6 (192.0.2.0/24, "
            "2001:db8:2::/64), where the gateways can see it; choose addresses there",
        ],
    ),
    "member range backwards": (
        {f"{N}/planes/members/0": "192.0.2.4-192.0.2.1"},
        [
            "fabric_next_hops.planes.members: '192.0.2.4-192.0.2.1' ends before it begins; write 192.0.2.1-192.0.2.4",
        ],
    ),
    "member range of two families": (
        {f"{N}/planes/members/0": "192.0.2.1-2001:db8:2::4"},
        [
            "fabric_next_hops.planes.members: '192.0.2.1-2001:db8:2::4' is from IPv4 to IPv6; name a range of"
            " one family",
        ],
    ),
    "member range too large": (
        {f"{N}/planes/members/0": "10.0.0.0-10.0.1.0"},
        [
            "fabric_next_hops.planes.members: '10.0.0.0-10.0.1.0' has 257 addresses; 255 is the most",
        ],
    ),
    "member twice": (
        {f"{N}/planes/members/1": "2001:db8:2::2"},
        [
            "fabric_next_hops.planes.members: 2001:db8:2::2 is named twice; name it once",
        ],
    ),
    "member that is a gateway": (
        {f"{N}/planes/members": ["192.0.2.1-192.0.2.4", "192.0.2.254", "2001:db8:2::1"]},
        [
            "fabric_next_hops.planes.members: 192.0.2.254 is no user plane's (fabric_gateways); leave it out",
        ],
    ),
    "member that is a control plane": (
        {f"{N}/planes/members/0": "192.0.2.1-192.0.2.9"},
        [
            "fabric_next_hops.planes.members: 192.0.2.9 is no user plane's (fabric_control_planes.cp1); leave it out",
        ],
    ),
    "member of two next hops": (
        {f"{N}/others": {"addresses": ["198.51.100.101"], "members": ["192.0.2.4"]}},
        [
            "fabric_next_hops.planes.members: 192.0.2.4 is already a member of fabric_next_hops.others; leave"
            " it out of one",
        ],
    ),
    "one next hop for two": (
        {f"{N}/others": {"addresses": ["198.51.100.100"], "members": ["192.0.2.5"]}},
        [
            "fabric_next_hops.planes.addresses: 198.51.100.100/32 overlaps 198.51.100.100/32 "
            "(fabric_next_hops.others.addresses); choose another",
        ],
    ),
    "more user planes to live than there are": (
        {f"{N}/planes/min_live": 3},
        [
            "fabric_next_hops.planes.min_live: 3 is more than the 2 user planes that there are; choose 2 or less",
        ],
    ),
    "somebody drained who is not there": (
        {D: ["up3", "kvm-02", "kvm-02"]},
        [
            "fabric_drained: kvm-02 is named twice; name it once",
            "fabric_drained: there is no up3; did you mean up2?",
        ],
    ),
    "a drained name that two have": (
        {f"{U}/kvm-03": {"host": "kvm-02", "attach": "veth", "addresses": ["192.0.2.3"]}, D: ["kvm-03"]},
        [
            "fabric_drained: kvm-03 is a host and a network function; rename one of them",
        ],
    ),
    "too many drained": (
        {D: ["kvm-01", "gw-01", "gw-02"]},
        [
            "fabric_drained: leaves no control plane that announces IPv4 pools; take one out of it, or undrain",
            "fabric_drained: leaves no control plane that announces IPv6 pools; take one out of it, or undrain",
            "fabric_drained: leaves no gateway; take one out of it, or undrain",
            "fabric_drained: leaves none of the IPv6 user planes of fabric_next_hops.planes, and its min_live is 1; "
            "take somebody out of it, or undrain",
        ],
    ),
    "pools without a prefix": (
        {f"{P}/subs/prefix": ...},
        [
            "fabric_pools.subs.prefix: is missing; name the covering prefix, such as 203.0.113.0/24",
        ],
    ),
    "pools without a length": (
        {f"{P}/subs/length": ...},
        [
            "fabric_pools.subs.length: is missing; say how long the prefix of a pool is, such as 28",
        ],
    ),
    "pools without a next hop": (
        {f"{P}/subs/next_hop": ...},
        [
            "fabric_pools.subs.next_hop: is missing; name one of fabric_next_hops",
        ],
    ),
    "pools behind an unknown next hop": (
        {f"{P}/subs/next_hop": "plane"},
        [
            "fabric_pools.subs.next_hop: there is no plane in fabric_next_hops; did you mean planes?",
        ],
    ),
    "pools behind a next hop of the other family": (
        {f"{N}/v4": {"addresses": ["198.51.100.101"], "members": ["192.0.2.5"]}, f"{P}/subs6/next_hop": "v4"},
        [
            "fabric_pools.subs6.next_hop: v4 has no address of IPv6 (fabric_next_hops.v4); name one there, or"
            " choose another",
        ],
    ),
    "pools as long as their prefix": (
        {f"{P}/subs/length": 24},
        [
            "fabric_pools.subs.length: 24 is not longer than that of 203.0.113.0/24; choose 25 to 32",
        ],
    ),
    "pools too long": (
        {f"{P}/subs/length": 33},
        [
            "fabric_pools.subs.length: 33 is too long; choose 25 to 32",
        ],
    ),
    "more pools than fit": (
        {f"{P}/subs/count": 17},
        [
            "fabric_pools.subs.count: 17 is more than the 16 of length 28 that fit into 203.0.113.0/24",
        ],
    ),
    "too many pools": (
        {f"{P}/subs6/length": 64, f"{P}/subs6/count": ...},
        [
            "fabric_pools.subs6.count: is missing; 16777216 pools would fit, and 16384 is the most",
        ],
    ),
    "pools that overlap": (
        {f"{P}/more": {"prefix": "203.0.113.128/25", "length": 28, "next_hop": "planes"}},
        [
            "fabric_pools.more.prefix: 203.0.113.128/25 overlaps 203.0.113.0/24 (fabric_pools.subs.prefix); "
            "choose another",
        ],
    ),
    "pools in a VLAN's subnet": (
        {f"{P}/subs/prefix": "192.0.0.0/16", f"{P}/subs/pins": ..., f"{P}/subs/length": 24},
        [
            "fabric_pools.subs.prefix: 192.0.0.0/16 overlaps 192.0.2.0/24 (fabric_vlans.n6.subnets); choose another",
        ],
    ),
    "next hop in the pools": (
        {f"{N}/planes/addresses/0": "203.0.113.100"},
        [
            "fabric_next_hops.planes.addresses: 203.0.113.100/32 overlaps 203.0.113.0/24 "
            "(fabric_pools.subs.prefix); choose another",
        ],
    ),
    "pin outside": (
        {f"{P}/subs6/pins": {"2001:db8:cb30::/44": "up1"}},
        [
            "fabric_pools.subs6.pins: 2001:db8:cb30::/44 is none of the 3 pools of 2001:db8:cb00::/40, which "
            "end with 2001:db8:cb20::/44; pin one of them",
        ],
    ),
    "pin of another length": (
        {f"{P}/subs/pins": {"203.0.113.64/27": "up2"}},
        [
            "fabric_pools.subs.pins: 203.0.113.64/27 is none of the 16 pools of 203.0.113.0/24, which end "
            "with 203.0.113.240/28; pin one of them",
        ],
    ),
    "pin to nobody": (
        {f"{P}/subs/pins": {"203.0.113.64/28": "up3"}},
        [
            "fabric_pools.subs.pins: there is no up3 in fabric_user_planes; did you mean up2?",
        ],
    ),
    "pin to one without the family": (
        {f"{P}/subs6/pins": {"2001:db8:cb20::/44": "up2"}},
        [
            "fabric_pools.subs6.pins: up2 has no address of IPv6 among the members of "
            "fabric_next_hops.planes; pin 2001:db8:cb20::/44 to one that has",
        ],
    ),
    "pins as a list": (
        {f"{P}/subs/pins": ["up1"]},
        [
            "fabric_pools.subs.pins: ['up1'] is not a map of pools and user planes; write {203.0.113.96/28: nf-up1}",
        ],
    ),
    "nobody announces a family": (
        {f"{C}/cp1/addresses": ["192.0.2.9"]},
        [
            "fabric_pools.subs6: no control plane has an address of IPv6, by which it could announce pools; "
            "see fabric_control_planes",
        ],
    ),
    "BFD so fast that it flaps": (
        {"fabric_bfd/interval": 20},
        [
            "fabric_bfd.interval: 20 ms is so short that sessions flap on a busy host; choose 50 or more, or "
            "say allow_fast: true",
        ],
    ),
    "BFD out of range": (
        {"fabric_bfd/interval": 5, "fabric_bfd/multiplier": 1},
        [
            "fabric_bfd.interval: 5 is out of range; choose 10 to 60000",
            "fabric_bfd.multiplier: 1 is out of range; choose 2 to 50",
        ],
    ),
    "BFD key unknown": (
        {"fabric_bfd/intervall": 100},
        [
            "fabric_bfd.intervall: is not known; did you mean interval?",
        ],
    ),
    "BFD with a key that not all have": (
        {"fabric_bfd/password": "secret"},
        [
            "fabric_bfd.password: needs BIRD at every end, and up2 has another daemon "
            "(fabric_user_planes.up2); leave it out",
        ],
    ),
    "BFD key too long": (
        {"fabric_bfd/password": "123456789012345678901"},
        [
            'fabric_bfd.password: is no key; use 1 to 20 letters, digits and signs of ASCII, without " and blanks',
        ],
    ),
    "BGP hold time too short": (
        {"fabric_bgp/hold_time": 2},
        [
            "fabric_bgp.hold_time: 2 is out of range; choose 3 to 65535",
        ],
    ),
    "BGP password with a quote": (
        {"fabric_bgp/password": 'say "please"'},
        [
            'fabric_bgp.password: is no key; use 1 to 80 letters, digits and signs of ASCII, without " and blanks',
        ],
    ),
    "TCP-AO without a key": (
        {"fabric_bgp": {"tcp_ao": True}},
        [
            "fabric_bgp.tcp_ao: needs a key; say password, too",
        ],
    ),
    "BGP as a text": (
        {"fabric_bgp": "fast"},
        [
            "fabric_bgp: 'fast' is not a map of keys and values",
        ],
    ),
}


@pytest.mark.parametrize(("change", "faults"), CASES.values(), ids=CASES)
def test_fault(change, faults):
    assert nf_faults(fleet(change), HOSTS) == faults


def test_small_fleet_is_right():
    assert nf_faults(fleet(), HOSTS) == []
    assert nf_faults({}, HOSTS) == []


def test_hosts_are_not_looked_at_without_an_inventory():
    assert nf_faults(fleet({f"{H}/kvm-4": {}})) == []


def test_what_is_no_map():
    words = "intent: 3 is not a map with fabric_vlans, fabric_nf_hosts, fabric_user_planes…"
    assert nf_faults(3) == [words]


def test_fast_sessions_are_taken_when_meant():
    assert nf_faults(fleet({"fabric_bfd": {"interval": 20, "multiplier": 3, "allow_fast": True}}), HOSTS) == []


def test_a_key_for_bfd_is_taken_when_all_have_bird():
    own = {
        f"{U}/up2": {"host": "kvm-02", "attach": "veth", "addresses": ["192.0.2.2"]},
        "fabric_bfd/password": "secret",
    }
    assert nf_faults(fleet(own), HOSTS) == []


@pytest.mark.parametrize("of_host", [nf_document, nf_bird, nf_vrrp])
def test_what_concerns_a_host_is_refused_there(of_host):
    wrong = fleet({f"{U}/up1/host": "kvm-01", f"{U}/up1/weight": 0})
    with pytest.raises(AnsibleFilterError, match=r"fabric_user_planes\.up1\.weight: 0 is out of range"):
        of_host(wrong, "kvm-01")
    of_host(wrong, "kvm-03")


def test_no_plan_is_made_of_what_is_wrong():
    with pytest.raises(AnsibleFilterError, match=r"fabric_pools\.subs\.length: 33 is too long"):
        nf_pools(fleet({f"{P}/subs/length": 33}))


def test_no_secret_is_told():
    secret = 'very "secret"'
    told = nf_faults(fleet({"fabric_bgp/password": secret, "fabric_bfd/password": secret}), HOSTS)
    assert len(told) == 2
    assert not any("secret" in fault for fault in told)
