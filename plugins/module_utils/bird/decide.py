# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of configuration does to the protocols and sessions that run. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .rehearse import Rehearsal
from .replies import BfdSession, Protocol
from .text import protocol_texts, what_concerns


@dataclass(frozen=True)
class Reset:
    """Something that works now and would be interrupted."""

    title: str
    why: str

    def __str__(self) -> str:
        return f"{self.title}: {self.why}"


@dataclass(frozen=True)
class Running:
    """What BIRD does at the moment."""

    protocols: Mapping[str, Protocol]
    sessions: Sequence[BfdSession] = ()

    def without_sessions(self) -> Running:
        """What works without a neighbour."""
        return Running({name: protocol for name, protocol in self.protocols.items() if protocol.kind != "BGP"})


@dataclass(frozen=True)
class Plan:
    """added, removed, disabled: protocols by name, with their type. successors: the protocols that take over from
    removed ones. enabled: protocols that are down and start again, also those that somebody disabled by hand. changed:
    protocols that run and go over to another text in place."""

    added: tuple[tuple[str, str], ...] = ()
    removed: tuple[tuple[str, str], ...] = ()
    disabled: tuple[tuple[str, str], ...] = ()
    successors: tuple[tuple[str, str], ...] = ()
    resets: tuple[Reset, ...] = ()
    enabled: tuple[str, ...] = ()
    changed: tuple[tuple[str, str], ...] = ()


def decide(running: Running, rehearsal: Rehearsal, old: Sequence[str], new: Sequence[str]) -> Plan:
    """``old`` and ``new``: the statements of both configurations."""
    added = {name: protocol for name, protocol in rehearsal.after.items() if name not in running.protocols}
    removed = _removed(running, rehearsal)
    successors = dict(_successors(removed, added))
    reasons = dict(_reasons(running, rehearsal, removed, successors, list(old), list(new)))
    return Plan(
        tuple((name, protocol.kind) for name, protocol in added.items()),
        tuple((name, protocol.kind) for name, protocol in removed.items()),
        tuple((name, running.protocols[name].kind) for name in _disabled(running, rehearsal)),
        tuple(successors.items()),
        tuple(_resets(running, reasons)),
        tuple(_enabled(running, rehearsal)),
        tuple(_changed(running, rehearsal, reasons, list(old), list(new))),
    )


def decide_blindly(running: Running, new: Sequence[str], why: str) -> Plan:
    """The plan when nobody can tell what BIRD will do: everything that runs may be interrupted."""
    wanted = {name: text.split()[1] for name, text in protocol_texts(list(new)).items()}
    reasons = dict.fromkeys(running.protocols, why)
    return Plan(
        added=tuple((name, kind) for name, kind in wanted.items() if name not in running.protocols),
        resets=tuple(_resets(running, reasons)),
    )


def _removed(running: Running, rehearsal: Rehearsal) -> dict[str, Protocol]:
    """Protocols that BIRD has made itself for peers out of a range are no configuration's."""
    found = {}
    for name, protocol in running.protocols.items():
        own = name not in rehearsal.before and name not in rehearsal.after
        if name not in rehearsal.after and not (own and _parents(protocol, rehearsal.before)):
            found[name] = protocol
    return found


def _parents(protocol: Protocol, candidates: Mapping[str, Protocol]) -> list[str]:
    return [name for name, other in candidates.items() if other.dynamic and other.kind == protocol.kind]


def _successors(removed: Mapping[str, Protocol], added: Mapping[str, Protocol]) -> Iterator[tuple[str, str]]:
    """A protocol under another name that has the same peer, or fills the same tables."""
    left = dict(added)
    for name, protocol in removed.items():
        for other, candidate in left.items():
            if _does(candidate) == _does(protocol):
                yield name, other
                del left[other]
                break


def _does(protocol: Protocol) -> tuple[object, ...]:
    if protocol.kind == "BGP":
        return protocol.kind, protocol.neighbour
    return protocol.kind, frozenset(table for _channel, table in protocol.channels)


def _reasons(
    running: Running,
    rehearsal: Rehearsal,
    removed: Mapping[str, Protocol],
    successors: Mapping[str, str],
    old: list[str],
    new: list[str],
) -> Iterator[tuple[str, str]]:
    """The running protocols that would be interrupted, with the reason."""
    for name, protocol in running.protocols.items():
        if name in successors:
            yield name, f"{successors[name]} takes its place"
        elif name in removed or name in _disabled(running, rehearsal):
            continue
        elif name not in rehearsal.after:
            parents = _parents(protocol, rehearsal.before)
            if any(parent in rehearsal.restarted or parent not in rehearsal.after for parent in parents):
                yield name, "BIRD restarts what it was made from"
        elif name in rehearsal.restarted:
            yield name, "BIRD has to restart it"
        elif why := _beyond_rehearsal(protocol, rehearsal, old, new):
            yield name, why


def _beyond_rehearsal(protocol: Protocol, rehearsal: Rehearsal, old: list[str], new: list[str]) -> str:
    """What only shows when a session is up: a channel that leaves it, routes that the peer would have to send again."""
    kept = dict(rehearsal.after[protocol.name].channels)
    leaving = [channel for channel in protocol.in_use if channel not in kept]
    if leaving:
        return f"its channel {leaving[0]} goes away"
    if not protocol.refreshes and what_concerns(protocol.name, old) != what_concerns(protocol.name, new):
        return "its peer cannot send routes again, which BIRD needs for new filters"
    texts = [what_concerns(protocol.name, statements, filters=False) for statements in (old, new)]
    if protocol.name in rehearsal.unsure and texts[0] != texts[1]:
        return "BIRD may have to restart it"
    return ""


def _resets(running: Running, reasons: Mapping[str, str]) -> Iterator[Reset]:
    for name, why in reasons.items():
        protocol = running.protocols[name]
        if protocol.works:
            peer = f" with {protocol.neighbour}" if protocol.kind == "BGP" and protocol.neighbour else ""
            yield Reset(f"{protocol.kind} {name}{peer}", why)
    for session in running.sessions:
        if session.up and session.protocol in reasons:
            yield Reset(f"BFD session {session.title}", f"{session.protocol}: {reasons[session.protocol]}")


def _disabled(running: Running, rehearsal: Rehearsal) -> list[str]:
    """Taking a protocol out of service is the intention, not an accident."""
    return [n for n, p in running.protocols.items() if p.state != "down" and n in rehearsal.disabled]


def _changed(
    running: Running, rehearsal: Rehearsal, reasons: Mapping[str, str], old: list[str], new: list[str]
) -> Iterator[tuple[str, str]]:
    before, after = protocol_texts(old), protocol_texts(new)
    moved = {*reasons, *_disabled(running, rehearsal), *_enabled(running, rehearsal)}
    for name, text in after.items():
        if name in running.protocols and name not in moved and before.get(name, text) != text:
            yield name, running.protocols[name].kind


def _enabled(running: Running, rehearsal: Rehearsal) -> Iterator[str]:
    for name, protocol in running.protocols.items():
        wanted = rehearsal.after.get(name)
        if protocol.state == "down" and wanted is not None and wanted.state != "down":
            yield name
