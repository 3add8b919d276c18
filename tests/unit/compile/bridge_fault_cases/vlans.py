# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLANs of bridges and of their instances that cannot work."""

from __future__ import annotations

CASES = {
    "bridge vlan out of range": (
        {"fabric_bridges/trunk/vlans": [10, 4095]},
        [
            "fabric_bridges.trunk.vlans: 4095 is out of range; choose 1 to 4094",
        ],
    ),
    "bridge vlans empty": (
        {"fabric_bridges/trunk/vlans": [], "fabric_instances/c3": ...},
        [
            "fabric_bridges.trunk.vlans: is empty; list the VLANs of the bridge, or leave it out",
        ],
    ),
    "bridge vlan not in vlans": (
        {"fabric_bridges/trunk/vlan": 30},
        [
            "fabric_bridges.trunk.vlan: 30 is none of the bridge's VLANs (10, 20); add it to vlans",
        ],
    ),
    "bridge vlan without vlans": (
        {"fabric_bridges/lab/vlan": 10},
        [
            "fabric_bridges.lab.vlan: 10 has no meaning on a bridge without vlans; list the bridge's VLANs in vlans",
        ],
    ),
    "native vlan without vlans": (
        {"fabric_bridges/lan/native_vlan": 1},
        [
            "fabric_bridges.lan.native_vlan: 1 has no meaning on a bridge without vlans; list the bridge's "
            "VLANs in vlans",
        ],
    ),
    "bridge with vlans and an address": (
        {"fabric_bridges/trunk/addresses": ["192.168.10.1/24"]},
        [
            "fabric_bridges.trunk.vlan: is missing; say which of vlans the bridge's own addresses are in",
        ],
    ),
    "native vlan without a port": (
        {
            "fabric_bridges/lab/vlans": [1],
            "fabric_bridges/lab/vlan": 1,
            "fabric_bridges/lab/native_vlan": 1,
            "fabric_instances/c1/vlan": 1,
        },
        [
            "fabric_bridges.lab.native_vlan: 1 has no meaning without an uplink; leave it out",
        ],
    ),
    "native vlan of a routed uplink": (
        {
            "fabric_bridges/vms/vlans": [1],
            "fabric_bridges/vms/vlan": 1,
            "fabric_bridges/vms/native_vlan": 1,
            "fabric_instances/vm1/vlan": 1,
        },
        [
            "fabric_bridges.vms.native_vlan: has no meaning unless the uplink is a port; choose forward: "
            "bridge or leave it out",
        ],
    ),
    "vlan on a bridge without vlans": (
        {"fabric_instances/vm1/vlan": 10},
        [
            "fabric_instances.vm1.vlan: 10 needs a bridge that knows VLANs; list them in fabric_bridges.vms.vlans",
        ],
    ),
    "vlan out of range": (
        {"fabric_instances/c3/vlan": 5000},
        [
            "fabric_instances.c3.vlan: 5000 is out of range; choose 1 to 4094",
        ],
    ),
    "vlan of another bridge": (
        {"fabric_instances/c3/vlan": 30},
        [
            "fabric_instances.c3.vlan: 30 is none of the VLANs of fabric_bridges.trunk (10, 20); add it "
            "there or choose one",
        ],
    ),
    "vlan missing": (
        {"fabric_instances/c3/vlan": ...},
        [
            "fabric_instances.c3.vlan: is missing; fabric_bridges.trunk has VLANs: say vlan, or trunk for tagged ones",
        ],
    ),
    "vlan tagged and not": (
        {"fabric_instances/c3/trunk": [10, 20]},
        [
            "fabric_instances.c3.trunk: 10 is the instance's vlan, which has no tag; leave it out of one of the two",
        ],
    ),
    "trunk on a bridge without vlans": (
        {"fabric_instances/vm1/trunk": [10]},
        [
            "fabric_instances.vm1.trunk: 10 needs a bridge that knows VLANs; list them in fabric_bridges.vms.vlans",
        ],
    ),
    "vlan range backwards": (
        {"fabric_instances/c3/vlan": ..., "fabric_instances/c3/trunk": ["20-10"]},
        [
            "fabric_instances.c3.trunk: '20-10' ends before it begins; write 10-20",
        ],
    ),
}
