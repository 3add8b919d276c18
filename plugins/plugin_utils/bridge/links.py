# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of a host, with their addresses and routes, as entries of its document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import Bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Tap, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import host_end_mac

Entry = dict[str, Any]


def bridge_link(bridge: Bridge) -> Entry:
    entry = {
        "name": bridge.device,
        "type": "bridge",
        "label": bridge.name,
        "mac": bridge.mac,
        "mtu": bridge.mtu,
        "stp": False,
        "vlan_filtering": bridge.vlans is not None or None,
        "vlan_default_pvid": 0 if bridge.vlans is not None else None,
        "vlans": _vlans(bridge.vlan, ()) if bridge.vlans is not None else None,
        "up": True,
        "because": bridge.path,
    }
    return _declared(entry)


def uplink_link(bridge: Bridge) -> Entry:
    """The device that leads outside. It must exist; as a port it gets what a port needs."""
    entry: Entry = {"name": bridge.uplink, "type": "physical", "because": f"{bridge.path}.uplink"}
    if bridge.takes_uplink:
        entry["up"] = True
        entry["mtu"] = bridge.mtu
        if bridge.vlans is not None:
            entry["master"] = bridge.device
            entry["vlans"] = _vlans(bridge.native_vlan, tuple(v for v in bridge.vlans if v != bridge.native_vlan))
    return _declared(entry)


def bridge_addresses(bridge: Bridge) -> Iterator[Entry]:
    for address in bridge.addresses:
        entry = {"link": bridge.device, "address": address.interface, "because": f"{bridge.path}.addresses"}
        yield _at_once(entry, address.family, bridge)


def instance_links(instance: Instance) -> Iterator[Entry]:
    """The host's end on the bridge, and the container's end in its namespace."""
    port = instance.port
    if isinstance(port, Tap):
        yield _host_end(instance, "tap", {"user": port.user, "group": port.group, "multi_queue": port.multi_queue})
        return
    yield _host_end(instance, "veth", {"peer": {"name": port.interface, "namespace": port.namespace}})
    inside = {
        "namespace": port.namespace,
        "name": port.interface,
        "type": "veth",
        "peer": {"name": instance.device},
        "label": instance.name,
        "mac": instance.mac,
        "mtu": instance.mtu,
        "up": True,
        "because": instance.path,
    }
    yield _declared(inside)


def _host_end(instance: Instance, kind: str, own: Entry) -> Entry:
    entry = {
        "name": instance.device,
        "type": kind,
        **own,
        "label": instance.name,
        "mac": host_end_mac(instance.mac),
        "mtu": instance.mtu,
        "master": instance.bridge.device,
        "isolated": instance.isolated,
        "vlans": _vlans(instance.vlan, instance.trunk) if instance.bridge.vlans is not None else None,
        "up": True,
        "because": instance.path,
    }
    return _declared(entry)


def instance_addresses(instance: Instance) -> Iterator[Entry]:
    port = instance.port
    if not isinstance(port, Veth):
        return
    for address in instance.addresses:
        entry = {
            "namespace": port.namespace,
            "link": port.interface,
            "address": address.interface,
            "because": f"{instance.path}.addresses",
        }
        yield _at_once(entry, address.family, instance.bridge)


def instance_routes(instance: Instance) -> Iterator[Entry]:
    port = instance.port
    if not isinstance(port, Veth):
        return
    for gateway in instance.gateways:
        yield {
            "namespace": port.namespace,
            "destination": addresses.everywhere(gateway.version),
            "via": str(gateway),
            "dev": port.interface,
            "because": f"{instance.path}.gateways",
        }


def _vlans(untagged: int | None, tagged: tuple[int, ...]) -> list[Entry | int]:
    own: list[Entry | int] = [] if untagged is None else [{"vid": untagged, "pvid": True, "untagged": True}]
    return own + list(tagged)


def _at_once(entry: Entry, family: int, bridge: Bridge) -> Entry:
    """On a bridge of ours addresses are unique by intent, and usable without waiting for their detection."""
    if family == 6 and not bridge.takes_uplink:
        entry["nodad"] = True
    return entry


def _declared(entry: Entry) -> Entry:
    """What is None is not mentioned."""
    return {key: value for key, value in entry.items() if value is not None}
