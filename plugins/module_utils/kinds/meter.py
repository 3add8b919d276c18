# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meters of an Open vSwitch bridge: rates above which the packets of the flows that name them are dropped.

A meter has a number and nothing else that could carry a mark; which number is whose stands in the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import values
from .base import HOST, Difference, Key, Mark, Reading, Resource, Step, declared, narrowed

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]*")


def parse_name(value: Any) -> str:
    name = values.text(value)
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no name of a meter; use letters, digits, '_', '.', ':', '-'")
    return name


@dataclass(frozen=True)
class Meter(Resource):
    kind: ClassVar[str] = "meter"
    section: ClassVar[str] = "meters"
    reads: ClassVar[tuple[str, ...]] = ("ovs",)

    bridge: str = declared(values.device_name, key=True)
    name: str = declared(parse_name, key=True)
    kbps: int = declared(values.integer(1, 4294967295), required=True)
    burst_kb: int | None = declared(values.integer(0, 4294967295))

    # The number by which flows and the switch know it.
    number: int = 0

    def faults(self) -> Iterator[str]:
        if self.namespace:
            yield "namespace: meters belong to a bridge of the host"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Meter]) -> Iterator[Meter]:
        ours = {(key[2], number): key[3] for key, number in reading.meter_numbers.items()}
        for bridge, meters in reading.meters.items():
            for number, (kbps, burst) in meters.items():
                name = ours.get((bridge, number))
                yield cls(
                    bridge=bridge,
                    name=name or f"number {number}",
                    kbps=kbps,
                    burst_kb=burst,
                    number=number,
                    owner=reading.scope if name else None,
                )

    def parents(self) -> tuple[Key, ...]:
        return (("ovs_bridge", HOST, self.bridge),)

    def add(self, mark: Mark) -> list[Step]:
        return [self._step("add")]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        burst = narrowed(seen, Meter).burst_kb if self.burst_kb is None else self.burst_kb
        return [replace(self, burst_kb=burst)._step("modify")]

    def remove(self, mark: Mark) -> list[Step]:
        return [Step("meter", HOST, (self.bridge, "delete", str(self.number)))]

    def _step(self, command: str) -> Step:
        return Step("meter", HOST, (self.bridge, command, str(self.number), str(self.kbps), str(self.burst_kb or 0)))


def numbered(
    objects: Mapping[Key, Resource], known: Mapping[Key, int], there: Iterable[Resource] = ()
) -> dict[Key, Resource]:
    """The objects, their meters with the numbers they have or get: the lowest free ones of their bridge."""
    taken = {(meter.bridge, meter.number) for meter in there if isinstance(meter, Meter)}
    taken |= {(key[2], number) for key, number in known.items()}
    result = dict(objects)
    for key, meter in objects.items():
        if isinstance(meter, Meter):
            number = known.get(key, 1)
            while key not in known and (meter.bridge, number) in taken:
                number += 1
            taken.add((meter.bridge, number))
            result[key] = replace(meter, number=number)
    return result


def meter_words(words: Sequence[str]) -> str:
    """A step as ``ovs-ofctl`` takes it."""
    bridge, command, number, *limits = words
    if not limits:
        return f"del-meter {bridge} meter={number}"
    kbps, burst = limits
    verb = {"add": "add-meter", "modify": "mod-meter"}[command]
    return f"{verb} {bridge} {meter_line(int(number), int(kbps), int(burst))}"


def meter_line(number: int, kbps: int, burst: int) -> str:
    flags, size = ("burst,", f",burst_size={burst}") if burst else ("", "")
    return f"meter={number},kbps,{flags}band=type=drop,rate={kbps}{size}"
