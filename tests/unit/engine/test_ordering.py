# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""In which order changes are made, whatever the order of a document."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from planning import assert_before, made, order, planned

from ansible_collections.hostnet.fabric.plugins.module_utils.batches import batches
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import PlanRefused

EVERYTHING: dict[str, Any] = {
    "neighbours": [{"namespace": "c1", "link": "eth0", "address": "10.0.0.9", "mac": "02:00:00:00:00:09"}],
    "rules": [{"namespace": "c1", "priority": 100, "table": 100}],
    "routes": [
        {"namespace": "c1", "destination": "10.9.0.0/16", "via": "10.8.0.1", "table": 100},
        {"namespace": "c1", "destination": "10.8.0.1/32", "dev": "eth0"},
    ],
    "addresses": [{"namespace": "c1", "link": "eth0", "address": "10.0.0.1/24"}],
    "sysctls": [
        {"namespace": "c1", "name": "net.ipv4.conf.eth0.arp_ignore", "value": 1},
        {"namespace": "c1", "name": "net.ipv4.ip_forward", "value": 1},
    ],
    "links": [
        {"namespace": "c1", "name": "eth0.5", "type": "vlan", "parent": "eth0", "id": 5},
        {"name": "v0", "type": "veth", "peer": {"namespace": "c1", "name": "eth0"}, "master": "br0"},
        {"name": "br0", "type": "bridge"},
        {"namespace": "c1", "name": "p0", "type": "ovs"},
    ],
    "ovs_ports": [{"name": "p0", "bridge": "ovs0", "type": "internal"}],
    "ovs_bridges": [{"name": "ovs0"}],
    "namespaces": [{"name": "c1"}],
}
MAKING = (
    ("add namespace c1", "add link c1 eth0"),
    ("add link br0", "add link v0"),
    ("add link v0", "add link c1 eth0"),
    ("add link c1 eth0", "add link c1 eth0.5"),
    ("add link c1 eth0", "add address c1 eth0 10.0.0.1/24"),
    ("add link c1 eth0", "add sysctl c1 net.ipv4.conf.eth0.arp_ignore"),
    ("add sysctl c1 net.ipv4.ip_forward", "add sysctl c1 net.ipv4.conf.eth0.arp_ignore"),
    ("add link c1 eth0", "add neighbour c1 eth0 10.0.0.9"),
    ("add address c1 eth0 10.0.0.1/24", "add route c1 10.8.0.1/32"),
    ("add route c1 10.8.0.1/32", "add route c1 10.9.0.0/16 table 100"),
    ("add route c1 10.9.0.0/16 table 100", "add rule c1 100 lookup 100"),
    ("add ovs_bridge ovs0", "add ovs_port p0"),
    ("add ovs_port p0", "add link c1 p0"),
)


@pytest.mark.parametrize(("first", "second"), MAKING)
def test_what_is_needed_comes_first(first: str, second: str) -> None:
    for seed in range(5):
        assert_before(planned(_shuffled(seed)), first, second)


# A rule goes when nobody asks for its table any more, sysctls are given back, and a port takes its device with it.
REMOVING = [pair for pair in MAKING if not any(word in "".join(pair) for word in ("sysctl", "rule", "link c1 p0"))]


@pytest.mark.parametrize(("first", "second"), REMOVING)
def test_what_is_needed_goes_last(first: str, second: str) -> None:
    removal = planned({}, made(EVERYTHING))
    assert_before(removal, second.replace("add ", "remove ", 1), first.replace("add ", "remove ", 1))


def _shuffled(seed: int) -> dict[str, Any]:
    dice = random.Random(seed)
    return {name: dice.sample(entries, len(entries)) for name, entries in EVERYTHING.items()}


def test_new_things_come_before_old_ones_go() -> None:
    before = {"links": [{"name": "old", "type": "tap"}], "rules": [{"priority": 1, "table": 1}]}
    after = {"links": [{"name": "new", "type": "tap"}], "rules": [{"priority": 2, "table": 1}]}
    found = planned(after, made(before))
    assert_before(found, "add link new", "remove link old")
    assert_before(found, "add rule 2 lookup 1", "remove rule 1 lookup 1")


def test_what_frees_a_claim_goes_before_who_claims_it() -> None:
    def tunnel(name: str) -> dict[str, Any]:
        return {"links": [{"name": name, "type": "vxlan", "id": 5}]}

    assert_before(planned(tunnel("new"), made(tunnel("old"))), "remove link old", "add link new")


def test_two_veths_that_trade_their_ends_do_not_wait_in_a_circle() -> None:
    def pairs(*ends: str) -> dict[str, Any]:
        return {"links": [{"name": n, "type": "veth", "peer": {"name": e}} for n, e in zip(("a", "c"), ends)]}

    found = planned(pairs("d", "b"), made(pairs("b", "d")))
    words = [" ".join(step.words) for batch in batches(found) for step, _number in batch.steps]
    made_and_removed = [line for line in words if line.startswith(("link add", "link del"))]
    assert sorted(made_and_removed[:2]) == ["link del dev a", "link del dev c"]
    assert sorted(made_and_removed[2:]) == [
        "link add name a type veth peer name d",
        "link add name b type veth peer name c",
    ]


def test_a_veth_leaves_a_namespace_that_goes_for_one_that_stays() -> None:
    """A namespace ends some time after it is removed, and so would its veths."""
    before = {
        "namespaces": [{"name": "na"}, {"name": "nb"}],
        "links": [{"namespace": "na", "name": "x1", "type": "veth", "peer": {"namespace": "nb", "name": "x1"}}],
    }
    after = {
        "namespaces": [{"name": "nb"}],
        "links": [{"name": "x2", "type": "veth", "peer": {"namespace": "nb", "name": "x1"}}],
    }
    steps = [step for batch in batches(planned(after, made(before))) for step, _number in batch.steps]
    words = [f"{step.namespace}: {' '.join(step.words)}" for step in steps if "alias" not in step.words]
    assert words == [
        "nb: link del dev x1",
        ": link add name x2 type veth peer name x1 netns nb",
        ": netns del na",
    ]


def test_two_links_that_trade_their_parents() -> None:
    def stacked(first: str, second: str) -> dict[str, Any]:
        return {
            "links": [
                {"name": "br0", "type": "bridge"},
                {"name": "br1", "type": "bridge"},
                {"name": "a", "type": "vlan", "parent": first, "id": 5},
                {"name": "b", "type": "vlan", "parent": second, "id": 5},
            ]
        }

    found = planned(stacked("br1", "br0"), made(stacked("br0", "br1")))
    words = [
        step.words[1] for batch in batches(found) for step, _number in batch.steps if step.words[1] in ("add", "del")
    ]
    assert words == ["del", "del", "add", "add"]


def test_a_circle_is_refused_with_its_members() -> None:
    links = [
        {"name": "a", "type": "vlan", "parent": "b", "id": 1},
        {"name": "b", "type": "vlan", "parent": "a", "id": 1},
    ]
    with pytest.raises(PlanRefused, match="need each other in a circle: link a, link b; break the circle"):
        planned({"links": links})


def test_the_children_of_what_is_replaced_are_made_again_without_being_removed() -> None:
    def document(kind: dict[str, Any]) -> dict[str, Any]:
        return {
            "links": [{"name": "x0", **kind}, {"name": "x0.5", "type": "vlan", "parent": "x0", "id": 5}],
            "addresses": [{"link": "x0", "address": "192.0.2.1/24"}],
        }

    found = planned(document({"type": "bridge"}), made(document({"type": "tap"})))
    assert order(found) == ["replace link x0", "add link x0.5", "add address x0 192.0.2.1/24"]
    words = [" ".join(step.words) for change in found.changes for step in change.steps]
    assert [line for line in words if line.startswith("link del")] == ["link del dev x0"]


def test_ports_of_a_replaced_bridge_join_the_new_one() -> None:
    def document(kind: str) -> dict[str, Any]:
        links = [{"name": "t0", "type": "tap", "master": "x0", "isolated": True}]
        return {"links": [{"name": "x0", "type": "bridge"}, *links]} if kind == "bridge" else {"links": links}

    seen = made(document("bridge"))
    (bridge,) = (resource for key, resource in seen.items() if key[2] == "x0")
    seen[bridge.key] = replace(bridge, type="dummy")  # type: ignore[call-arg]
    found = planned(document("bridge"), seen)
    assert order(found) == ["replace link x0", "change link t0"]
    (*_before, last) = [" ".join(step.words) for step in found.changes[1].steps]
    assert last == "link set dev t0 type bridge_slave isolated on"


@pytest.mark.parametrize("missing", ["namespace", "link", "master", "ovs bridge"])
def test_what_is_neither_there_nor_declared_is_named(missing: str) -> None:
    documents: dict[str, dict[str, Any]] = {
        "namespace": {"links": [{"namespace": "c1", "name": "x0", "type": "bridge", "because": "a.b"}]},
        "link": {"addresses": [{"link": "x0", "address": "192.0.2.1/24", "because": "a.b"}]},
        "master": {"links": [{"name": "x1", "type": "tap", "master": "x0", "because": "a.b"}]},
        "ovs bridge": {"ovs_ports": [{"name": "x0", "bridge": "ovs0", "type": "internal", "because": "a.b"}]},
    }
    needed = {"namespace": "namespace c1", "ovs bridge": "ovs bridge ovs0"}.get(missing, "link x0")
    with pytest.raises(PlanRefused, match=rf"\(a\.b\): needs {needed}, which is neither declared nor on this host"):
        planned(documents[missing])


def test_all_reasons_come_at_once() -> None:
    seen = made({"links": [{"name": "x0", "type": "tap"}, {"name": "x1", "type": "tap"}]}, owner=None)
    with pytest.raises(PlanRefused) as refused:
        planned({"links": [{"name": n, "type": "tap"} for n in ("x0", "x1")], "rules": []}, seen)
    assert len(refused.value.reasons) == 2
