# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bridge with two taps and flows, and what an independent look shows of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from harness import Machine, tool

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


def flow_document(flows: Sequence[str] = FLOWS, **more: Any) -> dict[str, Any]:
    """A bridge with two taps and a group of flows."""
    return {
        "links": [{"name": name, "type": "tap", "up": True} for name in PORTS],
        "ovs_bridges": [{"name": "br", "datapath_type": "netdev", "fail_mode": "secure"}],
        "ovs_ports": [{"name": name, "bridge": "br"} for name in PORTS],
        "openflow": [{"bridge": "br", "name": "web", "flows": list(flows), "because": "networks.web"}],
        **more,
    }


def group(name: str, *flows: str, bridge: str = "br", **more: Any) -> dict[str, Any]:
    return {"bridge": bridge, "name": name, "flows": list(flows), **more}


def many(count: int = 3000) -> list[str]:
    """Flows of four tables that all let a frame pass to the next, but for those of table 0."""
    return [f"table={n % 4},priority={1 + n // 4},dl_vlan=1,actions=resubmit(,{n % 4 + 1})" for n in range(count)]


def flows_of(host: Machine) -> set[str]:
    """The flows of the bridge, less their cookies."""
    return {re.sub(r"^cookie=0x[0-9a-f]+, ", "", flow) for flow in host.of("br", "flows")}


def numbers(host: Machine) -> dict[str, int]:
    """The OpenFlow numbers of the ports."""
    words = ("--format=csv", "--no-headings", "--columns=name,ofport", "list", "Interface")
    rows = tool("ovs-vsctl", f"--db={host.ovs_database}", *words).stdout.split()
    return {name: int(number) for name, number in (row.split(",") for row in rows)}


def shown_flows(host: Machine) -> set[str]:
    """The flows of ``flow_document`` as the switch shows them."""
    of_ports = numbers(host)
    return {flow.format(**of_ports) for flow in SHOWN}


def add_foreign(host: Machine, flow: str) -> None:
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    tool("ovs-ofctl", "-O", "OpenFlow14", "add-flow", target, flow)


def send_frames(host: Machine, count: int = 3) -> None:
    target = f"{host.ovs_database.rpartition('/')[0]}/br.mgmt"
    for _frame in range(count):
        packet = "ffffffffffff02000000000188b5" + "00" * 46
        tool("ovs-ofctl", "-O", "OpenFlow14", "packet-out", target, f"in_port=1,packet={packet},actions=table")
