# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's network is, read with the ordinary tools and printed as JSON; runs on the host, from its input.

Left out is what changes by itself: counters, timers, numbers given in order of creation, learned neighbours.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

COMMANDS = {
    "links": "ip -j -d link show",
    "addresses": "ip -j address show",
    "routes": "ip -j route show table all",
    "routes, IPv6": "ip -j -6 route show table all",
    "rules": "ip -j rule show",
    "rules, IPv6": "ip -j -6 rule show",
    "neighbours": "ip -j neighbour show nud permanent",
    "neighbours answered for": "ip -j neighbour show proxy",
    "bridge VLANs": "bridge -j vlan show",
    "nftables": "nft -j list ruleset",
}
OVS_COLUMNS = {
    "Bridge": "name,fail_mode,datapath_type,external_ids,other_config",
    "Port": "name,tag,trunks,external_ids,other_config",
    "Interface": "name,type,options,external_ids,other_config",
}
VOLATILE = {
    *("ifindex", "link_index", "link_netnsid", "stats", "stats64", "handle", "metainfo"),
    *("hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "forward_delay_timer", "message_age_timer"),
    *("valid_life_time", "preferred_life_time", "expires", "tentative", "cacheinfo", "used"),
    *("bytes", "packets"),
}
# Modules that were loaded meanwhile bring these, and an object's absence is seen elsewhere.
UNCOMPARED_SYSCTLS = re.compile(r"^net\.(netfilter|bridge|mptcp|vrf)\.|^net\.nf_conntrack_max|stable_secret$")


def steady(value: Any) -> Any:
    """The value without what is volatile, lists in an order that does not depend on history."""
    if isinstance(value, dict):
        return {key: steady(item) for key, item in value.items() if key not in VOLATILE}
    if isinstance(value, list):
        return sorted((steady(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


def output(command: list[str]) -> str:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout


def sysctls(prefix: list[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for line in output([*prefix, "sysctl", "--all", "--pattern", "^net"]).splitlines():
        name, _equals, value = line.partition(" =")
        if not UNCOMPARED_SYSCTLS.search(name):
            values[name] = f"{values[name]}\n{value}" if name in values else value
    return values


def settle(prefix: list[str]) -> None:
    """Wait for the addresses that the kernel still tries: each brings a route of its own when it is found unique."""
    deadline = time.monotonic() + 10
    while output([*prefix, "ip", "-6", "address", "show", "tentative"]) and time.monotonic() < deadline:
        time.sleep(0.1)


def network(prefix: list[str]) -> dict[str, Any]:
    settle(prefix)
    found: dict[str, Any] = {}
    for title, command in COMMANDS.items():
        found[title] = steady(json.loads(output([*prefix, *command.split()]) or "[]"))
    # The kernel adds this rule with a namespace's first VRF and never again: to remove it would break any later VRF.
    for title in ("rules", "rules, IPv6"):
        found[title] = [rule for rule in found[title] if "l3mdev" not in rule]
    return {**found, "sysctls": sysctls(prefix)}


def open_vswitch() -> Any:
    """Every bridge, port, interface, flow and meter, where an Open vSwitch runs."""
    if not Path("/run/openvswitch/db.sock").exists():
        return None
    found: dict[str, Any] = {
        table: sorted(json.loads(output(["ovs-vsctl", "-f", "json", f"--columns={columns}", "list", table]))["data"])
        for table, columns in OVS_COLUMNS.items()
    }
    for bridge in output(["ovs-vsctl", "list-br"]).split():
        for what in (["--no-stats", "dump-flows"], ["dump-meters"]):
            lines = output(["ovs-ofctl", "-O", "OpenFlow14", *what, bridge]).splitlines()
            found[f"{what[-1]} {bridge}"] = sorted(line.strip() for line in lines if "OFPST" not in line)
    return found


def main() -> None:
    names = sorted(path.name for path in Path("/run/netns").glob("*"))
    snapshot = {"namespaces": names, "host": network([]), "Open vSwitch": open_vswitch()}
    for name in names:
        snapshot[f"namespace {name}"] = network(["ip", "netns", "exec", name])
    print(json.dumps(snapshot, indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
