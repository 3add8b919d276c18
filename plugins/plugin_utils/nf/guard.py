# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether enough is left when somebody is drained: not who is written down counts, but who the gateways can use.

Only what is taken away is judged. One who does not live, or is drained already, can always be drained.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import whole
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Everything
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.live import Live, as_text
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import FAMILIES, ControlPlane, NextHop
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import prefix_at
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.symbol import symbol


def refusals(fleet: Everything, live: Mapping[str, Live]) -> list[str]:
    """What would be missing with those of the fleet drained that it says. ``live`` has each gateway that answers."""
    users = [host for host in fleet.gateways if host not in fleet.drained.gateways and host in live]
    if fleet.gateways and not users:
        return ["no gateway that is left answers, so nobody knows who lives; drain nothing"]
    found = [text for host in users for text in (*_user_planes(fleet, host, live[host]), *_speakers(fleet, host, live))]
    return [*found, *_gateways(fleet, users, live)]


def _user_planes(fleet: Everything, gateway: str, live: Live) -> Iterator[str]:
    for hop in fleet.next_hops:
        for family in FAMILIES:
            virtual = hop.address(family)
            if virtual is None:
                continue
            used = live.ways(virtual) & live.answering
            gone = {one.name: as_text(one.addresses) & used for one in fleet.drained_planes}
            names = sorted(name for name, own in gone.items() if own)
            left = used.difference(*gone.values())
            if names and len(left) < hop.min_live:
                yield _too_few(names, gateway, hop, family, sorted(left))


def _too_few(names: list[str], gateway: str, hop: NextHop, family: int, left: list[str]) -> str:
    there = f"{len(left)} ({', '.join(left)})" if left else "none"
    text = f"{gateway} would have {there} left of {hop.name} that live in IPv{family}"
    return f"{', '.join(names)}: {text}, and {hop.path}.min_live is {hop.min_live}"


def _speakers(fleet: Everything, gateway: str, live: Mapping[str, Live]) -> Iterator[str]:
    sessions = live[gateway].sessions
    for family in FAMILIES:
        heard = {one.name: sessions.get(symbol(one.name, family), 0) for one in fleet.control_planes}
        gone = [name for name in sorted(heard) if heard[name] and name in fleet.drained.functions]
        most = max((heard[name] for name in gone), default=0)
        left = [name for name in heard if name not in fleet.drained.functions]
        if gone and not any(heard[name] >= most for name in left):
            text = f"{gateway} hears {most} IPv{family} routes of it, and as many of no control plane that is left"
            yield f"{', '.join(gone)}: {text}"


def _gateways(fleet: Everything, users: Iterable[str], live: Mapping[str, Live]) -> Iterator[str]:
    prefixes = {str(prefix_at(found, number)) for found in fleet.ranges for number in range(found.count)}
    prefixes |= {str(found.prefix) for found in fleet.ranges}
    prefixes |= {whole(address) for hop in fleet.next_hops for address in hop.addresses}
    for name in sorted(fleet.drained.gateways & set(live)):
        own = prefixes & set(live[name].routes)
        missing = {other: sorted(own - set(live[other].routes)) for other in users}
        if own and all(missing.values()):
            other = min(missing)
            yield f"{name}: {other} would have to take over and has no route to {', '.join(missing[other][:3])}"


def leaving(fleet: Everything, live: Mapping[str, Live]) -> list[ControlPlane]:
    """Control planes that are to be drained and are still heard."""
    return [
        one
        for one in fleet.control_planes
        if one.name in fleet.drained.functions
        and any(gateway.sessions.get(symbol(one.name, family)) for gateway in live.values() for family in FAMILIES)
    ]
