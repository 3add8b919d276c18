# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The NFs of a host: their namespaces, a port in each VLAN, addresses and default routes."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import (
    Entry,
    Sections,
    declared,
    merged,
    usable_at_once,
    veth,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import host_end_mac
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Function, HostView, Leg
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import Switch
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Tap, Veth


def functions(view: HostView, switch: Switch) -> Sections:
    return merged(part for one in view.functions for part in _function(one, switch))


def _function(one: Function, switch: Switch) -> Iterator[Sections]:
    port = one.port
    if isinstance(port, Veth) and not port.namespace_exists:
        yield {"namespaces": [{"name": port.namespace, "because": one.path}]}
    for leg in one.legs:
        if isinstance(port, Tap):
            yield switch.port(_tap(one, leg, port), leg.vlan)
            continue
        inside, outside = _pair(one, leg, port)
        yield {"links": [inside]}
        yield switch.port(outside, leg.vlan)
        yield {
            "addresses": [
                usable_at_once(port.namespace, leg.interface, interface, f"{one.path}.addresses")
                for interface in leg.addresses
            ],
            "routes": [_default_route(port, leg, gateway.version, str(gateway)) for gateway in leg.gateways],
        }


def _tap(one: Function, leg: Leg, port: Tap) -> Entry:
    entry = {
        "name": leg.device,
        "type": "tap",
        "user": port.user,
        "group": port.group,
        "multi_queue": port.multi_queue,
        "label": f"{one.name} {leg.vlan.name}",
        "mac": host_end_mac(leg.mac),
        "mtu": leg.vlan.mtu,
        "up": True,
        "because": one.path,
    }
    return declared(entry)


def _pair(one: Function, leg: Leg, port: Veth) -> list[Entry]:
    common = {"label": f"{one.name} {leg.vlan.name}", "mtu": leg.vlan.mtu, "because": one.path}
    inside = {"namespace": port.namespace, "name": leg.interface, "mac": leg.mac, **common}
    return veth(inside, {"name": leg.device, "mac": host_end_mac(leg.mac), **common})


def _default_route(port: Veth, leg: Leg, family: int, gateway: str) -> Entry:
    return {
        "namespace": port.namespace,
        "destination": addresses.everywhere(family),
        "via": gateway,
        "dev": leg.interface,
        "because": "fabric_gateways.addresses",
    }
