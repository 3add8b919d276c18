# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way on which two SNAT hosts tell each other their connections, as entries of a host's document.

One tunnel between the two carries it for all routers. In each router's SNAT namespace is a leg whose only neighbour is
the same router's leg on the other host; flows keep every pair to itself. conntrackd runs on it, see role dvr_snat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import HostView, Snat
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import derived_mac, device_name

Entry = dict[str, Any]

INTEGRATION = "br-int"
TUNNEL = "vx-sync"
LEG = "sync"
# Networks have none below 1.
VNI = 0
UDP_PORT = 3780
# Fits wherever IPv6 does; conntrackd fills its packets up to it.
MTU = 1280
SUBNET = "169.254.192.0/30"
ADDRESSES = ("169.254.192.1", "169.254.192.2")


@dataclass(frozen=True)
class Sync:
    """One router's end: the leg ``LEG`` in ``namespace``, whose other end is ``port`` on br-int."""

    router: str
    path: str
    namespace: str
    port: str
    mac: str
    address: str
    peer_mac: str
    peer_address: str


def syncs(view: HostView) -> tuple[Sync, ...]:
    """What this host is to keep in step; the first two SNAT hosts are, further ones start without connections."""
    pair = [host.name for host in view.snat_hosts[:2]]
    if len(pair) < 2 or view.host.name not in pair:
        return ()
    here = pair.index(view.host.name)
    return tuple(_sync(snat, pair, here) for snat in view.snats if snat.sync)


def _sync(snat: Snat, pair: list[str], here: int) -> Sync:
    macs = [derived_mac("sync", snat.router, host) for host in pair]
    return Sync(
        router=snat.router,
        path=f"{snat.path}.conntrack_sync",
        namespace=snat.namespace,
        port=device_name(snat.router, "vsync-"),
        mac=macs[here],
        address=ADDRESSES[here],
        peer_mac=macs[1 - here],
        peer_address=ADDRESSES[1 - here],
    )


def entries(view: HostView) -> dict[str, list[Entry]]:
    """The document's sections, to be merged with the others; empty where nothing is kept in step."""
    ends = syncs(view)
    if not ends:
        return {}
    return {
        "links": [_tunnel(view), *(link for end in ends for link in _links(end))],
        "addresses": [
            {"namespace": end.namespace, "link": LEG, "address": f"{end.address}/30", "because": end.path}
            for end in ends
        ],
        "neighbours": [
            {
                "namespace": end.namespace,
                "link": LEG,
                "address": end.peer_address,
                "mac": end.peer_mac,
                "because": end.path,
            }
            for end in ends
        ],
        "sysctls": [*_no_ipv6("", TUNNEL, _because()), *(sysctl for end in ends for sysctl in _end_sysctls(end))],
        "nft_tables": [_guard(end) for end in ends],
        "ovs_ports": [
            {"name": TUNNEL, "bridge": INTEGRATION, "type": "system", "because": _because()},
            *({"name": end.port, "bridge": INTEGRATION, "type": "system", "because": end.path} for end in ends),
        ],
        "openflow": [_flows(end) for end in ends],
    }


def _because() -> str:
    return "fabric_snat_hosts"


def _tunnel(view: HostView) -> Entry:
    """Between two hosts that are named there is nothing to learn and nothing to flood."""
    other = next(host for host in view.snat_hosts[:2] if host.name != view.host.name)
    return {
        "name": TUNNEL,
        "type": "vxlan",
        "id": VNI,
        "local": str(view.host.tunnel),
        "remote": str(other.tunnel),
        "fdb_learning": False,
        "mtu": MTU,
        "up": True,
        "because": _because(),
    }


def _links(end: Sync) -> Iterator[Entry]:
    yield {
        "name": end.port,
        "type": "veth",
        "peer": {"name": LEG, "namespace": end.namespace},
        "label": f"{end.router} sync",
        "mtu": MTU,
        "up": True,
        "because": end.path,
    }
    yield {
        "namespace": end.namespace,
        "name": LEG,
        "type": "veth",
        "peer": {"name": end.port},
        "label": f"{end.router} sync",
        "mac": end.mac,
        "mtu": MTU,
        "up": True,
        "because": end.path,
    }


def _end_sysctls(end: Sync) -> Iterator[Entry]:
    yield from _no_ipv6("", end.port, end.path)
    yield from _no_ipv6(end.namespace, LEG, end.path)


def _no_ipv6(namespace: str, device: str, because: str) -> Iterator[Entry]:
    entry = {"name": f"net/ipv6/conf/{device}/disable_ipv6", "value": 1, "because": because}
    yield {"namespace": namespace, **entry} if namespace else entry


def _guard(end: Sync) -> Entry:
    """Who could reach conntrackd through the router could write connections into it."""
    return {
        "namespace": end.namespace,
        "family": "inet",
        "name": "sync",
        "because": end.path,
        "chains": [
            {
                "name": "prerouting",
                "type": "filter",
                "hook": "prerouting",
                "priority": "raw",
                "rules": [
                    f"iifname {LEG} ip saddr {end.peer_address} ip daddr {end.address} udp dport {UDP_PORT} "
                    "notrack accept",
                    f"iifname {LEG} drop",
                    f"ip daddr {SUBNET} drop",
                ],
            },
            {
                "name": "output",
                "type": "filter",
                "hook": "output",
                "priority": "raw",
                "rules": [f"oifname {LEG} notrack"],
            },
        ],
    }


def _flows(end: Sync) -> Entry:
    """Each leg is heard by the same router's on the other host alone."""
    return {
        "bridge": INTEGRATION,
        "name": f"sync {end.router}",
        "because": end.path,
        "flows": [
            f"table=0,priority=100,in_port={end.port},dl_src={end.mac},dl_dst={end.peer_mac},actions=output:{TUNNEL}",
            f"table=0,priority=100,in_port={TUNNEL},dl_src={end.peer_mac},dl_dst={end.mac},actions=output:{end.port}",
        ],
    }
