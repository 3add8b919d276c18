# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_document
short_description: The host document of an NF node or a gateway
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compiles the part of a fleet's intent for NF nodes that concerns one host into that host's document, for the module
    M(hostnet.fabric.host_network).
  - Pure. The same intent gives the same document, whatever the order of its keys.
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
  - hostnet.fabric.intent.host
seealso:
  - plugin: hostnet.fabric.nf_faults
    plugin_type: filter
  - plugin: hostnet.fabric.nf_bird
    plugin_type: filter
  - module: hostnet.fabric.host_network
"""

EXAMPLES = r"""
- name: Apply this host's part of the fleet's intent
  hostnet.fabric.host_network:
    document: "{{ intent | hostnet.fabric.nf_document(inventory_hostname) }}"
  vars:
    intent:
      fabric_vlans:
        n6: {id: 100, subnets: [192.0.2.0/24]}
        n4: {id: 200}
      fabric_nf_uplink: eth1
      fabric_nf_hosts:
        compute-01:
      fabric_user_planes:
        nf-up1: {host: compute-01, addresses: [192.0.2.1], attach: veth}
"""

RETURN = r"""
_value:
  description: The host's document. That of a host that the intent does not have declares nothing.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf import document


@intent_filter
def nf_document(given: Any, host: str) -> dict[str, Any]:
    """One host's document."""
    return document.nf_document(given, host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_document": nf_document}
