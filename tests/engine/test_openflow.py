# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows and meters of a bridge, on a switch of our own with the userspace datapath."""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, OpenVSwitch, actions, changed_fields, tool, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils import flowtext
from ansible_collections.hostnet.fabric.plugins.module_utils import host as host_module
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import ApplyFailed, DocumentError, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.meter import Meter
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.openflow import OpenFlow
from ansible_collections.hostnet.fabric.plugins.module_utils.present import detailed, lines

pytestmark = pytest.mark.usefixtures("ovs")

RESTORE = Path(__file__).parents[2] / "roles/openvswitch/files/restore-flows"
PORTS = ("ta", "tb")
FLOWS = (
    "table=0,priority=100,in_port=ta,actions=set_field:port(tb)->reg0,goto_table:10",
    "table=0,priority=100,in_port=tb,actions=set_field:port(ta)->reg0,goto_table:10",
    "table=0,priority=0,actions=drop",
    "table=10,priority=0,actions=output:NXM_NX_REG0[]",
)
SHOWN = {
    "priority=100,in_port=ta actions=set_field:0x{tb:x}->reg0,goto_table:10",
    "priority=100,in_port=tb actions=set_field:0x{ta:x}->reg0,goto_table:10",
    "priority=0 actions=drop",
    "table=10, priority=0 actions=output:NXM_NX_REG0[]",
}


def _document(flows: Sequence[str] = FLOWS, **more: Any) -> dict[str, Any]:
    """A bridge with two taps and a group of flows."""
    return {
        "links": [{"name": name, "type": "tap", "up": True} for name in PORTS],
        "ovs_bridges": [{"name": "br", "datapath_type": "netdev", "fail_mode": "secure"}],
        "ovs_ports": [{"name": name, "bridge": "br"} for name in PORTS],
        "openflow": [{"bridge": "br", "name": "web", "flows": list(flows), "because": "networks.web"}],
        **more,
    }


def _group(name: str, *flows: str, bridge: str = "br", **more: Any) -> dict[str, Any]:
    return {"bridge": bridge, "name": name, "flows": list(flows), **more}


def _flows(host: Machine) -> set[str]:
    """The flows of the bridge, less their cookies."""
    return {re.sub(r"^cookie=0x[0-9a-f]+, ", "", flow) for flow in host.of("br", "flows")}


def _numbers(host: Machine) -> dict[str, int]:
    words = ("--format=csv", "--no-headings", "--columns=name,ofport", "list", "Interface")
    rows = tool("ovs-vsctl", f"--db={host.ovs_database}", *words).stdout.split()
    return {name: int(number) for name, number in (row.split(",") for row in rows)}


def _shown(host: Machine, numbers: Mapping[str, int] | None = None) -> set[str]:
    return {flow.format(**(numbers or _numbers(host))) for flow in SHOWN}


def _add_foreign(host: Machine, flow: str) -> None:
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    tool("ovs-ofctl", "-O", "OpenFlow14", "add-flow", target, flow)


def _ages(host: Machine) -> dict[str, float]:
    """For how many seconds each flow has been there."""
    stats = host.of("br", "flows", "--no-names")
    found = [
        re.match(r"cookie=\S+, duration=([0-9.]+)s, table=(\d+), .*?(priority=.*) actions", flow) for flow in stats
    ]
    return {f"table={each[2]},{each[3]}": float(each[1]) for each in found if each}


def _send_frames(host: Machine, count: int = 3) -> None:
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    for _frame in range(count):
        packet = "ffffffffffff02000000000188b5" + "00" * 46
        tool("ovs-ofctl", "-O", "OpenFlow14", "packet-out", target, f"in_port=1,packet={packet},actions=table")


def _packets(host: Machine) -> dict[str, int]:
    stats = host.of("br", "flows", "--no-names")
    found = [re.match(r".*table=(\d+), n_packets=(\d+), .*?(priority=.*) actions", flow) for flow in stats]
    return {f"table={each[1]},{each[3]}": int(each[2]) for each in found if each}


def _meter(entry: Entry) -> dict[str, Any]:
    bridges = [{"name": "br", "datapath_type": "netdev", "fail_mode": "secure"}]
    return {"ovs_bridges": bridges, "meters": [{"bridge": "br", "name": "x0", "kbps": 1000, **entry}]}


def _flow_group(entry: Entry) -> dict[str, Any]:
    bridges = [{"name": "br", "datapath_type": "netdev", "fail_mode": "secure"}]
    return {"ovs_bridges": bridges, "openflow": [{"bridge": "br", "name": "x0", "flows": ["actions=drop"], **entry}]}


CASES = (Case("flows", {}, {"flows": ["ip,actions=LOCAL"]}, _flows, {"ip actions=LOCAL"}),)


def _meters(host: Machine) -> list[str]:
    return host.of("br", "meters")


METERS = (
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


def test_every_field_has_a_case() -> None:
    assert_complete(OpenFlow, CASES)
    assert_complete(Meter, METERS)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_of_a_group_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _flow_group)


@pytest.mark.parametrize("case", METERS, ids=str)
def test_each_field_of_a_meter_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _meter)


def test_flows_come_and_go_with_their_bridge_and_ports(host: Machine) -> None:
    clean = host.snapshot()
    done = host.apply(_document())
    assert actions(done)["openflow br web"] == "add"
    assert _flows(host) == _shown(host)
    assert {flow.split(",")[0][:13] for flow in host.of("br", "flows")} == {"cookie=0x68e3"}
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_a_second_run_reads_and_sends_nothing(host: Machine) -> None:
    host.run(_document())
    _send_frames(host)
    packets = _packets(host)
    assert sum(packets.values()) > 0
    done = host.run(_document())
    assert done.commands == []
    # ip for links and VLANs, ovs-vsctl for the database, ovs-ofctl for the flows: none to parse, none to add.
    assert done.stats["processes"] <= 3
    assert _packets(host) == packets


def test_other_spellings_are_the_same_flows(host: Machine) -> None:
    host.run(_document(["table=10 priority=5 tcp,dl_vlan=3,nw_src=10.0.0.1/32,tp_dst=80 actions=strip_vlan,output:ta"]))
    assert _flows(host) == {
        "table=10, priority=5,tcp,dl_vlan=3,nw_src=10.0.0.1,tp_dst=80 actions=pop_vlan,output:ta",
    }
    for flow in (
        "priority=5,table=10,tcp,nw_src=10.0.0.1,dl_vlan=3,tcp_dst=80,actions=pop_vlan,output:ta",
        'table=10, priority=5,tcp,dl_vlan=3,nw_src=10.0.0.1,tp_dst=80,actions=pop_vlan,output:"ta"',
        "table=10,priority=5,tcp,dl_vlan=3,nw_src=10.0.0.1,tp_dst=80,actions=pop_vlan,output:port(ta)",
    ):
        assert lines(host.run(_document([flow])).plan) == []


def test_a_changed_flow_leaves_the_others_their_counters(host: Machine) -> None:
    host.apply(_document())
    _send_frames(host)
    before = _packets(host)
    done = host.apply(_document([*FLOWS[:2], "table=0,priority=0,actions=goto_table:10", FLOWS[3]]))
    assert changed_fields(done) == {"br web": ["flows"]}
    assert [line for line in lines(done.plan) if "web" in line] == [
        "~ openflow  host  br web  flows 4 → 4 (1 new, 1 gone)  networks.web"
    ]
    assert [text.strip() for text in detailed(done.plan)[1:]] == [
        "- priority=0 actions=drop",
        "+ table=0,priority=0,actions=goto_table:10",
    ]
    assert sum("cookie=" in command for command in done.commands) == 2
    after = _packets(host)
    assert after.pop("table=0,priority=0") == 0
    before.pop("table=0,priority=0")
    assert after == before
    assert sum(before.values()) > 0


def test_groups_are_removed_alone(host: Machine) -> None:
    host.apply(_document(openflow=[_group("a", *FLOWS[:2]), _group("b", *FLOWS[2:])]))
    both = _flows(host)
    done = host.apply(_document(openflow=[_group("a", *FLOWS[:2])]))
    assert actions(done) == {"openflow br b": "remove"}
    assert "2 flows" in lines(done.plan)[0]
    assert _flows(host) == {flow for flow in both if "in_port" in flow}


def test_a_flow_can_move_to_another_group(host: Machine) -> None:
    host.apply(_document(openflow=[_group("a", *FLOWS[:3]), _group("b", FLOWS[3])]))
    both = _flows(host)
    host.apply(_document(openflow=[_group("a", *FLOWS[:1]), _group("b", *FLOWS[1:])]))
    assert _flows(host) == both
    host.apply(_document(openflow=[_group("c", *FLOWS)]))
    assert _flows(host) == both
    assert len({flow.split(",")[0] for flow in host.of("br", "flows")}) == 1


def test_a_removed_group_is_called_by_its_cookie_where_nobody_knows_its_name(host: Machine) -> None:
    host.apply(_document())
    os.unlink(host.run_directory / "t.json")
    done = host.apply(_document(openflow=[]))
    assert [key for key in actions(done) if key.startswith("openflow br 0x68e3")]
    assert _flows(host) == set()


def test_flows_of_others_stay(host: Machine) -> None:
    host.apply(_document())
    _add_foreign(host, "cookie=0x1234,table=10,priority=7,idle_timeout=300,udp,actions=drop")
    _add_foreign(host, "table=20,actions=drop")
    host.apply(_document(FLOWS[:2]))
    host.apply(_document(openflow=[]))
    assert _flows(host) == {"table=10, idle_timeout=300, priority=7,udp actions=drop", "table=20, actions=drop"}


@pytest.mark.parametrize("timeout", ["", "idle_timeout=300,importance=4,send_flow_rem,"])
def test_a_flow_of_others_in_the_place_of_ours_is_refused_or_adopted(host: Machine, timeout: str) -> None:
    host.apply(_document(FLOWS[:2]))
    _add_foreign(host, f"cookie=0x1234,{timeout}table=0,priority=0,actions=NORMAL")
    before = host.snapshot()
    with pytest.raises(PlanRefused) as refused:
        host.run(_document())
    assert "openflow host br web (networks.web): is already there and not ours (in its place: cookie=0x1234, " in str(
        refused.value
    )
    assert "priority=0 actions=NORMAL)" in str(refused.value)
    host.assert_as(before)
    host.apply(_document(), adopt=True)
    assert _flows(host) == _shown(host)


def test_a_group_that_takes_a_place_at_once_is_refused_too(host: Machine) -> None:
    host.apply(_document(openflow=[]))
    _add_foreign(host, "cookie=0x1234,table=0,priority=0,actions=drop")
    with pytest.raises(PlanRefused, match="is already there and not ours"):
        host.run(_document())
    done = host.apply(_document(openflow=[_group("web", *FLOWS, adopt=True)]))
    assert actions(done) == {"openflow br web": "change"}
    assert _flows(host) == _shown(host)


def test_a_flow_of_another_scope_is_not_to_be_had(host: Machine) -> None:
    host.apply(_document())
    bridge = {"ovs_bridges": []}
    with pytest.raises(PlanRefused, match="belongs to scope t; one object has one scope"):
        host.run({**bridge, "scope": "other", "openflow": [_group("x", FLOWS[2])]}, adopt=True)
    host.apply({"scope": "other", "openflow": [_group("x", "table=30,actions=drop")]})
    host.apply(_document(FLOWS[:1]))
    assert "table=30, actions=drop" in _flows(host)
    host.run({"scope": "other"})
    assert len(_flows(host)) == 1


def test_two_scopes_of_the_same_cookies_are_a_fault(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(_document())
    monkeypatch.setattr(flowtext, "scope_number", lambda scope: 7)
    with pytest.raises(DocumentError, match="scope: other has the cookies of scope t of this host; rename one"):
        host.run({"scope": "other", "openflow": [_group("x", "table=9,actions=drop")]})


def test_a_port_that_gets_another_number_gets_its_flows_anew(host: Machine, ovs: OpenVSwitch) -> None:
    host.apply(_document())
    old = _numbers(host)
    ovs.vsctl("set", "Interface", "ta", "ofport_request=77")
    assert _numbers(host)["ta"] != old["ta"]
    done = host.apply(_document())
    assert changed_fields(done) == {"br web": ["flows"]}
    assert _flows(host) == _shown(host)
    # Replaced by the run itself, the port has no number yet when the run is planned.
    done = host.apply(
        _document(ovs_ports=[{"name": "ta", "bridge": "br", "type": "internal"}, _port("tb")], links=[TB])
    )
    assert actions(done)["openflow br web"] == "change"
    assert _flows(host) == _shown(host)


TB = {"name": "tb", "type": "tap", "up": True}


def _port(name: str, bridge: str = "br") -> dict[str, Any]:
    return {"name": name, "bridge": bridge}


def test_a_device_that_is_made_again_gets_its_flows_anew(host: Machine) -> None:
    host.apply(_document())
    links = [{"name": "ta", "type": "tap", "up": True, "multi_queue": True}, TB]
    host.apply(_document(links=links))
    assert _flows(host) == _shown(host)


def test_a_removed_port_goes_after_its_flows(host: Machine) -> None:
    host.apply(_document(openflow=[_group("a", FLOWS[0]), _group("b", *FLOWS[2:])]))
    gone = {"links": [TB], "ovs_ports": [_port("tb")]}
    done = host.apply(_document(openflow=[_group("b", *FLOWS[2:])], **gone))
    commands = [command for command in done.commands if "del-port" in command or "delete cookie" in command]
    assert [command.split()[0] for command in commands] == ["delete", "ovs-vsctl"]
    with pytest.raises(PlanRefused, match="needs ovs port ta, which is neither declared nor on this host"):
        host.run(_document(**gone))


def test_a_bridge_that_forgets_its_flows_gets_them_again(host: Machine) -> None:
    host.apply(_document())
    for fail_mode in ("standalone", "secure"):
        done = host.apply(_document(ovs_bridges=[{"name": "br", "datapath_type": "netdev", "fail_mode": fail_mode}]))
        assert actions(done) == {"ovs_bridge br": "change", "openflow br web": "add"}
        assert _flows(host) == _shown(host)


def test_a_standalone_bridge_has_a_flow_of_its_own(host: Machine) -> None:
    """It is in the place of a declared one on a bridge that is there, and not on one that is being made."""
    bridges = [{"name": "br", "datapath_type": "netdev", "fail_mode": "standalone"}]
    host.apply(_document(ovs_bridges=bridges))
    host.run({})
    host.apply(_document(ovs_bridges=bridges, openflow=[]))
    with pytest.raises(PlanRefused, match="in its place: cookie=0x0, priority=0 actions=NORMAL"):
        host.run(_document(ovs_bridges=bridges))
    # The bridge forgets that flow too as it becomes secure.
    host.apply(_document())


def _some_groups(dice: random.Random) -> tuple[list[dict[str, Any]], set[str]]:
    """Groups that share a few matches out among them, and the flows that they come to."""
    groups: dict[str, list[str]] = {}
    shown = set()
    for table, port in itertools.product((0, 3), ("ta", "tb", "br")):
        if dice.random() < 0.7:
            action = dice.choice(("drop", "output:ta", "output:LOCAL", "NORMAL"))
            groups.setdefault(dice.choice("abc"), []).append(
                f"table={table},priority=9,in_port={port},actions={action}"
            )
            place = f"table={table}, " if table else ""
            match, out = (
                word.replace("=br", "=LOCAL").replace("output:L", "L") for word in (f"in_port={port}", action)
            )
            shown.add(f"{place}priority=9,{match} actions={out}")
    return [_group(name, *flows) for name, flows in groups.items()], shown


@pytest.mark.parametrize("seed", range(3))
def test_any_groups_can_follow_any_others(host: Machine, seed: int) -> None:
    dice = random.Random(seed)
    for _step in range(8):
        groups, shown = _some_groups(dice)
        host.run(_document(openflow=groups))
        assert _flows(host) == shown


def test_one_bundle_for_each_bridge(host: Machine) -> None:
    bridges = [{"name": name, "datapath_type": "netdev", "fail_mode": "secure"} for name in ("br", "br2")]
    groups = [_group(f"g{n}", f"table={n},actions=drop", bridge=bridge) for n in range(5) for bridge in ("br", "br2")]
    host.run({"ovs_bridges": bridges})
    done = host.run({"ovs_bridges": bridges, "openflow": groups})
    # Reading twice is two ip, two ovs-vsctl and four dumps at most; one process parses, two send.
    assert done.stats["processes"] <= 11
    assert len(_flows(host)) == 5


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("table=0,foo=1,actions=drop", "ovs-ofctl refuses 'table=0,foo=1,actions=drop': unknown keyword foo"),
        (
            "table=0,ip,actions=set_field:5->tcp_dst",
            "ovs-ofctl refuses 'table=0,ip,actions=set_field:5->tcp_dst': actions are invalid with specified match",
        ),
        ("tcp,actions=pop_vlan", "ovs-ofctl refuses 'tcp,actions=pop_vlan': ovs-ofctl: no usable protocol"),
        (
            "table=0,nw_src=10.0.0.1,actions=drop",
            "ovs-ofctl refuses 'table=0,nw_src=10.0.0.1,actions=drop': of the match nw_src=10.0.0.1 only '' would hold",
        ),
        (
            "table=0,priority=100,in_port=ta,actions=drop",
            "'table=0,priority=100,in_port=ta,actions=set_field:port(tb)->reg0,goto_table:10' has the table, "
            "priority and match of 'table=0,priority=100,in_port=ta,actions=drop' of br web",
        ),
    ],
)
def test_a_bad_flow_is_named_before_anything_changes(host: Machine, flow: str, message: str) -> None:
    clean = host.snapshot()
    with pytest.raises(DocumentError) as refused:
        host.run(_document([*FLOWS, flow]))
    assert f"openflow host br web (networks.web): {message}" in str(refused.value)
    host.assert_as(clean)


def test_every_bad_flow_is_named(host: Machine) -> None:
    with pytest.raises(DocumentError) as refused:
        host.run(_document([*FLOWS, "foo=1,actions=drop", "actions=bar"]))
    assert len(refused.value.faults) == 2


def test_a_port_of_another_bridge_is_a_fault(host: Machine) -> None:
    bridges = [{"name": name, "datapath_type": "netdev", "fail_mode": "secure"} for name in ("br", "br2")]
    with pytest.raises(DocumentError, match=r"br web \(networks.web\): names port ta, which belongs to bridge br2"):
        host.run(_document(ovs_bridges=bridges, ovs_ports=[_port("ta", "br2"), _port("tb")]))


def test_a_port_without_a_device_fails_the_run_and_says_so(
    host: Machine, ovs: OpenVSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "_SWITCH_SECONDS", 0.1)
    host.apply(_document())
    ovs.vsctl("add-port", "br", "nodev")
    with pytest.raises(ApplyFailed, match="br web: openflow refused: port nodev has no OpenFlow number: could"):
        host.run(_document([*FLOWS, "table=5,in_port=nodev,actions=drop"]))
    host.assert_settled(_document())


def test_a_refused_bundle_changes_nothing_and_names_the_flow(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(_document())
    monkeypatch.setattr(Host, "port_numbers", lambda _host, names: dict.fromkeys(names, 70000))
    changed = [*FLOWS[1:], "table=5,in_port=ta,actions=drop"]
    with pytest.raises(ApplyFailed, match=r"br web: openflow refused: bridge br: 'add cookie=0x68e3.*in_port=70000,"):
        host.run(_document(changed))
    assert _flows(host) == _shown(host)
    monkeypatch.undo()
    host.apply(_document(changed))


def _many(count: int = 3000) -> list[str]:
    """Flows of four tables that all let a frame pass to the next, but for those of table 0."""
    return [f"table={n % 4},priority={1 + n // 4},dl_vlan=1,actions=resubmit(,{n % 4 + 1})" for n in range(count)]


def test_an_empty_bridge_gets_many_flows_over_several_connections(host: Machine) -> None:
    host.run(_document(openflow=[]))
    done = host.run(_document(_many()))
    assert len(_flows(host)) == 3000
    # One process counts the flows, three send what is behind table 0, one that.
    assert done.stats["processes"] <= 12
    host.assert_settled(_document(_many()))


def test_table_0_gets_its_flows_when_the_others_have_theirs(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(_document(openflow=[]))
    sent: list[tuple[set[str], int]] = []
    start = Host._start_bundle

    def watched(self: Host, target: str, lines: Sequence[str]) -> Any:
        sent.append(({re.findall(r"table=(\d+),", line)[0] for line in lines}, len(_flows(host))))
        return start(self, target, lines)

    monkeypatch.setattr(Host, "_start_bundle", watched)
    host.run(_document(_many()))
    assert sent[-1] == ({"0"}, 2250)
    assert all("0" not in tables for tables, _there in sent[:-1])


def test_a_bridge_with_flows_gets_many_more_in_one_bundle(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(_document(openflow=[]))
    _add_foreign(host, "table=9,actions=drop")
    monkeypatch.setattr(Host, "_fill", lambda *_words: pytest.fail("a packet may be on its way through table 9"))
    host.run(_document(_many()))
    assert len(_flows(host)) == 3001


@pytest.mark.parametrize("table", [0, 3])
def test_a_refused_flow_of_many_leaves_the_bridge_empty(
    host: Machine, table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply(_document(openflow=[]))
    monkeypatch.setattr(Host, "port_numbers", lambda _host, names: dict.fromkeys(names, 70000))
    flows = [*_many(), f"table={table},in_port=ta,actions=drop"]
    with pytest.raises(ApplyFailed, match=rf"br web: openflow refused: bridge br: 'add .*table={table},in_port=70000,"):
        host.run(_document(flows))
    assert _flows(host) == set()
    monkeypatch.undo()
    host.apply(_document(flows))


def _meter_counts(host: Machine, number: int) -> str:
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    return tool("ovs-ofctl", "-O", "OpenFlow13", "meter-stats", target, f"meter={number}").stdout


def test_meters_come_before_their_flows_and_go_after_them(host: Machine) -> None:
    flows = ["table=0,actions=goto_table:10", "table=10,priority=0,actions=meter:meter(out),LOCAL"]
    meters = [{"bridge": "br", "name": name, "kbps": 1000} for name in ("in", "out")]
    clean = host.snapshot()
    host.apply(_document(flows, meters=meters))
    assert host.of("br", "meters")[::2] == ["meter=1 kbps bands=", "meter=2 kbps bands="]
    assert "table=10, priority=0 actions=meter:2,LOCAL" in _flows(host)
    _send_frames(host)
    assert "packet_in_count:3" in _meter_counts(host, 2)
    # A removed meter takes the flows along that apply it: they must have changed by then.
    host.apply(_document(FLOWS, meters=meters[:1]))
    assert _flows(host) == _shown(host)
    host.apply(_document(flows, meters=[*meters[1:], {"bridge": "br", "name": "new", "kbps": 5}]))
    numbers = [line.split()[0] for line in host.of("br", "meters") if line.startswith("meter")]
    assert len(numbers) == 2
    host.absent()
    host.assert_as(clean)


def test_meters_of_others_keep_their_numbers(host: Machine) -> None:
    host.apply(_document())
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    tool("ovs-ofctl", "-O", "OpenFlow13", "add-meter", target, "meter=1,pktps,band=type=drop,rate=7")
    host.apply(_document(meters=[{"bridge": "br", "name": "x", "kbps": 1000}]))
    assert host.of("br", "meters")[::2] == ["meter=1 pktps bands=", "meter=2 kbps bands="]
    host.apply(_document())
    assert host.of("br", "meters")[::2] == ["meter=1 pktps bands="]


def test_a_meter_that_is_not_declared_is_a_reason(host: Machine) -> None:
    with pytest.raises(PlanRefused, match="needs meter br nil, which is neither declared nor on this host"):
        host.run(_document(["actions=meter:meter(nil),LOCAL"]))


def test_a_refused_meter_is_named(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody makes a meter of the same number while the run is under way."""
    host.apply(_document())
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    real = Host.change_meters

    def late(self: Host, bridge: str, changes: Any) -> None:
        tool("ovs-ofctl", "-O", "OpenFlow13", "add-meter", target, "meter=2,pktps,band=type=drop,rate=7")
        real(self, bridge, changes)

    monkeypatch.setattr(Host, "change_meters", late)
    meters = [{"bridge": "br", "name": name, "kbps": 1000} for name in ("a", "b", "c")]
    with pytest.raises(ApplyFailed, match="meter host br b: meter refused 'br add 2 1000 0': a meter of this number"):
        host.run(_document(meters=meters))


def test_what_a_run_shows_round_trips(host: Machine) -> None:
    document = _document(
        [*FLOWS, "table=1,actions=meter:meter(out),output:ta,LOCAL", "table=2,in_port=br,actions=resubmit(,3)"],
        meters=[{"bridge": "br", "name": "out", "kbps": 1000, "burst_kb": 10}],
    )
    host.run(document)
    reader = Host(ovs_database=host.ovs_database, run_directory=str(host.run_directory))
    host.hosts.append(reader)
    shown = gather(reader, "t")
    assert shown["meters"] == [{"bridge": "br", "name": "out", "kbps": 1000, "burst_kb": 10}]
    (group,) = shown["openflow"]
    assert (group["bridge"], group["name"]) == ("br", "web")
    assert "table=1,actions=meter:meter(out),output:ta,LOCAL" in group["flows"]
    assert "table=2,in_port=LOCAL,actions=resubmit(,3)" in group["flows"]
    host.assert_settled(shown)
    (unnamed,) = gather(reader, None)["openflow"]
    assert (unnamed["owner"], unnamed["name"][:6], len(unnamed["flows"])) == ("t", "0x68e3", len(group["flows"]))


def _restart(ovs: OpenVSwitch) -> None:
    ovs.stop("ovs-vswitchd")
    ovs.start_daemon()
    wait_for((ovs.directory / "br.mgmt").exists, "the bridge")
    ovs.vsctl("set", "Bridge", "br", "other_config:restarted=true")


def _restored(host: Machine, ovs: OpenVSwitch) -> tuple[int, str]:
    """How the script of the service has ended, and what it has to complain of."""
    command = ["sh", str(RESTORE), str(host.run_directory / "openflow")]
    environment = {**os.environ, "OVS_RUNDIR": str(ovs.directory)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_restarted_switch_gets_its_flows_back_by_the_script(host: Machine, ovs: OpenVSwitch) -> None:
    document = _document(
        [*FLOWS, "table=1,actions=meter:meter(out),output:ta,LOCAL"],
        meters=[{"bridge": "br", "name": "out", "kbps": 1000, "burst_kb": 10}],
    )
    host.run(document)
    files = host.run_directory / "openflow"
    assert sorted(os.listdir(files)) == ["br.t.flows", "br.t.meters"]
    assert {path.stat().st_mode & 0o777 for path in files.iterdir()} == {0o600}
    flows, meters = host.of("br", "flows"), host.of("br", "meters")
    _restart(ovs)
    assert host.of("br", "flows") == host.of("br", "meters") == []
    assert _restored(host, ovs) == (0, "")
    assert sorted(host.of("br", "flows")) == sorted(flows)
    assert host.of("br", "meters") == meters
    assert lines(host.run(document).plan) == []


def test_the_script_brings_back_many_flows_too(host: Machine, ovs: OpenVSwitch) -> None:
    document = _document([*_many(), "table=200,actions=drop", "priority=7,ip,actions=ct(commit,table=3)"])
    host.run(document)
    _restart(ovs)
    assert _restored(host, ovs) == (0, "")
    assert len(_flows(host)) == 3002
    assert lines(host.run(document).plan) == []


def test_the_script_opens_no_bridge_whose_tables_are_not_whole(host: Machine, ovs: OpenVSwitch) -> None:
    host.run(_document(_many()))
    _restart(ovs)
    (file,) = (host.run_directory / "openflow").iterdir()
    file.write_text(f"{file.read_text()}add table=3,actions=resubmit(,nonsense)\n")
    status, said = _restored(host, ovs)
    assert status == 1
    assert "nonsense" in said
    assert not [flow for flow in host.of("br", "flows") if "table=" not in flow.partition("actions=")[0]]


def test_a_run_brings_back_what_a_restarted_switch_lost(host: Machine, ovs: OpenVSwitch) -> None:
    document = _document(meters=[{"bridge": "br", "name": "out", "kbps": 1000}])
    host.run(document)
    _restart(ovs)
    done = host.apply(document)
    assert actions(done) == {"openflow br web": "add", "meter br out": "add"}
    assert _flows(host) == _shown(host)


def test_files_that_restore_say_what_is_there(host: Machine) -> None:
    host.run(_document())
    file = host.run_directory / "openflow" / "br.t.flows"
    before = file.stat()
    host.run(_document())
    assert file.stat().st_ino == before.st_ino
    host.run(_document(FLOWS[2:]))
    assert len(file.read_text().splitlines()) == 2
    os.unlink(file)
    host.run(_document(FLOWS[2:]))
    assert file.exists()
    # What a run without purge leaves is there to be restored too, with numbers where it does not know the names.
    host.run(_document(openflow=[_group("more", "table=9,in_port=ta,actions=drop")]), purge=False)
    assert [re.sub("cookie=0x68e3[0-9a-f]+,", "", line) for line in file.read_text().splitlines()] == [
        "add table=0,priority=0,actions=drop",
        "add table=10,priority=0,actions=output:NXM_NX_REG0[]",
        'add table=9,in_port="ta",actions=drop',
    ]
    # A run that was killed after its changes has left old files; the next one, without changes, writes them anew.
    ledger = host.run_directory / "t.json"
    content = json.loads(ledger.read_text())
    ledger.write_text(json.dumps({**content, "pending": [["openflow", "", "br", "web"]]}))
    file.with_suffix(".flows.new").write_text("half a li")
    file.write_text("")
    assert lines(host.run(_document(FLOWS[2:]), purge=False).plan) == []
    assert len(file.read_text().splitlines()) == 3
    assert os.listdir(file.parent) == [file.name]
    host.run(_document(openflow=[]))
    assert not file.exists()
