# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Neighbour entries that are configuration: permanent ones, and proxy entries answered on behalf of an address.

The mark is the entry's protocol number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, link_key


@dataclass(frozen=True)
class Neighbour(Resource):
    kind: ClassVar[str] = "neighbour"
    section: ClassVar[str] = "neighbours"
    reads: ClassVar[tuple[str, ...]] = ("neighbours",)

    link: str = declared(values.device_name, key=True)
    address: str = declared(values.ip, key=True)
    proxy: bool = declared(values.boolean, key=True)
    mac: str | None = declared(values.mac)
    announce: bool | None = declared(values.boolean)

    @property
    def title(self) -> str:
        return f"{self.link} {self.address}{' proxy' if self.proxy else ''}"

    @classmethod
    def spelled_out(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"proxy": False, **raw}

    def faults(self) -> Iterator[str]:
        if self.proxy and self.mac is not None:
            yield "mac: belongs to a permanent neighbour; a proxy entry answers with the link's own address"
        if not self.proxy and self.mac is None:
            yield "mac: is missing; name the neighbour's, or say proxy: true"
        if self.announce and not self.proxy:
            yield "announce: belongs to a proxy entry; where a permanent neighbour is, others tell"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Neighbour]) -> Iterator[Neighbour]:
        for raw in reading.neighbours:
            if "proxy" in raw or "PERMANENT" in raw.get("state", ()):
                yield cls(
                    namespace=reading.namespace,
                    link=raw["dev"],
                    address=raw["dst"],
                    proxy="proxy" in raw,
                    mac=raw.get("lladdr"),
                    owner=reading.protocol_owner(raw),
                )

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        """Whether an entry is announced when it comes is nothing that can be seen of it later."""
        return tuple(d for d in super().differences(seen) if d.field != "announce")

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), link_key(self.namespace, self.link))

    def after(self) -> tuple[Key, ...]:
        """A bridge may change its MAC with each port it gets, and a link whose MAC changes loses its neighbours."""
        return (("link", self.namespace),)

    def add(self, mark: Mark) -> list[Step]:
        return [self._step(mark), *([self.announcement()] if self.announce else [])]

    def announcement(self) -> Step:
        return Step("announce", self.namespace, (self.link, self.address))

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [self._step(mark)]

    def remove(self, mark: Mark) -> list[Step]:
        """Made and deleted: its link may have lost it just now, and ``ip`` deletes only what is there."""
        gone = Step("ip", self.namespace, ("neigh", "del", *self._words()))
        return [self._step(mark), gone]

    def details(self) -> str:
        return f"mac {self.mac}" if self.mac else "announce" if self.announce else ""

    def _words(self) -> tuple[str, ...]:
        return (*(("proxy",) if self.proxy else ()), self.address, "dev", self.link)

    def _step(self, mark: Mark) -> Step:
        permanent = () if self.proxy else ("lladdr", str(self.mac), "nud", "permanent")
        return Step(
            "ip", self.namespace, ("neigh", "replace", *self._words(), *permanent, "protocol", str(mark.protocol))
        )
