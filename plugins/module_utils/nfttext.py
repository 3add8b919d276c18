# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nft's language as far as it must be understood: what stays where it is put, which devices it names, and what a
listing says of each thing in a table. Pure text, no host."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from . import values

# In a quoted text and behind '#', nothing has a meaning.
_PIECES = re.compile(r'"[^"]*"|#[^\n]*|[{}";\n]')
_DEVICES = re.compile(
    r'"[^"]*"|#[^\n]*|\bhook\s+\w+\s+device\s+"?([^\s";{}]+)"?|\bdevices\s*=\s*\{([^{}]*)\}',
)
_NAMED_DEVICE = re.compile(r'[^\s",]+')
_IDENTIFIER = re.compile(r"[A-Za-z_.][A-Za-z0-9_/.-]*")
_LONGEST_NAME = 128
_TABLE = re.compile(r"table (\w+) (\S+) \{")
_PART = re.compile(r"\t((?:ct )?\w+) (\S+) \{")
# Newer versions count the elements of a set behind its size.
_REMARK = re.compile(r"\s+#.*")


@dataclass(frozen=True)
class Head:
    """What nft says of a thing in a table, but for the rules of a chain and the elements of a set. The table itself is
    a thing of the kind ``table`` without a name."""

    family: str
    table: str
    kind: str
    name: str
    words: str


def identifier(value: Any) -> str:
    """The name of a chain, a set or the like, which stands in the language without quotes."""
    name = values.text(value)
    if len(name) > _LONGEST_NAME or not _IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"{value!r} is no name to nft; use letters, digits, '_', '.', '/' and '-', at most {_LONGEST_NAME}, "
            "no digit first"
        )
    return name


def block(value: Any) -> str:
    """A text that can be put between braces and does not leave them."""
    text = values.text(value)
    _refuse_unbalanced(text)
    return text


def statement(value: Any) -> str:
    """A rule, an element or the like: a single one, which does not end before its text does."""
    text = values.text(value).strip()
    for piece, depth in _refuse_unbalanced(text):
        if piece[0] in "#\n" or (piece == ";" and depth == 0):
            raise ValueError(f"{text!r} is more than one statement of nft; write one, without ';', '#' and line breaks")
    return text


def devices(text: str) -> list[str]:
    """The devices that chains and flowtables of a text hook in at."""
    if "device" not in text:
        return []
    found = set()
    for one, several in _DEVICES.findall(text):
        found |= {one, *_NAMED_DEVICE.findall(several)}
    return sorted(name for name in found if name and not name.startswith("$"))


def heads(listing: str) -> list[Head]:
    """What ``nft --terse --stateless list ruleset`` says of each thing.

    The text has what the JSON of some versions leaves out: the device of a chain, flags of tables and sets.
    """
    found: dict[tuple[str, str, str, str], list[str]] = {}
    place = ("", "")
    lines: list[str] = []
    for line in listing.split("\n"):
        table, part = _TABLE.match(line), _PART.match(line)
        if table:
            place = (table[1], table[2])
            lines = found.setdefault((*place, "table", ""), [])
        elif part:
            lines = found.setdefault((*place, part[1], part[2]), [])
        elif line.startswith("\t") and line.strip() != "}":
            lines.append(line.strip())
    return [Head(*key, "\n".join(_said(key[2], lines))) for key, lines in found.items()]


def _said(kind: str, lines: list[str]) -> Iterator[str]:
    kept = takewhile(lambda line: line.startswith(('comment "', "type ")), lines) if kind == "chain" else lines
    return (line if line.startswith("comment ") else _REMARK.sub("", line) for line in kept)


def _refuse_unbalanced(text: str) -> list[tuple[str, int]]:
    """The pieces that mean something, each with the number of braces that are open around it."""
    found = []
    depth = 0
    for piece in _PIECES.findall(text):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        if piece == '"':
            raise ValueError(f"{_shown(text)} has a quotation mark without its other one")
        if depth < 0:
            raise ValueError(f"{_shown(text)} closes a brace that it has not opened")
        found.append((piece, depth))
    if depth:
        raise ValueError(f"{_shown(text)} has a brace that is not closed")
    return found


def _shown(text: str) -> str:
    """As much of a text as a reader needs to find it."""
    return repr(text if len(text) <= 80 else text[:77] + "...")
