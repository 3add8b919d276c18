# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A field that is set, then changed, then taken away with its object: the same walk for the fields of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from harness import Machine, changed_fields

from ansible_collections.hostnet.fabric.plugins.module_utils.changes import CHANGE, REPLACE
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Resource, value_fields

Entry = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One field of an entry, with two values for it and what an independent look shows of the second."""

    field: str
    first: Entry
    second: Entry
    look: Callable[[Machine], Any]
    shows: Any
    replaced: bool = False
    together_with: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.field}-{'-'.join(str(value) for value in self.second.values())}"[:60]


def assert_complete(kind: type[Resource], cases: Iterable[Case], unseen: Iterable[str] = ()) -> None:
    """Every field that can differ has a case; a new field without one fails here. unseen: fields that never differ."""
    assert {name for name, _spec in value_fields(kind)} == {*(case.field for case in cases), *unseen}


def walk(host: Machine, case: Case, document: Callable[[Entry], dict[str, Any]]) -> None:
    """Make the object with the first value, change it to the second, remove everything."""
    clean = host.snapshot()
    host.apply(document(case.first))
    done = host.apply(document(case.second))
    assert [change.action for change in done.plan.changes] == [REPLACE if case.replaced else CHANGE]
    assert list(changed_fields(done).values()) == [[case.field, *case.together_with]]
    assert case.look(host) == case.shows
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []
