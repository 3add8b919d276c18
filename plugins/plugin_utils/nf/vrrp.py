# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keepalived of a gateway has to be told: who has the shared addresses."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import FAMILIES, HostView, of_family
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import switch_of

Settings = dict[str, Any]

HIGHEST_PRIORITY = 200
STEP = 10
# With one more, the last one in service would be no better than the first one of those that are drained.
MOST_GATEWAYS = 19


def vrrp(view: HostView) -> Settings | None:
    """For role nf_gateway; None on a host that is no gateway.

    The shared addresses are put on the device without their subnet: nothing that the gateway says begins with them.
    """
    if view.gateway is None or view.gateways is None:
        return None
    order = [gateway.host.name for gateway in view.gateways.hosts]
    place = order.index(view.host.name)
    # One that is drained comes after all others, and before nobody.
    drained = view.host.name in view.drained.gateways
    priority = len(order) - place if drained else HIGHEST_PRIORITY - STEP * place
    return {
        "interface": switch_of(view).routed_device(view.gateways.vlan),
        "router_id": view.gateways.router_id,
        "priority": priority,
        "drained": drained,
        "families": [found for family in FAMILIES if (found := _family(view, family)) is not None],
    }


def _family(view: HostView, family: int) -> Settings | None:
    gateways, gateway = view.gateways, view.gateway
    if gateways is None or gateway is None:
        return None
    shared, own = of_family(gateways.shared, family), gateway.address(family)
    if shared is None or own is None:
        return None
    others = [other.address(family) for other in gateways.hosts if other is not gateway]
    addresses = [f"{shared}/{32 if family == 4 else 128}"]
    if family == 6:
        # VRRP for IPv6 wants a link-local address first.
        addresses.insert(0, f"fe80::5e00:2{gateways.router_id:02x}/128")
    return {
        "family": family,
        "address": str(own),
        "peers": [str(other) for other in others if other is not None],
        "shared": addresses,
    }
