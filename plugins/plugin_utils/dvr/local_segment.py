# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network together with everything on this host that is part of it."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import (
    CentralLeg,
    External,
    HostView,
    Instance,
    Leg,
    LocalNetwork,
    Member,
    Network,
    Router,
    Snat,
    Station,
)


@dataclass(frozen=True)
class LocalSegment:
    """legs and centrals come with the router that they belong to. uplink: the port of br-int that leads to others."""

    network: Network
    members: tuple[Member, ...]
    stations: tuple[Station, ...]
    flood: tuple[str, ...]
    instances: tuple[Instance, ...]
    legs: tuple[tuple[Router, Leg], ...]
    externals: tuple[External, ...]
    centrals: tuple[tuple[Snat, CentralLeg], ...]
    uplink: str | None


def local_segments(view: HostView) -> list[LocalSegment]:
    """Tenants' networks and external ones, by name."""
    local = {known.network.number: known for known in view.networks}
    networks = {number: known.network for number, known in local.items()}
    for network in (*(e.network for e in view.externals), *(s.outside.network for s in view.snats)):
        networks.setdefault(network.number, network)

    instances: dict[int, list[Instance]] = {}
    for instance in view.instances:
        instances.setdefault(instance.network.number, []).append(instance)
    legs: dict[int, list[tuple[Router, Leg]]] = {}
    for router in view.routers:
        for leg in router.legs:
            legs.setdefault(leg.network.number, []).append((router, leg))
    externals: dict[int, list[External]] = {}
    for external in view.externals:
        externals.setdefault(external.network.number, []).append(external)
    centrals: dict[int, list[tuple[Snat, CentralLeg]]] = {}
    for snat in view.snats:
        for central in (*snat.inside, snat.outside):
            centrals.setdefault(central.network.number, []).append((snat, central))

    patches = {provider.name: provider.integration_patch for provider in view.host.providers}
    return [
        LocalSegment(
            network=network,
            members=local[number].members if number in local else (),
            stations=local[number].stations if number in local else (),
            flood=tuple(str(address) for address in local[number].flood) if number in local else (),
            instances=tuple(instances.get(number, ())),
            legs=tuple(legs.get(number, ())),
            externals=tuple(externals.get(number, ())),
            centrals=tuple(centrals.get(number, ())),
            uplink=_uplink(network, local.get(number), patches),
        )
        for number, network in sorted(networks.items(), key=lambda item: (item[1].name, item[0]))
    ]


def _uplink(network: Network, local: LocalNetwork | None, patches: dict[str, str]) -> str | None:
    """The tunnel is there only where some other host has the network too."""
    if network.vni is None:
        return patches.get(network.provider or "")
    return network.tunnel_device if local is not None and local.flood else None
