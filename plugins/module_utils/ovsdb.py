# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the Open vSwitch database: from the JSON of ``ovs-vsctl --format=json``, and into its command words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# The columns that are configuration; statistics would make every read larger and no comparison better.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Bridge": ("_uuid", "name", "ports", "datapath_type", "fail_mode", "external_ids", "other_config"),
    "Port": ("_uuid", "name", "interfaces", "tag", "trunks", "vlan_mode", "external_ids", "other_config"),
    "Interface": ("_uuid", "name", "type", "options", "external_ids", "mtu_request", "mac", "ofport"),
}
OWNER = "hostnet-scope"
LEG = "hostnet-leg"
_PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
_MANY_PORTS = 100

Pairs = tuple[tuple[str, str], ...]


def list_words() -> list[str]:
    """One command that reads all three tables, a line of JSON for each."""
    words: list[str] = ["--format=json"]
    for table, columns in COLUMNS.items():
        words += ["--", f"--columns={','.join(columns)}", "list", table]
    return words


def decode(output: str) -> dict[str, list[dict[str, Any]]]:
    """The answer to :func:`list_words`, as rows of column to Python value for each table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table, line in zip(COLUMNS, output.splitlines()):
        answer = json.loads(line)
        found[table] = [dict(zip(answer["headings"], map(_value, row))) for row in answer["data"]]
    return found


def _value(value: Any) -> Any:
    """Sets become lists, maps tuples of pairs, references their UUID; an absent optional value an empty list."""
    if isinstance(value, list) and len(value) == 2 and value[0] in ("set", "map", "uuid"):
        kind, content = value
        if kind == "uuid":
            return content
        if kind == "set":
            return [_value(item) for item in content]
        return tuple(sorted((str(key), str(item)) for key, item in content))
    return value


def single(value: Any) -> Any | None:
    """An optional column: its value, or None when the set is empty."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def many(value: Any) -> list[Any]:
    """A set column, which shows one element without its brackets."""
    return value if isinstance(value, list) else [value]


def ports(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, tuple[str, Pairs]]:
    """Every port by name, with its bridge and its external ids."""
    bridges = {port: row["name"] for row in tables.get("Bridge", ()) for port in many(row["ports"])}
    rows = tables.get("Port", ())
    return {row["name"]: (bridges[row["_uuid"]], row["external_ids"]) for row in rows if row["_uuid"] in bridges}


def owner(external_ids: Pairs) -> str | None:
    return dict(external_ids).get(OWNER)


def quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)


def assignments(column: str, pairs: Pairs) -> list[str]:
    """``column:key=value`` for each pair of a map."""
    return [f"{column}:{quoted(key)}={quoted(value)}" for key, value in pairs]


def missing(want: Pairs | None, have: Pairs) -> Pairs | None:
    """The declared pairs that are not there. Keys that nobody declares belong to someone else."""
    absent = tuple(pair for pair in want or () if pair not in have)
    return absent or None


def set_words(table: str, name: str, words: Sequence[str]) -> list[str]:
    return ["--", "set", table, name, *words] if words else []


def transaction(commands: Sequence[Sequence[str]]) -> list[str]:
    """The words of one ovs-vsctl for these commands.

    For each ``add-port`` ovs-vsctl looks at every port there is. Where they are many, rows are made and joined instead.
    """
    adding = sum(words[0] == "add-port" for words in commands)
    if adding <= _MANY_PORTS:
        return [word for words in commands for word in ("--", *words)]
    found: list[str] = []
    joining: dict[str, list[str]] = {}
    for number, words in enumerate(commands):
        if words[0] != "add-port":
            found += ["--", *words]
            continue
        _add_port, bridge, name, *rest = words
        found += _rows(number, name, rest)
        joining.setdefault(bridge, []).append(f"@port{number}")
    for bridge, ports in joining.items():
        found += ["--", "add", "Bridge", bridge, "ports", *ports]
    return found


def _rows(number: int, name: str, settings: Sequence[str]) -> list[str]:
    """``add-port`` and the ``set`` commands behind it as the rows that they make."""
    given: dict[str, list[str]] = {"Port": [], "Interface": []}
    table = ""
    rest = iter(settings)
    for word in rest:
        if word == "--":
            _set, table, _name = next(rest), next(rest), next(rest)
        else:
            given[table].append(word)
    interface = ["--", f"--id=@interface{number}", "create", "Interface", f"name={quoted(name)}", *given["Interface"]]
    port = ["--", f"--id=@port{number}", "create", "Port", f"name={quoted(name)}", f"interfaces=@interface{number}"]
    return [*interface, *port, *given["Port"]]
