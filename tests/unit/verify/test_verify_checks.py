# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which checks an intent leads to."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import parse
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.bridge import bridge_checks
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import parse_settings

ROOT = Path(__file__).resolve().parents[3]

INTENT: dict[str, Any] = {
    "fabric_bridges": {
        "web": {
            "host": "h1",
            "device": "br0",
            "addresses": ["10.0.1.1/24", "fd00:1::1/64"],
            "forward": "nat",
            "uplink": "eth0",
        }
    },
    "fabric_instances": {
        "c1": {"bridge": "web", "attach": "veth", "addresses": ["10.0.1.11", "fd00:1::11"], "mac": "52:54:00:00:00:11"},
        "c2": {"bridge": "web", "attach": "veth", "addresses": ["10.0.1.12"], "mac": "52:54:00:00:00:12"},
        "vm": {"bridge": "web", "attach": "tap", "addresses": ["10.0.1.13"], "mac": "52:54:00:00:00:13"},
    },
}
OUTSIDE4 = {"name": "peer", "address": "192.0.2.80", "port": 80, "seen_as": True}
PLACE = {"name": "peer", "namespace": "p", "hosts": ["h1"], "reaches": ["192.0.2.1"]}


def intent(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The intent with values set at dotted paths."""
    found = deepcopy(INTENT)
    for path, value in changes:
        *parents, last = path.split(".")
        at = found
        for key in parents:
            at = at.setdefault(key, {})
        at[last] = value
    return found


def checks(*changes: tuple[str, Any], host: str = "h1", **settings: Any) -> list[dict[str, Any]]:
    places = bridge_checks(intent(*changes), host, parse_settings(**settings))
    return [check for place in places for check in place["checks"]]


def probes(found: list[dict[str, Any]], source: str, target: str, kind: str) -> list[dict[str, Any]]:
    ends = [check["probe"] for check in found if (check["source"], check["target"]) == (source, target)]
    return [
        {key: value for key, value in probe.items() if key not in ("name", "kind")}
        for probe in ends
        if probe["kind"] == kind
    ]


def reachable(found: list[dict[str, Any]], source: str, target: str) -> set[bool]:
    return {probe.get("expect", {}).get("reachable", True) for probe in probes(found, source, target, "ping")}


def test_a_container_pings_out_of_its_namespace() -> None:
    assert probes(checks(), "c1", "host", "ping") == [
        {"namespace": "c1", "source": "10.0.1.11", "address": "10.0.1.1", "expect": {"reachable": True}},
        {"namespace": "c1", "source": "fd00:1::11", "address": "fd00:1::1", "expect": {"reachable": True}},
    ]


def test_a_vm_is_stood_in_for_at_its_tap() -> None:
    guest = {"interface": "tap-vm", "as_guest": True, "mac": "52:54:00:00:00:13", "source": "10.0.1.13"}
    assert probes(checks(), "vm", "c1", "ping") == [{**guest, "address": "10.0.1.11", "expect": {"reachable": True}}]
    off_link = {**guest, "address": "192.0.2.80", "via": "10.0.1.1", "expect": {"reachable": True}}
    assert probes(checks(targets=[OUTSIDE4]), "vm", "peer", "ping") == [off_link]
    assert probes(checks(targets=[OUTSIDE4]), "vm", "peer", "tcp") == []


def test_a_vm_is_reached_from_the_host() -> None:
    found = checks(port=7777)
    assert probes(found, "host", "vm", "ping") == [{"address": "10.0.1.13"}]
    assert probes(found, "host", "vm", "path_mtu") == [{"address": "10.0.1.13", "expect": {"mtu": 1500}}]
    assert probes(found, "host", "vm", "tcp") == [{"address": "10.0.1.13", "port": 7777, "expect": {"seen_as": "host"}}]


def test_owners_are_asked_for_by_the_host_and_by_instances() -> None:
    found = checks(("fabric_bridges.web.mac", "52:54:00:00:00:01"))
    assert probes(found, "host", "c2", "arp") == [
        {"interface": "br0", "address": "10.0.1.12", "expect": {"mac": "52:54:00:00:00:12"}}
    ]
    sender = {"namespace": "c2", "interface": "eth0", "source": "10.0.1.12"}
    assert probes(found, "c2", "host", "arp") == [
        {**sender, "address": "10.0.1.1", "expect": {"mac": "52:54:00:00:00:01"}}
    ]


def test_instances_of_a_link_see_each_other() -> None:
    found = checks(port=7777)
    pairs = {
        (c["source"], c["target"])
        for c in found
        if c["probe"]["kind"] == "ping" and "host" not in (c["source"], c["target"])
    }
    assert pairs == {("c1", "c2"), ("c1", "vm"), ("c2", "c1"), ("c2", "vm"), ("vm", "c1"), ("vm", "c2")}
    (tcp,) = probes(found, "c1", "c2", "tcp")
    assert (tcp["port"], tcp["expect"]) == (7777, {"seen_as": "10.0.1.11"})


def test_many_instances_see_the_next_one() -> None:
    found = checks(full_mesh=2)
    assert [
        (c["source"], c["target"]) for c in found if c["target"] in ("c1", "c2", "vm") and c["source"] != "host"
    ] == [
        ("c1", "c2"),
        ("c2", "vm"),
        ("vm", "c1"),
    ]


def test_isolated_instances_do_not_see_each_other_but_the_host() -> None:
    found = checks(("fabric_instances.c1.isolated", True), ("fabric_instances.c2.isolated", True), port=7777)
    assert reachable(found, "c1", "c2") == reachable(found, "c2", "c1") == {False}
    assert reachable(found, "c1", "vm") == reachable(found, "c1", "host") == {True}
    assert probes(found, "c1", "c2", "tcp") == []


@pytest.mark.parametrize(
    ("forward", "uplink", "target", "seen_as", "from_outside"),
    [
        ("nat", "eth0", True, "host", False),
        ("route", "eth0", True, "10.0.1.11", True),
        ("isolated", None, False, None, False),
    ],
)
def test_forwarding(forward: str, uplink: str | None, target: bool, seen_as: str | None, from_outside: bool) -> None:
    changes = (("fabric_bridges.web.forward", forward), ("fabric_bridges.web.uplink", uplink))
    found = checks(*changes, targets=[OUTSIDE4], outside=[PLACE])
    for source in ("c1", "vm"):
        assert reachable(found, source, "peer") == {target}
    expectations = [probe["expect"] for probe in probes(found, "c1", "peer", "tcp")]
    assert expectations == ([{"seen_as": seen_as}] if seen_as else [])
    assert reachable(found, "peer", "c1") == {from_outside}
    assert reachable(found, "c1", "host") == {True}


def test_a_container_without_a_gateway_is_stood_in_for_where_it_would_need_one() -> None:
    changes = (("fabric_bridges.web.forward", "isolated"), ("fabric_bridges.web.uplink", None))
    (probe,) = probes(checks(*changes, targets=[OUTSIDE4]), "c1", "peer", "ping")
    port = {"interface": "veth-c1", "as_guest": True, "mac": "52:54:00:00:00:11", "source": "10.0.1.11"}
    assert probe == {**port, "via": "10.0.1.1", "address": "192.0.2.80", "expect": {"reachable": False}}


def test_an_isolated_bridge_with_a_gateway_is_tried_by_tcp_too() -> None:
    changes = [("fabric_bridges.web.forward", "isolated"), ("fabric_bridges.web.uplink", None)]
    changes += [("fabric_instances.c1.gateways", ["10.0.1.1"])]
    (tcp,) = probes(checks(*changes, targets=[OUTSIDE4]), "c1", "peer", "tcp")
    assert tcp["expect"] == {"reachable": False}


def test_places_outside_probe_from_where_they_are() -> None:
    places = bridge_checks(INTENT, "h1", parse_settings(outside=[PLACE, {"name": "other", "hosts": ["h2"]}]))
    assert [place["host"] for place in places] == ["h1", "localhost"]
    outside = [check["probe"] for check in places[1]["checks"]]
    assert {probe["namespace"] for probe in outside} == {"p"}
    assert outside[0] == {
        "name": "peer to 192.0.2.1, ping 192.0.2.1",
        "kind": "ping",
        "namespace": "p",
        "address": "192.0.2.1",
    }


def test_targets_of_other_hosts_and_other_families_are_left_out() -> None:
    targets = [{**OUTSIDE4, "hosts": ["h2"]}, {"name": "six", "address": "2001:db8::80"}]
    found = checks(targets=targets)
    assert not [check for check in found if check["target"] == "peer"]
    assert {check["source"] for check in found if check["target"] == "six"} == {"c1"}


def test_a_bridge_that_took_its_uplink_promises_its_gateway_and_itself_outside() -> None:
    changes = [
        ("fabric_bridges.web", {"host": "h1", "device": "br0", "forward": "bridge", "uplink": "eth0"}),
        ("fabric_bridges.web.subnets", ["10.0.1.0/24"]),
        ("fabric_bridges.web.gateways", ["10.0.1.254"]),
        ("fabric_instances.c1.addresses", ["10.0.1.11"]),
    ]
    found = checks(*changes, targets=[OUTSIDE4], outside=[PLACE])
    assert probes(found, "c1", "host", "ping") == []
    assert reachable(found, "c1", "gateway") == reachable(found, "peer", "c1") == {True}
    (tcp,) = probes(found, "c1", "peer", "tcp")
    assert tcp["expect"] == {"seen_as": "10.0.1.11"}


def test_other_bridges_of_the_host() -> None:
    more = [
        ("fabric_bridges.dmz", {"host": "h1", "addresses": ["10.0.2.1/24"], "forward": "route", "uplink": "eth0"}),
        ("fabric_bridges.lab", {"host": "h1", "addresses": ["10.0.3.1/24"]}),
        ("fabric_instances.d1", {"bridge": "dmz", "attach": "veth", "addresses": ["10.0.2.2"]}),
        ("fabric_instances.l1", {"bridge": "lab", "attach": "veth", "addresses": ["10.0.3.2"]}),
    ]
    found = checks(*more)
    expected = {
        ("c1", "d1"): True,
        ("d1", "c1"): False,
        ("c1", "l1"): False,
        ("l1", "c1"): False,
        ("d1", "l1"): False,
        ("l1", "d1"): False,
    }
    assert {ends: reachable(found, *ends) for ends in expected} == {ends: {value} for ends, value in expected.items()}
    assert reachable(found, "c2", "d1") == set()


VLANS: dict[str, Any] = {
    "fabric_bridges": {
        "trunk": {"hosts": ["h1", "h2"], "forward": "bridge", "uplink": "eth1", "vlans": [10, 20], "mtu": 1500}
    },
    "fabric_instances": {
        f"c{number}": {
            "bridge": "trunk",
            "host": host,
            "attach": "veth",
            "vlan": vlan,
            "addresses": [f"10.{vlan}.0.{number}/24"],
            "mac": f"52:54:00:00:00:0{number}",
        }
        for number, host, vlan in ((1, "h1", 10), (2, "h1", 20), (3, "h2", 10), (4, "h2", 20))
    },
}


def test_vlans_reach_across_hosts_and_not_each_other() -> None:
    found = [c for place in bridge_checks(VLANS, "h1", parse_settings()) for c in place["checks"]]
    assert {check["source"] for check in found} == {"c1", "c2"}
    assert reachable(found, "c1", "c3") == reachable(found, "c2", "c4") == {True}
    assert probes(found, "c1", "c3", "arp")[0]["expect"] == {"mac": "52:54:00:00:00:03"}
    assert probes(found, "c1", "c3", "path_mtu")[0]["expect"] == {"mtu": 1500}
    sender = {"namespace": "c1", "interface": "eth0", "source": "10.10.0.1"}
    assert probes(found, "c1", "c2", "arp") == [{**sender, "address": "10.20.0.2", "expect": {"reachable": False}}]
    lies = [check["probe"] for check in found if check["probe"]["kind"] == "spoof"]
    assert {(lie["namespace"], lie["seen_at"]["interface"], lie["seen_at"]["leaving"]) for lie in lies} == {
        ("c1", "eth1", True),
        ("c2", "eth1", True),
    }


def test_lies_are_looked_for_at_a_container_where_the_host_is_not_on_the_link() -> None:
    changed = deepcopy(VLANS)
    changed["fabric_instances"]["c3"]["host"] = "h1"
    found = [c for place in bridge_checks(changed, "h1", parse_settings()) for c in place["checks"]]
    places = [lie["seen_at"] for lie in probes(found, "c1", "as somebody else", "spoof")]
    assert places == [{"namespace": "c3", "interface": "eth0"}] * 4


def test_lies_are_looked_for_at_the_bridge() -> None:
    found = probes(checks(), "vm", "as somebody else", "spoof")
    common = {
        "interface": "tap-vm",
        "as_guest": True,
        "mac": "52:54:00:00:00:13",
        "source": "10.0.1.13",
        "address": "10.0.1.1",
        "seen_at": {"interface": "br0"},
    }
    mac = found[2]["claimed_mac"]
    assert mac.startswith("52:54:") and mac != common["mac"]
    assert found == [
        {**common, "frame": "echo", "claimed_source": "10.0.1.254"},
        {**common, "frame": "announce", "claimed_source": "10.0.1.254"},
        {**common, "frame": "echo", "claimed_mac": mac},
        {**common, "frame": "announce", "claimed_source": "0.0.0.0", "claimed_mac": mac},
    ]


def test_lies_claim_what_nobody_has() -> None:
    taken = ("fabric_instances.c2.addresses", ["10.0.1.254"])
    allowed = ("fabric_instances.c1.allowed_addresses", ["10.0.1.252/31"])
    found = probes(checks(taken, allowed), "c1", "as somebody else", "spoof")
    assert found[0]["claimed_source"] == "10.0.1.251"


def test_an_instance_without_declared_addresses_may_not_lie_about_its_mac() -> None:
    found = probes(checks(("fabric_instances.c2.addresses", [])), "c2", "as somebody else", "spoof")
    assert {probe["source"] for probe in found} == {"192.0.2.254", "2001:db8:ffff:ffff::fe"}
    assert all("claimed_mac" in probe for probe in found)


def test_lies_are_not_tried_without_anti_spoofing() -> None:
    found = checks(("fabric_instances.c1.anti_spoofing", False))
    assert probes(found, "c1", "as somebody else", "spoof") == []
    assert probes(found, "c2", "as somebody else", "spoof") != []


def test_a_trunk_without_an_untagged_vlan_is_left_alone() -> None:
    changed = deepcopy(VLANS)
    del changed["fabric_instances"]["c1"]["vlan"]
    changed["fabric_instances"]["c1"]["trunk"] = [10, 20]
    found = [c for place in bridge_checks(changed, "h1", parse_settings()) for c in place["checks"]]
    assert {check["source"] for check in found} == {"c2"}


def test_a_host_without_bridges_has_no_checks() -> None:
    assert checks(host="h2") == []


def test_faults_of_intent_and_settings_are_told() -> None:
    with pytest.raises(IntentError, match=r"fabric_instances\.c1\.addresses: 10\.9\.9\.9 is in none of the subnets"):
        checks(("fabric_instances.c1.addresses", ["10.9.9.9"]))
    with pytest.raises(IntentError) as caught:
        checks(targets=[{"address": "nowhere"}], outside=[{**PLACE, "reaches": ["10.0.0.0/8"]}])
    assert caught.value.faults == (
        "verify_outside[0].reaches: '10.0.0.0/8' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
        "verify_targets[0].address: 'nowhere' is no IP address; write it as 192.0.2.1 or 2001:db8::1",
    )


def test_names_are_unique_and_the_module_takes_every_probe() -> None:
    for host, settings in (("h1", {"targets": [OUTSIDE4], "outside": [PLACE], "port": 7777}),):
        found = checks(host=host, **settings)
        names = [check["probe"]["name"] for check in found]
        assert sorted(set(names)) == sorted(names)
        assert len(parse([check["probe"] for check in found])) == len(found)


@pytest.mark.parametrize("inventory", ["bridge", "vlan"])
def test_shipped_inventories_have_checks_for_every_instance(inventory: str) -> None:
    given: dict[str, Any] = {}
    for path in (ROOT / "inventory" / inventory / "group_vars").glob("*.yml"):
        given |= yaml.safe_load(path.read_text())
    names = {
        name
        for bridge in given["fabric_bridges"].values()
        for name in [bridge.get("host"), *bridge.get("hosts", [])]
        if name
    }
    sources = {
        check["source"]
        for host in sorted(names)
        for place in bridge_checks(given, host, parse_settings(port=7777))
        for check in place["checks"]
    }
    assert set(given["fabric_instances"]) <= sources


def test_the_order_of_keys_does_not_matter() -> None:
    def turned(value: Any) -> Any:
        return {key: turned(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    assert bridge_checks(turned(INTENT), "h1", parse_settings()) == bridge_checks(INTENT, "h1", parse_settings())
