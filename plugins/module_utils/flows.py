# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared flows in the form in which a switch shows them, and the files that restore them once it restarts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from . import flowtext
from .errors import DocumentError, StepFailed
from .host import Host, ToolMissing
from .kinds.base import HOST, Key, Resource
from .kinds.meter import Meter, meter_line, numbered
from .kinds.openflow import OpenFlow, meter_key
from .kinds.ovs_bridge import FLUSHING, OvsBridge
from .kinds.ovs_port import OvsPort
from .ledger import Ledger
from .plan import World

_FAULTS = 20


def with_flow_forms(
    objects: Mapping[Key, Resource],
    world: World,
    host: Host,
    ledger: Ledger,
    scopes: Iterable[str],
    check: bool = False,
) -> tuple[dict[Key, Resource], World]:
    """The declared objects, their meters numbered and their flows in normal form; the world, with the flows of others
    that stand in the way of declared ones as what is there of their groups. ``scopes``: all of this host. ``check``:
    without the tool that knows normal forms, flows stay as declared.

    :raises DocumentError: when a flow cannot be right.
    """
    wanted = with_meter_numbers(objects, ledger.meters, world.objects.values())
    groups = [resource for resource in wanted.values() if isinstance(resource, OpenFlow)]
    if not groups:
        return wanted, world
    own = flowtext.scope_number(ledger.scope)
    twins = [other for other in scopes if other != ledger.scope and flowtext.scope_number(other) == own]
    faults = [f"scope: {ledger.scope} has the cookies of scope {twin} of this host; rename one" for twin in twins]
    numbers = {bridge: _port_numbers(bridge, groups, wanted, world, faults) for bridge in {g.bridge for g in groups}}
    texts = [_Text.of(group, numbers[group.bridge], world.objects.get(group.key)) for group in groups]
    if not faults:
        try:
            faults += _bring_into_normal_form(texts, host)
        except ToolMissing:
            if not check:
                raise
    if faults:
        raise DocumentError(faults)
    seen = dict(world.objects)
    for bridge in numbers:
        faults += _put_obstacles([text for text in texts if text.group.bridge == bridge], wanted, seen, ledger.scope)
    if faults:
        raise DocumentError(faults)
    for text in texts:
        wanted[text.group.key] = replace(text.group, forms=tuple(text.forms))
    return wanted, replace(world, objects=seen)


def with_meter_numbers(
    objects: Mapping[Key, Resource], known: Mapping[Key, int], there: Iterable[Resource] = ()
) -> dict[Key, Resource]:
    """The objects, their meters with numbers, also where flows name them. ``known``: those that meters had before."""
    result = numbered(objects, known, there)
    for key, group in result.items():
        if isinstance(group, OpenFlow) and group.meters:
            numbers = {name: _meter_number(meter_key(group.bridge, name), result, known) for name in group.meters}
            result[key] = replace(group, lines=group.template.filled(meter=numbers.__getitem__))
    return result


def _meter_number(key: Key, objects: Mapping[Key, Resource], known: Mapping[Key, int]) -> int:
    """The number of a meter; that of one which is not there, and makes the plan refuse, does not matter."""
    meter = objects.get(key)
    return meter.number if isinstance(meter, Meter) else known.get(key, 1)


@dataclass
class _Text:
    """The flows of one group on their way to normal form. ``numbered`` and ``forms`` are in the order of its lines."""

    group: OpenFlow
    numbered: tuple[str, ...]
    forms: list[str] = field(default_factory=list)
    unsure: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, group: OpenFlow, ports: Mapping[str, int], seen: Resource | None) -> _Text:
        cut = flowtext.Template(group.lines) if group.meters else group.template
        with_numbers = cut.filled(ports.__getitem__)
        forms = flowtext.as_dumped(with_numbers)
        there = {*seen.forms} if isinstance(seen, OpenFlow) else set()
        return cls(group, with_numbers, forms, [n for n, form in enumerate(forms) if form not in there])


def _port_numbers(
    bridge: str, groups: Iterable[OpenFlow], wanted: Mapping[Key, Resource], world: World, faults: list[str]
) -> dict[str, int]:
    """The numbers of the ports that flows of a bridge name; for those that have none yet, others that nobody has."""
    users = {name: group for group in groups if group.bridge == bridge for name in group.ports}
    found: dict[str, int] = {}
    for name, group in users.items():
        key = ("ovs_port", HOST, name)
        want, seen = wanted.get(key), world.objects.get(key)
        port = want or seen
        if isinstance(port, OvsPort) and port.bridge != bridge:
            faults.append(_fault(group, f"names port {name}, which belongs to bridge {port.bridge}"))
        device = ("link", HOST, name)
        remade = _is_remade(want, seen) or _is_remade(wanted.get(device), world.objects.get(device))
        if name == bridge:
            found[name] = flowtext.LOCAL
        elif isinstance(seen, OvsPort) and seen.bridge == bridge and seen.number is not None and not remade:
            found[name] = seen.number
    taken = {port.number for port in world.objects.values() if isinstance(port, OvsPort) and port.number}
    return {**found, **flowtext.stand_ins({*users} - {*found}, taken)}


def _is_remade(want: Resource | None, seen: Resource | None) -> bool:
    """Whether this run replaces an object: its port may get another number by that."""
    return want is not None and seen is not None and any(map(want.fixed, want.differences(seen)))


def _bring_into_normal_form(texts: Sequence[_Text], host: Host) -> list[str]:
    """Ask ovs-ofctl for the normal form of all flows that are not there in the words in which they are declared."""
    faults: list[str] = []
    places = [(text, number) for text in texts for number in text.unsure]
    while places:
        try:
            answer = flowtext.parsed(host.parse_flows([text.numbered[number] for text, number in places]))
        except StepFailed as error:
            text, number = places.pop(_refused(places, host) if error.line is None else error.line - 1)
            faults.append(_fault(text.group, f"ovs-ofctl refuses '{text.group.flows[number]}': {error}"))
            if len(faults) == _FAULTS:
                return faults
            continue
        if len(answer) != len(places):
            return [*faults, f"openflow: ovs-ofctl shows {len(answer)} of {len(places)} flows"]
        for (text, number), form in zip(places, answer):
            text.forms[number] = form
        break
    return faults


def _refused(places: Sequence[tuple[_Text, int]], host: Host) -> int:
    """The place of the first flow that ovs-ofctl refuses without saying which: with all before it, it takes them."""

    def takes(count: int) -> bool:
        try:
            host.parse_flows([text.numbered[number] for text, number in places[:count]])
        except StepFailed:
            return False
        return True

    low, high = 0, len(places) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if takes(middle + 1) else (low, middle)
    return low


def _put_obstacles(
    texts: Sequence[_Text], wanted: Mapping[Key, Resource], seen: dict[Key, Resource], scope: str
) -> list[str]:
    """Find declared flows of one identity, which is a fault, and flows of others of the identity of a declared one."""
    faults = []
    holders: dict[str, tuple[_Text, int]] = {}
    for text in texts:
        for number, form in enumerate(text.forms):
            other, place = holders.setdefault(form.partition("actions=")[0].rstrip(), (text, number))
            if (other, place) != (text, number):
                beside = f"'{other.group.flows[place]}' of {other.group.title}"
                faults.append(
                    _fault(text.group, f"'{text.group.flows[number]}' has the table, priority and match of {beside}")
                )
    bridge = texts[0].group.bridge
    if faults or _is_flushed(wanted, seen, bridge):
        return faults
    in_the_way: dict[Key, list[tuple[str | None, str]]] = {}
    others = [group for group in seen.values() if isinstance(group, OpenFlow) and group.owner != scope]
    for group in others:
        for form in group.forms if group.bridge == bridge else ():
            holder = holders.get(flowtext.identity(form))
            if holder is not None:
                found = f"cookie={group.name}, {form}"
                in_the_way.setdefault(holder[0].group.key, []).append((group.owner, found))
    for key, flows in in_the_way.items():
        there = seen.get(key)
        if there is None:
            there = OpenFlow(bridge=bridge, name=key[3], flows=())
        owners = sorted({owner for owner, _flow in flows if owner is not None})
        owner = owners[0] if owners else None
        if isinstance(there, OpenFlow):
            seen[key] = replace(there, owner=owner, obstacles=tuple(sorted(flow for _owner, flow in flows)))
    return faults


def _is_flushed(wanted: Mapping[Key, Resource], seen: Mapping[Key, Resource], bridge: str) -> bool:
    """Whether the bridge loses all flows in this run, and with them those in the way."""
    key = ("ovs_bridge", HOST, bridge)
    want, have = wanted.get(key), seen.get(key)
    if not isinstance(want, OvsBridge) or have is None:
        return False
    return any(difference.field in FLUSHING for difference in want.differences(have))


def _fault(group: OpenFlow, text: str) -> str:
    origin = f" ({group.because})" if group.because else ""
    return f"openflow host {group.title}{origin}: {text}"


class RestoreFiles:
    """What a switch that has been started again is to be given back, in files below the run directory."""

    def __init__(self, run_directory: str, scope: str) -> None:
        self._directory = os.path.join(run_directory, "openflow")
        self._scope = scope

    def write(self, wanted: Mapping[Key, Resource], world: World) -> None:
        """Write the files of this scope anew, and remove those that have nothing to say any more."""
        contents = self._contents(wanted, world)
        for name in set(self.names()) - set(contents):
            os.unlink(os.path.join(self._directory, name))
        if os.path.isdir(self._directory) and not os.listdir(self._directory):
            os.rmdir(self._directory)
        for name, lines in contents.items():
            self._replace(name, "".join(f"{line}\n" for line in lines))

    def names(self) -> list[str]:
        """The files of this scope that are there, those that a killed run has left half written included."""
        names = os.listdir(self._directory) if os.path.isdir(self._directory) else []
        return sorted(name for name in names if re.fullmatch(rf".+\.{self._scope}\.(flows|meters)(\.new)?", name))

    def _contents(self, wanted: Mapping[Key, Resource], world: World) -> dict[str, list[str]]:
        """The lines of each file: what is declared, and what else of this scope there is."""
        ports = {key[2]: port.number or 0 for key, port in world.objects.items() if isinstance(port, OvsPort)}
        found: dict[str, list[str]] = {}
        owned = {key: resource for key, resource in world.objects.items() if resource.owner == self._scope}
        meters = {key: resource for key, resource in owned.items() if isinstance(resource, Meter)}
        for resource in {**owned, **wanted, **meters}.values():
            if isinstance(resource, OpenFlow):
                named = resource.lines or flowtext.as_declared(resource.forms, {}, {})
                here = {**ports, resource.bridge: flowtext.LOCAL}
                lines = flowtext.Template(named).filled(here.__getitem__, for_file=True)
                cookie = flowtext.own_cookie(self._scope, resource.name)
                found.setdefault(self._name(resource.bridge, "flows"), []).extend(
                    f"add cookie={cookie},{line}" for line in lines
                )
            elif isinstance(resource, Meter):
                line = meter_line(resource.number, resource.kbps, resource.burst_kb or 0)
                found.setdefault(self._name(resource.bridge, "meters"), []).append(line)
        return found

    def _name(self, bridge: str, ending: str) -> str:
        return f"{bridge}.{self._scope}.{ending}"

    def _replace(self, name: str, content: str) -> None:
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        path = os.path.join(self._directory, name)
        with open(path + ".new", "w", encoding="utf-8", opener=_private) as stream:
            stream.write(content)
        os.replace(path + ".new", path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
