# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances in networks that cannot work."""

from __future__ import annotations

CASES = {
    "instance key unknown": (
        {"fabric_instances/c1/adresses": []},
        [
            "fabric_instances.c1.adresses: is not known; did you mean addresses?",
        ],
    ),
    "instance without a host": (
        {"fabric_instances/c1/host": ...},
        [
            "fabric_instances.c1.host: is missing; name the host that it runs on",
        ],
    ),
    "instance on an unknown host": (
        {"fabric_instances/c1/host": "kvm-2"},
        [
            "fabric_instances.c1.host: there is no kvm-2 in fabric_hosts; did you mean kvm-02?",
        ],
    ),
    "instance without network or bridge": (
        {"fabric_instances/c1/network": ...},
        [
            "fabric_instances.c1.network: is missing; name one of fabric_networks, or a bridge of fabric_bridges",
        ],
    ),
    "instance in an unknown network": (
        {"fabric_instances/c1/network": "wbe"},
        [
            "fabric_instances.c1.network: there is no wbe in fabric_networks; did you mean web?",
        ],
    ),
    "instance in an external network": (
        {"fabric_instances/c1/network": "ext"},
        [
            "fabric_instances.c1.network: there is no ext in fabric_networks; choose db, lan, web",
        ],
    ),
    "instance in a network in numbers": (
        {"fabric_networks/5": {"subnets": ["10.5.0.0/24"]}, "fabric_instances/c1/network": 5},
        [
            "fabric_instances.c1.network: 5 is not a text; put the name in quotes",
        ],
    ),
    "instance with a device that is a port's number": (
        {"fabric_instances/vm1/device": "5"},
        [
            "fabric_instances.vm1.device: '5' is a number, a word or more than a name to Open vSwitch; choose another "
            "name",
        ],
    ),
    "instance with a device that is a word of Open vSwitch": (
        {"fabric_instances/vm1/device": "normal"},
        [
            "fabric_instances.vm1.device: 'normal' is a number, a word or more than a name to Open vSwitch; choose "
            "another name",
        ],
    ),
    "instance with a device that ends in a flow": (
        {"fabric_instances/vm1/device": "a,b"},
        [
            "fabric_instances.vm1.device: 'a,b' is a number, a word or more than a name to Open vSwitch; choose "
            "another name",
        ],
    ),
    "instance with a device that the kernel numbers": (
        {"fabric_instances/vm1/device": "tap%d"},
        [
            "fabric_instances.vm1.device: 'tap%d' is no device name; leave out white space, quotes, '/', ':', '%', "
            "'#', '\\' and a leading '-'",
        ],
    ),
    "instance with an IPv4 address in IPv6": (
        {"fabric_instances/c1/addresses": ["::ffff:10.1.0.11"]},
        [
            "fabric_instances.c1.addresses: ::ffff:10.1.0.11 is an IPv4 address in IPv6; write 10.1.0.11",
        ],
    ),
    "instance that hangs on nothing": (
        {"fabric_instances/c1/attach": ...},
        [
            "fabric_instances.c1.attach: is missing; choose tap for a VM, veth for a container",
        ],
    ),
    "instance with an unknown group": (
        {"fabric_instances/c1/security_groups": ["wbe"]},
        [
            "fabric_instances.c1.security_groups: there is no wbe in fabric_security_groups; did you mean web?",
        ],
    ),
    "instance without addresses": (
        {"fabric_instances/c1/addresses": ...},
        [
            "fabric_instances.c1.addresses: is missing; name an address of the network, or set port_security: false",
        ],
    ),
    "instance with an address outside": (
        {"fabric_instances/c1/addresses": ["10.3.0.11"]},
        [
            "fabric_instances.c1.addresses: 10.3.0.11 is in no subnet of fabric_networks.web (10.1.0.0/24, "
            "2001:db8:1::/64); choose an address of those",
        ],
    ),
    "instance with an address with prefix length": (
        {"fabric_instances/c1/addresses": ["10.1.0.11/24"]},
        [
            "fabric_instances.c1.addresses: '10.1.0.11/24' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "instance with the network's address": (
        {"fabric_instances/c1/addresses": ["10.1.0.0"]},
        [
            "fabric_instances.c1.addresses: 10.1.0.0 is the network address of 10.1.0.0/24; choose another "
            "address of it",
        ],
    ),
    "instance with the router's address": (
        {"fabric_instances/c1/addresses": ["10.1.0.1"]},
        [
            "fabric_instances.c1.addresses: 10.1.0.1 is already router blue's (fabric_routers.blue); choose "
            "another address or move it",
        ],
    ),
    "instance with the central address": (
        {"fabric_instances/c1/addresses": ["10.1.0.254"]},
        [
            "fabric_instances.c1.addresses: 10.1.0.254 is already the SNAT's of router blue "
            "(fabric_routers.blue.snat); choose another address or move it",
        ],
    ),
    "instance with another's address": (
        {"fabric_instances/c1/addresses": ["10.1.0.10"]},
        [
            "fabric_instances.vm1.addresses: 10.1.0.10 is already c1's (fabric_instances.c1); choose "
            "another address or move it",
        ],
    ),
    "instance with another's MAC address": (
        {"fabric_instances/c1/mac": "52:54:00:00:00:01", "fabric_instances/vm1/mac": "52:54:00:00:00:01"},
        [
            "fabric_instances.vm1.mac: 52:54:00:00:00:01 is already c1's (fabric_instances.c1); give one of "
            "them another mac",
        ],
    ),
    "instance with a host's MAC address": (
        {"fabric_instances/c1/mac": "5a:d0:00:00:00:01"},
        [
            "fabric_instances.c1.mac: 5a:d0:00:00:00:01 begins with 5a:d0, as hosts' addresses for routed "
            "frames do; choose another, such as 52:54:00:00:00:01",
        ],
    ),
    "instance with a MAC address that YAML takes for a number": (
        {"fabric_instances/c1/mac": 5254},
        [
            "fabric_instances.c1.mac: 5254 is a number to YAML; put the MAC address in quotes",
        ],
    ),
    "instance with an MTU that is too large": (
        {"fabric_instances/c1/mtu": 1500},
        [
            "fabric_instances.c1.mtu: 1500 is more than the 1450 of fabric_networks.web; choose 1450 or less",
        ],
    ),
    "instance with an MTU that is too small": (
        {"fabric_instances/vm1/mtu": 1000},
        [
            "fabric_instances.vm1.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "instances with one device": (
        {"fabric_instances/l1/device": "tap-vm1"},
        [
            "fabric_instances.vm1.device: tap-vm1 is already the device of l1 (fabric_instances.l1.device); "
            "give one of them another name",
        ],
    ),
    "instance with the name of a router's port": (
        {"fabric_instances/vm1/device": "vport-blue-web"},
        [
            "fabric_routers.blue.networks: vport-blue-web is already the device of vm1 "
            "(fabric_instances.vm1.device); give one of them another name",
        ],
    ),
    "instances with one interface": (
        {"fabric_instances/d1/namespace": "c1"},
        [
            "fabric_instances.d1.gateways: the default route of IPv4 in c1 is already c1's "
            "(fabric_instances.c1); set gateways: [] for one of them",
            "fabric_instances.d1.interface: eth0 in c1 is already the device of c1 "
            "(fabric_instances.c1.interface); give one of them another name",
        ],
    ),
    "instances with one default route": (
        {"fabric_instances/d1/namespace": "c1", "fabric_instances/d1/interface": "eth1"},
        [
            "fabric_instances.d1.gateways: the default route of IPv4 in c1 is already c1's "
            "(fabric_instances.c1); set gateways: [] for one of them",
        ],
    ),
    "instance in a router's namespace": (
        {"fabric_instances/c1/namespace": "router-blue"},
        [
            "fabric_instances.c1.namespace: router-blue is already router blue's "
            "(fabric_routers.blue.namespace); give one of them another namespace",
        ],
    ),
    "instance that is guarded and not": (
        {"fabric_instances/vm1/port_security": False, "fabric_instances/vm1/allowed_addresses": ["10.1.0.99"]},
        [
            "fabric_instances.vm1.allowed_addresses: has no meaning with port_security: false; leave one of "
            "the two out",
            "fabric_instances.vm1.security_groups: has no meaning with port_security: false; leave one of the two out",
        ],
    ),
    "VM with gateways": (
        {"fabric_instances/vm1/gateways": ["10.1.0.1"]},
        [
            "fabric_instances.vm1.gateways: has no meaning for a tap: a VM has routes of its own; leave it out",
        ],
    ),
    "container with a gateway elsewhere": (
        {"fabric_instances/c1/gateways": ["10.2.0.1"]},
        [
            "fabric_instances.c1.gateways: 10.2.0.1 is in no subnet of this instance; choose a neighbour of "
            "its addresses",
        ],
    ),
    "instance with a bandwidth that is none": (
        {"fabric_instances/c1/bandwidth": {"in": "100M"}},
        [
            "fabric_instances.c1.bandwidth.in: '100M' is not understood; write it as 500kbit, 100mbit or 1.5gbit",
        ],
    ),
    "instance with a bandwidth of nothing": (
        {"fabric_instances/c1/bandwidth": {"burst": "1mbit"}},
        [
            "fabric_instances.c1.bandwidth: limits nothing; say in, out or both, such as {in: 100mbit, out: 50mbit}",
        ],
    ),
    "instance with a bandwidth out of range": (
        {"fabric_instances/c1/bandwidth": {"in": "0kbit"}},
        [
            "fabric_instances.c1.bandwidth.in: '0kbit' is out of range; choose 1kbit to 1000gbit",
        ],
    ),
    "instance with a bandwidth as a text": (
        {"fabric_instances/c1/bandwidth": "100mbit"},
        [
            "fabric_instances.c1.bandwidth: '100mbit' is not a map of keys and values",
        ],
    ),
    "IPv6 addresses that outside reaches twice": (
        {
            "fabric_networks/lan/subnets": ["10.1.0.0/24", "2001:db8:1::/64"],
            "fabric_instances/l1/addresses": ["10.1.0.10", "2001:db8:1::10"],
        },
        [
            "fabric_instances.l1.addresses: 2001:db8:1::10 is already vm1's (fabric_instances.vm1); ext can "
            "reach one of them only: choose another subnet for one network",
        ],
    ),
}
