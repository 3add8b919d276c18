# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static forwarding entries of VXLAN tunnels: behind which other end a MAC address is, and where to flood to.

The kernel keeps no mark in such an entry: it belongs to whom its link belongs. What the tunnel learns by itself is
neither read nor removed. A permanent entry has the kernel drop what comes from its MAC address by another end; a
movable one is "externally learned" to the kernel: it never grows old, and follows its MAC address to another end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, alias_owner, declared, link_key, narrowed

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
    movable: bool | None = declared(values.boolean)

    @property
    def key(self) -> Key:
        """A tunnel floods to any number of ends; a MAC address of its own is behind one."""
        return (*super().key, self.dst) if self.mac == FLOOD else super().key

    def faults(self) -> Iterator[str]:
        if self.mac == FLOOD and self.movable is not None:
            yield f"movable: belongs to a MAC address that somebody has; nobody sends from {FLOOD}"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Fdb]) -> Iterator[Fdb]:
        remotes = tunnel_remotes(reading)
        learning = _learning(reading)
        declared_here = {entry.key for entry in wanted}
        for raw in reading.fdb:
            if raw["ifname"] not in remotes or not _is_static(raw):
                continue
            owner, remote = remotes[raw["ifname"]]
            found = cls(
                namespace=reading.namespace,
                link=raw["ifname"],
                mac=raw["mac"],
                dst=raw["dst"],
                movable=None if raw["mac"] == FLOOD else _is_movable(raw),
                owner=owner,
            )
            # The tunnel's remote is an attribute of the link, which the kernel shows here as well. Into tunnels that do
            # not learn, routing daemons write what they have learned elsewhere.
            if found.key in declared_here or (
                (found.mac, found.dst) != (FLOOD, remote) and (not found.movable or found.link in learning)
            ):
                yield found

    def may_drift(self, difference: Difference) -> bool:
        """Its MAC address may have been heard from another end since."""
        return bool(self.movable) and difference.field == "dst"

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), link_key(self.namespace, self.link))

    def signed_by(self) -> Key | None:
        return link_key(self.namespace, self.link)

    def add(self, mark: Mark) -> list[Step]:
        # What was learned gives way to what is declared; a second place to flood to comes beside the first.
        return [self._step("append" if self.mac == FLOOD else "replace")]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        if not any(d.field in ("dst", "movable") for d in differences):
            return []
        there = narrowed(seen, Fdb)
        own = self if self.movable is not None else replace(self, movable=there.movable)
        # A permanent entry would stay one.
        freed = [there._step("del")] if own.movable and not there.movable else []
        return [*freed, own._step("replace")]

    def remove(self, mark: Mark) -> list[Step]:
        return [self._step("del")]

    def details(self) -> str:
        if self.mac == FLOOD:
            return ""
        return f"dst {self.dst}, movable" if self.movable else f"dst {self.dst}"

    def _step(self, verb: str) -> Step:
        state = ("dynamic", "extern_learn") if self.movable else ("permanent",)
        words = ("fdb", verb, self.mac, "dev", self.link, "dst", self.dst, "self", *state)
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
    kept = raw.get("state") == "permanent" or _is_movable(raw)
    return kept and "dst" in raw and not {"port", "vni"} & set(raw)


def _is_movable(raw: dict[str, Any]) -> bool:
    return raw.get("state") != "permanent" and "extern_learn" in raw.get("flags", ())


def _learning(reading: Reading) -> set[str]:
    """The tunnels that learn."""
    return {raw["ifname"] for raw in reading.links if raw.get("linkinfo", {}).get("info_data", {}).get("learning")}
