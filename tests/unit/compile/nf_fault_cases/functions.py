# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User planes and control planes that cannot work."""

from __future__ import annotations

CASES = {
    "NF on an unknown host": (
        {"fabric_user_planes/up1/host": "kvm-1"},
        [
            "fabric_user_planes.up1.host: there is no kvm-1 in fabric_nf_hosts; did you mean kvm-01?",
        ],
    ),
    "NF without a host": (
        {"fabric_user_planes/up1/host": ...},
        [
            "fabric_user_planes.up1.host: is missing; name one of fabric_nf_hosts",
        ],
    ),
    "NF without attach": (
        {"fabric_user_planes/up1/attach": ...},
        [
            "fabric_user_planes.up1.attach: is missing; choose tap for a VM, veth for a container",
        ],
    ),
    "NF without addresses": (
        {"fabric_user_planes/up2/addresses": ...},
        [
            "fabric_user_planes.up2.addresses: has none in the VLAN of the gateways (192.0.2.0/24, "
            "2001:db8:2::/64); name one there",
        ],
    ),
    "NF in an unknown VLAN": (
        {"fabric_user_planes/up2/vlans": ["n7"]},
        [
            "fabric_user_planes.up2.vlans: there is no n7 in fabric_vlans; choose n4, n6, oam",
        ],
    ),
    "NF without the VLAN of the gateways": (
        {"fabric_user_planes/up2/vlans": ["oam"], "fabric_user_planes/up2/addresses": ["10.3.0.2"]},
        [
            "fabric_user_planes.up2.vlans: lacks n6, the VLAN of the gateways (fabric_gateways.vlan); add it",
        ],
    ),
    "NF address in none of its VLANs": (
        {"fabric_user_planes/up2/addresses": ["192.0.2.2", "10.3.0.2"]},
        [
            "fabric_user_planes.up2.addresses: 10.3.0.2 is in no subnet of its VLANs (192.0.2.0/24, "
            "2001:db8:2::/64); choose an address there",
        ],
    ),
    "NF address that is the network's": (
        {"fabric_user_planes/up2/addresses": ["192.0.2.0"]},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.0 is the network address of 192.0.2.0/24; choose "
            "another address of it",
        ],
    ),
    "NF with two addresses in a subnet": (
        {"fabric_user_planes/up2/addresses": ["192.0.2.2", "192.0.2.3"]},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.2 and 192.0.2.3 are both in 192.0.2.0/24; name one for"
            " each subnet",
        ],
    ),
    "NF with the name of an interface": (
        {"fabric_user_planes/up1/interface": "n6"},
        [
            "fabric_user_planes.up1.interface: has no meaning here; an NF has eth0, eth1…, one for each of its VLANs",
        ],
    ),
    "NF key of the other kind": (
        {"fabric_user_planes/up1/user": "root"},
        [
            "fabric_user_planes.up1.user: has no meaning for a veth; leave it out or choose attach: tap",
        ],
    ),
    "BIRD in a VM": (
        {"fabric_user_planes/up2/bfd": "bird"},
        [
            "fabric_user_planes.up2.bfd: bird is not possible in a VM; run it there yourself and choose none",
        ],
    ),
    "BIRD in a process's namespace": (
        {"fabric_user_planes/up1/pid": 4711, "fabric_user_planes/up1/bfd": "bird"},
        [
            "fabric_user_planes.up1.bfd: bird needs a namespace with a name, which a process does not have; "
            "choose none",
        ],
    ),
    "unknown BFD daemon": (
        {"fabric_user_planes/up1/bfd": "frr"},
        [
            "fabric_user_planes.up1.bfd: 'frr' is not known; choose bird, none",
        ],
    ),
    "user plane with an AS number": (
        {"fabric_user_planes/up1/asn": 65001},
        [
            "fabric_user_planes.up1.asn: is not known; choose addresses, attach, bfd, group, host, interface,"
            " multi_queue, namespace, namespace_exists, pid, user, vlans, weight",
        ],
    ),
    "control plane without an AS number": (
        {"fabric_control_planes/cp1/asn": ...},
        [
            "fabric_control_planes.cp1.asn: is missing; say its AS number, such as 65101",
        ],
    ),
    "reserved AS number": (
        {"fabric_control_planes/cp1/asn": 23456},
        [
            "fabric_control_planes.cp1.asn: 23456 is reserved; choose another, such as one of 64512 to 65534",
        ],
    ),
    "two NFs with one name": (
        {"fabric_control_planes/up1": {"host": "kvm-03", "attach": "veth", "addresses": ["192.0.2.10"], "asn": 65101}},
        [
            "fabric_user_planes.up1: up1 is already up1's (fabric_control_planes.up1); give one of them another name",
        ],
    ),
    "two NFs in one namespace": (
        {"fabric_control_planes/cp1/namespace": "up1"},
        [
            "fabric_user_planes.up1.namespace: up1 on kvm-01 is already cp1's (fabric_control_planes.cp1); "
            "choose another",
        ],
    ),
    "two NFs with one address": (
        {"fabric_user_planes/up2/addresses": ["192.0.2.1"]},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.1 is already up1's (fabric_user_planes.up1); choose "
            "another address",
        ],
    ),
    "NF with a gateway's address": (
        {"fabric_control_planes/cp1/addresses": ["192.0.2.252", "2001:db8:2::254"]},
        [
            "fabric_control_planes.cp1.addresses: 192.0.2.252 is already gw-01's "
            "(fabric_gateways.hosts.gw-01); choose another address",
            "fabric_control_planes.cp1.addresses: 2001:db8:2::254 is already the gateways' (fabric_gateways);"
            " choose another address",
        ],
    ),
    "user plane that is nobody's member": (
        {"fabric_user_planes/up2/addresses": ["192.0.2.20"], "fabric_pools/subs/pins": ...},
        [
            "fabric_user_planes.up2.addresses: 192.0.2.20 is a member of none of fabric_next_hops, so that "
            "nothing is sent to it; add it there or choose another",
        ],
    ),
    "names that BIRD cannot tell apart": (
        {
            "fabric_control_planes/cp.1": {
                "host": "kvm-03",
                "attach": "veth",
                "addresses": ["192.0.2.11"],
                "asn": 65101,
            },
            "fabric_control_planes/cp_1": {
                "host": "kvm-02",
                "attach": "veth",
                "addresses": ["192.0.2.12"],
                "asn": 65101,
            },
        },
        [
            "fabric_control_planes.cp_1: cp_1 to BIRD is already cp.1's (fabric_control_planes.cp.1); rename "
            "one of them",
        ],
    ),
}
