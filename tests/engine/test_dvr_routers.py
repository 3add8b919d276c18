# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routers that do more than connect networks on VXLAN: static routes, a second router of a network, an untagged one.

Behind the instance ``gw`` is a machine of which only a static route of its router knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

import pytest
from dvr_fleet import OUTSIDE, Meetings, Node, captured, fleet, pings, unexpected, whole_checksums
from dvr_shipped import DATAPATHS, Places, document
from harness import tool

from ansible_collections.hostnet.fabric.plugins.module_utils.probe import wire

HOSTS = {"compute-01": "10.20.0.11", "compute-02": "10.20.0.12"}
BEHIND, BEHIND_GW, BEHIND_ADDRESS = "behind", "10.9.0.1", ("10.9.0.2", "2001:db8:9::2")
PHYSICAL = "10.3.0.200"
DVR_PREFIX = "5a:d0:"

# Where each instance is, its network, and its addresses.
INSTANCES = {
    "web1": ("compute-01", "web", "10.1.0.11", "2001:db8:1::11"),
    "gw": ("compute-02", "web", "10.1.0.50", "2001:db8:1::50"),
    "db1": ("compute-01", "db", "10.2.0.11", "2001:db8:2::11"),
    "db2": ("compute-02", "db", "10.2.0.12", "2001:db8:2::12"),
    "flat1": ("compute-01", "flat", "10.3.0.11", "2001:db8:3::11"),
    "flat2": ("compute-02", "flat", "10.3.0.12", "2001:db8:3::12"),
    "dmz1": ("compute-01", "dmz", "10.4.0.11", "2001:db8:4::11"),
    "dmz2": ("compute-02", "dmz", "10.4.0.12", "2001:db8:4::12"),
    "back1": ("compute-01", "back", "10.5.0.11", "2001:db8:5::11"),
    "back2": ("compute-02", "back", "10.5.0.12", "2001:db8:5::12"),
}
BLUE = tuple(name for name, (_host, network, *_rest) in INSTANCES.items() if network != "back")
DMZ, BACK, FLAT = ("dmz1", "dmz2"), ("back1", "back2"), ("flat1", "flat2")
FAMILIES = (0, 1)


def intent(datapath: str) -> dict[str, Any]:
    networks = ("web", "db", "flat", "dmz", "back")
    subnets = {name: [f"10.{n}.0.0/24", f"2001:db8:{n}::/64"] for n, name in enumerate(networks, 1)}
    instances: dict[str, Any] = {
        name: {"host": host, "network": network, "attach": "veth", "addresses": list(own)}
        for name, (host, network, *own) in INSTANCES.items()
    }
    instances["gw"]["allowed_addresses"] = ["10.9.0.0/16", "2001:db8:9::/64"]
    routes = [{"to": "10.9.0.0/16", "via": "10.1.0.50"}, {"to": "2001:db8:9::/64", "via": "2001:db8:1::50"}]
    second = {"network": "dmz", "addresses": ["10.4.0.2", "2001:db8:4::2"]}
    rules = [{"protocol": "icmp"}, {"protocol": "icmpv6"}, {"protocol": "tcp", "ports": [7777]}]
    return {
        "fabric_datapath": datapath,
        "fabric_hosts": {name: {"tunnel": address} for name, address in HOSTS.items()},
        "fabric_providers": {"lan": {"device": "enp7s0"}},
        "fabric_networks": {
            name: {"subnets": own, **({"provider": "lan"} if name == "flat" else {})} for name, own in subnets.items()
        },
        "fabric_routers": {
            "blue": {"networks": ["web", "db", "flat", "dmz"], "routes": routes},
            "green": {"networks": ["back", second]},
        },
        "fabric_security_groups": {"default": {"ingress": rules}},
        "fabric_instances": instances,
    }


@pytest.fixture(scope="module", params=DATAPATHS)
def nodes(
    _namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Node]]:
    with fleet(tmp_path_factory.mktemp("dvr"), HOSTS, (f"address add {PHYSICAL}/24 dev eth0",)) as found:
        whole_checksums(OUTSIDE, "eth0")
        for name, own in found.items():
            own.apply(document(intent(request.param), name))
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Iterator[Places]:
    """With the machine behind ``gw``, and the routes that instances have themselves to the second router."""
    own = {name: nodes[host].namespace(name) for name, (host, *_rest) in INSTANCES.items()}
    for name in DMZ:
        tool("ip", "route", "add", "10.5.0.0/24", "via", "10.4.0.2", namespace=own[name])
        tool("ip", "route", "add", "2001:db8:5::/64", "via", "2001:db8:4::2", namespace=own[name])
    tool("ip", "netns", "add", BEHIND)
    tool("ip", "link", "add", "inner", "type", "veth", "peer", "eth0", "netns", BEHIND, namespace=own["gw"])
    for place, device, ipv4, ipv6 in (
        (own["gw"], "inner", BEHIND_GW, "2001:db8:9::1"),
        (BEHIND, "eth0", *BEHIND_ADDRESS),
    ):
        tool("ip", "address", "add", f"{ipv4}/24", "dev", device, namespace=place)
        tool("ip", "address", "add", f"{ipv6}/64", "dev", device, "nodad", namespace=place)
        tool("ip", "link", "set", "dev", device, "up", namespace=place)
    for gateway in (BEHIND_GW, "2001:db8:9::1"):
        tool("ip", "route", "add", "default", "via", gateway, namespace=BEHIND)
    tool("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", namespace=own["gw"])
    yield {**own, OUTSIDE: OUTSIDE, BEHIND: BEHIND}
    tool("ip", "netns", "del", BEHIND)


def addresses(name: str) -> tuple[str, ...]:
    return {**{one: tuple(own[2:]) for one, own in INSTANCES.items()}, BEHIND: BEHIND_ADDRESS}[name]


def as_themselves(pairs: Iterable[tuple[str, str]]) -> Meetings:
    return {
        (source, target, addresses(target)[family]): addresses(source)[family]
        for source, target in pairs
        for family in FAMILIES
    }


def test_a_static_route_leads_to_what_is_behind_an_instance(places: Places) -> None:
    """From other networks as from its own, from its own host as from another."""
    sources = [name for name in BLUE if name != "gw"]
    pairs = [pair for name in sources for pair in ((name, BEHIND), (BEHIND, name))]
    assert unexpected(places, as_themselves(pairs)) == {}


def test_a_static_route_is_its_routers_own(places: Places) -> None:
    expected: Meetings = {("back2", BEHIND, BEHIND_ADDRESS[0]): None, (BEHIND, "back2", addresses("back2")[0]): None}
    assert unexpected(places, expected) == {}


def test_an_instance_behind_two_routers_reaches_the_networks_of_both(places: Places) -> None:
    pairs = {*permutations((*DMZ, *BACK), 2), *permutations((*DMZ, "web1", "db2"), 2)}
    assert unexpected(places, as_themselves(sorted(pairs))) == {}
    assert unexpected(places, {("back1", "web1", addresses("web1")[0]): None}) == {}


def test_an_untagged_network_is_shared_with_the_machines_on_the_wire(places: Places) -> None:
    expected = as_themselves(permutations((*FLAT, "web1", "db2"), 2))
    for name in FLAT:
        expected[OUTSIDE, name, addresses(name)[0]] = PHYSICAL
        expected[name, OUTSIDE, PHYSICAL] = addresses(name)[0]
    assert unexpected(places, expected) == {}


def test_nobody_on_the_wire_meets_a_router(nodes: dict[str, Node], places: Places) -> None:
    """Neither of two routers of a network, nor the one of an untagged network, where machines ask for it."""
    legs = {"router-blue": ("qr-web", "qr-db", "qr-flat", "qr-dmz"), "router-green": ("qr-dmz", "qr-back")}
    found = {
        json.loads(tool("ip", "-j", "link", "show", "dev", leg, namespace=own.namespace(router)).stdout)[0]["address"]
        for own in nodes.values()
        for router, own_legs in legs.items()
        for leg in own_legs
    }
    assert len(found) == 6
    macs = {wire.mac_bytes(mac) for mac in found}
    # Machines on the wire see instances, and neither is told where the router is.
    arping = ("arping", "-c1", "-w1", "-I", "eth0")
    with captured(["under0", "under1", "ext0", "ext1"]) as frames:
        assert tool(*arping, "10.3.0.11", namespace=OUTSIDE, check=False).returncode == 0
        assert tool(*arping, "10.3.0.1", namespace=OUTSIDE, check=False).returncode == 1
        for source, target in (*permutations((*DMZ, *BACK), 2), *permutations((*FLAT, "db1", "db2"), 2)):
            for address in addresses(target):
                assert pings(places[source], address)
    flat = [frame for frame in frames if frame.port.startswith("ext")]
    within = [inside[1] for frame in frames if frame.port.startswith("under") and (inside := frame.tunnelled)]
    assert {frame.vlan for frame in flat} == {None}
    for frames_there in (flat, within):
        routed = {frame.source for frame in frames_there if frame.source.startswith(DVR_PREFIX)}
        assert len(routed) == 2, "one address for each host that routes"
        assert [frame for frame in frames_there if any(mac in frame.data for mac in macs)] == []
