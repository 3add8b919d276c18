# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An uplink that a bridge has taken over: the link is a port of the bridge, and what it carried lives on the bridge.

The addresses and routes of the link are not declared anywhere; they are moved as they are, in lines of one batch that
follow each other, so that a connection over the link goes on. They stay foreign. When the uplink is no longer declared,
whatever foreign addresses and routes the bridge then has move back to the link.

A bridge of Open vSwitch is no device that could carry them. There they live on a leg: one end of a veth pair of ours,
whose other end is a port of the bridge. The addresses are on both devices for a moment, and answers go out by the link
itself until the leg can take them; the way back is the same in reverse. The leg has the link's MAC address and knows
its neighbours, so that nobody has to ask for anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from .. import ovsdb, values
from .address import Address
from .base import (
    HOST,
    Difference,
    Key,
    Mark,
    Reading,
    Resource,
    Step,
    declared,
    ingress_claim,
    link_key,
    narrowed,
    port_claim,
)
from .link import Link
from .ovs_port import OvsPort
from .route import KERNEL_PROTOCOLS, NextHop, Route

# The states of a neighbour that answers, or has answered.
_FOUND = {"REACHABLE", "STALE", "DELAY", "PROBE"}


def parse_bridge(value: Any) -> str:
    return "" if value == "" else str(values.device_name(value))


@dataclass(frozen=True)
class Load:
    """What a device carries: its addresses, the routes that lead over it, and the neighbours found behind it."""

    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    stations: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        words = [address.address for address in self.addresses] + [route.title for route in self.routes]
        return " ".join(words) or "nothing"


@dataclass(frozen=True)
class Uplink(Resource):
    kind: ClassVar[str] = "uplink"
    section: ClassVar[str] = "uplinks"
    reads: ClassVar[tuple[str, ...]] = ("links", "routes", "stations", "ovs")
    restorable: ClassVar[bool] = True

    link: str = declared(values.device_name, key=True)
    bridge: str | None = declared(parse_bridge, required=True)
    leg: str | None = declared(parse_bridge)

    # Observed only: what the link carries, and what foreign load its bridge or leg carries; the link's MAC address,
    # whether it is a port of a Linux bridge, and whether its leg is gone, so that a new one must look like the link.
    on_link: Load = Load()
    on_bridge: Load = Load()
    mac: str = ""
    is_slave: bool = False
    leg_gone: bool = False
    # Declared only: the addresses that the document itself puts on the bridge or leg, whether it gives the leg a MAC
    # address, and the ports that the link and the leg's other end are to be.
    declared_there: tuple[str, ...] = ()
    leg_has_mac: bool = False
    port: OvsPort | None = None
    leg_port: Key | None = None

    def completed(self, others: Mapping[Key, Resource]) -> Uplink:
        there = [o for o in others.values() if isinstance(o, Address) and o.namespace == self.namespace]
        found = replace(self, declared_there=tuple(a.address for a in there if a.link == self._place()))
        leg, port = others.get(link_key(HOST, self.leg or "")), others.get(("ovs_port", HOST, self.link))
        if not self.leg or not isinstance(leg, Link) or not isinstance(port, OvsPort):
            return found
        leg_port = ("ovs_port", HOST, leg.peer[1]) if leg.peer else None
        return replace(found, leg_has_mac=leg.mac is not None, port=port, leg_port=leg_port)

    def faults(self) -> Iterator[str]:
        if self.leg and self.namespace:
            yield "leg: goes with a bridge of Open vSwitch, which is the host's; leave out namespace"
        if self.leg and not self.bridge:
            yield "bridge: is missing; a leg leads to one"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Uplink]) -> Iterator[Uplink]:
        links = {raw["ifname"]: raw for raw in reading.links}
        switched = ovsdb.ports(reading.ovs)
        for link in sorted({uplink.link for uplink in wanted} & set(links)):
            bridge, ids = switched.get(link, (links[link].get("master", ""), ()))
            leg = dict(ids).get(ovsdb.LEG, "")
            yield cls(
                namespace=reading.namespace,
                link=link,
                bridge=bridge,
                leg=leg,
                mac=links[link].get("address", ""),
                is_slave="master" in links[link] and link not in switched,
                leg_gone=bool(leg) and leg not in links,
                on_link=_load(reading, link),
                on_bridge=_load(reading, leg or bridge),
            )

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        seen = narrowed(seen, Uplink)
        found = []
        if self.bridge != seen.bridge:
            found.append(Difference("bridge", seen.bridge, self.bridge))
        if (self.leg or "") != (seen.leg or ""):
            found.append(Difference("leg", seen.leg, self.leg))
        elif self.leg and seen.leg_gone:
            found.append(Difference("leg", "without its device", self.leg))
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
        if not self.bridge:
            return ()
        groups: tuple[Key, ...] = (("link", self.namespace), ("address", self.namespace))
        if not self.leg:
            return groups
        bridge = ("ovs_bridge", HOST, self.bridge)
        return (*groups, link_key(HOST, self.leg), bridge, *([self.leg_port] if self.leg_port else []))

    def claims(self) -> tuple[Key, ...]:
        """Its place in one bridge, and on its own again that nobody drops what comes in by it."""
        return (port_claim(self.link),) if self.bridge else (ingress_claim(self.namespace),)

    def holds(self) -> tuple[Key, ...]:
        return ()

    def add(self, mark: Mark) -> list[Step]:
        return []

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        """Enslave or free the link, then everything to its new place, and only then away from the old ones."""
        seen = narrowed(seen, Uplink)
        loads = self._moving(seen)
        arriving = self._arriving(loads, bool(self.leg or seen.leg))
        leaving = self._leaving(loads)
        if self.leg:
            freed = [self._enslaved("")] if seen.is_slave else []
            return [*self._dressed_leg(seen), *arriving, *freed, *self._plugged_in(mark), *leaving]
        if seen.leg and not self.bridge:
            # The port is removed as an object of its own, afterwards.
            return arriving + leaving
        return [self._enslaved(str(self.bridge)), *arriving, *leaving]

    def _enslaved(self, master: str) -> Step:
        words = ("master", master) if master else ("nomaster",)
        return Step("ip", self.namespace, ("link", "set", "dev", self.link, *words))

    def _arriving(self, loads: Mapping[str, Load], with_stations: bool) -> list[Step]:
        steps = []
        for load in loads.values():
            moved = [address for address in load.addresses if address.address not in self.declared_there]
            steps += [_on(address, self._place()).line("replace") for address in moved]
            for address, mac in load.stations if with_stations else ():
                words = ("neigh", "replace", address, "dev", self._place(), "lladdr", mac, "nud", "stale")
                steps.append(Step("ip", self.namespace, words))
        return steps

    def _leaving(self, loads: Mapping[str, Load]) -> list[Step]:
        steps = []
        for old, load in loads.items():
            steps += [_over(route, old, self._place()).line("replace", route.protocol) for route in load.routes]
        for load in loads.values():
            # The last first: the first address of an IPv4 subnet may take the others of its subnet along.
            steps += [address.line_of_removal() for address in reversed(load.addresses)]
        return steps

    def _dressed_leg(self, seen: Uplink) -> list[Step]:
        """The leg as the link looked from outside."""
        if self.leg_has_mac or not seen.mac:
            return []
        return [Step("ip", HOST, ("link", "set", "dev", str(self.leg), "address", seen.mac))]

    def _plugged_in(self, mark: Mark) -> list[Step]:
        """The link as a port, with all that is declared of it, and the leg that it has."""
        if self.port is None:
            return []
        leg = ovsdb.set_words("Port", self.link, ovsdb.assignments("external_ids", ((ovsdb.LEG, str(self.leg)),)))
        return [Step("ovs", HOST, (*self.port.plugged_in(mark), *leg))]

    def moves(self, seen: Resource | None) -> dict[str, str]:
        """The devices whose addresses and routes the change of this uplink moves away, each with the one they go to."""
        return dict.fromkeys(self._moving(narrowed(seen, Uplink)), self._place()) if seen else {}

    def moved(self, seen: Resource | None) -> dict[Key, Resource]:
        """What the change of this uplink moves, by the key it has now, as it is at its new place."""
        found: dict[Key, Resource] = {}
        for old, load in self._moving(narrowed(seen, Uplink)).items() if seen else ():
            found.update((address.key, _on(address, self._place())) for address in load.addresses)
            found.update((route.key, _over(route, old, self._place())) for route in load.routes)
        return found

    def _place(self) -> str:
        return self.leg or self.bridge or self.link

    def _moving(self, seen: Uplink) -> dict[str, Load]:
        """What goes to the new place, by the device it is on now: the link, and the bridge or leg that it leaves."""
        loads = {self.link: seen.on_link, str(seen.leg or seen.bridge or ""): seen.on_bridge}
        return {old: load for old, load in loads.items() if old not in ("", self._place())}

    def remove(self, mark: Mark) -> list[Step]:
        return []

    def details(self) -> str:
        return f"on {self.bridge}, leg {self.leg}" if self.leg else f"on {self.bridge}"


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
    stations = [
        (raw["dst"], raw["lladdr"])
        for raw in reading.stations
        if raw["dev"] == link and "lladdr" in raw and set(raw.get("state", ())) & _FOUND
    ]
    return Load(tuple(addresses), tuple(routes), tuple(stations))


def _learned(address: Address) -> bool:
    return values.family(address.address) == 6 and address.lifetimes is not None


def _leads_over(hops: tuple[NextHop, ...] | None, link: str) -> bool:
    return any(hop.dev == link for hop in hops or ())
