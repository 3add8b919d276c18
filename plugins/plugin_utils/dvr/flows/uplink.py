# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables 20, 60 and 61: what comes from other hosts and physical networks, and what goes there.

A router's leg has the same MAC address on every host. So that no switch ever sees it, it is replaced by the host's own
where a frame leaves, and put back where it arrives. What came from outside never goes out again.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import IPNetwork
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    DVR_MACS,
    FORWARD,
    FROM_UPLINK,
    UPLINK,
    UPLINK_OUTPUT,
    flow,
    goto,
    in_network,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Host, Leg


def base() -> Iterator[str]:
    yield flow(FROM_UPLINK, 10, "", goto(FORWARD))
    yield flow(FROM_UPLINK, 110, "icmp6,icmp_type=134", "drop")
    yield flow(UPLINK, 110, "reg2=0x1", "drop")
    yield flow(UPLINK, 0, "", goto(UPLINK_OUTPUT))


def network(segment: LocalSegment) -> Iterator[str]:
    own = segment.network
    where = in_network(own.number)
    if own.gateway_mac is not None and segment.uplink is not None:
        yield flow(FROM_UPLINK, 100, f"{where},{DVR_MACS}", f"set_field:{own.gateway_mac}->eth_src,{goto(FORWARD)}")
    if segment.uplink is not None:
        tag = "" if own.vlan is None else f"push_vlan:0x8100,set_field:{own.vlan | 0x1000}->vlan_vid,"
        yield flow(UPLINK_OUTPUT, 100, where, f"{tag}output:{segment.uplink}")


def leg(host: Host, own: Leg) -> Iterator[str]:
    """Each host has this leg: nobody outside may ask for it, answer for it or send with its MAC address."""
    where = in_network(own.network.number)
    yield flow(FROM_UPLINK, 110, f"{where},dl_src={own.mac}", "drop")
    yield flow(UPLINK, 100, f"{where},dl_src={own.mac}", f"set_field:{host.dvr_mac}->eth_src,{goto(UPLINK_OUTPUT)}")
    for interface in own.interfaces:
        address = IPNetwork(interface).ip
        if address.version == 4:
            yield flow(FROM_UPLINK, 110, f"arp,{where},arp_tpa={address}", "drop")
            yield flow(FROM_UPLINK, 110, f"arp,{where},arp_spa={address}", "drop")
        else:
            for kind in (135, 136):
                target = f"icmp_type={kind},icmp_code=0,nd_target={address}"
                yield flow(FROM_UPLINK, 110, f"icmp6,{where},{target}", "drop")
