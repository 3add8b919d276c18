# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on while the network is changed: packets, connections, and a host that loses everything in a reboot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from fleet import PROJECT, Fleet, Session, Stream

STREAMS = [
    ("c1", "192.168.9.3"),
    ("c2", "2001:db8:9::2"),
    ("c2", "192.168.3.1"),
    ("c3", "10.9.0.1"),
    ("vm1", "192.168.3.4"),
    ("vm2", "10.9.0.1"),
]


@pytest.fixture
def streams(fleet: Fleet) -> list[Stream]:
    return [fleet.stream(host, address) for host, address in STREAMS]


@pytest.fixture
def session(fleet: Fleet) -> Iterator[Session]:
    """Over eth0 of bridgehost, which is in its bridge."""
    session = fleet.session("bridgehost")
    assert session.answers()
    yield session
    session.close()


def lost(streams: list[Stream]) -> list[str]:
    return [line for stream in streams for line in stream.lost()]


def test_a_second_run_changes_nothing_and_loses_no_packet(
    fleet: Fleet, streams: list[Stream], session: Session
) -> None:
    play = fleet.play("site.yml")
    assert lost(streams) == []
    assert play.changed == {"vmhost": 0, "containerhost": 0, "bridgehost": 0}
    assert session.answers()


def test_another_instance_comes_and_goes_unnoticed(
    fleet: Fleet, streams: list[Stream], session: Session, tmp_path: Path
) -> None:
    intent = yaml.safe_load((PROJECT / "inventory/bridge/group_vars/bridged_hosts.yml").read_text())
    instances = intent["fabric_instances"]
    instances["c9"] = {"bridge": "containers", "attach": "veth", "addresses": ["192.168.9.9", "2001:db8:9::9"]}
    instances["c8"] = {"bridge": "lan", "attach": "veth", "addresses": ["10.9.0.38"]}
    instances["vm9"] = {"bridge": "vms", "attach": "tap", "addresses": ["192.168.3.9"]}
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"fabric_instances": instances}))

    come = fleet.play("site.yml", "-e", f"@{more}")
    assert come.changed == {"vmhost": 1, "containerhost": 1, "bridgehost": 1}
    assert fleet.pings("c1", "192.168.9.9")
    assert fleet.pings("c1", "2001:db8:9::9")
    assert fleet.pings("outside-vm", "10.9.0.38")
    gone = fleet.play("site.yml")
    assert lost(streams) == []
    assert gone.changed == {"vmhost": 1, "containerhost": 1, "bridgehost": 1}
    assert session.answers()
    assert not fleet.pings("c1", "192.168.9.9")
    assert fleet.output("containerhost", "ls", "/run/netns").split() == ["c1", "c2"]


def test_an_open_connection_outlives_that_its_card_leaves_and_joins_the_bridge(fleet: Fleet, session: Session) -> None:
    assert fleet.play("teardown.yml", "--limit", "bridgehost").changed == {"bridgehost": 1}
    assert session.answers()
    assert "br0" not in fleet.output("bridgehost", "ip", "-brief", "link")
    assert not fleet.pings("outside-vm", "10.9.0.31")
    assert fleet.play("site.yml", "--limit", "bridgehost").changed == {"bridgehost": 1}
    assert session.answers()
    assert fleet.seen_as("c3", "10.9.0.1") == "10.9.0.31"


def test_a_rebooted_host_gets_everything_again(fleet: Fleet) -> None:
    fleet.reboot("containerhost")
    assert "br0" not in fleet.output("containerhost", "ip", "-brief", "link")
    assert fleet.play("site.yml").changed == {"vmhost": 0, "containerhost": 1, "bridgehost": 0}
    assert fleet.seen_as("c1", "192.168.9.3") == "192.168.9.2"
    assert fleet.seen_as("c1", "192.168.3.1") == "192.168.3.101"
    assert fleet.seen_as("c2", "2001:db8:b::1") == "2001:db8:b::101"
    assert fleet.play("site.yml").changed == {"vmhost": 0, "containerhost": 0, "bridgehost": 0}
