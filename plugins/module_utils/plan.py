# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: what must change so that the host is as its document says. Pure: nothing is read and nothing is run.

The list of changes is the only truth: check mode reports it, ``--diff`` prints it, apply carries it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .casualties import casualties
from .changes import ADD, CHANGE, REMOVE, REPLACE, Change, Plan, ordered
from .connection import Connection
from .errors import PlanRefused
from .fallout import fallout
from .guard import cuts
from .kinds.base import Difference, Key, Mark, Resource, reason
from .kinds.link import Link

_MARK = "mark"
# The kinds of objects that others refer to and cannot do without.
_NEEDED = ("namespace", "link", "ovs_bridge", "ovs_port", "meter")


@dataclass(frozen=True)
class Options:
    """purge: remove what is ours and no longer declared. adopt: sign foreign objects that are declared.

    max_removals: refuse a plan that removes more objects, None for any number. protected: the connection this comes in
    by, None for none.
    """

    purge: bool = True
    adopt: bool = False
    max_removals: int | None = None
    protected: Connection | None = None


@dataclass(frozen=True)
class World:
    """What was observed.

    restore: objects of others with the values they had before, by key. unknown: declared sysctls that this host does
    not have, although the link and namespace they belong to are there.
    """

    objects: Mapping[Key, Resource]
    restore: Mapping[Key, Resource] = field(default_factory=dict)
    unknown: Collection[Key] = ()


def plan(desired: Mapping[Key, Resource], world: World, mark: Mark, options: Options) -> Plan:
    """Compare and order.

    :raises PlanRefused: with every reason why the plan must not be carried out.
    """
    wanted = _with_restored(desired, world)
    removed = _removed(wanted, world, mark, options)
    unlike = {key: want.differences(world.objects[key]) for key, want in wanted.items() if key in world.objects}
    replaced = {key for key, differences in unlike.items() if any(map(wanted[key].fixed, differences))}
    consequences = fallout(world.objects, wanted, removed, replaced)
    present = consequences.applied(world.objects)
    altered = {key: seen for key, seen in consequences.altered.items() if key in wanted and key not in replaced}
    unlike.update((key, wanted[key].differences(seen)) for key, seen in altered.items())
    reasons = _missing(wanted, present, removed)
    reasons += [
        reason(wanted[key], "this host has no such sysctl; look for its name below /proc/sys") for key in world.unknown
    ]
    changes = []
    for key, want in wanted.items():
        if key in replaced:
            change = _replacement(want, world.objects[key], unlike[key], key in present, mark, options, reasons)
        elif key in present:
            change = _change(want, present[key], unlike[key], mark, options, reasons)
        else:
            change = Change(ADD, want, None, making=tuple(want.remade(mark) if key in unlike else want.add(mark)))
        if change is not None:
            changes.append(change)
    for key in [key for key in world.objects if key in removed]:
        seen = world.objects[key]
        steps = () if seen.goes_along(removed | replaced) else tuple(seen.remove(mark))
        changes.append(Change(REMOVE, seen, seen, removal=steps))
    reasons += _too_many(changes, options)
    reasons += casualties(changes, world.objects, wanted, consequences, mark)
    if options.protected is not None:
        reasons += cuts(options.protected, changes, world.objects, wanted, consequences)
    if reasons:
        raise PlanRefused(reasons)
    return ordered(changes, consequences.gone, consequences.first)


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
        key
        for key, seen in world.objects.items()
        if key not in wanted and seen.marked and (seen.owner == mark.scope or _is_signed_along(seen, wanted))
    }


def _is_signed_along(seen: Resource, wanted: Mapping[Key, Resource]) -> bool:
    """Whether the object becomes ours with the one that carries its mark, which this plan adopts."""
    signer = seen.signed_by()
    return signer is not None and signer in wanted and wanted[signer].marked


def _missing(wanted: Mapping[Key, Resource], present: Mapping[Key, Resource], removed: Collection[Key]) -> list[str]:
    """Declared objects that refer to what is neither declared nor there to stay."""
    reasons = []
    for want in wanted.values():
        if isinstance(want, Link) and want.type == "physical" and want.key not in present:
            reasons.append(reason(want, "is not on this host; a physical link must exist before it is declared"))
            continue
        for key in (*want.parents(), *want.after()):
            if len(key) > 2 and key[0] in _NEEDED and key not in wanted:
                what = " ".join([key[0].replace("_", " "), *(part for part in key[1:] if part)])
                if key in removed:
                    reasons.append(reason(want, f"needs {what}, which is no longer declared; declare it again"))
                elif key not in present:
                    reasons.append(reason(want, f"needs {what}, which is neither declared nor on this host"))
    return reasons


def _change(
    want: Resource, seen: Resource, unlike: tuple[Difference, ...], mark: Mark, options: Options, reasons: list[str]
) -> Change | None:
    differences = _signed(want, seen, unlike, mark, options, reasons)
    if not differences:
        return None
    return Change(CHANGE, want, seen, differences, making=tuple(want.change(seen, differences, mark)))


def _replacement(
    want: Resource,
    seen: Resource,
    unlike: tuple[Difference, ...],
    stays: bool,
    mark: Mark,
    options: Options,
    reasons: list[str],
) -> Change | None:
    """stays: whether the object is there until it is removed, and does not go along with another one."""
    differences = _signed(want, seen, unlike, mark, options, reasons)
    removal = tuple(seen.remove(mark)) if stays else ()
    return Change(REPLACE, want, seen, differences, removal, tuple(want.add(mark))) if differences else None


def _signed(
    want: Resource, seen: Resource, unlike: tuple[Difference, ...], mark: Mark, options: Options, reasons: list[str]
) -> tuple[Difference, ...]:
    """How ``seen`` is not as declared, its mark included; nothing, and a reason, where it must not be touched."""
    if not want.marked or (seen.owner == mark.scope and not seen.unsigned):
        return unlike
    refusal = None if want.signed_by() else _refusal(want, seen, mark, options)
    if refusal:
        reasons.append(reason(want, refusal))
        return ()
    return (Difference(_MARK, None, mark.scope), *unlike)


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


def _too_many(changes: Sequence[Change], options: Options) -> list[str]:
    removals = [change for change in changes if change.action == REMOVE]
    if options.max_removals is None or len(removals) <= options.max_removals:
        return []
    return [
        f"the plan removes {len(removals)} objects, more than max_removals ({options.max_removals}); "
        "look at it in check mode, then raise max_removals if this is meant"
    ]
