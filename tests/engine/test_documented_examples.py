# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of docs/document.md: applied, found settled, read back as a document, and taken away again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.present import headline, lines

yaml = pytest.importorskip("yaml")

CONTAINERS = """
scope: web
namespaces:
  - {name: c1, because: containers.c1}
  - {name: c2, because: containers.c2}
links:
  - {name: br0, type: bridge, mtu: 1500, up: true, because: bridges.br0}
  - {name: veth-c1, type: veth, peer: {namespace: c1, name: eth0}, master: br0, up: true, because: containers.c1}
  - {name: vx-lab, type: vxlan, id: 100, remote: 192.0.2.20, master: br0, up: true, because: overlays.lab}
  - {name: veth-c2, type: veth, peer: {namespace: c2, name: eth0}, master: br0, up: true, because: containers.c2}
sysctls:
  - {name: net.ipv4.ip_forward, value: 1, because: bridges.br0.forward}
"""

REFERENCE = Path(__file__).resolve().parents[2] / "docs/document.md"
LACKING = {"vlan_filtering": "bridge_vlan", "vlan": "vlan", "vrf": "vrf", "dummy": "dummy", "vxlan": "vxlan"}


def _examples() -> Iterator[Any]:
    for text in re.findall(r"^```yaml\n(scope: .*?)^```", REFERENCE.read_text(encoding="utf-8"), re.M | re.S):
        document = yaml.safe_load(text)
        yield pytest.param(
            document, id=" ".join(document)[len("scope ") :], marks=pytest.mark.needs(*sorted(_needs(document)))
        )


def _needs(document: dict[str, Any]) -> set[str]:
    links = document.get("links", ())
    words = {link["type"] for link in links} | {field for link in links for field in link}
    return {feature for word, feature in LACKING.items() if word in words}


@pytest.fixture
def uplinks(host: Machine) -> None:
    """The physical devices that the examples speak of."""
    for number in (0, 1):
        host.ip(f"link add eth{number} type veth peer name cable{number}")
        host.ip(f"link set eth{number} up")
        host.ip(f"link set cable{number} up")
    host.ip("addr add 192.0.2.10/24 dev eth0")
    host.ip("route add default via 192.0.2.1")


@pytest.mark.parametrize("document", list(_examples()))
@pytest.mark.usefixtures("uplinks")
def test_an_example_can_be_applied_read_back_and_taken_away(
    document: dict[str, Any], host: Machine, request: pytest.FixtureRequest
) -> None:
    if "ovs_bridges" in document:
        request.getfixturevalue("ovs")
    before = host.snapshot()
    assert host.apply(document).plan.changes

    reader = Host(ovs_database=host.ovs_database, run_directory=str(host.run_directory))
    host.hosts.append(reader)
    read = gather(reader, document["scope"])
    assert lines(host.run(read).plan) == []

    host.run(document, absent=True)
    assert host.ledgers() == []
    # Open vSwitch takes its own devices away a moment after its database is changed.
    wait_for(lambda: host.snapshot() == before or "ovs_bridges" not in document, "Open vSwitch to settle")
    host.assert_as(before)


def test_the_plan_shown_is_that_of_such_a_document(host: Machine) -> None:
    document = yaml.safe_load(CONTAINERS)
    host.apply(document)
    document["links"][0]["mtu"] = 1400
    document["links"][2]["id"] = 101
    for section in ("namespaces", "links", "sysctls"):
        document[section].pop()
    found = host.check(document)
    shown = re.findall(r"^```text\n(.*?)^```", REFERENCE.read_text(encoding="utf-8"), re.M | re.S)
    assert "\n".join([headline(found.plan), *lines(found.plan), ""]) in shown
    assert "\n".join([*found.commands, ""]) in shown
