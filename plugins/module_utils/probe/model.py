# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a probe is: parsed from a module's arguments, with every fault of a list found at once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Union

from ..errors import FabricError

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

# The address that the host itself would use towards the target, as an expectation of `seen_as`.
HOST_ADDRESS = "host"

AS_GUEST = ("ping", "arp", "spoof")
LARGEST_GUEST_PACKET = 1500

_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_SMALLEST_PACKET = {4: 36, 6: 56}


class ProbesError(FabricError):
    """The list of probes cannot be right. Carries every fault at once, one line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class CannotProbe(FabricError):
    """The probe could not be made, so it proves nothing; the text says what was missing."""


@dataclass(frozen=True)
class Expect:
    """What must hold for a probe to succeed. None: nothing is expected of it. mac: one of these, and no other."""

    reachable: bool = True
    arrives: bool = False
    max_loss: float = 0.0
    seen_as: str | None = None
    mtu: int | None = None
    mac: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Place:
    """An interface in a namespace, empty for the host's own. leaving: what goes out there, not what comes in."""

    namespace: str
    interface: str
    leaving: bool = False


@dataclass(frozen=True)
class Probe:
    """One check of the data plane, made from a namespace of this host."""

    kind: str
    name: str
    namespace: str
    address: Address
    interface: str = ""
    source: Address | None = None
    timeout: float = 2.0
    expect: Expect = field(default_factory=Expect)
    count: int = 3
    interval: float = 0.1
    size: int = 0
    dont_fragment: bool = False
    port: int = 0
    read_line: bool = False
    frame: str = "echo"
    as_guest: bool = False
    mac: str | None = None
    via: Address | None = None
    claimed_source: Address | None = None
    claimed_mac: str | None = None
    seen_at: Place | None = None


@dataclass(frozen=True)
class Result:
    """What came of a probe. measured holds the fields of its kind."""

    probe: Probe
    ok: bool
    message: str
    measured: Mapping[str, Any]


def parse(raw: Sequence[Mapping[str, Any]]) -> list[Probe]:
    """The probes of a list.

    :raises ProbesError: with every fault of every probe.
    """
    faults: list[str] = []
    probes = [_Reader(f"probes[{number}]", entry, faults).probe() for number, entry in enumerate(raw)]
    if faults:
        raise ProbesError(faults)
    return [probe for probe in probes if probe is not None]


@dataclass
class _Reader:
    """Reads one probe, and notes what is wrong with it."""

    path: str
    raw: Mapping[str, Any]
    faults: list[str]

    def probe(self) -> Probe | None:
        known = len(self.faults)
        values = {key: value for key, value in self.raw.items() if value is not None}
        for key in ("address", "source", "via", "claimed_source"):
            if key in values:
                values[key] = self._address(key, values[key])
        for key in ("mac", "claimed_mac"):
            if key in values:
                values[key] = self._mac(key, values[key])
        self._check_numbers(values)
        values["expect"] = self._expect(values.get("expect") or {})
        if "seen_at" in values:
            place = values["seen_at"]
            values["seen_at"] = Place(place.get("namespace") or "", place["interface"], bool(place.get("leaving")))
        if len(self.faults) > known:
            return None
        values.setdefault("namespace", "")
        values.setdefault("name", f"{values['kind']} {values['address']} from {values['namespace'] or 'the host'}")
        probe = Probe(**values)
        self._check_together(probe)
        return None if len(self.faults) > known else probe

    def _expect(self, raw: Mapping[str, Any]) -> Expect:
        values = {key: value for key, value in raw.items() if value is not None}
        if "mac" in values:
            macs = [values["mac"]] if isinstance(values["mac"], str) else values["mac"]
            values["mac"] = tuple(self._mac("expect.mac", mac) for mac in macs)
        if "seen_as" in values and values["seen_as"] != HOST_ADDRESS:
            values["seen_as"] = str(self._address("expect.seen_as", values["seen_as"]))
        return Expect(**values)

    def _address(self, key: str, value: str) -> Address | None:
        try:
            return ipaddress.ip_address(value)
        except ValueError:
            self._fault(key, f"{value!r} is no IP address; write one without a prefix length, such as 192.0.2.1")
            return None

    def _mac(self, key: str, value: str) -> str:
        lower = str(value).lower()
        if not _MAC.fullmatch(lower):
            self._fault(key, f"{value!r} is no MAC address; write it as 52:54:00:00:00:01")
        return lower

    def _check_numbers(self, values: Mapping[str, Any]) -> None:
        for key, smallest, largest in (("count", 1, 65535), ("port", 1, 65535), ("size", 36, 65535)):
            if key in values and not smallest <= values[key] <= largest:
                self._fault(key, f"{values[key]} is not between {smallest} and {largest}")
        for key in ("timeout", "interval"):
            if key in values and values[key] <= 0:
                self._fault(key, f"{values[key]} is not a number of seconds above 0")

    def _check_together(self, probe: Probe) -> None:
        version = probe.address.version
        for key in ("source", "via", "claimed_source"):
            other = getattr(probe, key)
            if other is not None and other.version != version:
                self._fault(key, f"{other} is of another IP version than the target {probe.address}")
        if 0 < probe.size < _SMALLEST_PACKET[version]:
            self._fault(
                "size", f"{probe.size} is below {_SMALLEST_PACKET[version]}, the smallest IPv{version} echo here"
            )
        if probe.kind == "spoof" and probe.claimed_source is None and probe.claimed_mac is None:
            self._fault("claimed_source", "nothing is claimed falsely; give claimed_source or claimed_mac, or both")
        if probe.as_guest:
            self._check_as_guest(probe)

    def _check_as_guest(self, probe: Probe) -> None:
        if probe.kind not in AS_GUEST:
            self._fault("as_guest", f"{probe.kind} cannot stand in for a guest; {', '.join(AS_GUEST)} can")
        for key, value in (("interface", probe.interface), ("source", probe.source), ("mac", probe.mac)):
            if not value:
                self._fault(key, "is missing; standing in for a guest takes its interface, source address and mac")
        if probe.size > LARGEST_GUEST_PACKET:
            self._fault(
                "size", f"{probe.size} is more than {LARGEST_GUEST_PACKET}, the most that a stand-in for a guest sends"
            )

    def _fault(self, key: str, message: str) -> None:
        self.faults.append(f"{self.path}.{key}: {message}")
