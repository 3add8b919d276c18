# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets between two instances, one every 10 ms, while the engine works beside them: none is lost."""

from __future__ import annotations

import copy
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import Machine, actions, inside

INTERVAL = 0.01


class Probe:
    """Numbered packets from one namespace to an address in another. Sockets stay in the namespace they are made in."""

    def __init__(self, source: str, target: str, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(target):
            self._receiver = socket.socket(family, socket.SOCK_DGRAM)
            self._receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            self._receiver.bind((address, 0))
        with inside(source):
            self._sender = socket.socket(family, socket.SOCK_DGRAM)
            self._sender.connect((address, self._receiver.getsockname()[1]))
        self.sent = 0
        self.refused = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def _send(self) -> None:
        while not self._ending.wait(INTERVAL):
            self.sent += 1
            try:
                self._sender.send(str(self.sent).encode())
            except OSError:
                self.refused += 1

    def start(self) -> None:
        """Wait until packets pass: addresses are resolved, ports forward."""
        self._receiver.settimeout(0.2)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self._sender.send(b"0")
            try:
                self._receiver.recv(100)
            except TimeoutError:
                continue
            break
        else:
            pytest.fail("no packet passes before anything is changed")
        self._thread.start()

    def lost(self) -> set[int]:
        """End the probe; the numbers that did not arrive."""
        time.sleep(5 * INTERVAL)
        self._ending.set()
        self._thread.join()
        arrived = set()
        self._receiver.settimeout(0.2)
        try:
            while True:
                arrived.add(int(self._receiver.recv(100)))
        except TimeoutError:
            pass
        self._receiver.close()
        self._sender.close()
        return set(range(1, self.sent + 1)) - arrived


@contextmanager
def lossless(source: str, target: str, address: str) -> Iterator[Probe]:
    probe = Probe(source, target, address)
    probe.start()
    time.sleep(5 * INTERVAL)
    yield probe
    lost = probe.lost()
    assert probe.sent >= 10
    assert (lost, probe.refused) == (set(), 0), f"{len(lost)} of {probe.sent} packets lost"


def _mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def _instances(*numbers: int) -> dict[str, Any]:
    """Instances on a bridge that routes between two subnets and filters what its ports send."""
    macs = [f"v{n} . {_mac(n)}" for n in numbers]
    document: dict[str, Any] = {
        "namespaces": [{"name": f"i{n}"} for n in numbers],
        "links": [{"name": "br0", "type": "bridge", "up": True, "forward_delay": 0}],
        "addresses": [{"link": "br0", "address": "10.0.0.254/24"}, {"link": "br0", "address": "2001:db8::fe/64"}],
        "routes": [],
        "sysctls": [{"name": "net.ipv4.ip_forward", "value": 1}],
        "nft_tables": [
            {
                "family": "bridge",
                "name": "guard",
                "sets": [{"name": "ports", "type": "ifname . ether_addr", "elements": macs}],
                "chains": [
                    {
                        "name": "f",
                        "type": "filter",
                        "hook": "prerouting",
                        "priority": -200,
                        "rules": [
                            "iifname . ether saddr @ports counter accept",
                            'iifname "v*" counter drop',
                        ],
                    }
                ],
            }
        ],
    }
    for n in numbers:
        home = {"namespace": f"i{n}"}
        document["links"] += [
            {
                "name": f"v{n}",
                "type": "veth",
                "peer": {**home, "name": "eth0"},
                "master": "br0",
                "up": True,
                "mtu": 1500,
            },
            {
                **home,
                "name": "eth0",
                "type": "veth",
                "peer": {"name": f"v{n}"},
                "up": True,
                "mac": f"02:00:00:00:00:0{n}",
            },
        ]
        document["addresses"] += [
            {**home, "link": "eth0", "address": f"10.0.0.{n}/24"},
            {**home, "link": "eth0", "address": f"2001:db8::{n}/64", "nodad": True},
        ]
        document["routes"].append({**home, "destination": "default", "via": "10.0.0.254"})
    return document


@pytest.mark.parametrize("address", ["10.0.0.2", "2001:db8::2"], ids=["IPv4", "IPv6"])
def test_a_second_run_loses_nothing(address: str, host: Machine) -> None:
    host.run(_instances(1, 2))
    with lossless("i1", "i2", address):
        for _run in range(5):
            assert actions(host.run(_instances(1, 2))) == {}


def test_an_instance_that_comes_and_goes_costs_the_others_nothing(host: Machine) -> None:
    host.run(_instances(1, 2))
    with lossless("i1", "i2", "10.0.0.2"):
        for _round in range(3):
            assert actions(host.run(_instances(1, 2, 3)))["namespace i3"] == "add"
            assert actions(host.run(_instances(1, 2)))["namespace i3"] == "remove"


def _changed_mtu(document: dict[str, Any]) -> None:
    _link(document, "v3")["mtu"] = 1400


def _changed_label(document: dict[str, Any]) -> None:
    _link(document, "v3")["label"] = "another description"


def _changed_flags(document: dict[str, Any]) -> None:
    _link(document, "v3").update(isolated=True, learning=False)


def _changed_filter(document: dict[str, Any]) -> None:
    table = document["nft_tables"][0]
    table["sets"][0]["elements"].append("v3 . 02:00:00:00:00:33")
    table["chains"][0]["rules"].insert(0, "ether type 0x9999 counter drop")


def _changed_route(document: dict[str, Any]) -> None:
    document["routes"][-1]["via"] = "10.0.0.253"
    document["routes"].append({"destination": "198.51.100.0/24", "via": "10.0.0.9"})


def _another_address(document: dict[str, Any]) -> None:
    document["addresses"].append({"link": "br0", "address": "10.0.1.254/24"})


def _another_vlanless_bridge(document: dict[str, Any]) -> None:
    document["links"].append({"name": "br1", "type": "bridge", "up": True})
    _link(document, "v3")["master"] = "br1"


def _replaced_port(document: dict[str, Any]) -> None:
    """The third instance's veth becomes a tap."""
    document["links"] = [e for e in document["links"] if e["name"] != "v3" and e.get("namespace") != "i3"]
    document["links"].append({"name": "v3", "type": "tap", "master": "br0", "up": True})
    for section in ("addresses", "routes"):
        document[section] = [e for e in document[section] if e.get("namespace") != "i3"]


CHANGES = (
    _changed_mtu,
    _changed_label,
    _changed_flags,
    _changed_filter,
    _changed_route,
    _another_address,
    _another_vlanless_bridge,
    _replaced_port,
)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_of_another_port_costs_nothing(change: Any, host: Machine) -> None:
    document = _instances(1, 2, 3)
    host.run(document)
    other = copy.deepcopy(document)
    change(other)
    with lossless("i1", "i2", "10.0.0.2"):
        assert actions(host.run(other)) != {}
        host.run(document)


def test_its_own_mtu_changes_without_a_loss(host: Machine) -> None:
    document = _instances(1, 2)
    host.run(document)
    other = copy.deepcopy(document)
    _link(other, "v2")["mtu"] = 1400
    with lossless("i1", "i2", "10.0.0.2"):
        assert set(actions(host.run(other))) == {"link v2"}


def test_the_probe_sees_a_loss(host: Machine) -> None:
    document = _instances(1, 2)
    host.run(document)
    with pytest.raises(AssertionError, match="packets lost"), lossless("i1", "i2", "10.0.0.2"):
        host.ip("link set dev v2 down")
        time.sleep(0.05)
        host.ip("link set dev v2 up")


def _link(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in document["links"] if entry["name"] == name)
