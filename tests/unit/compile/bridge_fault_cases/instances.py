# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances on bridges that cannot work: keys, hosts, devices, MTUs, MAC addresses and namespaces."""

from __future__ import annotations

CASES = {
    "instance key unknown": (
        {"fabric_instances/vm1/adress": "x"},
        [
            "fabric_instances.vm1.adress: is not known; did you mean addresses?",
        ],
    ),
    "instance without bridge": (
        {"fabric_instances/vm1/bridge": ...},
        [
            "fabric_instances.vm1.bridge: is missing; choose one of fabric_bridges",
        ],
    ),
    "instance on unknown bridge": (
        {"fabric_instances/vm1/bridge": "vm"},
        [
            "fabric_instances.vm1.bridge: there is no bridge vm; did you mean vms?",
        ],
    ),
    "instance on a bridge of several hosts": (
        {"fabric_instances/c2/host": ...},
        [
            "fabric_instances.c2.host: is missing; lan is on several hosts: choose kvm-02, kvm-03",
        ],
    ),
    "instance on a host without the bridge": (
        {"fabric_instances/c2/host": "kvm-20"},
        [
            "fabric_instances.c2.host: kvm-20 does not have bridge lan (fabric_bridges.lan); did you mean kvm-03?",
        ],
    ),
    "instance without attach": (
        {"fabric_instances/vm1/attach": ...},
        [
            "fabric_instances.vm1.attach: is missing; choose tap for a VM, veth for a container",
        ],
    ),
    "instance attach unknown": (
        {"fabric_instances/vm1/attach": "macvtap"},
        [
            "fabric_instances.vm1.attach: 'macvtap' is not known; choose tap, veth",
        ],
    ),
    "instance that is no map": (
        {"fabric_instances/vm9": "vms"},
        [
            "fabric_instances.vm9: 'vms' is not a map of keys and values",
        ],
    ),
    "mac twice": (
        {"fabric_instances/vm1/mac": "52:54:00:00:00:01", "fabric_instances/c1/mac": "52:54:00:00:00:01"},
        [
            "fabric_instances.vm1.mac: 52:54:00:00:00:01 is already c1's (fabric_instances.c1); give one of "
            "them another mac",
        ],
    ),
    "mac twice on a shared network": (
        {
            "fabric_instances/c2/mac": "52:54:00:00:00:01",
            "fabric_instances/c4": {"bridge": "lan", "host": "kvm-03", "attach": "tap", "mac": "52:54:00:00:00:01"},
        },
        [
            "fabric_instances.c4.mac: 52:54:00:00:00:01 is already c2's (fabric_instances.c2); give one of "
            "them another mac",
        ],
    ),
    "mac of a host end": (
        {"fabric_instances/vm1/mac": "fe:54:00:00:00:01"},
        [
            "fabric_instances.vm1.mac: fe:54:00:00:00:01 begins with fe, as the host's ends of ports do; "
            "choose another, such as 52:54:00:00:00:01",
        ],
    ),
    "device twice": (
        {"fabric_instances/c1/device": "tap-vm1"},
        [
            "fabric_instances.vm1.device: tap-vm1 is already the device of fabric_instances.c1; give one of "
            "them another device",
        ],
    ),
    "device is a bridge": (
        {"fabric_instances/c1/device": "br0"},
        [
            "fabric_instances.c1.device: br0 is already the device of fabric_bridges.vms; give one of them "
            "another device",
        ],
    ),
    "mtu above the bridge": (
        {"fabric_instances/vm1/mtu": 9000},
        [
            "fabric_instances.vm1.mtu: 9000 is more than the 1500 of fabric_bridges.vms; choose 1500 or "
            "less, or raise it there",
        ],
    ),
    "mtu too small for IPv6": (
        {"fabric_instances/vm1/mtu": 1000},
        [
            "fabric_instances.vm1.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "mtu on a bridge without": (
        {"fabric_instances/c2/mtu": 1400},
        [
            "fabric_instances.c2.mtu: 1400 would lower that of fabric_bridges.lan too; say the mtu there first",
        ],
    ),
    "tap with namespace": (
        {"fabric_instances/vm1/namespace": "vm1"},
        [
            "fabric_instances.vm1.namespace: has no meaning for a tap; leave it out or choose attach: veth",
        ],
    ),
    "tap with interface": (
        {"fabric_instances/vm1/interface": "eth0"},
        [
            "fabric_instances.vm1.interface: has no meaning for a tap; leave it out or choose attach: veth",
        ],
    ),
    "veth with user": (
        {"fabric_instances/c1/user": "libvirt-qemu"},
        [
            "fabric_instances.c1.user: has no meaning for a veth; leave it out or choose attach: tap",
        ],
    ),
    "veth with pid and namespace": (
        {"fabric_instances/c1/pid": 17, "fabric_instances/c1/namespace": "c1"},
        [
            "fabric_instances.c1.namespace: excludes pid; name the namespace or one of its processes",
        ],
    ),
    "pid as namespace": (
        {"fabric_instances/c1/namespace": "pid:17"},
        [
            "fabric_instances.c1.namespace: 'pid:17' is a process; write pid: 17",
        ],
    ),
    "namespace no name": (
        {"fabric_instances/c1/namespace": "../c1"},
        [
            "fabric_instances.c1.namespace: '../c1' is no namespace; use letters, digits, '_', '.', '-', at "
            "most 64, or pid:NUMBER",
        ],
    ),
    "pid no number": (
        {"fabric_instances/c1/pid": "init"},
        [
            "fabric_instances.c1.pid: 'init' is not a whole number; choose 1 to 4194304",
        ],
    ),
    "interface twice": (
        {"fabric_instances/c9": {"bridge": "lab", "attach": "veth", "namespace": "c1", "gateways": []}},
        [
            "fabric_instances.c9.interface: eth0 in c1 is already that of fabric_instances.c1; choose another name",
        ],
    ),
    "second default gateway": (
        {
            "fabric_instances/c1/gateways": ["10.0.9.1"],
            "fabric_instances/c9": {
                "bridge": "vms",
                "attach": "veth",
                "namespace": "c1",
                "interface": "eth1",
                "addresses": ["192.168.3.9"],
            },
        },
        [
            "fabric_instances.c9.gateways: 192.168.3.1 would be the second default gateway in c1 "
            "(fabric_instances.c1); set gateways: []",
        ],
    ),
    "interface name too long": (
        {"fabric_instances/c1/interface": "interface-of-the-container"},
        [
            "fabric_instances.c1.interface: 'interface-of-the-container' has 26 bytes; a device name has at most 15",
        ],
    ),
    "anti_spoofing no boolean": (
        {"fabric_instances/vm1/anti_spoofing": "off"},
        [
            "fabric_instances.vm1.anti_spoofing: 'off' is neither true nor false",
        ],
    ),
    "interface is the loopback device": (
        {"fabric_instances/c1/interface": "lo"},
        [
            "fabric_instances.c1.interface: lo is the loopback device; choose another name",
        ],
    ),
    "several at once": (
        {
            "fabric_bridges/vms/uplink": ...,
            "fabric_instances/c1/addresses": ["10.0.8.2", "10.0.9.300"],
            "fabric_instances/c1/mtu": 20,
            "fabric_instances/c2/bridge": "lam",
        },
        [
            "fabric_bridges.vms.uplink: is missing; forward: nat needs the device that leads outside, such as eth0",
            "fabric_instances.c1.addresses: '10.0.9.300' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
            "fabric_instances.c1.addresses: 10.0.8.2 is in none of the subnets of lab (10.0.9.0/24); choose "
            "an address of those",
            "fabric_instances.c1.mtu: 20 is out of range; choose 68 to 65535",
            "fabric_instances.c2.bridge: there is no bridge lam; did you mean lan?",
        ],
    ),
}
