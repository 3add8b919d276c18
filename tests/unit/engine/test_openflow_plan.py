# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans with flows and meters: what comes before what, what the switch forgets, which numbers meters get."""

from __future__ import annotations

from typing import Any

import pytest
from planning import assert_before, made, objects, order, planned

from ansible_collections.hostnet.fabric.plugins.module_utils import document, flowtext
from ansible_collections.hostnet.fabric.plugins.module_utils.engine import empty_host_commands
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.meter import Meter, numbered


def _document(**more: Any) -> dict[str, Any]:
    return {
        "openflow": [{"bridge": "br", "name": "g", "flows": ["in_port=p0,actions=meter:meter(m),output:p1"]}],
        "meters": [{"bridge": "br", "name": "m", "kbps": 7}],
        "ovs_ports": [{"name": f"p{n}", "bridge": "br", "type": "internal"} for n in range(2)],
        "ovs_bridges": [{"name": "br"}],
        **more,
    }


def test_flows_wait_for_their_ports_and_meters() -> None:
    found = planned(_document())
    for first in ("ovs_port p0", "ovs_port p1", "meter br m"):
        assert_before(found, f"add {first}", "add openflow br g")
    assert_before(found, "add ovs_bridge br", "add meter br m")


def test_flows_go_before_their_ports_and_meters() -> None:
    left = {"openflow": [], "meters": [], "ovs_ports": []}
    found = planned(_document(**left), made(_document()))
    for second in ("ovs_port p0", "ovs_port p1", "meter br m"):
        assert_before(found, "remove openflow br g", f"remove {second}")


def test_flows_that_change_let_go_of_ports_and_meters_first() -> None:
    left = {"openflow": [{"bridge": "br", "name": "g", "flows": ["actions=drop"]}], "meters": [], "ovs_ports": []}
    found = planned(_document(**left), made(_document()))
    for second in ("ovs_port p0", "meter br m"):
        assert_before(found, "change openflow br g", f"remove {second}")


def test_with_a_bridge_all_flows_and_meters_are_gone() -> None:
    found = planned({}, made(_document()))
    assert {name.split()[0] for name in order(found)} == {"remove"}
    steps = [step for change in found.changes for step in change.steps]
    assert {step.tool for step in steps} == {"ovs"}


@pytest.mark.parametrize(
    ("before", "after", "again"),
    [
        ({"fail_mode": "standalone"}, {"fail_mode": "secure"}, ["openflow br g"]),
        ({"datapath_type": "system"}, {"datapath_type": "netdev"}, ["meter br m", "openflow br g"]),
        ({"external_ids": {"a": "1"}}, {"external_ids": {"a": "2"}}, []),
    ],
)
def test_what_a_bridge_forgets_as_it_changes(before: dict[str, Any], after: dict[str, Any], again: list[str]) -> None:
    old, new = (_document(ovs_bridges=[{"name": "br", **fields}]) for fields in (before, after))
    found = planned(new, made(old))
    assert sorted(order(found)) == ["add " + name for name in again] + ["change ovs_bridge br"]
    for name in again:
        assert_before(found, "change ovs_bridge br", f"add {name}")


@pytest.mark.parametrize(("left_out", "named"), [("ovs_ports", "ovs port p0"), ("meters", "meter br m")])
def test_a_name_that_nothing_has_is_a_reason(left_out: str, named: str) -> None:
    with pytest.raises(PlanRefused, match=f"openflow host br g: needs {named}, which is neither declared nor"):
        planned(_document(**{left_out: []}))


def test_meters_get_the_lowest_free_numbers() -> None:
    meters = [{"bridge": bridge, "name": name, "kbps": 1} for bridge in ("br", "b2") for name in "abc"]
    wanted = objects({"meters": meters})
    there = [Meter(bridge="br", name="number 1", kbps=1, number=1)]
    found = numbered(wanted, {("meter", "", "br", "b"): 2, ("meter", "", "br", "gone"): 3}, there)
    numbers = {(m.bridge, m.name): m.number for m in found.values() if isinstance(m, Meter)}
    assert numbers == {("br", "a"): 4, ("br", "b"): 2, ("br", "c"): 5, ("b2", "a"): 1, ("b2", "b"): 2, ("b2", "c"): 3}


def test_the_commands_for_an_empty_host_have_names_of_ports_and_numbers_of_meters() -> None:
    commands = empty_host_commands({"scope": "t", **_document()})
    assert commands[-4:] == [
        "ovs-ofctl -O OpenFlow13 add-meter br meter=1,kbps,band=type=drop,rate=7",
        "ovs-ofctl -O OpenFlow14 --bundle add-flows br - <<END",
        f"add cookie={flowtext.cookie('t', 'g')},in_port=p0,actions=meter:1,output:p1",
        "END",
    ]


def test_two_groups_of_one_cookie_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "group_number", lambda name: 7)
    groups = [{"bridge": "br", "name": name, "flows": ["actions=drop"]} for name in ("a", "b")]
    with pytest.raises(DocumentError, match="openflow host br b: has the cookie of br a; give it another name"):
        document.parse({"scope": "t", "openflow": groups})
