# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tunnels between hosts: one vxlan device per network that other hosts have too.

The device is a plain port of br-int. Which host has which MAC address is in its forwarding entries; it may learn more,
because the legs of central SNAT move between hosts, and so may instances before this host is told.
"""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import Entry, Sections
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Host

_ANY = "00:00:00:00:00:00"


def tunnels(host: Host, segments: list[LocalSegment]) -> Sections:
    tunnelled = [s for s in segments if s.network.vni is not None and s.uplink is not None]
    return {
        "links": [_device(host, segment) for segment in tunnelled],
        "fdb": [entry for segment in tunnelled for entry in _entries(segment)],
    }


def _device(host: Host, segment: LocalSegment) -> Entry:
    network = segment.network
    return {
        "name": segment.uplink,
        "type": "vxlan",
        "label": network.name,
        "id": network.vni,
        "local": str(host.tunnel),
        "port": 4789,
        "fdb_learning": True,
        "mtu": network.mtu,
        "up": True,
        "because": network.path,
    }


def _entries(segment: LocalSegment) -> list[Entry]:
    link, path = segment.uplink, segment.network.path
    flood = [{"link": link, "mac": _ANY, "dst": address, "because": path} for address in segment.flood]
    known = [
        {"link": link, "mac": station.mac, "dst": str(station.tunnel), "movable": True, "because": station.path}
        for station in segment.stations
    ]
    return flood + known
