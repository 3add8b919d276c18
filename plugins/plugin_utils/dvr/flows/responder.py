# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table 30: who has an address is known. To a question by ARP br-int gives the answer; one by neighbour discovery goes
to the owner alone, because the kernel's datapath cannot make an answer out of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import IPNetwork
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    FORWARD,
    FROM_OUTSIDE,
    MULTICAST,
    RESPONDER,
    flow,
    goto,
    in_network,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import CentralLeg, Leg, Member, Network


def base() -> Iterator[str]:
    yield flow(RESPONDER, 0, "", goto(FORWARD))
    # Somebody wants to know whether an address is free: whoever has it must tell everybody.
    yield flow(RESPONDER, 110, "icmp6,ipv6_src=::", goto(FORWARD))


def member(network: Network, known: Member) -> Iterator[str]:
    where = in_network(network.number)
    if known.address.version == 6:
        asked = f"icmp6,{where},icmp_type=135,icmp_code=0,nd_target={known.address}"
        yield flow(RESPONDER, 100, asked, f"set_field:{known.mac}->eth_dst,{goto(FORWARD)}")
        return
    answer = (
        "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
        f"set_field:{known.mac}->eth_src",
        "set_field:2->arp_op",
        "move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[]",
        f"set_field:{known.mac}->arp_sha",
        "move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[]",
        f"set_field:{known.address}->arp_spa",
        "IN_PORT",
    )
    yield flow(RESPONDER, 100, f"arp,{where},arp_tpa={known.address},arp_op=1", ",".join(answer))


def leg(own: Leg) -> Iterator[str]:
    """What a router asks for and nobody has declared is looked for on this host only: every host has that router."""
    local_only = f"{FROM_OUTSIDE},{goto(FORWARD)}"
    yield flow(RESPONDER, 50, f"arp,in_port={own.port}", local_only)
    yield flow(RESPONDER, 50, f"in_port={own.port},{MULTICAST}", local_only)
    for kind in (135, 136):
        yield flow(RESPONDER, 120, f"icmp6,in_port={own.port},icmp_type={kind}", local_only)
    # Every host's leg tries out the same link-local address: none may hear the others.
    yield flow(RESPONDER, 120, f"icmp6,in_port={own.port},ipv6_src=::", local_only)


def central(own: CentralLeg) -> Iterator[str]:
    """An announcement looks like a question for one's own address, and must reach everybody."""
    for interface in own.interfaces:
        address = IPNetwork(interface).ip
        if address.version == 4:
            match = f"arp,in_port={own.port},arp_spa={address},arp_tpa={address}"
            yield flow(RESPONDER, 110, match, goto(FORWARD))
