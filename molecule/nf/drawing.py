# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of inventory/nf as a person reads it: who has which pool, and what the gateways' kernels must have.

What the collection derives from the intent is written down here by hand, so that both would have to be wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import yaml
from fleet import PROJECT, Fleet, eventually
from traffic import Flow, Traffic

GATEWAYS = ("dcgw-01", "dcgw-02")
# 300 ms, five times.
DETECTION = 1500
LONGEST_OUTAGE = 2 * DETECTION
PLANES = {f"nf-up{number}": {4: f"192.0.2.{number}", 6: f"2001:db8:2::{number}"} for number in range(1, 8)}
HOSTS = {f"nf-up{number}": f"compute-0{number}" for number in range(1, 8)} | {
    "nf-cp1": "compute-09",
    "nf-cp2": "compute-10",
}
DRAWN = ("nf-up1", "nf-up2", "nf-up3", "nf-up4", "nf-up5", "nf-up6")
COVER = {4: "203.0.113.0/24", 6: "2001:db8:cb00::/40"}
VIRTUAL = {4: "198.51.100.100/32", 6: "2001:db8:c6::100/128"}
POOLS = {
    "203.0.113.0/28": "nf-up1",
    "203.0.113.16/28": "nf-up2",
    "203.0.113.32/28": "nf-up3",
    "203.0.113.48/28": "nf-up4",
    "203.0.113.64/28": "nf-up5",
    "203.0.113.80/28": "nf-up6",
    "203.0.113.96/28": "nf-up1",
    "2001:db8:cb00::/44": "nf-up1",
    "2001:db8:cb10::/44": "nf-up2",
    "2001:db8:cb20::/44": "nf-up3",
    "2001:db8:cb30::/44": "nf-up4",
    "2001:db8:cb40::/44": "nf-up5",
    "2001:db8:cb50::/44": "nf-up6",
    "2001:db8:cb60::/44": "nf-up1",
}
# A subscriber in each pool, and whose it is.
SUBSCRIBERS = {
    "203.0.113.1": "nf-up1",
    "203.0.113.17": "nf-up2",
    "203.0.113.33": "nf-up3",
    "203.0.113.49": "nf-up4",
    "203.0.113.65": "nf-up5",
    "203.0.113.81": "nf-up6",
    "203.0.113.97": "nf-up1",
    "2001:db8:cb00::1": "nf-up1",
    "2001:db8:cb10::1": "nf-up2",
    "2001:db8:cb20::1": "nf-up3",
    "2001:db8:cb30::1": "nf-up4",
    "2001:db8:cb40::1": "nf-up5",
    "2001:db8:cb50::1": "nf-up6",
    "2001:db8:cb60::1": "nf-up1",
}
INTENT = PROJECT / "inventory/nf/group_vars/nf.yml"

# For each route, its next hops.
Routes = dict[str, frozenset[str]]


def intent() -> Any:
    return yaml.safe_load(INTENT.read_text())


def family_of(network: str) -> int:
    return 6 if ":" in network else 4


def plan(live: Iterable[str] = DRAWN) -> Routes:
    """What BIRD has put into a gateway's kernel, with these user planes alive."""
    alive = set(live)
    ways = {family: frozenset(PLANES[name][family] for name in alive) for family in COVER}
    found = {network: ways[family] for each in (COVER, VIRTUAL) for family, network in each.items() if alive}
    return found | {pool: frozenset([PLANES[name][family_of(pool)]]) for pool, name in POOLS.items() if name in alive}


def routes(fleet: Fleet, gateway: str) -> Routes:
    """Read from the kernel, never from the daemon; a route that is no way to anybody has its type for a next hop."""
    script = "for family in 4 6; do ip -j -$family route show proto bird; echo; done"
    lines = fleet.output(gateway, "sh", "-c", script).splitlines()
    found: Routes = {}
    for line in filter(None, lines):
        for route in json.loads(line):
            network = route["dst"]
            whole = network if "/" in network else f"{network}/{128 if ':' in network else 32}"
            ways = [hop["gateway"] for hop in route.get("nexthops", [route]) if "gateway" in hop]
            found[whole] = frozenset(ways or [route.get("type", "link")])
    return found


def await_plan(fleet: Fleet, live: Iterable[str] = DRAWN, gateways: Iterable[str] = GATEWAYS) -> None:
    wanted = plan(live)
    for gateway in gateways:
        with suppress(AssertionError):
            eventually(lambda gateway=gateway: routes(fleet, gateway) == wanted, 20)  # type: ignore[misc]
        assert routes(fleet, gateway) == wanted, gateway


class Moment(float):
    """A time of day. BIRD keeps another clock and may be some milliseconds off when it tells the same moment again."""

    @classmethod
    def of(cls, text: str) -> Moment:
        hours, minutes, seconds = text.split(":")
        return cls(int(hours) * 3600 + int(minutes) * 60 + float(seconds))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and abs(float(self) - float(other)) < 0.1

    __hash__ = None


def sessions(fleet: Fleet, gateway: str) -> dict[str, Moment]:
    """Each BGP session that is up, and since when."""
    lines = fleet.output(gateway, "birdc", "-r", "show", "protocols").splitlines()
    words = [line.split() for line in lines if " BGP " in line and line.split()[-1] == "Established"]
    return {line[0]: Moment.of(line[4]) for line in words}


def guards(fleet: Fleet, gateway: str) -> dict[str, Moment]:
    """Each neighbour whose BFD session is up, and since when."""
    lines = fleet.output(gateway, "birdc", "-r", "show", "bfd", "sessions").splitlines()
    words = [line.split() for line in lines]
    return {line[0]: Moment.of(line[3]) for line in words if len(line) > 3 and line[2] == "Up"}


def await_sessions(fleet: Fleet) -> dict[str, dict[str, Moment]]:
    """Until every session of both gateways is up."""
    for gateway in GATEWAYS:
        eventually(lambda gateway=gateway: len(sessions(fleet, gateway)) == 4)  # type: ignore[misc]
    return {gateway: sessions(fleet, gateway) for gateway in GATEWAYS}


def active(fleet: Fleet, address: str = "192.0.2.254") -> list[str]:
    """The gateways that have a shared address."""
    return [name for name in GATEWAYS if f" {address}/" in fleet.output(name, "ip", "-o", "address", "show")]


MEMORY = "/etc/hostnet.fabric/drained.json"


def memory(fleet: Fleet, host: str) -> str:
    """What a host remembers of drains; nothing where it has never heard of one."""
    return fleet.on(host, "cat", MEMORY).stdout


def remember(fleet: Fleet, host: str, text: str) -> None:
    fleet.output(host, "tee", MEMORY, stdin=text)


def lead_client(fleet: Fleet, place: str) -> None:
    """What sends the client's packets to one gateway or the other is not the collection's."""
    fleet.output("client", "ip", "route", "replace", "default", "via", f"198.18.0.{place}")
    fleet.output("client", "ip", "-6", "route", "replace", "default", "via", f"2001:db8:18::{place}")


def cut(fleet: Fleet, *hosts: str) -> None:
    for host in hosts:
        fleet.output(host, "ip", "link", "set", "eth1", "down")


def mend(fleet: Fleet, *hosts: str) -> None:
    for host in hosts:
        fleet.output(host, "ip", "link", "set", "eth1", "up")


class PoolTraffic(Traffic):
    """To a subscriber in every pool, or to these addresses."""

    def __init__(self, fleet: Fleet, client: str = "client", addresses: Iterable[str] = tuple(SUBSCRIBERS)) -> None:
        super().__init__(fleet, client, addresses)


def of(flows: Mapping[str, Flow], *planes: str) -> dict[str, Flow]:
    """Those to the subscribers of some user planes."""
    return {address: flow for address, flow in flows.items() if SUBSCRIBERS[address] in planes}


def losses(flows: Mapping[str, Flow]) -> list[str]:
    """What was lost, in words."""
    return [
        f"{address} ({SUBSCRIBERS.get(address, 'client')}): {flow.lost} of {flow.sent} lost, {flow.outage} ms"
        for address, flow in flows.items()
        if flow.lost
    ]
