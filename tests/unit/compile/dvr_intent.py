# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small fleet with distributed routers that is right; each test changes what it is about."""

from __future__ import annotations

from intent_change import changed

HOSTS = ["kvm-01", "kvm-02", "net-01"]
BASE = {
    "fabric_hosts": {
        "kvm-01": {"tunnel": "10.0.0.1"},
        "kvm-02": {"tunnel": "10.0.0.2"},
        "net-01": {"tunnel": "10.0.0.3", "tunnel_device": "eth0"},
    },
    "fabric_snat_hosts": ["net-01"],
    "fabric_providers": {"wan": {"bridge": "br-ex", "device": "eth1"}},
    "fabric_external_networks": {
        "ext": {
            "provider": "wan",
            "subnets": ["192.0.2.0/24", "2001:db8:e::/64"],
            "gateways": ["192.0.2.1", "2001:db8:e::1"],
            "host_addresses": {"kvm-01": "192.0.2.254", "kvm-02": ["192.0.2.253"]},
        }
    },
    "fabric_networks": {
        "web": {"subnets": ["10.1.0.0/24", "2001:db8:1::/64"]},
        "db": {"subnets": ["10.2.0.0/24"]},
        "lan": {"subnets": ["10.1.0.0/24"], "provider": "wan", "vlan": 30},
    },
    "fabric_routers": {
        "blue": {
            "networks": ["web", {"network": "db"}],
            "external": "ext",
            "snat": "192.0.2.20",
            "routes": [{"to": "10.9.0.0/16", "via": "10.1.0.50"}],
        },
        "red": {"networks": ["lan"], "external": ["ext"]},
    },
    "fabric_security_groups": {
        "web": {"ingress": [{"protocol": "tcp", "ports": [80, "8000-8080"], "from": ["0.0.0.0/0", "web"]}]},
    },
    "fabric_instances": {
        "vm1": {
            "host": "kvm-01",
            "network": "web",
            "attach": "tap",
            "addresses": ["10.1.0.10", "2001:db8:1::10"],
            "floating_ip": "192.0.2.150",
            "security_groups": ["web"],
        },
        "c1": {"host": "kvm-02", "network": "web", "attach": "veth", "addresses": ["10.1.0.11"]},
        "gw": {
            "host": "kvm-02",
            "network": "web",
            "attach": "tap",
            "addresses": ["10.1.0.50"],
            "allowed_addresses": ["10.9.0.0/16"],
        },
        "d1": {"host": "kvm-02", "network": "db", "attach": "veth", "addresses": ["10.2.0.10"]},
        "l1": {"host": "kvm-01", "network": "lan", "attach": "veth", "addresses": ["10.1.0.10"]},
    },
}


def fleet(changes=None):
    """The small fleet's intent, with changes by path: ``fleet({"fabric_networks/web/mtu": 1})``"""
    return changed(BASE, changes or {})
