# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts remember of drains: for each name, what was said of it last.

A host that was away has missed something, and two that were away in turn have missed different things. So what counts
is the later statement about each name, whichever host has it; that somebody was put back is remembered, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Memory = dict[str, "Statement"]


@dataclass(frozen=True, order=True)
class Statement:
    """at: when it was said, in seconds, and in any case later than what it replaces.

    passing: the drain is part of a change whose play puts back.
    """

    at: int
    drained: bool
    passing: bool = False


def recalled(remembered: Iterable[Any]) -> Memory:
    """Out of what was read on several hosts: maps as they are written, and names that older releases wrote alone."""
    found: Memory = {}
    for item in remembered:
        for name, said in item.items() if isinstance(item, Mapping) else ((str(item), {"drained": True}),):
            statement = Statement(int(said.get("at", 0)), bool(said["drained"]), bool(said.get("passing")))
            found[name] = max(found.get(name, statement), statement)
    return found


def drained_in(memory: Memory) -> list[str]:
    return sorted(name for name, said in memory.items() if said.drained)


def told(memory: Memory, names: Iterable[str], drained: bool, at: int = 0, passing: bool = False) -> Memory:
    """The memory with this order in it. What it says already is not said again."""
    return {**memory, **{name: _said(memory.get(name), drained, at, passing) for name in names}}


def _said(before: Statement | None, drained: bool, at: int, passing: bool) -> Statement:
    # Who is drained for good stays so, whatever passes.
    if before is not None and before.drained == drained and before.passing <= passing:
        return before
    return Statement(max(at, before.at + 1 if before is not None else 1), drained, passing)


def as_data(memory: Memory) -> dict[str, dict[str, Any]]:
    """As it is written."""
    return {
        name: {"drained": said.drained, "at": said.at, **({"passing": True} if said.passing else {})}
        for name, said in sorted(memory.items())
    }
