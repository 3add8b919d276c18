# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of packets between network functions, gateways and pools, derived from the intent.

Who is drained may be taken apart at any time, and is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.document import compiled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Everything, Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Function, Gateways
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import switch_of
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import Check, Probe, Settings, by_place

if TYPE_CHECKING:
    from netaddr import IPAddress


def nf_checks(intent: Any, host: str, settings: Settings, subscriber: int | None = None) -> list[dict[str, Any]]:
    """The checks of one host, by the place they are made from; none where there are no gateways.

    :param subscriber: the number of an address in every pool that answers.
    :raises IntentError: with everything that is wrong with the intent of what is looked at.
    """
    fleet = Fleet(intent)
    if host not in fleet.hosts:
        return []
    found = fleet.everything()
    if found.pair is None or host in found.drained.gateways:
        return []
    targets = list(_subscribers(found, subscriber))
    if host not in found.gateways:
        own = [check for one in found.in_service if one.host == host for check in _from_function(one, found, fleet)]
        return by_place(host, own, [])
    device = switch_of(fleet.view(host)).routed_device(found.pair.vlan)
    own = [check for one in found.in_service for check in _from_gateway(one, host, device, found.pair)]
    own += [Check(host, name, {"kind": "ping", "address": str(address)}) for name, address in targets]
    places = [place for place in settings.outside if host in place.hosts]
    outside = []
    for place in places:
        addresses = [(str(address), address) for address in place.reaches]
        start: Probe = {"namespace": place.namespace} if place.namespace else {}
        probes = [(name, {"kind": "ping", "address": str(address), **start}) for name, address in addresses + targets]
        outside.append((place, [Check(place.name, name, probe) for name, probe in probes]))
    return by_place(host, own, outside)


def _subscribers(found: Everything, number: int | None) -> Iterator[tuple[str, IPAddress]]:
    for pool in found.pools if number is not None else ():
        yield f"{pool.prefix} ({pool.user_plane})", pool.prefix[number]


def _from_gateway(one: Function, host: str, device: str, pair: Gateways) -> Iterator[Check]:
    """An NF's addresses are answered for by its own MAC address, and frames of the VLAN's size pass. What a VM answers
    with, and whether, is its own business."""
    for address in one.addresses:
        question: Probe = {"kind": "arp", "address": str(address), "interface": device}
        if not isinstance(one.port, Veth):
            yield Check(host, one.name, question)
            continue
        yield Check(host, one.name, {**question, "expect": {"mac": one.routed_leg.mac}})
        size = {"mtu": pair.vlan.mtu}
        yield Check(host, one.name, {"kind": "path_mtu", "address": str(address), "expect": size})


def _from_function(one: Function, found: Everything, fleet: Fleet) -> Iterator[Check]:
    """It reaches each gateway, which answers by its own MAC address, and the shared addresses, by one of these."""
    if not isinstance(one.port, Veth) or found.pair is None:
        return
    start: Probe = {"namespace": one.port.namespace}
    question: Probe = {**start, "kind": "arp", "interface": one.routed_leg.interface}
    versions = {address.version for address in one.addresses}
    kept = [gateway for gateway in found.pair.hosts if gateway.host.name not in found.drained.gateways]
    macs = {gateway.host.name: _mac(fleet, gateway.host.name, found.pair) for gateway in kept}
    for gateway in kept:
        name = gateway.host.name
        for address in gateway.addresses:
            if address.version in versions:
                yield Check(one.name, name, {**question, "address": str(address), "expect": {"mac": macs[name]}})
    for address in found.pair.shared:
        if address.version in versions:
            expect = {"mac": sorted(macs.values())}
            yield Check(one.name, "shared address", {**question, "address": str(address), "expect": expect})
            yield Check(one.name, "shared address", {**start, "kind": "ping", "address": str(address)})


def _mac(fleet: Fleet, gateway: str, pair: Gateways) -> str:
    """That of the gateway's leg. A link for a VLAN has that of the device it is on."""
    view = fleet.view(gateway)
    links = {link["name"]: link for link in compiled(view)["links"] if "namespace" not in link}
    link = links[switch_of(view).routed_device(pair.vlan)]
    return str(link.get("mac") or links[link["parent"]]["mac"])
