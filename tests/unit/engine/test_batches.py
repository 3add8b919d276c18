# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Few large batches: each step once, each behind what it waits for, and not more batches than places."""

from __future__ import annotations

from typing import Any

import pytest
from planning import made, planned

from ansible_collections.hostnet.fabric.plugins.module_utils.batches import Batch, batches


def _instances(count: int, each: int = 1) -> dict[str, Any]:
    document: dict[str, Any] = {
        "namespaces": [{"name": f"c{n}"} for n in range(count)],
        "links": [{"name": "br0", "type": "bridge", "up": True}],
        "addresses": [],
        "routes": [],
        "rules": [],
    }
    for n in range(count):
        home = {"namespace": f"c{n}"}
        document["links"].append({"name": f"v{n}", "type": "veth", "peer": {**home, "name": "eth0"}, "master": "br0"})
        document["links"].append({**home, "name": "eth0", "type": "veth", "peer": {"name": f"v{n}"}, "up": True})
        document["addresses"] += [{**home, "link": "eth0", "address": f"10.0.{k}.1/24"} for k in range(each)]
        document["routes"].append({**home, "destination": "default", "via": "10.0.0.9"})
        document["rules"].append({**home, "priority": 100, "table": 100})
    return document


def _places(found: list[Batch]) -> list[tuple[str, str]]:
    return [(batch.tool, batch.namespace) for batch in found]


@pytest.mark.parametrize("count", [1, 10, 100])
def test_one_batch_for_each_place(count: int) -> None:
    found = batches(planned(_instances(count)))
    assert _places(found) == [("ip", ""), *sorted(("ip", f"c{n}") for n in range(count))]


def test_the_number_of_objects_does_not_matter() -> None:
    assert _places(batches(planned(_instances(3, 1)))) == _places(batches(planned(_instances(3, 50))))


def test_removing_takes_no_more() -> None:
    found = batches(planned({}, made(_instances(10))))
    assert len(found) <= 2 * 10 + 2


@pytest.mark.parametrize("document", [_instances(5), {**_instances(2), "links": _instances(2)["links"]}])
def test_every_step_is_in_one_batch_and_behind_what_it_waits_for(document: dict[str, Any]) -> None:
    found = planned(document)
    done = [(step, number) for batch in batches(found) for step, number in batch.steps]
    expected = [(step, number) for number, change in enumerate(found.changes) for step in change.steps]
    assert sorted(done, key=repr) == sorted(expected, key=repr)
    last = {number: place for place, (_step, number) in enumerate(done)}
    first = {number: place for place, (_step, number) in reversed(list(enumerate(done)))}
    pairs = [(found.nodes[other].change, node.change) for node in found.nodes for other in node.waits]
    strict = [
        (before, after)
        for before, after in pairs
        if before in last and after in first and not found.changes[before].resource.usable_at_once
    ]
    assert strict
    assert all(last[before] < first[after] for before, after in strict)


def test_every_step_stands_in_the_batch_of_its_tool_and_namespace() -> None:
    for batch in batches(planned(_instances(3))):
        assert {(step.tool, step.namespace) for step, _number in batch.steps} == {(batch.tool, batch.namespace)}


def test_filters_stand_before_the_ports_they_guard() -> None:
    table = {"family": "bridge", "name": "g", "chains": [{"name": "c", "rules": ["drop"]}]}
    found = batches(planned({"links": [{"name": "t0", "type": "tap"}], "nft_tables": [table]}))
    assert _places(found) == [("nft", ""), ("ip", "")]


def test_open_vswitch_makes_its_ports_before_ip_moves_them() -> None:
    document = {
        "namespaces": [{"name": "c1"}],
        "ovs_bridges": [{"name": "ovs0"}],
        "ovs_ports": [{"name": f"p{n}", "bridge": "ovs0", "type": "internal"} for n in range(20)],
        "links": [{"namespace": "c1", "name": f"p{n}", "type": "ovs", "up": True} for n in range(20)],
    }
    found = batches(planned(document))
    assert _places(found) == [("ip", ""), ("ovs", ""), ("ip", ""), ("ip", "c1")]
    assert len(found[1].steps) == 1 + 1 + 20


def test_nothing_to_do_is_no_batch() -> None:
    assert batches(planned({})) == []
