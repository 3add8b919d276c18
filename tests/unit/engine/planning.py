# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans without a host: a document against what another document would have made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils.changes import Plan
from ansible_collections.hostnet.fabric.plugins.module_utils.document import parse
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Key, Mark, Resource
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options, World, plan

MARK = Mark("t", 202)
Document = Mapping[str, Any]


def objects(document: Document) -> dict[Key, Resource]:
    return dict(parse({"scope": "t", **document}).objects)


def made(document: Document, owner: str | None = "t") -> dict[Key, Resource]:
    """The objects of a document as they are seen once they are there."""
    return {key: replace(resource, owner=owner) for key, resource in objects(document).items()}


def planned(document: Document, seen: Mapping[Key, Resource] | None = None, **options: Any) -> Plan:
    return plan(objects(document), World(seen or {}), MARK, Options(**options))


def order(found: Plan) -> list[str]:
    """The changes in their order, as ``add link c1 eth0``."""
    return [
        " ".join(filter(None, (c.action, c.resource.kind, c.resource.namespace, c.resource.title)))
        for c in found.changes
    ]


def assert_before(found: Plan, first: str, second: str) -> None:
    names = order(found)
    assert first in names, names
    assert second in names, names
    assert names.index(first) < names.index(second), names
