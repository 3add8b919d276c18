# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host of the shipped inventory of distributed routing, alone, with what others have on it.

The compute host is the one with a rate limit and an address of its own in the external network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from dvr_shipped import HOSTS, OWN_ADDRESS, Document
from harness import Machine, OpenVSwitch, tool, wait_for
from states import switched_state

COMPUTE, SNAT_HOST = "compute-02", "network-01"
_ON_THE_CARD = (f"addr add {OWN_ADDRESS}/24 dev {{}}", "route add default via 192.168.100.1 dev {} proto static")
_CARD_MAC = "02:00:00:00:07:07"
_BRIDGE = "br-int"
_REGISTER = re.compile(r"(?<=reg0=)0x[0-9a-f]+|(?<=set_field:)0x[0-9a-f]+(?=->reg0)")
_LINES = (
    "link add name eth0 address 02:00:00:00:07:01 type veth peer name wire0 address 02:00:00:00:07:02",
    f"link add name enp7s0 address {_CARD_MAC} type veth peer name wire7 address 02:00:00:00:07:08",
    *(f"link set dev {name} up" for name in ("eth0", "wire0", "enp7s0", "wire7")),
    "route add 10.77.0.0/16 dev eth0 table 77",
    "rule add priority 77 from 10.77.0.0/16 lookup 77",
    "neigh add 10.20.0.99 lladdr 02:00:00:00:07:99 dev eth0 nud permanent",
    "netns add theirs",
    "-n theirs addr add 192.168.100.254/24 dev lo",
)
_TABLE = (
    "add table inet theirs; add chain inet theirs c { type filter hook input priority 0; };"
    "add rule inet theirs c accept"
)


def furnish(host: Machine, ovs: OpenVSwitch, name: str, datapath: str) -> None:
    """The links that the host's document asks for, and things of others of every kind."""
    for line in (*_LINES, f"addr add {HOSTS[name]}/24 dev eth0"):
        host.ip(line)
    if name == COMPUTE:
        load_card(host, "enp7s0")
    for namespace in ("", "theirs"):
        tool("nft", _TABLE, namespace=namespace)
    bridge = ("add-br", "theirs", "--", "set", "Bridge", "theirs", f"datapath_type={datapath}")
    ovs.vsctl(*bridge, "other_config:hwaddr=02:00:00:00:07:77", "--", "add-port", "theirs", "wire0")
    management = ovs.directory / "theirs.mgmt"
    wait_for(management.exists, "the bridge of others")
    tool("ovs-ofctl", "-O", "OpenFlow14", "add-flow", f"unix:{management}", "priority=7,in_port=LOCAL,actions=drop")


def load_card(host: Machine, link: str) -> None:
    """What others have put on the card in the external network."""
    for line in _ON_THE_CARD:
        host.ip(line.format(link))


def content(host: Machine, document: Document) -> dict[str, Any]:
    """The state without MACs of chance: those of our links that none is declared for, and of bridges. Registers that
    hold the number of a port show its name, and tables, their sets and chains are in any order."""
    found = switched_state(host, document)
    legs = {uplink["leg"] for uplink in document["uplinks"]}
    chance = {(link.get("namespace", ""), link["name"]) for link in document["links"] if not link.get("mac")}
    chance -= {("", name) for name in (*legs, "enp7s0")}
    chance |= {("", bridge["name"]) for bridge in document["ovs_bridges"]}
    for namespace in ("", *host.named_namespaces()):
        found[namespace or "host"]["nft"] = _in_any_order(found[namespace or "host"]["nft"])
        for link in found[namespace or "host"]["addr show"]:
            if (namespace, link["ifname"]) in chance:
                del link["address"]
    names = _port_names(host)
    return {
        what: _named(there, names) if what == "ovs" or what.endswith(".flows") else there
        for what, there in found.items()
    }


def _in_any_order(ruleset: str) -> list[tuple[str, list[str]]]:
    tables = [table.partition("\n") for table in re.split(r"^}\n", ruleset, flags=re.MULTILINE) if table]
    return sorted((head, sorted(part.strip() for part in body.split("\n\n"))) for head, _end, body in tables)


def _port_names(host: Machine) -> dict[int, str]:
    """The names by number in the bridge whose flows keep such numbers."""
    if _BRIDGE not in host.ovs_bridges():
        return {}
    database = f"--db={host.ovs_database}"
    here = tool("ovs-vsctl", database, "list-ports", _BRIDGE).stdout.split()
    words = ("--format=json", "--columns=name,ofport", "list", "Interface")
    rows = json.loads(tool("ovs-vsctl", database, *words).stdout)["data"]
    return {number: name for name, number in rows if name in here}


def _named(value: Any, names: Mapping[int, str]) -> Any:
    if isinstance(value, list):
        return sorted(_named(item, names) for item in value)
    return _REGISTER.sub(lambda found: f"port({names.get(int(found[0], 16), found[0])})", value)
