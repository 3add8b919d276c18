# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The entries of the intent for NF nodes, each parsed when it is asked for, and once.

What is wrong with an entry is told to everybody who asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf import drained
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.function import parse_control_plane, parse_user_plane
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.gateways import parse_gateways
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    ControlPlane,
    Drained,
    Gateways,
    Host,
    NextHop,
    PoolRange,
    UserPlane,
    Vlan,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.next_hop import parse_next_hop
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.pool_range import parse_range
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.settings import parse_settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.vlan import parse_host, parse_vlan
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section, Variables, entries

T = TypeVar("T")
Raw = Mapping[str, Any]

VLANS = "fabric_vlans"
HOSTS = "fabric_nf_hosts"
USER_PLANES = "fabric_user_planes"
CONTROL_PLANES = "fabric_control_planes"
GATEWAYS = "fabric_gateways"
NEXT_HOPS = "fabric_next_hops"
POOLS = "fabric_pools"


class Catalogue:
    """Everything that the intent has, by name."""

    def __init__(self, intent: Raw) -> None:
        self.faults = Faults()
        self.vlans = self._entries(intent, VLANS)
        self.hosts = self._entries(_filled(intent, HOSTS), HOSTS, names.host_name)
        self.user_planes = self._entries(intent, USER_PLANES)
        self.control_planes = self._entries(intent, CONTROL_PLANES)
        self.next_hops = self._entries(intent, NEXT_HOPS)
        self.ranges = self._entries(intent, POOLS)
        self.settings = parse_settings(intent, self.faults)
        self._raw_gateways = intent.get(GATEWAYS)
        self._drained = {key: intent.get(key) for key in (drained.VARIABLE, drained.REMEMBERED)}
        self._parsed: dict[tuple[str, ...], tuple[Any, Faults]] = {}

    @property
    def has_gateways(self) -> bool:
        return self._raw_gateways is not None

    def vlan(self, name: str, faults: Faults) -> Vlan | None:
        def parse(own: Faults) -> Vlan | None:
            return parse_vlan(Section(f"{VLANS}.{name}", self.vlans[name], own), name)

        return self._once((VLANS, name), parse, faults)

    def all_vlans(self, faults: Faults) -> dict[str, Vlan | None]:
        return {name: self.vlan(name, faults) for name in sorted(self.vlans)}

    def host(self, name: str, faults: Faults) -> Host | None:
        def parse(own: Faults) -> Host | None:
            section = Section(f"{HOSTS}.{name}", self.hosts[name], own)
            found = parse_host(section, name, self.settings)
            section.close()
            return found if section.sound else None

        return self._once((HOSTS, name), parse, faults)

    def gateways(self, faults: Faults) -> Gateways | None:
        def parse(own: Faults) -> Gateways | None:
            if not self.has_gateways:
                return None
            return parse_gateways(Section(GATEWAYS, self._raw_gateways, own), self.all_vlans(Faults()), self.settings)

        return self._once((GATEWAYS,), parse, faults)

    def user_plane(self, name: str, faults: Faults) -> UserPlane | None:
        def parse(own: Faults) -> UserPlane | None:
            section = Section(f"{USER_PLANES}.{name}", self.user_planes[name], own)
            vlans, gateways = self._around()
            return None if self._lost(own) else parse_user_plane(section, name, vlans, gateways)

        return self._once((USER_PLANES, name), parse, faults)

    def control_plane(self, name: str, faults: Faults) -> ControlPlane | None:
        def parse(own: Faults) -> ControlPlane | None:
            section = Section(f"{CONTROL_PLANES}.{name}", self.control_planes[name], own)
            vlans, gateways = self._around()
            return None if self._lost(own) else parse_control_plane(section, name, vlans, gateways)

        return self._once((CONTROL_PLANES, name), parse, faults)

    def next_hop(self, name: str, faults: Faults) -> NextHop | None:
        def parse(own: Faults) -> NextHop | None:
            section = Section(f"{NEXT_HOPS}.{name}", self.next_hops[name], own)
            return parse_next_hop(section, name, self.gateways(Faults()))

        return self._once((NEXT_HOPS, name), parse, faults)

    def pool_range(self, name: str, faults: Faults) -> PoolRange | None:
        def parse(own: Faults) -> PoolRange | None:
            hops = {one: self.next_hop(one, Faults()) for one in self.next_hops}
            planes = {one: self.user_plane(one, Faults()) for one in self.user_planes}
            return parse_range(Section(f"{POOLS}.{name}", self.ranges[name], own), name, hops, planes)

        return self._once((POOLS, name), parse, faults)

    def drained(self, faults: Faults) -> Drained:
        def parse(own: Faults) -> Drained:
            homes = {name: raw.get("host") for name, raw in {**self.user_planes, **self.control_planes}.items()}
            gateways = self.gateways(Faults())
            pair = [gateway.host.name for gateway in gateways.hosts] if gateways is not None else []
            section = Variables(self._drained, own)
            return drained.parse_drained(section, homes, self.hosts, pair, self._drained[drained.REMEMBERED])

        return self._once((drained.VARIABLE,), parse, faults)

    def _around(self) -> tuple[list[Vlan], Gateways | None]:
        found = self.all_vlans(Faults()).values()
        return [vlan for vlan in found if vlan is not None], self.gateways(Faults())

    def _lost(self, own: Faults) -> bool:
        """Whether VLANs or gateways have faults, so that nothing can be said about what hangs on them."""
        own.update(self._faults_of_base())
        return bool(len(own))

    def _faults_of_base(self) -> Faults:
        found = Faults()
        self.all_vlans(found)
        self.gateways(found)
        return found

    def _entries(self, intent: Raw, variable: str, name_of: Callable[[Any], str] = names.object_name) -> dict[str, Raw]:
        return dict(entries(intent, variable, self.faults, name_of))

    def _once(self, key: tuple[str, ...], parse: Callable[[Faults], T], faults: Faults) -> T:
        if key not in self._parsed:
            own = Faults()
            self._parsed[key] = parse(own), own
        found, own = self._parsed[key]
        faults.update(own)
        result: T = found
        return result


def _filled(intent: Raw, variable: str) -> Raw:
    """A host of which nothing is said is written without a value."""
    content = intent.get(variable)
    if not isinstance(content, Mapping):
        return intent
    return {**intent, variable: {name: {} if raw is None else raw for name, raw in content.items()}}
