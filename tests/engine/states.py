# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is on a host, in a form in which things are alike that were made in another order, or made twice."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from harness import Document, Machine, inside

_NUMBERED = re.compile(r"ifindex|link_index|link_netnsid|id|no|port_id|port_no|handle|designated_\w+|root_port")
_IDENTITY = re.compile(r'\["uuid", "[^"]+"\](, )?')
# The switch makes these devices for itself, with MACs of chance.
_OF_THE_SWITCH = ("ovs-netdev", "ovs-system")


def state(host: Machine, document: Document) -> dict[str, Any]:
    """What there is, without the numbers that things get in the order they are made in; of the sysctls those that are
    declared."""
    found: dict[str, Any] = _without_numbers(host.snapshot(sysctls=False))
    for content in found.values():
        if "nft" in content:
            content["nft"] = re.sub(r" # handle \d+", "", content["nft"])
    found["sysctls"] = {}
    for entry in document["sysctls"]:
        if entry.get("namespace", "") in ("", *host.named_namespaces()):
            with inside(entry.get("namespace", "")):
                path = Path("/proc/sys", entry["name"].replace(".", "/"))
                found["sysctls"][str(entry)] = path.read_text(encoding="ascii") if path.exists() else None
    for path in [path for path in host.run_directory.rglob("*") if path.is_file() and path.name != "lock"]:
        text = path.read_text(encoding="utf-8")
        found[path.name] = json.loads(text) if path.suffix == ".json" else sorted(text.splitlines())
    return found


def switched_state(host: Machine, document: Document) -> dict[str, Any]:
    """The same of a host with Open vSwitch, without the identities that its database makes up."""
    found = state(host, document)
    listed = [sorted(_IDENTITY.sub("", row) for row in rows) for rows in found["ovs"]]
    found["host"]["addr show"] = [link for link in found["host"]["addr show"] if link["ifname"] not in _OF_THE_SWITCH]
    return {**found, "ovs": sorted(listed)}


def _without_numbers(value: Any) -> Any:
    if isinstance(value, list):
        return sorted(map(_without_numbers, value), key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, dict):
        return {key: _without_numbers(item) for key, item in value.items() if not _NUMBERED.fullmatch(key)}
    return value
