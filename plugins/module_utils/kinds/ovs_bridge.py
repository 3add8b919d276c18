# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open vSwitch bridges. The mark is ``external_ids:hostnet-scope``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import ovsdb, values
from .base import HOST, Difference, Key, Mark, Reading, Resource, Step, declared
from .ovs_port import OvsPort

# The switch forgets all flows of a bridge when one of these changes.
FLUSHING = ("datapath_type", "fail_mode")


@dataclass(frozen=True)
class OvsBridge(Resource):
    kind: ClassVar[str] = "ovs_bridge"
    section: ClassVar[str] = "ovs_bridges"
    reads: ClassVar[tuple[str, ...]] = ("ovs",)

    name: str = declared(values.device_name, key=True)
    datapath_type: str | None = declared(values.choice("system", "netdev"))
    fail_mode: str | None = declared(values.choice("standalone", "secure"))
    external_ids: ovsdb.Pairs | None = declared(values.mapping)
    other_config: ovsdb.Pairs | None = declared(values.mapping)

    def faults(self) -> Iterator[str]:
        if self.namespace:
            yield "namespace: Open vSwitch bridges are the host's; its ports may live in namespaces"

    def implied(self) -> Iterator[OvsPort]:
        """Every bridge has a port of its own name."""
        yield OvsPort(name=self.name, bridge=self.name, because=self.because, adopt=self.adopt)

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[OvsBridge]) -> Iterator[OvsBridge]:
        for row in reading.ovs.get("Bridge", ()):
            yield cls(
                name=row["name"],
                datapath_type=row["datapath_type"] or "system",
                fail_mode=ovsdb.single(row["fail_mode"]) or "standalone",
                external_ids=row["external_ids"],
                other_config=row["other_config"],
                owner=ovsdb.owner(row["external_ids"]),
            )

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        return tuple(d for d in super().differences(seen) if not _only_more(d))

    def parents(self) -> tuple[Key, ...]:
        return ()

    def add(self, mark: Mark) -> list[Step]:
        words = ["add-br", self.name, *self._set(_declared(self), mark)]
        return [Step("ovs", HOST, tuple(words))]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [Step("ovs", HOST, tuple(self._set({d.field: d.after for d in differences}, mark)[1:]))]

    def remove(self, mark: Mark) -> list[Step]:
        return [Step("ovs", HOST, ("del-br", self.name))]

    def _set(self, wanted: Mapping[str, Any], mark: Mark) -> list[str]:
        words = [f"{name}={wanted[name]}" for name in ("datapath_type", "fail_mode") if name in wanted]
        ids = (*wanted.get("external_ids", ()), (ovsdb.OWNER, mark.scope))
        words += ovsdb.assignments("external_ids", ids)
        words += ovsdb.assignments("other_config", wanted.get("other_config", ()))
        return ovsdb.set_words("Bridge", self.name, words)


def _only_more(difference: Difference) -> bool:
    """Whether a map holds everything declared, and more that others put there."""
    if difference.field not in ("external_ids", "other_config"):
        return False
    return ovsdb.missing(difference.after, difference.before or ()) is None


def _declared(bridge: OvsBridge) -> dict[str, Any]:
    names = ("datapath_type", "fail_mode", "external_ids", "other_config")
    return {name: getattr(bridge, name) for name in names if getattr(bridge, name) is not None}
