# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs of a SNAT host are told, and the way on which two of them tell each other connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.filter.dvr_snat_settings import dvr_snat_settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import snat_sync
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet

INVENTORY = Path(__file__).resolve().parents[3] / "inventory/dvr/group_vars/dvr.yml"
HOSTS = ("network-01", "network-02")


@pytest.fixture
def intent() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(INVENTORY.read_text())
    return loaded


def test_the_hosts_take_turns_in_the_order_of_preference(intent: dict[str, Any]) -> None:
    first, second = (dvr_snat_settings(intent, host)["vrrp"] for host in HOSTS)
    assert first == {
        "address": "10.20.0.21",
        "interface": "eth0",
        "peers": ["10.20.0.22"],
        "priority": 254,
        "track": ["enp7s0"],
    }
    assert (second["peers"], second["priority"]) == (["10.20.0.21"], 253)


def test_a_host_alone_takes_no_turns_and_tells_nobody(intent: dict[str, Any]) -> None:
    intent["fabric_snat_hosts"] = ["network-01"]
    del intent["fabric_routers"]["blue"]["conntrack_sync"]
    found = dvr_snat_settings(intent, "network-01")
    assert found["vrrp"] is None
    assert found["syncs"] == []
    assert snat_sync.entries(Fleet(intent).view("network-01")) == {}


def test_the_gate_announces_every_central_address(intent: dict[str, Any]) -> None:
    gates = [dvr_snat_settings(intent, host)["gate"] for host in HOSTS]
    assert gates[0] == gates[1]
    announced = {(leg["namespace"], leg["device"]): leg["addresses"] for leg in gates[0]["announce"]}
    assert announced == {
        ("snat-blue", "sg-web"): ["172.16.18.254"],
        ("snat-blue", "sg-db"): ["172.16.19.254"],
        ("snat-blue", "qg-ext"): ["192.168.100.20"],
        ("snat-green", "sg-shop"): ["172.16.18.254"],
        ("snat-green", "sg-store"): ["172.16.19.254"],
        ("snat-green", "qg-ext"): ["192.168.100.21"],
    }


def test_the_gate_s_flows_are_none_of_the_document_s(intent: dict[str, Any]) -> None:
    """A host that was alone and is not any more changes from the one to the other while both are there."""
    flows = dvr_snat_settings(intent, "network-01")["gate"]["flows"]
    assert [flow.split(",")[:2] for flow in flows] == [["table=80", "priority=200"], ["table=81", "priority=200"]]


def test_both_ends_of_a_router_s_connection_know_each_other(intent: dict[str, Any]) -> None:
    first, second = (snat_sync.syncs(Fleet(intent).view(host)) for host in HOSTS)
    assert [end.router for end in first] == ["blue"] == [end.router for end in second]
    assert (first[0].mac, first[0].address) == (second[0].peer_mac, second[0].peer_address)
    assert (second[0].mac, second[0].address) == (first[0].peer_mac, first[0].peer_address)
    tunnels = [snat_sync.entries(Fleet(intent).view(host))["links"][0] for host in HOSTS]
    assert [(tunnel["local"], tunnel["remote"]) for tunnel in tunnels] == [
        ("10.20.0.21", "10.20.0.22"),
        ("10.20.0.22", "10.20.0.21"),
    ]


def test_routers_do_not_hear_each_other_on_the_way(intent: dict[str, Any]) -> None:
    intent["fabric_routers"]["green"]["conntrack_sync"] = True
    groups = snat_sync.entries(Fleet(intent).view("network-01"))["openflow"]
    flows = [flow for group in groups for flow in group["flows"]]
    assert len(flows) == len(set(flows)) == 4
    assert all("dl_src=" in flow and "dl_dst=" in flow for flow in flows)
    assert {flow.rpartition("output:")[2] for flow in flows} == {"vx-sync", "vsync-blue", "vsync-green"}


def test_a_third_host_keeps_nothing_in_step(intent: dict[str, Any]) -> None:
    intent["fabric_hosts"]["network-03"] = {"tunnel": "10.20.0.23", "tunnel_device": "eth0"}
    intent["fabric_snat_hosts"].append("network-03")
    assert dvr_snat_settings(intent, "network-03")["vrrp"]["peers"] == ["10.20.0.21", "10.20.0.22"]
    assert dvr_snat_settings(intent, "network-03")["syncs"] == []
    assert dvr_snat_settings(intent, "network-01")["syncs"][0]["peer"] == "169.254.192.2"


def test_compute_hosts_are_told_nothing(intent: dict[str, Any]) -> None:
    found = dvr_snat_settings(intent, "compute-01")
    assert (found["vrrp"], found["syncs"], found["gate"]["announce"]) == (None, [], [])
