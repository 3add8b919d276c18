# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network namespaces with a name, as ``ip netns`` keeps them below /run/netns.

The mark is the alias of the namespace's own loopback device, readable with ``ip -n NAME link show lo``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .. import values
from .base import HOST, Difference, Key, Mark, Reading, Resource, Step, alias_owner, declared


@dataclass(frozen=True)
class Namespace(Resource):
    kind: ClassVar[str] = "namespace"
    section: ClassVar[str] = "namespaces"
    reads: ClassVar[tuple[str, ...]] = ("links",)
    usable_at_once: ClassVar[bool] = True

    name: str = declared(values.namespace_name, key=True)

    def faults(self) -> Iterator[str]:
        if self.namespace:
            yield "namespace: a namespace is always the host's own object; leave this out"
        if self.name.startswith("pid:"):
            yield f"name: {self.name} belongs to a process and cannot be declared; objects may refer to it"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Namespace]) -> Iterator[Namespace]:
        """The namespace a reading was taken in, be it named or a process's; the host's own is no object."""
        name = reading.namespace
        if name:
            loopback = next((link for link in reading.links if link["ifname"] == "lo"), {})
            owner = alias_owner(loopback.get("ifalias"))
            unsigned = owner is None and ("namespace", HOST, name) in reading.pending
            yield cls(name=name, owner=reading.scope if unsigned else owner, unsigned=unsigned)

    def parents(self) -> tuple[Key, ...]:
        return ()

    def add(self, mark: Mark) -> list[Step]:
        return [Step("ip", HOST, ("netns", "add", self.name)), *self._signed(mark)]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return self._signed(mark)

    def remove(self, mark: Mark) -> list[Step]:
        return [Step("ip", HOST, ("netns", "del", self.name))]

    def _signed(self, mark: Mark) -> list[Step]:
        return [Step("ip", self.name, ("link", "set", "dev", "lo", "up", "alias", mark.alias(self.name)))]
