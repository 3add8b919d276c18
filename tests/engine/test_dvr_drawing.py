# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compute host of the drawing, as the shipped inventory makes it: what is there, and that nothing else is.

The flows are in a file beside this one. It is written anew when HOSTNET_WRITE_GOLDEN is set, and to be read then.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml
from dvr_fleet import Node, fleet
from dvr_look import changed_sysctls, devices, flows_of, neighbours, nft_table, port_called, read, routes
from dvr_shipped import DATAPATHS, INVENTORY, document
from harness import tool

HOST = "compute-01"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "dvr.md"
FLOWS = Path(__file__).with_name("dvr_drawing.flows")
INSTANCES = {"web2", "db1", "shop1", "store1"}  # and vm1, which is a tap


@pytest.fixture(scope="module", params=DATAPATHS)
def datapath(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def host(_namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, datapath: str) -> Iterator[Node]:
    intent = {**yaml.safe_load(INVENTORY.read_text()), "fabric_datapath": datapath}
    with fleet(tmp_path_factory.mktemp("dvr"), {HOST: intent["fabric_hosts"][HOST]["tunnel"]}, ()) as nodes:
        nodes[HOST].apply(document(intent, HOST))
        yield nodes[HOST]


def vsctl(host: Node, *words: str) -> list[str]:
    database = f"unix:{host.directory / 'ovs' / 'db.sock'}"
    return tool("ovs-vsctl", f"--db={database}", "--timeout=10", *words).stdout.split()


def nft_tables(place: str) -> set[tuple[str, str]]:
    listed = json.loads(tool("nft", "-j", "list", "tables", namespace=place).stdout)["nftables"]
    return {(entry["table"]["family"], entry["table"]["name"]) for entry in listed if "table" in entry}


def documented_tables() -> set[int]:
    """The first column of the table in the chapter about br-int."""
    chapter = PAGE.read_text().split("\n## br-int\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", chapter, re.MULTILINE)
    return {int(number) for row in rows for number in row.split(",")}


def test_namespaces(host: Node) -> None:
    names = {path.name for path in Path(f"/proc/{host.process.pid}/root/run/netns").iterdir()}
    assert names == {"router-ns", "router-green", "fip-ns", *INSTANCES}


def test_bridges_and_ports(host: Node) -> None:
    assert set(vsctl(host, "list-br")) == {"br-int", "br-ex"}
    assert set(vsctl(host, "list-ports", "br-ex")) == {"enp7s0", "vhost-br-ex", "vport-br-ex"}
    ports = vsctl(host, "list-ports", "br-int")
    assert sorted(ports) == sorted(
        [
            *("vport-br-int", "vport-fip", "vport-router", "vport-blue-db"),
            *(port_called(host, f"green {network}") for network in ("shop", "store")),
            *("tap-vm1", *(f"veth-{name}" for name in INSTANCES)),
            # The store is on the physical network.
            *("vx-web", "vx-db", "vx-shop"),
        ]
    )
    # All are open: what is in the database is in the switch, too.
    described = host.ofctl("dump-ports-desc")
    assert set(re.findall(r"^ *\w+\(([^)]+)\)", described, re.MULTILINE)) == {"br-int", *ports}


def test_devices_of_the_namespaces(host: Node) -> None:
    expected = {
        "router-ns": {"lo", "qr-web", "qr-db", "rfp-blue"},
        "router-green": {"lo", "qr-shop", "qr-store", "rfp-green"},
        "fip-ns": {"lo", "fg-ext", "fpr-blue", "fpr-green"},
        **{name: {"lo", "eth0"} for name in INSTANCES},
    }
    found = {}
    for name in expected:
        links = json.loads(tool("ip", "-j", "link", "show", namespace=host.namespace(name)).stdout)
        found[name] = {link["ifname"] for link in links}
    assert found == expected


def test_every_documented_table_has_flows_and_no_other_has(host: Node) -> None:
    flows = [line for line in host.ofctl("dump-flows").splitlines() if "actions=" in line]
    tables = {int(found[1]) if (found := re.search(r"\btable=(\d+)", flow)) else 0 for flow in flows}
    assert tables == documented_tables()
    assert len(tables) == 16


def test_nft_tables(host: Node, datapath: str) -> None:
    router = {("ip", "hostnet.t.nat"), ("ip", "hostnet.t.filter"), ("ip6", "hostnet.t.filter")}
    expected = {
        "router-ns": router,
        "router-green": router,
        "fip-ns": {("inet", "hostnet.t.external")},
        **{name: set() for name in INSTANCES},
    }
    assert {name: nft_tables(host.namespace(name)) for name in expected} == expected
    silent = {("netdev", "hostnet.t.ports"), ("netdev", "hostnet.t.br-ex")}
    assert nft_tables(host.home) == (silent if datapath == "netdev" else set())


# What the compiler derives from names, written down: on another host, or tomorrow, it must be the same.
RFP, FPR, FPR_GREEN, FG = "52:54:db:32:04:05", "52:54:bd:cc:03:0f", "52:54:e9:ee:b2:f5", "52:54:5d:4a:00:ce"
RFP_GREEN = "52:54:48:22:ca:57"
WEB_GATEWAY, DB_GATEWAY = "52:54:51:9b:fd:fd", "52:54:82:2f:4b:ab"
INSTANCE_MACS = {
    ("qr-web", "2001:db8:18::100"): "52:54:00:00:18:64",
    ("qr-web", "2001:db8:18::101"): "52:54:4c:1f:a6:a5",
    ("qr-web", "2001:db8:18::102"): "52:54:c9:9c:f1:d8",
    ("qr-web", "2001:db8:18::103"): "52:54:24:49:bd:73",
    ("qr-db", "2001:db8:19::10"): "52:54:43:53:c6:fe",
    ("qr-db", "2001:db8:19::11"): "52:54:94:cd:d1:94",
}


def link_local(mac: str) -> str:
    """The address that the kernel makes of it."""
    first, *rest = (int(part, 16) for part in mac.split(":"))
    own = bytes([first ^ 2, *rest[:2], 0xFF, 0xFE, *rest[2:]])
    return str(ip_address(bytes.fromhex("fe80000000000000") + own))


def test_addresses_macs_and_mtus(host: Node) -> None:
    assert devices(host.namespace("router-ns")) == {
        "qr-web": (WEB_GATEWAY, 1450, {"172.16.18.1/24", "2001:db8:18::1/64"}),
        "qr-db": (DB_GATEWAY, 1450, {"172.16.19.1/24", "2001:db8:19::1/64"}),
        "rfp-blue": (RFP, 1500, {"169.254.31.238/31"}),
    }
    assert devices(host.namespace("fip-ns")) == {
        "fg-ext": (FG, 1500, {"192.168.100.254/24", "2001:db8:64::254/64"}),
        "fpr-blue": (FPR, 1500, {"169.254.31.239/31"}),
        "fpr-green": (FPR_GREEN, 1500, {"169.254.111.143/31"}),
    }
    own = {"172.16.18.101/24", "2001:db8:18::101/64"}
    assert devices(host.namespace("web2")) == {"eth0": (INSTANCE_MACS["qr-web", "2001:db8:18::101"], 1450, own)}


def test_rules_and_routes(host: Node) -> None:
    place = host.namespace("router-ns")
    web, db = str(0xAC101201), str(0xAC101301)  # the addresses of the router as numbers
    common = {("0", "all", "255"), ("32766", "all", "254")}
    assert {
        family: {(str(rule["priority"]), rule["src"], rule["table"]) for rule in read(place, family, "rule")}
        for family in ("-4", "-6")
    } == {
        "-4": {
            *common,
            ("32767", "all", "253"),
            ("33000", "172.16.18.100", "16"),
            ("40000", "172.16.18.0", web),
            ("40000", "172.16.19.0", db),
        },
        # IPv6 is not translated: the default route of the main table is for all.
        "-6": common,
    }
    assert routes(place) == {
        ("16", "default", "169.254.31.239", "rfp-blue"),
        (web, "default", "172.16.18.254", "qr-web"),
        (db, "default", "172.16.19.254", "qr-db"),
        ("254", "default", link_local(FPR), "rfp-blue"),
    }


def test_neighbours_are_known_for_good(host: Node) -> None:
    """Both ends of a pair, and the instances of all hosts by IPv6; for IPv4 the switch answers."""
    assert neighbours(host.namespace("router-ns")) == {
        ("rfp-blue", "169.254.31.239"): FPR,
        ("rfp-blue", link_local(FPR)): FPR,
        **INSTANCE_MACS,
    }
    assert neighbours(host.namespace("fip-ns")) == {
        ("fpr-blue", "169.254.31.238"): RFP,
        ("fpr-blue", link_local(RFP)): RFP,
        ("fpr-green", "169.254.111.142"): RFP_GREEN,
        ("fpr-green", link_local(RFP_GREEN)): RFP_GREEN,
    }


def test_filters(host: Node) -> None:
    router = host.namespace("router-ns")
    outward = ["set outward {", "type ifname", 'elements = { "rfp-blue" }']
    assert nft_table(router, "ip", "filter") == [
        *outward,
        "chain forward {",
        "type filter hook forward priority filter; policy accept;",
        # What is not tracked would leave untranslated.
        "oifname @outward ct state invalid counter drop",
        "iifname != @outward accept",
        "ct state established,related accept",
        "ct status dnat accept",
        "counter drop",
        "chain input {",
        "type filter hook input priority filter; policy accept;",
        "iifname != @outward accept",
        "ct state established,related accept",
        "counter drop",
        "chain postrouting {",
        # After the translation: what it has left alone has no business outside.
        "type filter hook postrouting priority 150; policy accept;",
        "oifname @outward ct status ! snat,dnat counter drop",
    ]
    assert nft_table(router, "ip6", "filter") == [
        *outward,
        "set routed {",
        "type ipv6_addr",
        "flags interval",
        "elements = { 2001:db8:18::/64, 2001:db8:19::/64 }",
        "chain forward {",
        "type filter hook forward priority filter; policy accept;",
        "iifname @outward ip6 daddr != @routed counter drop",
        "chain postrouting {",
        "type filter hook postrouting priority filter; policy accept;",
        "oifname @outward ip6 saddr != @routed ip6 saddr != { ::, fe80::/10 } counter drop",
    ]
    assert nft_table(host.namespace("fip-ns"), "inet", "external") == [
        *("map limited_in {", "type ipv4_addr : verdict"),
        *("map limited_out {", "type ipv4_addr : verdict"),
        "chain prerouting {",
        "type filter hook prerouting priority raw; policy accept;",
        # Routers keep track; here it would be done twice.
        "notrack",
        "chain forward {",
        "type filter hook forward priority filter; policy accept;",
        # Nobody outside may have this host forward to others outside.
        'iifname "fg-ext" oifname "fg-ext" counter drop',
        "ip daddr vmap @limited_in",
        "ip saddr vmap @limited_out",
    ]


def forwarding(*names: str) -> dict[str, str]:
    """What is not as usual wherever packets are forwarded; rp_filter is, which is 0."""
    everywhere = ("all", "default", "lo", *names)
    return {
        "ipv4/ip_forward": "1",
        **{f"{family}/conf/{name}/forwarding": "1" for family in ("ipv4", "ipv6") for name in everywhere},
        # Hosts of a subnet that a router is the gateway of shall not be told of shorter ways around it.
        **{f"ipv4/conf/{name}/send_redirects": "0" for name in everywhere},
        # The kernel's own doing when it is to forward.
        "ipv4/conf/all/accept_redirects": "0",
        # Each device answers for and speaks of its own addresses only.
        "ipv4/conf/all/arp_ignore": "1",
        "ipv4/conf/all/arp_announce": "2",
        # The fabric gives every address once: none needs to be tried out before it is used.
        "ipv6/conf/default/accept_dad": "0",
    }


def test_sysctls(host: Node) -> None:
    """All that are not as in a new namespace."""
    assert changed_sysctls(host.namespace("router-ns")) == {
        **forwarding("qr-web", "qr-db", "rfp-blue"),
        # The two directions of a connection may come by different hosts, so that windows are not seen whole.
        "netfilter/nf_conntrack_tcp_be_liberal": "1",
    }
    assert changed_sysctls(host.namespace("fip-ns")) == {
        **forwarding("fg-ext", "fpr-blue", "fpr-green"),
        # Floating IPs are answered for, and at once: by default after up to 0.8 s.
        "ipv6/conf/fg-ext/proxy_ndp": "1",
        "ipv4/neigh/fg-ext/proxy_delay": "2",
        "ipv6/neigh/fg-ext/proxy_delay": "2",
    }


def test_flows(host: Node) -> None:
    found = flows_of(host)
    if os.environ.get("HOSTNET_WRITE_GOLDEN"):
        FLOWS.write_text("".join(f"{flow}\n" for flow in found))
    expected = FLOWS.read_text().splitlines()
    assert [flow for flow in expected if flow not in found] == []
    assert [flow for flow in found if flow not in expected] == []
    assert found == expected
