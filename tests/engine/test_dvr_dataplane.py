# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom through distributed routers, and as whom: the shipped inventory on three hosts, real packets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from statistics import mean

import pytest
from dvr_fleet import OUTSIDE, Meetings, Node, seen_as, unexpected
from dvr_shipped import BLUE, DATAPATHS, DB, FLOATING, GREEN, INSTANCES, OWN_ADDRESS, WEB, Places, places_on, shipped
from harness import tool


@pytest.fixture(scope="module", params=DATAPATHS)
def nodes(
    _namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Node]]:
    with shipped(tmp_path_factory.mktemp("dvr"), request.param) as found:
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Places:
    return places_on(nodes)


def opened(source: str, target: str) -> bool:
    """Whether the target's group lets the source in: a database is for web servers only."""
    return target not in DB or source in WEB


def test_east_west(places: Places) -> None:
    expected: Meetings = {}
    for tenant in (BLUE, GREEN):
        for source in tenant:
            for target in tenant:
                if source != target:
                    for family in (1, 2):
                        own = INSTANCES[source][family]
                        expected[source, target, INSTANCES[target][family]] = own if opened(source, target) else None
    assert unexpected(places, expected) == {}


def test_tenants_with_the_same_addresses_do_not_meet(places: Places) -> None:
    twins = [("vm1", "shop1"), ("web2", "shop2"), ("db1", "store1"), ("db2", "store2")]
    others: Meetings = {}
    for blue, green in twins:
        others.update({("web4", green, INSTANCES[blue][1]): None, ("store1", blue, INSTANCES[green][1]): None})
    assert unexpected(places, others) == {}


def test_out_and_seen_as_whom(places: Places) -> None:
    expected: Meetings = {
        (source, OUTSIDE, address): seen
        for source, (_host, _v4, _v6, seen) in INSTANCES.items()
        for address in ("192.168.100.1", "203.0.113.9")
    }
    assert unexpected(places, expected) == {}


def test_floating_ips(places: Places) -> None:
    expected: Meetings = {}
    for target in FLOATING:
        address = INSTANCES[target][3]
        for source, (_host, _v4, _v6, seen) in INSTANCES.items():
            expected[source, target, address] = seen if target not in DB else None
        expected[OUTSIDE, target, address] = "192.168.100.1" if target not in DB else None
    assert unexpected(places, expected) == {}


def test_ipv6_north_south(places: Places) -> None:
    expected: Meetings = {}
    for name, (_host, _v4, own, _seen) in INSTANCES.items():
        expected[name, OUTSIDE, "2001:db8:64::1"] = own
        expected[OUTSIDE, name, own] = "2001:db8:64::1" if name not in DB else None
    assert unexpected(places, expected) == {}


def test_the_hosts_own_address_in_the_external_network(nodes: dict[str, Node], places: Places) -> None:
    """Its card is a port of a bridge now; the address is on the host's leg."""
    home = nodes["compute-02"].home
    assert seen_as(OUTSIDE, home, OWN_ADDRESS) == "192.168.100.1"
    assert seen_as(home, OUTSIDE, "192.168.100.1") == OWN_ADDRESS
    assert seen_as(places["vm1"], home, OWN_ADDRESS) == "192.168.100.150"


def test_the_first_packet_does_not_wait(places: Places) -> None:
    """By the kernel's defaults a proxy answers ARP after up to 0.8 s, by chance: after 0.4 s on the average."""
    addresses = [INSTANCES[name][3] for name in FLOATING if name not in DB]
    times = []
    for _round in range(3):
        tool("ip", "neigh", "flush", "all", namespace=OUTSIDE)
        said = [tool("ping", "-n", "-c1", "-W3", address, namespace=OUTSIDE).stdout for address in addresses]
        times += [float(time) for text in said for time in re.findall(r"time=([0-9.]+) ms", text)]
    assert len(times) == 3 * len(addresses)
    assert mean(times) < 250
