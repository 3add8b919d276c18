# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as people read it: one line for each object, its attributes, and the intent that caused it."""

from __future__ import annotations

from typing import Any

from .changes import ADD, CHANGE, REMOVE, REPLACE, Change, Plan
from .kinds.base import show, word

_WIDEST = 40
_SIGNS = {ADD: "+", CHANGE: "~", REPLACE: "±", REMOVE: "-"}


def line(change: Change) -> str:
    """``~ link  host  tap-vm1  mtu 1500 → 1450  fabric_networks.web.mtu``."""
    return "  ".join(part for part in _columns(change) if part)


def lines(plan: Plan) -> list[str]:
    """A line for each change, in columns; a long one pushes its cause to the right."""
    rows = [_columns(change) for change in plan.changes]
    widths = [min(max((len(row[column]) for row in rows), default=0), _WIDEST) for column in range(4)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[-1]]).rstrip() for row in rows]


def detailed(plan: Plan) -> list[str]:
    """The lines of a plan, each with the parts of its object that come and go below it."""
    found = []
    for change, text in zip(plan.changes, lines(plan)):
        found += [text, *(f"    {piece}" for piece in change.resource.pieces(change.seen))]
    return found


def _columns(change: Change) -> tuple[str, ...]:
    resource = change.resource
    sign = f"{_SIGNS[change.action]} {resource.kind.replace('_', ' ')}"
    because = "no longer declared" if change.action == REMOVE else resource.because
    return (sign, resource.namespace or "host", resource.title, _details(change), because)


def headline(plan: Plan) -> str:
    """``7 to add, 1 to change, 1 to remove``."""
    counts = {
        "add": plan.count(ADD),
        "change": plan.count(CHANGE),
        "replace": plan.count(REPLACE),
        "remove": plan.count(REMOVE),
    }
    return ", ".join(f"{count} to {verb}" for verb, count in counts.items() if count) or "nothing to do"


def as_data(change: Change) -> dict[str, Any]:
    """The change as a module returns it."""
    return {
        "action": change.action,
        "kind": change.resource.kind,
        "namespace": change.resource.namespace,
        "name": change.resource.title,
        "because": change.resource.because,
        "details": change.resource.details(),
        "differences": [
            {"field": d.field, "before": _plain(d.before), "after": _plain(d.after)} for d in change.differences
        ],
    }


def _details(change: Change) -> str:
    if change.action in (CHANGE, REPLACE):
        return ", ".join(f"{word(d.field)} {show(d.before)} → {show(d.after)}" for d in change.differences)
    return change.resource.details()


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, bool)):
        return value
    return [_plain(item) for item in value] if isinstance(value, tuple) else str(value)
