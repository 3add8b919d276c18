# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An uplink that a bridge has taken over: the link is a port of the bridge, and what it carried lives on the bridge.

The addresses and routes of the link are not declared anywhere; they are moved as they are, in lines of one batch that
follow each other, so that a connection over the link goes on. They stay foreign. When the uplink is no longer declared,
whatever foreign addresses and routes the bridge then has move back to the link.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import values
from .address import Address
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, link_key, narrowed
from .route import KERNEL_PROTOCOLS, NextHop, Route


def parse_bridge(value: Any) -> str:
    return "" if value == "" else str(values.device_name(value))


@dataclass(frozen=True)
class Load:
    """What a device carries: its addresses, and the routes that lead over it."""

    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()

    def __str__(self) -> str:
        words = [address.address for address in self.addresses] + [route.title for route in self.routes]
        return " ".join(words) or "nothing"


@dataclass(frozen=True)
class Uplink(Resource):
    kind: ClassVar[str] = "uplink"
    section: ClassVar[str] = "uplinks"
    reads: ClassVar[tuple[str, ...]] = ("links", "routes")
    restorable: ClassVar[bool] = True

    link: str = declared(values.device_name, key=True)
    bridge: str | None = declared(parse_bridge, required=True)

    # Observed only: what the link carries, and what foreign load its bridge carries.
    on_link: Load = Load()
    on_bridge: Load = Load()
    # Declared only: the addresses that the document itself puts on the bridge.
    declared_there: tuple[str, ...] = ()

    def completed(self, others: Mapping[Key, Resource]) -> Uplink:
        there = [o for o in others.values() if isinstance(o, Address) and o.namespace == self.namespace]
        return replace(self, declared_there=tuple(a.address for a in there if a.link == self.bridge))

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Uplink]) -> Iterator[Uplink]:
        masters = {raw["ifname"]: raw.get("master", "") for raw in reading.links}
        for link in sorted({uplink.link for uplink in wanted} & set(masters)):
            yield cls(
                namespace=reading.namespace,
                link=link,
                bridge=masters[link],
                on_link=_load(reading, link),
                on_bridge=_load(reading, masters[link]),
            )

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        seen = narrowed(seen, Uplink)
        found = []
        if self.bridge != seen.bridge:
            found.append(Difference("bridge", seen.bridge, self.bridge))
        for old, load in self._moving(seen).items():
            if load != Load():
                found.append(Difference(f"on {old}", str(load), "nothing"))
        return tuple(found)

    def fixed(self, difference: Difference) -> bool:
        return False

    @property
    def marked(self) -> bool:
        return False

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), link_key(self.namespace, self.link))

    def after(self) -> tuple[Key, ...]:
        return (("link", self.namespace), ("address", self.namespace)) if self.bridge else ()

    def add(self, mark: Mark) -> list[Step]:
        return []

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        """Enslave or free the link, then everything to its new place, and only then away from the old ones."""
        master = ("master", self.bridge) if self.bridge else ("nomaster",)
        steps = [Step("ip", self.namespace, ("link", "set", "dev", self.link, *master))]
        loads = self._moving(narrowed(seen, Uplink))
        for load in loads.values():
            moved = [address for address in load.addresses if address.address not in self.declared_there]
            steps += [_on(address, self._place()).line("replace") for address in moved]
        for old, load in loads.items():
            steps += [_over(route, old, self._place()).line("replace", route.protocol) for route in load.routes]
        for load in loads.values():
            # The last first: the first address of an IPv4 subnet may take the others of its subnet along.
            steps += [address.line_of_removal() for address in reversed(load.addresses)]
        return steps

    def leaves(self, seen: Resource | None) -> list[tuple[str, str]]:
        """The devices, as namespace and name, whose addresses and routes the change of this uplink moves away."""
        return [(self.namespace, old) for old in self._moving(narrowed(seen, Uplink))] if seen else []

    def _place(self) -> str:
        return self.bridge or self.link

    def _moving(self, seen: Uplink) -> dict[str, Load]:
        """What goes to the new place, by the device it is on now: that of the link, and of the bridge it leaves."""
        loads = {self.link: seen.on_link, str(seen.bridge or ""): seen.on_bridge}
        return {old: load for old, load in loads.items() if old not in ("", self._place())}

    def remove(self, mark: Mark) -> list[Step]:
        return []

    def details(self) -> str:
        return f"on {self.bridge}"


def _on(address: Address, link: str) -> Address:
    """The same address on another link. Nobody else had it so far, so that it need not wait to be found unique."""
    label = address.label
    if label is not None:
        renamed = link + label[len(address.link) :]
        label = renamed if label != address.link and len(renamed.encode()) <= values.MAX_NAME_BYTES else None
    nodad = True if values.family(address.address) == 6 else None
    return replace(address, link=link, label=label, nodad=nodad)


def _over(route: Route, old: str, new: str) -> Route:
    hops = tuple(replace(hop, dev=new) if hop.dev == old else hop for hop in route.next_hops or ())
    return replace(route, next_hops=hops)


def _load(reading: Reading, link: str) -> Load:
    """The foreign addresses and routes of a device, but for those the kernel makes and learns by itself."""
    addresses = [
        address
        for address in Address.observe(reading, ())
        if address.link == link and address.owner is None and address.scope == "global" and not _learned(address)
    ]
    routes = [
        route
        for route in Route.observe(reading, ())
        if route.owner is None and route.protocol not in KERNEL_PROTOCOLS and _leads_over(route.next_hops, link)
    ]
    # A route that needs no gateway may be what makes another one's gateway reachable.
    routes.sort(key=lambda route: any(hop.via for hop in route.next_hops or ()))
    return Load(tuple(addresses), tuple(routes))


def _learned(address: Address) -> bool:
    return values.family(address.address) == 6 and address.lifetimes is not None


def _leads_over(hops: tuple[NextHop, ...] | None, link: str) -> bool:
    return any(hop.dev == link for hop in hops or ())
