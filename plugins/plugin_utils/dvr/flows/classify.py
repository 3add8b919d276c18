# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table 0: where a frame comes from says which network it is in, and what it has to pass."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    CLASSIFY,
    FORWARD,
    FROM_OUTSIDE,
    FROM_UPLINK,
    GATE_FROM,
    PORT_SECURITY,
    RESPONDER,
    UNTAGGED,
    flow,
    goto,
    set_network,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import CentralLeg, External, Instance, Leg
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.ports import meter_name


def instance(own: Instance) -> Iterator[str]:
    """An instance has no say in its VLAN: frames with a tag fit nowhere."""
    limited = own.limit is not None and own.limit.outbound is not None
    meter = f"meter:meter({meter_name(own, 'out')})," if limited else ""
    zone = "move:NXM_OF_IN_PORT[]->NXM_NX_REG6[0..15]"
    first = PORT_SECURITY if own.port_security else RESPONDER
    actions = f"{meter}{set_network(own.network.number)},{zone},{goto(first)}"
    yield flow(CLASSIFY, 100, f"in_port={own.device},{UNTAGGED}", actions)


def leg(own: Leg) -> Iterator[str]:
    yield flow(CLASSIFY, 100, f"in_port={own.port}", f"{set_network(own.network.number)},{goto(RESPONDER)}")


def external(own: External) -> Iterator[str]:
    yield flow(CLASSIFY, 100, f"in_port={own.port}", f"{set_network(own.network.number)},{goto(FORWARD)}")


def central(own: CentralLeg) -> Iterator[str]:
    yield flow(CLASSIFY, 100, f"in_port={own.port}", f"{set_network(own.network.number)},{goto(GATE_FROM)}")


def uplink(segment: LocalSegment) -> Iterator[str]:
    if segment.uplink is None:
        return
    network = segment.network
    match, untag = f"in_port={segment.uplink}", ""
    if network.vni is None:
        match += f",{UNTAGGED}" if network.vlan is None else f",dl_vlan={network.vlan}"
        untag = "" if network.vlan is None else "pop_vlan,"
    yield flow(CLASSIFY, 100, match, f"{untag}{set_network(network.number)},{FROM_OUTSIDE},{goto(FROM_UPLINK)}")
