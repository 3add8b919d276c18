# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of the intent: sorted by who belongs to whom, each parsed when it is asked for, and once.

Sorting looks at names only. What is wrong with an entry is told to everybody who asks for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.external import DeclaredExternal, parse_external
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.host import parse_host
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.instance import DeclaredInstance, parse_instance
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Host, Network, Provider
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.network import parse_network
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.provider import parse_provider
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.router import (
    DeclaredRouter,
    Surroundings,
    network_names,
    parse_router,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.security_group import DeclaredGroup, parse_group
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.segment import Segment, check_next_hops, segment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import known, parse_settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section, entries

T = TypeVar("T")
Raw = Mapping[str, Any]

HOSTS = "fabric_hosts"
PROVIDERS = "fabric_providers"
EXTERNALS = "fabric_external_networks"
NETWORKS = "fabric_networks"
ROUTERS = "fabric_routers"
GROUPS = "fabric_security_groups"
INSTANCES = "fabric_instances"


class Catalogue:
    """Everything that the intent has, by name."""

    def __init__(self, intent: Raw) -> None:
        self.faults = Faults()
        self.hosts = self._entries(_filled(intent, HOSTS), HOSTS, names.host_name)
        self.providers = self._entries(intent, PROVIDERS)
        self.externals = self._entries(intent, EXTERNALS)
        self.networks = self._entries(intent, NETWORKS)
        self.routers = self._entries(intent, ROUTERS)
        self.groups = self._entries(intent, GROUPS)
        self.instances: dict[str, Raw] = {}
        self.setting_faults = Faults()
        self.settings = parse_settings(intent, self.hosts, self.setting_faults)
        self.on_host: dict[str, list[str]] = defaultdict(list)
        self.in_network: dict[str, list[str]] = defaultdict(list)
        self.routers_of: dict[str, list[str]] = defaultdict(list)
        self.networks_of: dict[str, list[str]] = {}
        self._sort_instances(self._entries(intent, INSTANCES))
        self._sort_routers()
        self._parsed: dict[tuple[str, ...], tuple[Any, Faults]] = {}
        self._connected: dict[str, tuple[frozenset[str], frozenset[str]]] = {}

    def connected(self, network: str) -> tuple[frozenset[str], frozenset[str]]:
        """The networks that routers connect with this one, itself included, and those routers."""
        if network not in self._connected:
            networks, routers, waiting = {network}, set[str](), [network]
            while waiting:
                for router in self.routers_of.get(waiting.pop(), ()):
                    if router not in routers:
                        routers.add(router)
                        waiting += [name for name in self.networks_of[router] if name not in networks]
                        networks.update(self.networks_of[router])
            found = frozenset(networks), frozenset(routers)
            self._connected.update(dict.fromkeys(networks, found))
        return self._connected[network]

    def snat_routers(self) -> list[str]:
        return sorted(name for name, raw in self.routers.items() if raw.get("snat") is not None)

    def host(self, name: str, faults: Faults) -> Host | None:
        def parse(own: Faults) -> Host | None:
            section = Section(f"{HOSTS}.{name}", self.hosts.get(name, {}), own)
            return parse_host(section, name, self.settings, self.providers)

        return self._once((HOSTS, name), parse, faults)

    def provider(self, name: str, faults: Faults, host: str | None = None) -> Provider | None:
        """The provider by itself, or as it is on a host."""

        def parse(own: Faults) -> Provider | None:
            section = Section(f"{PROVIDERS}.{name}", self.providers[name], own)
            overrides = self.hosts.get(host, {}).get("providers") if host is not None else None
            if isinstance(overrides, Mapping):
                section.overlay(f"{HOSTS}.{host}.providers.{name}", overrides.get(name))
            return parse_provider(section, name)

        return self._once((PROVIDERS, name, host or ""), parse, faults)

    def external(self, name: str, faults: Faults) -> DeclaredExternal | None:
        def parse(own: Faults) -> DeclaredExternal | None:
            section = Section(f"{EXTERNALS}.{name}", self.externals[name], own)
            return parse_external(section, name, lambda one: self.provider(one, own), self.providers)

        return self._once((EXTERNALS, name), parse, faults)

    def network(self, name: str, faults: Faults) -> Network | None:
        """The network by itself; who is in it is in its segment."""

        def parse(own: Faults) -> Network | None:
            section = Section(f"{NETWORKS}.{name}", self.networks[name], own)
            return parse_network(section, name, self.settings, lambda one: self.provider(one, own), self.providers)

        return self._once((NETWORKS, name), parse, faults)

    def router(self, name: str, faults: Faults) -> DeclaredRouter | None:
        def parse(own: Faults) -> DeclaredRouter | None:
            around = Surroundings(
                settings=self.settings,
                networks=self.networks,
                externals=self.externals,
                network=lambda one: self.network(one, own),
                external=lambda one: self.external(one, own),
            )
            return parse_router(Section(f"{ROUTERS}.{name}", self.routers[name], own), name, around)

        return self._once((ROUTERS, name), parse, faults)

    def group(self, name: str, faults: Faults) -> DeclaredGroup | None:
        def parse(own: Faults) -> DeclaredGroup | None:
            return parse_group(Section(f"{GROUPS}.{name}", self.groups[name], own), name, self.groups)

        return self._once((GROUPS, name), parse, faults)

    def instance(self, name: str, faults: Faults) -> DeclaredInstance | None:
        def parse(own: Faults) -> DeclaredInstance | None:
            raw = self.instances[name]
            section = Section(f"{INSTANCES}.{name}", raw, own)
            cure = f"name one of {NETWORKS}, or a bridge of fabric_bridges"
            network = section.required("network", names.object_name, None, cure)
            found = None
            if network is not None and known(section, "network", network, self.networks, NETWORKS):
                found = self.network(network, own)
            return parse_instance(section, name, found, self.hosts, self.groups)

        return self._once((INSTANCES, name), parse, faults)

    def segment(self, name: str, faults: Faults) -> Segment | None:
        def make(own: Faults) -> Segment | None:
            network = self.network(name, own)
            routers = [self.router(one, own) for one in sorted(self.routers_of.get(name, ()))]
            instances = [self.instance(one, own) for one in sorted(self.in_network.get(name, ()))]
            if network is None:
                return None
            named = bool(self.networks[name].get("gateways"))
            sound = [router for router in routers if router is not None]
            there = [instance for instance in instances if instance is not None]
            if len(there) == len(instances):
                check_next_hops(network, sound, there, own)
            return segment(network, named, sound, there, own)

        return self._once(("segment", name), make, faults)

    def _entries(self, intent: Raw, variable: str, name_of: Callable[[Any], str] = names.object_name) -> dict[str, Raw]:
        return dict(entries(intent, variable, self.faults, name_of))

    def _sort_instances(self, given: Mapping[str, Raw]) -> None:
        """Those with a bridge are not ours. The others get to where they say they are, if that can be."""
        for name, raw in given.items():
            if raw.get("bridge") is not None:
                continue
            self.instances[name] = raw
            host, network = raw.get("host"), raw.get("network")
            if isinstance(host, str):
                self.on_host[host].append(name)
            if isinstance(network, str):
                self.in_network[network].append(name)

    def _sort_routers(self) -> None:
        for name, raw in self.routers.items():
            networks = [network for network in network_names(raw.get("networks")) if network in self.networks]
            self.networks_of[name] = networks
            for network in dict.fromkeys(networks):
                self.routers_of[network].append(name)

    def _once(self, key: tuple[str, ...], parse: Callable[[Faults], T], faults: Faults) -> T:
        found = self._parsed.get(key)
        if found is None:
            own = Faults()
            found = self._parsed[key] = (parse(own), own)
        if found[1]:
            faults.update(found[1])
        result: T = found[0]
        return result


def _filled(intent: Raw, variable: str) -> Raw:
    """A host about which there is nothing to say needs no map."""
    content = intent.get(variable)
    if not isinstance(content, Mapping):
        return intent
    return {variable: {name: {} if raw is None else raw for name, raw in content.items()}}
