# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The central part of a router, for instances without a floating IP: one namespace, the same on every SNAT host.

Which host's is alive is decided by the gate of br-int: nothing here differs between an active and a waiting one.
"""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import (
    FORWARDING,
    Entry,
    Sections,
    sysctls,
    usable_at_once,
    veth,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import CentralLeg, Snat

_SYSCTLS = {
    **FORWARDING,
    # Only IPv4 is translated; the other SNAT hosts have devices with the same addresses.
    "net.ipv6.conf.all.disable_ipv6": 1,
    "net.ipv6.conf.default.disable_ipv6": 1,
    "net.netfilter.nf_conntrack_tcp_be_liberal": 1,
    # A connection that loses its floating IP must not go on from here in the middle, under another address.
    "net.netfilter.nf_conntrack_tcp_loose": 0,
}


def snat(own: Snat) -> Sections:
    legs = (*own.inside, own.outside)
    return {
        "namespaces": [{"name": own.namespace, "because": own.path}],
        "links": [entry for leg in legs for entry in _links(own, leg)],
        "addresses": [
            usable_at_once(own.namespace, leg.device, interface, leg.path)
            for leg in legs
            for interface in leg.interfaces
        ],
        "routes": [
            *(
                {"namespace": own.namespace, "destination": str(r.to), "via": str(r.via), "because": r.path}
                for r in own.routes
                if r.to.version == 4
            ),
            {
                "namespace": own.namespace,
                "destination": "0.0.0.0/0",
                "via": str(own.gateway),
                "dev": own.outside.device,
                "because": own.path,
            },
        ],
        "sysctls": sysctls(own.namespace, _SYSCTLS, own.path),
        "nft_tables": [_nat(own)],
    }


def _links(own: Snat, leg: CentralLeg) -> list[Entry]:
    common = {"label": f"snat {own.router} {leg.network.name}", "mtu": leg.network.mtu, "because": leg.path}
    return veth(
        {"namespace": own.namespace, "name": leg.device, "mac": leg.mac, **common}, {"name": leg.port, **common}
    )


def _nat(own: Snat) -> Entry:
    outside = own.outside.device
    forward = [
        "ct state established,related accept",
        "ct state invalid counter drop",
        f'iifname "{outside}" counter drop',
    ]
    chains = [
        {
            "name": "postrouting",
            "type": "nat",
            "hook": "postrouting",
            "priority": 100,
            "rules": [f'oifname "{outside}" snat to {own.address}'],
        },
        {"name": "forward", "type": "filter", "hook": "forward", "priority": 0, "rules": forward},
    ]
    return {"namespace": own.namespace, "family": "ip", "name": "snat", "chains": chains, "because": own.path}
