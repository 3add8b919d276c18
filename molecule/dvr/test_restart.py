# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is lost while Open vSwitch or a whole host begins anew, and that nothing is missing afterwards."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from drawing import OUTSIDE
from fleet import Fleet, eventually

# On the link and routed, to the same host and the other, with a tag, by floating IP in and out, central, and IPv6.
STREAMS = [
    ("web2", "172.16.18.100"),
    ("web2", "172.16.18.103"),
    ("web2", "172.16.19.10"),
    ("store1", "172.16.19.11"),
    ("outside", "192.168.100.160"),
    ("shop1", "203.0.113.9"),
    ("web2", "203.0.113.9"),
    ("db1", "2001:db8:cb::9"),
]
# From a busy machine's start of the daemon to the last of the flows.
LONGEST_OUTAGE = 10_000


def switch(fleet: Fleet, host: str) -> dict[str, list[str]]:
    """The flows, with the ports' names in place of their numbers, and meters of each bridge."""
    bridges = fleet.output(host, "ovs-vsctl", "list-br").split()
    commands = {"flows": ["--names", "--no-stats", "dump-flows"], "meters": ["dump-meters"]}
    return {
        f"{what} of {bridge}": sorted(
            line.strip()
            for line in fleet.output(host, "ovs-ofctl", "-O", "OpenFlow14", *command, bridge).splitlines()
            if "OFPST" not in line
        )
        for bridge in bridges
        for what, command in commands.items()
    }


def renumbered(switch: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without the ports' numbers, which a port that is made again may get others of."""
    return {
        what: sorted(re.sub("set_field:0x[0-9a-f]+->reg0|reg0=0x[0-9a-f]+", "a port", line) for line in lines)
        for what, lines in switch.items()
    }


@pytest.mark.parametrize("unit", ["ovs-vswitchd", "openvswitch-switch"])
def test_a_restarted_switch_gets_everything_back(fleet: Fleet, measured: Callable[[str], None], unit: str) -> None:
    before = switch(fleet, "compute-01")
    assert len(before["flows of br-int"]) > 100 and before["meters of br-int"] == []
    streams = [fleet.stream(host, address) for host, address in STREAMS]
    time.sleep(1)
    fleet.output("compute-01", "systemctl", "restart", unit)
    for host, address in STREAMS:
        eventually(lambda host=host, address=address: fleet.pings(host, address), 20)  # type: ignore[misc]
    outages = [(f"{stream.host} → {stream.address}", stream.outage()) for stream in streams]
    for who, milliseconds in outages:
        measured(f"restart of {unit} on compute-01: {who}: no answer for {milliseconds} ms")
    assert switch(fleet, "compute-01") == before
    assert max(milliseconds for _who, milliseconds in outages) < LONGEST_OUTAGE
    assert fleet.play("site.yml", "--limit", "compute-01").changed == {"compute-01": 0}


def test_meters_come_back_too(fleet: Fleet) -> None:
    before = switch(fleet, "compute-02")
    assert before["meters of br-int"]
    fleet.output("compute-02", "systemctl", "restart", "ovs-vswitchd")
    assert switch(fleet, "compute-02") == before
    assert fleet.pings("web4", "172.16.18.101")


def test_a_restarted_switch_of_the_translating_host_goes_on_to_translate(
    fleet: Fleet, measured: Callable[[str], None]
) -> None:
    host = next(name for name in ("network-01", "network-02") if "0x67617465" in str(switch(fleet, name)))
    before = switch(fleet, host)
    stream = fleet.stream("web4", OUTSIDE["internet"])
    time.sleep(1)
    fleet.output(host, "systemctl", "restart", "ovs-vswitchd")
    eventually(lambda: fleet.pings("web4", OUTSIDE["internet"]), 20)
    outage = stream.outage()
    measured(f"restart of ovs-vswitchd on {host}: web4 → outside: no answer for {outage} ms")
    assert switch(fleet, host) == before
    assert outage < LONGEST_OUTAGE


def test_a_booted_host_is_reached_by_its_card_and_gets_everything_again(fleet: Fleet) -> None:
    """The database of Open vSwitch outlives a boot; it must not keep the card that the host is reached by."""
    before = switch(fleet, "compute-02")
    fleet.reboot("compute-02")
    assert fleet.output("compute-02", "ovs-vsctl", "list-br") == ""
    assert fleet.pings("outside", OUTSIDE["compute-02"])
    assert fleet.play("site.yml", "--limit", "compute-02").changed == {"compute-02": 1}
    assert renumbered(switch(fleet, "compute-02")) == renumbered(before)
    assert fleet.seen_as("web4", "172.16.18.101") == "172.16.18.103"
    assert fleet.pings("outside", "192.168.100.161")
