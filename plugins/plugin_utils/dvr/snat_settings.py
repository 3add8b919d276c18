# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the programs of a SNAT host have to be told: keepalived, the gate, and conntrackd."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import snat_sync
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.gate import opened
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import CentralLeg, HostView, Snat

Settings = dict[str, Any]

# "gate"
COOKIE = "0x67617465"
# Another than that of the document's own flows, which are there where a host has no other to take turns with.
PRIORITY = 200
HIGHEST_PRIORITY = 254


def settings(view: HostView) -> Settings:
    """For role dvr_snat. ``vrrp`` is None where there is no other host to take turns with."""
    return {
        "vrrp": _vrrp(view) if view.gated else None,
        "gate": {
            "bridge": snat_sync.INTEGRATION,
            "cookie": COOKIE,
            "flows": list(opened(PRIORITY)),
            "announce": [leg for snat in view.snats for leg in _announced(snat)],
        },
        "syncs": [_sync(end) for end in snat_sync.syncs(view)],
    }


def _vrrp(view: HostView) -> Settings:
    names = [host.name for host in view.snat_hosts]
    return {
        "address": str(view.host.tunnel),
        "interface": view.host.tunnel_device,
        "peers": [str(host.tunnel) for host in view.snat_hosts if host.name != view.host.name],
        "priority": HIGHEST_PRIORITY - names.index(view.host.name),
        "track": sorted({p.device for p in view.host.providers if p.device is not None}),
    }


def _announced(snat: Snat) -> list[Settings]:
    legs = [_leg(snat, leg, [interface.split("/")[0] for interface in leg.interfaces]) for leg in snat.inside]
    return [*legs, _leg(snat, snat.outside, [str(snat.address)])]


def _leg(snat: Snat, leg: CentralLeg, addresses: list[str]) -> Settings:
    own = [address for address in addresses if ":" not in address]
    return {"namespace": snat.namespace, "device": leg.device, "mac": leg.mac, "addresses": own}


def _sync(end: snat_sync.Sync) -> Settings:
    return {
        "router": end.router,
        "namespace": end.namespace,
        "device": snat_sync.LEG,
        "address": end.address,
        "peer": end.peer_address,
        "port": snat_sync.UDP_PORT,
        "subnet": snat_sync.SUBNET,
    }
