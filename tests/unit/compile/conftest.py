# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet that is right; each test changes what it is about."""

from __future__ import annotations

import pytest
from intent_change import changed

BRIDGES = {
    "vms": {
        "host": "kvm-01",
        "device": "br0",
        "addresses": ["192.168.3.1/24", "fd00:3::1/64"],
        "forward": "nat",
        "uplink": "eth0",
    },
    "lab": {"host": "kvm-01", "addresses": ["10.0.9.1/24"]},
    "lan": {
        "hosts": ["kvm-02", "kvm-03"],
        "forward": "bridge",
        "uplink": "eth1",
        "subnets": ["10.9.0.0/24"],
        "gateways": ["10.9.0.1"],
    },
    "trunk": {"host": "kvm-04", "forward": "bridge", "uplink": "eth1", "vlans": [10, 20]},
}
INSTANCES = {
    "vm1": {"bridge": "vms", "attach": "tap", "addresses": ["192.168.3.3", "fd00:3::3"]},
    "c1": {"bridge": "lab", "attach": "veth", "addresses": ["10.0.9.2"]},
    "c2": {"bridge": "lan", "host": "kvm-02", "attach": "veth", "addresses": ["10.9.0.31"]},
    "c3": {"bridge": "trunk", "attach": "veth", "vlan": 10, "addresses": ["192.168.10.3/24"]},
}
HOSTS = ["kvm-01", "kvm-02", "kvm-03", "kvm-04"]


@pytest.fixture
def fleet():
    """A function that gives the small fleet's intent, with changes by path: ``fleet({"fabric_bridges/vms/mtu": 1})``"""
    base = {"fabric_bridges": BRIDGES, "fabric_instances": INSTANCES}
    return lambda changes=None: changed(base, changes or {})


@pytest.fixture
def hosts():
    return list(HOSTS)
