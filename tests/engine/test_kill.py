# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any instant, by itself or with the tools it has started, is finished by the next run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, own_network, unlike
from kills import kill, lasts, start
from states import state

NAMESPACES, PAIRS_EACH, TAPS = 6, 7, 8
ROUNDS, KILLS_EACH = 11, 10
TEARDOWN_ROUNDS, TEARDOWN_KILLS_EACH = 2, 6


def _mac(*numbers: int) -> str:
    return ":".join(["02", *(f"{number:02x}" for number in (0, 0, 0, *numbers)[-5:])])


def _document() -> dict[str, Any]:
    """Some 300 objects of every kind that needs no Open vSwitch, an uplink among them."""
    document: dict[str, Any] = {
        "namespaces": [],
        "links": [
            {"name": "eth0", "type": "physical", "mtu": 1400},
            {"name": "up0", "type": "bridge", "up": True, "mac": _mac(9, 9)},
            {"name": "br0", "type": "bridge", "up": True, "mac": _mac(9, 8)},
            {"name": "vx0", "type": "vxlan", "id": 7, "mac": _mac(9, 7), "up": True},
        ],
        "uplinks": [{"link": "eth0", "bridge": "up0"}],
        "addresses": [{"link": "br0", "address": "10.0.0.1/16"}, {"link": "br0", "address": "2001:db8::1/64"}],
        "routes": [],
        "rules": [],
        "neighbours": [],
        "fdb": [{"link": "vx0", "mac": _mac(6, n), "dst": f"192.0.2.{n}"} for n in range(20)],
        "sysctls": [{"name": "net.ipv4.ip_forward", "value": 1}, {"name": "net.ipv4.conf.br0.arp_ignore", "value": 1}],
        "nft_tables": [_table("")],
    }
    for number in range(1, NAMESPACES + 1):
        _add_namespace(document, number)
    document["links"] += [
        {"name": f"tap{n}", "type": "tap", "master": "br0", "isolated": True, "up": True, "mac": _mac(8, n)}
        for n in range(TAPS)
    ]
    return document


def _add_namespace(document: dict[str, Any], number: int) -> None:
    name = f"c{number}"
    document["namespaces"].append({"name": name})
    document["nft_tables"].append(_table(name))
    document["sysctls"].append({"namespace": name, "name": "net.ipv4.ip_forward", "value": 1})
    document["rules"].append({"namespace": name, "priority": 100, "source": "10.0.0.0/8", "table": 100})
    document["routes"].append({"namespace": name, "destination": "default", "via": "10.0.0.1", "dev": "eth0"})
    document["routes"].append(
        {"namespace": name, "destination": "2001:db8:9::/48", "via": "2001:db8::1", "dev": "eth0"}
    )
    for pair in range(PAIRS_EACH):
        near, far = f"v{number}-{pair}", f"eth{pair}"
        document["links"] += [
            {"name": near, "type": "veth", "peer": {"namespace": name, "name": far}, "master": "br0", "up": True,
             "mac": _mac(number, pair, 1)},
            {"namespace": name, "name": far, "type": "veth", "peer": {"name": near}, "up": True,
             "mac": _mac(number, pair, 2)},
        ]  # fmt: skip
        address = {"namespace": name, "link": far}
        document["addresses"].append({**address, "address": f"10.0.{number}.{pair + 1}/16"})
        document["addresses"].append({**address, "address": f"2001:db8::{number}:{pair + 1}/64", "nodad": True})
        document["routes"].append(
            {"namespace": name, "destination": f"10.{100 + pair}.0.0/16", "dev": far, "table": 100 + pair}
        )
        document["neighbours"].append({**address, "address": "10.0.9.9", "mac": _mac(9, pair)})


def _table(namespace: str) -> dict[str, Any]:
    elements = [f"10.9.0.{n}" for n in range(20)]
    chain = {
        "name": "f",
        "type": "filter",
        "hook": "forward",
        "priority": 0,
        "rules": ["ip saddr @hosts counter accept"],
    }
    sets = [{"name": "hosts", "type": "ipv4_addr", "elements": elements}]
    return {"namespace": namespace, "family": "inet", "name": "guard", "sets": sets, "chains": [chain]}


@contextmanager
def _fresh(directory: Path) -> Iterator[Machine]:
    """A host with an uplink that carries something."""
    with own_network():
        machine = Machine(directory)
        try:
            for line in (
                f"link add name eth0 address {_mac(7, 7)} type veth peer name wire address {_mac(7, 8)}",
                "link set dev eth0 up",
                "link set dev wire up",
                "addr add 192.0.2.1/24 dev eth0",
                "addr add 192.0.2.2/24 dev eth0",
                "addr add 2001:db8:7::1/64 dev eth0 nodad",
                "route add default via 192.0.2.254 proto static",
                "route add 2001:db8:8::/48 via 2001:db8:7::fe proto static",
            ):
                machine.ip(line)
            yield machine
        finally:
            machine.close()


@pytest.fixture(scope="session")
def undisturbed(_namespace_directory: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """How a run ends that nobody disturbs, and how long it and its teardown take."""
    document = _document()
    directory = tmp_path_factory.mktemp("undisturbed")
    with _fresh(directory / "run") as host:
        found: dict[str, Any] = {"document": document, "clean": state(host, document)}
        for name, absent in (("build", False), ("teardown", True)):
            found[name] = lasts(host, document, absent=absent)
            found[f"after {name}"] = state(host, document)
        assert list(unlike(found["clean"], found["after teardown"])) == []
    return found


def test_there_are_enough_objects_and_instants(undisturbed: dict[str, Any]) -> None:
    objects = sum(len(section) for section in undisturbed["document"].values())
    assert objects >= 300
    assert ROUNDS * KILLS_EACH >= 100


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_killed_run_is_finished_by_the_next(number: int, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    document, instants = undisturbed["document"], ROUNDS * KILLS_EACH
    for turn in range(KILLS_EACH):
        instant = turn * ROUNDS + number
        with _fresh(tmp_path / f"run{turn}") as host:
            kill(start(host, document), undisturbed["build"] * instant / instants, group=bool(instant % 2))
            host.run(document)
            assert list(unlike(undisturbed["after build"], state(host, document))) == [], f"{instant} of {instants}"


@pytest.mark.parametrize("number", range(TEARDOWN_ROUNDS))
def test_a_killed_teardown_is_finished_by_the_next(number: int, undisturbed: dict[str, Any], tmp_path: Path) -> None:
    document, instants = undisturbed["document"], TEARDOWN_ROUNDS * TEARDOWN_KILLS_EACH
    for turn in range(TEARDOWN_KILLS_EACH):
        instant = turn * TEARDOWN_ROUNDS + number
        with _fresh(tmp_path / f"run{turn}") as host:
            host.run(document)
            kill(
                start(host, document, absent=True),
                undisturbed["teardown"] * instant / instants,
                group=bool(instant % 2),
            )
            host.run(document, absent=True)
            assert list(unlike(undisturbed["clean"], state(host, document))) == [], f"{instant} of {instants}"
