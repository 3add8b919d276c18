# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who reaches whom, and whom everybody sees: each instance and both places outside try every address there is."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from drawing import CLIENTS, GATEWAYS, INSTANCES, connected, expected, from_everywhere, pinged
from fleet import Fleet


def test_the_tables_speak_of_everybody() -> None:
    for client in INSTANCES:
        others = [other for other in INSTANCES.values() if other.name != client]
        same_tenant = [other for other in others if other.tenant == INSTANCES[client].tenant]
        wanted = {other.ipv4 for other in same_tenant} | {other.ipv6 for other in others}
        wanted |= {other.floating for other in INSTANCES.values() if other.floating}
        assert wanted <= expected(client).keys()
    for client in ("outside", "internet"):
        others6 = {other.ipv6 for other in INSTANCES.values()}
        assert expected(client).keys() == others6 | {other.floating for other in INSTANCES.values() if other.floating}


@pytest.fixture(scope="module")
def seen(fleet: Fleet) -> dict[str, dict[str, str]]:
    """For each client whom every address saw."""
    return from_everywhere(lambda client: connected(fleet, client, list(expected(client))))


@pytest.fixture(scope="module")
def answered(fleet: Fleet) -> dict[str, set[str]]:
    """For each client which addresses answered."""
    return from_everywhere(lambda client: pinged(fleet, client, list(expected(client))))


@pytest.mark.parametrize("client", CLIENTS)
def test_is_seen_by_all_as_whom_it_should(seen: dict[str, dict[str, str]], client: str) -> None:
    found, wanted = seen[client], expected(client)
    wrong = [
        f"{to} saw {found[to] or 'nobody'}, not {wanted[to] or 'nobody'}" for to in wanted if found[to] != wanted[to]
    ]
    assert "\n".join(wrong) == ""


@pytest.mark.parametrize("client", CLIENTS)
def test_is_answered_by_all_who_should(answered: dict[str, set[str]], client: str) -> None:
    should = {address for address, seen in expected(client).items() if seen}
    found = answered[client]
    assert {"silent": sorted(should - found), "let in": sorted(found - should)} == {"silent": [], "let in": []}


@pytest.mark.parametrize("client", list(INSTANCES))
def test_reaches_its_gateways(fleet: Fleet, client: str) -> None:
    gateways = list(GATEWAYS[INSTANCES[client].network])
    assert pinged(fleet, client, gateways) == set(gateways)


@pytest.fixture
def ways_inside(fleet: Fleet) -> Iterator[None]:
    """The router outside sends what is for the tenants' subnets to the compute hosts, as it never should."""
    routes = [("172.16.18.0/24", "192.168.100.254"), ("172.16.19.0/24", "192.168.100.253")]
    for to, via in routes:
        fleet.output("outside", "ip", "route", "add", to, "via", via)
    yield
    for to, _via in routes:
        fleet.output("outside", "ip", "route", "delete", to)


@pytest.mark.usefixtures("ways_inside")
@pytest.mark.parametrize("client", ["outside", "internet"])
def test_tenants_ipv4_addresses_are_not_reached_from_outside(fleet: Fleet, client: str) -> None:
    """Already the external network's namespace has no route to them. That routers would not let them in is shown by
    test_tenants_ipv4_addresses_stay_inside of the engine's tests."""
    addresses = sorted({instance.ipv4 for instance in INSTANCES.values()})
    assert "via" in fleet.output(client, "ip", "route", "get", addresses[0])
    assert pinged(fleet, client, addresses) == set()
    assert connected(fleet, client, addresses) == dict.fromkeys(addresses, "")


def mac_of(fleet: Fleet, instance: str) -> str:
    return fleet.output(instance, "cat", "/sys/class/net/eth0/address").strip()


@pytest.mark.parametrize(
    ("client", "address", "owner", "stranger"),
    [
        ("web4", "172.16.18.101", "web2", "shop2"),
        ("web3", "172.16.18.101", "web2", "shop2"),
        ("db2", "172.16.19.10", "db1", "store1"),
        ("shop1", "172.16.18.101", "shop2", "web2"),
        ("store2", "172.16.19.10", "store1", "db1"),
    ],
)
def test_tenants_with_the_same_addresses_find_their_own(
    fleet: Fleet, client: str, address: str, owner: str, stranger: str
) -> None:
    fleet.output(client, "ip", "neighbour", "flush", "dev", "eth0")
    fleet.on(client, "ping", "-c", "1", "-W", "1", address)
    (neighbour,) = json.loads(fleet.output(client, "ip", "-j", "neighbour", "show", "to", address))
    assert neighbour["lladdr"] == mac_of(fleet, owner) != mac_of(fleet, stranger)
