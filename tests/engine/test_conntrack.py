# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections end when the elements go by which they were translated; seen from a client that keeps on talking."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from harness import Machine, actions, inside, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.conntrack import forget
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host

PORT = 7000
PREFIX = {4: "10.{}.0.", 6: "fd00:{}::"}
# What clients talk to, and the server that it is translated to at first.
FLOATING, KEPT = 100, 101


def _address(version: int, net: int, number: int) -> str:
    return PREFIX[version].format(net) + str(number)


def _elements(version: int, targets: dict[int, int]) -> list[str]:
    return [f"{_address(version, 1, near)} : {_address(version, 2, far)}" for near, far in targets.items()]


def _document(version: int, targets: dict[int, int], *, zone: bool = False, **fields: Any) -> dict[str, Any]:
    """A router whose table translates each floating address to a server."""
    family, kind = {4: ("ip", "ipv4_addr"), 6: ("ip6", "ipv6_addr")}[version]
    rules = [f"dnat to {family} daddr map @floating"]
    chains: list[dict[str, Any]] = [
        {"name": "pre", "type": "nat", "hook": "prerouting", "priority": "dstnat", "rules": rules}
    ]
    if zone:
        raw = {"name": "raw", "type": "filter", "hook": "prerouting", "priority": "raw", "rules": ["ct zone set 7"]}
        chains.append(raw)
    floating = {"name": "floating", "type": f"{kind} : {kind}", "elements": _elements(version, targets)}
    forgetting = {"forget": True, **fields}
    table = {"namespace": "r", "family": family, "name": "nat", "sets": [{**floating, **forgetting}], "chains": chains}
    switch = "net.ipv4.ip_forward" if version == 4 else "net.ipv6.conf.all.forwarding"
    return {
        "namespaces": [{"name": "r"}],
        "sysctls": [{"namespace": "r", "name": switch, "value": 1}],
        "nft_tables": [table],
    }


@pytest.fixture(params=[4, 6])
def version(request: pytest.FixtureRequest, host: Machine) -> int:
    """A client in ``c``, a router in ``r`` and servers 2 and 3 in ``s``, all of one IP version."""
    number = int(request.param)
    host.run({"namespaces": [{"name": "r"}]})
    size = {4: 24, 6: 64}[number]
    for end, net, numbers in (("c", 1, (2, 4)), ("s", 2, (2, 3))):
        host.ip(f"netns add {end}")
        for namespace in (end, "r"):
            # Link-local addresses are there at once, for the router's first questions.
            tool("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", namespace=namespace)
        host.ip(f"link add name {end} netns r type veth peer name eth0 netns {end}")
        host.ip(f"link set dev {end} up", "r")
        host.ip(f"addr add {_address(number, net, 1)}/{size} dev {end} {'nodad' if number == 6 else ''}", "r")
        for device in ("lo", "eth0"):
            host.ip(f"link set dev {device} up", end)
        for own in numbers:
            address = f"{_address(number, net, own)}/{size}"
            host.ip(f"addr add {address} dev eth0 {'nodad' if number == 6 else ''}", end)
        host.ip(f"route add {_address(number, 3 - net, 0)}/{size} via {_address(number, net, 1)}", end)
        if end == "c":
            for floating in (FLOATING, KEPT):
                host.ip(f"route add {_address(number, 1, floating)} via {_address(number, 1, 1)}", end)
    return number


@contextmanager
def _servers(version: int) -> Iterator[None]:
    """Servers 2 and 3 answer every datagram with their number."""
    family = {4: socket.AF_INET, 6: socket.AF_INET6}[version]
    with ExitStack() as stack:
        for number in (2, 3):
            with inside("s"):
                server = socket.socket(family, socket.SOCK_DGRAM)
            server.bind((_address(version, 2, number), PORT))
            thread = threading.Thread(target=_serve, args=(server, str(number).encode()))
            thread.start()
            stack.callback(_end, server, thread)
        yield


def _serve(server: socket.socket, answer: bytes) -> None:
    while True:
        data, sender = server.recvfrom(100)
        if data == b"end":
            server.close()
            return
        server.sendto(answer, sender)


def _end(server: socket.socket, thread: threading.Thread) -> None:
    with inside("s"), socket.socket(server.family, socket.SOCK_DGRAM) as last:
        last.sendto(b"end", server.getsockname())
    thread.join(5)


class Client:
    """One flow of datagrams: the same ports all the time."""

    def __init__(self, version: int, to: int, own: int = 2) -> None:
        with inside("c"):
            self._socket = socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[version], socket.SOCK_DGRAM)
        self._socket.bind((_address(version, 1, own), 0))
        self._socket.connect((_address(version, 1, to), PORT))

    def answer(self, tries: int = 20) -> str:
        """The number of the server that answers, ``none`` for silence."""
        self._drop_what_came_late()
        self._socket.settimeout(0.2)
        for _try in range(tries):
            try:
                self._socket.send(b"who")
                return self._socket.recv(100).decode()
            except (TimeoutError, ConnectionError):
                continue
        return "none"

    def _drop_what_came_late(self) -> None:
        self._socket.settimeout(0)
        try:
            while self._socket.recv(100):
                pass
        except OSError:
            return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def flows(host: Machine, version: int) -> Iterator[tuple[Client, Client]]:
    """One flow to the floating address that is to move, and one to the address that stays."""
    with _servers(version):
        clients = (Client(version, FLOATING), Client(version, KEPT, 4))
        yield clients
        for client in clients:
            client.close()


BEFORE = {FLOATING: 2, KEPT: 2}


@pytest.mark.parametrize("zone", [False, True])
def test_a_flow_follows_its_address_to_another_server(
    zone: bool, host: Machine, version: int, flows: tuple[Client, Client]
) -> None:
    host.apply(_document(version, BEFORE, zone=zone))
    assert [flow.answer() for flow in flows] == ["2", "2"]
    done = host.apply(_document(version, {**BEFORE, FLOATING: 3}, zone=zone))
    assert actions(done) == {f"nft_table r ip{'' if version == 4 else '6'} nat": "change"}
    assert flows[0].answer() == "3"


def test_without_forgetting_it_would_not(host: Machine, version: int, flows: tuple[Client, Client]) -> None:
    host.apply(_document(version, BEFORE, forget=False))
    assert flows[0].answer() == "2"
    host.apply(_document(version, {**BEFORE, FLOATING: 3}, forget=False))
    assert flows[0].answer() == "2"


def test_only_the_connections_of_what_goes_are_forgotten(
    host: Machine, version: int, flows: tuple[Client, Client]
) -> None:
    """Told by a second table, which counts the first packets of connections to the server that stays."""
    targets, family = {FLOATING: 2, KEPT: 3}, {4: "ip", 6: "ip6"}[version]
    host.apply(_document(version, targets))
    host.ip("netns exec r nft add table inet other")
    host.ip("netns exec r nft add chain inet other f { type filter hook forward priority 0 ; }")
    host.ip(f"netns exec r nft add rule inet other f {family} daddr {_address(version, 2, 3)} ct state new counter")
    assert [flow.answer() for flow in flows] == ["2", "3"]
    host.apply(_document(version, {KEPT: 3}))
    assert [flow.answer(2) for flow in flows] == ["none", "3"]
    assert "packets 1 " in host.ip("netns exec r nft list chain inet other f")


def test_a_table_that_goes_takes_its_connections_along(
    host: Machine, version: int, flows: tuple[Client, Client]
) -> None:
    host.apply(_document(version, BEFORE))
    assert flows[0].answer() == "2"
    done = host.apply({**_document(version, BEFORE), "nft_tables": []})
    assert flows[0].answer(2) == "none"
    command = f"ip netns exec r conntrack -D --orig-dst {_address(version, 1, FLOATING)}"
    assert command in done.commands


def test_a_namespace_that_goes_needs_no_more(host: Machine, version: int) -> None:
    host.run(_document(version, BEFORE))
    for cable in ("c", "s"):
        host.ip(f"link delete {cable}", "r")
    assert not [command for command in host.run({}).commands if "conntrack" in command]


def test_a_killed_run_leaves_the_forgetting_to_the_next(
    host: Machine, version: int, flows: tuple[Client, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.run(_document(version, BEFORE))
    assert flows[0].answer() == "2"
    after = _document(version, {**BEFORE, FLOATING: 3})
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(Host, "forget_connections", lambda *_words: os.kill(os.getpid(), signal.SIGKILL))
            host.run(after)
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert flows[0].answer() == "2"
    assert actions(host.run(after)) == {}
    assert flows[0].answer() == "3"
    assert json.loads((host.run_directory / "t.json").read_text(encoding="ascii"))["owed"] == []
    host.assert_settled(after)


def test_forgetting_is_switched_on_and_off_without_losing_a_connection(
    host: Machine, version: int, flows: tuple[Client, Client]
) -> None:
    host.apply(_document(version, BEFORE, forget=False))
    assert flows[0].answer() == "2"
    assert not [command for command in host.apply(_document(version, BEFORE)).commands if "conntrack" in command]
    host.apply(_document(version, BEFORE, forget=False))
    assert flows[0].answer() == "2"


def test_a_reading_knows_what_is_to_be_forgotten(host: Machine, version: int, flows: tuple[Client, Client]) -> None:
    document = _document(version, BEFORE)
    host.apply(document)
    reader = Host(ovs_database=host.ovs_database, run_directory=str(host.run_directory))
    host.hosts.append(reader)
    read = gather(reader, "t")
    assert actions(host.run(read)) == {}
    assert flows[0].answer() == "2"
    host.run({**read, "nft_tables": []})
    assert flows[0].answer(2) == "none"


def test_prefixes_and_ranges_are_forgotten_too(host: Machine, version: int, flows: tuple[Client, Client]) -> None:
    host.run(_document(version, BEFORE))
    assert flows[0].answer() == "2"
    with inside("r"):
        assert forget([f"{_address(version, 3, 0)}/{ {4: 24, 6: 64}[version] }"]) == 0
        assert forget([f"{_address(version, 2, 0)}/{ {4: 24, 6: 64}[version] }"]) == 1
        assert forget([_address(version, 2, 2)]) == 0


def test_a_set_without_addresses_has_nothing_to_forget(host: Machine) -> None:
    table = {"family": "ip", "name": "t", "sets": [{"name": "ports", "type": "inet_service", "forget": True}]}
    with pytest.raises(DocumentError, match="set ports cannot forget: its key inet_service has no address"):
        host.run({"nft_tables": [table]})
