# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the host's own answers on a connection go, by rules and routes as they are observed or planned. Pure.

What is not observed is left out: marks of packets, the type of service, and the kernel's table of local addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import ip_address, ip_interface, ip_network

from .connection import Connection
from .kinds.address import Address
from .kinds.base import HOST, Key, Resource, link_key
from .kinds.link import Link
from .kinds.route import MAIN_TABLE, NextHop, Route
from .kinds.rule import Rule
from .values import family

_TCP = 6
_LEADING = (None, "unicast", "local")


class Routing:
    """The host's own namespace, with these objects in it."""

    def __init__(self, objects: Mapping[Key, Resource]) -> None:
        self._objects = objects
        self._rules = [o for o in objects.values() if isinstance(o, Rule) and o.namespace == HOST]
        self._rules.sort(key=lambda rule: rule.priority)
        self._routes = [o for o in objects.values() if isinstance(o, Route) and o.namespace == HOST]
        self._routes += self._connected()

    def decision(self, connection: Connection, device: str) -> tuple[Resource, ...]:
        """The rule and the route that decide about answers from an address on that device; nothing where none does."""
        master = self._link(str(getattr(self._link(device), "master", None) or ""))
        if master is not None and master.type == "vrf":
            route = self._best(connection.peer, int(master.table or 0))
            return (route,) if route else ()
        version = family(connection.peer)
        for rule in self._rules:
            if rule.family != version or not _selects(rule, connection):
                continue
            if rule.action != "lookup":
                return (rule,)
            route = self._best(connection.peer, int(rule.table or 0))
            if route is not None and route.type != "throw":
                return (rule, route)
        return ()

    def devices(self, decision: Iterable[Resource]) -> set[str]:
        """The devices that answers leave by; none where they are dropped."""
        found: set[str] = set()
        for route in decision:
            if isinstance(route, Route) and route.type in _LEADING:
                found |= {device for hop in route.next_hops or () for device in self._behind(hop, route.table)}
        return found

    def _behind(self, hop: NextHop, table: int) -> set[str]:
        """Where a next hop does not name its link, the one that has its gateway."""
        if hop.dev:
            return {hop.dev}
        ways = (self._best(hop.via, place) for place in (table, MAIN_TABLE))
        return {other.dev for way in ways if way is not None for other in way.next_hops or () if other.dev}

    def _best(self, address: str, table: int) -> Route | None:
        lengths = {str(ip_network(f"{address}/{length}", strict=False)): length for length in _lengths(address)}
        fitting = [route for route in self._routes if route.table == table and route.destination in lengths]
        return min(fitting, key=lambda route: (-lengths[route.destination], route.metric), default=None)

    def _connected(self) -> Iterator[Route]:
        """The routes that the kernel makes with addresses; those of a plan are not observed yet."""
        for address in self._objects.values():
            if isinstance(address, Address) and address.namespace == HOST and not address.noprefixroute:
                link = self._link(address.link)
                if link is not None and link.up:
                    vrf = self._link(str(link.master or ""))
                    table = vrf.table if vrf is not None and vrf.type == "vrf" else None
                    yield Route(
                        destination=str(ip_interface(address.peer or address.address).network),
                        table=int(table or MAIN_TABLE),
                        metric=0,
                        next_hops=(NextHop(dev=address.link),),
                    )

    def _link(self, name: str) -> Link | None:
        found = self._objects.get(link_key(HOST, name))
        return found if isinstance(found, Link) else None


def _lengths(address: str) -> range:
    return range(ip_address(address).max_prefixlen + 1)


def _selects(rule: Rule, connection: Connection) -> bool:
    """Whether a rule is about packets that this host sends on the connection."""
    fits = (
        _contains(rule.source, connection.address)
        and _contains(rule.destination, connection.peer)
        and rule.iif in (None, "lo")
        and rule.oif is None
        and (rule.fwmark is None or int(rule.fwmark.partition("/")[0], 0) == 0)
        and rule.ip_protocol in (None, _TCP)
        and _in_range(rule.source_port, connection.port)
        and _in_range(rule.destination_port, connection.peer_port)
    )
    return fits != bool(rule.inverted)


def _contains(prefix: str | None, address: str) -> bool:
    return prefix is None or ip_address(address) in ip_network(prefix)


def _in_range(ports: str | None, port: int) -> bool:
    if ports is None:
        return True
    low, _dash, high = ports.partition("-")
    return int(low) <= port <= int(high or low)
