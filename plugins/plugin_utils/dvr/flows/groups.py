# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flows of br-int in named groups: each group is there because of one thing, and comes and goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import INTEGRATION, Entry
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows import (
    classify,
    firewall,
    forward,
    gate,
    port_security,
    responder,
    uplink,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.base import base
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import HostView


def groups(view: HostView, segments: list[LocalSegment]) -> list[Entry]:
    found = [_group("base", view.host.path, base())]
    if view.snats:
        found.append(_group("gate", view.host.path, gate.waiting() if view.gated else gate.opened()))
    for segment in segments:
        found.extend(_of_segment(view, segment))
    return found


def _of_segment(view: HostView, segment: LocalSegment) -> Iterator[Entry]:
    network = segment.network
    flows = (*classify.uplink(segment), *forward.flood(segment), *uplink.network(segment))
    if flows:
        yield _group(f"network {network.name}", network.path, flows)
    for router, leg in segment.legs:
        flows = (*classify.leg(leg), *responder.leg(leg), *forward.leg(leg), *uplink.leg(view.host, leg))
        yield _group(f"router {router.name} {network.name}", leg.path, flows)
    for external in segment.externals:
        flows = (*classify.external(external), *forward.external(external))
        yield _group(f"external {external.name}", external.path, flows)
    for snat, central in segment.centrals:
        flows = (*classify.central(central), *responder.central(central), *forward.central(central))
        yield _group(f"snat {snat.router} {network.name}", central.path, flows)
    for own in segment.instances:
        parts = (classify.instance, port_security.instance, firewall.instance, forward.instance)
        flows = tuple(flow for part in parts for flow in part(own))
        yield _group(f"port {own.device}", own.path, flows)
    for member in segment.members:
        flows = tuple(responder.member(network, member))
        yield _group(f"member {network.name} {member.address}", member.path, flows)


def _group(name: str, because: str, flows: Iterable[str]) -> Entry:
    return {"bridge": INTEGRATION, "name": name, "flows": list(flows), "because": because}
