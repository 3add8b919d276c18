# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: bridge_document
short_description: The host document of a host with bridges
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compiles the part of a fleet's intent that concerns one host into that host's document, for the module
    M(hostnet.fabric.host_network).
  - Pure. The same intent gives the same document, whatever the order of its keys.
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.bridge
  - hostnet.fabric.intent.host
seealso:
  - plugin: hostnet.fabric.bridge_faults
    plugin_type: filter
  - module: hostnet.fabric.host_network
"""

EXAMPLES = r"""
- name: Apply this host's part of the fleet's intent
  hostnet.fabric.host_network:
    document: "{{ intent | hostnet.fabric.bridge_document(inventory_hostname) }}"
  vars:
    intent:
      fabric_bridges:
        vms:
          host: vmhost
          addresses: [192.168.3.1/24]
          forward: nat
          uplink: eth0
      fabric_instances:
        vm1:
          bridge: vms
          attach: tap
          addresses: [192.168.3.3]
"""

RETURN = r"""
_value:
  description: The host's document. That of a host without bridges declares nothing.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge import document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter


@intent_filter
def bridge_document(given: Any, host: str) -> dict[str, Any]:
    """One host's document."""
    return document.bridge_document(given, host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"bridge_document": bridge_document}
