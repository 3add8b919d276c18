# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed while Open vSwitch makes ports, meters and flows and ``ip`` moves ports into namespaces."""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

import pytest
from harness import Machine, unlike
from test_kill import _kill, _start, _state

pytestmark = pytest.mark.usefixtures("ovs")
KILLS, NAMESPACES, PORTS_EACH = 10, 3, 4


def _document(datapath: str) -> dict[str, Any]:
    document: dict[str, Any] = {
        "namespaces": [{"name": f"c{n}"} for n in range(NAMESPACES)],
        "ovs_bridges": [
            {"name": f"ovs{n}", "datapath_type": datapath, "other_config": {"hwaddr": f"02:00:00:00:ff:{n:02x}"}}
            for n in range(2)
        ],
        "ovs_ports": [
            {"name": "to1", "bridge": "ovs0", "type": "patch", "peer": "to0"},
            {"name": "to0", "bridge": "ovs1", "type": "patch", "peer": "to1"},
        ],
        "meters": [{"bridge": "ovs0", "name": f"m{n}", "kbps": 1000 + n} for n in range(NAMESPACES)],
        "openflow": [{"bridge": "ovs1", "name": "patch", "flows": ["priority=9,in_port=to0,actions=LOCAL"]}],
        "links": [],
        "addresses": [],
        "sysctls": [],
    }
    for n in range(NAMESPACES):
        ports = [f"p{n}-{k}" for k in range(PORTS_EACH)]
        flows = [f"priority=9,in_port={name},actions=meter:meter(m{n}),output:to1" for name in ports]
        document["openflow"].append({"bridge": "ovs0", "name": f"c{n}", "flows": flows})
        for k in range(PORTS_EACH):
            name, home = f"p{n}-{k}", {"namespace": f"c{n}"}
            mac = f"02:00:00:00:{n:02x}:{k:02x}"
            document["ovs_ports"].append({"name": name, "bridge": "ovs0", "type": "internal", "tag": n, "mac": mac})
            document["links"].append({**home, "name": name, "type": "ovs", "up": True, "mtu": 1400})
            document["addresses"].append({**home, "link": name, "address": f"10.{n}.{k}.1/24"})
    return document


def _content(host: Machine, document: dict[str, Any]) -> dict[str, Any]:
    """The state, without the identities that the database makes up."""
    found = _state(host, document)
    rows = re.sub(r'\["uuid", "[^"]+"\](, )?', "", json.dumps(found["ovs"]).replace("\\", ""))
    # The switch makes this device for itself, with a MAC of chance.
    found["host"]["addr show"] = [
        link for link in found["host"]["addr show"] if link["ifname"] not in ("ovs-netdev", "ovs-system")
    ]
    return {**found, "ovs": rows}


def test_a_killed_run_with_open_vswitch_is_finished_by_the_next(host: Machine, datapath: str) -> None:
    document = _document(datapath)
    clean = _content(host, document)
    started = time.monotonic()
    os.waitpid(_start(host, document, False), 0)
    lasted = time.monotonic() - started
    undisturbed = _content(host, document)
    host.run({})
    assert list(unlike(clean, _content(host, document))) == []
    for kill in range(KILLS):
        _kill(_start(host, document, False), lasted * kill / KILLS, group=bool(kill % 2))
        host.run(document)
        assert list(unlike(undisturbed, _content(host, document))) == [], f"{kill} of {KILLS}"
        host.run({})
        assert list(unlike(clean, _content(host, document))) == [], f"after teardown, {kill} of {KILLS}"
