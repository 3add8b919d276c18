# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a gateway routes, counts and refuses; and what keeps a host out of the VLANs in which it is a switch only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import Entry, Sections, declared
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    FAMILIES,
    Gateway,
    HostView,
    Pool,
    PoolRange,
    Vlan,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import prefix_at, rest
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import Switch

# What covering prefixes have that is in no pool.
REST = "rest"
_WORDS = {4: "ip", 6: "ip6"}
_TYPES = {4: "ipv4_addr", 6: "ipv6_addr"}
_SYSCTLS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    # Flows of one subscriber go different ways, and each of them always the same.
    "net.ipv4.fib_multipath_hash_policy": 1,
    "net.ipv6.fib_multipath_hash_policy": 1,
    # User planes reach each other's pools by the gateway, and shall go on asking it.
    "net.ipv4.conf.all.send_redirects": 0,
}


def routing(view: HostView, switch: Switch) -> Sections:
    """The gateway's leg in its VLAN. Its routes are BIRD's."""
    if view.gateway is None or view.gateways is None:
        return {}
    vlan = view.gateways.vlan
    device = switch.routed_device(vlan)
    found = switch.routed(vlan)
    sysctls = [{"name": name, "value": value, "because": view.gateways.path} for name, value in _SYSCTLS.items()]
    per_device = {
        f"net/ipv4/conf/{device}/send_redirects": 0,
        # A user plane must not tell the gateway its routes.
        f"net/ipv6/conf/{device}/accept_ra": 0,
    }
    sysctls += [{"name": name, "value": value, "because": view.gateways.path} for name, value in per_device.items()]
    return {
        **found,
        "addresses": list(_addresses(view.gateway, vlan, device)),
        "sysctls": [*found.get("sysctls", []), *sysctls],
        "nft_tables": [_pools(view.ranges, device)] if view.ranges else [],
    }


def _addresses(gateway: Gateway, vlan: Vlan, device: str) -> Iterator[Entry]:
    for ip in gateway.addresses:
        subnet = addresses.holding(ip, vlan.subnets)
        if subnet is not None:
            entry = {
                "link": device,
                "address": f"{ip}/{subnet.prefixlen}",
                "nodad": True if ip.version == 6 else None,
                "because": f"{gateway.host.path}.addresses",
            }
            yield declared(entry)


def _pools(ranges: tuple[PoolRange, ...], device: str) -> Entry:
    """Counts what goes to each pool, and to the rest of covering prefixes, and comes from there; and sends nothing back
    to where it came from.

    When no user plane lives, the routes of the pools are gone, and a default route would lead to who sent the packet.
    """
    names = {pool: str(pool) for found in ranges for pool in (prefix_at(found, one) for one in range(found.count))}
    names.update((prefix, REST) for found in ranges for prefix in rest(found))
    families = [family for family in FAMILIES if any(prefix.version == family for prefix in names)]
    counted = [
        f"{_WORDS[family]} {end} vmap @{way}{family}"
        for family in families
        for way, end in (("to", "daddr"), ("from", "saddr"))
    ]
    refused = [
        f'oifname != "{device}" {_WORDS[family]} daddr @pools{family} counter reject with icmpx no-route'
        for family in families
    ]
    covers = [
        {
            "name": f"pools{family}",
            "type": _TYPES[family],
            "flags": ["interval"],
            "elements": [str(found.prefix) for found in ranges if found.family == family],
        }
        for family in families
    ]
    maps = [
        {
            "name": f"{way}{family}",
            "type": f"{_TYPES[family]} : verdict",
            "flags": ["interval"],
            "elements": [
                f"{prefix} : jump {counter(way, name)}" for prefix, name in names.items() if prefix.version == family
            ],
        }
        for family in families
        for way in ("to", "from")
    ]
    chains = [counter(way, name) for name in dict.fromkeys(names.values()) for way in ("to", "from")]
    counters = [{"name": chain, "rules": ["counter"]} for chain in chains]
    return {
        "family": "inet",
        "name": "pools",
        "sets": covers + maps,
        "chains": [*counters, _chain("count", "forward", -150, counted), _chain("forward", "forward", 0, refused)],
        "because": "fabric_pools",
    }


def counter(way: str, pool: str) -> str:
    """The chain that counts a pool's packets, or those of the rest. nft takes no colon in a name."""
    return f"{way}-{pool}".replace(":", "_")


def counted(pools: Iterable[Pool], counters: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What those chains have counted, by pool; ``counters`` is what the module host_network_info gives."""
    chains = {one["chain"]: one for one in counters if one["table"] == "pools"}
    found = {chain: {key: one[key] for key in ("packets", "bytes")} for chain, one in chains.items()}
    return [
        {
            "prefix": str(pool.prefix),
            "user_plane": pool.user_plane,
            **{way: found[counter(way, str(pool.prefix))] for way in ("to", "from")},
        }
        for pool in pools
        if counter("to", str(pool.prefix)) in found
    ]


def no_layer_3(view: HostView, switch: Switch) -> Sections:
    """A VLAN that the host only switches: no address, no answer, and nothing routed from it or to it."""
    routed = view.gateways.vlan if view.gateway is not None and view.gateways is not None else None
    devices = switch.unrouted(routed)
    if not devices:
        return {}
    because = "fabric_vlans"
    names = sorted(f'"{device}"' for device in devices)
    same = "iifname . oifname @same accept"
    table = {
        "family": "inet",
        "name": "switched",
        "sets": [
            {"name": "switched", "type": "ifname", "elements": names},
            {"name": "same", "type": "ifname . ifname", "elements": [f"{name} . {name}" for name in names]},
        ],
        "chains": [
            _chain("input", "input", 0, ["iifname @switched counter drop"]),
            # Bridged traffic passes here too where br_netfilter is loaded.
            _chain("forward", "forward", 0, [same, "iifname @switched counter drop", "oifname @switched counter drop"]),
            _chain("output", "output", 0, ["oifname @switched counter drop"]),
        ],
        "because": because,
    }
    sysctls = [
        {"name": name, "value": value, "because": because}
        for device in devices
        for name, value in ((f"net/ipv6/conf/{device}/disable_ipv6", 1), (f"net/ipv4/conf/{device}/arp_ignore", 8))
    ]
    return {"sysctls": sysctls, "nft_tables": [table]}


def _chain(name: str, hook: str, priority: int, rules: list[str]) -> Entry:
    base = {"name": name, "type": "filter", "hook": hook, "priority": priority, "policy": "accept"}
    return {**base, "rules": rules}
