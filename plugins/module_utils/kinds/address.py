# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP addresses of links. Lifetimes are the kernel's and the user's business: they are neither read nor set.

The mark is the address's protocol number where ``ip`` can set one (iproute2 6.3, Linux 5.18), else an entry in the
scope's ledger.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import values
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, link_key, narrowed, show

_LINK_SCOPE = "253"


def parse_label(value: Any) -> str:
    """A label, such as ``eth0:a``: as long as a device name, and beginning with one."""
    label = values.text(value)
    if len(label.encode()) > values.MAX_NAME_BYTES or not label.isprintable() or re.search(r"[\s\"'#\\]", label):
        raise ValueError(f"{label!r} is no label; use at most {values.MAX_NAME_BYTES} bytes without blanks and quotes")
    return label


@dataclass(frozen=True)
class Address(Resource):
    kind: ClassVar[str] = "address"
    section: ClassVar[str] = "addresses"
    reads: ClassVar[tuple[str, ...]] = ("links",)
    # The announcement waits for everything else.
    usable_at_once: ClassVar[bool] = True

    link: str = declared(values.device_name, key=True)
    address: str = declared(values.interface, key=True)
    peer: str | None = declared(values.interface, fixed=True)
    broadcast: str | None = declared(values.ip, fixed=True)
    label: str | None = declared(parse_label, fixed=True)
    scope: str | None = declared(values.choice("global", "link", "host"), fixed=True)
    nodad: bool | None = declared(values.boolean)
    noprefixroute: bool | None = declared(values.boolean)
    announce: bool | None = declared(values.boolean)

    # Observed only: the first address of the same IPv4 subnet on the link, which takes this one along when it goes.
    primary: str | None = None
    # Observed only: seconds left of an address that a client of DHCP or the like keeps alive.
    lifetimes: tuple[int, int] | None = None

    def faults(self) -> Iterator[str]:
        if values.family(self.address) == 4 and self.nodad is not None:
            yield "nodad: belongs to IPv6; IPv4 has no duplicate address detection to leave out"
        if values.family(self.address) == 6 and (self.label or self.broadcast):
            yield "label: label and broadcast belong to IPv4"
        if self.peer and values.family(self.peer) != values.family(self.address):
            yield f"peer: {self.peer} and {self.address} are of different families"
        elif self.peer and values.prefix_length(self.peer) != values.prefix_length(self.address):
            written = f"{values.host_part(self.address)}/{values.prefix_length(self.peer)}"
            yield f"peer: {self.peer} and {self.address} differ in length; the peer's holds for both, write {written}"
        if self.label and not self.label.startswith(self.link):
            yield f"label: {self.label} must begin with the name of its link, as {self.link}:a does"
        if values.family(self.address) == 6 and self.scope is not None:
            yield "scope: belongs to IPv4; the scope of an IPv6 address follows from the address"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Address]) -> Iterator[Address]:
        for link in reading.links:
            primaries: dict[str, str] = {}
            for raw in link.get("addr_info", ()):
                if raw.get("family") in ("inet", "inet6") and "local" in raw:
                    yield observed(raw, link["ifname"], reading, primaries)

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        """Whether an address is announced when it comes is nothing that can be seen of it later."""
        return tuple(d for d in super().differences(seen) if d.field != "announce")

    def fixed(self, difference: Difference) -> bool:
        """The kernel keeps the flag that an IPv4 address was made with."""
        made_with = difference.field == "noprefixroute" and values.family(self.address) == 4
        return made_with or super().fixed(difference)

    def parents(self) -> tuple[Key, ...]:
        parents = (*super().parents(), link_key(self.namespace, self.link))
        if self.primary:
            parents += ((self.kind, self.namespace, self.link, self.primary),)
        return parents

    def goes_along(self, removed: Container[Key]) -> bool:
        """Only with its link or namespace: whether it goes with its primary is a sysctl's choice."""
        return any(parent in removed for parent in self.parents() if parent[0] != self.kind)

    def claims(self) -> tuple[Key, ...]:
        """An IPv6 address is on a link once, whatever its length.

        An IPv4 address claims its subnet: the kernel may remove all addresses of a subnet along with the first one.
        """
        if values.family(self.address) == 6:
            return (("address", self.namespace, self.link, values.host_part(self.address)),)
        return (("subnet", self.namespace, self.link, str(ipaddress.ip_interface(self.address).network)),)

    def holds(self) -> tuple[Key, ...]:
        """Its gateways, too: while it is there, the kernel may take a new route's gateway for one behind its link."""
        gateways = ("gateways", self.namespace, str(ipaddress.ip_interface(self.address).network))
        return (gateways,) if self.primary else (gateways, *self.claims())

    def add(self, mark: Mark) -> list[Step]:
        return [self.line("replace", mark), *([self.announcement()] if self.announce else [])]

    def announcement(self) -> Step:
        return Step("announce", self.namespace, (self.link, values.host_part(self.address)))

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        if not mark.address_protocol and all(d.field == "mark" for d in differences):
            return []
        return [replace(self, lifetimes=narrowed(seen, Address).lifetimes).line("change", mark)]

    def remove(self, mark: Mark) -> list[Step]:
        return [self.line_of_removal()]

    def line_of_removal(self) -> Step:
        return Step("ip", self.namespace, ("addr", "del", *self._words(), "dev", self.link))

    def details(self) -> str:
        flags = [name for name in ("nodad", "noprefixroute", "announce") if getattr(self, name)]
        named = [f"{name} {show(getattr(self, name))}" for name in ("peer", "scope") if getattr(self, name)]
        return ", ".join(named + flags)

    def _words(self) -> tuple[str, ...]:
        if self.peer:
            return (values.host_part(self.address), "peer", self.peer)
        return (self.address,)

    def line(self, verb: str, mark: Mark | None = None) -> Step:
        """One line of ``ip addr``; with a mark for an address of ours, without for one that is moved as it is."""
        words = ["addr", verb, *self._words(), "dev", self.link]
        if mark is not None and values.family(self.address) == 4 and not self.peer and self.broadcast is None:
            words += ["broadcast", "+"] if _has_broadcast(self.address) else []
        for name in ("broadcast", "label", "scope"):
            if getattr(self, name):
                words += [name, getattr(self, name)]
        words += [flag for flag in ("nodad", "noprefixroute") if getattr(self, flag)]
        if self.lifetimes:
            words += ["valid_lft", str(self.lifetimes[0]), "preferred_lft", str(self.lifetimes[1])]
        if mark is not None and mark.address_protocol:
            words += ["proto", str(mark.protocol)]
        return Step("ip", self.namespace, tuple(words))


def _has_broadcast(address: str) -> bool:
    return ipaddress.ip_interface(address).network.prefixlen < 31


def observed(raw: Mapping[str, Any], link: str, reading: Reading, primaries: dict[str, str]) -> Address:
    peer = f"{raw['address']}/{raw['prefixlen']}" if "address" in raw else None
    address = f"{raw['local']}/{raw['prefixlen']}"
    primary = None
    if raw["family"] == "inet" and peer is None:
        subnet = str(ipaddress.ip_network(address, strict=False))
        primary = primaries.setdefault(subnet, address) if raw.get("secondary") else None
        if not raw.get("secondary"):
            primaries[subnet] = address
    owner = reading.protocol_owner(raw) or reading.address_owner(("address", reading.namespace, link, address))
    return Address(
        namespace=reading.namespace,
        link=link,
        address=address,
        peer=peer,
        broadcast=raw.get("broadcast"),
        label=raw.get("label"),
        scope={"0": "global", _LINK_SCOPE: "link", "254": "host"}.get(str(raw.get("scope")), str(raw.get("scope"))),
        nodad=raw.get("nodad", False) if raw["family"] == "inet6" else None,
        noprefixroute=raw.get("noprefixroute", False),
        owner=owner,
        primary=primary,
        lifetimes=(raw["valid_life_time"], raw["preferred_life_time"]) if raw.get("dynamic") else None,
    )
