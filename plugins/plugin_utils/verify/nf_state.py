# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true on gateways: sessions, and the routes of the plan in the kernel, each with exactly its next hops.

That somebody does not answer is told once. The routes have to fit those who do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import whole
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Everything, Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.live import Live
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import FAMILIES
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.symbol import symbol

Ways = frozenset[str]


@dataclass(frozen=True)
class Finding:
    """What was looked at, and whether it is as it should be."""

    host: str
    name: str
    ok: bool
    message: str

    def as_data(self) -> dict[str, Any]:
        return {**asdict(self), "line": f"{self.host}, {self.name}: {self.message}"}


def nf_findings(intent: Any, live: Mapping[str, Live]) -> list[dict[str, Any]]:
    """Of all gateways that were asked.

    :raises IntentError: with everything that is wrong with the intent.
    """
    found = Fleet(intent).everything()
    findings = [one for host in sorted(live) for one in _of_gateway(found, host, live[host])]
    return [one.as_data() for one in (*findings, *_shared(found, live))]


def _of_gateway(found: Everything, host: str, live: Live) -> Iterator[Finding]:
    yield from _user_planes(found, host, live)
    drained = host in found.drained.gateways
    if not drained:
        yield from _control_planes(found, host, live)
    expected, unsure = expected_routes(found, live.answering, drained), set(_unsure(found))
    for destination, ways in expected.items():
        yield _route(host, destination, ways, live, destination in unsure)
    yield from _strangers(found, host, set(expected), live)


def expected_routes(found: Everything, answering: Iterable[str], drained: bool) -> dict[str, Ways]:
    """The routes of the plan, by who answers; no ways where no route must be. A drained gateway knows no pools."""
    gone = {str(address) for one in found.drained_planes for address in one.addresses}
    living = frozenset(answering) - gone
    members = {hop.name: living & {str(ip) for ip in hop.members} for hop in found.next_hops}
    expected: dict[str, Ways] = {}
    for hop in found.next_hops:
        for address in hop.addresses:
            expected[whole(address)] = _of_family(members[hop.name], address.version)
    for one in found.ranges:
        ways = _of_family(members[one.next_hop.name], one.family)
        expected[str(one.prefix)] = frozenset() if drained else ways
    for pool in found.pools:
        expected[str(pool.prefix)] = frozenset() if drained else living & {str(pool.next_hop)}
    return expected


def _unsure(found: Everything) -> Iterator[str]:
    """Pools of who is drained, where only others' control planes are left. As long as these do not announce them for
    somebody else, the covering prefix has their packets."""
    ours = [one for one in found.control_planes if one.runs_bird and one.name not in found.drained.functions]
    gone = {address for one in found.drained_planes for address in one.addresses}
    for prefix, home in found.homes.items():
        if home in gone and not any(one.address(prefix.version) for one in ours):
            yield str(prefix)


def _of_family(ways: Ways, family: int) -> Ways:
    return frozenset(way for way in ways if (":" in way) == (family == 6))


def _user_planes(found: Everything, host: str, live: Live) -> Iterator[Finding]:
    for one in found.user_planes:
        if one.name in found.drained.functions:
            continue
        for address in one.addresses:
            up = str(address) in live.answering
            message = "answers" if up else "does not answer to BFD"
            yield Finding(host, f"{one.name} {address}", up, message)


def _control_planes(found: Everything, host: str, live: Live) -> Iterator[Finding]:
    for one, family in product(found.control_planes, FAMILIES):
        address, wanted = one.address(family), announced(found, family)
        if not wanted or address is None or one.name in found.drained.functions:
            continue
        routes = live.sessions.get(symbol(one.name, family))
        message = _heard(routes)
        if routes is not None and routes != wanted:
            message += f", and it should be {wanted}"
        yield Finding(host, f"{one.name} {address}", routes == wanted, message)


def announced(found: Everything, family: int) -> int:
    """How many routes a control plane announces."""
    prefixes = [*(one.prefix for one in found.ranges), *(pool.prefix for pool in found.pools)]
    return sum(prefix.version == family for prefix in prefixes)


def _heard(routes: int | None) -> str:
    return f"has announced {routes} routes" if routes is not None else "has no BGP session"


def missing_routes(intent: Any, host: str, live: Live) -> list[str]:
    """The families of which a gateway has not the whole plan by any control plane, with what it has.

    :raises IntentError: with everything that is wrong with the intent.
    """
    found = Fleet(intent).everything()
    pair = found.pair.hosts if found.pair is not None else ()
    own = next((one for one in pair if one.host.name == host), None)
    lines = []
    for family in FAMILIES:
        if own is None or own.address(family) is None:
            continue
        names = [one.name for one in found.control_planes if one.address(family) is not None]
        heard = {name: live.sessions.get(symbol(name, family)) for name in names if name not in found.drained.functions}
        wanted = announced(found, family)
        if heard and all((routes or 0) < wanted for routes in heard.values()):
            said = ", ".join(f"{name} {_heard(routes)}" for name, routes in heard.items())
            lines.append(f"IPv{family}: the plan has {wanted} routes, and {said}")
    return lines


def _route(host: str, destination: str, ways: Ways, live: Live, unsure: bool) -> Finding:
    there = destination in live.routes
    actual = live.ways(destination)
    kind = live.types.get(destination, "unicast")
    ok = (there == bool(ways) and actual == ways and kind == "unicast") or (unsure and not there)
    said = f"is {_shown(kind, actual)}" if there else "is not in the kernel"
    wanted = "" if ok else f", and it should be {_shown('unicast', ways)}" if ways else ", and it should not be there"
    return Finding(host, destination, ok, f"{said}{wanted}")


def _shown(kind: str, ways: Ways) -> str:
    if kind != "unicast":
        return kind
    return f"via {', '.join(sorted(ways, key=addresses.ip))}" if ways else "on a link"


def _strangers(found: Everything, host: str, expected: set[str], live: Live) -> Iterator[Finding]:
    """Routes inside covering prefixes that nobody has planned lead packets somewhere else."""
    covers = [one.prefix for one in found.ranges]
    for destination in sorted(set(live.routes) - expected):
        cover = addresses.holding(addresses.network(destination).ip, covers)
        if cover is not None and addresses.network(destination).prefixlen >= cover.prefixlen:
            way = _shown(live.types[destination], live.ways(destination))
            yield Finding(host, destination, False, f"is {way}, and nobody has planned it")


def _shared(found: Everything, live: Mapping[str, Live]) -> Iterator[Finding]:
    """Exactly one has them, and none that is drained."""
    if found.pair is None or set(found.gateways) - found.drained.gateways - set(live):
        return
    for address in found.pair.shared:
        owners = [host for host in sorted(live) if any(str(address) in own for own in live[host].addresses.values())]
        ok = len(owners) == 1 and owners[0] not in found.drained.gateways
        drained = "" if ok or len(owners) != 1 else ", which is drained"
        message = f"is on {' and '.join(owners)}{drained}" if owners else "is on no gateway"
        yield Finding(owners[0] if owners else "gateways", f"shared address {address}", ok, message)
