# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's document, compiled from what the intent says about that host."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import Sections, merged
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.legs import functions
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import HostView
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.routing import no_layer_3, routing
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.switch import switch_of

SCOPE = "nf"

Document = dict[str, Any]


def nf_document(intent: Any, host: str) -> Document:
    """The document of one host. One that the intent does not have gets an empty one, which removes what it had.

    :raises IntentError: with everything that is wrong with what concerns this host.
    """
    fleet = Fleet(intent)
    return compiled(fleet.view(host)) if host in fleet.hosts else {"scope": SCOPE}


def compiled(view: HostView) -> Document:
    switch = switch_of(view)
    parts: list[Sections] = [
        switch.trunk(),
        functions(view, switch),
        routing(view, switch),
        no_layer_3(view, switch),
    ]
    sections = switch.completed(merged(parts))
    return {"scope": SCOPE, **{name: entries for name, entries in sections.items() if entries}}
