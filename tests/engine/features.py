# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running kernel can make, found out by making one."""

from __future__ import annotations

from functools import cache

from harness import own_network, tool

TRIALS = {
    "vlan": ("ip link add name p type bridge", "ip link add link p name v type vlan id 2"),
    "qinq": ("ip link add name p type bridge", "ip link add link p name v type vlan protocol 802.1ad id 2"),
    "vrf": ("ip link add name v type vrf table 10",),
    "dummy": ("ip link add name d type dummy",),
    "vxlan": ("ip link add name v type vxlan id 1 dstport 4789",),
    "bridge_vlan": ("ip link add name b type bridge vlan_filtering 1",),
    "flowtable": ("nft add table inet t", "nft add flowtable inet t f { hook ingress priority 0; devices = { lo }; }"),
    "ct timeout": (
        "nft add table inet t",
        "nft add ct timeout inet t c { protocol tcp; l3proto ip; policy = { established : 9 }; }",
    ),
    "synproxy": ("nft add table inet t", "nft add synproxy inet t s { mss 1460; wscale 7; }"),
    "openvswitch": ("ovs-dpctl add-dp d",),
}


@cache
def has(feature: str) -> bool:
    with own_network():
        return all(tool(*line.split(), check=False).returncode == 0 for line in TRIALS[feature])
