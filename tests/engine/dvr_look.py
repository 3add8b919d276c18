# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ports of a host with distributed routers are called, and which way its switch says that a packet takes."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from dvr_fleet import Node
from dvr_shipped import INSTANCES
from harness import own_network, sysctls, tool

_REGISTER = re.compile(r"(?<=reg0=)0x[0-9a-f]+|(?<=set_field:)0x[0-9a-f]+(?=->reg0)")
_BY_DEVICE = re.compile(r"/mtu$|/conf/(?!default/)[^/]+/accept_dad$")
_DEVICE = re.compile(r"/(ipv[46])/(conf|neigh)/([^/]+)/(\w+)$")


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


def flows_of(node: Node) -> list[str]:
    """The flows of br-int as the switch shows them, in the order in which it tries them; ports by name, no cookies."""
    names = dict(re.findall(r"^ *(\d+)\(([^)]+)\)", node.ofctl("dump-ports-desc"), re.MULTILINE))
    shown = re.findall(r"^ cookie=0x[0-9a-f]+, (.+)$", node.ofctl("dump-flows", "--names", "--no-stats"), re.MULTILINE)
    flows = (_REGISTER.sub(lambda found: f"port({names[str(int(found[0], 16))]})", flow) for flow in shown)
    return sorted(flows, key=_turn)


def _turn(flow: str) -> tuple[int, int, str]:
    table, priority = (re.search(rf"\b{word}=(\d+)", flow.partition("actions=")[0]) for word in ("table", "priority"))
    return int(table[1]) if table else 0, -int(priority[1]) if priority else -32768, flow


def read(place: str, *words: str) -> Any:
    """What ``ip`` says as JSON."""
    return json.loads(tool("ip", "-N", "-j", *words, namespace=place).stdout or "[]")


def devices(place: str) -> dict[str, tuple[str, int, set[str]]]:
    """MAC address, MTU and addresses of each device but lo, without the addresses that the kernel makes of the MAC."""
    return {
        link["ifname"]: (
            link["address"],
            link["mtu"],
            {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if not a["local"].startswith("fe80:")},
        )
        for link in read(place, "address", "show")
        if link["ifname"] != "lo"
    }


def routes(place: str) -> set[tuple[str, str, str, str]]:
    """Table, destination, next hop and device of every route, without those that come with addresses."""
    return {
        (str(route.get("table", "254")), route["dst"], route.get("gateway", ""), route["dev"])
        for family in ("-4", "-6")
        for route in read(place, family, "route", "show", "table", "all")
        if route.get("protocol") != "2"
    }


def neighbours(place: str) -> dict[tuple[str, str], str]:
    """The MAC addresses that are known for good."""
    found = read(place, "neighbour", "show", "nud", "permanent")
    return {(entry["dev"], entry["dst"]): entry["lladdr"] for entry in found}


def nft_table(place: str, family: str, name: str) -> list[str]:
    """The lines of a table of ours, without what is counted."""
    listed = tool("nft", "-s", "list", "table", family, f"hostnet.t.{name}", namespace=place).stdout
    on_a_line = re.sub(r"(?<=elements = )\{[^}]*\}", lambda found: " ".join(found[0].split()), listed)
    return [line.strip() for line in on_a_line.splitlines()[1:] if line.strip(" \t}")]


def changed_sysctls(place: str) -> dict[str, str]:
    """Those that are not as in a new namespace; a device's are held against what is usual for devices.

    Left out are its MTU, and whether it tries out addresses: that depends on whether the default was there before it.
    """
    with own_network():
        new = sysctls()
    return {
        path.removeprefix("/proc/sys/net/"): value.strip()
        for path, value in sysctls(place).items()
        if value != new.get(_DEVICE.sub(_usual, path)) and not _BY_DEVICE.search(path)
    }


def _usual(of_device: re.Match[str]) -> str:
    family, kind, device, name = of_device.groups()
    if device not in ("all", "default", "lo"):
        device = "default" if kind == "conf" else "lo"
    return f"/{family}/{kind}/{device}/{name}"
