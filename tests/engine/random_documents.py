# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random documents over a small universe of names, so that two of them meet in many ways. Needs nothing but random."""

from __future__ import annotations

import random
from typing import Any

NAMESPACES = ("", "na", "nb")
NAMES = ("x0", "x1", "x2", "x3")
ADDRESSES = (
    "10.0.0.1/24",
    "10.0.0.2/24",
    "10.0.0.3/24",
    "10.0.1.1/24",
    "10.0.0.1/25",
    "fd00::1/64",
    "fd00::1/96",
    "fd00:1::1/64",
)
GATEWAYS = ("10.0.0.9", "10.0.1.9", "fd00::9", "fd00:1::9")
DESTINATIONS = ("0.0.0.0/0", "10.7.0.0/16", "::/0", "fd07::/32")
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")

Entry = dict[str, Any]


def document(dice: random.Random) -> dict[str, Any]:
    """A document that can be right: what refers to something refers to something declared."""
    homes = ["", *(name for name in NAMESPACES[1:] if dice.random() < 0.7)]
    links = _links(dice, homes)
    addresses = _addresses(dice, links)
    found = {
        "scope": "t",
        "namespaces": [{"name": name} for name in homes if name],
        "links": list(links.values()),
        "addresses": addresses,
        "routes": _routes(dice, links, addresses),
        "rules": _rules(dice, homes),
        "neighbours": _neighbours(dice, links),
    }
    for section in found.values():
        if isinstance(section, list):
            dice.shuffle(section)
    return found


def _links(dice: random.Random, homes: list[str]) -> dict[tuple[str, str], Entry]:
    places = [(home, name) for home in homes for name in NAMES if dice.random() < 0.6]
    dice.shuffle(places)
    found: dict[tuple[str, str], Entry] = {}
    while places:
        place = places.pop()
        kind = dice.choice(("bridge", "tap", "veth", "veth"))
        if kind == "veth" and places:
            other = places.pop()
            found[place], found[other] = _end(place, other), _end(other, place)
        elif kind != "veth":
            found[place] = {"namespace": place[0], "name": place[1], "type": kind}
    for place, entry in found.items():
        _dress(dice, place, entry, found)
    return found


def _end(own: tuple[str, str], other: tuple[str, str]) -> Entry:
    peer = {"namespace": other[0], "name": other[1]} if other[0] else {"name": other[1]}
    return {"namespace": own[0], "name": own[1], "type": "veth", "peer": peer}


def _dress(dice: random.Random, place: tuple[str, str], entry: Entry, links: dict[tuple[str, str], Entry]) -> None:
    if dice.random() < 0.8:
        entry["up"] = dice.random() < 0.8
    if dice.random() < 0.3:
        entry["mtu"] = dice.choice((1400, 1500))
    if dice.random() < 0.3:
        # A bridge takes over a port's MAC, and a declared one must not meet that.
        entry["mac"] = dice.choice(MACS)[:-2] + f"{NAMES.index(place[1])}{NAMESPACES.index(place[0])}"
    bridges = [name for (home, name), other in links.items() if home == place[0] and other["type"] == "bridge"]
    if bridges and entry["type"] != "bridge" and dice.random() < 0.7:
        entry["master"] = dice.choice(["", *bridges])


def _addresses(dice: random.Random, links: dict[tuple[str, str], Entry]) -> list[Entry]:
    found: dict[tuple[str, str, str], Entry] = {}
    for (home, name), _entry in links.items():
        for address in ADDRESSES:
            taken = any(
                key[:2] == (home, name) and key[2].split("/", 1)[0] == address.split("/", 1)[0] for key in found
            )
            if dice.random() < 0.25 and not taken:
                entry = {"namespace": home, "link": name, "address": address}
                found[(home, name, address)] = {**entry, "nodad": True} if ":" in address else entry
    return list(found.values())


def _routes(dice: random.Random, links: dict[tuple[str, str], Entry], addresses: list[Entry]) -> list[Entry]:
    found: dict[tuple[str, str, int], Entry] = {}
    for home in {home for home, _name in links}:
        up = [name for (here, name), entry in links.items() if here == home and entry.get("up")]
        here = [a for a in addresses if a["namespace"] == home]
        usable = [a for a in here if a["link"] in up]
        for destination in DESTINATIONS:
            for table in (254, 100):
                route = _route(dice, destination, up, usable, here) if dice.random() < 0.35 else None
                if route is not None:
                    found[(home, destination, table)] = {**route, "namespace": home, "table": table}
    return list(found.values())


def _route(
    dice: random.Random, destination: str, up: list[str], usable: list[Entry], here: list[Entry]
) -> Entry | None:
    six = ":" in destination
    if dice.random() < 0.2:
        return {"destination": destination, "type": "blackhole"}
    if up and dice.random() < 0.2:
        return {"destination": destination, "type": "unicast", "dev": dice.choice(up)}
    near = [a for a in usable if (":" in a["address"]) == six]
    if not near:
        return None
    address = dice.choice(near)
    route: Entry = {"destination": destination, "type": "unicast", "dev": address["link"]}
    if dice.random() < 0.6:
        route["via"] = _neighbour_of(address["address"])
        if dice.random() < 0.5 and len({a["link"] for a in here if _subnet(a) == _subnet(address)}) == 1:
            del route["dev"]
    if dice.random() < 0.3:
        route["source"] = address["address"].split("/", 1)[0]
    return route


def _neighbour_of(address: str) -> str:
    return address.split("/", maxsplit=1)[0][:-1] + "9"


def _subnet(address: Entry) -> str:
    return str(address["address"].split("/", 1)[0][:-1])


def _rules(dice: random.Random, homes: list[str]) -> list[Entry]:
    found: dict[str, Entry] = {}
    for home in homes:
        for priority in (100, 101):
            selectors: list[Entry] = [
                {},
                {"source": "10.0.0.0/24"},
                {"source": "10.0.1.0/24"},
                {"iif": "x0"},
                {"family": 6},
            ]
            for entry in dice.sample(selectors, 1) if dice.random() < 0.5 else []:
                found[f"{home}{priority}"] = {**entry, "namespace": home, "priority": priority, "table": 100}
    return list(found.values())


def _neighbours(dice: random.Random, links: dict[tuple[str, str], Entry]) -> list[Entry]:
    found = []
    for home, name in links:
        for address in ("10.0.0.77", "fd00::77"):
            if dice.random() < 0.15:
                found.append({"namespace": home, "link": name, "address": address, "mac": dice.choice(MACS)})
            elif dice.random() < 0.1:
                found.append({"namespace": home, "link": name, "address": address, "proxy": True, "announce": True})
    return found
