# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges that cannot work: keys, hosts, names, devices, MTUs and MAC addresses."""

from __future__ import annotations

CASES = {
    "bridge whose name is no device's": (
        {"fabric_bridges/all": {"host": "kvm-01"}},
        [
            "fabric_bridges.all: 'all' is no device name, but has a meaning of its own; choose another",
        ],
    ),
    "bridge key unknown": (
        {"fabric_bridges/vms/adresses": []},
        [
            "fabric_bridges.vms.adresses: is not known; did you mean addresses?",
        ],
    ),
    "bridge key unlike any other": (
        {"fabric_bridges/vms/zzz": 1},
        [
            "fabric_bridges.vms.zzz: is not known; choose addresses, device, forward, gateways, host, "
            "hosts, isolated_ports, mac, mtu, native_vlan, subnets, uplink, vlan, vlans",
        ],
    ),
    "bridge without host": (
        {"fabric_bridges/lab/host": ...},
        [
            "fabric_bridges.lab.host: is missing; name the bridge's host, or several in hosts",
        ],
    ),
    "bridge with host and hosts": (
        {"fabric_bridges/lan/host": "kvm-02"},
        [
            "fabric_bridges.lan.hosts: excludes host; name one host in host, or several in hosts",
        ],
    ),
    "bridge with no hosts": (
        {"fabric_bridges/lan/hosts": []},
        [
            "fabric_bridges.lan.hosts: is empty; name at least one host",
        ],
    ),
    "bridge with hosts in one text": (
        {"fabric_bridges/lan/hosts": "kvm-02 kvm-03"},
        [
            "fabric_bridges.lan.hosts: 'kvm-02 kvm-03' is neither a list of hosts nor a map with what is "
            "different on each",
        ],
    ),
    "bridge on a host that is not in the inventory": (
        {"fabric_bridges/lab/host": "kvm-1"},
        [
            "fabric_bridges.lab.host: kvm-1 is not in the inventory; did you mean kvm-01?",
        ],
    ),
    "bridge with a bad device name": (
        {"fabric_bridges/lab/device": "bridge-of-the-lab"},
        [
            "fabric_bridges.lab.device: 'bridge-of-the-lab' has 17 bytes; a device name has at most 15",
        ],
    ),
    "bridge with white space in its device name": (
        {"fabric_bridges/lab/device": "br 0"},
        [
            "fabric_bridges.lab.device: 'br 0' is no device name; leave out white space, quotes, '/', ':', '%', '#', "
            "'\\' and a leading '-'",
        ],
    ),
    "bridge on the loopback device": (
        {"fabric_bridges/lab/device": "lo"},
        [
            "fabric_bridges.lab.device: lo is the loopback device; choose another name",
        ],
    ),
    "two bridges with one device": (
        {"fabric_bridges/lab/device": "br0"},
        [
            "fabric_bridges.vms.device: br0 is already the device of fabric_bridges.lab; give one of them "
            "another device",
        ],
    ),
    "bridge with a name that is a number": (
        {"fabric_bridges": {7: {}}, "fabric_instances": {}},
        [
            "fabric_bridges: 7 is not a text; put the name in quotes",
        ],
    ),
    "bridge with a name that is none": (
        {"fabric_bridges/the lab": {"host": "kvm-01"}},
        [
            "fabric_bridges: 'the lab' is no name; use letters, digits, '_', '.' and '-', at most 63, a "
            "letter or digit first",
        ],
    ),
    "bridge that is a list": (
        {"fabric_bridges/lab2": ["kvm-01"]},
        [
            "fabric_bridges.lab2: ['kvm-01'] is not a map of keys and values",
        ],
    ),
    "bridges as a text": (
        {"fabric_bridges": "br0", "fabric_instances": {}},
        [
            "fabric_bridges: 'br0' is not a map; write each entry as NAME: {…}",
        ],
    ),
    "bridge mtu out of range": (
        {"fabric_bridges/lab/mtu": 70000},
        [
            "fabric_bridges.lab.mtu: 70000 is out of range; choose 68 to 65535",
        ],
    ),
    "bridge mtu not a number": (
        {"fabric_bridges/lab/mtu": "big"},
        [
            "fabric_bridges.lab.mtu: 'big' is not a whole number; choose 68 to 65535",
        ],
    ),
    "bridge mtu too small for IPv6": (
        {"fabric_bridges/vms/mtu": 1200},
        [
            "fabric_bridges.vms.mtu: 1200 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "bridge mac bad": (
        {"fabric_bridges/lab/mac": "52:54:00:00:00"},
        [
            "fabric_bridges.lab.mac: '52:54:00:00:00' is no MAC address; write it as 52:54:00:12:34:56",
        ],
    ),
    "bridge mac multicast": (
        {"fabric_bridges/lab/mac": "53:54:00:00:00:01"},
        [
            "fabric_bridges.lab.mac: 53:54:00:00:00:01 cannot be a device's address; its first byte must be "
            "even and not all may be zero",
        ],
    ),
    "bridge mac as number": (
        {"fabric_bridges/lab/mac": 31531531},
        [
            "fabric_bridges.lab.mac: 31531531 is a number to YAML; put the MAC address in quotes",
        ],
    ),
    "isolated_ports no boolean": (
        {"fabric_bridges/lab/isolated_ports": "maybe"},
        [
            "fabric_bridges.lab.isolated_ports: 'maybe' is neither true nor false",
        ],
    ),
    "what is different on one host": (
        {"fabric_bridges/lan/hosts": {"kvm-02": {"mtu": 5}, "kvm-03": None}},
        [
            "fabric_bridges.lan.hosts.kvm-02.mtu: 5 is out of range; choose 68 to 65535",
        ],
    ),
    "hosts of different shape": (
        {"fabric_bridges/lan/hosts": {"kvm-02": "eth0", "kvm-03": None}},
        [
            "fabric_bridges.lan.hosts.kvm-02: 'eth0' is not a map of keys and values",
        ],
    ),
}
