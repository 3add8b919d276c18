# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intent that cannot work, with the exact words that refuse it. Each case changes the small fleet of conftest.py."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.hostnet.fabric.plugins.filter.bridge_document import bridge_document as filtered_document
from ansible_collections.hostnet.fabric.plugins.filter.bridge_faults import bridge_faults
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.document import bridge_document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError

BRIDGES, INSTANCES = "fabric_bridges", "fabric_instances"

CASES = {
    "bridge key unknown": (
        {f"{BRIDGES}/vms/adresses": []},
        [
            "fabric_bridges.vms.adresses: is not known; did you mean addresses?",
        ],
    ),
    "bridge key unlike any other": (
        {f"{BRIDGES}/vms/zzz": 1},
        [
            "fabric_bridges.vms.zzz: is not known; choose addresses, device, forward, gateways, host, "
            "hosts, isolated_ports, mac, mtu, native_vlan, subnets, uplink, vlan, vlans",
        ],
    ),
    "bridge without host": (
        {f"{BRIDGES}/lab/host": ...},
        [
            "fabric_bridges.lab.host: is missing; name the bridge's host, or several in hosts",
        ],
    ),
    "bridge with host and hosts": (
        {f"{BRIDGES}/lan/host": "kvm-02"},
        [
            "fabric_bridges.lan.hosts: excludes host; name one host in host, or several in hosts",
        ],
    ),
    "bridge with no hosts": (
        {f"{BRIDGES}/lan/hosts": []},
        [
            "fabric_bridges.lan.hosts: is empty; name at least one host",
        ],
    ),
    "bridge with hosts in one text": (
        {f"{BRIDGES}/lan/hosts": "kvm-02 kvm-03"},
        [
            "fabric_bridges.lan.hosts: 'kvm-02 kvm-03' is neither a list of hosts nor a map with what is "
            "different on each",
        ],
    ),
    "bridge on a host that is not in the inventory": (
        {f"{BRIDGES}/lab/host": "kvm-1"},
        [
            "fabric_bridges.lab.host: kvm-1 is not in the inventory; did you mean kvm-01?",
        ],
    ),
    "bridge with a bad device name": (
        {f"{BRIDGES}/lab/device": "bridge-of-the-lab"},
        [
            "fabric_bridges.lab.device: 'bridge-of-the-lab' has 17 bytes; a device name has at most 15",
        ],
    ),
    "bridge with white space in its device name": (
        {f"{BRIDGES}/lab/device": "br 0"},
        [
            "fabric_bridges.lab.device: 'br 0' is no device name; leave out white space, '/' and ':'",
        ],
    ),
    "bridge on the loopback device": (
        {f"{BRIDGES}/lab/device": "lo"},
        [
            "fabric_bridges.lab.device: lo is the loopback device; choose another name",
        ],
    ),
    "two bridges with one device": (
        {f"{BRIDGES}/lab/device": "br0"},
        [
            "fabric_bridges.vms.device: br0 is already the device of fabric_bridges.lab; give one of them "
            "another device",
        ],
    ),
    "bridge with a name that is a number": (
        {BRIDGES: {7: {}}, INSTANCES: {}},
        [
            "fabric_bridges: 7 is not a text; put the name in quotes",
        ],
    ),
    "bridge with a name that is none": (
        {f"{BRIDGES}/the lab": {"host": "kvm-01"}},
        [
            "fabric_bridges: 'the lab' is no name; use letters, digits, '_', '.' and '-', at most 63, a "
            "letter or digit first",
        ],
    ),
    "bridge that is a list": (
        {f"{BRIDGES}/lab2": ["kvm-01"]},
        [
            "fabric_bridges.lab2: ['kvm-01'] is not a map of keys and values",
        ],
    ),
    "bridges as a text": (
        {BRIDGES: "br0", INSTANCES: {}},
        [
            "fabric_bridges: 'br0' is not a map; write each entry as NAME: {…}",
        ],
    ),
    "bridge address without prefix length": (
        {f"{BRIDGES}/vms/addresses": ["192.168.3.1"]},
        [
            "fabric_bridges.vms.addresses: '192.168.3.1' has no prefix length; write it as 192.0.2.1/24",
        ],
    ),
    "bridge address that is none": (
        {f"{BRIDGES}/vms/addresses": ["192.168.3.256/24"]},
        [
            "fabric_bridges.vms.addresses: '192.168.3.256' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "bridge address that is a network": (
        {f"{BRIDGES}/vms/addresses": ["192.168.3.0/24"]},
        [
            "fabric_bridges.vms.addresses: 192.168.3.0 is the network address of 192.168.3.0/24; choose "
            "another address of it",
        ],
    ),
    "bridge address that is a broadcast": (
        {f"{BRIDGES}/vms/addresses": ["192.168.3.255/24"]},
        [
            "fabric_bridges.vms.addresses: 192.168.3.255 is the broadcast address of 192.168.3.0/24; choose "
            "another address of it",
        ],
    ),
    "bridge address that is multicast": (
        {f"{BRIDGES}/lab/addresses": ["224.0.0.5/24"], f"{INSTANCES}/c1": ...},
        [
            "fabric_bridges.lab.addresses: 224.0.0.5 is a multicast address; a device cannot have it",
        ],
    ),
    "bridge address twice in one subnet": (
        {f"{BRIDGES}/lab/addresses": ["10.0.9.1/24", "10.0.9.5/24"]},
        [
            "fabric_bridges.lab.addresses: 10.0.9.5/24 and 10.0.9.1/24 are in one subnet; one address of "
            "the host in each is enough",
        ],
    ),
    "bridge subnets that overlap": (
        {f"{BRIDGES}/lab/subnets": ["10.0.0.0/16"]},
        [
            "fabric_bridges.lab.subnets: 10.0.9.0/24 and 10.0.0.0/16 overlap; keep one of them",
        ],
    ),
    "bridge addresses not a list": (
        {f"{BRIDGES}/lab/addresses": "10.0.9.1/24"},
        [
            "fabric_bridges.lab.addresses: '10.0.9.1/24' is not a list; write [10.0.9.1/24]",
        ],
    ),
    "bridge address named twice": (
        {f"{BRIDGES}/lab/addresses": ["10.0.9.1/24", "10.0.9.1/24"]},
        [
            "fabric_bridges.lab.addresses: 10.0.9.1/24 is named twice; name it once",
        ],
    ),
    "bridge subnet with host bits": (
        {f"{BRIDGES}/lan/subnets": ["10.9.0.1/24"]},
        [
            "fabric_bridges.lan.subnets: '10.9.0.1/24' has host bits set; write 10.9.0.0/24",
        ],
    ),
    "two bridges of a host overlap": (
        {f"{BRIDGES}/lab/addresses": ["192.168.0.1/16"], f"{INSTANCES}/c1/addresses": ["192.168.0.9"]},
        [
            "fabric_bridges.vms.addresses: 192.168.3.0/24 overlaps with 192.168.0.0/16 of "
            "fabric_bridges.lab on kvm-01; choose another subnet",
        ],
    ),
    "bridge gateway outside": (
        {f"{BRIDGES}/lan/gateways": ["10.9.1.1"]},
        [
            "fabric_bridges.lan.gateways: 10.9.1.1 is in none of the bridge's subnets (10.9.0.0/24); name a neighbour",
        ],
    ),
    "bridge gateway is the broadcast address": (
        {f"{BRIDGES}/lan/gateways": ["10.9.0.255"]},
        [
            "fabric_bridges.lan.gateways: 10.9.0.255 is the broadcast address of 10.9.0.0/24; choose "
            "another address of it",
        ],
    ),
    "bridge with two gateways": (
        {f"{BRIDGES}/lan/gateways": ["10.9.0.1", "10.9.0.2"]},
        [
            "fabric_bridges.lan.gateways: has more than one for IPv4; name one",
        ],
    ),
    "bridge forward unknown": (
        {f"{BRIDGES}/vms/forward": "masquerade"},
        [
            "fabric_bridges.vms.forward: 'masquerade' is not known; choose isolated, route, nat, bridge",
        ],
    ),
    "nat without uplink": (
        {f"{BRIDGES}/vms/uplink": ...},
        [
            "fabric_bridges.vms.uplink: is missing; forward: nat needs the device that leads outside, such as eth0",
        ],
    ),
    "bridge without uplink": (
        {f"{BRIDGES}/lan/uplink": ...},
        [
            "fabric_bridges.lan.uplink: is missing; forward: bridge needs the device that leads outside, such as eth0",
        ],
    ),
    "nat without IPv4": (
        {f"{BRIDGES}/vms/addresses": ["fd00:3::1/64"], f"{INSTANCES}/vm1/addresses": ["fd00:3::3"]},
        [
            "fabric_bridges.vms.addresses: has no IPv4 address; forward: nat needs one, such as 192.168.3.1/24",
        ],
    ),
    "route without addresses": (
        {f"{BRIDGES}/lab/forward": "route", f"{BRIDGES}/lab/addresses": ..., f"{BRIDGES}/lab/subnets": ["10.0.9.0/24"]},
        [
            "fabric_bridges.lab.addresses: is missing; forward: route needs an address of the host in each subnet",
        ],
    ),
    "isolated with uplink": (
        {f"{BRIDGES}/lab/uplink": "eth1"},
        [
            "fabric_bridges.lab.uplink: eth1 has no meaning with forward: isolated; leave it out or choose "
            "nat, route or bridge",
        ],
    ),
    "uplink is the bridge": (
        {f"{BRIDGES}/vms/uplink": "br0"},
        [
            "fabric_bridges.vms.uplink: br0 is the bridge itself; name the device that leads outside",
        ],
    ),
    "uplink is a port": (
        {f"{BRIDGES}/vms/uplink": "tap-vm1"},
        [
            "fabric_bridges.vms.uplink: tap-vm1 is the port of fabric_instances.vm1; name the device that "
            "leads outside",
        ],
    ),
    "uplink of two bridges": (
        {f"{BRIDGES}/lan2": {"host": "kvm-02", "forward": "bridge", "uplink": "eth1"}},
        [
            "fabric_bridges.lan2.uplink: eth1 is already a port of fabric_bridges.lan; a device is a port "
            "of one bridge",
        ],
    ),
    "nat by an uplink that is a port": (
        {f"{BRIDGES}/nat": {"host": "kvm-02", "forward": "nat", "uplink": "eth1", "addresses": ["10.1.0.1/24"]}},
        [
            "fabric_bridges.nat.uplink: eth1 is already a port of fabric_bridges.lan; name lan, the bridge it is in",
        ],
    ),
    "bridge mtu out of range": (
        {f"{BRIDGES}/lab/mtu": 70000},
        [
            "fabric_bridges.lab.mtu: 70000 is out of range; choose 68 to 65535",
        ],
    ),
    "bridge mtu not a number": (
        {f"{BRIDGES}/lab/mtu": "big"},
        [
            "fabric_bridges.lab.mtu: 'big' is not a whole number; choose 68 to 65535",
        ],
    ),
    "bridge mtu too small for IPv6": (
        {f"{BRIDGES}/vms/mtu": 1200},
        [
            "fabric_bridges.vms.mtu: 1200 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "bridge mac bad": (
        {f"{BRIDGES}/lab/mac": "52:54:00:00:00"},
        [
            "fabric_bridges.lab.mac: '52:54:00:00:00' is no MAC address; write it as 52:54:00:12:34:56",
        ],
    ),
    "bridge mac multicast": (
        {f"{BRIDGES}/lab/mac": "53:54:00:00:00:01"},
        [
            "fabric_bridges.lab.mac: 53:54:00:00:00:01 cannot be a device's address; its first byte must be "
            "even and not all may be zero",
        ],
    ),
    "bridge mac as number": (
        {f"{BRIDGES}/lab/mac": 31531531},
        [
            "fabric_bridges.lab.mac: 31531531 is a number to YAML; put the MAC address in quotes",
        ],
    ),
    "bridge vlan out of range": (
        {f"{BRIDGES}/trunk/vlans": [10, 4095]},
        [
            "fabric_bridges.trunk.vlans: 4095 is out of range; choose 1 to 4094",
        ],
    ),
    "bridge vlans empty": (
        {f"{BRIDGES}/trunk/vlans": [], f"{INSTANCES}/c3": ...},
        [
            "fabric_bridges.trunk.vlans: is empty; list the VLANs of the bridge, or leave it out",
        ],
    ),
    "bridge vlan not in vlans": (
        {f"{BRIDGES}/trunk/vlan": 30},
        [
            "fabric_bridges.trunk.vlan: 30 is none of the bridge's VLANs (10, 20); add it to vlans",
        ],
    ),
    "bridge vlan without vlans": (
        {f"{BRIDGES}/lab/vlan": 10},
        [
            "fabric_bridges.lab.vlan: 10 has no meaning on a bridge without vlans; list the bridge's VLANs in vlans",
        ],
    ),
    "native vlan without vlans": (
        {f"{BRIDGES}/lan/native_vlan": 1},
        [
            "fabric_bridges.lan.native_vlan: 1 has no meaning on a bridge without vlans; list the bridge's "
            "VLANs in vlans",
        ],
    ),
    "bridge with vlans and an address": (
        {f"{BRIDGES}/trunk/addresses": ["192.168.10.1/24"]},
        [
            "fabric_bridges.trunk.vlan: is missing; say which of vlans the bridge's own addresses are in",
        ],
    ),
    "native vlan without a port": (
        {
            f"{BRIDGES}/lab/vlans": [1],
            f"{BRIDGES}/lab/vlan": 1,
            f"{BRIDGES}/lab/native_vlan": 1,
            f"{INSTANCES}/c1/vlan": 1,
        },
        [
            "fabric_bridges.lab.native_vlan: 1 has no meaning without an uplink; leave it out",
        ],
    ),
    "native vlan of a routed uplink": (
        {
            f"{BRIDGES}/vms/vlans": [1],
            f"{BRIDGES}/vms/vlan": 1,
            f"{BRIDGES}/vms/native_vlan": 1,
            f"{INSTANCES}/vm1/vlan": 1,
        },
        [
            "fabric_bridges.vms.native_vlan: has no meaning unless the uplink is a port; choose forward: "
            "bridge or leave it out",
        ],
    ),
    "isolated_ports no boolean": (
        {f"{BRIDGES}/lab/isolated_ports": "maybe"},
        [
            "fabric_bridges.lab.isolated_ports: 'maybe' is neither true nor false",
        ],
    ),
    "instance key unknown": (
        {f"{INSTANCES}/vm1/adress": "x"},
        [
            "fabric_instances.vm1.adress: is not known; did you mean addresses?",
        ],
    ),
    "instance without bridge": (
        {f"{INSTANCES}/vm1/bridge": ...},
        [
            "fabric_instances.vm1.bridge: is missing; choose one of fabric_bridges",
        ],
    ),
    "instance on unknown bridge": (
        {f"{INSTANCES}/vm1/bridge": "vm"},
        [
            "fabric_instances.vm1.bridge: there is no bridge vm; did you mean vms?",
        ],
    ),
    "instance on a bridge of several hosts": (
        {f"{INSTANCES}/c2/host": ...},
        [
            "fabric_instances.c2.host: is missing; lan is on several hosts: choose kvm-02, kvm-03",
        ],
    ),
    "instance on a host without the bridge": (
        {f"{INSTANCES}/c2/host": "kvm-20"},
        [
            "fabric_instances.c2.host: kvm-20 does not have bridge lan (fabric_bridges.lan); did you mean kvm-03?",
        ],
    ),
    "instance without attach": (
        {f"{INSTANCES}/vm1/attach": ...},
        [
            "fabric_instances.vm1.attach: is missing; choose tap for a VM, veth for a container",
        ],
    ),
    "instance attach unknown": (
        {f"{INSTANCES}/vm1/attach": "macvtap"},
        [
            "fabric_instances.vm1.attach: 'macvtap' is not known; choose tap, veth",
        ],
    ),
    "instance that is no map": (
        {f"{INSTANCES}/vm9": "vms"},
        [
            "fabric_instances.vm9: 'vms' is not a map of keys and values",
        ],
    ),
    "address outside": (
        {f"{INSTANCES}/vm1/addresses": ["192.168.4.3"]},
        [
            "fabric_instances.vm1.addresses: 192.168.4.3 is in none of the subnets of vms (192.168.3.0/24, "
            "fd00:3::/64); choose an address of those",
        ],
    ),
    "address is network": (
        {f"{INSTANCES}/vm1/addresses": ["192.168.3.0"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.0 is the network address of 192.168.3.0/24; choose "
            "another address of it",
        ],
    ),
    "address is broadcast": (
        {f"{INSTANCES}/vm1/addresses": ["192.168.3.255"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.255 is the broadcast address of 192.168.3.0/24; "
            "choose another address of it",
        ],
    ),
    "address is IPv6 network": (
        {f"{INSTANCES}/vm1/addresses": ["fd00:3::"]},
        [
            "fabric_instances.vm1.addresses: fd00:3:: is the network address of fd00:3::/64; choose another "
            "address of it",
        ],
    ),
    "address is the host's": (
        {f"{INSTANCES}/vm1/addresses": ["192.168.3.1"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.1 is already kvm-01's own (fabric_bridges.vms); "
            "choose another address or move it",
        ],
    ),
    "address is the gateway's": (
        {f"{INSTANCES}/c2/addresses": ["10.9.0.1"]},
        [
            "fabric_instances.c2.addresses: 10.9.0.1 is already the gateway's (fabric_bridges.lan); choose "
            "another address or move it",
        ],
    ),
    "address twice on a host": (
        {f"{INSTANCES}/vm2": {"bridge": "vms", "attach": "tap", "addresses": ["192.168.3.3"]}},
        [
            "fabric_instances.vm2.addresses: 192.168.3.3 is already vm1's (fabric_instances.vm1); choose "
            "another address or move it",
        ],
    ),
    "address twice on a shared network": (
        {f"{INSTANCES}/c4": {"bridge": "lan", "host": "kvm-03", "attach": "veth", "addresses": ["10.9.0.31"]}},
        [
            "fabric_instances.c4.addresses: 10.9.0.31 is already c2's (fabric_instances.c2); choose another "
            "address or move it",
        ],
    ),
    "host address twice on a shared network": (
        {f"{BRIDGES}/lan/addresses": ["10.9.0.5/24"]},
        [
            "fabric_bridges.lan.addresses: 10.9.0.5 is already kvm-02's own (fabric_bridges.lan); choose "
            "another address or move it",
        ],
    ),
    "address with another prefix": (
        {f"{INSTANCES}/vm1/addresses": ["192.168.3.3/25"]},
        [
            "fabric_instances.vm1.addresses: 192.168.3.3/25 has another prefix length than 192.168.3.0/24 "
            "of fabric_bridges.vms; write 192.168.3.3",
        ],
    ),
    "address without known subnet": (
        {f"{INSTANCES}/c3/addresses": ["192.168.10.3"]},
        [
            "fabric_instances.c3.addresses: 192.168.10.3 has no prefix length, and its subnet is not known; "
            "write it as 192.0.2.1/24",
        ],
    ),
    "address no text": (
        {f"{INSTANCES}/vm1/addresses": [5]},
        [
            "fabric_instances.vm1.addresses: 5 is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "address that is none": (
        {f"{INSTANCES}/vm1/addresses": ["192.168.3"]},
        [
            "fabric_instances.vm1.addresses: '192.168.3' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "gateway outside": (
        {f"{INSTANCES}/c1/gateways": ["10.0.8.1"]},
        [
            "fabric_instances.c1.gateways: 10.0.8.1 is in no subnet of this instance; choose a neighbour of "
            "its addresses",
        ],
    ),
    "gateway of no family": (
        {f"{INSTANCES}/c1/gateways": ["fd00::1"]},
        [
            "fabric_instances.c1.gateways: fd00::1 is in no subnet of this instance; choose a neighbour of "
            "its addresses",
        ],
    ),
    "two gateways": (
        {f"{INSTANCES}/c1/gateways": ["10.0.9.1", "10.0.9.8"]},
        [
            "fabric_instances.c1.gateways: has more than one for IPv4; name one",
        ],
    ),
    "mac twice": (
        {f"{INSTANCES}/vm1/mac": "52:54:00:00:00:01", f"{INSTANCES}/c1/mac": "52:54:00:00:00:01"},
        [
            "fabric_instances.vm1.mac: 52:54:00:00:00:01 is already c1's (fabric_instances.c1); give one of "
            "them another mac",
        ],
    ),
    "mac twice on a shared network": (
        {
            f"{INSTANCES}/c2/mac": "52:54:00:00:00:01",
            f"{INSTANCES}/c4": {"bridge": "lan", "host": "kvm-03", "attach": "tap", "mac": "52:54:00:00:00:01"},
        },
        [
            "fabric_instances.c4.mac: 52:54:00:00:00:01 is already c2's (fabric_instances.c2); give one of "
            "them another mac",
        ],
    ),
    "mac of a host end": (
        {f"{INSTANCES}/vm1/mac": "fe:54:00:00:00:01"},
        [
            "fabric_instances.vm1.mac: fe:54:00:00:00:01 begins with fe, as the host's ends of ports do; "
            "choose another, such as 52:54:00:00:00:01",
        ],
    ),
    "device twice": (
        {f"{INSTANCES}/c1/device": "tap-vm1"},
        [
            "fabric_instances.vm1.device: tap-vm1 is already the device of fabric_instances.c1; give one of "
            "them another device",
        ],
    ),
    "device is a bridge": (
        {f"{INSTANCES}/c1/device": "br0"},
        [
            "fabric_instances.c1.device: br0 is already the device of fabric_bridges.vms; give one of them "
            "another device",
        ],
    ),
    "mtu above the bridge": (
        {f"{INSTANCES}/vm1/mtu": 9000},
        [
            "fabric_instances.vm1.mtu: 9000 is more than the 1500 of fabric_bridges.vms; choose 1500 or "
            "less, or raise it there",
        ],
    ),
    "mtu too small for IPv6": (
        {f"{INSTANCES}/vm1/mtu": 1000},
        [
            "fabric_instances.vm1.mtu: 1000 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
    "mtu on a bridge without": (
        {f"{INSTANCES}/c2/mtu": 1400},
        [
            "fabric_instances.c2.mtu: 1400 would lower that of fabric_bridges.lan too; say the mtu there first",
        ],
    ),
    "vlan on a bridge without vlans": (
        {f"{INSTANCES}/vm1/vlan": 10},
        [
            "fabric_instances.vm1.vlan: 10 needs a bridge that knows VLANs; list them in fabric_bridges.vms.vlans",
        ],
    ),
    "vlan out of range": (
        {f"{INSTANCES}/c3/vlan": 5000},
        [
            "fabric_instances.c3.vlan: 5000 is out of range; choose 1 to 4094",
        ],
    ),
    "vlan of another bridge": (
        {f"{INSTANCES}/c3/vlan": 30},
        [
            "fabric_instances.c3.vlan: 30 is none of the VLANs of fabric_bridges.trunk (10, 20); add it "
            "there or choose one",
        ],
    ),
    "vlan missing": (
        {f"{INSTANCES}/c3/vlan": ...},
        [
            "fabric_instances.c3.vlan: is missing; fabric_bridges.trunk has VLANs: say vlan, or trunk for tagged ones",
        ],
    ),
    "vlan tagged and not": (
        {f"{INSTANCES}/c3/trunk": [10, 20]},
        [
            "fabric_instances.c3.trunk: 10 is the instance's vlan, which has no tag; leave it out of one of the two",
        ],
    ),
    "trunk on a bridge without vlans": (
        {f"{INSTANCES}/vm1/trunk": [10]},
        [
            "fabric_instances.vm1.trunk: 10 needs a bridge that knows VLANs; list them in fabric_bridges.vms.vlans",
        ],
    ),
    "tap with namespace": (
        {f"{INSTANCES}/vm1/namespace": "vm1"},
        [
            "fabric_instances.vm1.namespace: has no meaning for a tap; leave it out or choose attach: veth",
        ],
    ),
    "tap with interface": (
        {f"{INSTANCES}/vm1/interface": "eth0"},
        [
            "fabric_instances.vm1.interface: has no meaning for a tap; leave it out or choose attach: veth",
        ],
    ),
    "veth with user": (
        {f"{INSTANCES}/c1/user": "libvirt-qemu"},
        [
            "fabric_instances.c1.user: has no meaning for a veth; leave it out or choose attach: tap",
        ],
    ),
    "veth with pid and namespace": (
        {f"{INSTANCES}/c1/pid": 17, f"{INSTANCES}/c1/namespace": "c1"},
        [
            "fabric_instances.c1.namespace: excludes pid; name the namespace or one of its processes",
        ],
    ),
    "pid as namespace": (
        {f"{INSTANCES}/c1/namespace": "pid:17"},
        [
            "fabric_instances.c1.namespace: 'pid:17' is a process; write pid: 17",
        ],
    ),
    "namespace no name": (
        {f"{INSTANCES}/c1/namespace": "../c1"},
        [
            "fabric_instances.c1.namespace: '../c1' is no namespace; use letters, digits, '_', '.', '-', at "
            "most 64, or pid:NUMBER",
        ],
    ),
    "pid no number": (
        {f"{INSTANCES}/c1/pid": "init"},
        [
            "fabric_instances.c1.pid: 'init' is not a whole number; choose 1 to 4194304",
        ],
    ),
    "interface twice": (
        {f"{INSTANCES}/c9": {"bridge": "lab", "attach": "veth", "namespace": "c1", "gateways": []}},
        [
            "fabric_instances.c9.interface: eth0 in c1 is already that of fabric_instances.c1; choose another name",
        ],
    ),
    "second default gateway": (
        {
            f"{INSTANCES}/c1/gateways": ["10.0.9.1"],
            f"{INSTANCES}/c9": {
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
        {f"{INSTANCES}/c1/interface": "interface-of-the-container"},
        [
            "fabric_instances.c1.interface: 'interface-of-the-container' has 26 bytes; a device name has at most 15",
        ],
    ),
    "allowed address without anti-spoofing": (
        {f"{INSTANCES}/vm1/anti_spoofing": False, f"{INSTANCES}/vm1/allowed_addresses": ["10.0.0.9"]},
        [
            "fabric_instances.vm1.allowed_addresses: has no meaning with anti_spoofing: false; leave one of "
            "the two out",
        ],
    ),
    "allowed address with host bits": (
        {f"{INSTANCES}/vm1/allowed_addresses": ["10.0.0.9/24"]},
        [
            "fabric_instances.vm1.allowed_addresses: '10.0.0.9/24' has host bits set; write 10.0.0.0/24",
        ],
    ),
    "allowed address that is none": (
        {f"{INSTANCES}/vm1/allowed_addresses": ["vip"]},
        [
            "fabric_instances.vm1.allowed_addresses: 'vip' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "anti_spoofing no boolean": (
        {f"{INSTANCES}/vm1/anti_spoofing": "off"},
        [
            "fabric_instances.vm1.anti_spoofing: 'off' is neither true nor false",
        ],
    ),
    "interface is the loopback device": (
        {f"{INSTANCES}/c1/interface": "lo"},
        [
            "fabric_instances.c1.interface: lo is the loopback device; choose another name",
        ],
    ),
    "uplink is the loopback device": (
        {f"{BRIDGES}/vms/uplink": "lo"},
        [
            "fabric_bridges.vms.uplink: lo is the loopback device; choose another name",
        ],
    ),
    "vlan range backwards": (
        {f"{INSTANCES}/c3/vlan": ..., f"{INSTANCES}/c3/trunk": ["20-10"]},
        [
            "fabric_instances.c3.trunk: '20-10' ends before it begins; write 10-20",
        ],
    ),
    "what is different on one host": (
        {f"{BRIDGES}/lan/hosts": {"kvm-02": {"mtu": 5}, "kvm-03": None}},
        [
            "fabric_bridges.lan.hosts.kvm-02.mtu: 5 is out of range; choose 68 to 65535",
        ],
    ),
    "hosts of different shape": (
        {f"{BRIDGES}/lan/hosts": {"kvm-02": "eth0", "kvm-03": None}},
        [
            "fabric_bridges.lan.hosts.kvm-02: 'eth0' is not a map of keys and values",
        ],
    ),
    "several at once": (
        {
            f"{BRIDGES}/vms/uplink": ...,
            f"{INSTANCES}/c1/addresses": ["10.0.8.2", "10.0.9.300"],
            f"{INSTANCES}/c1/mtu": 20,
            f"{INSTANCES}/c2/bridge": "lam",
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


@pytest.mark.parametrize("case", CASES)
def test_refused(case, fleet, hosts):
    changes, expected = CASES[case]
    assert Fleet(fleet(changes)).faults(hosts) == expected


def test_small_fleet_is_right(fleet, hosts):
    assert Fleet(fleet()).faults(hosts) == []


def test_no_intent():
    with pytest.raises(IntentError) as caught:
        Fleet(None)
    assert str(caught.value) == "intent: None is not a map with fabric_bridges and fabric_instances"


def test_inventory_is_optional(fleet):
    assert Fleet(fleet({f"{BRIDGES}/lab/host": "kvm-1"})).faults() == []


def test_full_bridge(fleet):
    """1023 ports are right, and one more is not."""
    full = {f"{INSTANCES}/i{number}": {"bridge": "vms", "attach": "tap"} for number in range(1022)}
    assert Fleet(fleet(full)).faults() == []
    full[f"{INSTANCES}/more"] = {"bridge": "vms", "attach": "tap"}
    assert Fleet(fleet(full)).faults() == [
        "fabric_bridges.vms: has 1024 ports on kvm-01, and the kernel allows 1023; use a second bridge"
    ]


def test_names_that_collide_when_shortened(fleet):
    changes = {
        f"{INSTANCES}/customer-vm-027015": {"bridge": "vms", "attach": "tap"},
        f"{INSTANCES}/customer-vm-032420": {"bridge": "vms", "attach": "tap"},
    }
    assert Fleet(fleet(changes)).faults() == [
        "fabric_instances.customer-vm-032420.device: tap-cust-wx4j7z is already the device of "
        "fabric_instances.customer-vm-027015; give one of them another device"
    ]


def test_document_refuses_only_what_concerns_the_host(fleet):
    intent = fleet({f"{INSTANCES}/vm1/mtu": 9000})
    with pytest.raises(IntentError, match=r"^fabric_instances\.vm1\.mtu: 9000 is more than the 1500"):
        bridge_document(intent, "kvm-01")
    assert bridge_document(intent, "kvm-02")["scope"] == "host_bridge"


def test_overlay_of_one_host_leaves_the_others(fleet):
    intent = fleet({f"{BRIDGES}/lan/hosts": {"kvm-02": {"mtu": 9000}, "kvm-03": None}})
    documents = {host: bridge_document(intent, host) for host in ("kvm-02", "kvm-03")}
    assert [documents[host]["links"][0].get("mtu") for host in documents] == [9000, None]


@pytest.mark.parametrize("use", [lambda: bridge_faults({}), lambda: filtered_document({}, "kvm-01")])
def test_controller_without_netaddr(use, monkeypatch):
    monkeypatch.setattr(addresses, "MISSING", ImportError("No module named 'netaddr'"))
    with pytest.raises(AnsibleFilterError, match=r"^the controller lacks .*: pip install netaddr$"):
        use()


def test_filter_says_every_fault(fleet):
    intent = fleet({f"{INSTANCES}/vm1/mtu": 9000, f"{INSTANCES}/vm1/vlan": 7})
    with pytest.raises(AnsibleFilterError) as caught:
        filtered_document(intent, "kvm-01")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "fabric_instances.vm1.mtu",
        "fabric_instances.vm1.vlan",
    ]


# What is wrong in one place neither hides nor causes a fault in another.
TOGETHER = {
    "a bridge that is wrong does not hide what is wrong with its instances": (
        {f"{BRIDGES}/vms/mtu": 5, f"{INSTANCES}/vm1/mac": 17, f"{INSTANCES}/vm1/user": []},
        ["fabric_bridges.vms.mtu", "fabric_instances.vm1.mac", "fabric_instances.vm1.user"],
    ),
    "nor does a bridge that is not there": (
        {f"{INSTANCES}/vm1/bridge": "vmz", f"{INSTANCES}/vm1/attach": ...},
        ["fabric_instances.vm1.attach", "fabric_instances.vm1.bridge"],
    ),
    "one value of a bridge does not hide another": (
        {f"{BRIDGES}/vms/mtu": 5, f"{BRIDGES}/vms/uplink": ..., f"{BRIDGES}/vms/vlan": 7},
        ["fabric_bridges.vms.mtu", "fabric_bridges.vms.uplink", "fabric_bridges.vms.vlan"],
    ),
    "one value of an instance does not hide another": (
        {f"{INSTANCES}/vm1/mtu": 9000, f"{INSTANCES}/vm1/vlan": 7, f"{INSTANCES}/vm1/gateways": ["10.0.0.1"]},
        ["fabric_instances.vm1.gateways", "fabric_instances.vm1.mtu", "fabric_instances.vm1.vlan"],
    ),
    "a misspelt key is not missing, too": (
        {f"{BRIDGES}/vms/uplink": ..., f"{BRIDGES}/vms/uplnk": "eth0"},
        ["fabric_bridges.vms.uplnk"],
    ),
    "a misspelt list does not make its users wrong": (
        {f"{BRIDGES}/vms/addresses": ..., f"{BRIDGES}/vms/adresses": ["192.168.3.1/24"]},
        ["fabric_bridges.vms.adresses"],
    ),
    "one bad address does not make its gateway wrong": (
        {f"{BRIDGES}/lan/subnets": ["10.9.0.0/33"]},
        ["fabric_bridges.lan.subnets"],
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_faults_do_not_hide_or_cause_each_other(case, fleet, hosts):
    changes, paths = TOGETHER[case]
    assert [fault.split(": ")[0] for fault in Fleet(fleet(changes)).faults(hosts)] == paths
