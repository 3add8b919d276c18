# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's document, compiled from what the intent says about that host."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import snat_sync
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.bridges import bridges
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import Sections, merged
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fip_namespace import external
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.groups import groups
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import local_segments
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import HostView
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.ports import (
    instances,
    integration_ports,
    whole_checksums,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.router_namespace import router
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.snat_namespace import snat
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.tunnels import tunnels

SCOPE = "dvr"

Document = dict[str, Any]


def dvr_document(intent: Any, host: str) -> Document:
    """The document of one host. One that the intent does not have gets an empty one, which removes what it had.

    :raises IntentError: with everything that is wrong with what concerns this host.
    """
    fleet = Fleet(intent)
    return compiled(fleet.view(host)) if host in fleet.hosts else {"scope": SCOPE}


def compiled(view: HostView) -> Document:
    """The document of one host: what it routes, and what it does as one of the SNAT hosts."""
    own = local_segments(view)
    parts: list[Sections] = [
        bridges(view, own),
        integration_ports(view.host, own),
        tunnels(view.host, own),
        *(external(known, view.routers) for known in view.externals),
        *(router(known, view.externals, view.networks) for known in view.routers),
        *(snat(known) for known in view.snats),
        snat_sync.entries(view),
        instances(view.instances),
        {"openflow": groups(view, own)},
    ]
    sections = merged(parts)
    if view.host.datapath == "netdev":
        sections["offloads"] = whole_checksums(sections)
    return {"scope": SCOPE, **{name: entries for name, entries in sections.items() if entries}}
