# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet of inventory/dvr as a person reads it: who is where, who reaches whom, and as whom everybody is seen.

What role verify derives from the intent is written down here by hand, so that both would have to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from fleet import Fleet

T = TypeVar("T")


@dataclass(frozen=True)
class Instance:
    name: str
    host: str
    tenant: str
    network: str
    ipv4: str
    ipv6: str
    floating: str = ""


INSTANCES = {
    each.name: each
    for each in (
        Instance("vm1", "compute-01", "blue", "web", "172.16.18.100", "2001:db8:18::100", "192.168.100.150"),
        Instance("web2", "compute-01", "blue", "web", "172.16.18.101", "2001:db8:18::101"),
        Instance("web3", "compute-02", "blue", "web", "172.16.18.102", "2001:db8:18::102", "192.168.100.152"),
        Instance("web4", "compute-02", "blue", "web", "172.16.18.103", "2001:db8:18::103"),
        Instance("db1", "compute-01", "blue", "db", "172.16.19.10", "2001:db8:19::10"),
        Instance("db2", "compute-02", "blue", "db", "172.16.19.11", "2001:db8:19::11", "192.168.100.153"),
        Instance("shop1", "compute-01", "green", "shop", "172.16.18.100", "2001:db8:28::100", "192.168.100.160"),
        Instance("shop2", "compute-02", "green", "shop", "172.16.18.101", "2001:db8:28::101"),
        Instance("store1", "compute-01", "green", "store", "172.16.19.10", "2001:db8:29::10"),
        Instance("store2", "compute-02", "green", "store", "172.16.19.11", "2001:db8:29::11", "192.168.100.161"),
    )
}
CONTAINERS = sorted(INSTANCES.keys() - {"vm1"})
CENTRAL = {"blue": "192.168.100.20", "green": "192.168.100.21"}
# The router on the external network, a server behind it, and a compute host's own address on that network.
OUTSIDE = {"outside": "192.168.100.1", "internet": "203.0.113.9", "compute-02": "192.168.100.12"}
OUTSIDE6 = {"outside": "2001:db8:64::1", "internet": "2001:db8:cb::9", "compute-02": "2001:db8:64::12"}
GATEWAYS = {
    "web": ("172.16.18.1", "2001:db8:18::1"),
    "db": ("172.16.19.1", "2001:db8:19::1"),
    "shop": ("172.16.18.1", "2001:db8:28::1"),
    "store": ("172.16.19.1", "2001:db8:29::1"),
}

# Within a tenant, by own addresses, of both IP versions: x is reached and sees the other as itself, - is not.
# Only web servers are let in to the databases.
OWN = {
    "blue": """
                vm1  web2  web3  web4  db1  db2
        vm1     .    x     x     x     x    x
        web2    x    .     x     x     x    x
        web3    x    x     .     x     x    x
        web4    x    x     x     .     x    x
        db1     x    x     x     x     .    -
        db2     x    x     x     x     -    .
    """,
    "green": """
                shop1  shop2  store1  store2
        shop1   .      x      x       x
        shop2   x      .      x       x
        store1  x      x      .       x
        store2  x      x      x       .
    """,
}
# By floating IP, seen as F: the own floating IP, C: the central address of the tenant's router, o: itself; - is not let
# in. Who comes by a floating IP is no web server to the databases.
FLOATING = """
                vm1  web3  db2  shop1  store2
    vm1         F    F     -    F      F
    web2        C    C     -    C      C
    web3        F    F     -    F      F
    web4        C    C     -    C      C
    db1         C    C     -    C      C
    db2         F    F     -    F      F
    shop1       F    F     -    F      F
    shop2       C    C     -    C      C
    store1      C    C     -    C      C
    store2      F    F     -    F      F
    outside     o    o     -    o      o
    internet    o    o     -    o      o
"""
# IPv6 has no other addresses: another tenant, or somebody outside, comes by the external network and is seen as itself.
ROUTED = """
                vm1  web2  web3  web4  db1  db2  shop1  shop2  store1  store2
    vm1         .    .     .     .     .    .    x      x      x       x
    web2        .    .     .     .     .    .    x      x      x       x
    web3        .    .     .     .     .    .    x      x      x       x
    web4        .    .     .     .     .    .    x      x      x       x
    db1         .    .     .     .     .    .    x      x      x       x
    db2         .    .     .     .     .    .    x      x      x       x
    shop1       x    x     x     x     -    -    .      .      .       .
    shop2       x    x     x     x     -    -    .      .      .       .
    store1      x    x     x     x     -    -    .      .      .       .
    store2      x    x     x     x     -    -    .      .      .       .
    outside     x    x     x     x     -    -    x      x      x       x
    internet    x    x     x     x     -    -    x      x      x       x
"""
CLIENTS = [*INSTANCES, "outside", "internet"]


def cells(table: str) -> dict[tuple[str, str], str]:
    """A table's cells by row and column, without those that say nothing."""
    header, *rows = (line.split() for line in table.strip().splitlines())
    return {(row[0], column): cell for row in rows for column, cell in zip(header, row[1:], strict=True) if cell != "."}


def expected(client: str) -> dict[str, str]:
    """Each address that a client tries, and whom it is seen as there; empty where it must not get through."""
    own = INSTANCES.get(client)
    found: dict[str, str] = {}
    if own is not None:
        for (row, column), cell in cells(OWN[own.tenant]).items():
            if row == client:
                found[INSTANCES[column].ipv4] = own.ipv4 if cell == "x" else ""
                found[INSTANCES[column].ipv6] = own.ipv6 if cell == "x" else ""
        found |= dict.fromkeys(OUTSIDE.values(), own.floating or CENTRAL[own.tenant])
        found |= dict.fromkeys(OUTSIDE6.values(), own.ipv6)
    seen = {"-": "", "F": own.floating if own else "", "C": CENTRAL[own.tenant] if own else ""}
    seen["o"] = "" if own else OUTSIDE[client]
    for (row, column), cell in cells(FLOATING).items():
        if row == client:
            found[INSTANCES[column].floating] = seen[cell]
    for (row, column), cell in cells(ROUTED).items():
        if row == client:
            found[INSTANCES[column].ipv6] = (own.ipv6 if own else OUTSIDE6[client]) if cell == "x" else ""
    return found


# Each address at the same time; a line with the address and what the other end said.
CONNECT = 'for to in "$@"; do (echo "$to $(busybox nc -w 4 "$to" 7777 </dev/null 2>/dev/null)") & done; wait'
# The pattern tells in a capture whose packet it is.
PING = (
    'pattern=$1; shift; for to in "$@"; do (ping -c 1 -W 4 -w 4 -p "$pattern" "$to" >/dev/null 2>&1 && echo "$to") & '
    "done; wait"
)


def connected(fleet: Fleet, client: str, addresses: list[str]) -> dict[str, str]:
    """Whom each address saw when the client connected to it; empty where it could not."""
    lines = fleet.output(client, "sh", "-c", CONNECT, "sh", *addresses).splitlines()
    return {address: seen.strip() for address, _space, seen in (line.partition(" ") for line in lines)}


def pinged(fleet: Fleet, client: str, addresses: list[str], pattern: str = "00") -> set[str]:
    """The addresses that answer an echo request of the client."""
    return set(fleet.output(client, "sh", "-c", PING, "sh", pattern, *addresses).split())


def from_everywhere(tried: Callable[[str], T]) -> dict[str, T]:
    """What comes of something that each client does; some at a time, as they mostly wait."""
    with ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(CLIENTS, pool.map(tried, CLIENTS), strict=True))
