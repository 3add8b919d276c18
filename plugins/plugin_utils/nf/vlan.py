# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A VLAN of ``fabric_vlans``, and a host that has them all."""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names, vlans
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Host, Vlan
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.settings import (
    DEFAULT_MTU,
    Settings,
    backend,
    datapath,
    mtu,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

IPV6_MINIMUM_MTU = 1280


def parse_vlan(section: Section, name: str) -> Vlan | None:
    vlan = Vlan(
        name=name,
        path=section.path,
        id=section.required("id", vlans.vlan_id, 0, "say its number, 1 to 4094"),
        subnets=tuple(sorted(section.listed("subnets", addresses.network))),
        mtu=section.get("mtu", mtu, DEFAULT_MTU),
    )
    section.close()
    if vlan.mtu < IPV6_MINIMUM_MTU and any(subnet.version == 6 for subnet in vlan.subnets):
        section.fault("mtu", f"{vlan.mtu} is too small for IPv6; choose 1280 or more, or leave IPv6 out")
    return vlan if section.sound else None


def parse_host(section: Section, name: str, settings: Settings) -> Host | None:
    """What a host has of its own: the keys are those of ``fabric_nf_hosts``, and some of a gateway's."""
    own = section.get("backend", backend, settings.backend)
    host = Host(
        name=name,
        path=section.path,
        backend=own,
        datapath=section.get("datapath", datapath, settings.datapath),
        uplink=section.get("uplink", names.device, settings.uplink or ""),
    )
    if not host.uplink and section.are_sound("uplink"):
        section.fault("uplink", "is missing; name the device that has the VLANs, here or for all in fabric_nf_uplink")
    if own != "openvswitch" and "datapath" in section and section.are_sound("backend"):
        text = f"has no meaning with backend: {own}; leave it out or choose openvswitch"
        section.fault("datapath", text)
    return host if section.sound else None
