# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the documents of hosts that route, whatever is on them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import dvr_views as views
import pytest
from hypothesis import given
from hypothesis import strategies as st
from netaddr import IPAddress, IPNetwork

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.document import compiled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.firewall import masked
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import LocalNetwork, Rule, Tap


def rule(**changes):
    return replace(views.ANYBODY, **changes)


STORE_LEG = replace(
    views.LEG,
    network=views.STORE,
    device="qr-store",
    port="vport-blue-sto",
    mac="52:54:00:00:19:01",
    interfaces=("172.16.19.1/24",),
)
SHOP = replace(views.WEB, name="shop", path="fabric_networks.shop", number=101, vni=101, tunnel_device="vx-shop")
GREEN = replace(
    views.BLUE,
    name="green",
    path="fabric_routers.green",
    namespace="router-green",
    legs=(replace(views.LEG, network=SHOP, device="qr-shop", port="vport-green-sho"),),
    pairs=(replace(views.PAIR, rfp="rfp-green", fpr="fpr-green", rfp_address=IPAddress("169.254.31.240")),),
    redirects=(),
    routes=(),
    floating_ips=(),
    routed=(),
    routed_subnets=(),
)
TWO_ROUTERS = replace(
    views.COMPUTE,
    networks=(
        replace(views.LOCAL_WEB, network=SHOP, members=()),
        LocalNetwork(views.STORE, (), (), ()),
        views.LOCAL_WEB,
    ),
    routers=(replace(views.BLUE, legs=(*views.BLUE.legs, STORE_LEG)), GREEN),
    instances=(
        replace(
            views.INSTANCE,
            port=Tap(user="64055", group=None, multi_queue=True),
            device="tap-vm1",
            limit=views.LIMIT,
            allowed=(IPNetwork("172.16.18.200/32"), IPNetwork("2001:db8:18:1::/64")),
            ingress=(
                rule(protocol="tcp", ports=((80, 80), (8000, 8080)), remotes=(IPNetwork("10.0.0.0/8"),)),
                rule(protocol="tcp", ports=((80, 80),), remotes=(IPNetwork("10.0.0.0/8"),)),
                rule(family=6, protocol="icmpv6", icmp_type=128, icmp_code=0),
                rule(protocol="47", remotes=(IPNetwork("10.0.0.0/25"), IPNetwork("10.0.0.128/25"))),
            ),
            egress=(rule(protocol=None, remotes=(IPNetwork("0.0.0.0/0"),)),),
        ),
        replace(views.INSTANCE, name="c2", device="veth-c2", mac="52:54:00:00:18:65", port_security=False),
    ),
)
GATED = replace(views.CENTRAL, gated=True)
USERSPACE = replace(TWO_ROUTERS, host=replace(views.HOST, datapath="netdev"))
ALONE = replace(views.COMPUTE, networks=(replace(views.LOCAL_WEB, stations=(), flood=()),))
NOTHING = replace(views.COMPUTE, networks=(), externals=(), routers=(), instances=())
VIEWS = {
    "compute": views.COMPUTE,
    "two routers": TWO_ROUTERS,
    "central": views.CENTRAL,
    "gated": GATED,
    "userspace": USERSPACE,
    "alone": ALONE,
    "nothing": NOTHING,
}
every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def flows_of(document):
    return [flow for group in document["openflow"] for flow in group["flows"]]


def group(document, name):
    (found,) = (group["flows"] for group in document["openflow"] if group["name"] == name)
    return found


def names(document):
    return {group["name"] for group in document["openflow"]}


@every_view
def test_the_engine_takes_it(view):
    assert documents.parse(compiled(view)).scope == "dvr"


@every_view
def test_every_entry_says_why(view):
    document = compiled(view)
    assert [e for section, entries in document.items() if section != "scope" for e in entries if not e["because"]] == []


@every_view
def test_no_two_flows_match_the_same(view):
    matches = Counter(flow.split(",actions=")[0] for flow in flows_of(compiled(view)))
    assert [match for match, count in matches.items() if count > 1] == []


@every_view
def test_flows_go_forward(view):
    for flow in flows_of(compiled(view)):
        table = int(re.match(r"table=(\d+),", flow)[1])
        assert all(int(target) > table for target in re.findall(r"goto_table:(\d+)", flow)), flow


@every_view
def test_flows_speak_of_ports_and_meters_that_are_declared(view):
    document = compiled(view)
    ports = {port["name"] for port in document.get("ovs_ports", []) if port["bridge"] == "br-int"}
    meters = {meter["name"] for meter in document.get("meters", [])}
    for flow in flows_of(document):
        assert set(re.findall(r"in_port=([^,]+)|(?<!meter:)(?:port\(|output:(?!NXM))([\w.-]+)", flow)) <= {
            pair for port in ports for pair in ((port, ""), ("", port))
        }, flow
        assert set(re.findall(r"meter\((.*?)\)", flow)) <= meters, flow


@every_view
def test_no_router_has_a_default_route_for_ipv4_in_its_main_table(view):
    """It would come before the rules that choose between floating IPs and central SNAT."""
    routers = {router.namespace for router in view.routers}
    for route in compiled(view).get("routes", []):
        if route["namespace"] in routers and route["destination"] == "0.0.0.0/0":
            assert route["table"] != 254


def test_a_gated_host_leaves_its_gate_to_others():
    assert names(compiled(views.CENTRAL)) == names(compiled(GATED))
    assert [flow.split(",")[0] for flow in group(compiled(views.CENTRAL), "gate")] == ["table=80", "table=81"]
    (waiting,) = group(compiled(GATED), "gate")
    assert waiting.startswith("table=81,") and "output" not in waiting


def test_a_network_that_nobody_else_has_needs_no_tunnel():
    document = compiled(ALONE)
    assert "fdb" not in document
    assert "vx-web" not in {link["name"] for link in document["links"]}
    assert not any("vx-web" in flow for flow in flows_of(document))


def test_a_host_with_nothing_has_br_int_and_lets_nothing_pass():
    document = compiled(NOTHING)
    assert set(document) == {"scope", "ovs_bridges", "openflow"}
    assert names(document) == {"base"}


def test_what_is_not_guarded_has_no_rules():
    flows = group(compiled(TWO_ROUTERS), "port veth-c2")
    assert not any(flow.startswith(("table=10,", "table=16,", "table=51,")) for flow in flows)


def test_rules_become_matches_with_masks_and_joined_remotes():
    flows = group(compiled(TWO_ROUTERS), "port tap-vm1")
    port = "reg0=port(tap-vm1)"
    assert [flow.split(",actions")[0] for flow in flows if flow.startswith("table=51,")] == [
        f"table=51,priority=90,tcp,{port},nw_src=10.0.0.0/8,tp_dst=80",
        f"table=51,priority=90,tcp,{port},nw_src=10.0.0.0/8,tp_dst=0x1f40/0xffc0",
        f"table=51,priority=90,tcp,{port},nw_src=10.0.0.0/8,tp_dst=0x1f80/0xfff0",
        f"table=51,priority=90,tcp,{port},nw_src=10.0.0.0/8,tp_dst=8080",
        f"table=51,priority=90,icmp6,{port},icmp_type=128,icmp_code=0",
        f"table=51,priority=90,ip,{port},nw_src=10.0.0.0/24,nw_proto=47",
    ]
    assert [flow for flow in flows if flow.startswith("table=16,")] == [
        "table=16,priority=90,ip,in_port=tap-vm1,actions=goto_table:17"
    ]


def test_only_userspace_needs_the_kernel_to_be_kept_from_answering():
    silenced = [table for table in compiled(USERSPACE)["nft_tables"] if table["family"] == "netdev"]
    devices = {chain["device"] for table in silenced for chain in table["chains"]}
    ports = {port["name"] for port in compiled(USERSPACE)["ovs_ports"] if port["type"] == "system"}
    assert devices == ports
    assert not any(table["family"] == "netdev" for table in compiled(TWO_ROUTERS)["nft_tables"])


@given(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF)).map(sorted))
def test_masks_cover_a_range_and_nothing_else(ports):
    first, last = ports
    expected = first
    for value, mask in masked(first, last):
        size = 0x10000 - mask
        assert value == expected
        assert size & (size - 1) == 0
        assert value % size == 0
        expected = value + size
    assert expected == last + 1


def test_a_rule_for_both_families_takes_the_remotes_of_its_own():
    both = (IPNetwork("10.0.0.0/8"), IPNetwork("2001:db8::/32"))
    own = Rule(6, "udp", ((53, 53),), None, None, both, "fabric_security_groups.web")
    view = replace(views.COMPUTE, instances=(replace(views.INSTANCE, ingress=(own,)),))
    flows = group(compiled(view), "port veth-c1")
    assert [flow for flow in flows if flow.startswith("table=51,")] == [
        "table=51,priority=90,udp6,reg0=port(veth-c1),ipv6_src=2001:db8::/32,tp_dst=53,actions=goto_table:52"
    ]


def test_a_router_knows_the_ipv6_addresses_in_its_networks():
    """It has no way to ask on another host: the answer would go to the router there."""
    neighbours = compiled(views.COMPUTE)["neighbours"]
    there = {(n["link"], n["address"]): n["mac"] for n in neighbours if n["namespace"] == "router-blue"}
    assert there["qr-web", "2001:db8:18::100"] == views.INSTANCE.mac
    assert ("qr-web", "2001:db8:18::1") not in there
    assert ("qr-web", "172.16.18.100") not in there


def test_a_router_has_an_ipv6_way_out_for_what_is_routed_there():
    """And a filter in any case: its instances may send to it what they like."""
    document = compiled(TWO_ROUTERS)
    routes = [route["namespace"] for route in document["routes"] if route["destination"] == "::/0"]
    assert [namespace for namespace in routes if namespace.startswith("router-")] == ["router-blue"]
    routed = {
        table["namespace"]: collection["elements"]
        for table in document["nft_tables"]
        for collection in table.get("sets", ())
        if collection["name"] == "routed"
    }
    assert routed == {"router-blue": ["2001:db8:18::/64"], "router-green": []}
