# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User planes and control planes are drained and put back, and no packet of any pool is lost.

What filter nf_drain says is done here by module bird's work, in its order, as role nf_drain does it.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from harness import inside, tool, wait_for
from nf_fleet import CLIENT, COVER, PLANES, POOLS, VIRTUAL, Fabric, fabric, plan, text

from ansible_collections.hostnet.fabric.plugins.filter.nf_drain import nf_drain
from ansible_collections.hostnet.fabric.plugins.filter.nf_findings import nf_findings
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.control import Control
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.look import as_data, look

SECOND = {4: "192.0.2.10", 6: "2001:db8:2::10"}
IN_EVERY_POOL = ("203.0.113.1", "203.0.113.17", "203.0.113.33", "203.0.113.200", "2001:db8:cb10::1", "2001:db8:cb20::1")
BOTH = plan("nf-up1", "nf-up2")


@pytest.fixture
def running(_namespace_directory: None, tmp_path: Path) -> Iterator[Fabric]:
    """With a second control plane, on the host of the first one."""
    with fabric(tmp_path, "openvswitch") as found:
        found.intent["fabric_control_planes"]["nf-cp2"] = {
            "host": "compute-09",
            "attach": "veth",
            "addresses": list(SECOND.values()),
            "asn": 65101,
        }
        found.apply_to("compute-09")
        for host in found.nodes:
            found.start(host)
        found.await_routes(BOTH)
        wait_for(lambda: all_announced(found), "both control planes")
        yield found


def live(running: Fabric) -> dict[str, dict[str, Any]]:
    """What role nf_drain reads on the gateways."""
    control = Control(str(running.routers["dcgw-01"].socket))
    try:
        routing = as_data(look(control))
    finally:
        control.close()
    return {"networks": {"dcgw-01": running.gateway.found()["document"]}, "routings": {"dcgw-01": routing}}


def all_announced(running: Fabric) -> bool:
    """Whether the gateway has a session with each control plane in either family, and all pools from each."""
    protocols = [one for one in live(running)["routings"]["dcgw-01"]["protocols"] if one["type"] == "BGP"]
    return [one["routes"] for one in protocols] == [4, 4, 4, 4]


def heard(running: Fabric) -> dict[str, int]:
    """The IPv4 routes that the gateway has of each control plane."""
    protocols = live(running)["routings"]["dcgw-01"]["protocols"]
    names = {"nf_cp1_v4": "nf-cp1", "nf_cp2_v4": "nf-cp2"}
    return {names[one["name"]]: one["routes"] for one in protocols if one["name"] in names}


def asked(running: Fabric, names: list[str], state: str = "drained", told: tuple[str, ...] = ()) -> dict[str, Any]:
    return nf_drain(running.intent, names, state, told, **live(running))


def do(running: Fabric, names: list[str], state: str = "drained", told: tuple[str, ...] = ()) -> list[str]:
    """The whole of it; who got another configuration. Nothing of it is a reset, and done again it changes nothing."""
    changed = []
    for again in (False, True):
        work = asked(running, names, state, told)
        assert work["refusals"] == []
        changed = [name for phase in ("first", "then", "last") for name in _phase(running, work, phase)] or changed
        assert not again or all(_settled(running, move) for move in (*work["then"], *work["last"]))
    return changed


def _phase(running: Fabric, work: dict[str, Any], phase: str) -> Iterator[str]:
    if phase == "last":
        for address in {own for addresses in work["awaited"].values() for own in addresses}:
            wait_for(lambda own=address: running.routers["dcgw-01"].bfd_up(own), f"BFD of {address}", 20)
    for move in work[phase]:
        done = running.routers[move["name"]].run(text(move["config"]))
        assert done.plan.resets == ()
        if done.changed:
            yield move["name"]
    if phase == "first" and work["first"]:
        time.sleep(2)


def _settled(running: Fabric, move: dict[str, str]) -> bool:
    return not running.routers[move["name"]].run(text(move["config"])).changed


@contextmanager
def traffic(found: dict[str, str]) -> Iterator[None]:
    """To every pool, each 10 ms; what was lost."""
    commands = [["ping", "-n", "-i", "0.01", address] for address in IN_EVERY_POOL]
    with inside(CLIENT):
        senders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        time.sleep(0.5)
        yield
        time.sleep(0.5)
    finally:
        for sender in senders:
            sender.send_signal(signal.SIGINT)
        said = [sender.communicate(timeout=10)[0] for sender in senders]
    for address, output in zip(IN_EVERY_POOL, said):
        numbers = [int(number) for number in re.findall(r"bytes from .*icmp_seq=(\d+)", output)]
        assert len(numbers) > 50, output
        missing = sorted(set(range(1, max(numbers) + 1)) - set(numbers))
        if missing:
            found[address] = f"{len(missing)} of {max(numbers)} lost, such as {missing[:5]}"


def test_a_drained_user_plane_loses_no_packet(running: Fabric) -> None:
    """Its pools are others' before gateways leave it, and in the end it has no BFD. Back again, all is as it was."""
    lost: dict[str, str] = {}
    with traffic(lost):
        assert do(running, ["nf-up2"]) == ["nf-cp1", "nf-cp2", "dcgw-01", "nf-up2"]
        drained = {
            family: {
                COVER[family]: {PLANES["nf-up1"][family]},
                f"{VIRTUAL[family]}/{32 if family == 4 else 128}": {PLANES["nf-up1"][family]},
                **{pool: {PLANES["nf-up1"][family]} for pool in POOLS[family]},
            }
            for family in (4, 6)
        }
        running.await_routes(drained)
        assert PLANES["nf-up2"][4] not in running.routers["dcgw-01"].bfd_since()
        assert running.routers["nf-up2"].bfd_since() == {}
        assert do(running, ["nf-up2"], "live", ("nf-up2",)) == ["nf-up2", "dcgw-01", "nf-cp1", "nf-cp2"]
        running.await_routes(BOTH)
    assert lost == {}


def test_a_drained_control_plane_loses_no_packet(running: Fabric) -> None:
    """It says first that it is about to leave. Its sessions stay."""
    since = running.routers["dcgw-01"].since("nf_cp1_v4")
    lost: dict[str, str] = {}
    with traffic(lost):
        work = asked(running, ["nf-cp1"])
        assert [move["name"] for move in work["first"]] == ["nf-cp1"]
        assert "(65535, 0)" in work["first"][0]["config"]
        assert do(running, ["nf-cp1"]) == ["nf-cp1", "nf-cp1"]
        wait_for(lambda: heard(running) == {"nf-cp1": 0, "nf-cp2": 4}, "no route of the first control plane")
        assert running.routes(4) == BOTH[4]
        assert do(running, ["nf-cp1"], "live", ("nf-cp1",)) == ["nf-cp1"]
        wait_for(lambda: heard(running) == {"nf-cp1": 4, "nf-cp2": 4}, "all routes of both")
    assert lost == {}
    assert running.routers["dcgw-01"].since("nf_cp1_v4") == since


def test_a_foreign_control_plane_is_drained_on_the_gateways(running: Fabric) -> None:
    """Nobody can have it say anything: its routes are used last, and then not at all."""
    running.intent["fabric_control_planes"]["nf-cp2"]["bgp"] = "none"
    since = running.routers["dcgw-01"].since("nf_cp2_v4")
    lost: dict[str, str] = {}
    with traffic(lost):
        assert do(running, ["nf-cp2"]) == ["dcgw-01", "dcgw-01"]
        wait_for(lambda: heard(running) == {"nf-cp1": 4, "nf-cp2": 0}, "no route of the second control plane")
        assert running.routes(4) == BOTH[4]
        assert do(running, ["nf-cp2"], "live", ("nf-cp2",)) == ["dcgw-01"]
        wait_for(lambda: heard(running) == {"nf-cp1": 4, "nf-cp2": 4}, "all routes of both")
    assert lost == {}
    assert running.routers["dcgw-01"].since("nf_cp2_v4") == since


def test_nobody_is_drained_whom_the_others_cannot_stand_in_for(running: Fabric) -> None:
    """By the intent there are enough; by what lives, there are not."""
    assert asked(running, ["nf-up1"])["refusals"] == []
    running.cut("compute-02")
    running.await_routes(plan("nf-up1"))
    assert asked(running, ["nf-up1"])["refusals"] == [
        f"nf-up1: dcgw-01 would have none left of user-planes that live in IPv{family}, "
        "and fabric_next_hops.user-planes.min_live is 1"
        for family in (4, 6)
    ]
    assert asked(running, ["nf-up2"])["refusals"] == [], "who does not live can always be drained"
    running.routers["nf-cp2"].ask("disable dcgw_01_v4")
    wait_for(lambda: heard(running)["nf-cp2"] == 0, "the end of a session")
    assert asked(running, ["nf-cp1"])["refusals"] == [
        "nf-cp1: dcgw-01 hears 4 IPv4 routes of it, and as many of no control plane that is left"
    ]


def test_counters_are_read_as_data(running: Fabric) -> None:
    assert running.reaches("203.0.113.17", count=4)
    counted = {one["chain"]: one for one in running.gateway.found("nf")["counters"] if one["packets"]}
    assert counted["to-203.0.113.16/28"] == {
        "owner": "nf",
        "family": "inet",
        "table": "pools",
        "chain": "to-203.0.113.16/28",
        "rule": 0,
        "packets": 4,
        "bytes": 4 * 84,
    }
    assert set(counted) == {"to-203.0.113.16/28", "from-203.0.113.16/28"}


def test_a_route_that_is_missing_is_found(running: Fabric) -> None:
    """By who reads the kernel; BIRD does not know it yet."""
    found = nf_findings(running.intent, **live(running))
    assert [one["line"] for one in found if not one["ok"]] == []
    assert {one["name"].split()[0] for one in found} >= {*PLANES, "nf-cp1", "nf-cp2", *POOLS[4], *POOLS[6], "shared"}
    tool("ip", "route", "del", "203.0.113.16/28", "proto", "bird", namespace=running.gateway.home)
    found = nf_findings(running.intent, **live(running))
    missing = "dcgw-01, 203.0.113.16/28: is not in the kernel, and it should be via 192.0.2.2"
    assert [one["line"] for one in found if not one["ok"]] == [missing]
