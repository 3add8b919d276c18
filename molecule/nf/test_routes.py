# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the gateways have in their kernels, who gets the packets for each pool, and what is on the wires."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from drawing import (
    DRAWN,
    GATEWAYS,
    HOSTS,
    PLANES,
    POOLS,
    SUBSCRIBERS,
    active,
    await_plan,
    await_sessions,
    family_of,
    guards,
    plan,
    routes,
)
from fleet import MOLECULE, Fleet, eventually

CAPTURE = (MOLECULE / "shared/capture.py").read_text()
# Who has each address, on a device; those that somebody answers for.
ASK = 'device=$1; shift; for to in "$@"; do (arping -0 -c 1 -w 2 -i $device $to >/dev/null && echo $to) & done; wait'
COUNTED = {4: "IcmpInEchos", 6: "Icmp6InEchos"}


@pytest.fixture(scope="module", autouse=True)
def _settled(fleet: Fleet) -> None:
    await_plan(fleet)
    await_sessions(fleet)
    eventually(lambda: active(fleet) == active(fleet, "198.18.0.254") == ["dcgw-01"])


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_the_kernel_has_the_plan_and_nothing_else(fleet: Fleet, gateway: str) -> None:
    """Covering prefixes have all ways: it is the kernel that is asked, as a daemon may think that it has them (T2)."""
    found = routes(fleet, gateway)
    assert found == plan()
    assert not [route for route, ways in found.items() if ways & {"192.0.2.7", "192.0.2.8"}]


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_bfd_is_up_with_those_who_live(fleet: Fleet, gateway: str) -> None:
    planes = {address for name in DRAWN for address in PLANES[name].values()}
    assert set(guards(fleet, gateway)) == planes | {"192.0.2.9", "192.0.2.10", "2001:db8:2::9", "2001:db8:2::10"}


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_control_planes_of_both_kinds_say_the_same(fleet: Fleet, gateway: str) -> None:
    """What BIRD in nf-cp1 and FRR in nf-cp2 announce, with a next hop that is another's than their own."""
    heard = [
        re.findall(
            r"^(\S+) .*|BGP\.next_hop: (\S+)",
            fleet.output(gateway, "birdc", "-r", "show", "route", "all", "protocol", session),
            re.MULTILINE,
        )
        for session in ("nf_cp1_v4", "nf_cp2_v4", "nf_cp1_v6", "nf_cp2_v6")
    ]
    said = [announced(pairs) for pairs in heard]
    assert said[0] == said[1] and said[2] == said[3]
    assert said[0] | said[2] == {
        **{pool: PLANES[name][family_of(pool)] for pool, name in POOLS.items()},
        "203.0.113.0/24": "198.51.100.100",
        "2001:db8:cb00::/40": "2001:db8:c6::100",
    }


def announced(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    network = ""
    for beginning, next_hop in pairs:
        if "/" in beginning:
            network = beginning
        elif next_hop:
            found[network] = next_hop
    return found


def echoes(fleet: Fleet, name: str) -> int:
    """How many echo requests have come to a user plane, of both families."""
    shown = fleet.output(name, "nstat", "-asz", *COUNTED.values())
    return sum(int(float(line.split()[1])) for line in shown.splitlines() if line.split()[0] in COUNTED.values())


def test_each_user_plane_gets_the_packets_of_its_pools(fleet: Fleet) -> None:
    before = {name: echoes(fleet, name) for name in DRAWN}
    script = 'for to in "$@"; do ping -n -q -c 5 -i 0.1 -W 3 "$to" & done; wait'
    said = fleet.output("client", "sh", "-c", script, "sh", *SUBSCRIBERS)
    assert said.count("5 packets transmitted, 5 received") == len(SUBSCRIBERS)
    after = {name: echoes(fleet, name) - before[name] for name in DRAWN}
    assert after == {name: 5 * list(SUBSCRIBERS.values()).count(name) for name in DRAWN}


def test_what_is_in_no_pool_is_spread_over_those_who_live(fleet: Fleet) -> None:
    before = {name: echoes(fleet, name) for name in DRAWN}
    others = [f"203.0.113.{number}" for number in range(112, 160)]
    script = 'for to in "$@"; do ping -n -q -c 1 -W 3 "$to" & done; wait'
    assert fleet.output("client", "sh", "-c", script, "sh", *others).count("1 received") == len(others)
    after = {name: echoes(fleet, name) - before[name] for name in DRAWN}
    assert sum(after.values()) == len(others)
    assert all(after.values())


@pytest.mark.parametrize("shared", ["192.0.2.254", "2001:db8:2::254"])
def test_nfs_leave_by_the_gateway_that_has_the_shared_address(fleet: Fleet, shared: str) -> None:
    fleet.output("nf-up3", "ping", "-n", "-c", "1", "-W", "3", "198.18.0.9" if ":" not in shared else "2001:db8:18::9")
    (neighbour,) = json.loads(fleet.output("nf-up3", "ip", "-j", "neighbour", "show", "to", shared))
    assert active(fleet, shared) == ["dcgw-01"]
    assert neighbour["lladdr"] == fleet.output("dcgw-01", "cat", "/sys/class/net/gw-100/address").strip()


@pytest.fixture
def addresses_in_vlan_200(fleet: Fleet) -> Iterator[None]:
    for number in (1, 2):
        fleet.output(f"nf-up{number}", "ip", "address", "add", f"10.200.0.{number}/24", "dev", "eth1")
    yield
    for number in (1, 2):
        fleet.output(f"nf-up{number}", "ip", "address", "delete", f"10.200.0.{number}/24", "dev", "eth1")


@pytest.mark.usefixtures("addresses_in_vlan_200")
def test_the_vlan_without_subnets_is_a_switch_only(fleet: Fleet) -> None:
    """NFs reach each other there. No gateway answers there, to whatever address, or takes a packet from there."""
    assert fleet.pings("nf-up1", "10.200.0.2")
    own = ["192.0.2.252", "192.0.2.253", "192.0.2.254", "198.18.0.252", "198.18.0.254"]
    assert fleet.output("nf-up1", "sh", "-c", ASK, "sh", "eth1", *own) == ""
    assert set(fleet.output("nf-up1", "sh", "-c", ASK, "sh", "eth0", *own[:3]).split()) == set(own[:3])
    before = echoes(fleet, "client")
    for gateway in GATEWAYS:
        mac = fleet.output(gateway, "cat", "/sys/class/net/gw-100/address").strip()
        fleet.output("nf-up1", "ip", "neighbour", "replace", "10.200.0.9", "lladdr", mac, "dev", "eth1")
        fleet.output("nf-up1", "ip", "route", "replace", "198.18.0.9/32", "via", "10.200.0.9", "dev", "eth1", "onlink")
        assert fleet.on("nf-up1", "ping", "-c", "2", "-i", "0.2", "-W", "1", "198.18.0.9").returncode != 0
    fleet.output("nf-up1", "ip", "route", "delete", "198.18.0.9/32")
    assert echoes(fleet, "client") == before
    assert fleet.pings("nf-up1", "198.18.0.9")


def test_every_packet_has_its_tag_on_the_trunk(fleet: Fleet) -> None:
    watch = subprocess.Popen(
        fleet.command(HOSTS["nf-up2"], "python3", "-c", CAPTURE, "eth1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watch.stdout and watch.stdout.readline() == "ready\n"
    assert fleet.pings("client", "203.0.113.17")
    # The tag is where the card has it, or still in the frame.
    frames = [line.split() for line in watch.communicate("enough\n")[0].splitlines()]
    tags = {tag if tag != "-" else str(int(frame[28:32], 16) & 0xFFF) for _device, _way, tag, frame in frames}
    assert any("cb007111" in frame for *_words, frame in frames)
    assert tags == {"100"}
