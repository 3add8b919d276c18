# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bridges and instances of a fleet, sorted by host. Instances with a network are those of distributed routers.

Sorting looks at names only; what concerns one host is parsed when that host is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import Bridge, parse_bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.checks import check_host, check_shared
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, parse_instance
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import (
    Faults,
    IntentError,
    Section,
    entries,
    suggestion,
)

BRIDGES = "fabric_bridges"
INSTANCES = "fabric_instances"


@dataclass(frozen=True)
class HostIntent:
    """What one host has: its bridges and the instances on them, by name."""

    host: str
    bridges: tuple[Bridge, ...]
    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class _Named:
    """One entry of the intent that nobody has looked into yet, but for where it belongs."""

    name: str
    raw: Mapping[str, Any]
    bridge: str = ""


class Fleet:
    """The intent of a whole fleet.

    :param intent: a map with ``fabric_bridges`` and ``fabric_instances``
    """

    def __init__(self, intent: Any) -> None:
        self._faults = Faults()
        self._hosts: dict[str, dict[str, Any]] = {}
        self._bridges: dict[str, list[_Named]] = {}
        self._instances: dict[str, list[_Named]] = {}
        self._strays: list[_Named] = []
        if not isinstance(intent, Mapping):
            raise IntentError([f"intent: {intent!r} is not a map with {BRIDGES} and {INSTANCES}"])
        for name, raw in entries(intent, BRIDGES, self._faults):
            self._place_bridge(name, raw)
        for name, raw in entries(intent, INSTANCES, self._faults):
            if "bridge" in raw or "network" not in raw:
                self._place_instance(name, raw)

    @property
    def hosts(self) -> list[str]:
        return sorted({*self._bridges, *self._instances})

    def host(self, host: str) -> HostIntent:
        """What concerns this host.

        :raises IntentError: with everything that is wrong with it.
        """
        faults = Faults()
        intent = self._parsed(host, faults)
        if faults:
            raise IntentError(faults)
        return intent

    def faults(self, inventory: Iterable[str] = ()) -> list[str]:
        """Everything that is wrong with the fleet's intent; ``inventory`` are the hosts there are, if known."""
        found = Faults()
        for path, text in self._faults.items():
            found.add(path, text)
        for entry in self._strays:
            _instance(entry, None, found)
        parsed = [self._parsed(host, found) for host in self.hosts]
        check_shared([(intent.bridges, intent.instances) for intent in parsed], found)
        known = set(inventory)
        for host in sorted(set(self._bridges) - known) if known else ():
            for bridge in self._bridges[host]:
                found.add(_path_of_host(bridge), f"{host} is not in the inventory; {suggestion(host, known)}")
        return list(found)

    def _place_bridge(self, name: str, raw: Mapping[str, Any]) -> None:
        hosts = _hosts_of(Section(f"{BRIDGES}.{name}", raw, self._faults))
        self._hosts[name] = hosts
        for host in hosts:
            self._bridges.setdefault(host, []).append(_Named(name, raw))

    def _place_instance(self, name: str, raw: Mapping[str, Any]) -> None:
        section = Section(f"{INSTANCES}.{name}", raw, self._faults)
        bridge = section.required("bridge", names.object_name, "", f"choose one of {BRIDGES}")
        host = self._host_of(section, bridge) if bridge else None
        place = self._strays if host is None else self._instances.setdefault(host, [])
        place.append(_Named(name, raw, bridge))

    def _host_of(self, section: Section, bridge: str) -> str | None:
        """The host of an instance: the one it says, or the only one its bridge is on; None when neither can be."""
        if bridge not in self._hosts:
            section.fault("bridge", f"there is no bridge {bridge}; {suggestion(bridge, self._hosts)}")
            return None
        hosts = self._hosts[bridge]
        if "host" not in section:
            if len(hosts) > 1:
                section.fault("host", f"is missing; {bridge} is on several hosts: {suggestion('', hosts)}")
            return next(iter(hosts)) if len(hosts) == 1 else None
        host = section.get("host", names.host_name, None)
        if host is not None and hosts and host not in hosts:
            text = f"{host} does not have bridge {bridge} ({BRIDGES}.{bridge}); {suggestion(host, hosts)}"
            section.fault("host", text)
            return None
        return host

    def _parsed(self, host: str, faults: Faults) -> HostIntent:
        bridges = {entry.name: self._bridge(entry, host, faults) for entry in self._bridges.get(host, ())}
        entries = sorted(self._instances.get(host, ()), key=lambda entry: entry.name)
        parsed = [_instance(entry, bridges.get(entry.bridge), faults) for entry in entries]
        instances = tuple(instance for instance in parsed if instance is not None)
        sound = tuple(bridge for _name, bridge in sorted(bridges.items()) if bridge is not None)
        check_host(sound, instances, faults)
        return HostIntent(host, sound, instances)

    def _bridge(self, entry: _Named, host: str, faults: Faults) -> Bridge | None:
        section = Section(f"{BRIDGES}.{entry.name}", entry.raw, faults)
        hosts = section.raw("hosts")
        section.raw("host")
        if isinstance(hosts, Mapping):
            section.overlay(f"{BRIDGES}.{entry.name}.hosts.{host}", hosts[host])
        return parse_bridge(section, entry.name, host)


def _path_of_host(bridge: _Named) -> str:
    return f"{BRIDGES}.{bridge.name}.{'host' if 'host' in bridge.raw else 'hosts'}"


def _instance(entry: _Named, bridge: Bridge | None, faults: Faults) -> Instance | None:
    section = Section(f"{INSTANCES}.{entry.name}", entry.raw, faults)
    section.raw("bridge")
    section.raw("host")
    return parse_instance(section, entry.name, bridge)


def _hosts_of(section: Section) -> dict[str, Any]:
    """The hosts a bridge is on: one, a list, or a map with what is different on each."""
    if "host" in section and "hosts" in section:
        section.fault("hosts", "excludes host; name one host in host, or several in hosts")
        return {}
    if "host" in section:
        host = section.get("host", names.host_name, None)
        return {} if host is None else {host: None}
    if "hosts" not in section:
        section.fault("host", "is missing; name the bridge's host, or several in hosts")
        return {}
    return section.get("hosts", _host_list, {})


def _host_list(value: Any) -> dict[str, Any]:
    if not isinstance(value, (Mapping, list, tuple)):
        raise ValueError(f"{value!r} is neither a list of hosts nor a map with what is different on each")
    if not value:
        raise ValueError("is empty; name at least one host")
    details = value if isinstance(value, Mapping) else {}
    return {names.host_name(host): details.get(host) for host in value}
