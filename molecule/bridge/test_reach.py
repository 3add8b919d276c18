# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture as its instances see it: everything here is done on them, or on the outside peers.

What role verify derives from the intent is written down here by hand, so that both would have to be wrong.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from fleet import MOLECULE, Fleet

FRAMES = (MOLECULE / "shared/frames.py").read_text()

# Who reaches whom, and as whom it is seen there.
REACHED = [
    ("vm1", "192.168.3.1", "192.168.3.3"),
    ("vm1", "192.168.3.4", "192.168.3.3"),
    ("vm2", "192.168.3.3", "192.168.3.4"),
    ("vm1", "10.9.0.1", "10.9.0.83"),
    ("vm2", "10.9.0.1", "10.9.0.83"),
    ("vm1", "2001:db8:3::1", "2001:db8:3::3"),
    ("vm1", "2001:db8:3::4", "2001:db8:3::3"),
    ("vm1", "2001:db8:a::1", "2001:db8:a::83"),
    ("vm2", "2001:db8:a::1", "2001:db8:a::83"),
    ("c1", "192.168.9.1", "192.168.9.2"),
    ("c1", "192.168.9.3", "192.168.9.2"),
    ("c2", "192.168.9.2", "192.168.9.3"),
    ("c1", "192.168.3.1", "192.168.3.101"),
    ("c2", "192.168.3.1", "192.168.3.101"),
    ("c1", "2001:db8:9::1", "2001:db8:9::2"),
    ("c1", "2001:db8:9::3", "2001:db8:9::2"),
    ("c1", "2001:db8:b::1", "2001:db8:b::101"),
    ("c3", "10.9.0.1", "10.9.0.31"),
    ("c3", "10.9.0.84", "10.9.0.31"),
    ("c3", "10.9.0.83", "10.9.0.31"),
    ("c3", "2001:db8:a::1", "2001:db8:a::31"),
    ("c3", "2001:db8:a::84", "2001:db8:a::31"),
    ("outside-vm", "10.9.0.31", "10.9.0.1"),
    ("outside-vm", "2001:db8:a::31", "2001:db8:a::1"),
    ("outside-vm", "10.9.0.83", "10.9.0.1"),
    ("outside-vm", "10.9.0.84", "10.9.0.1"),
    ("outside-ct", "192.168.3.101", "192.168.3.1"),
    ("vmhost", "192.168.3.3", "192.168.3.1"),
    ("containerhost", "192.168.9.2", "192.168.9.1"),
]
# Behind nat, although the way there is known outside.
UNREACHED = [
    ("outside-vm", "192.168.3.3"),
    ("outside-vm", "192.168.3.4"),
    ("outside-vm", "2001:db8:3::3"),
    ("outside-ct", "192.168.9.2"),
    ("outside-ct", "192.168.9.3"),
    ("outside-ct", "2001:db8:9::2"),
    ("bridgehost", "192.168.3.3"),
]


@pytest.mark.parametrize(("client", "server", "seen"), REACHED)
def test_is_reached_and_sees_whom(fleet: Fleet, client: str, server: str, seen: str) -> None:
    assert fleet.pings(client, server)
    assert fleet.seen_as(client, server) == seen


@pytest.fixture(scope="module")
def ways(fleet: Fleet) -> Iterator[None]:
    """Every peer and neighbour knows a way to the instances behind nat."""
    fleet.output("bridgehost", "ip", "route", "add", "192.168.3.0/24", "via", "10.9.0.83")
    yield
    fleet.output("bridgehost", "ip", "route", "delete", "192.168.3.0/24", "via", "10.9.0.83")


@pytest.mark.usefixtures("ways")
@pytest.mark.parametrize(("client", "server"), UNREACHED)
def test_is_not_reached_from_outside(fleet: Fleet, client: str, server: str) -> None:
    assert "via" in fleet.output(client, "ip", "route", "get", server)
    assert not fleet.pings(client, server)
    assert fleet.seen_as(client, server) == ""


# The size of what an echo request carries where the packet has 1,500 bytes.
@pytest.mark.parametrize(
    ("client", "server", "size"),
    [
        ("c1", "192.168.9.3", 1472),
        ("c1", "192.168.3.1", 1472),
        ("c1", "2001:db8:9::3", 1452),
        ("c3", "10.9.0.1", 1472),
        ("c3", "2001:db8:a::1", 1452),
        ("vmhost", "192.168.3.3", 1472),
        ("vmhost", "2001:db8:3::3", 1452),
    ],
)
def test_1500_bytes_pass_unfragmented_and_no_more(fleet: Fleet, client: str, server: str, size: int) -> None:
    assert fleet.pings(client, server, "-M", "do", "-s", str(size))
    more = fleet.on(client, "ping", "-c", "1", "-W", "2", "-M", "do", "-s", str(size + 1), server)
    assert more.returncode != 0
    assert "message too long" in (more.stdout + more.stderr).lower()


@pytest.mark.parametrize(("client", "server"), [("vm1", "192.168.3.4"), ("vm1", "10.9.0.1"), ("vm2", "2001:db8:a::1")])
def test_guests_send_full_packets(fleet: Fleet, client: str, server: str) -> None:
    assert fleet.pings(client, server, "-s", "1452")


LIES = ["another MAC", "another IPv4", "the host's IPv4", "another IPv6", "ARP as the gateway", "ND as the gateway"]
TRUTHS = ["truth, IPv4", "truth, IPv6", "truth, ARP", "truth, ND"]


@pytest.mark.parametrize(
    ("client", "own", "gateway", "watcher", "watched"),
    [
        ("c1", ("192.168.9.2", "2001:db8:9::2"), ("192.168.9.1", "2001:db8:9::1"), "c2", "eth0"),
        ("c3", ("10.9.0.31", "2001:db8:a::31"), ("10.9.0.1", "2001:db8:a::1"), "outside-vm", "eth0"),
    ],
)
def test_a_container_s_lies_are_dropped(
    fleet: Fleet, client: str, own: tuple[str, str], gateway: tuple[str, str], watcher: str, watched: str
) -> None:
    """Broadcast and multicast frames come by at everybody; which of them get to another is what counts."""
    watch = [*fleet.command(watcher, "python3", "-c", FRAMES, "watch", watched)]
    with subprocess.Popen(watch, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as receiver:
        assert receiver.stdout
        assert receiver.stdout.readline() == "ready\n"
        fleet.output(client, "python3", "-c", FRAMES, "send", "eth0", *own, *gateway)
        came, _errors = receiver.communicate("enough\n", timeout=60)
    assert sorted(json.loads(came)) == sorted(TRUTHS)


def test_the_frames_of_that_test_include_the_lies() -> None:
    assert all(f'"{name}"' in FRAMES for name in (*LIES, *TRUTHS))


def test_a_guest_with_another_mac_or_address_is_not_heard(fleet: Fleet) -> None:
    assert fleet.pings("vm1", "192.168.3.4")
    fleet.output("vm1", "ip", "link", "set", "eth0", "address", "52:54:00:00:03:99")
    try:
        assert not fleet.pings("vm1", "192.168.3.4")
        assert not fleet.pings("vm1", "192.168.3.1")
    finally:
        fleet.output("vm1", "ip", "link", "set", "eth0", "address", "52:54:00:00:03:03")
    fleet.output("vm1", "ip", "address", "add", "192.168.3.99/24", "dev", "eth0")
    try:
        assert not fleet.pings("vm1", "192.168.3.4", "-I", "192.168.3.99")
        assert not fleet.pings("vm1", "10.9.0.1", "-I", "192.168.3.99")
        assert fleet.pings("vm1", "192.168.3.4", "-I", "192.168.3.3")
    finally:
        fleet.output("vm1", "ip", "address", "delete", "192.168.3.99/24", "dev", "eth0")
    assert fleet.pings("vm1", "192.168.3.4")
