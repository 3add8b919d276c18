# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls below net, which each namespace has its own copy of.

A sysctl is nobody's property: it is set while it is declared, and gets its earlier value back when it no longer is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, link_key

_PER_LINK = re.compile(r"^net/(?:ipv4|ipv6)/(?:conf|neigh)/([^/]+)/")


def parse_name(value: Any) -> str:
    """``net.ipv4.ip_forward``, or with slashes where a device name has dots: ``net/ipv4/conf/eth0.100/arp_ignore``."""
    name = values.text(value)
    path = name if "/" in name else name.replace(".", "/")
    if not re.fullmatch(r"net(/[A-Za-z0-9_.@:-]+)+", path) or "/../" in f"{path}/":
        raise ValueError(f"{value!r} is no network sysctl; write it as net.ipv4.ip_forward")
    return path


def parse_value(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)) or not str(value).strip():
        raise ValueError(f"{value!r} is no sysctl value; write a number or a text")
    return " ".join(str(value).split())


@dataclass(frozen=True)
class Sysctl(Resource):
    kind: ClassVar[str] = "sysctl"
    section: ClassVar[str] = "sysctls"
    reads: ClassVar[tuple[str, ...]] = ("sysctls",)
    restorable: ClassVar[bool] = True

    name: str = declared(parse_name, key=True)
    value: str = declared(parse_value, required=True)

    @property
    def title(self) -> str:
        return self.name if "." in self.name else self.name.replace("/", ".")

    @property
    def link(self) -> str | None:
        """The device this sysctl belongs to, if it belongs to one."""
        match = _PER_LINK.match(self.name)
        return match[1] if match and match[1] not in ("all", "default") else None

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Sysctl]) -> Any:
        for name, value in reading.sysctls.items():
            yield cls(namespace=reading.namespace, name=name, value=" ".join(value.split()))

    @property
    def marked(self) -> bool:
        return False

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), *((link_key(self.namespace, self.link),) if self.link else ()))

    def groups(self) -> tuple[Key, ...]:
        return (("sysctl", self.namespace, "of links" if self.link else "of the namespace"),)

    def after(self) -> tuple[Key, ...]:
        """What holds for all devices is written first: writing it resets the single ones."""
        return (("sysctl", self.namespace, "of the namespace"),) if self.link else ()

    def add(self, mark: Mark) -> list[Step]:
        return [self._step()]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [self._step()]

    def remove(self, mark: Mark) -> list[Step]:
        return []

    def details(self) -> str:
        return self.value

    def _step(self) -> Step:
        return Step("sysctl", self.namespace, (self.name, self.value))
