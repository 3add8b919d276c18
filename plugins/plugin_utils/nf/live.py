# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is true of a gateway at the moment, read from what the modules host_network_info and bird_info found there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import whole

if TYPE_CHECKING:
    from netaddr import IPAddress

MAIN_TABLE = 254


@dataclass(frozen=True)
class Live:
    """routes: the next hops of each route in the kernel's main table. addresses: what each device has.

    answering: the neighbours whose BFD session is up. sessions: how many routes each established BGP session has.
    """

    routes: Mapping[str, frozenset[str]]
    types: Mapping[str, str]
    addresses: Mapping[str, frozenset[str]]
    answering: frozenset[str]
    sessions: Mapping[str, int]

    def ways(self, destination: object) -> frozenset[str]:
        return self.routes.get(whole(destination), frozenset())


def parse_live(network: Mapping[str, Any], routing: Mapping[str, Any]) -> Live:
    """``network`` is the document of host_network_info, ``routing`` the result of bird_info."""
    own = [route for route in network.get("routes", ()) if not route.get("namespace") and _is_main(route)]
    addresses: dict[str, set[str]] = {}
    for entry in network.get("addresses", ()):
        if not entry.get("namespace"):
            addresses.setdefault(str(entry["link"]), set()).add(str(entry["address"]).partition("/")[0])
    return Live(
        routes={str(route["destination"]): _ways(route) for route in own},
        types={str(route["destination"]): str(route.get("type", "unicast")) for route in own},
        addresses={device: frozenset(found) for device, found in addresses.items()},
        answering=frozenset(str(one["address"]) for one in routing.get("bfd_sessions", ()) if one["up"]),
        sessions={
            str(one["name"]): int(one["routes"])
            for one in routing.get("protocols", ())
            if one["type"] == "BGP" and one["up"]
        },
    )


def as_text(addresses: frozenset[IPAddress] | tuple[IPAddress, ...]) -> frozenset[str]:
    return frozenset(map(str, addresses))


def _is_main(route: Mapping[str, Any]) -> bool:
    return int(route.get("table", MAIN_TABLE)) == MAIN_TABLE


def _ways(route: Mapping[str, Any]) -> frozenset[str]:
    hops = route.get("next_hops") or [route]
    return frozenset(str(hop["via"]) for hop in hops if hop.get("via"))
