# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host forwards for its bridges, and with which address.

isolated: nothing. nat: what instances start, by the uplink and with its address. route: both ways, as it is.
Frames that stay on a bridge are no concern of this, nor is a bridge that has taken over its uplink.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import Bridge

Entry = dict[str, Any]

_REFUSED = "counter reject with icmpx admin-prohibited"
_FORWARD_RULES = (
    # Bridged traffic passes here too where br_netfilter is loaded.
    "iifname . oifname @same_bridge accept",
    f"iifname @isolated {_REFUSED}",
    f"oifname @isolated {_REFUSED}",
    "ct state established,related accept",
    "iifname . oifname @ways accept",
    "iifname @open oifname != @bridges accept",
    "iifname != @bridges oifname @open accept",
    "iifname @bridges oifname @routed accept",
    f"iifname @bridges {_REFUSED}",
    f"oifname @bridges {_REFUSED}",
)
_NAT_RULES = ("iifname . oifname @masqueraded masquerade",)
_PAIR = "ifname . ifname"


def forwarding(bridges: Sequence[Bridge]) -> list[Entry]:
    """The table that says what passes between these bridges and the rest of the world."""
    own = [bridge for bridge in bridges if not bridge.takes_uplink]
    if not own:
        return []
    return [
        {
            "family": "inet",
            "name": "forward",
            "sets": _sets(own),
            "chains": [
                {
                    "name": "forward",
                    "type": "filter",
                    "hook": "forward",
                    "priority": 0,
                    "policy": "accept",
                    "rules": list(_FORWARD_RULES),
                },
                {
                    "name": "postrouting",
                    "type": "nat",
                    "hook": "postrouting",
                    "priority": 100,
                    "policy": "accept",
                    "rules": list(_NAT_RULES),
                },
            ],
            "because": "fabric_bridges",
        }
    ]


def _sets(bridges: Sequence[Bridge]) -> list[Entry]:
    nat = [bridge for bridge in bridges if bridge.forward == "nat"]
    routed = [bridge for bridge in bridges if bridge.forward == "route"]
    bound = [bridge for bridge in routed if bridge.uplink is not None]
    outward = [(bridge.device, str(bridge.uplink)) for bridge in (*nat, *bound)]
    inward = [(str(bridge.uplink), bridge.device) for bridge in bound]
    return [
        _devices("bridges", bridges),
        _devices("isolated", [bridge for bridge in bridges if bridge.forward == "isolated"]),
        _devices("routed", routed),
        _devices("open", [bridge for bridge in routed if bridge.uplink is None]),
        _pairs("same_bridge", [(bridge.device, bridge.device) for bridge in bridges]),
        _pairs("ways", outward + inward),
        _pairs("masqueraded", [(bridge.device, str(bridge.uplink)) for bridge in nat]),
    ]


def _devices(name: str, bridges: Sequence[Bridge]) -> Entry:
    return {"name": name, "type": "ifname", "elements": sorted(f'"{bridge.device}"' for bridge in bridges)}


def _pairs(name: str, pairs: Sequence[tuple[str, str]]) -> Entry:
    return {"name": name, "type": _PAIR, "elements": sorted(f'"{one}" . "{other}"' for one, other in pairs)}


def sysctls(bridges: Sequence[Bridge]) -> list[Entry]:
    """Forwarding where a bridge needs it, and no IPv6 on bridges that have none."""
    forwarded = [bridge for bridge in bridges if bridge.forward in ("nat", "route")]
    found: dict[str, Entry] = {}

    def declare(name: str, value: int, bridge: Bridge, key: str = "") -> None:
        found.setdefault(name, {"name": name, "value": value, "because": bridge.path + key})

    for bridge in forwarded:
        if 4 in bridge.families:
            declare("net.ipv4.ip_forward", 1, bridge, ".forward")
        if 6 in bridge.families:
            declare("net.ipv6.conf.all.forwarding", 1, bridge, ".forward")
            if bridge.uplink is not None:
                # A host that forwards would otherwise stop listening to the routers of its uplink.
                declare(per_device(bridge.uplink, "accept_ra"), 2, bridge, ".uplink")
    for bridge in bridges:
        if bridge.takes_uplink:
            continue
        if 6 in bridge.families:
            # An instance must not tell the host its routes.
            declare(per_device(bridge.device, "accept_ra"), 0, bridge)
        else:
            declare(per_device(bridge.device, "disable_ipv6"), 1, bridge)
    return list(found.values())


def per_device(device: str, name: str) -> str:
    """An IPv6 sysctl of a device, with slashes because a device name may have dots."""
    return f"net/ipv6/conf/{device}/{name}"
