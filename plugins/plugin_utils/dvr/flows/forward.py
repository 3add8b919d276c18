# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables 40 and 70: to which port a frame goes."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    DELIVER,
    FIREWALL_IN,
    FORWARD,
    GATE_TO,
    MULTICAST,
    UPLINK,
    flow,
    goto,
    in_network,
    set_output,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import CentralLeg, External, Instance, Leg
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.ports import meter_name

_OUTPUT = "output:NXM_NX_REG0[]"


def base() -> Iterator[str]:
    # Who is not here may be elsewhere.
    yield flow(FORWARD, 0, "", goto(UPLINK))
    yield flow(DELIVER, 100, "", _OUTPUT)


def instance(own: Instance) -> Iterator[str]:
    here = f"{in_network(own.network.number)},dl_dst={own.mac}"
    yield flow(FORWARD, 100, here, f"{set_output(own.device)},{goto(FIREWALL_IN)}")
    if own.limit is not None and own.limit.inbound is not None:
        metered = f"meter:meter({meter_name(own, 'in')}),{_OUTPUT}"
        yield flow(DELIVER, 110, f"reg0=port({own.device})", metered)


def leg(own: Leg) -> Iterator[str]:
    yield flow(FORWARD, 100, f"{in_network(own.network.number)},dl_dst={own.mac}", f"output:{own.port}")


def external(own: External) -> Iterator[str]:
    yield flow(FORWARD, 100, f"{in_network(own.network.number)},dl_dst={own.mac}", f"output:{own.port}")


def central(own: CentralLeg) -> Iterator[str]:
    here = f"{in_network(own.network.number)},dl_dst={own.mac}"
    yield flow(FORWARD, 100, here, f"{set_output(own.port)},{goto(GATE_TO)}")


def flood(segment: LocalSegment) -> Iterator[str]:
    """To all who are in the network: first on this host, then out, where the frame may get another source."""
    ways = [f"{set_output(i.device)},resubmit(,{FIREWALL_IN})" for i in segment.instances]
    ways += [f"output:{leg.port}" for _router, leg in segment.legs]
    ways += [f"output:{external.port}" for external in segment.externals]
    ways += [f"{set_output(central.port)},resubmit(,{GATE_TO})" for _snat, central in segment.centrals]
    if segment.uplink is not None:
        ways.append(f"resubmit(,{UPLINK})")
    if ways:
        yield flow(FORWARD, 90, f"{in_network(segment.network.number)},{MULTICAST}", ",".join(ways))
