# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel leaves to a device that sends: checksums.

A veth has no hardware, so its frames arrive with checksums that nobody has filled in. The kernel knows that of its own
frames; a program that reads them as they are does not, such as Open vSwitch with its datapath in userspace.
It is set while it is declared, and gets its earlier value back when it no longer is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, link_key


@dataclass(frozen=True)
class Offload(Resource):
    kind: ClassVar[str] = "offload"
    section: ClassVar[str] = "offloads"
    reads: ClassVar[tuple[str, ...]] = ("offloads",)
    restorable: ClassVar[bool] = True

    link: str = declared(values.device_name, key=True)
    tx_checksums: bool = declared(values.boolean, required=True)

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Offload]) -> Iterator[Offload]:
        for link, left_to_device in reading.offloads.items():
            yield cls(namespace=reading.namespace, link=link, tx_checksums=left_to_device)

    @property
    def marked(self) -> bool:
        return False

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), link_key(self.namespace, self.link))

    def add(self, mark: Mark) -> list[Step]:
        return [self._step()]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [self._step()]

    def remove(self, mark: Mark) -> list[Step]:
        return []

    def details(self) -> str:
        return f"tx checksums {'yes' if self.tx_checksums else 'no'}"

    def _step(self) -> Step:
        return Step("ethtool", self.namespace, ("-K", self.link, "tx", "on" if self.tx_checksums else "off"))
