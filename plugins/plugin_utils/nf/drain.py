# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has to be done, and in which order, so that somebody is taken out of service or put back and no packet is lost.

Somebody is told to leave only where nobody sends to it any more, and is sent packets only where it answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf import guard
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.drained import REMEMBERED, VARIABLE
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Everything, Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.live import Live
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.memory import (
    Memory,
    as_data,
    drained_in,
    told,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import FAMILIES, ControlPlane
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.symbol import symbol
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError, suggestion

Intent = Mapping[str, Any]


@dataclass(frozen=True)
class Move:
    """A configuration that is brought live on a host, of the BIRD in a namespace; empty for the host's own."""

    host: str
    name: str
    namespace: str
    config: str


@dataclass(frozen=True)
class Drain:
    """refusals: why nothing may be done. before: who was drained already, but for what only passes.

    told: who is drained because a playbook was told so. memory: what hosts have to remember, and remember_on: which.

    first: control planes that say they are about to leave, and gateways that take them to be. then: the moves after
    that, in their order. awaited: the addresses that have to answer to each gateway then. last: the moves after that.
    sessions: the BGP sessions that have to be up on each gateway in the end.
    gateways: those that give the shared addresses away, or take them back, before any move or after all.
    """

    refusals: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    memory: dict[str, dict[str, Any]] = field(default_factory=dict)
    remember_on: list[str] = field(default_factory=list)
    first: list[Move] = field(default_factory=list)
    then: list[Move] = field(default_factory=list)
    awaited: dict[str, list[str]] = field(default_factory=dict)
    last: list[Move] = field(default_factory=list)
    sessions: dict[str, list[str]] = field(default_factory=dict)
    gateways: list[str] = field(default_factory=list)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Order:
    """What was asked for. without: hosts that cannot be reached, and are left out.

    here: the hosts of the play, where not all are. at: the time, in seconds. passing: whether the play puts back.
    """

    names: tuple[str, ...]
    remembered: Memory
    without: tuple[str, ...] = ()
    here: tuple[str, ...] | None = None
    at: int = 0
    passing: bool = False


def drain(intent: Intent, order: Order, live: Mapping[str, Live]) -> Drain:
    """Take out of service; without names, bring about what ``fabric_drained`` says.

    :param live: what is true of each gateway that answers.
    :raises IntentError: with everything that is wrong with the intent, or with the names.
    """
    _check_names(intent, order.names)
    memory = told(order.remembered, order.names, True, order.at, order.passing)
    after = {**intent, REMEMBERED: drained_in(memory)}
    fleet = _everything(after)
    acting = [host for host in sorted(fleet.drained.gateways) if host in order.names or not order.names]
    refusals = [*_silent(fleet, live, order), *_elsewhere(acting, order), *guard.refusals(fleet, live)]
    if refusals:
        return Drain(refusals=refusals)
    leaving = guard.leaving(fleet, live)
    names = [one.name for one in leaving]
    telling = Fleet(after, leaving=names)
    ready = Fleet(after)
    first = [move for one in leaving if one.runs_bird for move in _moves(telling, one.host, one.name)]
    if any(not one.runs_bird for one in leaving):
        first += _on_gateways(telling, _kept(fleet))
    speakers = sorted(fleet.control_planes, key=lambda one: (one.name in fleet.drained.functions, one.name))
    then = [move for one in speakers for move in _moves(ready, one.host, one.name)]
    then += _on_gateways(ready, _kept(fleet))
    then += [move for one in fleet.drained_planes for move in _moves(ready, one.host, one.name)]
    return Drain(
        before=sorted({*(intent.get(VARIABLE) or ()), *_for_good(order.remembered)}),
        told=drained_in(memory),
        memory=as_data(memory),
        remember_on=_reached(_places(fleet), order),
        first=_reachable(first, order),
        then=_reachable(then, order),
        gateways=_reached(sorted(fleet.drained.gateways), order),
    )


def undrain(intent: Intent, order: Order, live: Mapping[str, Live]) -> Drain:
    """Put back into service.

    :raises IntentError: with everything that is wrong with the intent, or with the names.
    """
    _check_names(intent, order.names)
    if not order.names:
        known = drained_in(order.remembered)
        there = f"; told to be drained are {', '.join(known)}" if known else ""
        raise IntentError([f"undrain: name who is put back{there}"])
    written = [name for name in order.names if name in (intent.get(VARIABLE) or ())]
    if written:
        raise IntentError([f"{VARIABLE}: drains {', '.join(written)}; take it out there first"])
    memory = told(order.remembered, order.names, False, order.at)
    after = {**intent, REMEMBERED: drained_in(memory)}
    fleet, before = _everything(after), _everything({**intent, REMEMBERED: [*drained_in(memory), *order.names]})
    acting = sorted(before.drained.gateways - fleet.drained.gateways)
    refusals = [*_still_drained(fleet, order), *_silent(fleet, live, order), *_elsewhere(acting, order)]
    if refusals:
        return Drain(refusals=refusals)
    ready = Fleet(after)
    returning = before.drained.functions - fleet.drained.functions
    back = [one for one in before.drained_planes if one.name in returning]
    then = [move for one in back for move in _moves(ready, one.host, one.name)]
    then += _on_gateways(ready, _kept(fleet))
    last = [move for one in fleet.control_planes for move in _moves(ready, one.host, one.name)]
    addresses = [str(address) for one in back for address in one.addresses]
    speakers = [one for one in fleet.control_planes if one.name in returning]
    return Drain(
        told=drained_in(memory),
        memory=as_data(memory),
        remember_on=_reached(_places(before), order),
        then=_reachable(then, order),
        awaited={gateway: addresses for gateway in _reached(_kept(fleet), order) if addresses},
        last=_reachable(last, order),
        sessions=_sessions(fleet, speakers, order),
        gateways=_reached(acting, order),
    )


def _check_names(intent: Intent, names: Iterable[str]) -> None:
    """Who is named is there. One that is a host and a network function is told by the intent's faults."""
    known = _everything({**intent, VARIABLE: None, REMEMBERED: None}).names
    unknown = [name for name in names if name not in known]
    faults = [f"there is no {name} to be drained or put back; {suggestion(name, known)}" for name in unknown]
    if faults:
        raise IntentError(faults)


def _still_drained(fleet: Everything, order: Order) -> list[str]:
    """Who was named alone, and is drained with its host."""
    functions = [one for one in (*fleet.drained_planes, *fleet.control_planes) if one.name in fleet.drained.functions]
    return [f"{one.name} is drained with {one.host}; put that back" for one in functions if one.name in order.names]


def _everything(intent: Intent) -> Everything:
    fleet = Fleet(intent)
    faults = fleet.faults()
    if faults:
        raise IntentError(faults)
    return fleet.everything()


def _silent(fleet: Everything, live: Mapping[str, Live], order: Order) -> list[str]:
    silent = [host for host in fleet.gateways if host not in live and host not in order.without]
    return [f"{host} does not answer; name it in nf_drain_without to go on without it" for host in silent]


def _elsewhere(acting: Iterable[str], order: Order) -> list[str]:
    """Gateways whose own part nobody would do: it is done where they are hosts of the play."""
    lost = [host for host in _reached(acting, order) if order.here is not None and host not in order.here]
    text = "has to act, and is no host of this play; leave --limit out, or name it there, too"
    return [f"{host} {text}" for host in lost]


def _for_good(memory: Memory) -> list[str]:
    return [name for name in drained_in(memory) if not memory[name].passing]


def _kept(fleet: Everything) -> list[str]:
    """The gateways that are in service. Those that are not get their text when nothing passes them any more."""
    return [host for host in fleet.gateways if host not in fleet.drained.gateways]


def _sessions(fleet: Everything, speakers: Sequence[ControlPlane], order: Order) -> dict[str, list[str]]:
    """By the names that they have on the gateways in service."""
    reached = _reached(_kept(fleet), order)
    pair = fleet.pair.hosts if fleet.pair is not None and speakers else ()
    return {
        gateway.host.name: [
            symbol(one.name, family)
            for one in speakers
            for family in FAMILIES
            if one.address(family) is not None and gateway.address(family) is not None
        ]
        for gateway in pair
        if gateway.host.name in reached
    }


def _on_gateways(fleet: Fleet, hosts: Iterable[str]) -> Iterator[Move]:
    return (move for host in hosts for move in _moves(fleet, host, host))


def _moves(fleet: Fleet, host: str, name: str) -> Iterator[Move]:
    """The configuration of one daemon, where it is ours."""
    found = daemons(fleet.view(host))
    return (Move(host, one.name, one.namespace, one.config) for one in found if one.name == name)


def _places(fleet: Everything) -> list[str]:
    """The hosts whose configurations depend on who is drained."""
    return sorted({*fleet.gateways, *(one.host for one in (*fleet.control_planes, *fleet.drained_planes))})


def _reached(hosts: Iterable[str], order: Order) -> list[str]:
    return [host for host in hosts if host not in order.without]


def _reachable(moves: Iterable[Move], order: Order) -> list[Move]:
    return [move for move in moves if move.host not in order.without]
