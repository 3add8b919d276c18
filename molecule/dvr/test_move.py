# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A floating IP and an instance go to another host because the inventory says so, for how long that is noticed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from applied import intent
from drawing import CENTRAL, OUTSIDE
from fleet import Fleet, Play, eventually

FLOATING = "192.168.100.150"
HOSTS = ("compute-01", "compute-02")
SERVER = OUTSIDE["internet"]
# One host may be done seconds before the other on a busy machine.
LONGEST_OUTAGE = 10_000

Apply = Callable[..., Play]


@pytest.fixture
def apply(fleet: Fleet, tmp_path: Path) -> Iterator[Apply]:
    """Run the playbook with other instances; afterwards everything is as the inventory says again."""

    def changed(change: Callable[[dict[str, Any]], None], *arguments: str) -> Play:
        instances = deepcopy(intent()["fabric_instances"])
        change(instances)
        more = tmp_path / "more.json"
        more.write_text(json.dumps({"fabric_instances": instances}))
        return fleet.play("site.yml", "--limit", "dvr_compute", "-e", f"@{more}", *arguments)

    yield changed
    fleet.play("site.yml", "--limit", "dvr_compute")


def connections(fleet: Fleet, host: str, address: str) -> str:
    """Those of the router in which an address is the one that was called, or the one that answers."""
    listed = fleet.output(host, "ip", "netns", "exec", "router-ns", "conntrack", "-L")
    return "\n".join(line for line in listed.splitlines() if f"dst={address} " in line)


def test_a_floating_ip_goes_to_an_instance_on_another_host(
    fleet: Fleet, apply: Apply, measured: Callable[[str], None]
) -> None:
    def move(instances: dict[str, Any]) -> None:
        instances["web4"]["floating_ip"] = instances["vm1"].pop("floating_ip")

    assert fleet.seen_as("outside", FLOATING) == OUTSIDE["outside"]
    assert fleet.seen_as("vm1", SERVER) == FLOATING
    assert connections(fleet, "compute-01", FLOATING)
    stream = fleet.stream("outside", FLOATING)
    play = apply(move)
    eventually(lambda: fleet.pings("outside", FLOATING), 10)
    outage = stream.outage()
    measured(f"floating IP from compute-01 to compute-02: outside → {FLOATING}: no answer for {outage} ms")
    assert play.changed == dict.fromkeys(HOSTS, 1)
    assert outage <= LONGEST_OUTAGE
    assert connections(fleet, "compute-01", FLOATING) == ""
    assert fleet.seen_as("web4", SERVER) == FLOATING
    assert fleet.seen_as("vm1", SERVER) == CENTRAL["blue"]
    assert fleet.seen_as("internet", FLOATING) == SERVER
    assert connections(fleet, "compute-02", FLOATING)


def test_a_floating_ip_that_is_taken_away_answers_nobody(fleet: Fleet, apply: Apply) -> None:
    talk = fleet.talk("web3", "internet", SERVER)
    assert talk.answered()
    assert SERVER in connections(fleet, "compute-02", "192.168.100.152")
    apply(lambda instances: instances["web3"].pop("floating_ip"))
    assert connections(fleet, "compute-02", "192.168.100.152") == ""
    assert not fleet.pings("outside", "192.168.100.152")
    assert fleet.seen_as("web3", SERVER) == CENTRAL["blue"]
    assert not talk.answered(3)
    talk.close()


def test_an_instance_goes_to_another_host_with_all_its_addresses(
    fleet: Fleet, apply: Apply, measured: Callable[[str], None]
) -> None:
    """Its program stays where the lab has it; its namespace answers pings wherever it is. It is there before the host
    that it leaves knows of that."""

    def move(instances: dict[str, Any]) -> None:
        instances["web3"]["host"] = "compute-01"

    ways = [
        ("outside", "192.168.100.152"),
        ("web4", "172.16.18.102"),
        ("db2", "172.16.18.102"),
        ("internet", "2001:db8:18::102"),
    ]
    streams = [fleet.stream(host, address) for host, address in ways]
    play = apply(move, "--forks", "1")
    for host, address in ways:
        eventually(lambda host=host, address=address: fleet.pings(host, address), 10)  # type: ignore[misc]
    outages = {f"{stream.host} → {stream.address}": stream.outage() for stream in streams}
    for who, milliseconds in outages.items():
        measured(f"instance from compute-02 to compute-01: {who}: no answer for {milliseconds} ms")
    assert play.changed == dict.fromkeys(HOSTS, 1)
    assert max(outages.values()) <= LONGEST_OUTAGE
    assert "web3" not in fleet.output("compute-02", "ls", "/run/netns").split()
    assert "web3" in fleet.output("compute-01", "ls", "/run/netns").split()
    assert connections(fleet, "compute-02", "192.168.100.152") == ""
