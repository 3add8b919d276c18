# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configurations of BIRD: a gateway's, and those of the NFs of a host whose BIRD is ours."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird_gateway import gateway_lines
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird_parts import (
    GRACEFUL_SHUTDOWN,
    Lines,
    bfd,
    block,
    head,
    session,
    template,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    FAMILIES,
    ControlPlane,
    Function,
    Gateways,
    HostView,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import switch_of
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.symbol import symbol
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import Veth


@dataclass(frozen=True)
class Daemon:
    """A BIRD and all that it reads. ``namespace`` is empty for the host's own."""

    name: str
    namespace: str
    config: str


def daemons(view: HostView) -> list[Daemon]:
    """Those of a host, sorted by name."""
    gateways = view.gateways
    if gateways is None:
        return []
    if view.gateway is not None:
        device = switch_of(view).routed_device(gateways.vlan)
        return [Daemon(view.host.name, "", _text(gateway_lines(view, gateways, view.gateway, device)))]
    return [
        Daemon(one.name, one.port.namespace, _text(_function(one, view, gateways)))
        for one in sorted(view.functions, key=lambda one: one.name)
        if one.runs_bird and isinstance(one.port, Veth)
    ]


def _function(one: Function, view: HostView, gateways: Gateways) -> Lines:
    if isinstance(one, ControlPlane):
        return _control_plane(one, view, gateways)
    return _user_plane(one, view, gateways)


def _user_plane(one: Function, view: HostView, gateways: Gateways) -> Lines:
    """It answers to the gateways, unless it is drained. A passive end has no session before it is told of its
    neighbour."""
    device = one.routed_leg.interface
    neighbours = [
        f'neighbor {other} dev "{device}" local {own};'
        for gateway in sorted(gateways.hosts, key=lambda gateway: gateway.host.name)
        for family in FAMILIES
        if (other := gateway.address(family)) is not None and (own := one.address(family)) is not None
    ]
    guard = bfd(view.bfd, device, ["accept direct;", *neighbours], "passive yes;", one.name in view.drained.functions)
    return [*head(one.name, one.addresses), *guard]


def _control_plane(one: ControlPlane, view: HostView, gateways: Gateways) -> Lines:
    lines = [*head(one.name, one.addresses), *bfd(view.bfd, one.routed_leg.interface), *template(view.bgp)]
    for family in FAMILIES:
        own, routes = one.address(family), _announced(view, family)
        if own is None or not routes:
            continue
        lines += block(f"protocol static pools{family}", [f"ipv{family};", *routes])
        for gateway in sorted(gateways.hosts, key=lambda gateway: gateway.host.name):
            other = gateway.address(family)
            if other is not None:
                channel = ["import none;", *_export(one, view, family)]
                ends = (own, one.asn), (other, gateways.asn)
                lines += session(symbol(gateway.host.name, family), *ends, channel)
    return lines


def _export(one: ControlPlane, view: HostView, family: int) -> Lines:
    """Who is about to leave says so with each route (RFC 8326), and then has none."""
    if one.name in view.leaving:
        said = f"bgp_community.add({GRACEFUL_SHUTDOWN}); accept;"
        return [f'export filter {{ if proto = "pools{family}" then {{ {said} }} reject; }};']
    return ["export none;"] if one.name in view.drained.functions else [f'export where proto = "pools{family}";']


def _announced(view: HostView, family: int) -> Lines:
    """Covering prefixes with their virtual next hop, and pools with their user planes'."""
    routes = []
    for found in view.ranges:
        if found.family != family:
            continue
        routes.append(_route(found.prefix, found.next_hop.address(family)))
        routes += [_route(pool.prefix, pool.next_hop) for pool in view.pools if pool.range == found.name]
    return routes


def _route(prefix: object, next_hop: object) -> str:
    return f"route {prefix} blackhole {{ bgp_next_hop = {next_hop}; }};"


def _text(lines: Lines) -> str:
    return "\n".join(lines) + "\n"
