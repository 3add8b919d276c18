# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An uplink becomes a port of an Open vSwitch bridge, and what it carried moves onto a leg, and back again."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import kills
import pytest
from harness import Machine, OpenVSwitch, actions, inside, tool, wait_for
from test_uplink import _load, stream, wired

from ansible_collections.hostnet.fabric.plugins.module_utils.engine import empty_host_commands
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, PlanRefused

__all__ = ["wired"]

MAC = "02:00:00:00:00:83"
KILLS = 12
# A switch in userspace on a busy machine may miss a frame of some hundreds; a step in the wrong order costs several.
SPARED = 1


def _document(datapath: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "links": [
            {"name": "eth0", "type": "physical"},
            {"name": "leg", "type": "veth", "peer": {"name": "plug"}, "up": True},
            {"name": "plug", "type": "veth", "peer": {"name": "leg"}, "up": True},
        ],
        "ovs_bridges": [{"name": "ex", "datapath_type": datapath, "fail_mode": "standalone"}],
        "ovs_ports": [{"name": "eth0", "bridge": "ex"}, {"name": "plug", "bridge": "ex"}],
        "sysctls": [{"name": "net.ipv6.conf.plug.disable_ipv6", "value": 1}],
        "uplinks": [{"link": "eth0", "bridge": "ex", "leg": "leg", "because": "providers.ext"}],
    }
    if datapath == "netdev":
        # The switch gets a copy of what comes in by the link; the kernel must leave its own alone.
        chain = {"name": "in", "type": "filter", "hook": "ingress", "device": "eth0", "priority": 0, "rules": ["drop"]}
        document["nft_tables"] = [{"family": "netdev", "name": "uplink", "chains": [chain]}]
    return document


@pytest.fixture
def switched(wired: Machine, ovs: OpenVSwitch, datapath: str) -> Machine:
    """The wired host with a switch that finishes checksums, as the role has it."""
    if datapath == "netdev":
        ovs.vsctl("set", "Open_vSwitch", ".", "other_config:userspace-tso-enable=true")
        ovs.stop("ovs-vswitchd")
        ovs.start_daemon()
        wait_for((ovs.directory / "ovs.ctl").exists, "ovs-vswitchd")
    return wired


def _ready(host: Machine, datapath: str) -> None:
    """What the document needs beforehand is there, so that the change to measure is that of the uplink."""
    document = _document(datapath)
    host.run({**document, "uplinks": [], "nft_tables": [], "ovs_ports": document["ovs_ports"][1:]})


class Pings:
    """One every 10 ms from the far end to an address of the host, and who was answered."""

    def __init__(self, address: str) -> None:
        with inside("peer"):
            command = ["ping", "-n", "-i", "0.01", "-W", "2", address]
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.output = ""

    def end(self) -> None:
        # The last answers are still under way.
        self._process.send_signal(signal.SIGINT)
        self.output = self._process.communicate(timeout=10)[0].decode()

    def counted(self) -> tuple[int, int, int]:
        """How many were sent, lost and answered more than once. What was sent last may not have been answered yet."""
        numbers = [int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", self.output)]
        sent = max(numbers)
        return sent, sent - len(set(numbers)), len(numbers) - len(set(numbers))


@contextmanager
def _pings(address: str) -> Iterator[Pings]:
    running = Pings(address)
    try:
        time.sleep(0.2)
        yield running
        time.sleep(0.2)
    finally:
        running.end()


def test_everything_moves_onto_the_leg_and_back(switched: Machine, datapath: str) -> None:
    before, load = switched.snapshot(), _load(switched, "eth0")
    done = switched.apply(_document(datapath))
    assert actions(done)["uplink eth0"] == "change"
    assert _load(switched, "leg") == load
    assert _load(switched, "eth0")["addresses"] == []
    leg = switched.link("leg")
    assert leg is not None and leg["address"] == MAC
    switched.absent()
    assert _load(switched, "eth0") == load
    assert switched.ledgers() == []
    after = switched.snapshot()
    assert after["host"]["rule show"] == before["host"]["rule show"]
    assert after["ovs"] == before["ovs"]


@pytest.mark.parametrize("address", ["10.9.0.83", "2001:db8:9::85"])
def test_nothing_is_lost_on_the_way(address: str, switched: Machine, datapath: str) -> None:
    switched.ip("addr add 2001:db8:9::85/64 dev eth0")
    wait_for(lambda: "tentative" not in switched.ip("addr show dev eth0"), "the end of duplicate address detection")
    _ready(switched, datapath)
    with stream(address) as running, _pings(address) as pings:
        for _round in range(2):
            switched.run(_document(datapath), protected=address)
            time.sleep(0.3)
            _ready(switched, datapath)
            time.sleep(0.3)
    sent, lost, doubled = pings.counted()
    print(f"{datapath} {address}: {sent} sent, {lost} lost, {doubled} doubled, gap {running.longest_gap:.3f} s")
    assert running.fault == ""
    assert running.longest_gap < 1.0
    assert sent > 100
    assert lost <= SPARED


@pytest.mark.parametrize("address", ["10.9.0.83", "2001:db8:9::83"])
def test_the_host_answers_once(address: str, switched: Machine, datapath: str) -> None:
    switched.run(_document(datapath))
    with _pings(address) as pings:
        time.sleep(0.5)
    sent, lost, doubled = pings.counted()
    assert (lost, doubled) == (0, 0)
    assert sent > 20
    if ":" not in address:
        asked = ("arping", "-c", "3", "-w", "3", "-I", "eth0", address)
        replies = re.findall(r"(?:reply|bytes) from", tool(*asked, namespace="peer", check=False).stdout)
        assert len(replies) == 3


def test_a_whole_build_and_teardown_keep_the_connection(switched: Machine, datapath: str) -> None:
    with stream("10.9.0.83") as running, _pings("10.9.0.83") as pings:
        switched.run(_document(datapath), protected="10.9.0.83")
        time.sleep(0.3)
        switched.run({}, absent=True, protected="10.9.0.83")
        time.sleep(0.3)
    _sent, lost, _doubled = pings.counted()
    assert running.fault == ""
    assert lost <= SPARED


@pytest.mark.parametrize("teardown", [False, True])
def test_a_killed_move_leaves_the_host_reachable_and_is_finished_by_the_next(
    teardown: bool, switched: Machine, datapath: str
) -> None:
    load = _load(switched, "eth0")
    # The kernel's datapath is tested in an emulated machine, which may lose a packet while the switch takes a port.
    tries = ("-c", "3", "-i", "0.2") if datapath == "system" else ("-c", "1")
    started = time.monotonic()
    switched.run(_document(datapath))
    lasted = time.monotonic() - started
    if not teardown:
        switched.run({})
    for kill in range(KILLS):
        wanted = {} if teardown else _document(datapath)
        kills.kill(kills.start(switched, wanted), lasted * kill / KILLS, group=bool(kill % 2))
        reached = tool("ping", "-n", *tries, "-W", "2", "10.9.0.83", namespace="peer", check=False)
        assert reached.returncode == 0, f"{kill} of {KILLS}"
        switched.run(wanted)
        assert _load(switched, "eth0" if teardown else "leg") == load, f"{kill} of {KILLS}"
        switched.run(_document(datapath) if teardown else {})


def test_a_port_that_another_took_out_is_put_back(switched: Machine, ovs: OpenVSwitch, datapath: str) -> None:
    switched.apply(_document(datapath))
    ovs.vsctl("del-port", "ex", "eth0")
    done = switched.run(_document(datapath))
    assert actions(done) == {"uplink eth0": "change", "ovs_port eth0": "add"}
    switched.assert_settled(_document(datapath))


def test_what_comes_onto_the_link_later_moves_too(switched: Machine, datapath: str) -> None:
    switched.apply(_document(datapath))
    switched.ip("addr add 10.9.0.99/24 brd + dev eth0")
    assert actions(switched.apply(_document(datapath))) == {"uplink eth0": "change"}
    assert "10.9.0.99/24" in switched.addresses("leg")


def test_an_uplink_goes_from_a_linux_bridge_to_open_vswitch_and_back(switched: Machine, datapath: str) -> None:
    load = _load(switched, "eth0")
    linux = {
        "links": [{"name": "eth0", "type": "physical"}, {"name": "br0", "type": "bridge", "mac": MAC, "up": True}],
        "uplinks": [{"link": "eth0", "bridge": "br0"}],
    }
    switched.apply(linux)
    switched.apply(_document(datapath))
    assert _load(switched, "leg") == load
    switched.apply(linux)
    assert _load(switched, "br0") == load
    switched.absent()
    assert _load(switched, "eth0") == load


def test_a_port_without_an_uplink_would_cut_the_connection(switched: Machine, datapath: str) -> None:
    with pytest.raises(PlanRefused, match=r"would cut this connection.*add ovs_port eth0"):
        switched.run({**_document(datapath), "uplinks": []}, protected="10.9.0.83")


def test_the_commands_come_in_an_order_that_keeps_the_host_reachable(datapath: str) -> None:
    commands = empty_host_commands({"scope": "t", **_document(datapath)})
    made, dropped = (
        next(number for number, command in enumerate(commands) if word in command)
        for word in ("--may-exist add-port ex eth0", "hook ingress" if datapath == "netdev" else "hostnet-leg=leg")
    )
    assert made <= dropped


@pytest.mark.parametrize(
    ("without", "fault"),
    [
        ("leg", "needs leg as a link of type veth with its peer on the host too"),
        ("plug", "needs plug as an Open vSwitch port of ex"),
        ("eth0", "needs eth0 as an Open vSwitch port of ex"),
    ],
)
def test_faults(without: str, fault: str, host: Machine) -> None:
    document = _document("netdev")
    for section in ("links", "ovs_ports"):
        if section == "ovs_ports" or without == "leg":
            document[section] = [entry for entry in document[section] if without not in (entry["name"],)]
    document["links"] = [e for e in document["links"] if without != "leg" or e["name"] == "eth0"]
    with pytest.raises(DocumentError, match=fault):
        host.run(document)
    with pytest.raises(DocumentError, match="ex is a bridge of Open vSwitch; name the leg"):
        host.run({**_document("netdev"), "uplinks": [{"link": "eth0", "bridge": "ex"}]})
