# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Open vSwitch bridges of a host, and what leads from br-int to the physical networks."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import INTEGRATION, Entry, Sections, veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import HostView, Provider
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.ports import no_ipv6, silence


def providers_in_use(view: HostView, segments: list[LocalSegment]) -> list[Provider]:
    """The physical networks that a network of this host is on."""
    used = {segment.network.provider for segment in segments}
    return [provider for provider in view.host.providers if provider.name in used]


def bridges(view: HostView, segments: list[LocalSegment]) -> Sections:
    host, providers = view.host, providers_in_use(view, segments)
    integration = {
        "name": INTEGRATION,
        "datapath_type": host.datapath,
        # Without flows nothing passes.
        "fail_mode": "secure",
        "other_config": {"disable-in-band": True},
        "because": host.path,
    }
    physical = [
        {"name": p.bridge, "datapath_type": host.datapath, "fail_mode": "standalone", "because": p.path}
        for p in providers
    ]
    return {
        "ovs_bridges": [integration, *physical],
        "ovs_ports": [entry for provider in providers for entry in _ports(provider)],
        "links": [entry for provider in providers for entry in _links(provider)],
        "uplinks": [
            {"link": p.device, "bridge": p.bridge, "leg": p.host_leg, "because": p.path}
            for p in providers
            if p.device is not None
        ],
        "sysctls": [no_ipv6(p.host_port, p.path) for p in providers if p.device is not None],
        "nft_tables": [
            entry
            for p in providers
            if p.device is not None
            for entry in silence(host, p.bridge, [p.device, p.host_port])
        ],
    }


def _ports(provider: Provider) -> Iterator[Entry]:
    ends = ((INTEGRATION, provider.integration_patch), (provider.bridge, provider.provider_patch))
    for (bridge, name), (_bridge, peer) in (ends, ends[::-1]):
        yield {"name": name, "bridge": bridge, "type": "patch", "peer": peer, "because": provider.path}
    if provider.device is not None:
        for name in (provider.device, provider.host_port):
            yield {"name": name, "bridge": provider.bridge, "type": "system", "because": provider.path}


def _links(provider: Provider) -> Iterator[Entry]:
    if provider.device is None:
        return
    yield {
        "name": provider.device,
        "type": "physical",
        "mtu": provider.mtu,
        "up": True,
        "because": provider.path,
    }
    common = {"mtu": provider.mtu, "because": provider.path}
    yield from veth({"name": provider.host_leg, **common}, {"name": provider.host_port, **common})
