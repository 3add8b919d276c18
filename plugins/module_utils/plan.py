# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what must change so that the host is as its document says. Pure: nothing is read and nothing is run.

The list of changes is the only truth: check mode reports it, ``--diff`` prints it, apply carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .errors import PlanRefused
from .kinds.address import Address
from .kinds.base import HOST, Difference, Key, Mark, Resource, Step
from .kinds.link import Link
from .kinds.route import Route
from .values import family, host_part

ADD, CHANGE, REPLACE, REMOVE = "add", "change", "replace", "remove"
_MARK = "mark"


@dataclass(frozen=True)
class Options:
    """purge: remove what is ours and no longer declared. adopt: sign foreign objects that are declared.

    max_removals: refuse a plan that removes more objects, None for any number. protected: the address this
    connection comes in by, None for none.
    """

    purge: bool = True
    adopt: bool = False
    max_removals: int | None = None
    protected: str | None = None


@dataclass(frozen=True)
class World:
    """What was observed. ``restore``: objects of others with the values they had before, by key."""

    objects: Mapping[Key, Resource]
    restore: Mapping[Key, Resource] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One object that is added, changed, replaced or removed, with the steps that do it."""

    action: str
    resource: Resource
    seen: Resource | None
    differences: tuple[Difference, ...]
    steps: tuple[Step, ...]

    @property
    def key(self) -> Key:
        return self.resource.key


@dataclass(frozen=True)
class Plan:
    """Changes in an order in which they can be made.

    ``waits`` has one entry for each change, and after those one for each barrier ("all addresses of a namespace"):
    the numbers of the changes and barriers that come before it.
    """

    changes: tuple[Change, ...]
    waits: tuple[tuple[int, ...], ...]

    def count(self, *actions: str) -> int:
        return sum(change.action in actions for change in self.changes)


def plan(desired: Mapping[Key, Resource], world: World, mark: Mark, options: Options) -> Plan:
    """Compare and order.

    :raises PlanRefused: with every reason why the plan must not be carried out.
    """
    wanted = _with_restored(desired, world)
    removed = _removed(wanted, world, mark, options)
    replaced = {
        key
        for key, want in wanted.items()
        if key in world.objects and any(map(want.fixed, want.differences(world.objects[key])))
    }
    gone = _taken_along(world.objects, removed | replaced)
    gone.update(_routes_flushed(world.objects, wanted, removed, gone))
    present = _without(world.objects, gone, removed | replaced)
    reasons = _missing(wanted, present)
    changes = []
    for key, want in wanted.items():
        change = _change(want, present.get(key), key in replaced, mark, options, reasons)
        if change is not None:
            changes.append(change)
    for key in [key for key in world.objects if key in removed]:
        seen = world.objects[key]
        steps = () if seen.goes_along(removed | replaced) else tuple(seen.remove(mark))
        changes.append(Change(REMOVE, seen, seen, (), steps))
    reasons += _guarded(changes, world, wanted, options)
    if reasons:
        raise PlanRefused(reasons)
    return _ordered(changes, gone)


def _with_restored(desired: Mapping[Key, Resource], world: World) -> dict[Key, Resource]:
    """The declared objects, and those to give back: no longer declared, changed by us, still there."""
    wanted = dict(desired)
    for key, resource in world.restore.items():
        if key in world.objects:
            wanted.setdefault(key, resource)
    return wanted


def _removed(wanted: Mapping[Key, Resource], world: World, mark: Mark, options: Options) -> set[Key]:
    if not options.purge:
        return set()
    return {
        key for key, seen in world.objects.items() if key not in wanted and seen.owner == mark.scope and seen.marked
    }


def _taken_along(objects: Mapping[Key, Resource], going: set[Key]) -> dict[Key, Key]:
    """What the kernel removes along with the objects that go, each with the parent it goes with."""
    if not going:
        return {}
    children: dict[Key, list[Key]] = {}
    for key, seen in objects.items():
        for parent in seen.parents():
            children.setdefault(parent, []).append(key)
    taken: dict[Key, Key] = {}
    frontier = list(going)
    while frontier:
        parent = frontier.pop()
        for child in children.get(parent, ()):
            if child not in taken and child not in going:
                taken[child] = parent
                frontier.append(child)
    return taken


def _routes_flushed(
    objects: Mapping[Key, Resource], wanted: Mapping[Key, Resource], removed: set[Key], gone: Mapping[Key, Key]
) -> dict[Key, Key]:
    """IPv4 routes over a link that loses its last IPv4 address, each with the removed address it goes with.

    The kernel switches IPv4 off on such a link. A link that gets another address first keeps its routes.
    """
    remaining: dict[tuple[str, str], set[Key]] = {}
    lost: dict[tuple[str, str], Key] = {}
    for key, address in (*objects.items(), *wanted.items()):
        if isinstance(address, Address) and family(address.address) == 4:
            place = (address.namespace, address.link)
            if key in removed:
                lost[place] = key
            elif key not in gone:
                remaining.setdefault(place, set()).add(key)
    flushed: dict[Key, Key] = {}
    for key, route in objects.items():
        if lost and isinstance(route, Route) and route.family == 4 and key not in removed:
            places = [(route.namespace, hop.dev) for hop in route.next_hops or () if hop.dev]
            cause = next((lost[place] for place in places if place in lost and not remaining.get(place)), None)
            if cause is not None:
                flushed[key] = cause
    return flushed


def _without(objects: Mapping[Key, Resource], gone: Mapping[Key, Key], going: set[Key]) -> dict[Key, Resource]:
    """The world after the kernel's own consequences: children are gone, ports have lost their bridge."""
    left: dict[Key, Resource] = {}
    masters = {key[1:] for key in (*gone, *going) if key[0] == "link"}
    for key, seen in objects.items():
        if key in gone:
            continue
        left[key] = _freed(seen, masters) if masters and isinstance(seen, Link) else seen
    return left


def _freed(link: Link, masters: set[Key]) -> Link:
    return replace(link, master="") if (link.namespace, link.master) in masters else link


def _missing(wanted: Mapping[Key, Resource], present: Mapping[Key, Resource]) -> list[str]:
    """Declared objects that refer to what is neither declared nor there."""
    reasons = []
    for want in wanted.values():
        if isinstance(want, Link) and want.type == "physical" and want.key not in present:
            reasons.append(_reason(want, "is not on this host; a physical link must exist before it is declared"))
            continue
        for key in (*want.parents(), *want.after()):
            if (
                len(key) > 2
                and key[0] in ("namespace", "link", "ovs_bridge")
                and key not in wanted
                and key not in present
            ):
                what = " ".join([key[0].replace("_", " "), *(part for part in key[1:] if part)])
                reasons.append(_reason(want, f"needs {what}, which is neither declared nor on this host"))
    return reasons


def _change(
    want: Resource, seen: Resource | None, replaced: bool, mark: Mark, options: Options, reasons: list[str]
) -> Change | None:
    if seen is None:
        return Change(ADD, want, None, (), tuple(want.add(mark)))
    differences = want.differences(seen)
    if want.marked and (seen.owner != mark.scope or seen.unsigned):
        refusal = _refusal(want, seen, mark, options)
        if refusal:
            reasons.append(_reason(want, refusal))
            return None
        differences = (Difference(_MARK, None, mark.scope), *differences)
    if not differences:
        return None
    if replaced:
        # Of a veth's two ends one is made again; the other is made along with it.
        removal = [] if want.parents() and _made_by_peer(want) else seen.remove(mark)
        return Change(REPLACE, want, seen, differences, (*removal, *want.add(mark)))
    return Change(CHANGE, want, seen, differences, tuple(want.change(seen, differences, mark)))


def _made_by_peer(want: Resource) -> bool:
    return isinstance(want, Link) and want.type == "veth" and not want.creates_peer()


def _refusal(want: Resource, seen: Resource, mark: Mark, options: Options) -> str | None:
    if seen.owner is not None and seen.owner != mark.scope:
        return f"belongs to scope {seen.owner}; one object has one scope, declare it in one of the two only"
    if seen.owner is None and not (want.adopt or options.adopt):
        found = seen.details()
        return (
            f"is already there and not ours ({found or 'made by others'}); "
            "set adopt: true to take it over, or rename it"
        )
    return None


def _guarded(changes: Sequence[Change], world: World, wanted: Mapping[Key, Resource], options: Options) -> list[str]:
    reasons = []
    removals = [change for change in changes if change.action == REMOVE]
    if options.max_removals is not None and len(removals) > options.max_removals:
        reasons.append(
            f"the plan removes {len(removals)} objects, more than max_removals ({options.max_removals}); "
            "look at it in check mode, then raise max_removals if this is meant"
        )
    return reasons + _unprotected(changes, world, wanted, options)


def _unprotected(
    changes: Sequence[Change], world: World, wanted: Mapping[Key, Resource], options: Options
) -> list[str]:
    """Changes that would cut the connection they come in by."""
    carriers = [
        seen
        for seen in world.objects.values()
        if isinstance(seen, Address) and seen.namespace == HOST and host_part(seen.address) == options.protected
    ]
    reasons = []
    for carrier in carriers:
        uplinks = [key for key in wanted if key[0] == "uplink" and key[2] == carrier.link]
        for change in changes:
            cut = change.action == REMOVE and change.key in (carrier.key, ("link", HOST, carrier.link))
            cut = cut or (change.key == ("link", HOST, carrier.link) and _cuts(change, bool(uplinks)))
            if cut:
                reasons.append(
                    f"the plan would cut this connection, which comes in by {carrier.address} on {carrier.link}: "
                    f"{change.action} {change.resource.kind} {change.resource.title}"
                    f"{_because(change.resource)}; set protect_connection: false if this is meant"
                )
    return reasons


def _cuts(change: Change, taken_over: bool) -> bool:
    after = {difference.field: difference.after for difference in change.differences}
    return change.action == REPLACE or after.get("up") is False or (bool(after.get("master")) and not taken_over)


def _reason(resource: Resource, text: str) -> str:
    place = resource.namespace or "host"
    return f"{resource.kind.replace('_', ' ')} {place} {resource.title}{_because(resource)}: {text}"


def _because(resource: Resource) -> str:
    return f" ({resource.because})" if resource.because else ""


def _ordered(changes: Sequence[Change], gone: Mapping[Key, Key]) -> Plan:
    graph = _Graph(changes)
    index = graph.index
    early = _early(changes, index, gone)
    for position, change in enumerate(changes):
        if change.action == REMOVE:
            graph.order_removal(position, change, position in early, gone)
        else:
            graph.order_making(position, change, gone)
    return graph.sorted()


def _early(changes: Sequence[Change], index: Mapping[Key, int], gone: Mapping[Key, Key]) -> set[int]:
    """Removals that come before what is added: they free a claim, or what goes with them is made again."""
    claims = {claim for change in changes if change.action != REMOVE for claim in change.resource.claims()}
    remade = {gone[change.key] for change in changes if change.action == ADD and change.key in gone}
    early = {
        position
        for position, change in enumerate(changes)
        if change.action == REMOVE and (claims & set(change.resource.claims()) or change.key in remade)
    }
    frontier = set(early)
    while frontier:
        parents = {changes[position].key for position in frontier}
        frontier = {
            position
            for position, change in enumerate(changes)
            if change.action == REMOVE and position not in early and parents & set(change.resource.parents())
        }
        early |= frontier
    return early


class _Graph:
    """Who waits for whom. Nodes beyond the changes are barriers: all of a group, all that is made in a namespace."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self.changes = changes
        self.index: dict[Key, int] = {change.key: position for position, change in enumerate(changes)}
        self.waits: list[set[int]] = [set() for _change in changes]
        self.barriers: dict[Key, int] = {}
        for position, change in enumerate(changes):
            if change.action != REMOVE:
                for group in change.resource.groups():
                    self.waits[self._barrier(group)].add(position)
                self.waits[self._barrier(("made in", change.resource.namespace))].add(position)

    def order_making(self, position: int, change: Change, gone: Mapping[Key, Key]) -> None:
        waits = self.waits[position]
        for key in (*change.resource.parents(), *change.resource.after()):
            other = self.index.get(key)
            if other is not None and self.changes[other].action != REMOVE:
                waits.add(other)
            elif key in self.barriers:
                waits.add(self.barriers[key])
        for claim in change.resource.claims():
            waits.update(self._holders().get(claim, ()))
        if change.key in gone and gone[change.key] in self.index:
            waits.add(self.index[gone[change.key]])
        waits.discard(position)

    def order_removal(self, position: int, change: Change, early: bool, gone: Mapping[Key, Key]) -> None:
        """After its children; and after everything that is made in its namespace, unless that waits for it."""
        for parent in (*change.resource.parents(), *change.resource.after()):
            other = self.index.get(parent)
            if other is not None and self.changes[other].action == REMOVE:
                self.waits[other].add(position)
        barrier = self.barriers.get(("made in", change.resource.namespace))
        if barrier is not None and not early:
            self.waits[position].add(barrier)
        elif isinstance(change.resource, Address):
            self.waits[position].update(self._new_beside(change.resource, gone))

    def _new_beside(self, address: Address, gone: Mapping[Key, Key]) -> list[int]:
        """New IPv4 addresses of the same link: with one of them there, the link's routes outlive the old address."""
        return [
            position
            for position, change in enumerate(self.changes)
            if isinstance(change.resource, Address)
            and change.action == ADD
            and change.key not in gone
            and (change.resource.namespace, change.resource.link) == (address.namespace, address.link)
            and family(change.resource.address) == 4 == family(address.address)
        ]

    def sorted(self) -> Plan:
        """Topological order, stable: of two changes that do not wait for each other the one listed first comes first.

        :raises PlanRefused: when objects wait for each other in a circle.
        """
        import heapq

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
            stuck = [self.changes[node] for node in range(len(self.changes)) if pending[node]]
            names = ", ".join(f"{change.resource.kind} {change.resource.title}" for change in stuck[:5])
            raise PlanRefused([f"these objects need each other in a circle: {names}; break the circle"])
        return self._renumbered(order)

    def _renumbered(self, order: Sequence[int]) -> Plan:
        """The changes in this order, and behind them the barriers."""
        total = len(self.changes)
        changes = [node for node in order if node < total]
        number = {node: place for place, node in enumerate([*changes, *range(total, len(self.waits))])}
        waits: list[tuple[int, ...]] = [()] * len(self.waits)
        for node, place in number.items():
            waits[place] = tuple(sorted(number[other] for other in self.waits[node]))
        return Plan(tuple(self.changes[node] for node in changes), tuple(waits))

    def _barrier(self, group: Key) -> int:
        if group not in self.barriers:
            self.barriers[group] = len(self.waits)
            self.waits.append(set())
        return self.barriers[group]

    def _holders(self) -> dict[Key, list[int]]:
        if not hasattr(self, "_claims"):
            self._claims: dict[Key, list[int]] = {}
            for position, change in enumerate(self.changes):
                if change.action == REMOVE:
                    for claim in change.resource.claims():
                        self._claims.setdefault(claim, []).append(position)
        return self._claims
