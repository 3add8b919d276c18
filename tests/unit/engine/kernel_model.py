# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small kernel: it takes the lines of ``ip`` that a plan causes, refuses what the kernel refuses, and does by itself
what the kernel does by itself. What it then holds can be observed as the engine observes a host."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.address import Address
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import (
    Key,
    Resource,
    Step,
    alias_label,
    alias_owner,
)
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.link import Link
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.namespace import Namespace
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.neighbour import Neighbour
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.route import NextHop, Route
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.rule import Rule

Place = tuple[str, str]
HOST = ""


class Refused(Exception):
    """The kernel does not do that."""


@dataclass
class Device:
    kind: str
    alias: str | None = None
    master: str = ""
    mtu: int = 1500
    up: bool = False
    peer: Place | None = None
    mac: str = ""
    # In the kernel's order: the first address of an IPv4 subnet is its primary one.
    addresses: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Path:
    """A route's content, apart from where it stands."""

    hops: tuple[NextHop, ...]
    source: str | None
    protocol: int
    type: str


@dataclass
class Kernel:
    """promote: whether the other addresses of an IPv4 subnet outlive the first one."""

    promote: bool = False
    namespaces: dict[str, dict[str, Device]] = field(
        default_factory=lambda: {HOST: {"lo": Device("loopback", up=True)}}
    )
    routes: dict[tuple[str, str, int, int], Path] = field(default_factory=dict)
    rules: list[tuple[str, tuple[str, ...], int]] = field(default_factory=list)
    neighbours: dict[tuple[str, str, str, bool], tuple[str, int]] = field(default_factory=dict)

    def run(self, step: Step) -> None:
        """One line of ``ip`` in its namespace."""
        if step.namespace not in self.namespaces:
            raise Refused(f"no namespace {step.namespace}")
        words = list(step.words)
        if step.tool == "announce":
            if (step.namespace, *words, True) not in self.neighbours:
                raise Refused(f"{words[1]} is announced, and nobody answers for it")
            return
        command: Callable[..., None] = getattr(self, "_".join(["", *words[:2]]))
        command(step.namespace, words[2:], 6 if step.tool == "ip6" else 4)

    # Namespaces

    def _netns_add(self, _here: str, words: Sequence[str], _family: int) -> None:
        if words[0] in self.namespaces:
            raise Refused("exists")
        self.namespaces[words[0]] = {"lo": Device("loopback")}

    def _netns_del(self, _here: str, words: Sequence[str], _family: int) -> None:
        if words[0] not in self.namespaces:
            raise Refused("no such namespace")
        for name in list(self.namespaces[words[0]]):
            if name in self.namespaces[words[0]]:
                self._unregister(words[0], name)
        del self.namespaces[words[0]]
        self.rules = [rule for rule in self.rules if rule[0] != words[0]]
        for routes in (self.routes, self.neighbours):
            for key in [key for key in routes if key[0] == words[0]]:
                del routes[key]  # type: ignore[attr-defined]

    # Links

    def _link_add(self, here: str, words: Sequence[str], _family: int) -> None:
        place = list(words).index("type")
        own = dict(zip(words[:place:2], words[1:place:2]))
        name, home, kind = own["name"], own.get("netns", here), words[place + 1]
        peer = None
        if kind == "veth":
            far = dict(zip(words[place + 3 :: 2], words[place + 4 :: 2]))
            peer = (far.get("netns", here), far["name"])
            self._free(*peer)
        self._free(home, name)
        self.namespaces[home][name] = Device(kind, peer=peer, mtu=int(own.get("mtu", "1500")))
        if peer:
            self.namespaces[peer[0]][peer[1]] = Device(kind, peer=(home, name))

    def _tuntap_add(self, here: str, words: Sequence[str], _family: int) -> None:
        self._free(here, words[1])
        self.namespaces[here][words[1]] = Device("tap")

    def _link_del(self, here: str, words: Sequence[str], _family: int) -> None:
        self._device(here, words[1])
        self._unregister(here, words[1])

    def _link_set(self, here: str, words: Sequence[str], _family: int) -> None:
        device = self._device(here, words[1])
        rest = list(words[2:])
        while rest:
            word = rest.pop(0)
            if word in ("up", "down"):
                device.up = word == "up"
                if word == "down":
                    self._set_down(here, words[1])
            elif word == "nomaster":
                device.master = ""
            elif word == "master":
                master = self._device(here, rest.pop(0))
                if master.kind != "bridge" or device.kind == "bridge":
                    raise Refused("not a bridge, or a bridge in a bridge")
                device.master = next(n for n, d in self.namespaces[here].items() if d is master)
            elif word == "alias":
                device.alias = rest.pop(0)
            elif word == "mtu":
                device.mtu = int(rest.pop(0))
            elif word == "address":
                self._readdress(here, words[1], rest.pop(0))
            else:
                raise Refused(f"link set {word}")

    def _set_down(self, here: str, name: str) -> None:
        """IPv6 addresses and all routes over the link are lost."""
        device = self.namespaces[here][name]
        device.addresses = [entry for entry in device.addresses if ":" not in entry[0]]
        self._drop_neighbours(lambda key: key[:2] == (here, name))
        self._drop_routes(lambda key, path: key[0] == here and any(hop.dev == name for hop in path.hops))

    def _readdress(self, here: str, name: str, mac: str) -> None:
        device = self.namespaces[here][name]
        if device.mac != mac:
            self._drop_neighbours(lambda key: key[:2] == (here, name) and not key[3])
        device.mac = mac

    def _unregister(self, here: str, name: str) -> None:
        device = self.namespaces[here].pop(name)
        for other in self.namespaces[here].values():
            if other.master == name:
                other.master = ""
        self._drop_routes(lambda key, path: key[0] == here and any(hop.dev == name for hop in path.hops))
        self._drop_neighbours(lambda key: key[:2] == (here, name))
        for address, _protocol in device.addresses:
            self._after_address(here, name, address)
        if device.peer and device.peer[1] in self.namespaces.get(device.peer[0], {}):
            self._unregister(*device.peer)

    def _free(self, home: str, name: str) -> None:
        if home not in self.namespaces:
            raise Refused(f"no namespace {home}")
        if name in self.namespaces[home]:
            raise Refused(f"{name} exists")

    def _device(self, here: str, name: str) -> Device:
        if name not in self.namespaces[here]:
            raise Refused(f"no device {name}")
        return self.namespaces[here][name]

    # Addresses

    def _addr_replace(self, here: str, words: Sequence[str], _family: int) -> None:
        device = self._device(here, _after(words, "dev"))
        device.addresses = [
            entry for entry in device.addresses if _host(entry[0]) != _host(words[0]) or ":" not in words[0]
        ]
        if words[0] not in [address for address, _protocol in device.addresses]:
            device.addresses.append((words[0], int(_after(words, "proto", "0"))))

    def _addr_change(self, here: str, words: Sequence[str], _family: int) -> None:
        device = self._device(here, _after(words, "dev"))
        number = [address for address, _protocol in device.addresses].index(words[0])
        device.addresses[number] = (words[0], int(_after(words, "proto", "0")))

    def _addr_del(self, here: str, words: Sequence[str], _family: int) -> None:
        name = _after(words, "dev")
        device = self._device(here, name)
        if words[0] not in [address for address, _protocol in device.addresses]:
            raise Refused("no such address")
        gone = [words[0]]
        if not self.promote and words[0] in self._primaries(device):
            subnet = _network(words[0])
            gone += [a for a, _p in device.addresses if a != words[0] and ":" not in a and _network(a) == subnet]
        for address in reversed(gone):
            device.addresses = [entry for entry in device.addresses if entry[0] != address]
            self._after_address(here, name, address)

    def _primaries(self, device: Device) -> list[str]:
        first: dict[str, str] = {}
        for address, _protocol in device.addresses:
            if ":" not in address:
                first.setdefault(_network(address), address)
        return list(first.values())

    def _after_address(self, here: str, name: str, address: str) -> None:
        """What an address takes along: routes that have it as their source, and those of a link without IPv4."""
        own = _host(address)
        device = self.namespaces[here].get(name)
        elsewhere = any(_host(a) == own for d in self.namespaces[here].values() for a, _p in d.addresses)
        if ":" in address:
            for key, path in self.routes.items():
                if key[0] == here and path.source == own and not elsewhere:
                    self.routes[key] = replace(path, source=None)
            return
        if not elsewhere:
            self._drop_routes(lambda key, path: key[0] == here and path.source == own)
        if device is not None and not any(":" not in a for a, _p in device.addresses):
            self._drop_neighbours(lambda key: key[:2] == (here, name) and ":" not in key[2])
            self._drop_routes(
                lambda key, path: key[0] == here and ":" not in key[1] and any(hop.dev == name for hop in path.hops)
            )

    # Routes

    def _route_add(self, here: str, words: Sequence[str], _family: int) -> None:
        key, path = self._route(here, words)
        if key in self.routes:
            raise Refused("route exists")
        self.routes[key] = path

    def _route_replace(self, here: str, words: Sequence[str], _family: int) -> None:
        key, path = self._route(here, words)
        self.routes[key] = path

    def _route_del(self, here: str, words: Sequence[str], _family: int) -> None:
        words = [word for word in words if word != "blackhole"]
        key = _route_key(here, words)
        if key not in self.routes:
            raise Refused("no such route")
        del self.routes[key]

    def _route(self, here: str, words: Sequence[str]) -> tuple[tuple[str, str, int, int], Path]:
        kind = "blackhole" if words[0] == "blackhole" else "unicast"
        words = words[1:] if kind == "blackhole" else words
        source = _after(words, "src", "") or None
        if source and not any(_host(a) == source for d in self.namespaces[here].values() for a, _p in d.addresses):
            raise Refused(f"{source} is not ours")
        hops = tuple(sorted(self._hop(here, part) for part in _hop_words(words))) if kind == "unicast" else ()
        for hop in hops:
            device = self._device(here, hop.dev)
            if not device.up:
                raise Refused(f"{hop.dev} is down")
        return _route_key(here, words), Path(hops, source, int(_after(words, "proto")), kind)

    def _hop(self, here: str, words: Sequence[str]) -> NextHop:
        via, dev = _after(words, "via", ""), _after(words, "dev", "")
        if via:
            found = [name for name in self._reaching(here, via) if dev in ("", name)]
            if not found:
                raise Refused(f"{via} is not reachable")
            dev = found[0]
        return NextHop(via, dev, int(_after(words, "weight", "1")))

    def _reaching(self, here: str, gateway: str) -> Iterator[str]:
        target = ipaddress.ip_address(gateway)
        for name, device in self.namespaces[here].items():
            networks = [ipaddress.ip_interface(address).network for address, _protocol in device.addresses]
            if device.up and any(target in network for network in networks):
                yield name

    def _drop_neighbours(self, lost: Callable[[tuple[str, str, str, bool]], bool]) -> None:
        self.neighbours = {key: value for key, value in self.neighbours.items() if not lost(key)}

    def _drop_routes(self, lost: Callable[[tuple[str, str, int, int], Path], bool]) -> None:
        self.routes = {key: path for key, path in self.routes.items() if not lost(key, path)}

    # Rules

    def _rule_add(self, here: str, words: Sequence[str], family: int) -> None:
        content, protocol = _rule_content(words, family)
        for place, other, _protocol in self.rules:
            if place == here and _is_covered(content, other):
                raise Refused("rule exists")
        self.rules.append((here, content, protocol))

    def _rule_del(self, here: str, words: Sequence[str], family: int) -> None:
        content, protocol = _rule_content(words, family)
        for number, (place, other, owner) in enumerate(self.rules):
            if place == here and set(content) <= set(other) and protocol in (0, owner):
                del self.rules[number]
                return
        raise Refused("no such rule")

    # Neighbours

    def _neigh_replace(self, here: str, words: Sequence[str], _family: int) -> None:
        key = self._neighbour_key(here, words)
        self._device(here, key[1])
        self.neighbours[key] = (_after(words, "lladdr", ""), int(_after(words, "protocol")))

    def _neigh_del(self, here: str, words: Sequence[str], _family: int) -> None:
        key = self._neighbour_key(here, words)
        if key not in self.neighbours:
            raise Refused("no such neighbour")
        del self.neighbours[key]

    def _neighbour_key(self, here: str, words: Sequence[str]) -> tuple[str, str, str, bool]:
        proxy = words[0] == "proxy"
        return here, _after(words, "dev"), words[1] if proxy else words[0], proxy

    # What the engine sees

    def observed(self, scope: str, number: int, unsigned_addresses: set[Key]) -> dict[Key, Resource]:
        """The objects as the engine reads them; those addresses are ours, too, that could not be signed."""
        found = [*self._observed_links(scope), *self._observed_addresses(scope, number, unsigned_addresses)]
        for (here, destination, table, metric), path in self.routes.items():
            found.append(
                Route(
                    namespace=here,
                    destination=destination,
                    table=table,
                    metric=metric,
                    type=path.type,
                    next_hops=path.hops if path.type == "unicast" else None,
                    source=path.source,
                    scope="global",
                    owner=scope if path.protocol == number else None,
                    protocol=path.protocol,
                )
            )
        for here, content, protocol in self.rules:
            found.append(_observed_rule(here, content, scope if protocol == number else None))
        for (here, link, address, proxy), (mac, protocol) in self.neighbours.items():
            owner = scope if protocol == number else None
            found.append(
                Neighbour(namespace=here, link=link, address=address, proxy=proxy, mac=mac or None, owner=owner)
            )
        return {resource.key: resource for resource in found}

    def _observed_links(self, scope: str) -> Iterator[Resource]:
        for here, devices in self.namespaces.items():
            if here:
                yield Namespace(name=here, owner=alias_owner(devices["lo"].alias))
            for name, device in devices.items():
                kind = "physical" if device.kind == "loopback" else device.kind
                yield Link(
                    namespace=here,
                    name=name,
                    type=kind,
                    label=alias_label(device.alias),
                    mac=device.mac or None,
                    mtu=device.mtu,
                    up=device.up,
                    master=device.master,
                    peer=device.peer,
                    owner=alias_owner(device.alias) if kind != "physical" else None,
                    index=1,
                )

    def _observed_addresses(self, scope: str, number: int, unsigned: set[Key]) -> Iterator[Resource]:
        for here, devices in self.namespaces.items():
            for name, device in devices.items():
                first: dict[str, str] = {}
                for address, protocol in device.addresses:
                    primary = None
                    if ":" not in address:
                        leader = first.setdefault(_network(address), address)
                        primary = leader if leader != address else None
                    ours = protocol == number or ("address", here, name, address) in unsigned
                    yield Address(
                        namespace=here,
                        link=name,
                        address=address,
                        primary=primary,
                        scope="global",
                        nodad=True if ":" in address else None,
                        owner=scope if ours else None,
                    )

    def content(self) -> dict[str, Any]:
        """All of it in a comparable form, without the order in which it came about."""
        devices = {
            (here, name): (d.kind, d.alias, d.master, d.mtu, d.up, d.peer, d.mac, sorted(d.addresses))
            for here, found in self.namespaces.items()
            for name, d in found.items()
        }
        return {
            "devices": devices,
            "routes": dict(self.routes),
            "rules": sorted(self.rules),
            "neighbours": dict(self.neighbours),
        }


def _after(words: Sequence[str], word: str, default: str | None = None) -> str:
    if word in words:
        return words[words.index(word) + 1]
    if default is None:
        raise Refused(f"{' '.join(words)}: no {word}")
    return default


def _host(address: str) -> str:
    return address.partition("/")[0]


def _network(address: str) -> str:
    return str(ipaddress.ip_interface(address).network)


def _route_key(here: str, words: Sequence[str]) -> tuple[str, str, int, int]:
    metric = _after(words, "metric", "1024" if ":" in words[0] else "0")
    return here, words[0], int(_after(words, "table")), int(metric)


def _hop_words(words: Sequence[str]) -> list[list[str]]:
    if "nexthop" not in words:
        return [list(words)]
    parts: list[list[str]] = []
    for word in words[list(words).index("nexthop") :]:
        if word == "nexthop":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _rule_content(words: Sequence[str], family: int) -> tuple[tuple[str, ...], int]:
    """The selectors as ``name=value``, sorted, and the protocol number."""
    pairs = dict(zip(words[::2], words[1::2]))
    protocol = int(pairs.pop("protocol", "0"))
    return tuple(sorted([f"family={family}", *(f"{name}={value}" for name, value in pairs.items())])), protocol


def _is_covered(new: Sequence[str], old: Sequence[str]) -> bool:
    """The kernel compares prefixes only where the new rule has one."""
    prefixes = ("from=", "to=")
    return {w for w in new if not w.startswith(prefixes)} == {w for w in old if not w.startswith(prefixes)} and {
        w for w in new if w.startswith(prefixes)
    } <= {w for w in old if w.startswith(prefixes)}


def _observed_rule(here: str, content: Sequence[str], owner: str | None) -> Rule:
    pairs = dict(word.split("=", 1) for word in content)
    return Rule(
        namespace=here,
        family=int(pairs["family"]),
        priority=int(pairs["priority"]),
        action="lookup",
        table=int(pairs["lookup"]),
        source=pairs.get("from"),
        destination=pairs.get("to"),
        iif=pairs.get("iif"),
        owner=owner,
    )
