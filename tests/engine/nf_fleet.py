# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NF nodes and gateways on one machine: a host for each, one trunk between them, and real BIRD daemons.

What is written down here about addresses is written by hand: what is expected must not come from the compiler.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from dvr_fleet import Node, node
from harness import own_network, tool, wait_for
from routers import Router

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.document import nf_document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet

BACKENDS = (
    "openvswitch",
    pytest.param("linux", marks=pytest.mark.needs("vlan")),
    pytest.param("vlan_aware", marks=pytest.mark.needs("vlan", "bridge_vlan")),
)
TRUNK, CLIENT = "trunk", "client"
MTU = 9000
COVER = {4: "203.0.113.0/24", 6: "2001:db8:cb00::/40"}
POOLS = {
    4: ("203.0.113.0/28", "203.0.113.16/28", "203.0.113.32/28"),
    6: ("2001:db8:cb00::/44", "2001:db8:cb10::/44", "2001:db8:cb20::/44"),
}
PLANES = {"nf-up1": {4: "192.0.2.1", 6: "2001:db8:2::1"}, "nf-up2": {4: "192.0.2.2", 6: "2001:db8:2::2"}}
VIRTUAL = {4: "198.51.100.100", 6: "2001:db8:c6::100"}
CONTROL = {4: "192.0.2.9", 6: "2001:db8:2::9"}
SHARED = {4: "192.0.2.254/32", 6: "2001:db8:2::254/128"}
ON_WHICH = {"nf-up1": "compute-01", "nf-up2": "compute-02", "nf-cp1": "compute-09"}

INTENT: dict[str, Any] = {
    "fabric_vlans": {
        "n6": {"id": 100, "subnets": ["192.0.2.0/24", "2001:db8:2::/64"], "mtu": MTU},
        "n4": {"id": 200},
    },
    "fabric_nf_uplink": "eth1",
    "fabric_datapath": "netdev",
    "fabric_nf_hosts": dict.fromkeys(ON_WHICH.values()),
    "fabric_user_planes": {
        name: {"host": ON_WHICH[name], "attach": "veth", "addresses": list(own.values())}
        for name, own in PLANES.items()
    },
    "fabric_control_planes": {
        "nf-cp1": {"host": "compute-09", "attach": "veth", "addresses": list(CONTROL.values()), "asn": 65101}
    },
    "fabric_gateways": {
        "asn": 65000,
        "vlan": "n6",
        "addresses": ["192.0.2.254", "2001:db8:2::254"],
        "hosts": {"dcgw-01": {"addresses": ["192.0.2.252", "2001:db8:2::252"]}},
    },
    "fabric_next_hops": {
        "user-planes": {
            "addresses": list(VIRTUAL.values()),
            "members": ["192.0.2.1-192.0.2.3", "2001:db8:2::1-2001:db8:2::3"],
        }
    },
    "fabric_pools": {
        "subscribers": {
            "prefix": COVER[4],
            "length": 28,
            "count": 3,
            "next_hop": "user-planes",
            "pins": {POOLS[4][2]: "nf-up1"},
        },
        "subscribers6": {
            "prefix": COVER[6],
            "length": 44,
            "count": 3,
            "next_hop": "user-planes",
            "pins": {POOLS[6][2]: "nf-up1"},
        },
    },
    # A machine that is emulated misses packets of faster sessions.
    "fabric_bfd": {"interval": 400, "multiplier": 5},
    "fabric_bgp": {"hold_time": 9, "password": "between-us"},
}


def intent(backend: str) -> dict[str, Any]:
    own = deepcopy(INTENT)
    own["fabric_nf_backend"] = backend
    return own


@dataclass
class Fabric:
    """What runs. It ends with the test."""

    directory: Path
    intent: dict[str, Any]
    nodes: Mapping[str, Node]
    stack: ExitStack
    routers: dict[str, Router] = field(default_factory=dict)

    @property
    def gateway(self) -> Node:
        return self.nodes["dcgw-01"]

    @property
    def device(self) -> str:
        """The gateway's in VLAN 100."""
        return {"openvswitch": "gw-100", "linux": "br-100", "vlan_aware": "br-nf.100"}[self.intent["fabric_nf_backend"]]

    def apply(self) -> None:
        for name in self.nodes:
            self.apply_to(name)

    def apply_to(self, host: str) -> None:
        """What was predicted is done, and then nothing is left to do. What a bridge learns may change meanwhile."""
        own, document = self.nodes[host], nf_document(self.intent, host)
        predicted = own.check(document)
        assert own.run(document) == predicted
        assert own.run(document) == []

    def start(self, host: str, only: str = "") -> None:
        """Every BIRD of a host that the intent has, or one of them."""
        for daemon in daemons(Fleet(self.intent).view(host)):
            if only not in ("", daemon.name):
                continue
            own = self.nodes[host]
            place = own.namespace(daemon.namespace) if daemon.namespace else own.home
            config = text(daemon.config)
            started = Router.started(self.directory / daemon.name, place, config)
            self.routers[daemon.name] = self.stack.enter_context(started)

    def cut(self, host: str) -> None:
        """Frames to and from a host are lost from now on, and nobody sees a carrier go."""
        tool("ip", "link", "set", "dev", port(host), "nomaster")

    def mend(self, host: str) -> None:
        tool("ip", "link", "set", "dev", port(host), "master", TRUNK)

    def routes(self, family: int) -> dict[str, set[str]]:
        """What BIRD has put into the gateway's kernel: the set of next hops of each."""
        words = ("ip", "-j", f"-{family}", "route", "show", "proto", "bird")
        found = json.loads(tool(*words, namespace=self.gateway.home).stdout or "[]")
        return {_whole(route["dst"], family): _next_hops(route) for route in found}

    def await_routes(self, expected: Mapping[int, Mapping[str, set[str]]], seconds: float = 20.0) -> None:
        for family, routes in expected.items():
            wait_for(lambda f=family, r=routes: self.routes(f) == r, f"routes {routes} of IPv{family}", seconds)

    def reaches(self, address: str, count: int = 3) -> bool:
        """Whether the client has an answer to each of some packets."""
        words = ("ping", "-n", "-q", "-c", str(count), "-i", "0.2", "-W", "1", address)
        return f"{count} received" in tool(*words, namespace=CLIENT, check=False).stdout


def text(config: str) -> str:
    """A configuration that logs where the test reads."""
    assert "log syslog all;" in config
    return config.replace("log syslog all;", "log stderr all;")


def plan(*live: str) -> dict[int, dict[str, set[str]]]:
    """The routes of both families with these user planes alive."""
    found: dict[int, dict[str, set[str]]] = {}
    for family in (4, 6):
        ways = {PLANES[name][family] for name in live}
        width = 32 if family == 4 else 128
        routes = {COVER[family]: ways, f"{VIRTUAL[family]}/{width}": ways} if live else {}
        homes = dict(zip(POOLS[family], ("nf-up1", "nf-up2", "nf-up1")))
        routes |= {pool: {PLANES[name][family]} for pool, name in homes.items() if name in live}
        found[family] = routes
    return found


@contextmanager
def fabric(directory: Path, backend: str) -> Iterator[Fabric]:
    """The hosts with their documents applied, no daemon yet, and a client behind the gateway."""
    with own_network(), ExitStack() as stack:
        tool("ip", "link", "add", "name", TRUNK, "type", "bridge", "mcast_snooping", "0")
        tool("ip", "link", "set", "dev", TRUNK, "mtu", "9100", "up")
        nodes = {}
        for name in (*ON_WHICH.values(), "dcgw-01"):
            nodes[name] = stack.enter_context(node(name, directory / name))
            cable = ("mtu", "9100", "type", "veth", "peer", "eth1", "netns", str(nodes[name].process.pid))
            tool("ip", "link", "add", port(name), *cable)
            tool("ip", "link", "set", "dev", "eth1", "mtu", "9100", namespace=nodes[name].home)
            tool("ip", "link", "set", "dev", port(name), "master", TRUNK, "up")
        found = Fabric(directory, intent(backend), nodes, stack)
        _add_client(found)
        found.apply()
        _add_surroundings(found)
        yield found


def _add_client(found: Fabric) -> None:
    tool("ip", "netns", "add", CLIENT)
    found.stack.callback(tool, "ip", "netns", "del", CLIENT)
    tool(
        "ip",
        "link",
        "add",
        "eth0",
        "netns",
        CLIENT,
        "type",
        "veth",
        "peer",
        "north",
        "netns",
        str(found.gateway.process.pid),
    )
    for namespace, device, number in ((CLIENT, "eth0", 2), (found.gateway.home, "north", 1)):
        tool("ip", "address", "add", f"10.99.0.{number}/24", "dev", device, namespace=namespace)
        tool("ip", "address", "add", f"2001:db8:99::{number}/64", "dev", device, "nodad", namespace=namespace)
        tool("ip", "link", "set", "dev", device, "up", namespace=namespace)
    tool("ip", "route", "add", "default", "via", "10.99.0.1", namespace=CLIENT)
    tool("ip", "route", "add", "default", "via", "2001:db8:99::1", namespace=CLIENT)


def _add_surroundings(found: Fabric) -> None:
    """What is not the collection's here: the shared addresses, which are keepalived's, and subscribers."""
    for address in SHARED.values():
        words = ("ip", "address", "add", address, "dev", found.device, *(("nodad",) if ":" in address else ()))
        tool(*words, namespace=found.gateway.home)
    for name in PLANES:
        place = found.nodes[ON_WHICH[name]].namespace(name)
        tool("ip", "link", "set", "dev", "lo", "up", namespace=place)
        for cover in COVER.values():
            tool("ip", "route", "add", "local", cover, "dev", "lo", namespace=place)


def port(host: str) -> str:
    """The trunk's end of a host's cable."""
    return f"to-{host}"


def _whole(prefix: str, family: int) -> str:
    return prefix if "/" in prefix else f"{prefix}/{32 if family == 4 else 128}"


def _next_hops(route: Mapping[str, Any]) -> set[str]:
    assert route.get("type", "unicast") == "unicast", route
    return {hop["gateway"] for hop in route.get("nexthops", [route])}
