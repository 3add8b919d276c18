# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of flows of a bridge, on a switch of our own with the userspace datapath."""

from __future__ import annotations

import itertools
import os
import random
import re
from typing import Any

import pytest
from bridge_flows import FLOWS, add_foreign, flow_document, flows_of, group, numbers, send_frames, shown_flows
from cases import Case, Entry, assert_complete, walk
from harness import Machine, OpenVSwitch, actions, changed_fields

from ansible_collections.hostnet.fabric.plugins.module_utils import flowtext
from ansible_collections.hostnet.fabric.plugins.module_utils import host as host_module
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import ApplyFailed, DocumentError, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.openflow import OpenFlow
from ansible_collections.hostnet.fabric.plugins.module_utils.present import detailed, lines

pytestmark = pytest.mark.usefixtures("ovs")

TB = {"name": "tb", "type": "tap", "up": True}


def _port(name: str, bridge: str = "br") -> dict[str, Any]:
    return {"name": name, "bridge": bridge}


def _packets(host: Machine) -> dict[str, int]:
    stats = host.of("br", "flows", "--no-names")
    found = [re.match(r".*table=(\d+), n_packets=(\d+), .*?(priority=.*) actions", flow) for flow in stats]
    return {f"table={each[1]},{each[3]}": int(each[2]) for each in found if each}


def _flow_group(entry: Entry) -> dict[str, Any]:
    bridges = [{"name": "br", "datapath_type": "netdev", "fail_mode": "secure"}]
    return {"ovs_bridges": bridges, "openflow": [{"bridge": "br", "name": "x0", "flows": ["actions=drop"], **entry}]}


CASES = (Case("flows", {}, {"flows": ["ip,actions=LOCAL"]}, flows_of, {"ip actions=LOCAL"}),)


def test_every_field_of_a_group_has_a_case() -> None:
    assert_complete(OpenFlow, CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_of_a_group_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _flow_group)


def test_flows_come_and_go_with_their_bridge_and_ports(host: Machine) -> None:
    clean = host.snapshot()
    done = host.apply(flow_document())
    assert actions(done)["openflow br web"] == "add"
    assert flows_of(host) == shown_flows(host)
    assert {flow.split(",")[0][:13] for flow in host.of("br", "flows")} == {"cookie=0x68e3"}
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_a_second_run_reads_and_sends_nothing(host: Machine) -> None:
    host.run(flow_document())
    send_frames(host)
    packets = _packets(host)
    assert sum(packets.values()) > 0
    done = host.run(flow_document())
    assert done.commands == []
    # ip for links and VLANs, ovs-vsctl for the database, ovs-ofctl for the flows: none to parse, none to add.
    assert done.stats["processes"] <= 3
    assert _packets(host) == packets


def test_other_spellings_are_the_same_flows(host: Machine) -> None:
    host.run(
        flow_document(["table=10 priority=5 tcp,dl_vlan=3,nw_src=10.0.0.1/32,tp_dst=80 actions=strip_vlan,output:ta"])
    )
    assert flows_of(host) == {
        "table=10, priority=5,tcp,dl_vlan=3,nw_src=10.0.0.1,tp_dst=80 actions=pop_vlan,output:ta",
    }
    for flow in (
        "priority=5,table=10,tcp,nw_src=10.0.0.1,dl_vlan=3,tcp_dst=80,actions=pop_vlan,output:ta",
        'table=10, priority=5,tcp,dl_vlan=3,nw_src=10.0.0.1,tp_dst=80,actions=pop_vlan,output:"ta"',
        "table=10,priority=5,tcp,dl_vlan=3,nw_src=10.0.0.1,tp_dst=80,actions=pop_vlan,output:port(ta)",
    ):
        assert lines(host.run(flow_document([flow])).plan) == []


def test_a_changed_flow_leaves_the_others_their_counters(host: Machine) -> None:
    host.apply(flow_document())
    send_frames(host)
    before = _packets(host)
    done = host.apply(flow_document([*FLOWS[:2], "table=0,priority=0,actions=goto_table:10", FLOWS[3]]))
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
    host.apply(flow_document(openflow=[group("a", *FLOWS[:2]), group("b", *FLOWS[2:])]))
    both = flows_of(host)
    done = host.apply(flow_document(openflow=[group("a", *FLOWS[:2])]))
    assert actions(done) == {"openflow br b": "remove"}
    assert "2 flows" in lines(done.plan)[0]
    assert flows_of(host) == {flow for flow in both if "in_port" in flow}


def test_a_flow_can_move_to_another_group(host: Machine) -> None:
    host.apply(flow_document(openflow=[group("a", *FLOWS[:3]), group("b", FLOWS[3])]))
    both = flows_of(host)
    host.apply(flow_document(openflow=[group("a", *FLOWS[:1]), group("b", *FLOWS[1:])]))
    assert flows_of(host) == both
    host.apply(flow_document(openflow=[group("c", *FLOWS)]))
    assert flows_of(host) == both
    assert len({flow.split(",")[0] for flow in host.of("br", "flows")}) == 1


def test_a_removed_group_is_called_by_its_cookie_where_nobody_knows_its_name(host: Machine) -> None:
    host.apply(flow_document())
    os.unlink(host.run_directory / "t.json")
    done = host.apply(flow_document(openflow=[]))
    assert [key for key in actions(done) if key.startswith("openflow br 0x68e3")]
    assert flows_of(host) == set()


def test_flows_of_others_stay(host: Machine) -> None:
    host.apply(flow_document())
    add_foreign(host, "cookie=0x1234,table=10,priority=7,idle_timeout=300,udp,actions=drop")
    add_foreign(host, "table=20,actions=drop")
    host.apply(flow_document(FLOWS[:2]))
    host.apply(flow_document(openflow=[]))
    assert flows_of(host) == {"table=10, idle_timeout=300, priority=7,udp actions=drop", "table=20, actions=drop"}


@pytest.mark.parametrize("timeout", ["", "idle_timeout=300,importance=4,send_flow_rem,"])
def test_a_flow_of_others_in_the_place_of_ours_is_refused_or_adopted(host: Machine, timeout: str) -> None:
    host.apply(flow_document(FLOWS[:2]))
    add_foreign(host, f"cookie=0x1234,{timeout}table=0,priority=0,actions=NORMAL")
    before = host.snapshot()
    with pytest.raises(PlanRefused) as refused:
        host.run(flow_document())
    assert "openflow host br web (networks.web): is already there and not ours (in its place: cookie=0x1234, " in str(
        refused.value
    )
    assert "priority=0 actions=NORMAL)" in str(refused.value)
    host.assert_as(before)
    host.apply(flow_document(), adopt=True)
    assert flows_of(host) == shown_flows(host)


def test_a_group_that_takes_a_place_at_once_is_refused_too(host: Machine) -> None:
    host.apply(flow_document(openflow=[]))
    add_foreign(host, "cookie=0x1234,table=0,priority=0,actions=drop")
    with pytest.raises(PlanRefused, match="is already there and not ours"):
        host.run(flow_document())
    done = host.apply(flow_document(openflow=[group("web", *FLOWS, adopt=True)]))
    assert actions(done) == {"openflow br web": "change"}
    assert flows_of(host) == shown_flows(host)


def test_a_flow_of_another_scope_is_not_to_be_had(host: Machine) -> None:
    host.apply(flow_document())
    bridge = {"ovs_bridges": []}
    with pytest.raises(PlanRefused, match="belongs to scope t; one object has one scope"):
        host.run({**bridge, "scope": "other", "openflow": [group("x", FLOWS[2])]}, adopt=True)
    host.apply({"scope": "other", "openflow": [group("x", "table=30,actions=drop")]})
    host.apply(flow_document(FLOWS[:1]))
    assert "table=30, actions=drop" in flows_of(host)
    host.run({"scope": "other"})
    assert len(flows_of(host)) == 1


def test_two_scopes_of_the_same_cookies_are_a_fault(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(flow_document())
    monkeypatch.setattr(flowtext, "scope_number", lambda scope: 7)
    with pytest.raises(DocumentError, match="scope: other has the cookies of scope t of this host; rename one"):
        host.run({"scope": "other", "openflow": [group("x", "table=9,actions=drop")]})


def test_a_port_that_gets_another_number_gets_its_flows_anew(host: Machine, ovs: OpenVSwitch) -> None:
    host.apply(flow_document())
    old = numbers(host)
    ovs.vsctl("set", "Interface", "ta", "ofport_request=77")
    assert numbers(host)["ta"] != old["ta"]
    done = host.apply(flow_document())
    assert changed_fields(done) == {"br web": ["flows"]}
    assert flows_of(host) == shown_flows(host)
    # Replaced by the run itself, the port has no number yet when the run is planned.
    done = host.apply(
        flow_document(ovs_ports=[{"name": "ta", "bridge": "br", "type": "internal"}, _port("tb")], links=[TB])
    )
    assert actions(done)["openflow br web"] == "change"
    assert flows_of(host) == shown_flows(host)


def test_a_device_that_is_made_again_gets_its_flows_anew(host: Machine) -> None:
    host.apply(flow_document())
    links = [{"name": "ta", "type": "tap", "up": True, "multi_queue": True}, TB]
    host.apply(flow_document(links=links))
    assert flows_of(host) == shown_flows(host)


def test_a_removed_port_goes_after_its_flows(host: Machine) -> None:
    host.apply(flow_document(openflow=[group("a", FLOWS[0]), group("b", *FLOWS[2:])]))
    gone = {"links": [TB], "ovs_ports": [_port("tb")]}
    done = host.apply(flow_document(openflow=[group("b", *FLOWS[2:])], **gone))
    commands = [command for command in done.commands if "del-port" in command or "delete cookie" in command]
    assert [command.split()[0] for command in commands] == ["delete", "ovs-vsctl"]
    with pytest.raises(PlanRefused, match="needs ovs port ta, which is neither declared nor on this host"):
        host.run(flow_document(**gone))


def test_a_bridge_that_forgets_its_flows_gets_them_again(host: Machine) -> None:
    host.apply(flow_document())
    for fail_mode in ("standalone", "secure"):
        done = host.apply(
            flow_document(ovs_bridges=[{"name": "br", "datapath_type": "netdev", "fail_mode": fail_mode}])
        )
        assert actions(done) == {"ovs_bridge br": "change", "openflow br web": "add"}
        assert flows_of(host) == shown_flows(host)


def test_a_standalone_bridge_has_a_flow_of_its_own(host: Machine) -> None:
    """It is in the place of a declared one on a bridge that is there, and not on one that is being made."""
    bridges = [{"name": "br", "datapath_type": "netdev", "fail_mode": "standalone"}]
    host.apply(flow_document(ovs_bridges=bridges))
    host.run({})
    host.apply(flow_document(ovs_bridges=bridges, openflow=[]))
    with pytest.raises(PlanRefused, match="in its place: cookie=0x0, priority=0 actions=NORMAL"):
        host.run(flow_document(ovs_bridges=bridges))
    # The bridge forgets that flow too as it becomes secure.
    host.apply(flow_document())


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
    return [group(name, *flows) for name, flows in groups.items()], shown


@pytest.mark.parametrize("seed", range(3))
def test_any_groups_can_follow_any_others(host: Machine, seed: int) -> None:
    dice = random.Random(seed)
    for _step in range(8):
        groups, shown = _some_groups(dice)
        host.run(flow_document(openflow=groups))
        assert flows_of(host) == shown


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
        host.run(flow_document([*FLOWS, flow]))
    assert f"openflow host br web (networks.web): {message}" in str(refused.value)
    host.assert_as(clean)


def test_every_bad_flow_is_named(host: Machine) -> None:
    with pytest.raises(DocumentError) as refused:
        host.run(flow_document([*FLOWS, "foo=1,actions=drop", "actions=bar"]))
    assert len(refused.value.faults) == 2


def test_a_port_of_another_bridge_is_a_fault(host: Machine) -> None:
    bridges = [{"name": name, "datapath_type": "netdev", "fail_mode": "secure"} for name in ("br", "br2")]
    with pytest.raises(DocumentError, match=r"br web \(networks.web\): names port ta, which belongs to bridge br2"):
        host.run(flow_document(ovs_bridges=bridges, ovs_ports=[_port("ta", "br2"), _port("tb")]))


def test_a_port_without_a_device_fails_the_run_and_says_so(
    host: Machine, ovs: OpenVSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "_SWITCH_SECONDS", 0.1)
    host.apply(flow_document())
    ovs.vsctl("add-port", "br", "nodev")
    with pytest.raises(ApplyFailed, match="br web: openflow refused: port nodev has no OpenFlow number: could"):
        host.run(flow_document([*FLOWS, "table=5,in_port=nodev,actions=drop"]))
    host.assert_settled(flow_document())


def test_what_a_run_shows_round_trips(host: Machine) -> None:
    document = flow_document(
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
