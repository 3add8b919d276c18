# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A BIRD configuration as text: its statements, the files it includes, and the secrets in it. Pure.

BIRD alone understands its language. What is here sees no more than comments, strings and brackets.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterator
from typing import Callable

_COMMENT = r"#[^\n]*|/\*.*?(?:\*/|\Z)"
_QUOTED = r"\"[^\"\n]*\"|'[^'\n]*'"
_MARKS = re.compile(rf"{_COMMENT}|{_QUOTED}|[(){{}}\[\];]", re.DOTALL)
_INCLUDE = re.compile(rf"^[ \t]*include[ \t]*\"([^\"\n]*)\"[ \t]*;|{_COMMENT}|{_QUOTED}", re.DOTALL | re.MULTILINE)
_BYTES = r"hex:[0-9A-Fa-f:]*|[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){15,}|[0-9A-Fa-f]{32,}"
_SECRET = re.compile(
    rf"(?P<word>(?<!private )(?<!public )\b(?:password|key|secret)\s+)"
    rf"(?:(?P<value>\"[^\"\n]*\"|{_BYTES})|(?P<name>[A-Za-z_]\w*)(?=\s*[;{{,]))"
)
_PROTOCOL = re.compile(r"protocol\s+(\w+)\s+(?!from\b)([\w.:-]+|'[^']*')\s*(?:\{|from\b)")
_STATIC_WORDS = ("log", "mrtdump", "cli", "debug")
_STRING = "\x01"
_SEALED = re.compile("\x00[0-9a-f]*\x00")
_MASK = '"********"'
_INCLUDE_DEPTH = 8

Read = Callable[[str, str], "list[tuple[str, str]]"]


def statements(text: str) -> list[str]:
    """The statements at the outermost level, without comments and, outside of strings, with single spaces."""
    found: list[str] = []
    parts: list[str] = []
    strings: list[str] = []
    depth, start = 0, 0
    for match in _MARKS.finditer(text):
        mark = match[0]
        parts.append(text[start : match.start()])
        start = match.end()
        if mark[0] in "#/":
            parts.append(" ")
        elif mark[0] in "\"'":
            parts.append(_STRING)
            strings.append(mark)
        else:
            parts.append(mark)
            depth += (mark in "({[") - (mark in ")}]")
            if depth <= 0 and mark in ";}":
                _close(found, parts, strings)
                parts, strings, depth = [], [], 0
    _close(found, [*parts, text[start:]], strings)
    return found


def _close(found: list[str], parts: list[str], strings: list[str]) -> None:
    """A body belongs to the head before it, which may have ended with the semicolon of a local variable, and a
    semicolon after a body to the body."""
    left = iter(strings)
    statement = re.sub(_STRING, lambda _match: next(left, ""), " ".join("".join(parts).split()))
    if found and (statement == ";" or statement.startswith("{")):
        found[-1] = f"{found[-1]} {statement}"
    elif statement:
        found.append(statement)


def protocol_texts(all_statements: list[str]) -> dict[str, str]:
    """The statement of each protocol that has a name, by the name."""
    found = ((_PROTOCOL.match(statement), statement) for statement in all_statements)
    return {match[2].strip("'"): statement for match, statement in found if match}


def what_concerns(name: str, all_statements: list[str], filters: bool = True) -> list[str]:
    """The statements without those of other protocols: templates and constants may concern any of them, and filters
    and functions where asked for."""
    found = []
    for statement in all_statements:
        match = _PROTOCOL.match(statement)
        if match is None or match[2].strip("'") == name:
            found.append(statement)
    return found if filters else [s for s in found if s.split(maxsplit=1)[0] not in ("filter", "function")]


def without_outlets(all_statements: list[str]) -> str:
    """Everything but what would write files, open sockets or talk to the system log."""
    kept = [s for s in all_statements if s.split(maxsplit=1)[0].rstrip(";") not in _STATIC_WORDS]
    return "\n".join([*kept, ""])


def expanded(text: str, path: str, read: Read, depth: int = 0) -> str:
    """The text with the files it includes in place. ``read`` gives the path and text of each file of a pattern, seen
    from the file that includes it."""

    def place(match: re.Match[str]) -> str:
        if match[1] is None or depth >= _INCLUDE_DEPTH:
            return match[0]
        return "".join(f"{expanded(inner, name, read, depth + 1)}\n" for name, inner in read(match[1], path))

    return _INCLUDE.sub(place, text)


def has_secrets(text: str) -> bool:
    return any(True for _match in _secrets(text))


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand: behind the words that announce them, or in the definition of a name that does."""
    names = set()
    for match in _SECRET.finditer(text):
        if match["value"] is not None:
            yield match.span("value")
        else:
            names.add(match["name"])
    for name in names:
        for match in re.finditer(rf"\bdefine\s+{re.escape(name)}\s*=\s*([^;]*);", text):
            yield match.span(1)


def _sealed(text: str) -> str:
    """The text with each secret replaced by something that tells different ones apart and nothing else."""
    for start, end in sorted(_secrets(text), reverse=True):
        digest = hashlib.sha256(text[start:end].encode(errors="replace")).hexdigest()
        text = f"{text[:start]}\x00{digest}\x00{text[end:]}"
    return text


def difference(old: str, new: str, path: str) -> list[str]:
    """The lines that change, as ``diff -u`` shows them, with secrets masked: a new password is a line that looks alike
    before and after."""
    before, after = (_sealed(text).splitlines() for text in (old, new))
    lines = difflib.unified_diff(before, after, path, f"{path} (wanted)", lineterm="", n=1)
    return [_SEALED.sub(_MASK, line) for line in lines]
