# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static forwarding entries of VXLAN tunnels: behind which other end a MAC address is, and where to flood to.

The kernel keeps no mark in such an entry: it belongs to whom its link belongs. What the tunnel learns by itself is
neither read nor removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, alias_owner, declared, link_key

FLOOD = "00:00:00:00:00:00"


def parse_mac(value: Any) -> str:
    return FLOOD if str(value) == FLOOD else str(values.mac(value))


@dataclass(frozen=True)
class Fdb(Resource):
    kind: ClassVar[str] = "fdb"
    section: ClassVar[str] = "fdb"
    reads: ClassVar[tuple[str, ...]] = ("links", "fdb")

    link: str = declared(values.device_name, key=True)
    mac: str = declared(parse_mac, key=True)
    dst: str = declared(values.ip, required=True)

    @property
    def key(self) -> Key:
        """A tunnel floods to any number of ends; a MAC address of its own is behind one."""
        return (*super().key, self.dst) if self.mac == FLOOD else super().key

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Fdb]) -> Iterator[Fdb]:
        remotes = tunnel_remotes(reading)
        declared_here = {entry.key for entry in wanted}
        for raw in reading.fdb:
            if raw["ifname"] not in remotes or not _is_static(raw):
                continue
            owner, remote = remotes[raw["ifname"]]
            found = cls(namespace=reading.namespace, link=raw["ifname"], mac=raw["mac"], dst=raw["dst"], owner=owner)
            # The tunnel's remote is an attribute of the link, which the kernel shows here as well.
            if found.key in declared_here or (found.mac, found.dst) != (FLOOD, remote):
                yield found

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), link_key(self.namespace, self.link))

    def signed_by(self) -> Key | None:
        return link_key(self.namespace, self.link)

    def add(self, mark: Mark) -> list[Step]:
        # What was learned gives way to what is declared; a second place to flood to comes beside the first.
        return [self._step("append" if self.mac == FLOOD else "replace")]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [self._step("replace")] if any(d.field == "dst" for d in differences) else []

    def remove(self, mark: Mark) -> list[Step]:
        return [self._step("del")]

    def details(self) -> str:
        return "" if self.mac == FLOOD else f"dst {self.dst}"

    def _step(self, verb: str) -> Step:
        words = ("fdb", verb, self.mac, "dev", self.link, "dst", self.dst, "self", "permanent")
        return Step("bridge", self.namespace, words)


def tunnel_remotes(reading: Reading) -> dict[str, tuple[str | None, str | None]]:
    """The VXLAN tunnels of a namespace, each with its owner and its remote."""
    found = {}
    for raw in reading.links:
        info = raw.get("linkinfo", {})
        if info.get("info_kind") == "vxlan":
            data = info.get("info_data", {})
            pending = link_key(reading.namespace, raw["ifname"]) in reading.pending
            owner = alias_owner(raw.get("ifalias")) or (reading.scope if pending else None)
            found[raw["ifname"]] = (owner, data.get("remote") or data.get("remote6"))
    return found


def _is_static(raw: dict[str, Any]) -> bool:
    """An entry that only says behind which address a MAC is; one with a port or VNI of its own is beyond our words."""
    return raw.get("state") == "permanent" and "dst" in raw and not {"port", "vni"} & set(raw)
