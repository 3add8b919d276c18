# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of many objects: instances on bridges, each with a namespace, addresses, routes, a rule and the rest."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]


def containers(count: int) -> Document:
    """A bridge with this many containers, ten objects each, and a filter for them."""
    document: Document = {name: [] for name in ("namespaces", "links", "addresses", "routes", "rules")}
    document.update({name: [] for name in ("neighbours", "sysctls")})
    document["links"].append({"name": "br0", "type": "bridge", "mac": "02:00:00:00:00:01", "mtu": 1400, "up": True})
    document["addresses"].append({"link": "br0", "address": "10.0.0.1/16"})
    for number in range(count):
        _add_container(document, number)
    document["nft_tables"] = [_guard(count)]
    return document


def taps(count: int) -> Document:
    """A bridge with this many taps."""
    links: list[dict[str, Any]] = [{"name": "br0", "type": "bridge", "mac": "02:00:00:00:00:01", "up": True}]
    links += [
        {
            "name": f"tap{n}",
            "type": "tap",
            "mac": f"02:01:00:00:{n >> 8:02x}:{n & 255:02x}",
            "master": "br0",
            "up": True,
        }
        for n in range(count)
    ]
    return {"links": links}


def _add_container(document: Document, number: int) -> None:
    name, port = f"c{number}", f"v{number}"
    tail = f"{number >> 8:02x}:{number & 255:02x}"
    address = f"10.0.{1 + number // 200}.{1 + number % 200}"
    document["namespaces"].append({"name": name})
    document["links"] += [
        {
            "name": port,
            "type": "veth",
            "peer": {"name": "eth0", "namespace": name},
            "mac": f"02:02:00:00:{tail}",
            "master": "br0",
            "isolated": False,
            "up": True,
        },
        {
            "name": "eth0",
            "namespace": name,
            "type": "veth",
            "peer": {"name": port},
            "mac": f"02:03:00:00:{tail}",
            "up": True,
        },
    ]
    document["addresses"] += [
        {"namespace": name, "link": "eth0", "address": f"{address}/16"},
        {"namespace": name, "link": "eth0", "address": f"2001:db8::{number + 2:x}/64", "nodad": True},
    ]
    document["routes"] += [
        {"namespace": name, "destination": "default", "via": "10.0.0.1"},
        {"namespace": name, "destination": "0.0.0.0/0", "via": "10.0.0.1", "table": 100},
    ]
    document["rules"].append(
        {"namespace": name, "priority": 100, "source": f"172.16.0.{number % 250}/32", "table": 100}
    )
    document["neighbours"].append(
        {"namespace": name, "link": "eth0", "address": "10.0.0.1", "mac": "02:00:00:00:00:01"}
    )
    document["sysctls"].append({"namespace": name, "name": "net.ipv4.conf.eth0.arp_ignore", "value": 1})


def _guard(count: int) -> dict[str, Any]:
    return {
        "family": "bridge",
        "name": "guard",
        "sets": [{"name": "ports", "type": "ifname", "elements": [f'"v{number}"' for number in range(count)]}],
        "chains": [
            {
                "name": "ingress",
                "type": "filter",
                "hook": "prerouting",
                "priority": -300,
                "rules": ["iifname != @ports counter accept", "counter accept"],
            }
        ],
    }
