# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLANs and VRFs with packets: who has the same reaches each other, others do not, and what is on the cables."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fleet import MOLECULE, Fleet

FRAMES = (MOLECULE / "shared/frames.py").read_text()
RED1 = ("192.168.10.1", "2001:db8:10::1")
HEARD = ["truth, ARP", "truth, IPv4", "truth, IPv6", "truth, ND"]


@contextmanager
def background(fleet: Fleet, host: str, *command: str) -> Iterator[subprocess.Popen[str]]:
    full = fleet.command(host, *command)
    with subprocess.Popen(
        full, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        yield run


@pytest.mark.parametrize(
    ("client", "server"),
    [("red1", "192.168.10.2"), ("red2", "2001:db8:10::1"), ("blue1", "192.168.20.2"), ("blue2", "2001:db8:20::1")],
)
def test_the_same_vlan_reaches_across_the_hosts(fleet: Fleet, client: str, server: str) -> None:
    assert fleet.pings(client, server)


def heard(fleet: Fleet, watchers: list[str]) -> dict[str, list[str]]:
    """Which of the frames that red1 sends to everybody come by at each of the others."""
    watches = {
        name: subprocess.Popen(
            fleet.command(name, "python3", "-c", FRAMES, "watch", "eth0"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in watchers
    }
    for watch in watches.values():
        assert watch.stdout and watch.stdout.readline() == "ready\n"
    fleet.output("red1", "python3", "-c", FRAMES, "send", "eth0", *RED1, "192.168.10.9", "2001:db8:10::9")
    return {name: sorted(json.loads(watch.communicate("enough\n")[0])) for name, watch in watches.items()}


def test_what_is_sent_to_everybody_stays_in_its_vlan_and_lies_go_nowhere(fleet: Fleet) -> None:
    assert heard(fleet, ["red2", "blue1", "blue2"]) == {"red2": HEARD, "blue1": [], "blue2": []}


def captured(fleet: Fleet, host: str, interface: str, client: str, server: str, *options: str) -> str:
    """What tcpdump shows on an interface while one host pings another."""
    capture = ["timeout", "30", "tcpdump", "-e", "-n", "-l", "-c", "2", "-i", interface, "icmp or (vlan and icmp)"]
    with background(fleet, host, *capture) as run:
        assert run.stderr
        while "listening on" not in (line := run.stderr.readline()):
            assert line, "tcpdump ended"
        assert fleet.pings(client, server, *options)
        return run.communicate()[0]


def test_frames_are_tagged_on_the_trunk_and_untagged_at_the_access_port(fleet: Fleet) -> None:
    trunk = captured(fleet, "vlan-02", "uplink", "red1", "192.168.10.2")
    assert "802.1Q" in trunk and "vlan 10," in trunk and "192.168.10.1 > 192.168.10.2" in trunk
    assert "vlan 20," in captured(fleet, "vlan-02", "uplink", "blue1", "192.168.20.2")
    access = captured(fleet, "red2", "eth0", "red1", "192.168.10.2")
    assert "192.168.10.1 > 192.168.10.2" in access
    assert "vlan" not in access and "802.1Q" not in access


@pytest.mark.parametrize("address", ["10.100.0.2", "10.255.0.2", "2001:db8:100::2", "2001:db8:255::2"])
def test_a_vrf_reaches_its_other_end(fleet: Fleet, address: str) -> None:
    assert fleet.pings("vlan-01", address, "-I", "tenant-a")
    assert not fleet.pings("vlan-01", address)


def test_vrfs_with_the_same_subnet_are_apart(fleet: Fleet) -> None:
    """10.100.0.1 is this host itself in the one, and the other host in the other."""
    assert fleet.pings("vlan-01", "10.100.0.1", "-I", "tenant-b")
    assert not fleet.pings("vlan-01", "10.255.0.2", "-I", "tenant-b")
    cable = captured(fleet, "vlan-02", "backbone", "vlan-01", "10.100.0.1", "-I", "tenant-b")
    assert "vlan 200," in cable and "10.100.0.2 > 10.100.0.1" in cable


def test_a_route_of_a_vrf_is_in_its_table(fleet: Fleet) -> None:
    routes = json.loads(fleet.output("vlan-01", "ip", "-j", "route", "show", "vrf", "tenant-a"))
    assert {"dst": "10.255.0.2", "gateway": "10.100.0.2", "dev": "backbone.100"} in [
        {key: route.get(key) for key in ("dst", "gateway", "dev")} for route in routes
    ]
    main = json.loads(fleet.output("vlan-01", "ip", "-j", "route", "show"))
    assert not [route for route in main if route["dst"].startswith("10.")]
