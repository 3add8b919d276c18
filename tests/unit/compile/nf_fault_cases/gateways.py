# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways that cannot work."""

from __future__ import annotations

CASES = {
    "uplink that is the gateway's leg": (
        {"fabric_gateways/hosts/gw-01/uplink": "gw-100", "fabric_gateways/hosts/gw-01/backend": "openvswitch"},
        [
            "fabric_gateways.hosts.gw-01.uplink: gw-100 is a device that is made there (fabric_vlans.n6); "
            "name the one that brings the VLANs",
        ],
    ),
    "more gateways than VRRP has priorities for": (
        {
            "fabric_gateways/hosts": {
                f"gw-{number:02}": {"addresses": [f"192.0.2.{200 + number}", f"2001:db8:2::{200 + number}"]}
                for number in range(1, 21)
            }
        },
        [
            "fabric_gateways.hosts: has 20, and VRRP can choose among 19; leave some out",
        ],
    ),
    "gateway that is not in the inventory": (
        {"fabric_gateways/hosts/gw-3": {"addresses": ["192.0.2.251", "2001:db8:2::251"]}},
        [
            "fabric_gateways.hosts.gw-3: gw-3 is not in the inventory; did you mean gw-02?",
        ],
    ),
    "gateway that is an NF node": (
        {"fabric_gateways/hosts/kvm-03": {"addresses": ["192.0.2.251", "2001:db8:2::251"]}},
        [
            "fabric_gateways.hosts.kvm-03: is already in fabric_nf_hosts; a gateway has no NFs, take it out there",
        ],
    ),
    "gateways without an AS number": (
        {"fabric_gateways/asn": ...},
        [
            "fabric_gateways.asn: is missing; say the AS number of the gateways, such as 65000",
        ],
    ),
    "gateways without a VLAN": (
        {"fabric_gateways/vlan": ...},
        [
            "fabric_gateways.vlan: is missing; name the VLAN that they route, one of fabric_vlans",
        ],
    ),
    "gateways in an unknown VLAN": (
        {"fabric_gateways/vlan": "n5"},
        [
            "fabric_gateways.vlan: there is no n5 in fabric_vlans; choose n4, n6, oam",
        ],
    ),
    "gateways without hosts": (
        {"fabric_gateways/hosts": ...},
        [
            "fabric_gateways.hosts: is missing; name the hosts, each with its addresses",
        ],
    ),
    "gateways with a list of hosts": (
        {"fabric_gateways/hosts": ["gw-01"]},
        [
            "fabric_gateways.hosts: ['gw-01'] is no map of hosts; write {dcgw-01: {addresses: [192.0.2.252]}}",
        ],
    ),
    "gateways without shared addresses": (
        {"fabric_gateways/addresses": ...},
        [
            "fabric_gateways.addresses: is missing; name the shared address in each subnet of fabric_vlans.n6",
        ],
    ),
    "shared address elsewhere": (
        {"fabric_gateways/addresses": ["10.3.0.254"]},
        [
            "fabric_gateways.addresses: 10.3.0.254 is in no subnet of fabric_vlans.n6 (192.0.2.0/24, "
            "2001:db8:2::/64); choose an address there",
        ],
    ),
    "two shared addresses": (
        {"fabric_gateways/addresses": ["192.0.2.254", "192.0.2.251"]},
        [
            "fabric_gateways.addresses: has more than one of IPv4; name one",
        ],
    ),
    "gateway without an address": (
        {"fabric_gateways/hosts/gw-01/addresses": ...},
        [
            "fabric_gateways.hosts.gw-01.addresses: is missing; name the host's own address in each subnet of"
            " fabric_vlans.n6",
        ],
    ),
    "gateway with a key unknown": (
        {"fabric_gateways/hosts/gw-01/uplnk": "eth1"},
        [
            "fabric_gateways.hosts.gw-01.uplnk: is not known; did you mean uplink?",
        ],
    ),
    "gateway without an address of a family": (
        {"fabric_gateways/hosts/gw-01/addresses": ["192.0.2.252"]},
        [
            "fabric_gateways.hosts.gw-01.addresses: has none of IPv6, and fabric_next_hops.planes has; name one",
        ],
    ),
    "preferred gateway that there is not": (
        {"fabric_gateways/preferred": ["gw-2"]},
        [
            "fabric_gateways.preferred: there is no gw-2 in fabric_gateways.hosts; did you mean gw-02?",
        ],
    ),
    "VRRP router ID out of range": (
        {"fabric_gateways/vrid": 256},
        [
            "fabric_gateways.vrid: 256 is out of range; choose 1 to 255",
        ],
    ),
    "no gateways": (
        {"fabric_gateways": ...},
        [
            "fabric_control_planes.cp1: has nobody to talk to; say what the gateways are, in fabric_gateways",
            "fabric_gateways: is missing; fabric_next_hops are routes of the gateways",
        ],
    ),
}
