# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is checked, and from where. A check is a probe with the names of its two ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, IntentError

if TYPE_CHECKING:
    from netaddr import IPAddress

Probe = dict[str, Any]
HOST = "host"
LIES = "as somebody else"


@dataclass(frozen=True)
class Check:
    """probe: the arguments of one probe of the module host_probe."""

    source: str
    target: str
    probe: Probe

    def as_data(self) -> dict[str, Any]:
        probe = {"name": self._name(), **self.probe}
        plan = f"{probe['name']}: {expected(self.probe)}"
        return {"source": self.source, "target": self.target, "plan": plan, "probe": probe}

    def _name(self) -> str:
        probe = self.probe
        if probe["kind"] == "spoof":
            version = "IPv6" if ":" in probe["address"] else "IPv4"
            return f"{self.source} as {_lie(probe)}, {version} {probe['frame']}"
        port = f" port {probe['port']}" if "port" in probe else ""
        return f"{self.source} to {self.target}, {probe['kind']} {probe['address']}{port}"


def _lie(probe: Probe) -> str:
    return str(probe.get("claimed_mac") or probe["claimed_source"])


def expected(probe: Probe) -> str:
    """What must come of a probe, in words."""
    if probe["kind"] == "spoof":
        return "dropped"
    expect: Probe = {"reachable": True, **probe.get("expect", {})}
    answered = "answered" if expect.pop("reachable") else "not answered"
    return ", ".join([answered, *(f"{key.replace('_', ' ')} {_words(value)}" for key, value in expect.items())])


def _words(value: Any) -> str:
    return " or ".join(value) if isinstance(value, list) else str(value)


@dataclass(frozen=True)
class Target:
    """Somebody outside that instances reach or not. says_address: whether its port answers with whom it saw."""

    name: str
    address: IPAddress
    port: int | None
    says_address: bool
    hosts: frozenset[str]


@dataclass(frozen=True)
class Outside:
    """A place outside to probe from. host: the inventory host it is on, namespace: where on that.

    reaches: what it must reach, for that it does not reach an instance means little where it reaches nothing.
    addresses: whom others see when it sends, where that is known.
    """

    name: str
    host: str
    namespace: str
    hosts: frozenset[str]
    reaches: tuple[IPAddress, ...]
    addresses: tuple[IPAddress, ...] = ()


@dataclass(frozen=True)
class Settings:
    """What the intent does not say. port: where every instance answers with the address it saw, if any.

    full_mesh: up to how many instances on a link each one is checked against all others.
    """

    targets: tuple[Target, ...] = ()
    outside: tuple[Outside, ...] = ()
    port: int | None = None
    full_mesh: int = 8


def parse_settings(
    targets: Iterable[Mapping[str, Any]] = (),
    outside: Iterable[Mapping[str, Any]] = (),
    port: int | None = None,
    full_mesh: int = 8,
) -> Settings:
    """The role's variables.

    :raises IntentError: with every address that is none.
    """
    faults = Faults()
    found = Settings(
        tuple(_target(raw, f"verify_targets[{number}]", faults) for number, raw in enumerate(targets)),
        tuple(_outside(raw, f"verify_outside[{number}]", faults) for number, raw in enumerate(outside)),
        port,
        full_mesh,
    )
    if faults:
        raise IntentError(faults)
    return found


def _target(raw: Mapping[str, Any], path: str, faults: Faults) -> Target:
    address = _address(raw["address"], f"{path}.address", faults)
    name, hosts = str(raw.get("name") or raw["address"]), frozenset(raw.get("hosts") or ())
    return Target(name, address, raw.get("port"), bool(raw.get("seen_as")), hosts)


def _outside(raw: Mapping[str, Any], path: str, faults: Faults) -> Outside:
    return Outside(
        name=str(raw["name"]),
        host=str(raw.get("host") or "localhost"),
        namespace=str(raw.get("namespace") or ""),
        hosts=frozenset(raw["hosts"]),
        reaches=tuple(_address(value, f"{path}.reaches", faults) for value in raw.get("reaches") or ()),
        addresses=tuple(_address(value, f"{path}.addresses", faults) for value in raw.get("addresses") or ()),
    )


def _address(value: Any, path: str, faults: Faults) -> IPAddress:
    """The address; None, which nobody gets to see, where it is a fault."""
    try:
        return addresses.ip(value)
    except ValueError as error:
        faults.add(path, str(error))
        return None


def by_place(host: str, own: Iterable[Check], outside: Iterable[tuple[Outside, list[Check]]]) -> list[dict[str, Any]]:
    """The checks as data, those of each place in a list, with the inventory host that makes them."""
    places = [{"host": host, "checks": [check.as_data() for check in own]}]
    places += [{"host": place.host, "checks": [check.as_data() for check in checks]} for place, checks in outside]
    return [place for place in places if place["checks"]]
