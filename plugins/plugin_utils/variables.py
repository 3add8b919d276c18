# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables that intent is written in, of all roles: a host may have several, and each takes its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import suggestion

PREFIX = "fabric_"
BRIDGE = ("fabric_bridges", "fabric_instances")
DVR = (
    "fabric_hosts",
    "fabric_datapath",
    "fabric_snat_hosts",
    "fabric_underlay_mtu",
    "fabric_link_local_pool",
    "fabric_providers",
    "fabric_external_networks",
    "fabric_networks",
    "fabric_routers",
    "fabric_security_groups",
    "fabric_instances",
)
NF = (
    "fabric_vlans",
    "fabric_nf_uplink",
    "fabric_nf_backend",
    "fabric_datapath",
    "fabric_nf_hosts",
    "fabric_user_planes",
    "fabric_control_planes",
    "fabric_gateways",
    "fabric_next_hops",
    "fabric_pools",
    "fabric_bfd",
    "fabric_bgp",
    "fabric_drained",
)
KNOWN = frozenset((*BRIDGE, *DVR, *NF))


def faults(names: Iterable[str]) -> Iterator[str]:
    """What begins like a variable of the intent and is none would be passed over without a word."""
    for name in sorted(names):
        if name.startswith(PREFIX) and name not in KNOWN:
            yield f"{name}: is not known; {suggestion(name, KNOWN)}"
