# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first of the two SNAT hosts of the shipped inventory: what is there for central SNAT, its sync and its gate."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml
from dvr_fleet import Node, fleet
from dvr_look import changed_sysctls, details, devices, flows_of, neighbours, nft_table, read, routes
from dvr_shipped import INVENTORY, document
from harness import tool
from test_dvr_drawing import DB_GATEWAY, WEB_GATEWAY, forwarding, vsctl

HOST = "network-01"
# What the compiler derives from names, written down: both SNAT hosts must have the same ones, but for the sync's.
SYNC_HERE, SYNC_THERE = "52:54:d0:e5:15:e5", "52:54:86:28:0a:d1"
WEB, DB, OUTSIDE = "52:54:6d:36:d0:e1", "52:54:91:21:be:8f", "52:54:83:c5:3e:53"
SHOP, STORE, OUTSIDE_GREEN = "52:54:e1:9a:a2:85", "52:54:a3:f2:ab:77", "52:54:77:61:92:1b"
LEGS = {
    "snat-blue": {
        "sg-web": (WEB, 1450, {"172.16.18.254/24"}),
        "sg-db": (DB, 1450, {"172.16.19.254/24"}),
        "qg-ext": (OUTSIDE, 1500, {"192.168.100.20/24"}),
        "sync": (SYNC_HERE, 1280, {"169.254.192.1/30"}),
    },
    "snat-green": {
        "sg-shop": (SHOP, 1450, {"172.16.18.254/24"}),
        "sg-store": (STORE, 1500, {"172.16.19.254/24"}),
        "qg-ext": (OUTSIDE_GREEN, 1500, {"192.168.100.21/24"}),
    },
}
ADDRESSES = {"snat-blue": "192.168.100.20", "snat-green": "192.168.100.21"}
# By the number of a network in the registers, the port, and the MAC address of the leg behind it.
BEHIND_THE_GATE = {
    ("0xdfd1d0", "vsg-blue-web", WEB),
    ("0x52e0f5", "vsg-blue-db", DB),
    ("0x97e025", "vsg-green-shop", SHOP),
    ("0xed60501e", "vsg-green-store", STORE),
    ("0xed605000", "vqg-blue", OUTSIDE),
    ("0xed605000", "vqg-green", OUTSIDE_GREEN),
}


@pytest.fixture(scope="module")
def host(_namespace_directory: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    intent = {**yaml.safe_load(INVENTORY.read_text()), "fabric_datapath": "netdev"}
    with fleet(tmp_path_factory.mktemp("dvr"), {HOST: intent["fabric_hosts"][HOST]["tunnel"]}, ()) as nodes:
        nodes[HOST].apply(document(intent, HOST))
        yield nodes[HOST]


def test_legs(host: Node) -> None:
    assert {name: devices(host.namespace(name)) for name in LEGS} == LEGS


@pytest.mark.parametrize("name", LEGS)
def test_routes_and_rules(host: Node, name: str) -> None:
    """Everything that is not of a subnet leaves, and nothing is looked up elsewhere. There is no IPv6."""
    place = host.namespace(name)
    assert routes(place) == {("254", "default", "192.168.100.1", "qg-ext")}
    assert {rule["priority"] for rule in read(place, "rule")} == {0, 32766, 32767}
    assert read(place, "-6", "address") == read(place, "-6", "route", "show", "table", "all") == []


def test_the_only_neighbour_of_the_sync_is_known(host: Node) -> None:
    assert neighbours(host.namespace("snat-blue")) == {("sync", "169.254.192.2"): SYNC_THERE}
    assert neighbours(host.namespace("snat-green")) == {}


@pytest.mark.parametrize("name", LEGS)
def test_translation(host: Node, name: str) -> None:
    assert nft_table(host.namespace(name), "ip", "snat") == [
        "chain postrouting {",
        "type nat hook postrouting priority srcnat; policy accept;",
        f'oifname "qg-ext" snat to {ADDRESSES[name]}',
        "chain forward {",
        "type filter hook forward priority filter; policy accept;",
        "ct state established,related accept",
        # It would leave untranslated.
        "ct state invalid counter drop",
        # From outside come answers, and nothing else.
        'iifname "qg-ext" counter drop',
    ]


def test_guard_of_the_sync(host: Node) -> None:
    """What speaks to conntrackd is the other host's conntrackd; and its own packets are not tracked in turn."""
    assert nft_table(host.namespace("snat-blue"), "inet", "sync") == [
        "chain prerouting {",
        "type filter hook prerouting priority raw; policy accept;",
        'iifname "sync" ip saddr 169.254.192.2 ip daddr 169.254.192.1 udp dport 3780 notrack accept',
        'iifname "sync" drop',
        "ip daddr 169.254.192.0/30 drop",
        "chain output {",
        "type filter hook output priority raw; policy accept;",
        'oifname "sync" notrack',
    ]
    tables = tool("nft", "list", "tables", namespace=host.namespace("snat-green")).stdout.split("\n")
    assert tables == ["table ip hostnet.t.snat", ""]


@pytest.mark.parametrize("name", LEGS)
def test_sysctls(host: Node, name: str) -> None:
    everywhere = ("all", "default", "lo", *LEGS[name])
    assert changed_sysctls(host.namespace(name)) == {
        **forwarding(*LEGS[name]),
        # Only IPv4 is translated, and the other SNAT host has the same addresses.
        **{f"ipv6/conf/{each}/disable_ipv6": "1" for each in everywhere},
        # What another host has seen the beginning of goes on here, but not what was never translated.
        "netfilter/nf_conntrack_tcp_be_liberal": "1",
        "netfilter/nf_conntrack_tcp_loose": "0",
    }


def test_the_tunnel_of_the_sync_leads_to_the_other_host_alone(host: Node) -> None:
    entries = tool("bridge", "fdb", "show", "dev", "vx-sync", namespace=host.home).stdout
    assert re.findall(r"(\S+) dst (\S+)", entries) == [("00:00:00:00:00:00", "10.20.0.22")]
    shown = details(host, "vx-sync")
    assert re.search(r"mtu 1280\b.*vxlan id 0 remote 10\.20\.0\.22 local 10\.20\.0\.21 ", shown, re.DOTALL)
    assert "nolearning" in shown


def test_ports(host: Node) -> None:
    assert set(vsctl(host, "list-ports", "br-int")) == {
        *(port for _network, port, _mac in BEHIND_THE_GATE),
        *("vx-web", "vx-db", "vx-shop", "vx-sync", "vsync-blue", "vport-br-int"),
    }


def test_flows_of_the_sync_and_the_gate(host: Node) -> None:
    found = flows_of(host)
    assert {flow for flow in found if "sync" in flow} == {
        f'priority=100,in_port="vsync-blue",dl_src={SYNC_HERE},dl_dst={SYNC_THERE} actions=output:"vx-sync"',
        f'priority=100,in_port="vx-sync",dl_src={SYNC_THERE},dl_dst={SYNC_HERE} actions=output:"vsync-blue"',
    }
    # It is shut: a host opens it for itself when it is to translate. Until then, frames go to the one that does.
    gates = [flow for flow in found if re.match(r"table=8\d\b", flow)]
    assert gates == [
        "table=80, priority=0 actions=drop",
        "table=81, priority=10,dl_dst=00:00:00:00:00:00/01:00:00:00:00:00 actions=resubmit(,60)",
        "table=81, priority=0 actions=drop",
    ]
    for network, port, mac in BEHIND_THE_GATE:
        assert f'priority=100,in_port="{port}" actions=set_field:{network}->reg1,goto_table:80' in found
        way_in = (
            f"table=40, priority=100,reg1={network},dl_dst={mac} actions=set_field:port({port})->reg0,goto_table:81"
        )
        assert way_in in found
    # There is no other way to a leg but for what is for everybody, which passes the gate as well.
    others = [flow for flow in found if re.search(r"output:\"?v[sq]g-", flow)]
    assert others == []
    for flow in found:
        assert len(re.findall(r"set_field:port", flow)) == len(re.findall(r"resubmit\(,81\)|goto_table:81", flow)), flow


def test_gateways_are_answered_for_here_too(host: Node) -> None:
    """With the MAC addresses that they have on every host."""
    found = flows_of(host)
    for address, mac in (("172.16.18.1", WEB_GATEWAY), ("172.16.19.1", DB_GATEWAY)):
        assert any(f"arp_tpa={address},arp_op=1 " in flow and f"set_field:{mac}->arp_sha" in flow for flow in found)
