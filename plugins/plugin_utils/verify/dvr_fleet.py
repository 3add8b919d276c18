# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a host's instances are tried against: its own, and those of other hosts, which are parsed when chosen."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
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
    :param full_mesh: of more than this many, only the next one on the host and the next one elsewhere are chosen
    """

    def __init__(self, intent: Mapping[str, Any], host: str, full_mesh: int) -> None:
        self.routes = host in (intent.get("fabric_hosts") or {})
        self._intent = intent
        self._fleet = Fleet(intent)
        self._host = host
        self._full_mesh = full_mesh
        self._views: dict[str, HostView] = {}
        self._central: dict[str, dict[str, IPAddress]] = {}
        # Each list is sorted by name.
        self._by_network: dict[str, list[Known]] = {}
        known = sorted(_known(intent))
        for each in known:
            self._by_network.setdefault(each.network, []).append(each)
        self._public = _by_host(each for each in known if each.public)
        self._firsts = _by_host(sorted(members[0] for members in self._by_network.values()))

    @property
    def view(self) -> HostView:
        return self._view(self._host)

    @property
    def own(self) -> list[End]:
        return [end_of(self.view, instance, self._snat(self._host)) for instance in self.view.instances]

    def neighbours(self, end: End) -> Iterator[End]:
        """The others of its network."""
        return self._members(end, self._by_network[end.instance.network.name])

    def routed(self, end: End) -> Iterator[End]:
        """Those of each other network of its router."""
        for network in sorted(end.networks - {end.instance.network.name}):
            yield from self._members(end, self._by_network.get(network, []))

    def known_outside(self, end: End) -> Iterator[End]:
        """Those that an external network may know by an address."""
        return self._anywhere(end, self._public, frozenset())

    def strangers(self, end: End) -> Iterator[End]:
        """The first one of each network that its router has nothing to do with."""
        return self._anywhere(end, self._firsts, end.networks)

    def networks(self, end: End) -> list[LocalNetwork]:
        return [each for each in self.view.networks if each.network.name in end.networks]

    def owner(self, end: End, address: IPAddress) -> str | None:
        """Whose MAC address answers for an address in the instance's network, if anybody's."""
        members = (member for member in self._local(end).members if member.address == address)
        return next((member.mac for member in members), None)

    def used(self, end: End) -> frozenset[IPAddress]:
        return frozenset(member.address for member in self._local(end).members)

    def _members(self, end: End, known: Sequence[Known]) -> Iterator[End]:
        """All others of a network, or where they are many the next by name here, and the next elsewhere."""
        others = _after(end.name, known)
        if len(known) > self._full_mesh:
            found: dict[bool, Known] = {}
            for each in others:
                found.setdefault(each.host == end.host, each)
                if len(found) == 2:
                    break
            others = (found[is_here] for is_here in (True, False) if is_here in found)
        return map(self._end, others)

    def _anywhere(self, end: End, known: Mapping[str, Sequence[Known]], without: frozenset[str]) -> Iterator[End]:
        """The same of a whole fleet's: who is elsewhere is on the next host, so that few hosts are looked into."""
        hosts = _turned(sorted(known), end.host)
        by_host = ((each for each in _after(end.name, known[host]) if each.network not in without) for host in hosts)
        if sum(len(there) for there in known.values()) <= self._full_mesh:
            return map(self._end, chain.from_iterable(by_host))
        here = next(by_host, iter(())) if end.host in known else iter(())
        return map(self._end, chain(islice(here, 1), islice(chain.from_iterable(by_host), 1)))

    def _end(self, known: Known) -> End:
        view = self._view(known.host)
        instance = next(each for each in view.instances if each.name == known.name)
        return end_of(view, instance, self._snat(known.host))

    def _local(self, end: End) -> LocalNetwork:
        return next(each for each in self.view.networks if each.network.name == end.instance.network.name)

    def _view(self, host: str) -> HostView:
        if host not in self._views:
            self._views[host] = self._fleet.view(host)
        return self._views[host]

    def _snat(self, host: str) -> dict[str, IPAddress]:
        """The addresses of a host's routers that have one, which its view does not tell."""
        if host not in self._central:
            given = self._intent.get("fabric_routers") or {}
            routers = [router.name for router in self._view(host).routers if router.redirects]
            said = {name: given[name].get("snat") for name in routers}
            self._central[host] = {name: addresses.ip(address) for name, address in said.items() if address}
        return self._central[host]


def _known(intent: Mapping[str, Any]) -> Iterator[Known]:
    for name, raw in (intent.get("fabric_instances") or {}).items():
        if isinstance(raw, Mapping) and "network" in raw and "bridge" not in raw:
            public = bool(raw.get("floating_ip")) or any(":" in str(each) for each in raw.get("addresses") or ())
            yield Known(str(name), str(raw.get("host")), str(raw["network"]), public)


def _by_host(known: Iterable[Known]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = {}
    for each in known:
        found.setdefault(each.host, []).append(each)
    return found


def _after(name: str, known: Sequence[Known]) -> Iterator[Known]:
    """The others of a sorted list, those that follow an instance by name first."""
    at = bisect_left(known, name, key=lambda each: each.name)
    places = chain(range(at, len(known)), range(at))
    return (known[place] for place in places if known[place].name != name)


def _turned(hosts: Sequence[str], first: str) -> list[str]:
    """Sorted hosts, beginning with a certain one."""
    at = bisect_left(hosts, first)
    return [*hosts[at:], *hosts[:at]]
