# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all configurations of BIRD have in common."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import ipv4
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Bfd, Bgp, of_family

if TYPE_CHECKING:
    from netaddr import IPAddress

Lines = list[str]
SPEAKER = "fabric"
GRACEFUL_SHUTDOWN = "(65535, 0)"


def head(name: str, own: tuple[IPAddress, ...]) -> Lines:
    return [
        "# Made by hostnet.fabric from the fleet's intent: the next run undoes what is changed here.",
        "log syslog all;",
        f"router id {of_family(own, 4) or _derived_id(name)};",
        "protocol device { }",
    ]


def _derived_id(name: str) -> IPAddress:
    """Where there is no IPv4 address, any number does that nobody else has."""
    return ipv4(int.from_bytes(sha256(name.encode()).digest()[:4], "big") | 1)


def bfd(settings: Bfd, device: str, more: Iterable[str] = (), timers: str = "", disabled: bool = False) -> Lines:
    """``timers`` and ``more`` stand in the block of the interface and after it."""
    own = [f"interval {settings.interval} ms;", f"multiplier {settings.multiplier};", *([timers] if timers else [])]
    if settings.password is not None:
        own += ["authentication meticulous keyed sha1;", f'password "{settings.password}";']
    switch = ["disabled;"] if disabled else []
    return block("protocol bfd guard", [*switch, *block(f'interface "{device}"', own, ";"), *more])


def template(settings: Bgp) -> Lines:
    """What is the same for all sessions.

    After an error BIRD would wait for a minute and more, and not know the pools of a control plane that is back.
    """
    own = [
        f"hold time {settings.hold_time};",
        "connect delay time 1;",
        "connect retry time 2;",
        "error wait time 1, 5;",
        "direct;",
        "bfd on;",
    ]
    if settings.gtsm:
        own.append("ttl security on;")
    if settings.password is not None and settings.tcp_ao:
        key = block("key", ["id 1;", f'secret "{settings.password}";', "algorithm hmac sha256;", "preferred;"], ";")
        own += ["authentication ao;", *block("keys", key, ";")]
    elif settings.password is not None:
        own.append(f'password "{settings.password}";')
    return block(f"template bgp {SPEAKER}", own)


def session(
    name: str, own: tuple[IPAddress, int], other: tuple[IPAddress, int], channel: Lines, disabled: bool = False
) -> Lines:
    """``own`` and ``other`` are addresses with their AS numbers."""
    ends = [f"local {own[0]} as {own[1]};", f"neighbor {other[0]} as {other[1]};"]
    switch = ["disabled;"] if disabled else []
    return block(f"protocol bgp {name} from {SPEAKER}", [*switch, *ends, *block(f"ipv{own[0].version}", channel, ";")])


def block(head_line: str, inside: Iterable[str], end: str = "") -> Lines:
    return [f"{head_line} {{", *(f"  {line}" for line in inside), f"}}{end}"]


def listed(head_line: str, items: Iterable[object], tail: str) -> Lines:
    """A set, an element on each line, so that a change of one is a change of one line."""
    words = [str(item) for item in items]
    return [f"{head_line} [", *(f"  {word}," for word in words[:-1]), f"  {words[-1]}", f"]{tail}"]
