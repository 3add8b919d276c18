# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flows of br-int as text, spelled as ``ovs-ofctl -O OpenFlow14 dump-flows`` spells them; docs/dvr.md has the path.

Registers: reg0 is the port that a frame goes to, reg1 its network, reg2 is 1 when it came from another host or a
physical network, reg6 has the number of the port it came from, which is the connection tracking zone of that port.
"""

from __future__ import annotations

CLASSIFY = 0
PORT_SECURITY = 10
FIREWALL_OUT, FIREWALL_OUT_RULES, FIREWALL_OUT_COMMIT = 15, 16, 17
FROM_UPLINK = 20
RESPONDER = 30
FORWARD = 40
FIREWALL_IN, FIREWALL_IN_RULES, FIREWALL_IN_COMMIT = 50, 51, 52
UPLINK, UPLINK_OUTPUT = 60, 61
DELIVER = 70
GATE_FROM, GATE_TO = 80, 81

TABLES = (
    CLASSIFY,
    PORT_SECURITY,
    FIREWALL_OUT,
    FIREWALL_OUT_RULES,
    FIREWALL_OUT_COMMIT,
    FROM_UPLINK,
    RESPONDER,
    FORWARD,
    FIREWALL_IN,
    FIREWALL_IN_RULES,
    FIREWALL_IN_COMMIT,
    UPLINK,
    UPLINK_OUTPUT,
    DELIVER,
    GATE_FROM,
    GATE_TO,
)

UNTAGGED = "vlan_tci=0x0000/0x1fff"
UNICAST = "dl_dst=00:00:00:00:00:00/01:00:00:00:00:00"
MULTICAST = "dl_dst=01:00:00:00:00:00/01:00:00:00:00:00"
DVR_MACS = "dl_src=5a:d0:00:00:00:00/ff:ff:00:00:00:00"
FROM_OUTSIDE = "set_field:0x1->reg2"
OUT_ZONE, IN_ZONE = "NXM_NX_REG6[0..15]", "NXM_NX_REG0[0..15]"


def flow(table: int, priority: int, match: str, actions: str) -> str:
    return f"table={table},priority={priority},{match}{',' if match else ''}actions={actions}"


def goto(table: int) -> str:
    return f"goto_table:{table}"


def in_network(number: int) -> str:
    """The match on a frame's network."""
    return f"reg1={number:#x}"


def set_network(number: int) -> str:
    return f"set_field:{number:#x}->reg1"


def set_output(port: str) -> str:
    return f"set_field:port({port})->reg0"
