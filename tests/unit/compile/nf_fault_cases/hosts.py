# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NF nodes that cannot work, and what holds for all of them."""

from __future__ import annotations

CASES = {
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
        {"fabric_nf_hosts/kvm-01/uplnk": "eth1"},
        [
            "fabric_nf_hosts.kvm-01.uplnk: is not known; did you mean uplink?",
        ],
    ),
    "host with an unknown backend": (
        {"fabric_nf_hosts/kvm-01/backend": "ovs"},
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
        {"fabric_nf_hosts/kvm-01/datapath": "netdev"},
        [
            "fabric_nf_hosts.kvm-01.datapath: has no meaning with backend: linux; leave it out or choose openvswitch",
        ],
    ),
    "uplink that is a bridge for a VLAN": (
        {"fabric_nf_hosts/kvm-01/uplink": "br-100"},
        [
            "fabric_nf_hosts.kvm-01.uplink: br-100 is a device that is made there (fabric_vlans.n6); "
            "name the one that brings the VLANs",
        ],
    ),
    "uplink that is the bridge of Open vSwitch": (
        {"fabric_nf_hosts/kvm-02/uplink": "br-nf"},
        [
            "fabric_nf_hosts.kvm-02.uplink: br-nf is a device that is made there (fabric_nf_hosts.kvm-02); "
            "name the one that brings the VLANs",
        ],
    ),
    "uplink that is an NF's port": (
        {"fabric_nf_hosts/kvm-01/uplink": "veth-up1-oam"},
        [
            "fabric_nf_hosts.kvm-01.uplink: veth-up1-oam is a device that is made there (fabric_user_planes.up1); "
            "name the one that brings the VLANs",
        ],
    ),
    "host that is not in the inventory": (
        {"fabric_nf_hosts/kvm-4": {}},
        [
            "fabric_nf_hosts.kvm-4: kvm-4 is not in the inventory; did you mean kvm-03?",
        ],
    ),
}
