# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenFlow flows as text: cookies, names in place of numbers, and the form in which ``ovs-ofctl`` shows them. Pure.

A flow in a document may name ports and meters: ``in_port=NAME``, ``output:NAME``, ``resubmit(NAME,…)``, ``port(NAME)``
for the number of a port anywhere else, ``meter:meter(NAME)``. In normal form it is as ``dump-flows --no-names
--no-stats`` prints it behind its cookie, so that whole texts can be compared.
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
_REFERENCE = re.compile(rf"((?:in_port=|output:|resubmit\(|port\(|meter\()(?:port\()?)({_WORD})")
_PORT_NUMBER = re.compile(r"(\bin_port=|\boutput:|\bresubmit\()(\d+)\b")
_METER_NUMBER = re.compile(r"\bmeter:(\d+)\b")
_NOT_A_NAME = re.compile(rf"\d+|0x[0-9a-f]+|.*\[.*|x{{0,2}}reg\d+|{'|'.join(_RESERVED)}", re.IGNORECASE)
# A cookie of nothing is not shown.
_DUMPED = re.compile(r"^ (?:cookie=(0x[0-9a-f]+), )?(\S.*)$", re.MULTILINE)
_TABLE = re.compile(r"[ ,]table=(\d+)")
_PARSED = re.compile(r"^OFPT_FLOW_MOD .*?: ADD (?:table:(\d+) )?(.*)$", re.MULTILINE)
# What a switch counts down or writes beside a flow's match, which is no part of its identity.
_VOLATILE = re.compile(
    r"\b(?:(?:idle_timeout|hard_timeout|importance)=\d+, |(?:send_flow_rem|check_overlap|reset_counts|no_packet_counts|"
    r"no_byte_counts) )"
)
_FORBIDDEN = re.compile(
    r"(cookie|idle_timeout|hard_timeout|importance|send_flow_rem|check_overlap|reset_counts|no_packet_counts|"
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


def own_cookie(scope: str, name: str) -> str:
    """The cookie of a group of ours, whose name is its cookie where nobody knows it any more."""
    return name if name.startswith("0x") else cookie(scope, name)


def cookie_scope(text: str) -> int | None:
    """The number of the scope that a cookie names, None when the cookie is not one of ours."""
    value = int(text, 16)
    return value >> 40 & 0xFFFF if value >> 56 == OURS else None


def punctuated(flows: Iterable[str]) -> tuple[str, ...]:
    """Flows of a document, each with one comma before its actions, sorted.

    :raises ValueError: for one that says what a flow in a document must not say.
    """
    found, matches = set(), []
    for flow in flows:
        match, actions, rest = flow.partition("actions=")
        match = match.strip(" \t,")
        if not actions:
            raise ValueError(f"'{flow}' has no actions; end it with actions=drop or the like")
        if "\n" in flow.strip():
            raise ValueError(f"'{flow.splitlines()[0]}' is not all of this flow; write each as one line of its own")
        found.add(f"{match},actions={rest.strip()}" if match else f"actions={rest.strip()}")
        matches.append(match)
    if _FORBIDDEN.search("\n".join(matches)):
        for match in matches:
            word = next((word for word in re.split(r"[\s,]+|=.*?(?:,|$)", match) if _FORBIDDEN.fullmatch(word)), None)
            if word:
                raise ValueError(f"'{match}' says {word}, which the engine chooses or does not keep; leave it out")
    return tuple(sorted(found))


class Template:
    """Flows, cut once where they name ports and meters."""

    def __init__(self, flows: Sequence[str]) -> None:
        # Text before the first name, then for each name: what introduces it, the name, the text up to the next.
        self._parts = _REFERENCE.split("\n".join(flows)) if flows else []
        named = {_named(place, word) for place, word in zip(self._parts[1::3], self._parts[2::3])}
        self.ports = tuple(sorted(name for kind, name in named if kind == "port"))
        self.meters = tuple(sorted(name for kind, name in named if kind == "meter"))

    def filled(
        self,
        port: Callable[[str], int] | None = None,
        meter: Callable[[str], int] | None = None,
        *,
        for_file: bool = False,
    ) -> tuple[str, ...]:
        """The flows with numbers in place of names; of a kind without numbers the names stay.

        for_file: leave the names of ports, in double quotes, where ovs-ofctl knows names.
        """
        if not self._parts:
            return ()
        known: dict[tuple[str, str], tuple[str, int]] = {}
        texts = [self._parts[0]]
        parts = iter(self._parts[1:])
        for place, word, rest in zip(parts, parts, parts):
            if (place, word) not in known:
                known[place, word] = _filled(place, word, port, meter, for_file)
            text, closing = known[place, word]
            texts += (text, rest[closing:])
        return tuple("".join(texts).split("\n"))


def _named(place: str, word: str) -> tuple[str, str]:
    """What a reference is to, a port or a meter, and its name; nothing where the word is no name."""
    if place.startswith("meter("):
        return "meter", word.strip('"')
    if not place.endswith("port(") and not word.startswith('"') and _NOT_A_NAME.fullmatch(word):
        return "", ""
    return "port", word.strip('"')


def _filled(
    place: str,
    word: str,
    port: Callable[[str], int] | None,
    meter: Callable[[str], int] | None,
    for_file: bool,
) -> tuple[str, int]:
    """A reference with its number, and how many closing brackets behind it go with the name."""
    kind, name = _named(place, word)
    if kind == "meter" and meter is not None:
        return str(meter(name)), 1
    if kind != "port" or port is None:
        return place + word, 0
    number, closing = port(name), int(place.endswith("port("))
    if place == "port(":
        return f"{number:#x}", closing
    shown = "LOCAL" if number == LOCAL else f'"{name}"' if for_file else str(number)
    return place.replace("port(", "") + shown, closing


def as_dumped(flows: Iterable[str]) -> list[str]:
    """Flows with numbers in the switch's punctuation: the normal form of those spelled as the switch spells them."""
    found = []
    for flow in flows:
        text = flow
        if flow.startswith("table=0,"):
            text = flow[len("table=0,") :]
        elif flow.startswith("table="):
            text = flow.replace(",", ", ", 1)
        found.append(text.replace(",actions=", " actions=", 1))
    return found


def dumped(output: str) -> dict[str, set[str]]:
    """The flows of ``dump-flows --no-names --no-stats``, by cookie."""
    found: dict[str, set[str]] = {}
    for own, flow in _DUMPED.findall(output):
        found.setdefault(own or "0x0", set()).add(flow)
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


def enters(line: str) -> bool:
    """Whether a line of a bundle adds a flow to table 0, where every packet begins."""
    place = _TABLE.search(line.partition("actions=")[0])
    return place is None or int(place[1]) == 0


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


def is_bare(name: str) -> bool:
    """Whether a name stands for itself in a flow without quotes."""
    return not _NOT_A_NAME.fullmatch(name) and not re.search(r"[\s,()]", name)


def _quoted(name: str) -> str:
    return name if is_bare(name) else f'"{name}"'
