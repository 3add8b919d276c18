# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a host's instances can be tried against: its own, and those of other hosts, which are parsed when chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import HostView, LocalNetwork
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.dvr_end import End, end_of

if TYPE_CHECKING:
    from netaddr import IPAddress


@dataclass(frozen=True, order=True)
class Known:
    """An instance that nobody has looked into yet. public: whether an external network may know it."""

    name: str
    host: str
    network: str
    public: bool


class Surroundings:
    """One host of a fleet, and what its instances have around them.

    :param intent: a map with ``fabric_hosts``, ``fabric_instances`` and the like
    """

    def __init__(self, intent: Mapping[str, Any], host: str) -> None:
        self.routes = host in (intent.get("fabric_hosts") or {})
        self._intent = intent
        self._fleet = Fleet(intent)
        self._host = host
        self._views: dict[str, HostView] = {}
        self._by_network: dict[str, list[Known]] = {}
        for known in sorted(_known(intent)):
            self._by_network.setdefault(known.network, []).append(known)

    @property
    def view(self) -> HostView:
        return self._view(self._host)

    @property
    def own(self) -> list[End]:
        return [end_of(self.view, instance, self._snat(self.view)) for instance in self.view.instances]

    def end(self, known: Known) -> End:
        view = self._view(known.host)
        instance = next(each for each in view.instances if each.name == known.name)
        return end_of(view, instance, self._snat(view))

    def neighbours(self, end: End) -> list[Known]:
        """The others of its network, those that follow it by name first."""
        return _after(end, self._by_network[end.instance.network.name])

    def others_by_network(self, end: End) -> Iterator[list[Known]]:
        """Those of each other network of its router."""
        for network in sorted(end.networks - {end.instance.network.name}):
            yield _after(end, self._by_network.get(network, []))

    def known_outside(self, end: End) -> list[Known]:
        """All that an external network may know by an address."""
        return _after(end, [known for network in self._by_network.values() for known in network if known.public])

    def strangers(self, end: End) -> list[Known]:
        """One of each network that its router has nothing to do with."""
        return _after(end, [known[0] for name, known in self._by_network.items() if name not in end.networks])

    def networks(self, end: End) -> list[LocalNetwork]:
        return [each for each in self.view.networks if each.network.name in end.networks]

    def owner(self, end: End, address: IPAddress) -> str | None:
        """Whose MAC address answers for an address in the instance's network, if anybody's."""
        members = (member for member in self._local(end).members if member.address == address)
        return next((member.mac for member in members), None)

    def used(self, end: End) -> frozenset[IPAddress]:
        return frozenset(member.address for member in self._local(end).members)

    def _local(self, end: End) -> LocalNetwork:
        return next(each for each in self.view.networks if each.network.name == end.instance.network.name)

    def _view(self, host: str) -> HostView:
        if host not in self._views:
            self._views[host] = self._fleet.view(host)
        return self._views[host]

    def _snat(self, view: HostView) -> dict[str, IPAddress]:
        """The addresses of the routers that have one, which their host's view does not tell."""
        given = self._intent.get("fabric_routers") or {}
        return {
            router.name: addresses.ip(given[router.name]["snat"])
            for router in view.routers
            if router.redirects and given[router.name].get("snat")
        }


def _known(intent: Mapping[str, Any]) -> Iterator[Known]:
    for name, raw in (intent.get("fabric_instances") or {}).items():
        if isinstance(raw, Mapping) and "network" in raw and "bridge" not in raw:
            public = bool(raw.get("floating_ip")) or any(":" in str(each) for each in raw.get("addresses") or ())
            yield Known(str(name), str(raw.get("host")), str(raw["network"]), public)


def _after(end: End, known: Sequence[Known]) -> list[Known]:
    """The others, those that follow an instance by name first."""
    others = sorted(each for each in known if each.name != end.name)
    return [*(each for each in others if each.name > end.name), *(each for each in others if each.name < end.name)]
