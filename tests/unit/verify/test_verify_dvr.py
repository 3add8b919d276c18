# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which checks an intent with distributed routers leads to: mostly that of inventory/dvr."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import parse
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import derived_mac
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import parse_settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.dvr import dvr_checks

ROOT = Path(__file__).resolve().parents[3]
INTENT: dict[str, Any] = yaml.safe_load((ROOT / "inventory/dvr/group_vars/dvr.yml").read_text())
COMPUTES = ("compute-01", "compute-02")
PORT = 7777
GATE4 = {"name": "gate", "address": "192.168.100.1", "port": 80, "seen_as": True}
GATE6 = {"name": "gate", "address": "2001:db8:64::1", "port": 80, "seen_as": True}
PLACE = {"name": "peer", "namespace": "p", "hosts": ["compute-01", "compute-02"]}
VM1 = {"interface": "tap-vm1", "as_guest": True, "mac": "52:54:00:00:18:64", "source": "172.16.18.100"}


def intent(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The intent with values set at dotted paths; None takes one away."""
    found = deepcopy(INTENT)
    for path, value in changes:
        *parents, last = path.split(".")
        at = found
        for key in parents:
            at = at.setdefault(key, {})
        if value is None:
            del at[last]
        else:
            at[last] = value
    return found


def checks(*changes: tuple[str, Any], host: str = "", **settings: Any) -> list[dict[str, Any]]:
    """The checks of a host, or of both compute hosts."""
    given = intent(*changes)
    parsed = parse_settings(**{"port": PORT, "full_mesh": 20, **settings})
    hosts = [host] if host else COMPUTES
    return [check for each in hosts for place in dvr_checks(given, each, parsed) for check in place["checks"]]


def probes(found: list[dict[str, Any]], source: str, target: str, kind: str) -> list[dict[str, Any]]:
    ends = [check["probe"] for check in found if (check["source"], check["target"]) == (source, target)]
    return [
        {key: value for key, value in probe.items() if key not in ("name", "kind")}
        for probe in ends
        if probe["kind"] == kind
    ]


def seen(found: list[dict[str, Any]], source: str, target: str) -> dict[str, str]:
    """For each address that a connection is tried to, whom it must see; empty where it must not be made."""
    return {probe["address"]: probe["expect"].get("seen_as", "") for probe in probes(found, source, target, "tcp")}


def answered(found: list[dict[str, Any]], source: str, target: str) -> dict[str, bool]:
    return {probe["address"]: probe["expect"]["reachable"] for probe in probes(found, source, target, "ping")}


def mtus(found: list[dict[str, Any]], source: str, target: str) -> set[int]:
    return {probe["expect"]["mtu"] for probe in probes(found, source, target, "path_mtu")}


def test_gateways_answer_and_are_answered_for_by_the_router_alone() -> None:
    found = checks()
    assert probes(found, "vm1", "gateway", "ping")[0] == {
        **VM1,
        "address": "172.16.18.1",
        "expect": {"reachable": True},
    }
    leg = {"mac": derived_mac("leg", "blue", "web")}
    sender = {"namespace": "web3", "interface": "eth0"}
    assert probes(found, "web3", "gateway", "arp") == [
        {**sender, "source": "172.16.18.102", "address": "172.16.18.1", "expect": leg},
        {**sender, "source": "2001:db8:18::102", "address": "2001:db8:18::1", "expect": leg},
    ]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        # On the link and routed, on the same host and the other one.
        ("web2", "vm1", {"172.16.18.100": "172.16.18.101", "2001:db8:18::100": "2001:db8:18::101"}),
        ("web2", "web4", {"172.16.18.103": "172.16.18.101", "2001:db8:18::103": "2001:db8:18::101"}),
        ("web2", "db1", {"172.16.19.10": "172.16.18.101", "2001:db8:19::10": "2001:db8:18::101"}),
        ("store1", "shop2", {"172.16.18.101": "172.16.19.10", "2001:db8:28::101": "2001:db8:29::10"}),
        # A database lets web servers in, and no other database.
        ("db1", "db2", {"172.16.19.11": "", "2001:db8:19::11": ""}),
        ("db1", "web4", {"172.16.18.103": "172.16.19.10", "2001:db8:18::103": "2001:db8:19::10"}),
    ],
)
def test_east_west(source: str, target: str, expected: dict[str, str]) -> None:
    found = checks()
    assert seen(found, source, target) == expected
    assert answered(found, source, target) == {address: bool(by) for address, by in expected.items()}


@pytest.mark.parametrize(
    ("source", "target", "address", "expected"),
    [
        ("web3", "vm1", "192.168.100.150", "192.168.100.152"),
        ("web2", "vm1", "192.168.100.150", "192.168.100.20"),
        ("store2", "shop1", "192.168.100.160", "192.168.100.161"),
        ("shop2", "web3", "192.168.100.152", "192.168.100.21"),
        ("web3", "itself", "192.168.100.152", "192.168.100.152"),
        # As a floating IP, nobody is known as a web server.
        ("web3", "db2", "192.168.100.153", ""),
        ("web2", "db2", "192.168.100.153", ""),
        ("shop1", "web2", "2001:db8:18::101", "2001:db8:28::100"),
        ("shop1", "db1", "2001:db8:19::10", ""),
    ],
)
def test_floating_ips_and_routed_addresses(source: str, target: str, address: str, expected: str) -> None:
    found = checks()
    assert seen(found, source, f"{target} by {address}") == {address: expected}
    assert answered(found, source, f"{target} by {address}") == {address: bool(expected)}


def test_routed_addresses_of_the_own_router_are_no_other_way() -> None:
    assert probes(checks(), "web2", "db1 by 2001:db8:19::10", "ping") == []


def test_without_a_way_out_floating_ips_are_not_reached() -> None:
    found = checks(("fabric_routers.green.snat", None))
    assert seen(found, "shop2", "vm1 by 192.168.100.150") == {"192.168.100.150": ""}
    assert answered(found, "shop1", "vm1 by 192.168.100.150") == {"192.168.100.150": True}


def test_a_vm_is_tried_from_its_router_too() -> None:
    found = checks()
    common = {"namespace": "router-ns", "address": "172.16.18.100", "source": "172.16.18.1"}
    assert probes(found, "gateway", "vm1", "ping")[0] == {**common, "expect": {"reachable": True}}
    assert probes(found, "gateway", "vm1", "path_mtu")[0] == {**common, "expect": {"mtu": 1450}}
    expect = {"reachable": True, "seen_as": "172.16.18.1"}
    assert probes(found, "gateway", "vm1", "tcp")[0] == {
        **common,
        "port": PORT,
        "timeout": 10.0,
        "expect": expect,
    }
    assert probes(found, "vm1", "web2", "tcp") == []
    off_link = {**VM1, "address": "172.16.19.10", "via": "172.16.18.1", "expect": {"reachable": True}}
    assert probes(found, "vm1", "db1", "ping")[0] == off_link


def test_the_mtu_is_the_smallest_on_the_way() -> None:
    found = checks()
    assert mtus(found, "web2", "web4") == mtus(found, "web2", "db1") == {1450}
    assert mtus(found, "store1", "store2") == {1500}
    assert mtus(found, "store1", "shop1") == {1450}
    assert mtus(found, "store2", "shop1 by 192.168.100.160") == {1450}
    assert mtus(found, "store1", "store2 by 192.168.100.161") == {1500}
    assert mtus(found, "db1", "db2") == set()


def test_neighbours_are_answered_for_by_themselves() -> None:
    owners = [probe["expect"] for probe in probes(checks(), "web2", "vm1", "arp")]
    assert owners == [{"mac": "52:54:00:00:18:64"}] * 2


def test_strangers_are_not_on_the_link_and_the_own_tenant_is_where_both_have_an_address() -> None:
    found = checks()
    # The first of each of the other tenant's networks: shop1 has vm1's address, store1 has db1's.
    assert [(probe["address"], probe["expect"]) for probe in probes(found, "web2", "shop1", "arp")] == [
        ("172.16.18.100", {"mac": "52:54:00:00:18:64"}),
        ("2001:db8:28::100", {"reachable": False}),
    ]
    assert [(probe["address"], probe["expect"]) for probe in probes(found, "web2", "store1", "arp")] == [
        ("172.16.19.10", {"reachable": False}),
        ("2001:db8:29::10", {"reachable": False}),
    ]
    own = [(probe["address"], probe["expect"]) for probe in probes(found, "db1", "store1", "arp")]
    assert own[0] == ("172.16.19.10", {"reachable": False})
    # Routed to the own tenant's, so that nothing is proven by an answer.
    assert probes(found, "web2", "store1", "ping") == []


def test_a_stranger_s_own_address_leads_nowhere() -> None:
    changes = [
        ("fabric_networks.lone", {"subnets": ["10.9.9.0/24"]}),
        ("fabric_instances.a0", {"host": "compute-02", "network": "lone", "attach": "veth", "addresses": ["10.9.9.9"]}),
    ]
    found = checks(*changes)
    assert answered(found, "web2", "a0") == answered(found, "vm1", "a0") == {"10.9.9.9": False}
    assert answered(found, "a0", "vm1 by 192.168.100.150") == {"192.168.100.150": False}
    assert probes(found, "a0", "gateway", "ping") == probes(found, "a0", "as somebody else", "spoof") == []


@pytest.mark.parametrize(
    ("source", "address", "expected"),
    [
        ("web3", "192.168.100.1", "192.168.100.152"),
        ("web4", "192.168.100.1", "192.168.100.20"),
        ("shop2", "192.168.100.1", "192.168.100.21"),
        ("web4", "2001:db8:64::1", "2001:db8:18::103"),
    ],
)
def test_targets_see_the_floating_ip_or_the_central_address(source: str, address: str, expected: str) -> None:
    found = checks(targets=[GATE4, GATE6])
    assert seen(found, source, "gate")[address] == expected
    assert answered(found, source, "gate")[address]


def test_targets_are_not_reached_against_the_egress_rules_or_without_a_way() -> None:
    egress = [{"protocol": "tcp", "ports": [80], "to": ["192.168.100.0/24"]}]
    found = checks(("fabric_security_groups.db.egress", egress), targets=[GATE4])
    assert answered(found, "db1", "gate") == {"192.168.100.1": False}
    assert seen(found, "db1", "gate") == {"192.168.100.1": "192.168.100.20"}
    assert answered(found, "db1", "gateway") == {"172.16.19.1": False, "2001:db8:19::1": False}
    lone = checks(("fabric_routers.green.snat", None), targets=[GATE4])
    assert seen(lone, "shop2", "gate") == {"192.168.100.1": ""}
    assert seen(lone, "shop1", "gate") == {"192.168.100.1": "192.168.100.160"}


def test_targets_of_other_hosts_are_left_out() -> None:
    found = checks(targets=[{**GATE4, "hosts": ["compute-02"]}])
    assert {check["source"] for check in found if check["target"] == "gate"} >= {"web3", "shop2"}
    assert probes(found, "web2", "gate", "ping") == []


def test_places_outside_try_every_floating_ip_and_routed_address() -> None:
    place = {**PLACE, "addresses": ["192.168.100.1", "2001:db8:64::1"], "reaches": ["192.168.100.9"]}
    found = checks(outside=[place], host="compute-01")
    assert answered(found, "peer", "vm1 by 192.168.100.150") == {"192.168.100.150": True}
    assert seen(found, "peer", "vm1 by 192.168.100.150") == {"192.168.100.150": "192.168.100.1"}
    assert seen(found, "peer", "shop1 by 2001:db8:28::100") == {"2001:db8:28::100": "2001:db8:64::1"}
    assert answered(found, "peer", "db1 by 2001:db8:19::10") == {"2001:db8:19::10": False}
    assert probes(found, "peer", "192.168.100.9", "ping") == [{"namespace": "p", "address": "192.168.100.9"}]
    tried = {check["probe"]["address"] for check in found if check["source"] == "peer"}
    assert {address for address in tried if "." in address} == {"192.168.100.9", "192.168.100.150", "192.168.100.160"}


def test_a_place_of_unknown_address_tries_what_depends_on_nobody() -> None:
    found = checks(outside=[PLACE])
    vm1 = probes(found, "peer", "vm1 by 192.168.100.150", "tcp")
    assert [probe["expect"] for probe in vm1] == [{"reachable": True}]
    assert [check for check in found if check["source"] == "peer" and check["target"].startswith("db")] == []


def test_lies_are_looked_for_at_the_router() -> None:
    found = probes(checks(), "vm1", "as somebody else", "spoof")
    seen_at = {"namespace": "router-ns", "interface": "qr-web"}
    common = {**VM1, "address": "172.16.18.1", "seen_at": seen_at}
    assert found[:4] == [
        {**common, "frame": "echo", "claimed_source": "172.16.18.253"},
        {**common, "frame": "announce", "claimed_source": "172.16.18.253"},
        {**common, "frame": "echo", "claimed_mac": derived_mac("lie", "vm1")},
        {**common, "frame": "announce", "claimed_source": "0.0.0.0", "claimed_mac": derived_mac("lie", "vm1")},
    ]
    assert len(found) == 7


def test_lies_that_would_prove_nothing_are_left_out() -> None:
    free = checks(("fabric_instances.web2.port_security", False), ("fabric_instances.web2.security_groups", None))
    assert probes(free, "web2", "as somebody else", "spoof") == []
    silent = checks(("fabric_security_groups.web.egress", []))
    assert {lie["frame"] for lie in probes(silent, "web2", "as somebody else", "spoof")} == {"announce"}


def test_external_gateways_are_looked_for_from_where_the_host_has_an_address() -> None:
    found = checks()
    from_fip = [probe["address"] for probe in probes(found, "fip-ns", "gateway", "arp")]
    # Both hosts have an IPv4 address there, the first one an IPv6 address as well.
    assert from_fip == ["192.168.100.1", "2001:db8:64::1", "192.168.100.1"]


def many(count: int) -> dict[str, Any]:
    """A tenant with this many instances on each of two hosts, and as many tenants with one."""
    found = intent(("fabric_instances", {}), ("fabric_routers", {}), ("fabric_networks", {}))
    found["fabric_networks"] = {"big": {"subnets": ["10.1.0.0/16"]}}
    found["fabric_routers"] = {"big": {"networks": ["big"], "external": "ext", "snat": "192.168.100.2"}}
    found["fabric_external_networks"]["ext"]["subnets"] = ["192.168.0.0/16"]
    found["fabric_external_networks"]["ext"]["gateways"] = ["192.168.100.1"]
    found["fabric_external_networks"]["ext"]["host_addresses"] = {
        COMPUTES[0]: "192.168.0.11",
        COMPUTES[1]: "192.168.0.12",
    }
    for number in range(count):
        common = {"network": "big", "attach": "veth", "host": COMPUTES[number % 2]}
        addresses = {"addresses": [f"10.1.1.{number + 1}"], "floating_ip": f"192.168.1.{number + 1}"}
        found["fabric_instances"][f"i{number:03}"] = {**common, **addresses}
        found["fabric_networks"][f"n{number}"] = {"subnets": ["10.2.0.0/24"]}
        found["fabric_instances"][f"s{number:03}"] = {
            "network": f"n{number}",
            "attach": "veth",
            "host": COMPUTES[number % 2],
            "addresses": ["10.2.0.2"],
        }
    return found


def test_of_many_only_the_next_on_the_host_and_the_next_elsewhere_are_tried() -> None:
    counts = {}
    for count in (20, 40):
        (place,) = dvr_checks(many(count), "compute-01", parse_settings(port=PORT))
        mine = [check for check in place["checks"] if check["source"] == "i004"]
        assert {check["target"] for check in mine} == {
            *("gateway", "i005", "i006", "s000", "s001", "as somebody else"),
            *("itself by 192.168.1.5", "i005 by 192.168.1.6", "i006 by 192.168.1.7"),
        }
        counts[count] = len(mine)
    assert counts[20] == counts[40]


def test_a_large_full_mesh_tries_all_pairs() -> None:
    found = dvr_checks(many(20), "compute-01", parse_settings(full_mesh=1000))[0]["checks"]
    targets = {check["target"] for check in found if check["source"] == "i004"}
    assert {f"i{number:03}" for number in range(20) if number != 4} <= targets
    assert {f"s{number:03}" for number in range(20)} <= targets


def test_hosts_that_do_not_route_have_no_checks() -> None:
    assert dvr_checks(INTENT, "elsewhere", parse_settings()) == []
    assert dvr_checks({}, "compute-01", parse_settings()) == []
    assert [check for check in checks(host="network-01") if check["source"] in INTENT["fabric_instances"]] == []


def test_instances_of_bridges_are_somebody_else_s() -> None:
    found = checks(("fabric_instances.c1", {"bridge": "br0", "attach": "veth", "addresses": ["10.0.0.1"]}))
    assert not [check for check in found if "c1" in (check["source"], check["target"])]


def test_faults_of_the_intent_are_told() -> None:
    with pytest.raises(IntentError, match=r"fabric_instances\.web2\.addresses"):
        checks(("fabric_instances.web2.addresses", ["10.9.9.9"]))


def test_names_are_unique_and_the_module_takes_every_probe() -> None:
    for host in COMPUTES:
        found = checks(host=host, targets=[GATE4, GATE6], outside=[PLACE])
        names = [check["probe"]["name"] for check in found]
        assert sorted(set(names)) == sorted(names)
        assert len(parse([check["probe"] for check in found])) == len(found)


def test_every_instance_is_checked() -> None:
    assert {check["source"] for check in checks()} >= set(INTENT["fabric_instances"])


def test_the_order_of_keys_does_not_matter_to_checks() -> None:
    def turned(value: Any) -> Any:
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    settings = parse_settings(port=PORT)
    for host in COMPUTES:
        assert dvr_checks(turned(INTENT), host, settings) == dvr_checks(INTENT, host, settings)
