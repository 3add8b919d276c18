# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy rules: which table a packet is looked up in.

The kernel has no way to change a rule, so that a rule's whole content is its identity. The mark is its protocol number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, declared

_SELECTORS = ("source", "destination", "iif", "oif", "fwmark", "ip_protocol", "source_port", "destination_port")
_WORDS = {
    "source": "from",
    "destination": "to",
    "iif": "iif",
    "oif": "oif",
    "fwmark": "fwmark",
    "ip_protocol": "ipproto",
    "source_port": "sport",
    "destination_port": "dport",
}
_PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58, "sctp": 132}
_ACTIONS = ("lookup", "blackhole", "unreachable", "prohibit")


def parse_fwmark(value: Any) -> str:
    """``0x1`` or ``0x1/0xff``, in hexadecimal; a mask of all ones is left out."""
    try:
        mark, _slash, mask = str(value).partition("/")
        number, width = int(mark, 0), int(mask, 0) if mask else 0xFFFFFFFF
        if not (0 <= number <= 0xFFFFFFFF and 0 < width <= 0xFFFFFFFF):
            raise ValueError
    except ValueError:
        raise ValueError(f"{value!r} is no mark; write 0x1 or 0x1/0xff") from None
    return f"{number:#x}" if width == 0xFFFFFFFF else f"{number:#x}/{width:#x}"


def parse_ip_protocol(value: Any) -> int:
    return _PROTOCOLS[value] if isinstance(value, str) and value in _PROTOCOLS else int(values.integer(1, 255)(value))


def parse_ports(value: Any) -> str:
    """A port, or a range as 1000-2000."""
    low, _dash, high = str(value).partition("-")
    port = values.integer(1, 65535)
    if not high:
        return str(port(low))
    if port(low) > port(high):
        raise ValueError(f"{value!r} runs backwards; write {high}-{low}")
    return f"{port(low)}-{port(high)}"


@dataclass(frozen=True)
class Rule(Resource):
    kind: ClassVar[str] = "rule"
    section: ClassVar[str] = "rules"
    reads: ClassVar[tuple[str, ...]] = ("rules",)
    optional_keys: ClassVar[tuple[str, ...]] = ("table", "inverted", *_SELECTORS)

    family: int = declared(values.integer(4, 6), key=True)
    priority: int = declared(values.integer(1, 32765 + 4294934529), key=True)
    action: str = declared(values.choice(*_ACTIONS), key=True)
    table: int | None = declared(values.integer(1, 4_294_967_295), key=True)
    source: str | None = declared(values.prefix, key=True)
    destination: str | None = declared(values.prefix, key=True)
    iif: str | None = declared(values.device_name, key=True)
    oif: str | None = declared(values.device_name, key=True)
    fwmark: str | None = declared(parse_fwmark, key=True)
    ip_protocol: int | None = declared(parse_ip_protocol, key=True)
    source_port: str | None = declared(parse_ports, key=True)
    destination_port: str | None = declared(parse_ports, key=True)
    inverted: bool | None = declared(values.boolean, key=True)

    @property
    def title(self) -> str:
        words = [f"{self.priority}", *(["not"] if self.inverted else []), *self._selected()]
        words += ["lookup", str(self.table)] if self.action == "lookup" else [self.action]
        return " ".join(words + (["(IPv6)"] if self.family == 6 else []))

    @classmethod
    def spelled_out(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The action is a lookup, and the family that of the rule's prefixes, unless said otherwise."""
        full = dict(raw)
        full.setdefault("action", "lookup")
        if not full.get("inverted"):
            full.pop("inverted", None)
        prefixes = str(full.get("source") or "") + str(full.get("destination") or "")
        full.setdefault("family", 6 if ":" in prefixes else 4)
        return full

    def faults(self) -> Iterator[str]:
        if self.family == 5:
            yield "family: 5 is not a family; choose 4 or 6"
        if (self.action == "lookup") != (self.table is not None):
            yield "table: goes with action lookup, and only with it"
        for name in ("source", "destination"):
            prefix = getattr(self, name)
            if prefix and values.family(prefix) != self.family:
                yield f"{name}: {prefix} is not of family {self.family}"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Rule]) -> Iterator[Rule]:
        """Rules as the netlink reader gives them: our own field names, and ``protocol``."""
        for raw in reading.rules:
            fields = {name: value for name, value in raw.items() if name != "protocol"}
            yield cls(namespace=reading.namespace, owner=reading.protocol_owner(raw), **fields)

    def after(self) -> tuple[Key, ...]:
        """The table is filled before packets are sent to it."""
        return (("route", self.namespace),)

    def claims(self) -> tuple[Key, ...]:
        return (replace(self, inverted=None).key,)

    def holds(self) -> tuple[Key, ...]:
        """The rules the kernel would take for this one: its inversion, and those that name fewer of its selectors."""
        named = [name for name in _SELECTORS if getattr(self, name) is not None]
        left_out = (some for count in range(len(named) + 1) for some in combinations(named, count))
        return tuple(self._without(names).key for names in left_out)

    def _without(self, names: Sequence[str]) -> Rule:
        nothing: dict[str, Any] = dict.fromkeys(("inverted", *names))
        return replace(self, **nothing)

    def add(self, mark: Mark) -> list[Step]:
        return [self._step("add", "protocol", str(mark.protocol))]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        """Only the mark can differ, and the kernel takes no second rule that differs in nothing else."""
        return [self._step("del"), self._step("add", "protocol", str(mark.protocol))]

    def remove(self, mark: Mark) -> list[Step]:
        return [self._step("del", "protocol", str(mark.protocol))]

    def details(self) -> str:
        return ""

    def _selected(self) -> list[str]:
        words: list[str] = []
        for name in _SELECTORS:
            if getattr(self, name) is not None:
                words += [_WORDS[name], str(getattr(self, name))]
        return words

    def _step(self, verb: str, *signature: str) -> Step:
        words = ["rule", verb, *(["not"] if self.inverted else []), "priority", str(self.priority), *self._selected()]
        words += ["lookup", str(self.table)] if self.action == "lookup" else [self.action]
        return Step("ip6" if self.family == 6 else "ip", self.namespace, (*words, *signature))
