# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which checks inventory/nf leads to, and what is found wrong in what gateways say."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_checks import nf_checks
from ansible_collections.hostnet.fabric.plugins.filter.nf_document import nf_document
from ansible_collections.hostnet.fabric.plugins.filter.nf_findings import nf_findings
from ansible_collections.hostnet.fabric.plugins.filter.nf_missing_routes import nf_missing_routes
from ansible_collections.hostnet.fabric.plugins.filter.nf_pool_counters import nf_pool_counters
from ansible_collections.hostnet.fabric.plugins.filter.nf_pools import nf_pools
from ansible_collections.hostnet.fabric.plugins.module_utils.counters import counters
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import parse
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import derived_mac

ROOT = Path(__file__).resolve().parents[3]
INTENT: dict[str, Any] = yaml.safe_load((ROOT / "inventory/nf/group_vars/nf.yml").read_text())
PLANES = {f"nf-up{number}": {4: f"192.0.2.{number}", 6: f"2001:db8:2::{number}"} for number in range(1, 7)}
HOMES = {0: "nf-up1", 1: "nf-up2", 2: "nf-up3", 3: "nf-up4", 4: "nf-up5", 5: "nf-up6", 6: "nf-up1"}
POOLS = {
    4: [f"203.0.113.{16 * number}/28" for number in HOMES],
    6: [f"2001:db8:cb{number}0::/44" for number in HOMES],
}


def intent(**changes: Any) -> dict[str, Any]:
    return {**deepcopy(INTENT), **changes}


def network(shared: bool = False, planes: Any = PLANES) -> dict[str, Any]:
    """A gateway's kernel as it should be with these user planes alive."""
    routes = [{"destination": "10.0.0.0/8", "next_hops": [{"via": "10.0.0.1"}]}, {"destination": "0.0.0.0/0"}]
    virtual = {4: "198.51.100.100/32", 6: "2001:db8:c6::100/128"}
    covers = {4: "203.0.113.0/24", 6: "2001:db8:cb00::/40"}
    for family in (4, 6):
        ways = [{"via": PLANES[name][family], "dev": "br-100"} for name in planes]
        routes += [{"destination": one[family], "next_hops": ways} for one in (virtual, covers)]
        routes += [
            {"destination": POOLS[family][number], "next_hops": [{"via": PLANES[name][family]}]}
            for number, name in HOMES.items()
            if name in planes
        ]
    own = ["192.0.2.254/32", "2001:db8:2::254/128"] if shared else ["192.0.2.9/24"]
    return {"routes": routes, "addresses": [{"link": "br-100", "address": address} for address in own]}


def routing(planes: Any = PLANES, **sessions: int) -> dict[str, Any]:
    heard = {f"nf_cp{number}_v{family}": 8 for number in (1, 2) for family in (4, 6)}
    return {
        "bfd_sessions": [{"address": PLANES[name][family], "up": True} for name in planes for family in (4, 6)],
        "protocols": [
            {"name": name, "type": "BGP", "up": bool(routes), "routes": routes}
            for name, routes in {**heard, **sessions}.items()
        ],
    }


def wrong(first: dict[str, Any], said: dict[str, Any] | None = None, **changes: Any) -> list[str]:
    """What is wrong where dcgw-02 is as it should be."""
    networks = {"dcgw-01": first, "dcgw-02": network()}
    routings = {"dcgw-01": said or routing(), "dcgw-02": routing()}
    found = nf_findings(intent(**changes), networks, routings)
    assert len(found) > 40
    return [one["line"] for one in found if not one["ok"]]


def without(destination: str) -> dict[str, Any]:
    found = network(shared=True)
    found["routes"] = [route for route in found["routes"] if route["destination"] != destination]
    return found


def with_route(destination: str, *ways: str, **more: Any) -> dict[str, Any]:
    found = without(destination)
    found["routes"].append({"destination": destination, "next_hops": [{"via": way} for way in ways], **more})
    return found


def test_nothing_is_wrong() -> None:
    assert wrong(network(shared=True)) == []


def test_a_dead_user_plane_is_told_once() -> None:
    """The routes are those that there have to be without it."""
    living = {name: own for name, own in PLANES.items() if name != "nf-up3"}
    assert wrong(network(shared=True, planes=living), routing(living)) == [
        "dcgw-01, nf-up3 192.0.2.3: does not answer to BFD",
        "dcgw-01, nf-up3 2001:db8:2::3: does not answer to BFD",
    ]


def test_a_drained_user_plane_is_not_missed() -> None:
    """Its pools are whose the plan says now."""
    living = {name: own for name, own in PLANES.items() if name != "nf-up3"}
    given = intent(remembered_drained=["nf-up3"])
    networks = {"dcgw-01": network(True, planes=living), "dcgw-02": network(False, planes=living)}
    for found in networks.values():
        found["routes"] += [
            {"destination": pool["prefix"], "next_hops": [{"via": pool["next_hop"]}]}
            for one in nf_pools(given)
            for pool in one["pools"]
            if pool["prefix"] in ("203.0.113.32/28", "2001:db8:cb20::/44")
        ]
    found = nf_findings(given, networks, dict.fromkeys(networks, routing(living)))
    assert [one["line"] for one in found if not one["ok"]] == []
    assert not any("nf-up3" in one["name"] for one in found)


HOME_LOST = {
    "left to the covering prefix": ((), True),
    "moved as the plan says": (("203.0.113.32/28", "192.0.2.6"), True),
    "moved elsewhere": (("203.0.113.32/28", "192.0.2.4"), False),
}


@pytest.mark.parametrize(("route", "right"), HOME_LOST.values(), ids=HOME_LOST)
def test_control_planes_of_others_need_not_follow_a_drain(route: tuple[str, ...], right: bool) -> None:
    """They announce the pool for who is drained, which leads nowhere, until somebody tells them of the plan."""
    given = intent(remembered_drained=["nf-up3", "nf-cp1"])
    plan = {pool["prefix"]: pool["next_hop"] for one in nf_pools(given) for pool in one["pools"]}
    assert plan["203.0.113.32/28"] == "192.0.2.6"
    living = {name: own for name, own in PLANES.items() if name != "nf-up3"}
    first = network(True, planes=living)
    if route:
        first["routes"].append({"destination": route[0], "next_hops": [{"via": route[1]}]})
    networks = {"dcgw-01": first, "dcgw-02": network(False, planes=living)}
    found = nf_findings(given, networks, dict.fromkeys(networks, routing(living)))
    assert [one["name"] for one in found if not one["ok"]] == ([] if right else ["203.0.113.32/28"])


def test_a_pool_that_nobody_has_lost_is_missed_with_any_control_plane() -> None:
    gone = without("203.0.113.16/28")
    line = "dcgw-01, 203.0.113.16/28: is not in the kernel, and it should be via 192.0.2.2"
    assert wrong(gone, routing(nf_cp1_v4=0, nf_cp1_v6=0), fabric_drained=["nf-cp1"]) == [line]


@pytest.mark.parametrize(
    ("first", "line"),
    [
        (
            without("203.0.113.16/28"),
            "dcgw-01, 203.0.113.16/28: is not in the kernel, and it should be via 192.0.2.2",
        ),
        (
            with_route("203.0.113.16/28", "192.0.2.3"),
            "dcgw-01, 203.0.113.16/28: is via 192.0.2.3, and it should be via 192.0.2.2",
        ),
        (
            with_route("203.0.113.0/24", *(own[4] for name, own in PLANES.items() if name != "nf-up6")),
            "dcgw-01, 203.0.113.0/24: is via 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, and it should be "
            "via 192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5, 192.0.2.6",
        ),
        (
            with_route("2001:db8:cb10::/44", type="unreachable"),
            "dcgw-01, 2001:db8:cb10::/44: is unreachable, and it should be via 2001:db8:2::2",
        ),
        (
            with_route("203.0.113.16/29", "192.0.2.1"),
            "dcgw-01, 203.0.113.16/29: is via 192.0.2.1, and nobody has planned it",
        ),
    ],
)
def test_a_wrong_route_is_found(first: dict[str, Any], line: str) -> None:
    assert wrong(first) == [line]


def test_routes_of_who_does_not_answer_are_found() -> None:
    living = {name: own for name, own in PLANES.items() if name != "nf-up3"}
    lines = wrong(network(shared=True), routing(living))
    assert "dcgw-01, 203.0.113.32/28: is via 192.0.2.3, and it should not be there" in lines


def test_sessions_are_looked_at() -> None:
    assert wrong(network(shared=True), routing(nf_cp1_v4=0, nf_cp2_v6=7)) == [
        "dcgw-01, nf-cp1 192.0.2.9: has no BGP session",
        "dcgw-01, nf-cp2 2001:db8:2::10: has announced 7 routes, and it should be 8",
    ]
    assert wrong(network(shared=True), routing(nf_cp1_v4=0, nf_cp1_v6=0), fabric_drained=["nf-cp1"]) == []


def missing(said: dict[str, Any], **changes: Any) -> list[str]:
    return nf_missing_routes(intent(**changes), "dcgw-01", said)


def test_a_gateway_has_its_routes_when_one_control_plane_has_announced_all() -> None:
    """In each family; one that is silent, or has announced some only, is not waited for."""
    assert missing(routing()) == []
    assert missing(routing(nf_cp1_v4=0, nf_cp2_v6=7)) == []
    assert missing(routing(nf_cp1_v4=0, nf_cp2_v4=7)) == [
        "IPv4: the plan has 8 routes, and nf-cp1 has no BGP session, nf-cp2 has announced 7 routes"
    ]
    assert missing({}) == [
        f"IPv{family}: the plan has 8 routes, and nf-cp1 has no BGP session, nf-cp2 has no BGP session"
        for family in (4, 6)
    ]


def test_a_control_plane_that_is_drained_is_not_who_brings_them() -> None:
    assert missing(routing(nf_cp1_v4=0, nf_cp2_v4=0), remembered_drained=["nf-cp2"]) == [
        "IPv4: the plan has 8 routes, and nf-cp1 has no BGP session"
    ]


def test_a_family_without_user_planes_has_no_pools_to_be_announced() -> None:
    """Of its plan only the covering prefix is left, which control planes still announce, and which leads nowhere."""
    given = intent()
    for name, own in given["fabric_user_planes"].items():
        own["addresses"] = [PLANES[name][4]]
    del given["fabric_pools"]["subscribers6"]["pins"]
    networks = {name: network(shared=name == "dcgw-01") for name in ("dcgw-01", "dcgw-02")}
    for found in networks.values():
        ours = ("2001:db8:cb", "2001:db8:c6::100/128")
        found["routes"] = [route for route in found["routes"] if not route["destination"].startswith(ours)]
    said = routing(nf_cp1_v6=1, nf_cp2_v6=1)
    said["bfd_sessions"] = [one for one in said["bfd_sessions"] if ":" not in one["address"]]
    (daemon,) = nf_bird(given, "compute-09")
    assert re.findall(r"route (\S*:\S*) blackhole", daemon["config"]) == ["2001:db8:cb00::/40"]
    found = nf_findings(given, networks, dict.fromkeys(networks, said))
    assert [one["line"] for one in found if not one["ok"]] == []
    assert "dcgw-01, nf-cp1 2001:db8:2::9: has announced 1 routes" in [one["line"] for one in found]


def test_exactly_one_gateway_has_the_shared_addresses() -> None:
    assert wrong(network()) == [
        "gateways, shared address 192.0.2.254: is on no gateway",
        "gateways, shared address 2001:db8:2::254: is on no gateway",
    ]
    both = {name: network(shared=True) for name in ("dcgw-01", "dcgw-02")}
    found = nf_findings(intent(), both, dict.fromkeys(both, routing()))
    assert [one["line"] for one in found if not one["ok"]] == [
        "dcgw-01, shared address 192.0.2.254: is on dcgw-01 and dcgw-02",
        "dcgw-01, shared address 2001:db8:2::254: is on dcgw-01 and dcgw-02",
    ]
    alone = nf_findings(intent(), {"dcgw-01": network()}, {"dcgw-01": routing()})
    assert all(one["ok"] for one in alone), "where the other one was not asked, nobody knows"


def test_a_drained_gateway_has_no_pools_and_no_shared_address() -> None:
    lines = wrong(network(shared=True), fabric_drained=["dcgw-01"])
    assert "dcgw-01, 203.0.113.0/24: is via" in next(line for line in lines if "/24" in line)
    assert "dcgw-01, shared address 192.0.2.254: is on dcgw-01, which is drained" in lines


def checks(host: str, **settings: Any) -> list[dict[str, Any]]:
    given = settings.pop("given", intent())
    return [check for place in nf_checks(given, host, **settings) for check in place["checks"]]


def probes(found: list[dict[str, Any]], source: str, target: str) -> list[dict[str, Any]]:
    ends = [check["probe"] for check in found if (check["source"], check["target"]) == (source, target)]
    return [{key: value for key, value in probe.items() if key != "name"} for probe in ends]


def test_a_gateway_looks_at_every_function() -> None:
    found = checks("dcgw-01")
    assert parse([check["probe"] for check in found])
    assert {check["target"] for check in found} == {*PLANES, "nf-cp1", "nf-cp2"}
    mac = derived_mac("nf", "nf-up1", "n6")
    assert probes(found, "dcgw-01", "nf-up1")[:2] == [
        {"kind": "arp", "address": "192.0.2.1", "interface": "br-100", "expect": {"mac": mac}},
        {"kind": "path_mtu", "address": "192.0.2.1", "expect": {"mtu": 1500}},
    ]
    drained = checks("dcgw-01", given=intent(fabric_drained=["nf-up1"]))
    assert {check["target"] for check in drained} == {*PLANES, "nf-cp1", "nf-cp2"} - {"nf-up1"}


def test_a_vm_answers_as_it_likes() -> None:
    given = intent()
    given["fabric_user_planes"]["nf-up1"]["attach"] = "tap"
    found = probes(checks("dcgw-01", given=given), "dcgw-01", "nf-up1")
    assert [(probe["kind"], "expect" in probe) for probe in found] == [("arp", False)] * 2
    assert checks("compute-01", given=given) == []


@pytest.mark.parametrize("backend", ["linux", "vlan_aware", "openvswitch"])
def test_functions_know_the_gateways_by_their_macs(backend: str) -> None:
    given = intent(fabric_nf_backend=backend)
    found = checks("compute-02", given=given)
    assert parse([check["probe"] for check in found])
    documents = {name: nf_document(given, name) for name in ("dcgw-01", "dcgw-02")}
    for name, document in documents.items():
        (probe, _ipv6) = probes(found, "nf-up2", name)
        assert (probe["namespace"], probe["interface"]) == ("nf-up2", "eth0")
        assert probe["expect"]["mac"] in {link.get("mac") for link in document["links"]}
    shared = probes(found, "nf-up2", "shared address")
    macs = {mac for name in documents for probe in probes(found, "nf-up2", name) for mac in [probe["expect"]["mac"]]}
    assert [(probe["kind"], probe["address"]) for probe in shared] == [
        ("arp", "192.0.2.254"),
        ("ping", "192.0.2.254"),
        ("arp", "2001:db8:2::254"),
        ("ping", "2001:db8:2::254"),
    ]
    assert len(macs) == 2
    assert all(probe["expect"] == {"mac": sorted(macs)} for probe in shared if probe["kind"] == "arp")
    assert probes(checks("compute-02", given={**given, "fabric_drained": ["dcgw-01"]}), "nf-up2", "dcgw-01") == []


def test_pools_are_probed_where_somebody_answers() -> None:
    outside = [{"name": "client", "host": "peer", "namespace": "c", "hosts": ["dcgw-01"], "reaches": ["198.18.0.1"]}]
    places = nf_checks(intent(), "dcgw-01", outside=outside, subscriber=1)
    assert [place["host"] for place in places] == ["dcgw-01", "peer"]
    targets = {check["probe"]["address"] for check in places[1]["checks"]}
    pinged = {check["probe"]["address"] for check in places[0]["checks"] if check["probe"]["kind"] == "ping"}
    assert len(pinged) == 14 and {"203.0.113.1", "203.0.113.97", "2001:db8:cb60::1"} <= pinged
    assert targets == pinged | {"198.18.0.1"}
    assert {check["probe"].get("namespace") for check in places[1]["checks"]} == {"c"}
    assert nf_checks(intent(fabric_drained=["dcgw-01"]), "dcgw-01", outside=outside, subscriber=1) == []


def test_scenario_nf_probes_every_pool() -> None:
    """From both gateways, and from the client behind either."""
    settings = yaml.safe_load((ROOT / "molecule/nf/lab.yml").read_text())["variables"]
    subscribers = {f"203.0.113.{16 * number + 1}" for number in HOMES}
    subscribers |= {f"2001:db8:cb{number}0::1" for number in HOMES}
    for gateway in ("dcgw-01", "dcgw-02"):
        places = nf_checks(intent(), gateway, settings["verify_outside"], settings["verify_subscriber"])
        assert [place["host"] for place in places] == [gateway, "localhost"]
        probed = [
            {check["probe"]["address"] for check in place["checks"] if check["probe"]["kind"] == "ping"}
            for place in places
        ]
        assert probed == [subscribers, subscribers]
        assert {check["probe"]["namespace"] for check in places[1]["checks"]} == {"hnlab-nf.client"}


def test_hosts_without_functions_make_no_checks() -> None:
    assert checks("compute-08") == checks("elsewhere") == []
    assert nf_bird(intent(), "compute-08") == []


def test_counters_pool_by_pool() -> None:
    objects = [
        {"rule": {"family": "inet", "table": "hostnet.nf.pools", "chain": chain, "expr": [{"counter": counted}]}}
        for chain, counted in (
            ("to-203.0.113.16/28", {"packets": 3, "bytes": 252}),
            ("from-203.0.113.16/28", {"packets": 2, "bytes": 168}),
            ("to-2001_db8_cb10__/44", {"packets": 1, "bytes": 104}),
            ("from-2001_db8_cb10__/44", {"packets": 0, "bytes": 0}),
        )
    ]
    objects += [
        {"chain": {"name": "count"}},
        {"rule": {"family": "ip", "table": "mine", "chain": "c", "expr": [{"accept": None}]}},
        {"rule": {"family": "ip", "table": "mine", "chain": "c", "expr": [{"counter": "named"}]}},
        {"rule": {"family": "ip", "table": "mine", "chain": "c", "expr": [{"counter": {"packets": 7, "bytes": 8}}]}},
    ]
    found = list(counters("", objects))
    assert found[-1] == {"family": "ip", "table": "mine", "chain": "c", "rule": 2, "packets": 7, "bytes": 8}
    assert nf_pool_counters(intent(), found) == [
        {
            "prefix": "203.0.113.16/28",
            "user_plane": "nf-up2",
            "to": {"packets": 3, "bytes": 252},
            "from": {"packets": 2, "bytes": 168},
        },
        {
            "prefix": "2001:db8:cb10::/44",
            "user_plane": "nf-up2",
            "to": {"packets": 1, "bytes": 104},
            "from": {"packets": 0, "bytes": 0},
        },
    ]
