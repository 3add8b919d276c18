# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Meters of a bridge, on a switch of our own with the userspace datapath."""

from __future__ import annotations

from typing import Any

import pytest
from bridge_flows import FLOWS, flow_document, flows_of, send_frames, shown_flows
from cases import Case, Entry, assert_complete, walk
from harness import Machine, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import ApplyFailed, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.meter import Meter

pytestmark = pytest.mark.usefixtures("ovs")


def _meter(entry: Entry) -> dict[str, Any]:
    bridges = [{"name": "br", "datapath_type": "netdev", "fail_mode": "secure"}]
    return {"ovs_bridges": bridges, "meters": [{"bridge": "br", "name": "x0", "kbps": 1000, **entry}]}


def _meters(host: Machine) -> list[str]:
    return host.of("br", "meters")


CASES = (
    Case("kbps", {}, {"kbps": 2000}, lambda host: host.of("br", "meters")[-1], "type=drop rate=2000"),
    Case(
        "burst_kb",
        {"burst_kb": 10},
        {"burst_kb": 20},
        _meters,
        ["meter=1 kbps burst bands=", "type=drop rate=1000 burst_size=20"],
    ),
    Case(
        "burst_kb",
        {"burst_kb": 10},
        {"burst_kb": 0},
        _meters,
        ["meter=1 kbps bands=", "type=drop rate=1000"],
    ),
)


def test_every_field_of_a_meter_has_a_case() -> None:
    assert_complete(Meter, CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_of_a_meter_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _meter)


def _meter_counts(host: Machine, number: int) -> str:
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    return tool("ovs-ofctl", "-O", "OpenFlow13", "meter-stats", target, f"meter={number}").stdout


def test_meters_come_before_their_flows_and_go_after_them(host: Machine) -> None:
    flows = ["table=0,actions=goto_table:10", "table=10,priority=0,actions=meter:meter(out),LOCAL"]
    meters = [{"bridge": "br", "name": name, "kbps": 1000} for name in ("in", "out")]
    clean = host.snapshot()
    host.apply(flow_document(flows, meters=meters))
    assert host.of("br", "meters")[::2] == ["meter=1 kbps bands=", "meter=2 kbps bands="]
    assert "table=10, priority=0 actions=meter:2,LOCAL" in flows_of(host)
    send_frames(host)
    assert "packet_in_count:3" in _meter_counts(host, 2)
    # A removed meter takes the flows along that apply it: they must have changed by then.
    host.apply(flow_document(FLOWS, meters=meters[:1]))
    assert flows_of(host) == shown_flows(host)
    host.apply(flow_document(flows, meters=[*meters[1:], {"bridge": "br", "name": "new", "kbps": 5}]))
    numbers = [line.split()[0] for line in host.of("br", "meters") if line.startswith("meter")]
    assert len(numbers) == 2
    host.absent()
    host.assert_as(clean)


def test_meters_of_others_keep_their_numbers(host: Machine) -> None:
    host.apply(flow_document())
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    tool("ovs-ofctl", "-O", "OpenFlow13", "add-meter", target, "meter=1,pktps,band=type=drop,rate=7")
    host.apply(flow_document(meters=[{"bridge": "br", "name": "x", "kbps": 1000}]))
    assert host.of("br", "meters")[::2] == ["meter=1 pktps bands=", "meter=2 kbps bands="]
    host.apply(flow_document())
    assert host.of("br", "meters")[::2] == ["meter=1 pktps bands="]


def test_a_meter_that_is_not_declared_is_a_reason(host: Machine) -> None:
    with pytest.raises(PlanRefused, match="needs meter br nil, which is neither declared nor on this host"):
        host.run(flow_document(["actions=meter:meter(nil),LOCAL"]))


def test_a_refused_meter_is_named(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody makes a meter of the same number while the run is under way."""
    host.apply(flow_document())
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    real = Host.change_meters

    def late(self: Host, bridge: str, changes: Any) -> None:
        tool("ovs-ofctl", "-O", "OpenFlow13", "add-meter", target, "meter=2,pktps,band=type=drop,rate=7")
        real(self, bridge, changes)

    monkeypatch.setattr(Host, "change_meters", late)
    meters = [{"bridge": "br", "name": name, "kbps": 1000} for name in ("a", "b", "c")]
    with pytest.raises(ApplyFailed, match="meter host br b: meter refused 'br add 2 1000 0': a meter of this number"):
        host.run(flow_document(meters=meters))
