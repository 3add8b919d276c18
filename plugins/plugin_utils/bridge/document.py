# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's document, compiled from what the intent says about that host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge import links
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.anti_spoofing import guard
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import Bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.forwarding import forwarding, per_device, sysctls
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet, HostIntent

SCOPE = "host_bridge"

Entry = dict[str, Any]
Document = dict[str, Any]


def bridge_document(intent: Any, host: str) -> Document:
    """The document of one host; one without bridges has an empty document, which removes what it had.

    :raises IntentError: with everything that is wrong with this host's part of the intent.
    """
    return compiled(Fleet(intent).host(host))


def compiled(intent: HostIntent) -> Document:
    bridges, instances = intent.bridges, intent.instances
    sections: dict[str, list[Entry]] = {
        "namespaces": list(_namespaces(instances)),
        "links": list(_links(bridges, instances)),
        "addresses": [entry for bridge in bridges for entry in links.bridge_addresses(bridge)]
        + [entry for instance in instances for entry in links.instance_addresses(instance)],
        "routes": [entry for instance in instances for entry in links.instance_routes(instance)],
        "sysctls": [*sysctls(bridges), *(_no_ipv6(instance) for instance in instances)],
        "nft_tables": [*guard(instances), *forwarding(bridges)],
        "uplinks": [_uplink(bridge) for bridge in bridges if bridge.takes_uplink],
    }
    return {"scope": SCOPE, **{name: entries for name, entries in sections.items() if entries}}


def _namespaces(instances: Iterable[Instance]) -> Iterator[Entry]:
    """The namespaces that we make: each once, and not those that somebody else has made."""
    veths = [(instance, instance.port) for instance in instances if isinstance(instance.port, Veth)]
    existing = {port.namespace for _instance, port in veths if port.namespace_exists}
    made: set[str] = set()
    for instance, port in veths:
        if port.namespace not in existing | made:
            made.add(port.namespace)
            yield {"name": port.namespace, "because": instance.path}


def _links(bridges: Iterable[Bridge], instances: Iterable[Instance]) -> Iterator[Entry]:
    """Uplinks, each bridge, and the ports in the order of their instances' names."""
    uplinks: dict[str, Entry] = {}
    for bridge in bridges:
        yield links.bridge_link(bridge)
        if bridge.uplink is not None:
            entry = links.uplink_link(bridge)
            uplinks.setdefault(bridge.uplink, entry)
    own = {bridge.device for bridge in bridges}
    yield from (entry for name, entry in sorted(uplinks.items()) if name not in own)
    for instance in instances:
        yield from links.instance_links(instance)


def _no_ipv6(instance: Instance) -> Entry:
    """A port is no interface of the host's; it must not get an address of its own."""
    return {"name": per_device(instance.device, "disable_ipv6"), "value": 1, "because": instance.path}


def _uplink(bridge: Bridge) -> Entry:
    return {"link": bridge.uplink, "bridge": bridge.device, "because": f"{bridge.path}.uplink"}
