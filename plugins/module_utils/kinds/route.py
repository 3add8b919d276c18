# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of both families in any table, with one next hop, several (ECMP), or none (blackhole and its kin).

The mark is the route's protocol number.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, link_key, narrowed

TYPES = ("unicast", "local", "blackhole", "unreachable", "prohibit", "throw")
_TYPE_NUMBERS = {"1": "unicast", "2": "local", "6": "blackhole", "7": "unreachable", "8": "prohibit", "9": "throw"}
_SCOPES = {"0": "global", "253": "link", "254": "host"}
MAIN_TABLE = 254
LOCAL_TABLE = 255
IPV6_METRIC = 1024
# What the kernel makes by itself: redirects, connected routes, routes learned from router advertisements.
KERNEL_PROTOCOLS = (1, 2, 9)


@dataclass(frozen=True, order=True)
class NextHop:
    """Where a route leads: a gateway, a link, or a gateway on a link."""

    via: str = ""
    dev: str = ""
    weight: int = 1
    onlink: bool = False

    def __str__(self) -> str:
        words = [f"via {self.via}" if self.via else "", f"dev {self.dev}" if self.dev else ""]
        words += [f"weight {self.weight}" if self.weight > 1 else "", "onlink" if self.onlink else ""]
        return " ".join(word for word in words if word)

    def words(self, family: int) -> list[str]:
        words: list[str] = []
        if self.via:
            words += ["via", *(["inet6"] if values.family(self.via) > family else []), self.via]
        words += ["dev", self.dev] if self.dev else []
        return words + (["onlink"] if self.onlink else [])


def parse_next_hop(value: Any) -> NextHop:
    if not isinstance(value, Mapping) or set(value) - {"via", "dev", "weight", "onlink"} or not value:
        raise ValueError(f"{value!r} is no next hop; write {{via: 192.0.2.1, dev: br0, weight: 1}}")
    return NextHop(
        values.ip(value["via"]) if value.get("via") else "",
        values.device_name(value["dev"]) if value.get("dev") else "",
        values.integer(1, 256)(value.get("weight", 1)),
        values.boolean(value.get("onlink", False)),
    )


def parse_destination(value: Any) -> str:
    if value == "default":
        raise ValueError("'default' does not say which family; write 0.0.0.0/0 or ::/0")
    return str(values.prefix(value))


@dataclass(frozen=True)
class Route(Resource):
    kind: ClassVar[str] = "route"
    section: ClassVar[str] = "routes"
    reads: ClassVar[tuple[str, ...]] = ("routes",)

    destination: str = declared(parse_destination, key=True)
    table: int = declared(values.integer(1, 4_294_967_295), key=True)
    metric: int = declared(values.integer(0, 4_294_967_295), key=True)
    type: str | None = declared(values.choice(*TYPES))
    next_hops: tuple[NextHop, ...] | None = declared(values.listing(parse_next_hop))
    source: str | None = declared(values.ip)
    scope: str | None = declared(values.choice("global", "link", "host"))
    mtu: int | None = declared(values.integer(68, 65535))

    # Observed only: the protocol number, which says who made the route.
    protocol: int = 0

    @property
    def family(self) -> int:
        return values.family(self.destination)

    @property
    def title(self) -> str:
        words = ["default" if self.destination in ("0.0.0.0/0", "::/0") else self.destination]
        if self.destination == "::/0":
            words[0] = "default (IPv6)"
        words += [f"table {self.table}"] if self.table != MAIN_TABLE else []
        words += [f"metric {self.metric}"] if self.metric != default_metric(self.destination) else []
        return " ".join(words)

    @classmethod
    def spelled_out(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """Short forms in full: ``via`` and ``dev`` beside the destination, ``default``, table and metric left out."""
        full = dict(raw)
        short = {name: full.pop(name) for name in ("via", "dev", "onlink") if name in full}
        if short and "next_hops" not in full:
            full["next_hops"] = [short]
        elif short:
            raise ValueError(f"{', '.join(sorted(short))} and next_hops exclude each other; put them into next_hops")
        if full.get("destination") == "default":
            hops = full["next_hops"] if isinstance(full.get("next_hops"), list) else []
            vias = [str(hop.get("via", "")) for hop in hops if isinstance(hop, Mapping)]
            full["destination"] = "::/0" if any(":" in via for via in vias) else "0.0.0.0/0"
        full.setdefault("table", MAIN_TABLE)
        full.setdefault("metric", default_metric(str(full.get("destination"))))
        return full

    def faults(self) -> Iterator[str]:
        leads = self.type in (None, "unicast", "local")
        if leads and not self.next_hops:
            yield "next_hops: is missing; name at least one via or dev, or choose type blackhole"
        if not leads and self.next_hops:
            yield f"next_hops: have no meaning for type {self.type}"
        for hop in self.next_hops or ():
            if hop.via and self.family == 6 and values.family(hop.via) == 4:
                yield f"next_hops: {hop.via} is IPv4 and {self.destination} is IPv6"
        if self.source and values.family(self.source) != self.family:
            yield f"source: {self.source} and {self.destination} are of different families"
        if len(self.next_hops or ()) == 1 and self.next_hops and self.next_hops[0].weight > 1:
            yield "next_hops: a weight means something among several next hops only; leave it out"
        if self.family == 6 and self.scope is not None:
            yield "scope: belongs to IPv4; leave it out"
        if self.family == 6 and self.metric == 0:
            yield f"metric: 0 means {IPV6_METRIC} in IPv6; write that, or leave it out"
        if self.table == LOCAL_TABLE:
            yield "table: 255 (local) is the kernel's own; choose another"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Route]) -> Iterator[Route]:
        for raw in reading.routes:
            if int(raw["table"]) != LOCAL_TABLE and raw["type"] in _TYPE_NUMBERS:
                yield _observed(raw, reading)

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        """Where a next hop does not say its link, the kernel has chosen one."""
        seen = narrowed(seen, Route)
        if self.next_hops and seen.next_hops and _agree(self.next_hops, seen.next_hops):
            seen = replace(seen, next_hops=self.next_hops)
        return super().differences(seen)

    def parents(self) -> tuple[Key, ...]:
        links = tuple(link_key(self.namespace, hop.dev) for hop in self.next_hops or () if hop.dev)
        return (*super().parents(), *links)

    def after(self) -> tuple[Key, ...]:
        """A gateway must be reachable: the namespace's addresses, and its routes without a gateway, come first."""
        keys: list[Key] = [("address", self.namespace), ("link", self.namespace)]
        if self._has_gateway():
            keys.append(("route", self.namespace, "direct"))
        return tuple(keys)

    def groups(self) -> tuple[Key, ...]:
        direct = () if self._has_gateway() else (("route", self.namespace, "direct"),)
        return (*super().groups(), *direct)

    def claims(self) -> tuple[Key, ...]:
        """Every subnet that may hold a gateway whose link is left to the kernel."""
        networks = (
            network for hop in self.next_hops or () if hop.via and not hop.dev for network in _networks(hop.via)
        )
        return tuple(("gateways", self.namespace, network) for network in networks)

    def add(self, mark: Mark) -> list[Step]:
        return [self.line("add", mark.protocol)]

    def remade(self, mark: Mark) -> list[Step]:
        return [self.line("replace", mark.protocol)]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [self._merged(seen).line("replace", mark.protocol)]

    def remove(self, mark: Mark) -> list[Step]:
        words = ("route", "del", *self._type_words(), self.destination, *self._place())
        return [Step("ip", self.namespace, words)]

    def details(self) -> str:
        words = [] if self.type in (None, "unicast") else [str(self.type)]
        words += [str(hop) for hop in self.next_hops or ()]
        words += [f"src {self.source}"] if self.source else []
        words += [f"mtu {self.mtu}"] if self.mtu else []
        return ", ".join(words)

    def _merged(self, seen: Resource) -> Route:
        """What is declared, over what is there: a replacement must not lose what the document does not mention."""
        seen = narrowed(seen, Route)
        names = ["source", "mtu"]
        if (self.type or "unicast", self._has_gateway()) == (seen.type, seen._has_gateway()):
            # The scope of a route to a device does not fit a gateway, nor that of one type another.
            names.append("scope")
        return replace(self, **{name: getattr(seen, name) for name in names if getattr(self, name) is None})

    def _has_gateway(self) -> bool:
        return any(hop.via for hop in self.next_hops or ())

    def _type_words(self) -> tuple[str, ...]:
        return (self.type,) if self.type and self.type != "unicast" else ()

    def _place(self) -> list[str]:
        words = ["table", str(self.table)]
        return words + (["metric", str(self.metric)] if self.metric else [])

    def line(self, verb: str, protocol: int) -> Step:
        """One line of ``ip route`` that makes or replaces this route."""
        words = ["route", verb, *self._type_words(), self.destination, *self._place(), "proto", str(protocol)]
        if self.source:
            words += ["src", self.source]
        if self.scope and self.family == 4:
            words += ["scope", self.scope]
        if self.mtu:
            words += ["mtu", str(self.mtu)]
        hops = self.next_hops or ()
        if len(hops) == 1:
            words += hops[0].words(self.family)
        else:
            for hop in hops:
                words += ["nexthop", *hop.words(self.family), "weight", str(hop.weight)]
        return Step("ip", self.namespace, tuple(words))


def _agree(want: Sequence[NextHop], seen: Sequence[NextHop]) -> bool:
    """Whether the declared next hops are the observed ones, each with or without its link."""
    left = list(seen)
    for hop in want:
        fitting = next((other for other in left if hop in (other, replace(other, dev=""))), None)
        if fitting is None:
            return False
        left.remove(fitting)
    return not left


def _networks(gateway: str) -> Iterator[str]:
    for length in range(ipaddress.ip_address(gateway).max_prefixlen + 1):
        yield str(ipaddress.ip_network(f"{gateway}/{length}", strict=False))


def default_metric(destination: str) -> int:
    """The metric the kernel gives a route that names none."""
    return IPV6_METRIC if values.family(destination) == 6 else 0


def _observed(raw: Mapping[str, Any], reading: Reading) -> Route:
    hops = raw.get("nexthops") or ([raw] if "dev" in raw or "gateway" in raw or "via" in raw else [])
    kind = _TYPE_NUMBERS[raw["type"]]
    destination = raw["dst"]
    if destination == "default":
        destination = "::/0" if _is_ipv6(raw, hops) else "0.0.0.0/0"
    elif "/" not in destination:
        destination += "/128" if ":" in destination else "/32"
    leads = kind in ("unicast", "local")
    return Route(
        namespace=reading.namespace,
        destination=destination,
        table=int(raw["table"]),
        metric=int(raw.get("metric", 0)),
        type=kind,
        next_hops=tuple(sorted(_next_hop(hop) for hop in hops)) if leads else None,
        source=raw.get("prefsrc"),
        scope=_SCOPES.get(str(raw.get("scope", "0")), "global"),
        mtu=next((entry["mtu"] for entry in raw.get("metrics", ()) if "mtu" in entry), None),
        owner=reading.protocol_owner(raw),
        protocol=int(raw["protocol"]),
    )


def _is_ipv6(raw: Mapping[str, Any], hops: Sequence[Mapping[str, Any]]) -> bool:
    """The family of a default route: only IPv6 routes carry a router preference."""
    return "pref" in raw or any(":" in hop.get("gateway", "") for hop in hops)


def _next_hop(raw: Mapping[str, Any]) -> NextHop:
    via = raw.get("gateway") or raw.get("via", {}).get("host", "")
    return NextHop(via, raw.get("dev", ""), int(raw.get("weight", 1)), "onlink" in raw.get("flags", ()))
