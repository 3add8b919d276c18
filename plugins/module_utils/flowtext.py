# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow flows as text: cookies, names in place of numbers, and the form in which ``ovs-ofctl`` shows them. Pure.

A flow in a document may name ports and meters: ``in_port=NAME``, ``output:NAME``, ``port(NAME)`` for the number of a
port anywhere else, ``meter:meter(NAME)``. In normal form it is as ``dump-flows --no-names --no-stats`` prints it behind its
cookie, so that whole texts can be compared.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256

OURS = 0x68
LOCAL = 0xFFFE
_LAST_PORT = 0xFEFF
_RESERVED = ("IN_PORT", "TABLE", "NORMAL", "FLOOD", "ALL", "CONTROLLER", "LOCAL", "ANY", "NONE", "UNSET")
_WORD = r'"[^"\n]+"|[^\s,()"]+'
_PORT = re.compile(rf"(\bin_port=|\boutput:)(?!port\(|reg\d|xx?reg\d)({_WORD})|\bport\(({_WORD})\)")
_METER = re.compile(rf"\bmeter\(({_WORD})\)")
_PORT_NUMBER = re.compile(r"(\bin_port=|\boutput:)(\d+)\b")
_METER_NUMBER = re.compile(r"\bmeter:(\d+)\b")
_NOT_A_NAME = re.compile(rf"\d+|0[xX][0-9a-fA-F]+|.*\[.*|{'|'.join(_RESERVED)}", re.IGNORECASE)
_TABLE = re.compile(r"^\s*table=(\d+)[\s,]*", re.MULTILINE)
_TABLE_0 = re.compile(r"^table=0(?:, |$)", re.MULTILINE)
_ACTIONS = re.compile(r"[\s,]*\bactions=")
_DUMPED = re.compile(r"^ cookie=(0x[0-9a-f]+), (.*)$", re.MULTILINE)
_PARSED = re.compile(r"^OFPT_FLOW_MOD .*?: ADD (?:table:(\d+) )?(.*)$", re.MULTILINE)
# What a switch counts down or writes beside a flow's match, which is no part of its identity.
_VOLATILE = re.compile(
    r"\b(?:(?:idle_timeout|hard_timeout|importance)=\d+, |(?:send_flow_rem|check_overlap|reset_counts|no_packet_counts|"
    r"no_byte_counts) )"
)
_FORBIDDEN = re.compile(
    r"\b(cookie|idle_timeout|hard_timeout|importance|send_flow_rem|check_overlap|reset_counts|no_packet_counts|"
    r"no_byte_counts|out_port|out_group|duration|n_packets|n_bytes)\b"
)


def scope_number(scope: str) -> int:
    """The 16 bits of a cookie that tell whose flow it is."""
    return int.from_bytes(sha256(scope.encode()).digest()[:2], "big")


def group_number(name: str) -> int:
    """The 40 bits of a cookie that tell which group of its scope a flow belongs to."""
    return int.from_bytes(sha256(name.encode()).digest()[:5], "big")


def cookie(scope: str, name: str) -> str:
    return hex(OURS << 56 | scope_number(scope) << 40 | group_number(name))


def cookie_scope(text: str) -> int | None:
    """The number of the scope that a cookie names, None when the cookie is not one of ours."""
    value = int(text, 16)
    return value >> 40 & 0xFFFF if value >> 56 == OURS else None


def fault(flow: str) -> str | None:
    """What a flow in a document must not say."""
    if "\n" in flow:
        return f"'{flow.splitlines()[0]}' goes on in a second line; write each flow as an entry of its own"
    match, found, _actions = flow.partition("actions=")
    if not found:
        return f"'{flow}' has no actions; end it with actions=drop or the like"
    word = _FORBIDDEN.search(match)
    if word:
        return f"'{flow}' says {word[1]}, which the engine chooses or does not keep; leave it out"
    return None


def references(flows: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ports and meters that flows name."""
    text = "\n".join(flows)
    ports = {name for place, outer, inner in _PORT.findall(text) if (name := _name(outer, inner)) is not None}
    return tuple(sorted(ports)), tuple(sorted({_bare(name) for name in _METER.findall(text)}))


def with_meters(flows: Sequence[str], number: Callable[[str], int]) -> tuple[str, ...]:
    """The flows with the numbers of the meters they name, and nothing but single separators at table and actions."""
    text = _METER.sub(lambda found: str(number(_bare(found[1]))), "\n".join(flows))
    return tuple(_ACTIONS.sub(",actions=", flow, 1).lstrip(" ,") for flow in text.split("\n")) if flows else ()


def with_ports(flows: Sequence[str], number: Callable[[str], int]) -> tuple[str, ...]:
    """The flows with the numbers of the ports they name."""

    def replaced(found: re.Match[str]) -> str:
        name = _name(found[2], found[3])
        if name is None:
            return found[0]
        return f"{found[1]}{_shown(number(name))}" if found[1] else f"{number(name):#x}"

    return tuple(_PORT.sub(replaced, "\n".join(flows)).split("\n")) if flows else ()


def for_file(flows: Sequence[str], number: Callable[[str], int]) -> tuple[str, ...]:
    """The flows as ``ovs-ofctl add-flows`` takes them: port names where it knows names, numbers elsewhere."""

    def replaced(found: re.Match[str]) -> str:
        name = _name(found[2], found[3])
        if name is None:
            return found[0]
        if not found[1]:
            return f"{number(name):#x}"
        return f"{found[1]}LOCAL" if number(name) == LOCAL else f'{found[1]}"{name}"'

    return tuple(_PORT.sub(replaced, "\n".join(flows)).split("\n")) if flows else ()


def as_dumped(flows: Sequence[str]) -> tuple[str, ...]:
    """The flows with numbers in the switch's punctuation: the normal form of those spelled as the switch spells them."""
    text = _TABLE_0.sub("", _TABLE.sub(r"table=\1, ", "\n".join(flows)))
    return tuple(flow.replace(",actions=", " actions=", 1) for flow in text.split("\n")) if flows else ()


def dumped(output: str) -> dict[str, set[str]]:
    """The flows of ``dump-flows --no-names --no-stats``, by cookie."""
    found: dict[str, set[str]] = {}
    for own, flow in _DUMPED.findall(output):
        found.setdefault(own, set()).add(flow)
    return found


def parsed(output: str) -> list[str]:
    """The flows of ``parse-flows`` in normal form."""
    return [f"table={table}, {flow}" if table else flow for table, flow in _PARSED.findall(output)]


def identity(flow: str) -> str:
    """Table, priority and match of a flow in normal form: a switch has one flow of each identity."""
    return _VOLATILE.sub("", flow.partition("actions=")[0]).rstrip()


def numbers(flows: Iterable[str]) -> tuple[set[int], set[int]]:
    """The ports and meters that flows in normal form name by number."""
    text = "\n".join(flows)
    ports = {int(number) for _place, number in _PORT_NUMBER.findall(text)}
    return ports, {int(number) for number in _METER_NUMBER.findall(text)}


def deletion(own: str, flow: str) -> str:
    """The line of a bundle that deletes one flow of a cookie; without a table it would mean all of them."""
    match = identity(flow)
    place = "" if match.startswith("table=") else "table=0,"
    return f"delete_strict cookie={own}/-1,{place}{match}".rstrip(",")


def as_declared(flows: Iterable[str], ports: Mapping[int, str], meters: Mapping[int, str]) -> list[str]:
    """Flows in normal form in the words of a document, with names."""

    def port(found: re.Match[str]) -> str:
        name = ports.get(int(found[2]))
        return f"{found[1]}{_quoted(name)}" if name else found[0]

    def meter(found: re.Match[str]) -> str:
        name = meters.get(int(found[1]))
        return f"meter:meter({_quoted(name)})" if name else found[0]

    texts = []
    for flow in flows:
        place = "" if flow.startswith("table=") else "table=0,"
        text = f"{place}{flow}".replace(", ", ",").replace(" actions=", ",actions=", 1).replace(",,", ",")
        texts.append(_METER_NUMBER.sub(meter, _PORT_NUMBER.sub(port, text)))
    return sorted(texts)


def stand_ins(names: Iterable[str], taken: Iterable[int]) -> dict[str, int]:
    """A number for each port that has none yet, different from all others."""
    used, number, found = set(taken), _LAST_PORT, {}
    for name in sorted(names):
        while number in used:
            number -= 1
        found[name] = number
        used.add(number)
    return found


def _name(outer: str | None, inner: str | None) -> str | None:
    """The port that a match of ``_PORT`` names; None for numbers, reserved words and fields."""
    if inner:
        return _bare(inner)
    word = outer or ""
    return None if not word.startswith('"') and _NOT_A_NAME.fullmatch(word) else _bare(word)


def _bare(word: str) -> str:
    return word.strip('"')


def _quoted(name: str) -> str:
    return f'"{name}"' if _NOT_A_NAME.fullmatch(name) or re.search(r"[\s,()]", name) else name


def _shown(number: int) -> str:
    return "LOCAL" if number == LOCAL else str(number)
