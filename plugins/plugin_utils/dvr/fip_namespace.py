# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host does for an external network: it answers there for the floating IPs of its instances.

One namespace per external network, shared by all routers. All it knows is where each address is: the routers translate.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import (
    FORWARDING,
    Entry,
    Sections,
    sysctls,
    usable_at_once,
    veth,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.link_local import link_local
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import External, FloatingIp, Router


def external(own: External, routers: tuple[Router, ...]) -> Sections:
    behind = [(router, pair) for router in routers for pair in router.pairs if pair.external == own.name]
    floating = [(pair, known) for router, pair in behind for known in router.floating_ips if known.external == own.name]
    routed = [(pair, *known) for router, pair in behind if pair is router.pairs[0] for known in router.routed]
    return {
        "namespaces": [{"name": own.namespace, "because": own.path}],
        "links": _links(own),
        "addresses": [usable_at_once(own.namespace, own.device, interface, own.path) for interface in own.interfaces],
        "routes": [
            *_ways_out(own),
            *(
                _way_in(own, f"{known.address}/32", str(pair.rfp_address), pair.fpr, known.path)
                for pair, known in floating
            ),
            *(_way_in(own, f"{known}/128", link_local(pair.rfp_mac), pair.fpr, path) for pair, known, path in routed),
        ],
        "neighbours": [
            *(_answered(own, str(known.address), known.path) for _pair, known in floating),
            *(_answered(own, str(known), path) for _pair, known, path in routed),
        ],
        "sysctls": sysctls(own.namespace, _sysctls(own), own.path),
        "nft_tables": [_guard(own, [known for _pair, known in floating])],
    }


def _links(own: External) -> list[Entry]:
    common = {"label": own.name, "mtu": own.network.mtu, "because": own.path}
    return veth(
        {"namespace": own.namespace, "name": own.device, "mac": own.mac, **common}, {"name": own.port, **common}
    )


def _sysctls(own: External) -> dict[str, int]:
    return {
        **FORWARDING,
        # In hundredths of a second: the kernel would wait up to 0.8 s before it answers for another's address.
        # It counts in ticks of its own, and with 250 of them a second would show a 1 as 0.
        f"net/ipv4/neigh/{own.device}/proxy_delay": 2,
        f"net/ipv6/neigh/{own.device}/proxy_delay": 2,
        f"net/ipv6/conf/{own.device}/proxy_ndp": 1,
    }


def _ways_out(own: External) -> Iterator[Entry]:
    """A default route per family. A subnet in which this host has no address of its own is on the link all the same."""
    here = [interface.split("/")[0] for interface in own.interfaces]
    gateways: dict[int, str] = {}
    for subnet in own.network.subnets:
        if not any(own_address in subnet.network for own_address in here):
            yield {
                "namespace": own.namespace,
                "destination": str(subnet.network),
                "dev": own.device,
                "because": own.network.path,
            }
        if subnet.gateway is not None:
            gateways.setdefault(subnet.family, str(subnet.gateway))
    for family, gateway in sorted(gateways.items()):
        yield {
            "namespace": own.namespace,
            "destination": addresses.everywhere(family),
            "via": gateway,
            "dev": own.device,
            "because": own.network.path,
        }


def _way_in(own: External, destination: str, via: str, device: str, because: str) -> Entry:
    return {"namespace": own.namespace, "destination": destination, "via": via, "dev": device, "because": because}


def _answered(own: External, known: str, because: str) -> Entry:
    return {
        "namespace": own.namespace,
        "link": own.device,
        "address": known,
        "proxy": True,
        "announce": True,
        "because": because,
    }


def _guard(own: External, floating_ips: list[FloatingIp]) -> Entry:
    """No tracking, no way through from the external network back to it, and the limits of floating IPs."""
    into, into_chains = _limits("in", [(f, f.limit.inbound) for f in floating_ips if f.limit is not None])
    out_of, out_of_chains = _limits("out", [(f, f.limit.outbound) for f in floating_ips if f.limit is not None])
    forward = [f'iifname "{own.device}" oifname "{own.device}" counter drop']
    forward += ["ip daddr vmap @limited_in", "ip saddr vmap @limited_out"]
    return {
        "namespace": own.namespace,
        "family": "inet",
        "name": "external",
        "sets": [into, out_of],
        "chains": [
            *into_chains,
            *out_of_chains,
            {"name": "prerouting", "type": "filter", "hook": "prerouting", "priority": -300, "rules": ["notrack"]},
            {"name": "forward", "type": "filter", "hook": "forward", "priority": 0, "rules": forward},
        ],
        "because": own.path,
    }


_LEAST_BURST = 8 * 1500


def _limits(direction: str, rates: list[tuple[FloatingIp, int | None]]) -> tuple[Entry, list[Entry]]:
    elements, chains = [], []
    for floating, rate in rates:
        if rate is None or floating.limit is None:
            continue
        chain = f"{direction}-{floating.address}"
        # The kernel lets through what a second carries at once, and the burst on top of that.
        burst = max((floating.limit.burst or 0) - rate, _LEAST_BURST) // 8
        elements.append(f"{floating.address} : jump {chain}")
        rule = f"limit rate over {rate // 8} bytes/second burst {burst} bytes counter drop"
        chains.append({"name": chain, "rules": [rule]})
    return {"name": f"limited_{direction}", "type": "ipv4_addr : verdict", "elements": elements}, chains
