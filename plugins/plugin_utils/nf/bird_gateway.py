# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of a gateway's BIRD.

Next hops are resolved in tables of their own, which only hold routes that BFD guards: the virtual next hop leads to
every member that answers, and each member has a route to itself, without which its pools would stay when it dies.
"""

from __future__ import annotations

from collections.abc import Iterable, Set
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import whole
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird_parts import (
    GRACEFUL_SHUTDOWN,
    Lines,
    bfd,
    block,
    head,
    listed,
    session,
    template,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    FAMILIES,
    ControlPlane,
    Gateway,
    Gateways,
    HostView,
    NextHop,
    PoolRange,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import prefix_at
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.pool_range import MAX_POOLS
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.symbol import symbol

if TYPE_CHECKING:
    from netaddr import IPAddress

# As many ways as one route can have. A number of members that follows the intent would restart the protocol.
MAX_WAYS = 255


def gateway_lines(view: HostView, gateways: Gateways, gateway: Gateway, device: str) -> Lines:
    lines = head(gateway.host.name, gateway.addresses)
    families = [family for family in FAMILIES if any(hop.address(family) for hop in view.next_hops)]
    lines += [f"ipv{family} table guarded{family};" for family in families]
    lines += bfd(view.bfd, device)
    for family in families:
        hops = [hop for hop in view.next_hops if hop.address(family) is not None]
        lines += [*_guarded(family, hops, view.withdrawn), *_virtual(family, hops), *_kernel(family)]
    announced = [family for family in families if any(found.family == family for found in view.ranges)]
    for family in announced:
        ranges = [found for found in view.ranges if found.family == family]
        lines += _import_filter(family, ranges, _leaving(view))
    if announced:
        lines += template(view.bgp)
    for family in announced:
        lines += _sessions(view, gateways, gateway, family)
    return lines


def _guarded(family: int, hops: Iterable[NextHop], withdrawn: Set[IPAddress]) -> Lines:
    """Who is drained has no route: nothing that leads to it can be resolved."""
    routes: Lines = []
    for hop in hops:
        members = [member for member in hop.members_of(family) if member not in withdrawn]
        ways = [f"via {member} bfd" for member in members]
        if ways:
            routes += [f"route {whole(hop.address(family))}", *(f"  {way}" for way in ways[:-1]), f"  {ways[-1]};"]
        routes += [f"route {whole(member)} via {member} bfd;" for member in members]
    return block(f"protocol static members{family}", [f"ipv{family} {{ table guarded{family}; }};", *routes])


def _virtual(family: int, hops: Iterable[NextHop]) -> Lines:
    """The virtual next hops, and no member, go to the kernel too."""
    own = ", ".join(whole(hop.address(family)) for hop in hops)
    inside = [
        f"table guarded{family};",
        f"peer table master{family};",
        "import none;",
        f"export where net ~ [ {own} ];",
    ]
    return block(f"protocol pipe virtual{family}", inside)


def _kernel(family: int) -> Lines:
    """BIRD keeps what cannot be resolved as unreachable. In the kernel it would hide the covering prefix."""
    channel = block(
        f"ipv{family}",
        ["import none;", "export where dest != RTD_UNREACHABLE && source != RTS_DEVICE;"],
        ";",
    )
    return block(f"protocol kernel kernel{family}", ["scan time 10;", f"merge paths on limit {MAX_WAYS};", *channel])


def _leaving(view: HostView) -> list[ControlPlane]:
    """Those that are about to be drained, and that we cannot have say so themselves."""
    return [one for one in view.control_planes if one.name in view.leaving and not one.runs_bird]


def _import_filter(family: int, ranges: Iterable[PoolRange], leaving: Iterable[ControlPlane]) -> Lines:
    """Exactly the plan's prefixes, to its next hops only. Who is about to leave (RFC 8326) is heard last."""
    rules = [f"if {GRACEFUL_SHUTDOWN} ~ bgp_community then bgp_local_pref = 0;"]
    rules += [f'if proto = "{symbol(one.name, family)}" then bgp_local_pref = 0;' for one in leaving]
    for found in ranges:
        rules.append(f"if net = {found.prefix} && bgp_next_hop = {found.next_hop.address(family)} then accept;")
        rules += listed("if net ~", (prefix_at(found, number) for number in range(found.count)), "")
        rules += listed("&& bgp_next_hop ~", found.next_hop.members_of(family), " then accept;")
    return block(f"filter pools{family}", [*rules, "reject;"])


def _sessions(view: HostView, gateways: Gateways, gateway: Gateway, family: int) -> Lines:
    guarded = [f"igp table guarded{family};", "gateway recursive;"]
    limits = [f"receive limit {_most_routes(view, family)} action restart;", "export none;"]
    closed = gateway.host.name in view.drained.gateways
    lines: Lines = []
    own = gateway.address(family)
    for speaker in view.control_planes:
        other = speaker.address(family)
        if own is not None and other is not None:
            ends = (own, gateways.asn), (other, speaker.asn)
            # What is filtered counts too, or a flood of it would never reach a limit.
            heard = ["import keep filtered on;", _import(speaker, view, family)]
            lines += session(symbol(speaker.name, family), *ends, [*guarded, *heard, *limits], closed)
    return lines


def _most_routes(view: HostView, family: int) -> int:
    """What no plan reaches that this one may become: control planes have the next plan before gateways know it.

    What is let in needs no limit, since the filter names it. One of its own would end sessions when a plan shrinks.
    """
    planned = sum(found.count + 1 for found in view.ranges if found.family == family)
    return 2 * max(MAX_POOLS, planned)


def _import(speaker: ControlPlane, view: HostView, family: int) -> str:
    """One that is drained and has a daemon of somebody else's may go on announcing."""
    drained = speaker.name in view.drained.functions and speaker.name not in view.leaving
    return "import none;" if drained and not speaker.runs_bird else f"import filter pools{family};"
