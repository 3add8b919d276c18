# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named groups of OpenFlow flows of an Open vSwitch bridge: compared whole, changed flow by flow in one bundle.

The mark is the cookie: 0x68, 16 bits of the scope, 40 bits of the group's name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from .. import flowtext, ovsdb, values
from .base import HOST, Difference, Key, Mark, Reading, Resource, Step, declared, narrowed


def parse_flows(value: Any) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{value!r} is not a list of flows")
    return flowtext.punctuated(map(values.text, value))


_NO_FLOWS = flowtext.Template(())


def meter_key(bridge: str, name: str) -> Key:
    return ("meter", HOST, bridge, name)


@dataclass(frozen=True)
class OpenFlow(Resource):
    """ports, meters: the names in the flows, of an observed group that goes those behind its numbers.

    template: the flows, cut at the names. lines: the flows as declared, with the numbers of their meters. forms: the
    flows in normal form; those of a declared group are in the order of ``lines``. obstacles: flows of others where a
    declared one belongs.
    """

    kind: ClassVar[str] = "openflow"
    section: ClassVar[str] = "openflow"
    reads: ClassVar[tuple[str, ...]] = ("ovs",)

    bridge: str = declared(values.device_name, key=True)
    name: str = declared(values.text, key=True)
    flows: tuple[str, ...] = declared(parse_flows, required=True)

    ports: tuple[str, ...] = ()
    meters: tuple[str, ...] = ()
    template: flowtext.Template = field(default=_NO_FLOWS, repr=False, compare=False)
    lines: tuple[str, ...] = field(default=(), repr=False)
    forms: tuple[str, ...] = field(default=(), repr=False)
    obstacles: tuple[str, ...] = ()

    def faults(self) -> Iterator[str]:
        if self.namespace:
            yield "namespace: flows belong to a bridge of the host"
        if not self.flows:
            yield "flows: is empty; leave the group out"
        if self.name.startswith("0x"):
            yield "name: must not begin with 0x, as the names of groups that nobody knows do"

    def completed(self, others: Mapping[Key, Resource]) -> OpenFlow:
        cut = flowtext.Template(self.flows)
        return replace(self, ports=cut.ports, meters=cut.meters, template=cut, lines=self.flows, forms=self.flows)

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[OpenFlow]) -> Iterator[OpenFlow]:
        """The groups of all scopes, as their cookies say, and the flows of others by their cookies."""
        if not reading.flows:
            return
        names = {(key[2], flowtext.cookie(reading.scope, key[3])): key[3] for key in reading.groups}
        kept = {(want.bridge, flowtext.cookie(reading.scope, want.name)): want.name for want in wanted}
        scopes = {flowtext.scope_number(scope): scope for scope in reading.owners.values()}
        for bridge, output in reading.flows.items():
            ports = port_names(reading.ovs, bridge)
            of_meters = {number: key[3] for key, number in reading.meter_numbers.items() if key[2] == bridge}
            for own, flows in flowtext.dumped(output).items():
                number = flowtext.cookie_scope(own)
                group = cls(
                    bridge=bridge,
                    name=kept.get((bridge, own)) or names.get((bridge, own), own),
                    flows=(),
                    forms=tuple(flows),
                    owner=None if number is None else scopes.get(number, f"{number:#06x}"),
                )
                goes = group.owner == reading.scope and (bridge, own) not in kept
                yield _with_names(group, ports, of_meters) if goes else group

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        seen = narrowed(seen, OpenFlow)
        new, gone = len({*self.forms} - {*seen.forms}), len({*seen.forms} - {*self.forms})
        if not new and not gone:
            return ()
        counts = [f"{count} {word}" for count, word in ((new, "new"), (gone, "gone")) if count]
        return (Difference("flows", str(len(seen.forms)), f"{len({*self.forms})} ({', '.join(counts)})"),)

    def fixed(self, difference: Difference) -> bool:
        return False

    def parents(self) -> tuple[Key, ...]:
        return (("ovs_bridge", HOST, self.bridge),)

    def after(self) -> tuple[Key, ...]:
        ports: list[Key] = [("ovs_port", HOST, name) for name in self.ports]
        return (*ports, *(meter_key(self.bridge, name) for name in self.meters))

    def add(self, mark: Mark) -> list[Step]:
        own = flowtext.cookie(mark.scope, self.name)
        return self._bundle(f"add cookie={own},{line}" for line in self.lines)

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        """Deletes first: a flow that only got other actions is of the same identity as its old self."""
        seen = narrowed(seen, OpenFlow)
        own = flowtext.cookie(mark.scope, self.name)
        gone, there = sorted({*seen.forms} - {*self.forms}), {*seen.forms}
        deleted = [flowtext.deletion(own, flow) for flow in gone]
        return self._bundle([*deleted, *(f"add cookie={own},{line}" for line in self._without(there))])

    def remove(self, mark: Mark) -> list[Step]:
        return self._bundle([f"delete cookie={flowtext.own_cookie(mark.scope, self.name)}/-1"])

    def details(self) -> str:
        count = f"{len(self.forms or self.flows)} flows"
        if not self.obstacles:
            return count
        more = f" and {len(self.obstacles) - 1} more" if len(self.obstacles) > 1 else ""
        return f"in its place: {self.obstacles[0]}{more}"

    def pieces(self, seen: Resource | None) -> Iterator[str]:
        there = {*seen.forms} if isinstance(seen, OpenFlow) else set()
        if seen is self:
            yield from (f"- {flow}" for flow in sorted(there))
            return
        yield from (f"- {flow}" for flow in sorted(there - {*self.forms}))
        yield from (f"+ {line}" for line in self._without(there))

    def _without(self, there: set[str]) -> list[str]:
        """The lines whose flows are not there."""
        return [line for line, form in zip(self.lines, self.forms) if form not in there]

    def _bundle(self, lines: Iterator[str] | Sequence[str]) -> list[Step]:
        return [Step("openflow", HOST, (self.bridge, *lines))]


def _with_names(group: OpenFlow, of_ports: Mapping[int, str], of_meters: Mapping[int, str]) -> OpenFlow:
    """An observed group with the ports and meters that its flows need as long as they are there."""
    ports, meters = flowtext.numbers(group.forms)
    return replace(
        group,
        ports=tuple(sorted(of_ports[number] for number in ports if number in of_ports)),
        meters=tuple(sorted(of_meters[number] for number in meters if number in of_meters)),
    )


def port_names(ovs: Mapping[str, Sequence[Mapping[str, Any]]], bridge: str) -> dict[int, str]:
    """The names behind the port numbers of a bridge."""
    interfaces = {row["_uuid"]: row for row in ovs.get("Interface", ())}
    ports = {row["_uuid"]: row for row in ovs.get("Port", ())}
    found = {}
    for row in ovs.get("Bridge", ()):
        if row["name"] == bridge:
            for port in ovsdb.many(row["ports"]):
                for member in ovsdb.many(ports[port]["interfaces"]):
                    number = ovsdb.single(interfaces[member]["ofport"])
                    if number is not None and 0 < number < flowtext.LOCAL:
                        found[number] = interfaces[member]["name"]
    return found
