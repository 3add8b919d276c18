# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel does by itself when objects go: what it removes along with them, and what it alters. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_interface

from .kinds.address import Address
from .kinds.base import Key, Resource
from .kinds.link import Link
from .kinds.meter import Meter
from .kinds.neighbour import Neighbour
from .kinds.openflow import OpenFlow
from .kinds.ovs_bridge import FLUSHING, OvsBridge
from .kinds.route import Route
from .values import family, host_part

Place = tuple[str, str]


@dataclass
class Fallout:
    """gone: objects that disappear although nobody removes them, each with the ones it goes with. altered: others that
    lose something. first: objects to be removed before others go or change that take them along."""

    gone: dict[Key, tuple[Key, ...]] = field(default_factory=dict)
    altered: dict[Key, Resource] = field(default_factory=dict)
    first: dict[Key, tuple[Key, ...]] = field(default_factory=dict)

    def applied(self, objects: Mapping[Key, Resource]) -> dict[Key, Resource]:
        """What is left of these objects."""
        return {key: self.altered.get(key, seen) for key, seen in objects.items() if key not in self.gone}


def fallout(
    objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], removed: Collection[Key], replaced: Collection[Key]
) -> Fallout:
    """The consequences of removing and replacing these objects, and of changing links as declared."""
    found = Fallout()
    going = {*removed, *replaced}
    downed, readdressed = _set_down(objects, wanted, going), _readdressed(objects, wanted, going)
    forgetful = _flushed(objects, wanted, going)
    if not going and not downed and not readdressed and not forgetful:
        return found
    _take_children(found, objects, going, set(removed))
    for key, seen in objects.items() if downed or readdressed else ():
        causes = _lost_with(seen, downed, readdressed)
        if causes and key in going:
            found.first[key] = causes
        elif causes:
            found.gone.setdefault(key, causes)
    for key, seen in objects.items() if forgetful else ():
        if isinstance(seen, (OpenFlow, Meter)) and key not in going:
            causes = tuple(key for key in seen.parents() if seen.kind in forgetful.get(key, ()))
            found.gone.update({key: causes} if causes else {})
    _take_routes(found, objects, wanted, going)
    masters = {key[1:] for key in (*found.gone, *going) if key[0] == "link"}
    for key, seen in objects.items():
        if (
            isinstance(seen, Link)
            and seen.master
            and (seen.namespace, seen.master) in masters
            and key not in found.gone
        ):
            found.altered[key] = replace(seen, master="")
    return found


def _set_down(objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], going: Collection[Key]) -> set[Key]:
    """Links that a declaration sets down, be it for the moment of moving into or out of a VRF."""
    found = set()
    for key, want in wanted.items():
        seen = objects.get(key)
        if isinstance(want, Link) and isinstance(seen, Link) and key not in going and seen.up:
            moved = want.master is not None and want.master != seen.master
            masters = [(wanted.get(k) or objects.get(k)) for k in _master_keys(want, seen)] if moved else []
            if want.up is False or any(isinstance(m, Link) and m.type == "vrf" for m in masters):
                found.add(key)
    return found


def _flushed(
    objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], going: Collection[Key]
) -> dict[Key, tuple[str, ...]]:
    """The Open vSwitch bridges that forget their flows as they change, or start anew without their meters too."""
    found: dict[Key, tuple[str, ...]] = {}
    for key, want in wanted.items():
        seen = objects.get(key)
        if isinstance(want, OvsBridge) and seen is not None and key not in going:
            fields = {difference.field for difference in want.differences(seen)}
            if fields & {*FLUSHING}:
                found[key] = (OpenFlow.kind, Meter.kind) if "datapath_type" in fields else (OpenFlow.kind,)
    return found


def _master_keys(want: Link, seen: Link) -> list[Key]:
    return [("link", want.namespace, name) for name in (want.master, seen.master) if name]


def _readdressed(
    objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], going: Collection[Key]
) -> dict[Key, tuple[Key, ...]]:
    """Links that get another MAC, each with the links whose changes cause it.

    A bridge that was not given a MAC takes that of one of its ports, and may take another with each port that moves.
    """
    found: dict[Key, tuple[Key, ...]] = {}
    for key, want in wanted.items():
        seen = objects.get(key)
        if isinstance(want, Link) and isinstance(seen, Link) and key not in going and want.mac not in (None, seen.mac):
            found[key] = (key,)
    for bridge, ports in _regrouped(objects, wanted, going).items():
        declared = wanted.get(bridge)
        if bridge in objects and bridge not in going and not (isinstance(declared, Link) and declared.mac):
            found.setdefault(bridge, ports)
    return found


def _regrouped(
    objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], going: Collection[Key]
) -> dict[Key, tuple[Key, ...]]:
    """The bridges that get or lose ports, with those ports."""
    found: dict[Key, tuple[Key, ...]] = {}
    for key in {*going, *wanted}:
        seen, want = objects.get(key), wanted.get(key)
        old = seen.master if isinstance(seen, Link) else None
        new = want.master if isinstance(want, Link) else None
        moved = key in going or seen is None or new not in (None, old)
        for master in {old, new} if moved else ():
            if master:
                bridge = ("link", key[1], master)
                found[bridge] = (*found.get(bridge, ()), key)
    return found


def _lost_with(seen: Resource, downed: Collection[Key], readdressed: Mapping[Key, tuple[Key, ...]]) -> tuple[Key, ...]:
    """A link that goes down loses its IPv6 addresses, its neighbours, and all routes over it.

    One that gets another MAC loses its neighbours, but not those it is a proxy for.
    """
    if isinstance(seen, Route) or (isinstance(seen, Address) and family(seen.address) == 6):
        return tuple(parent for parent in seen.parents() if parent in downed)
    if isinstance(seen, Neighbour) and any(parent in downed for parent in seen.parents()):
        return tuple(parent for parent in seen.parents() if parent in downed)
    if isinstance(seen, Neighbour) and not seen.proxy:
        return tuple(cause for parent in seen.parents() for cause in readdressed.get(parent, ()))
    return ()


def _take_children(
    found: Fallout, objects: Mapping[Key, Resource], going: Collection[Key], removed: Collection[Key]
) -> None:
    """Whoever loses a parent goes with it. What is removed anyway is no fallout."""
    children: dict[Key, list[Key]] = {}
    for key, seen in objects.items():
        for parent in seen.parents():
            children.setdefault(parent, []).append(key)
    frontier = list(going)
    while frontier:
        parent = frontier.pop()
        for child in children.get(parent, ()):
            if child in removed or (child in going and _ends_later(objects.get(parent), going)):
                continue
            if child not in found.gone and child not in going:
                frontier.append(child)
            found.gone[child] = (*found.gone.get(child, ()), parent)


def _ends_later(end: Resource | None, going: Collection[Key]) -> bool:
    """Whether a veth's end goes with its namespace: some time after it, so that nobody can wait for it."""
    return isinstance(end, Link) and end.type == "veth" and end.goes_along(going)


def _take_routes(
    found: Fallout, objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], going: Collection[Key]
) -> None:
    """IPv4 routes go when their link has no IPv4 address left, or the host no longer has their source address.

    IPv6 routes only lose the source. Of both families those are made again whose link the document leaves to the kernel
    and which no longer knows their gateway.
    """
    lost = {key: a for key, a in objects.items() if isinstance(a, Address) and (key in going or key in found.gone)}
    if not lost:
        return
    old, new = _staying(found, objects, wanted, going, lost)
    _strand_routes(found, objects, wanted, lost, (*old, *new))
    kept_links = {(a.namespace, a.link) for a in (*old, *new) if family(a.address) == 4}
    # A new address comes before an old one goes only where both are on one link.
    kept_hosts = {(a.namespace, host_part(a.address)) for a in old}
    kept_beside = {(a.namespace, a.link, host_part(a.address)) for a in new}
    by_link: dict[Place, tuple[Key, ...]] = {}
    by_host: dict[Place, tuple[Key, ...]] = {}
    for key, address in lost.items():
        link, here = (address.namespace, address.link), (address.namespace, host_part(address.address))
        if family(address.address) == 4 and link not in kept_links:
            by_link[link] = (*by_link.get(link, ()), key)
        if here not in kept_hosts and (*link, here[1]) not in kept_beside:
            by_host[here] = (*by_host.get(here, ()), key)
    _empty_links(found, objects, wanted, going, by_link)
    for key, route in objects.items():
        if not isinstance(route, Route):
            continue
        source = (route.namespace, route.source or "")
        if route.family == 6:
            if source in by_host and key not in going:
                found.altered[key] = replace(route, source=None)
            continue
        causes = by_host.get(source, ())
        for hop in route.next_hops or ():
            causes += by_link.get((route.namespace, hop.dev), ())
        if causes:
            lost_with = found.first if key in going else found.gone
            lost_with[key] = (*lost_with.get(key, ()), *causes)


def _empty_links(
    found: Fallout,
    objects: Mapping[Key, Resource],
    wanted: Mapping[Key, Resource],
    going: Collection[Key],
    by_link: Mapping[Place, tuple[Key, ...]],
) -> None:
    """A link that loses its IPv4 addresses loses its neighbours too; what is declared there is made afterwards."""
    for key, there in (*objects.items(), *wanted.items()):
        links: Iterable[str] = ()
        if isinstance(there, Neighbour) and family(there.address) == 4:
            links = (there.link,)
        elif isinstance(there, Route) and there.family == 4 and key in wanted:
            links = [hop.dev for hop in there.next_hops or ()]
        causes = [cause for link in links for cause in by_link.get((there.namespace, link), ())]
        if causes and key not in going:
            found.gone[key] = (*found.gone.get(key, ()), *causes)


def _strand_routes(
    found: Fallout,
    objects: Mapping[Key, Resource],
    wanted: Mapping[Key, Resource],
    lost: Mapping[Key, Address],
    staying: Sequence[Address],
) -> None:
    lost_by_link = _by_link(lost.values())
    staying_by_link = _by_link(staying)
    for key, want in wanted.items():
        seen = objects.get(key)
        if not isinstance(want, Route) or not isinstance(seen, Route):
            continue
        free = {hop.via for hop in want.next_hops or () if not hop.dev}
        for hop in seen.next_hops or ():
            place = (seen.namespace, hop.dev)
            if hop.via in free and place in lost_by_link and not _knows(staying_by_link.get(place, ()), hop.via):
                causes = [a.key for a in lost_by_link[place] if _knows([a], hop.via)]
                found.gone[key] = (*found.gone.get(key, ()), *causes)


def _by_link(addresses: Iterable[Address]) -> dict[Place, list[Address]]:
    found: dict[Place, list[Address]] = {}
    for address in addresses:
        found.setdefault((address.namespace, address.link), []).append(address)
    return found


def _knows(addresses: Iterable[Address], gateway: str) -> bool:
    return any(ip_address(gateway) in ip_interface(address.address).network for address in addresses)


def _staying(
    found: Fallout,
    objects: Mapping[Key, Resource],
    wanted: Mapping[Key, Resource],
    going: Collection[Key],
    lost: Mapping[Key, Address],
) -> tuple[list[Address], list[Address]]:
    """The addresses that are there all the time: old ones that stay, and new ones that wait for no old one."""
    held = {claim for address in lost.values() for claim in address.holds()}
    old = [a for k, a in objects.items() if isinstance(a, Address) and k not in going and k not in found.gone]
    new = [a for k, a in wanted.items() if isinstance(a, Address) and k not in objects and not held & set(a.claims())]
    return old, new
