# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows as text: names and numbers, the forms of documents and of the switch, cookies."""

from __future__ import annotations

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils import flowtext

PORTS = {"ta": 3, "tap-vm1": 12, "a.b@c": 7, "5": 9, "br": flowtext.LOCAL}


def _numbered(flow: str) -> str:
    (text,) = flowtext.Template([flow]).filled(PORTS.__getitem__, {"out": 4, "in:1": 5}.__getitem__)
    return text


@pytest.mark.parametrize(
    ("flow", "numbered"),
    [
        ("in_port=ta,actions=output:tap-vm1", "in_port=3,actions=output:12"),
        ('in_port="ta",actions=output:"5"', "in_port=3,actions=output:9"),
        ("in_port=5,actions=output:5", "in_port=5,actions=output:5"),
        ("in_port=a.b@c,actions=IN_PORT", "in_port=7,actions=IN_PORT"),
        ("in_port=br,actions=output:br,output:LOCAL", "in_port=LOCAL,actions=output:LOCAL,output:LOCAL"),
        ("in_port=port(ta),actions=output:port(br)", "in_port=3,actions=output:LOCAL"),
        ("reg0=port(ta)/0xffff,actions=drop", "reg0=0x3/0xffff,actions=drop"),
        ("actions=set_field:port(tap-vm1)->reg0,goto_table:3", "actions=set_field:0xc->reg0,goto_table:3"),
        ("actions=load:port(br)->NXM_NX_REG0[0..15]", "actions=load:0xfffe->NXM_NX_REG0[0..15]"),
        ("actions=clone(output:ta,set_field:port(ta)->reg1)", "actions=clone(output:3,set_field:0x3->reg1)"),
        ("actions=meter:meter(out),output:ta", "actions=meter:4,output:3"),
        ('actions=meter:meter("in:1"),goto_table:1', "actions=meter:5,goto_table:1"),
        ("actions=output:NXM_NX_REG0[]", "actions=output:NXM_NX_REG0[]"),
        ("actions=output:reg0,output:xxreg1", "actions=output:reg0,output:xxreg1"),
        ("actions=output:normal,output:in_port", "actions=output:normal,output:in_port"),
        ("actions=resubmit(ta,10),resubmit(,11)", "actions=resubmit(3,10),resubmit(,11)"),
        ("actions=resubmit(port(ta),10),resubmit(5,11)", "actions=resubmit(3,10),resubmit(5,11)"),
        ("in_port_oxm=3,actions=drop", "in_port_oxm=3,actions=drop"),
        ("actions=output(port=5,max_len=100)", "actions=output(port=5,max_len=100)"),
    ],
)
def test_names_become_numbers(flow: str, numbered: str) -> None:
    assert _numbered(flow) == numbered


def test_the_names_in_flows_are_found() -> None:
    cut = flowtext.Template(
        [
            "in_port=b,actions=set_field:port(c)->reg0,meter:meter(m),output:a,output:7,output:NXM_NX_REG0[],NORMAL",
            'in_port="a",actions=drop',
        ]
    )
    assert cut.ports == ("a", "b", "c")
    assert cut.meters == ("m",)


def test_without_numbers_names_stay() -> None:
    flows = ("in_port=ta,actions=output:port(ta),meter:meter(out)", "actions=drop")
    cut = flowtext.Template(flows)
    assert cut.filled() == flows
    assert cut.filled(meter=lambda name: 4) == ("in_port=ta,actions=output:port(ta),meter:4", "actions=drop")
    assert flowtext.Template(()).filled() == ()


def test_files_have_names_where_ovs_ofctl_knows_them() -> None:
    (text,) = flowtext.Template(["in_port=ta,actions=set_field:port(ta)->reg0,output:br"]).filled(
        PORTS.__getitem__, for_file=True
    )
    assert text == 'in_port="ta",actions=set_field:0x3->reg0,output:LOCAL'


@pytest.mark.parametrize(
    ("flow", "punctuated"),
    [
        ("table=1,ip,actions=drop", "table=1,ip,actions=drop"),
        (" table=1, ip actions=drop ", "table=1, ip,actions=drop"),
        ("actions=drop", "actions=drop"),
        (",actions=drop", "actions=drop"),
        ("ip actions=learn(idle_timeout=5,output:NXM_OF_IN_PORT[])", None),
        ('in_port="cookie",actions=drop', 'in_port="cookie",actions=drop'),
        ("in_port=duration,actions=drop", "in_port=duration,actions=drop"),
    ],
)
def test_a_flow_has_one_comma_before_its_actions(flow: str, punctuated: str | None) -> None:
    expected = punctuated or flow.replace(" actions", ",actions")
    assert flowtext.punctuated([flow]) == (expected,)


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("table=0,ip", "'table=0,ip' has no actions; end it with actions=drop or the like"),
        ("cookie=0x1,ip,actions=drop", "'cookie=0x1,ip' says cookie, which the engine chooses"),
        ("ip,idle_timeout=4,actions=drop", "says idle_timeout"),
        ("ip hard_timeout=4 actions=drop", "says hard_timeout"),
        ("send_flow_rem,actions=drop", "says send_flow_rem"),
        ("out_port=3,actions=drop", "says out_port"),
        ("ip,actions=drop\ntcp,actions=drop", "'ip,actions=drop' is not all of this flow"),
    ],
)
def test_what_a_flow_must_not_say(flow: str, message: str) -> None:
    with pytest.raises(ValueError, match="'") as refused:
        flowtext.punctuated(["udp,actions=drop", flow])
    assert message in str(refused.value)


DUMP = """\
 cookie=0x68a1000000000001, table=10, priority=100,ip,in_port=3 actions=output:4
 cookie=0x68a1000000000001, priority=0 actions=drop
 cookie=0x7, table=10, idle_timeout=60, importance=3, send_flow_rem priority=7,udp actions=NORMAL
 priority=0 actions=NORMAL
 actions=drop

"""


def test_a_dump_is_flows_by_cookie() -> None:
    found = flowtext.dumped(DUMP)
    assert found["0x68a1000000000001"] == {
        "table=10, priority=100,ip,in_port=3 actions=output:4",
        "priority=0 actions=drop",
    }
    assert len(found["0x7"]) == 1
    assert found["0x0"] == {"priority=0 actions=NORMAL", "actions=drop"}
    assert flowtext.dumped("\n") == {}


@pytest.mark.parametrize(
    ("flow", "dumped"),
    [
        ("table=0,priority=0,actions=drop", "priority=0 actions=drop"),
        ("table=10,priority=7,ip,actions=goto_table:2", "table=10, priority=7,ip actions=goto_table:2"),
        ("table=10,actions=drop", "table=10, actions=drop"),
        ("table=0,actions=drop", "actions=drop"),
        ("actions=drop", "actions=drop"),
        ("ip,actions=drop", "ip actions=drop"),
    ],
)
def test_a_flow_spelled_as_the_switch_does_is_in_normal_form(flow: str, dumped: str) -> None:
    assert flowtext.as_dumped([flow]) == [dumped]


def test_parsed_flows_are_as_dumped_ones() -> None:
    output = (
        "usable protocols: OXM\nchosen protocol: OXM-OpenFlow14\n"
        "OFPT_FLOW_MOD (OF1.4) (xid=0x1): ADD table:10 priority=100,ip,in_port=3 actions=output:4\n"
        "OFPT_FLOW_MOD (OF1.4) (xid=0x2): ADD priority=0 actions=drop\n"
        "OFPT_FLOW_MOD (OF1.4) (xid=0x3): ADD actions=drop\n"
    )
    assert flowtext.parsed(output) == [
        "table=10, priority=100,ip,in_port=3 actions=output:4",
        "priority=0 actions=drop",
        "actions=drop",
    ]


@pytest.mark.parametrize(
    ("flow", "identity", "deletion"),
    [
        ("table=10, priority=100,ip actions=drop", "table=10, priority=100,ip", "table=10, priority=100,ip"),
        ("priority=0 actions=drop", "priority=0", "table=0,priority=0"),
        ("actions=drop", "", "table=0"),
        ("table=3, actions=drop", "table=3,", "table=3"),
        (
            "table=10, idle_timeout=60, importance=3, send_flow_rem priority=7,udp actions=NORMAL",
            "table=10, priority=7,udp",
            "table=10, priority=7,udp",
        ),
    ],
)
def test_a_flow_is_known_by_table_priority_and_match(flow: str, identity: str, deletion: str) -> None:
    assert flowtext.identity(flow) == identity
    assert flowtext.deletion("0x1", flow) == f"delete_strict cookie=0x1/-1,{deletion}"


def test_a_cookie_says_whose_it_is_and_of_which_group() -> None:
    own = flowtext.cookie("dvr", "network web")
    assert own.startswith("0x68")
    assert len(own) == 18
    assert flowtext.cookie_scope(own) == flowtext.scope_number("dvr")
    assert flowtext.cookie("dvr", "network db") != own
    assert flowtext.cookie("bridge", "network web") != own
    assert flowtext.cookie_scope("0x67617465") is None
    assert flowtext.cookie_scope("0x0") is None


def test_flows_are_shown_with_names() -> None:
    flows = [
        "table=10, priority=100,ip,in_port=3 actions=output:12,output:9,resubmit(3,4),set_field:0x3->reg0",
        "priority=0 actions=meter:4,LOCAL",
        "actions=output:99,meter:5",
    ]
    assert flowtext.as_declared(flows, {3: "ta", 12: "tap-vm1", 9: "5"}, {4: "out"}) == [
        "table=0,actions=output:99,meter:5",
        "table=0,priority=0,actions=meter:meter(out),LOCAL",
        'table=10,priority=100,ip,in_port=ta,actions=output:tap-vm1,output:"5",resubmit(ta,4),set_field:0x3->reg0',
    ]


def test_ports_without_a_number_get_one_that_nobody_has() -> None:
    found = flowtext.stand_ins(["a", "b", "c"], {1, 2, 0xFEFE})
    assert len(set(found.values())) == 3
    assert not {*found.values()} & {1, 2, 0xFEFE}
    assert max(found.values()) < 0xFF00


def test_the_numbers_in_flows_are_found() -> None:
    assert flowtext.numbers(["in_port=3 actions=output:4,meter:7", "in_port=LOCAL actions=output:NXM_NX_REG0[]"]) == (
        {3, 4},
        {7},
    )


@pytest.mark.parametrize(
    ("line", "enters"),
    [
        ("add cookie=0x68,priority=1,actions=drop", True),
        ("add cookie=0x68,table=0,actions=goto_table:3", True),
        ("add table=0,actions=resubmit(,3)", True),
        ("add cookie=0x68,table=10,actions=drop", False),
        ("add cookie=0x68,priority=1,actions=ct(commit,table=16)", True),
        ("delete cookie=0x68/-1", True),
    ],
)
def test_the_flows_that_packets_meet_first(line: str, enters: bool) -> None:
    assert flowtext.enters(line) is enters
