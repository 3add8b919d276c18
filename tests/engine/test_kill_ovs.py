# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed while Open vSwitch makes ports, meters and flows and ``ip`` moves ports into namespaces."""

from __future__ import annotations

from typing import Any

from harness import Machine, OpenVSwitch, unlike
from kills import kill, lasts, start
from states import switched_state

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


def test_a_killed_run_with_open_vswitch_is_finished_by_the_next(host: Machine, ovs: OpenVSwitch, datapath: str) -> None:
    document = _document(datapath)
    clean = switched_state(host, document)
    lasted = lasts(host, document)
    undisturbed = switched_state(host, document)
    host.run({})
    assert list(unlike(clean, switched_state(host, document))) == []
    for turn in range(KILLS):
        kill(start(host, document), lasted * turn / KILLS, group=bool(turn % 2))
        host.run(document)
        ovs.wait_until_done()
        assert list(unlike(undisturbed, switched_state(host, document))) == [], f"{turn} of {KILLS}"
        host.run({})
        assert list(unlike(clean, switched_state(host, document))) == [], f"after teardown, {turn} of {KILLS}"
