# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the running kernel can make, found out by making one."""

from __future__ import annotations

from functools import cache

from harness import own_network, tool

_TRIALS = {
    "vlan": ("ip link add name p type bridge", "ip link add link p name v type vlan id 2"),
    "qinq": ("ip link add name p type bridge", "ip link add link p name v type vlan protocol 802.1ad id 2"),
    "vrf": ("ip link add name v type vrf table 10",),
    "dummy": ("ip link add name d type dummy",),
    "vxlan": ("ip link add name v type vxlan id 1 dstport 4789",),
    "bridge_vlan": ("ip link add name b type bridge vlan_filtering 1",),
    "openvswitch": ("ovs-dpctl add-dp d",),
}


@cache
def has(feature: str) -> bool:
    with own_network():
        return all(tool(*line.split(), check=False).returncode == 0 for line in _TRIALS[feature])
