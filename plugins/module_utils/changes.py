# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes, and an order in which they can be made. Pure.

A change has up to two parts: taking away what is there, and making what is declared; a replacement has both. The parts
are nodes of a graph. What a part cannot do without is a wait; what is merely better (add before delete) is a wait
only for parts on which nothing that is made depends.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from .errors import PlanRefused
from .kinds.address import Address
from .kinds.base import Difference, Key, Resource, Step
from .values import family

ADD, CHANGE, REPLACE, REMOVE = "add", "change", "replace", "remove"


@dataclass(frozen=True)
class Change:
    """One object that is added, changed, replaced or removed, with the steps that do it."""

    action: str
    resource: Resource
    seen: Resource | None
    differences: tuple[Difference, ...] = ()
    removal: tuple[Step, ...] = ()
    making: tuple[Step, ...] = ()

    @property
    def key(self) -> Key:
        return self.resource.key

    @property
    def steps(self) -> tuple[Step, ...]:
        return self.removal + self.making


@dataclass(frozen=True)
class Node:
    """Steps of one change that follow each other, or, without a change, the moment when all of a group are done.

    waits: the numbers of the nodes that come before this one.
    """

    change: int | None
    steps: tuple[Step, ...]
    waits: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """Changes in an order in which they can be made, and the finer order of their parts."""

    changes: tuple[Change, ...]
    nodes: tuple[Node, ...] = field(repr=False)

    def count(self, *actions: str) -> int:
        return sum(change.action in actions for change in self.changes)


def ordered(
    changes: Sequence[Change],
    gone: Mapping[Key, Sequence[Key]],
    first: Mapping[Key, Sequence[Key]] = MappingProxyType({}),
) -> Plan:
    """Put changes in order. ``gone``: what the kernel removes by itself, each with the objects it goes with.
    ``first``: what we remove ourselves, before the objects it would go with are removed or changed.

    :raises PlanRefused: when objects wait for each other in a circle.
    """
    graph = _Graph(changes)
    for position, change in enumerate(changes):
        if change.action != REMOVE:
            graph.wait_to_be_made(position, gone)
        if change.action in (REMOVE, REPLACE):
            graph.wait_to_be_removed(position)
    for key, causes in first.items():
        graph.wait_for_removal(key, causes, gone)
    graph.prefer_adding_first(gone)
    return graph.sorted()


def causes(key: Key, gone: Mapping[Key, Sequence[Key]], changes: Mapping[Key, Change]) -> list[Key]:
    """The changes that take an object away, be it through others that it goes with; first of all its own."""
    found: dict[Key, None] = {}
    done: set[Key] = set()
    frontier = [key]
    while frontier:
        current = frontier.pop()
        if current in done:
            continue
        done.add(current)
        if current in changes and changes[current].action != ADD:
            found[current] = None
        else:
            frontier += gone.get(current, ())
    return list(found)


class _Graph:
    """Node 2n takes away the object of change n, node 2n+1 makes it; behind them are the barriers."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self.index = {change.key: position for position, change in enumerate(changes)}
        self.waits: list[set[int]] = [set() for _change in changes for _part in range(2)]
        self.barriers: dict[Key, int] = {}
        self.holders: dict[Key, list[int]] = {}
        for position, change in enumerate(changes):
            if change.action != REMOVE:
                for group in (*change.resource.groups(), ("made in", change.resource.namespace)):
                    self.waits[self._barrier(group)].add(_making(position))
            if change.action in (REMOVE, REPLACE) and change.seen is not None:
                for claim in change.seen.holds():
                    self.holders.setdefault(claim, []).append(position)

    def wait_to_be_made(self, position: int, gone: Mapping[Key, Sequence[Key]]) -> None:
        """After what the object needs, after those that hold what it claims, after what takes its old self along."""
        change = self.changes[position]
        waits = self.waits[_making(position)]
        for key in (*change.resource.parents(), *change.resource.after()):
            other = self.index.get(key)
            if other is not None and self.changes[other].action != REMOVE:
                waits.add(_making(other))
            elif key in self.barriers:
                waits.add(self.barriers[key])
        for claim in change.resource.claims():
            for other in self.holders.get(claim, ()):
                waits.update(self._removers(self.changes[other].key, gone))
        waits.update(self._removers(change.key, gone))
        waits.discard(_making(position))

    def wait_to_be_removed(self, position: int) -> None:
        """Before everything it depends on is removed."""
        change = self.changes[position]
        seen = change.seen or change.resource
        for key in (*seen.parents(), *seen.after()):
            other = self.index.get(key)
            if other is not None and self.changes[other].action in (REMOVE, REPLACE):
                self.waits[_removal(other)].add(_removal(position))

    def wait_for_removal(self, key: Key, causes: Sequence[Key], gone: Mapping[Key, Sequence[Key]]) -> None:
        """What would take this object along is removed, or changed, after it; be it taken along itself."""
        own = _removal(self.index[key])
        for cause in causes:
            other = self.index.get(cause)
            if other is not None and self.changes[other].action == CHANGE:
                nodes = {_making(other)}
            else:
                nodes = self._removers(cause, gone) - {own}
            for node in nodes:
                self.waits[node].add(own)

    def prefer_adding_first(self, gone: Mapping[Key, Sequence[Key]]) -> None:
        """Removals on which nothing depends come after all that is made in their namespace.

        Of the others, a removed IPv4 address comes at least after the new ones of its link: a link that has one at
        any time keeps its routes.
        """
        early = self._needed_by_making()
        fresh = self._fresh_addresses(gone)
        for position, change in enumerate(self.changes):
            node = _removal(position)
            if change.action not in (REMOVE, REPLACE):
                continue
            if node not in early:
                self.waits[node].update(self._barrier_of(("made in", change.resource.namespace)))
            elif isinstance(change.seen, Address) and change.removal and family(change.seen.address) == 4:
                self.waits[node].update(fresh.get((change.seen.namespace, change.seen.link), ()))

    def sorted(self) -> Plan:
        """Topological order, stable: of two nodes that do not wait for each other the one listed first comes first."""
        pending = [len(waits) for waits in self.waits]
        followers: list[list[int]] = [[] for _waits in self.waits]
        for node, waits in enumerate(self.waits):
            for other in waits:
                followers[other].append(node)
        ready = [node for node, count in enumerate(pending) if count == 0]
        heapq.heapify(ready)
        order: list[int] = []
        while ready:
            node = heapq.heappop(ready)
            order.append(node)
            for follower in followers[node]:
                pending[follower] -= 1
                if pending[follower] == 0:
                    heapq.heappush(ready, follower)
        if len(order) < len(self.waits):
            raise PlanRefused([self._circle(pending)])
        return self._plan(order)

    def _plan(self, order: Sequence[int]) -> Plan:
        """A change stands where its last part stands."""
        nodes = 2 * len(self.changes)
        last = [node for node in order if node < nodes and self._ends_with(node)]
        number = {node // 2: place for place, node in enumerate(last)}
        place = {node: spot for spot, node in enumerate(order)}
        return Plan(
            tuple(self.changes[node // 2] for node in last),
            tuple(
                Node(
                    number[node // 2] if node < nodes else None,
                    self._steps(node),
                    tuple(sorted(place[other] for other in self.waits[node])),
                )
                for node in order
            ),
        )

    def _steps(self, node: int) -> tuple[Step, ...]:
        if node >= 2 * len(self.changes):
            return ()
        change = self.changes[node // 2]
        return change.making if node % 2 else change.removal

    def _ends_with(self, node: int) -> bool:
        return (self.changes[node // 2].action != REMOVE) == bool(node % 2)

    def _circle(self, pending: Sequence[int]) -> str:
        stuck = [change.resource for n, change in enumerate(self.changes) if pending[2 * n] or pending[2 * n + 1]]
        names = ", ".join(f"{resource.kind} {resource.title}" for resource in stuck[:5])
        return f"these objects need each other in a circle: {names}; break the circle"

    def _removers(self, key: Key, gone: Mapping[Key, Sequence[Key]]) -> set[int]:
        """The nodes that take an object away: its own removal, or those of the objects it goes with."""
        found: set[int] = set()
        done: set[Key] = set()
        frontier = [key]
        while frontier:
            current = frontier.pop()
            done.add(current)
            position = self.index.get(current)
            action = None if position is None else self.changes[position].action
            if position is not None and action in (REMOVE, REPLACE):
                found.add(_removal(position))
                frontier += self._taken_by(position, done)
            elif position is not None and action == CHANGE and current != key:
                # A link that is set down, say, takes others along.
                found.add(_making(position))
            frontier += [cause for cause in gone.get(current, ()) if cause not in done]
        return found

    def _taken_by(self, position: int, done: Collection[Key]) -> list[Key]:
        """The objects that take one along which has no step of its own to remove it."""
        change = self.changes[position]
        parents = change.seen.parents() if change.seen is not None and not change.removal else ()
        return [key for key in parents if key in self.index and key not in done]

    def _needed_by_making(self) -> set[int]:
        """The nodes that something made has to wait for, be it through others."""
        needed: set[int] = set()
        frontier: list[int] = [_making(n) for n, change in enumerate(self.changes) if change.action != REMOVE]
        while frontier:
            new = self.waits[frontier.pop()] - needed
            needed |= new
            frontier += new
        return needed

    def _fresh_addresses(self, gone: Mapping[Key, Sequence[Key]]) -> dict[tuple[str, str], list[int]]:
        """The new IPv4 addresses of each link that wait for no old one."""
        found: dict[tuple[str, str], list[int]] = {}
        for position, change in enumerate(self.changes):
            new = change.resource
            if change.action != ADD or change.key in gone or not isinstance(new, Address):
                continue
            if family(new.address) == 4 and not any(claim in self.holders for claim in new.claims()):
                found.setdefault((new.namespace, new.link), []).append(_making(position))
        return found

    def _barrier(self, group: Key) -> int:
        if group not in self.barriers:
            self.barriers[group] = len(self.waits)
            self.waits.append(set())
        return self.barriers[group]

    def _barrier_of(self, group: Key) -> Iterable[int]:
        return (self.barriers[group],) if group in self.barriers else ()


def _removal(position: int) -> int:
    return 2 * position


def _making(position: int) -> int:
    return 2 * position + 1
