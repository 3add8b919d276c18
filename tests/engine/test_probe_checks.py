# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks derived from an intent hold on the network built from it, and fail when what they are about is broken."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("netaddr")

from harness import Machine, inside, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import Result, parse
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.run import Runner
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.document import bridge_document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.bridge import bridge_checks
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import parse_settings

PORT = 7777
OUTSIDE4, OUTSIDE6 = "198.51.100.2", "2001:db8:ff::2"
UPLINK4, UPLINK6 = "198.51.100.1", "2001:db8:ff::1"
LAN4 = "203.0.113.1"

INTENT: dict[str, Any] = {
    "fabric_bridges": {
        "hidden": {
            "host": "h1",
            "addresses": ["10.0.1.1/24", "fd00:1::1/64"],
            "forward": "nat",
            "uplink": "eth0",
            "mtu": 1450,
        },
        "open": {"host": "h1", "addresses": ["10.0.2.1/24", "fd00:2::1/64"], "forward": "route", "uplink": "eth0"},
        "closed": {"host": "h1", "addresses": ["10.0.3.1/24"], "isolated_ports": True},
        "lan": {
            "host": "h1",
            "forward": "bridge",
            "uplink": "eth1",
            "subnets": ["203.0.113.0/24"],
            "gateways": [LAN4],
        },
    },
    "fabric_instances": {
        "n1": {"bridge": "hidden", "attach": "veth", "addresses": ["10.0.1.11", "fd00:1::11"]},
        "n2": {"bridge": "hidden", "attach": "veth", "addresses": ["10.0.1.12", "fd00:1::12"]},
        "r1": {"bridge": "open", "attach": "veth", "addresses": ["10.0.2.11", "fd00:2::11"]},
        "i1": {"bridge": "closed", "attach": "veth", "addresses": ["10.0.3.11"]},
        "i2": {"bridge": "closed", "attach": "veth", "addresses": ["10.0.3.12"]},
        "l1": {"bridge": "lan", "attach": "veth", "addresses": ["203.0.113.11"]},
    },
}
SETTINGS = parse_settings(
    targets=[
        {"name": "peer", "address": OUTSIDE4, "port": PORT, "seen_as": True},
        {"name": "peer", "address": OUTSIDE6, "port": PORT, "seen_as": True},
    ],
    outside=[{"name": "peer", "namespace": "peer", "hosts": ["h1"], "reaches": [UPLINK4, UPLINK6]}],
    port=PORT,
)


@pytest.fixture
def built(host: Machine) -> Iterator[Machine]:
    """The host h1 built from the intent, with `peer` behind both of its uplinks, and PORT open on everybody."""
    tool("ip", "netns", "add", "peer")
    for name in ("", "peer"):
        with inside(name):
            for key in ("ipv6/conf/default/accept_dad", "ipv4/ip_forward", "ipv6/conf/all/forwarding"):
                with open(f"/proc/sys/net/{key}", "w", encoding="ascii") as stream:
                    stream.write("0" if key.endswith("dad") else "1")
    for device in ("eth0", "eth1"):
        tool("ip", "link", "add", device, "type", "veth", "peer", "name", device, "netns", "peer")
        tool("ip", "link", "set", device, "up")
        tool("ip", "link", "set", device, "up", namespace="peer")
    for address, peer in ((f"{UPLINK4}/24", f"{OUTSIDE4}/24"), (f"{UPLINK6}/64", f"{OUTSIDE6}/64")):
        tool("ip", "addr", "add", address, "dev", "eth0")
        tool("ip", "addr", "add", peer, "dev", "eth0", namespace="peer")
    tool("ip", "addr", "add", f"{LAN4}/24", "dev", "eth1", namespace="peer")
    for subnet, via in (("10.0.0.0/16", UPLINK4), ("fd00:1::/64", UPLINK6), ("fd00:2::/64", UPLINK6)):
        tool("ip", "route", "add", subnet, "via", via, namespace="peer")
    host.run(bridge_document(INTENT, "h1"))
    with contextlib.ExitStack() as servers:
        for name in ("peer", *INTENT["fabric_instances"]):
            servers.enter_context(saying_whom_it_sees(name))
        await_all_hold()
        yield host


@contextlib.contextmanager
def saying_whom_it_sees(namespace: str) -> Iterator[None]:
    with inside(namespace):
        server = socket.create_server(("::", PORT), family=socket.AF_INET6, dualstack_ipv6=True)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, peer = server.accept()
                with client:
                    client.sendall(peer[0].removeprefix("::ffff:").encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def results(patience: float = 0) -> list[Result]:
    checks = [check for place in bridge_checks(INTENT, "h1", SETTINGS) for check in place["checks"]]
    probes = parse([{**check["probe"], "timeout": 1} for check in checks])
    return Runner(Host(), patience=patience).run(probes)


def failures(patience: float = 0) -> dict[str, str]:
    return {result.probe.name: result.message for result in results(patience) if not result.ok}


def await_all_hold() -> None:
    """The kernel lets frames through a link a moment after it has come up."""
    deadline = time.monotonic() + 10
    while found := failures():
        assert time.monotonic() < deadline, found


def test_everything_the_intent_promises_holds(built: Machine) -> None:
    found = results()
    assert [result.message for result in found if not result.ok] == []
    assert {result.probe.kind for result in found} == {"ping", "path_mtu", "tcp", "arp", "spoof"}
    seen_as = {result.probe.name: result.measured["seen_as"] for result in found if result.probe.kind == "tcp"}
    assert seen_as[f"n1 to peer, tcp {OUTSIDE4} port {PORT}"] == UPLINK4
    assert seen_as[f"n1 to peer, tcp {OUTSIDE6} port {PORT}"] == UPLINK6
    assert seen_as[f"r1 to peer, tcp {OUTSIDE4} port {PORT}"] == "10.0.2.11"
    assert seen_as[f"l1 to peer, tcp {OUTSIDE4} port {PORT}"] == "203.0.113.11"
    assert not [name for name in seen_as if name.startswith("i1 to peer")]


def table_of(family: str, name: str) -> str:
    """The name that a table of the role has on the host."""
    names = [line.split()[2] for line in tool("nft", "list", "tables").stdout.splitlines() if f" {family} " in line]
    return next(found for found in names if found.endswith(f".{name}"))


def guard_is_gone(_host: Machine) -> None:
    tool("nft", "delete", "table", "bridge", table_of("bridge", "guard"))


def nothing_is_masqueraded(_host: Machine) -> None:
    tool("nft", "flush", "chain", "inet", table_of("inet", "forward"), "postrouting")


def everything_is_forwarded(_host: Machine) -> None:
    tool("nft", "flush", "chain", "inet", table_of("inet", "forward"), "forward")


def a_port_is_no_longer_isolated(_host: Machine) -> None:
    tool("bridge", "link", "set", "dev", "veth-i1", "isolated", "off")


def an_mtu_is_smaller(_host: Machine) -> None:
    tool("ip", "link", "set", "eth0", "mtu", "1350", namespace="n1")


def an_address_is_stolen(_host: Machine) -> None:
    guard_is_gone(_host)
    tool("ip", "addr", "add", "10.0.1.11/32", "dev", "eth0", namespace="n2")


def a_link_is_down(_host: Machine) -> None:
    tool("ip", "link", "set", "veth-r1", "down")


@pytest.mark.parametrize(
    ("breaks", "begins", "says"),
    [
        pytest.param(
            guard_is_gone,
            {f"{name} as " for name in INTENT["fabric_instances"]},
            "arrived at",
            id="anti-spoofing",
        ),
        pytest.param(nothing_is_masqueraded, {"n1 to peer, tcp ", "n2 to peer, tcp "}, "and it should be", id="nat"),
        pytest.param(
            everything_is_forwarded,
            {"peer to n1, ", "peer to n2, ", "r1 to n1, ", "i1 to "},
            "",
            id="forwarding",
        ),
        pytest.param(a_port_is_no_longer_isolated, {"i1 to i2, ", "i2 to i1, "}, "none should", id="isolation"),
        pytest.param(an_mtu_is_smaller, {"n1 to host, path_mtu "}, "up to 1350 bytes pass", id="mtu"),
        pytest.param(an_address_is_stolen, {"host to n1, arp "}, "alone", id="owner"),
        pytest.param(a_link_is_down, {"r1 to ", "host to r1, ", "peer to r1, ", "n1 to r1, "}, "", id="reach"),
    ],
)
def test_what_is_broken_is_found(
    built: Machine, breaks: Callable[[Machine], None], begins: set[str], says: str
) -> None:
    breaks(built)
    found = failures()
    for beginning in begins:
        hits = {name: message for name, message in found.items() if name.startswith(beginning)}
        assert hits, f"nothing of {beginning!r} in {sorted(found)}"
        assert all(says in message for message in hits.values()), hits
    if breaks in (nothing_is_masqueraded, a_port_is_no_longer_isolated, an_mtu_is_smaller):
        assert [name for name in found if not name.startswith(tuple(begins))] == []
