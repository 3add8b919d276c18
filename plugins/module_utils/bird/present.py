# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan for BIRD as people read it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .decide import Plan


def rows(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Sign, subject and the rest of each line."""
    taken = dict(plan.successors)
    for name, kind in plan.added:
        yield "+", f"protocol {name}", kind
    for name, kind in plan.removed:
        yield "-", f"protocol {name}", f"{kind}, {taken[name]} takes its place" if name in taken else kind
    for name, kind in plan.disabled:
        yield "~", f"protocol {name}", f"{kind}, disabled"
    for name, kind in plan.changed:
        yield "~", f"protocol {name}", f"{kind}, in place"
    for name in plan.enabled:
        yield "~", f"protocol {name}", "starts again; it is down now"
    for reset in plan.resets:
        yield "±", reset.title, f"reset: {reset.why}"


def headline(plan: Plan, text_changes: bool, mode: str) -> str:
    """``configuration changes, 1 protocol to add, 2 to reset``."""
    counts = {
        "to add": len(plan.added),
        "to change in place": len(plan.changed),
        "to remove": len(plan.removed),
        "to disable": len(plan.disabled),
        "to reset": len(plan.resets),
    }
    parts = ["configuration changes" if text_changes else "configuration to load again"] if not mode else []
    parts += [f"{count} {what}" for what, count in counts.items() if count]
    if not mode and not plan.resets:
        parts.append("no running session or protocol is interrupted")
    return ", ".join([*parts, *([f"file {mode}"] if mode else [])])


def lines(plan: Plan) -> list[str]:
    cells = list(rows(plan))
    width = max((len(subject) for _sign, subject, _rest in cells), default=0)
    return [f"{sign} {subject.ljust(width)}  {rest}" for sign, subject, rest in cells]


def as_data(plan: Plan) -> dict[str, Any]:
    return {
        "added": [name for name, _kind in plan.added],
        "removed": [name for name, _kind in plan.removed],
        "changed": [name for name, _kind in plan.changed],
        "disabled": [name for name, _kind in plan.disabled],
        "enabled": list(plan.enabled),
        "resets": [{"what": reset.title, "why": reset.why} for reset in plan.resets],
    }
