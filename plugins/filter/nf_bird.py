# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_bird
short_description: The configurations of BIRD on an NF node or a gateway
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Derives from a fleet's intent the whole text of BIRD's configuration, for the module M(hostnet.fabric.bird), of a
    gateway, or of each NF on a host whose BIRD is the collection's.
  - Pure. The same intent gives the same text, whatever the order of its keys.
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
  - hostnet.fabric.intent.host
seealso:
  - plugin: hostnet.fabric.nf_document
    plugin_type: filter
  - plugin: hostnet.fabric.nf_pools
    plugin_type: filter
  - module: hostnet.fabric.bird
"""

EXAMPLES = r"""
- name: Bring a gateway's configuration live
  hostnet.fabric.bird:
    config: "{{ (intent | hostnet.fabric.nf_bird(inventory_hostname) | first).config }}"
"""

RETURN = r"""
_value:
  description: The daemons of the host, sorted by name. A host without one has none.
  type: list
  elements: dict
  contains:
    name:
      description: The gateway's name, or the NF's.
      type: str
    namespace:
      description: The network namespace that it runs in; empty for the host's own.
      type: str
    config:
      description: The text. It has the passwords of the intent.
      type: str
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet


@intent_filter
def nf_bird(given: Any, host: str) -> list[dict[str, str]]:
    """The daemons of one host."""
    fleet = Fleet(given)
    return [asdict(daemon) for daemon in daemons(fleet.view(host))] if host in fleet.hosts else []


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_bird": nf_bird}
