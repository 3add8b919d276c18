# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An uplink goes into a bridge and back, over a connection that it carries itself."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import Machine, actions, inside, tool, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, PlanRefused

INTO_BRIDGE: dict[str, Any] = {
    "links": [
        {"name": "eth0", "type": "physical"},
        {"name": "br0", "type": "bridge", "up": True, "mac": "02:00:00:00:00:83", "stp": False, "forward_delay": 0},
    ],
    "uplinks": [{"link": "eth0", "bridge": "br0", "because": "fabric_bridges.br0"}],
}


@pytest.fixture
def wired(host: Machine) -> Machine:
    """A host whose eth0 is wired to a namespace ``peer``, with addresses, routes and rules as a real one has."""
    host.ip("netns add peer")
    host.ip("link add name eth0 address 02:00:00:00:00:83 type veth peer name eth0 netns peer")
    for line in (
        "link set dev eth0 up",
        "addr add 10.9.0.83/24 brd + dev eth0",
        "addr add 10.9.0.84/24 brd + dev eth0",
        "addr add 172.16.0.1/16 dev eth0 label eth0:x",
        "addr add 2001:db8:9::83/64 dev eth0 nodad",
        "addr add 198.51.100.7/24 dev eth0 valid_lft 900 preferred_lft 600",
        "route add default via 10.9.0.1 proto static metric 100",
        "route add 10.20.0.0/16 via 10.9.0.2 src 10.9.0.84 table 100",
        "route add 10.30.0.0/16 dev eth0 scope link",
        "route add 10.40.0.0/16 nexthop via 10.9.0.2 weight 1 nexthop via 10.9.0.3 weight 2",
        "-6 route add default via 2001:db8:9::1 metric 50",
        "-6 route add 2001:db8:40::/48 via 2001:db8:9::2 table 100",
        "rule add priority 100 from 10.9.0.84 lookup 100",
        "neigh add 10.9.0.2 dev eth0 lladdr 02:00:00:00:00:02 nud permanent",
    ):
        host.ip(line)
    for line in ("link set dev lo up", "link set dev eth0 up", "addr add 10.9.0.1/24 dev eth0"):
        host.ip(line, "peer")
    host.ip("addr add 2001:db8:9::1/64 dev eth0 nodad", "peer")
    return host


class Stream:
    """Numbers sent every 10 ms over one TCP connection, and sent back by the other end."""

    def __init__(self, server: socket.socket, address: str) -> None:
        server.listen()
        with inside("peer"):
            self._client = socket.create_connection((address, server.getsockname()[1]), 2)
        self._server, _peer = server.accept()
        self._ending = threading.Event()
        self.longest_gap = 0.0
        self.answers = 0
        self.fault = ""
        self._threads = [threading.Thread(target=work) for work in (self._answer, self._ask)]
        for thread in self._threads:
            thread.start()

    def _answer(self) -> None:
        while data := self._server.recv(4096):
            self._server.sendall(data)

    def _ask(self) -> None:
        try:
            self._client.settimeout(5)
            while not self._ending.is_set():
                asked = time.monotonic()
                self._client.sendall(b"0123456789")
                if len(self._client.recv(4096)) == 0:
                    raise ConnectionError("the other end has closed")
                self.answers += 1
                self.longest_gap = max(self.longest_gap, time.monotonic() - asked)
                time.sleep(0.01)
        except OSError as error:
            self.fault = f"after {self.answers} answers: {error}"
        finally:
            self._client.close()

    def end(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(10)
        self._server.close()


@contextmanager
def stream(address: str) -> Iterator[Stream]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as server:
        server.bind((address, 0))
        running = Stream(server, address)
        try:
            yield running
        finally:
            running.end()


def _load(host: Machine, device: str) -> dict[str, Any]:
    """What a device carries, without what names the device itself."""
    keep = ("local", "prefixlen", "broadcast", "scope", "noprefixroute")
    link = host.link(device)
    assert link is not None
    addresses = [{key: a.get(key) for key in keep} for a in link["addr_info"] if a["scope"] == "0"]
    routes = [r for r in host.ip_json("route show table all") if r["table"] != "255" and r["protocol"] != "2"]
    shown = [{key: value for key, value in route.items() if key != "flags"} for route in routes]
    text = json.dumps(shown, sort_keys=True).replace(f'"{device}"', '"DEVICE"')
    return {"addresses": addresses, "routes": json.loads(text)}


def test_everything_moves_onto_the_bridge_and_back(wired: Machine) -> None:
    before, load = wired.snapshot(), _load(wired, "eth0")
    done = wired.apply(INTO_BRIDGE)
    assert actions(done)["uplink eth0"] == "change"
    assert _load(wired, "br0") == load
    assert _load(wired, "eth0")["addresses"] == []
    wired.absent()
    assert _load(wired, "eth0") == load
    assert wired.ledgers() == []
    after = wired.snapshot()
    for snapshot in (before, after):
        # The labels of addresses that are moved are those of their new device; a neighbour belongs to its device.
        snapshot["host"].pop("neigh show nud permanent")
    assert after["host"]["rule show"] == before["host"]["rule show"]


@pytest.mark.parametrize("address", ["10.9.0.83", "2001:db8:9::85"])
def test_a_connection_over_the_uplink_lives_on(address: str, wired: Machine) -> None:
    wired.ip("addr add 2001:db8:9::85/64 dev eth0")
    wait_for(lambda: "tentative" not in wired.ip("addr show dev eth0"), "the end of duplicate address detection")
    with stream(address) as running:
        for _round in range(2):
            wired.run(INTO_BRIDGE, protected=address)
            time.sleep(0.1)
            wired.run({}, protected=address)
            time.sleep(0.1)
    assert running.fault == ""
    assert running.longest_gap < 1.0
    assert running.answers > 10


def test_the_remaining_time_of_a_leased_address_is_kept(wired: Machine) -> None:
    wired.apply(INTO_BRIDGE)
    (leased,) = [a for a in wired.ip_json("addr show dev br0")[0]["addr_info"] if a["local"] == "198.51.100.7"]
    assert leased["dynamic"] is True
    assert leased["valid_life_time"] in range(850, 901)
    assert leased["preferred_life_time"] in range(550, 601)


def test_what_comes_onto_the_link_later_moves_too(wired: Machine) -> None:
    """A client of DHCP that knows nothing of the bridge may put its address back on the link."""
    wired.apply(INTO_BRIDGE)
    wired.ip("addr add 10.9.0.99/24 brd + dev eth0")
    done = wired.apply(INTO_BRIDGE)
    assert actions(done) == {"uplink eth0": "change"}
    assert "10.9.0.99/24" in wired.addresses("br0")
    assert wired.addresses("eth0") == set()


def test_an_address_that_the_document_declares_stays_on_the_bridge(wired: Machine) -> None:
    declared = {**INTO_BRIDGE, "addresses": [{"link": "br0", "address": "192.0.2.1/24"}]}
    wired.apply(declared)
    assert {"192.0.2.1/24", "10.9.0.83/24"} <= wired.addresses("br0")
    wired.absent()
    assert "192.0.2.1/24" not in wired.addresses("eth0")
    assert "10.9.0.83/24" in wired.addresses("eth0")


def test_an_uplink_can_change_its_bridge(wired: Machine) -> None:
    load = _load(wired, "eth0")
    wired.apply(INTO_BRIDGE)
    other = json.loads(json.dumps(INTO_BRIDGE).replace("br0", "br1"))
    wired.apply(other)
    assert _load(wired, "br1") == load
    wired.absent()
    assert _load(wired, "eth0") == load


def test_the_uplink_is_not_cut_by_the_guard_that_protects_its_address(wired: Machine) -> None:
    wired.run(INTO_BRIDGE, protected="10.9.0.83")
    assert "10.9.0.83/24" in wired.addresses("br0")


def test_enslaving_the_protected_link_without_an_uplink_is_refused(wired: Machine) -> None:
    before = wired.snapshot()
    enslaved = [{"name": "eth0", "type": "physical", "master": "br0"}, INTO_BRIDGE["links"][1]]
    with pytest.raises(PlanRefused, match="would cut this connection"):
        wired.run({"links": enslaved}, protected="10.9.0.83")
    wired.assert_as(before)


def test_an_uplink_needs_a_link_and_a_bridge(host: Machine) -> None:
    with pytest.raises(PlanRefused, match="link host eth0: is not on this host"):
        host.run(INTO_BRIDGE)
    with pytest.raises(PlanRefused, match=r"uplink host eth0 \(fabric_bridges\.br0\): needs link eth0"):
        host.run({**INTO_BRIDGE, "links": INTO_BRIDGE["links"][1:]})
    with pytest.raises(DocumentError, match="t0 is a tap, not a bridge"):
        host.run({"links": [{"name": "t0", "type": "tap"}], "uplinks": [{"link": "eth0", "bridge": "t0"}]})


def test_frames_pass_between_the_uplink_and_another_port(wired: Machine) -> None:
    document = {
        **INTO_BRIDGE,
        "namespaces": [{"name": "c1"}],
        "addresses": [{"namespace": "c1", "link": "eth0", "address": "10.9.0.50/24"}],
    }
    document["links"] = [
        *INTO_BRIDGE["links"],
        {"name": "v1", "type": "veth", "peer": {"namespace": "c1", "name": "eth0"}, "master": "br0", "up": True},
        {"namespace": "c1", "name": "eth0", "type": "veth", "peer": {"name": "v1"}, "up": True},
    ]
    wired.apply(document)
    assert tool("ping", "-c", "1", "-W", "2", "10.9.0.1", namespace="c1", check=False).returncode == 0
