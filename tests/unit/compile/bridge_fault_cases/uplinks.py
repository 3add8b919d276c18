# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways of bridges to the outside that cannot work: how they forward, and by which device."""

from __future__ import annotations

CASES = {
    "bridge forward unknown": (
        {"fabric_bridges/vms/forward": "masquerade"},
        [
            "fabric_bridges.vms.forward: 'masquerade' is not known; choose isolated, route, nat, bridge",
        ],
    ),
    "nat without uplink": (
        {"fabric_bridges/vms/uplink": ...},
        [
            "fabric_bridges.vms.uplink: is missing; forward: nat needs the device that leads outside, such as eth0",
        ],
    ),
    "bridge without uplink": (
        {"fabric_bridges/lan/uplink": ...},
        [
            "fabric_bridges.lan.uplink: is missing; forward: bridge needs the device that leads outside, such as eth0",
        ],
    ),
    "nat without IPv4": (
        {"fabric_bridges/vms/addresses": ["fd00:3::1/64"], "fabric_instances/vm1/addresses": ["fd00:3::3"]},
        [
            "fabric_bridges.vms.addresses: has no IPv4 address; forward: nat needs one, such as 192.168.3.1/24",
        ],
    ),
    "route without addresses": (
        {
            "fabric_bridges/lab/forward": "route",
            "fabric_bridges/lab/addresses": ...,
            "fabric_bridges/lab/subnets": ["10.0.9.0/24"],
        },
        [
            "fabric_bridges.lab.addresses: is missing; forward: route needs an address of the host in each subnet",
        ],
    ),
    "isolated with uplink": (
        {"fabric_bridges/lab/uplink": "eth1"},
        [
            "fabric_bridges.lab.uplink: eth1 has no meaning with forward: isolated; leave it out or choose "
            "nat, route or bridge",
        ],
    ),
    "uplink is the bridge": (
        {"fabric_bridges/vms/uplink": "br0"},
        [
            "fabric_bridges.vms.uplink: br0 is the bridge itself; name the device that leads outside",
        ],
    ),
    "uplink is a port": (
        {"fabric_bridges/vms/uplink": "tap-vm1"},
        [
            "fabric_bridges.vms.uplink: tap-vm1 is the port of fabric_instances.vm1; name the device that "
            "leads outside",
        ],
    ),
    "uplink of two bridges": (
        {"fabric_bridges/lan2": {"host": "kvm-02", "forward": "bridge", "uplink": "eth1"}},
        [
            "fabric_bridges.lan2.uplink: eth1 is already a port of fabric_bridges.lan; a device is a port "
            "of one bridge",
        ],
    ),
    "nat by an uplink that is a port": (
        {"fabric_bridges/nat": {"host": "kvm-02", "forward": "nat", "uplink": "eth1", "addresses": ["10.1.0.1/24"]}},
        [
            "fabric_bridges.nat.uplink: eth1 is already a port of fabric_bridges.lan; name lan, the bridge it is in",
        ],
    ),
    "uplink is the loopback device": (
        {"fabric_bridges/vms/uplink": "lo"},
        [
            "fabric_bridges.vms.uplink: lo is the loopback device; choose another name",
        ],
    ),
}
