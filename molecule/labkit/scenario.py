# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a scenario's lab.yml says, as dataclasses, with every fault of a file in one message."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from labkit.kernel import PROBES
from labkit.shell import LabError

SCENARIOS = Path(__file__).resolve().parent.parent
# The directory beside a lab.yml that has the programs of its machines and containers.
PROGRAMS = "programs"
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
MAC = re.compile(r"[0-9a-f][02468ace](:[0-9a-f]{2}){5}")

T = TypeVar("T")


@dataclass(frozen=True)
class Route:
    """The way to a destination: by another host, or with ``dev`` alone on that interface's own link."""

    to: str
    via: str
    dev: str = ""


@dataclass(frozen=True)
class Interface:
    name: str
    network: str
    mac: str
    addresses: tuple[str, ...]
    mtu: int


@dataclass(frozen=True)
class SshPath:
    """The peer that ssh to a machine comes from, and the machine's address it goes to."""

    peer: str
    address: str


@dataclass(frozen=True)
class Machine:
    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...]
    ssh: SshPath | None
    programs: tuple[str, ...]


@dataclass(frozen=True)
class Peer:
    name: str
    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...]
    forward: bool


@dataclass(frozen=True)
class Guest:
    name: str
    machine: str
    tap: str
    mac: str
    addresses: tuple[str, ...]
    routes: tuple[Route, ...]
    mtu: int
    memory: int


@dataclass(frozen=True)
class Container:
    name: str
    machine: str
    namespace: str
    programs: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    name: str
    needs: tuple[str, ...]
    networks: tuple[str, ...]
    machines: tuple[Machine, ...]
    peers: tuple[Peer, ...]
    guests: tuple[Guest, ...]
    containers: tuple[Container, ...]
    variables: Mapping[str, Any]


class Reader:
    """Take typed values out of a mapping and note every fault with its path in the file."""

    def __init__(self, faults: list[str], path: str, raw: object) -> None:
        self.faults = faults
        self.path = path
        self.left: dict[str, Any] = {}
        if isinstance(raw, Mapping):
            self.left = {str(key): value for key, value in raw.items()}
        elif raw is not None:
            self.fault("", f"{raw!r} is not a mapping")

    def fault(self, key: str, text: str) -> None:
        where = ".".join(part for part in (self.path, key) if part)
        self.faults.append(f"{where}: {text}" if where else text)

    def text(self, key: str, default: str | None = None) -> str:
        value = self.left.pop(key, default)
        if value is None:
            self.fault(key, "is missing")
        elif not isinstance(value, str):
            self.fault(key, f"{value!r} is not a string")
        return value if isinstance(value, str) else ""

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value = self.left.pop(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.fault(key, f"{value!r} is not a whole number from {low} to {high}")
            return default
        return value

    def flag(self, key: str) -> bool:
        value = self.left.pop(key, False)
        if not isinstance(value, bool):
            self.fault(key, f"{value!r} is not true or false")
        return value is True

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.left.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fault(key, f"{value!r} is not a list of strings")
            return ()
        return tuple(value)

    def mapping(self, key: str) -> Mapping[str, Any]:
        value = self.left.pop(key, {})
        if not isinstance(value, Mapping):
            self.fault(key, f"{value!r} is not a mapping")
            return {}
        return value

    def device(self, key: str) -> str:
        value = self.text(key)
        if value and (len(value.encode()) > 15 or "/" in value or " " in value):
            self.fault(key, f"{value!r} is not an interface name (at most 15 bytes, no slash or space)")
        return value

    def mac(self, default: str) -> str:
        value = self.text("mac", default).lower()
        if not MAC.fullmatch(value):
            self.fault("mac", f"{value!r} is not a unicast MAC address such as 52:54:00:00:00:01")
        return value

    def addresses(self) -> tuple[str, ...]:
        values = self.texts("addresses")
        for value in values:
            try:
                ipaddress.ip_interface(value)
            except ValueError:
                self.fault("addresses", f"{value!r} is not an address with its prefix, such as 10.9.0.83/24")
                continue
            if "/" not in value:
                self.fault("addresses", f"{value!r} has no prefix length; write {value}/24 or the like")
        return values

    def routes(self, on_link: bool = True) -> tuple[Route, ...]:
        """The routes; ``on_link`` says whether they may be without ``via``."""
        value = self.left.pop("routes", [])
        if not isinstance(value, list):
            self.fault("routes", f"{value!r} is not a list")
            return ()
        found: list[Route] = []
        for index, raw in enumerate(value):
            item = Reader(self.faults, f"{self.path}.routes[{index}]", raw)
            dev = item.device("dev") if on_link and "dev" in item.left else ""
            route = Route(to=item.text("to"), via=item.text("via", "" if dev else None), dev=dev)
            item.done()
            try:
                check_route(route)
                found.append(route)
            except ValueError as error:
                item.fault("", str(error))
        return tuple(found)

    def each(self, key: str, make: Callable[[str, Reader], T]) -> tuple[T, ...]:
        """Every named entry of a mapping, read by `make` in the file's order."""
        entries = Reader(self.faults, f"{self.path}.{key}" if self.path else key, self.left.pop(key, None))
        found: list[T] = []
        for name, raw in entries.left.items():
            item = Reader(self.faults, f"{entries.path}.{name}", raw)
            found.append(make(name, item))
            item.done()
        return tuple(found)

    def done(self) -> None:
        for key in self.left:
            self.fault(key, "is not a known key")


def check_route(route: Route) -> None:
    """Raise ValueError for what ip would not take."""
    target = None if route.to == "default" else ipaddress.ip_network(route.to).version
    if route.via and target not in (None, ipaddress.ip_address(route.via).version):
        raise ValueError(f"{route.to} and {route.via} are of different IP versions")


def stable_mac(*parts: str) -> str:
    """A locally administered MAC that is the same in every run."""
    digest = hashlib.sha256("/".join(parts).encode()).hexdigest()
    return "02:" + ":".join(digest[place : place + 2] for place in range(0, 10, 2))


def read_interfaces(scenario: str, owner: str, item: Reader) -> tuple[Interface, ...]:
    def make(name: str, each: Reader) -> Interface:
        if len(name.encode()) > 15:
            each.fault("", f"the interface name {name!r} has more than 15 bytes")
        return Interface(
            name=name,
            network=each.text("network"),
            mac=each.mac(stable_mac(scenario, owner, name)),
            addresses=each.addresses(),
            mtu=each.number("mtu", 1500, 576, 9216),
        )

    return item.each("interfaces", make)


def read_ssh(item: Reader) -> SshPath | None:
    raw = item.left.pop("ssh", None)
    if raw is None:
        return None
    each = Reader(item.faults, f"{item.path}.ssh", raw)
    path = SshPath(peer=each.text("from"), address=each.text("address"))
    each.done()
    return path


def parse(name: str, raw: object) -> Scenario:
    """Turn the content of a lab.yml into a Scenario, or raise with all its faults."""
    faults: list[str] = []
    top = Reader(faults, "", raw)

    def machine(host: str, item: Reader) -> Machine:
        interfaces = read_interfaces(name, host, item)
        programs = item.texts("programs")
        return Machine(name=host, interfaces=interfaces, routes=item.routes(), ssh=read_ssh(item), programs=programs)

    def peer(host: str, item: Reader) -> Peer:
        interfaces = read_interfaces(name, host, item)
        return Peer(name=host, interfaces=interfaces, routes=item.routes(), forward=item.flag("forward"))

    def guest(host: str, item: Reader) -> Guest:
        return Guest(
            name=host,
            machine=item.text("machine"),
            tap=item.device("tap"),
            mac=item.mac(stable_mac(name, host)),
            addresses=item.addresses(),
            routes=item.routes(on_link=False),
            mtu=item.number("mtu", 1500, 576, 9216),
            memory=item.number("memory", 128, 64, 4096),
        )

    def container(host: str, item: Reader) -> Container:
        return Container(
            name=host,
            machine=item.text("machine"),
            namespace=item.text("namespace", host),
            programs=item.texts("programs"),
        )

    scenario = Scenario(
        name=name,
        needs=top.texts("needs"),
        networks=top.texts("networks"),
        machines=top.each("machines", machine),
        peers=top.each("peers", peer),
        guests=top.each("guests", guest),
        containers=top.each("containers", container),
        variables=top.mapping("variables"),
    )
    top.done()
    check(scenario, faults)
    if faults:
        raise LabError(f"{name}/lab.yml: " + f"\n{name}/lab.yml: ".join(faults))
    return scenario


def check(scenario: Scenario, faults: list[str]) -> None:
    """Note what no single value shows: names used twice, and references to nothing."""
    for need in scenario.needs:
        if need not in PROBES:
            faults.append(f"needs: {need!r} is not known; choose from {', '.join(PROBES)}")
    if not scenario.machines:
        faults.append("machines: a lab has at least one machine")
    check_names(scenario, faults)
    machines = {machine.name for machine in scenario.machines}
    networks = ", ".join(scenario.networks) or "none"
    ends: list[Machine | Peer] = [*scenario.machines, *scenario.peers]
    for end in ends:
        for each in end.interfaces:
            if each.network not in scenario.networks:
                path = f"{end.name}.interfaces.{each.name}.network"
                faults.append(f"{path}: {each.network!r} is not one of networks ({networks})")
    tenants: list[Guest | Container] = [*scenario.guests, *scenario.containers]
    for tenant in tenants:
        if tenant.machine not in machines:
            faults.append(f"{tenant.name}.machine: {tenant.machine!r} is not one of machines")
    for machine in scenario.machines:
        check_ssh(scenario, machine, faults)
    owners: list[Machine | Container] = [*scenario.machines, *scenario.containers]
    for owner in owners:
        faults += [
            f"{owner.name}.programs: {program!r} has other than lower-case letters, digits and dashes"
            for program in owner.programs
            if not NAME.fullmatch(program)
        ]


def check_names(scenario: Scenario, faults: list[str]) -> None:
    """A name is a host's in `lab exec`, whatever kind of host it is."""
    hosts: list[Machine | Peer | Guest | Container] = [*scenario.machines, *scenario.peers]
    hosts += [*scenario.guests, *scenario.containers]
    seen: set[str] = set()
    for host in hosts:
        if not NAME.fullmatch(host.name):
            faults.append(f"{host.name}: a name has lower-case letters, digits and dashes only")
        if host.name in seen:
            faults.append(f"{host.name}: the name is used twice")
        seen.add(host.name)


def check_ssh(scenario: Scenario, machine: Machine, faults: list[str]) -> None:
    if machine.ssh is None:
        return
    if machine.ssh.peer not in {peer.name for peer in scenario.peers}:
        faults.append(f"machines.{machine.name}.ssh.from: {machine.ssh.peer!r} is not one of peers")
    own = {str(ipaddress.ip_interface(a).ip) for i in machine.interfaces for a in i.addresses if valid(a)}
    if machine.ssh.address not in own:
        faults.append(f"machines.{machine.name}.ssh.address: {machine.ssh.address!r} is not one of its addresses")


def valid(address: str) -> bool:
    try:
        ipaddress.ip_interface(address)
    except ValueError:
        return False
    return True


def load(name: str, directory: Path = SCENARIOS) -> Scenario:
    """The scenario in DIRECTORY/NAME/lab.yml."""
    import yaml

    path = directory / name / "lab.yml"
    if not NAME.fullmatch(name) or not path.is_file():
        known = sorted(found.parent.name for found in directory.glob("*/lab.yml"))
        raise LabError(f"there is no scenario {name!r}; choose from {', '.join(known)}")
    try:
        raw = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise LabError(f"{name}/lab.yml is not YAML: {' '.join(str(error).split())}") from error
    scenario = parse(name, raw)
    named = {program for owner in (*scenario.machines, *scenario.containers) for program in owner.programs}
    if missing := sorted(program for program in named if not (path.parent / PROGRAMS / program).is_file()):
        raise LabError(f"{name}/lab.yml: programs: there is no {name}/{PROGRAMS}/{missing[0]}")
    return scenario
