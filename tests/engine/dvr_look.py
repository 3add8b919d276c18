# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ports of a host with distributed routers are called, and which way its switch says that a packet takes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from dvr_fleet import Node
from dvr_shipped import INSTANCES
from harness import tool


def details(node: Node, device: str, namespace: str = "") -> str:
    place = node.namespace(namespace) if namespace else node.home
    return tool("ip", "-d", "link", "show", "dev", device, namespace=place).stdout


def mac_of(node: Node, device: str, namespace: str = "") -> str:
    found = re.search(r"link/ether (\S+)", details(node, device, namespace))
    assert found is not None
    return found[1]


def mac_of_instance(nodes: dict[str, Node], name: str) -> str:
    return mac_of(nodes[INSTANCES[name][0]], "eth0", name)


@dataclass(frozen=True)
class Trace:
    """The tables of br-int that a frame comes through, and what the datapath does with it: once for each time that it
    comes back from connection tracking."""

    tables: list[int]
    passes: list[str]
    ports: list[str]


def trace(node: Node, flow: str, *states: str) -> Trace:
    """states: what connection tracking says of it, each time it is asked; a connection is new unless it says else."""
    options = [word for state in states for word in ("--ct-next", state)]
    text = node.appctl("ofproto/trace", "br-int", flow, *options)
    # What another bridge does with it begins with that one's name.
    own = [part for part in re.split(r'^\s*bridge\("', text, flags=re.MULTILINE) if part.startswith("br-int")]
    passes = re.findall(r"Datapath actions: (.*)", text)
    names = {number: name for name, number in port_numbers(node).items()}
    words = [word for actions in passes for word in re.split(r",(?![^(]*\))", actions)]
    return Trace(
        tables=[int(table) for part in own for table in re.findall(r"^\s*(\d+)\. ", part, re.MULTILINE)],
        passes=passes,
        ports=[names[word] for word in words if word.isdigit()],
    )


def port_numbers(node: Node) -> dict[str, str]:
    """The datapath's number of each port."""
    return dict(re.findall(r"^\s+(\S+) \d+/(\d+):", node.appctl("dpif/show"), re.MULTILINE))


def port_called(node: Node, label: str) -> str:
    """The device with this label; its name may be a shortened one."""
    links = json.loads(tool("ip", "-j", "link", "show", namespace=node.home).stdout)
    (name,) = (link["ifname"] for link in links if link.get("ifalias") == f"hostnet:t {label}")
    return str(name)
