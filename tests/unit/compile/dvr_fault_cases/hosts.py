# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts that cannot work, and what holds for all of them."""

from __future__ import annotations

CASES = {
    "host whose name ends the line": (
        {"fabric_hosts/kvm-03\n": {"tunnel": "10.0.0.9"}},
        [
            "fabric_hosts: 'kvm-03\\n' is no name; use letters, digits, '_', '.' and '-', at most 253, a letter or "
            "digit first",
        ],
    ),
    "host key unknown": (
        {"fabric_hosts/kvm-01/tunel": "10.0.0.1"},
        [
            "fabric_hosts.kvm-01.tunel: is not known; did you mean tunnel?",
        ],
    ),
    "host that is not in the inventory": (
        {"fabric_hosts/kvm-3": {}},
        [
            "fabric_hosts.kvm-3: kvm-3 is not in the inventory; did you mean kvm-02?",
        ],
    ),
    "host with a bad tunnel": (
        {"fabric_hosts/kvm-01/tunnel": "10.0.0.1/24"},
        [
            "fabric_hosts.kvm-01.tunnel: '10.0.0.1/24' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "host without a tunnel whose networks are elsewhere, too": (
        {"fabric_hosts/kvm-02/tunnel": ...},
        [
            "fabric_hosts.kvm-02.tunnel: is missing; fabric_networks.db is on other hosts, too: name the "
            "host's address for VXLAN",
            "fabric_hosts.kvm-02.tunnel: is missing; fabric_networks.web is on other hosts, too: name the "
            "host's address for VXLAN",
        ],
    ),
    "two hosts with one tunnel": (
        {"fabric_hosts/kvm-02/tunnel": "10.0.0.1"},
        [
            "fabric_hosts.kvm-02.tunnel: 10.0.0.1 is already kvm-01's (fabric_hosts.kvm-01); choose the "
            "host's own address",
        ],
    ),
    "tunnels of two families": (
        {"fabric_hosts/kvm-02/tunnel": "2001:db8::2"},
        [
            "fabric_hosts.kvm-01.tunnel: 10.0.0.1 is of IPv4, and other hosts have tunnels over IPv6; "
            "choose one family for all hosts",
            "fabric_hosts.net-01.tunnel: 10.0.0.3 is of IPv4, and other hosts have tunnels over IPv6; "
            "choose one family for all hosts",
        ],
    ),
    "two hosts with one MAC address": (
        {"fabric_hosts/kvm-01/dvr_mac": "5a:d0:00:00:00:01", "fabric_hosts/kvm-02/dvr_mac": "5a:d0:00:00:00:01"},
        [
            "fabric_hosts.kvm-02.dvr_mac: 5a:d0:00:00:00:01 is already kvm-01's (fabric_hosts.kvm-01); set "
            "dvr_mac of one of them",
        ],
    ),
    "host MAC address that others do not know": (
        {"fabric_hosts/kvm-01/dvr_mac": "52:54:00:00:00:01"},
        [
            "fabric_hosts.kvm-01.dvr_mac: 52:54:00:00:00:01 does not begin with 5a:d0:, by which other "
            "hosts know it; choose one",
        ],
    ),
    "host with an unknown datapath": (
        {"fabric_hosts/kvm-01/datapath": "dpdk"},
        [
            "fabric_hosts.kvm-01.datapath: 'dpdk' is not known; choose system, netdev",
        ],
    ),
    "host with an unknown provider": (
        {"fabric_hosts/kvm-01/providers": {"lan": {"device": "eth2"}}},
        [
            "fabric_hosts.kvm-01.providers: there is no lan in fabric_providers; did you mean wan?",
        ],
    ),
    "host with a list of providers": (
        {"fabric_hosts/kvm-01/providers": ["wan"]},
        [
            "fabric_hosts.kvm-01.providers: ['wan'] is not a map; write what is different here, such as "
            "{PROVIDER: {device: eth1}}",
        ],
    ),
    "host with an MTU of its own": (
        {"fabric_hosts/kvm-01/providers": {"wan": {"mtu": 9000}}},
        [
            "fabric_hosts.kvm-01.providers.wan.mtu: is the same on all hosts; set fabric_providers.wan.mtu",
        ],
    ),
    "SNAT host that there is not": (
        {"fabric_snat_hosts": ["net-1"]},
        [
            "fabric_snat_hosts: there is no net-1 in fabric_hosts; did you mean net-01?",
        ],
    ),
    "second SNAT host without a way to see the first": (
        {"fabric_snat_hosts": ["net-01", "kvm-01"]},
        [
            "fabric_hosts.kvm-01.tunnel_device: is missing; name the device of the tunnel's address, by "
            "which SNAT hosts see whether the others live",
        ],
    ),
    "second SNAT host without a tunnel": (
        {"fabric_snat_hosts": ["net-01", "kvm-03"], "fabric_hosts/kvm-03": {"tunnel_device": "eth0"}},
        [
            "fabric_hosts.kvm-03: kvm-03 is not in the inventory; did you mean kvm-02?",
            "fabric_hosts.kvm-03.tunnel: is missing; name the address, by which SNAT hosts see whether the others live",
        ],
    ),
    "pool that is not link-local": (
        {"fabric_link_local_pool": "10.0.0.0/24"},
        [
            "fabric_link_local_pool: 10.0.0.0/24 is no part of 169.254.0.0/16 with room for pairs; choose "
            "one, such as 169.254.64.0/18",
        ],
    ),
    "pool that SNAT hosts use": (
        {"fabric_link_local_pool": "169.254.192.0/20"},
        [
            "fabric_link_local_pool: 169.254.192.0/20 is used for connections between SNAT hosts; choose "
            "another, such as 169.254.64.0/18",
        ],
    ),
    "pool with host bits": (
        {"fabric_link_local_pool": "169.254.64.1/18"},
        [
            "fabric_link_local_pool: '169.254.64.1/18' has host bits set; write 169.254.64.0/18",
        ],
    ),
    "underlay MTU out of range": (
        {"fabric_underlay_mtu": 90000},
        [
            "fabric_underlay_mtu: 90000 is out of range; choose 68 to 65535",
        ],
    ),
    "underlay MTU too small for IPv6 inside": (
        {"fabric_underlay_mtu": 1300},
        [
            "fabric_networks.web.mtu: 1250 is too small for IPv6; choose 1280 or more, or leave IPv6 out",
        ],
    ),
}
