# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The compute host of the drawing, as the shipped inventory makes it: what is there, and that nothing else is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dvr_fleet import Node, fleet
from dvr_look import port_called
from dvr_shipped import DATAPATHS, INVENTORY, document
from harness import tool

HOST = "compute-01"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "dvr.md"
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
