# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on while the network is changed: no packet is lost on any path, and nothing is touched but what changed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from applied import Documents, intent
from drawing import expected, pinged
from fleet import MOLECULE, Fleet
from traffic import Traffic

sys.path.insert(0, str(MOLECULE / "shared"))
from test_teardown import differences

HOSTS = ("compute-01", "compute-02", "network-01", "network-02")
UNCHANGED = dict.fromkeys(HOSTS, 0)
# Every kind of path: on the link and routed, to the same host and the other, in a tunnel and with a tag; by floating IP
# in, out, to another host's, to one of the same host and to one's own; central; and IPv6.
PATHS = [
    ("web2", "172.16.19.10"),
    ("web2", "172.16.18.103"),
    ("web4", "172.16.19.10"),
    ("store1", "172.16.19.11"),
    ("internet", "192.168.100.160"),
    ("web3", "203.0.113.9"),
    ("store2", "192.168.100.160"),
    ("web3", "192.168.100.161"),
    ("shop1", "192.168.100.160"),
    ("web4", "203.0.113.9"),
    ("store1", "203.0.113.9"),
    ("shop1", "2001:db8:29::11"),
    ("shop2", "2001:db8:cb::9"),
    ("internet", "2001:db8:18::103"),
]

# A tenant that has the same addresses as others, on both hosts.
RED: dict[str, dict[str, Any]] = {
    "fabric_networks": {"red": {"subnets": ["172.16.18.0/24", "2001:db8:38::/64"]}},
    "fabric_routers": {"red": {"networks": ["red"], "external": "ext", "snat": "192.168.100.22"}},
    "fabric_instances": {
        "red1": {
            "host": "compute-01",
            "network": "red",
            "attach": "veth",
            "addresses": ["172.16.18.100", "2001:db8:38::100"],
            "floating_ip": "192.168.100.170",
        },
        "red2": {"host": "compute-02", "network": "red", "attach": "veth", "addresses": ["172.16.18.101"]},
    },
}


def lost_during(fleet: Fleet, change: Callable[[], None]) -> list[str]:
    """What is lost, or comes twice, of a packet every ten milliseconds on each path while something is done."""
    traffic = {
        host: Traffic(fleet, host, [address for other, address in PATHS if other == host]) for host in dict(PATHS)
    }
    change()
    return [
        f"{host} → {address}: {flow.lost} of {flow.sent} lost, {flow.repeated} answered twice, {flow.outage} ms"
        for host, running in traffic.items()
        for address, flow in running.end().items()
        if flow.lost or flow.repeated
    ]


def with_more(more: dict[str, dict[str, Any]]) -> dict[str, Any]:
    given = intent()
    return {variable: {**given[variable], **added} for variable, added in more.items()}


def test_a_second_run_changes_nothing_and_loses_no_packet(fleet: Fleet) -> None:
    def run_again() -> None:
        assert fleet.play("site.yml").changed == UNCHANGED

    assert lost_during(fleet, run_again) == []


def inside(fleet: Fleet, host: str, namespace: str, *command: str) -> int:
    return fleet.on(host, "ip", "netns", "exec", namespace, *command).returncode


def test_another_tenant_comes_and_goes_unnoticed(fleet: Fleet, tmp_path: Path) -> None:
    before = fleet.snapshots()
    come, gone = (
        Documents(fleet, tmp_path / name, changed) for name, changed in (("come", with_more(RED)), ("gone", {}))
    )

    def come_and_go() -> None:
        made = come.apply("dvr")
        assert {host for host, changes in made.items() if changes} == set(HOSTS)
        assert_that_red_works(fleet)
        taken = gone.apply("dvr")
        assert {host for host, changes in taken.items() if changes} == set(HOSTS)

    assert lost_during(fleet, come_and_go) == []
    assert fleet.play("site.yml").changed == UNCHANGED
    assert "\n".join(differences("", before, fleet.snapshots())) == ""


def assert_that_red_works(fleet: Fleet) -> None:
    ping = ["ping", "-c", "1", "-W", "3"]
    assert inside(fleet, "compute-01", "red1", *ping, "172.16.18.101") == 0
    assert inside(fleet, "compute-02", "red2", *ping, "203.0.113.9") == 0
    assert inside(fleet, "compute-02", "red2", *ping, "192.168.100.170") == 0
    assert inside(fleet, "compute-02", "red2", *ping, "172.16.18.102") != 0
    outside = {"192.168.100.170", "2001:db8:38::100"}
    assert pinged(fleet, "internet", sorted(outside)) == outside


def test_a_floating_ip_more_is_a_plan_of_its_own_objects(fleet: Fleet, tmp_path: Path) -> None:
    """On its instance's host alone: a rule, a route, who answers for it, the translation, and nothing else."""
    given = intent()["fabric_instances"]
    added = {**given["web4"], "floating_ip": "192.168.100.154"}
    documents = Documents(fleet, tmp_path, {"fabric_instances": {**given, "web4": added}})
    plan = documents.plan("dvr")
    assert {host for host, changes in plan.items() if changes} == {"compute-02"}
    changes = plan["compute-02"]
    assert sorted((action, kind, namespace) for action, kind, namespace, _name in changes) == [
        ("add", "neighbour", "fip-ns"),
        ("add", "route", "fip-ns"),
        ("add", "rule", "router-ns"),
        ("change", "nft_table", "router-ns"),
    ]
    names = " ".join(name for _action, kind, _namespace, name in changes if kind != "nft_table")
    assert names.count("192.168.100.154") == 2 and names.count("172.16.18.103") == 1

    assert documents.apply("compute-02")["compute-02"] == changes
    try:
        assert pinged(fleet, "internet", ["192.168.100.154"]) == {"192.168.100.154"}
        assert fleet.seen_as("web4", "203.0.113.9") == "192.168.100.154"
    finally:
        gone = fleet.play("site.yml")
    assert {host: bool(count) for host, count in gone.changed.items()} == {host: host == "compute-02" for host in HOSTS}
    assert fleet.seen_as("web4", "203.0.113.9") == expected("web4")["203.0.113.9"]
