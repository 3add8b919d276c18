# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What BIRD answers on its control socket, as data. Pure.

A line is a code of four digits, a dash when more follows or a space at the end, and a text; a line that begins with a
space repeats the code before it, and one that begins with a plus was not asked for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ..errors import HostError

_LINE = re.compile(r"(\d{4})([- ])(.*)", re.DOTALL)
_DETAIL = re.compile(r"( +)(\S[^:]*?)(?::\s*(.*))?$")
_ROUTES = re.compile(r"(\d+) (?:imported|exported)")
_CARRIERS = ("Direct", "Kernel", "Pipe", "Static")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d+)?")

VERSION, PROTOCOL, PROTOCOL_DETAIL, UPTIME, BFD_SESSION = 1000, 1002, 1006, 1011, 1020
RECONFIGURED, UNDO_SCHEDULED, CONFIRMED, CONFIGURATION_OK = 3, 22, 18, 20
_FIRST_FAULT = 8000


@dataclass(frozen=True)
class Line:
    code: int
    text: str


@dataclass(frozen=True)
class Reply:
    """The lines that answer one command; the last one has the verdict."""

    lines: tuple[Line, ...]

    @property
    def code(self) -> int:
        return self.lines[-1].code

    @property
    def text(self) -> str:
        return self.lines[-1].text

    @property
    def failed(self) -> bool:
        return self.code >= _FIRST_FAULT

    def has(self, code: int) -> bool:
        return any(line.code == code for line in self.lines)


class ReplyReader:
    """Cuts a stream of bytes into replies; ``unasked`` collects what BIRD says by itself."""

    def __init__(self) -> None:
        self.unasked: list[str] = []
        self._rest = b""
        self._lines: list[Line] = []

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that these bytes complete."""
        replies = []
        *complete, self._rest = (self._rest + data).split(b"\n")
        for raw in complete:
            text = raw.decode(errors="replace")
            if text.startswith("+"):
                self.unasked.append(text[1:])
            elif text.startswith(" ") and self._lines:
                self._lines.append(Line(self._lines[-1].code, text[1:]))
            elif match := _LINE.fullmatch(text):
                self._lines.append(Line(int(match[1]), match[3]))
                if match[2] == " ":
                    replies.append(Reply(tuple(self._lines)))
                    self._lines = []
            else:
                raise HostError(f"BIRD's control socket says what is no reply: {text!r}")
        return replies


@dataclass(frozen=True)
class Protocol:
    """One protocol as ``show protocols all`` has it.

    state: up, start, down, stop or flush. channels: the table of each, by the channel's name. in_use: the channels that
    are not down. refreshes: whether the peer of an established BGP session would send its routes again. dynamic: a BGP
    protocol that waits for peers out of a range. routes: how many it has imported and exported.
    """

    name: str
    kind: str
    state: str
    neighbour: str = ""
    dynamic: bool = False
    refreshes: bool = True
    channels: tuple[tuple[str, str], ...] = ()
    in_use: tuple[str, ...] = ()
    routes: int = 0

    @property
    def up(self) -> bool:
        return self.state == "up"

    @property
    def works(self) -> bool:
        """Whether something is lost when it is interrupted: a session, or the routes it carries."""
        return self.up and (self.routes > 0 or self.kind not in _CARRIERS)


@dataclass
class _Gathered:
    name: str
    kind: str
    state: str
    established: bool = False
    refreshes: bool = False
    values: dict[str, str] = field(default_factory=dict)
    channels: list[tuple[str, str]] = field(default_factory=list)
    in_use: list[str] = field(default_factory=list)
    routes: int = 0

    def add(self, indent: int, key: str, value: str, below: str) -> None:
        if indent == 2 and key.startswith("Channel "):
            self.channels.append((key.split()[1], ""))
        elif key == "Table" and self.channels:
            self.channels[-1] = (self.channels[-1][0], value)
        elif key == "State" and self.channels and value != "DOWN":
            self.in_use.append(self.channels[-1][0])
        elif key == "Routes":
            self.routes += sum(map(int, _ROUTES.findall(value)))
        elif below == "Neighbor capabilities" and key in ("Route refresh", "Enhanced refresh"):
            self.refreshes = True
        self.values.setdefault(key, value)

    def protocol(self) -> Protocol:
        return Protocol(
            self.name,
            self.kind,
            self.state,
            self.values.get("Neighbor address", self.values.get("Neighbor range", "")),
            "Neighbor range" in self.values,
            self.refreshes or self.kind != "BGP" or self.state != "up",
            tuple(self.channels),
            tuple(self.in_use),
            self.routes,
        )


def protocols(reply: Reply) -> dict[str, Protocol]:
    """The protocols in a reply to ``show protocols`` or ``show protocols all``, by name."""
    found: list[_Gathered] = []
    section = ""
    for line in reply.lines:
        if line.code == PROTOCOL:
            name, kind, _table, state = line.text.split()[:4]
            found.append(_Gathered(name, kind, state))
            section = ""
        elif line.code == PROTOCOL_DETAIL and found and (match := _DETAIL.match(line.text)):
            indent, key, value = len(match[1]), match[2], match[3] or ""
            section = key if indent <= 4 else section
            found[-1].add(indent, key, value, section)
    return {gathered.name: gathered.protocol() for gathered in found}


@dataclass(frozen=True)
class BfdSession:
    """timeout: the seconds of silence after which the session is down."""

    protocol: str
    address: str
    interface: str
    state: str
    timeout: float

    @property
    def key(self) -> tuple[str, str]:
        return self.address, self.interface

    @property
    def up(self) -> bool:
        return self.state == "Up"

    @property
    def title(self) -> str:
        return f"{self.address} on {self.interface}" if self.interface != "---" else self.address


def bfd_sessions(protocol: str, reply: Reply) -> list[BfdSession]:
    """The sessions in a reply to ``show bfd sessions``. When they began is in between and may be several words."""
    found = []
    for line in reply.lines:
        words = line.text.split()
        if line.code == BFD_SESSION and len(words) >= 6 and words[0] != "IP":
            found.append(BfdSession(protocol, words[0], words[1], words[2], float(words[-1])))
    return found


@dataclass(frozen=True)
class Status:
    """started, loaded: when BIRD did, and when it read its configuration, in seconds of our clock; None where it shows
    times in another way."""

    version: str
    router_id: str
    started: float | None
    loaded: float | None


def status(reply: Reply, now: float) -> Status:
    """What ``show status`` tells. BIRD's clock and ours are the same, but its time zone may be another."""
    facts = dict(_facts(line.text for line in reply.lines if line.code == UPTIME))
    version = next((line.text for line in reply.lines if line.code == VERSION), "BIRD")
    current = _seconds(facts.get("Current server time", ""))
    started, loaded = (
        None if current is None or at is None else at + round(now - current)
        for at in (_seconds(facts.get("Last reboot", "")), _seconds(facts.get("Last reconfiguration", "")))
    )
    return Status(version, facts.get("Router ID", ""), started, loaded)


def _facts(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        for joint in (" is ", " on "):
            key, found, value = text.partition(joint)
            if found:
                yield key, value
                break


def _seconds(text: str) -> float | None:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    whole = time.mktime(time.strptime(match[1], "%Y-%m-%d %H:%M:%S"))
    return whole + float(match[2] or 0)
