# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: dvr_document
short_description: The host document of a host with distributed routers
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compiles the part of a fleet's intent that concerns one host into that host's document, for the module
    M(hostnet.fabric.host_network).
  - Pure. The same intent gives the same document, whatever the order of its keys.
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.dvr
  - hostnet.fabric.intent.host
seealso:
  - plugin: hostnet.fabric.dvr_faults
    plugin_type: filter
  - module: hostnet.fabric.host_network
"""

EXAMPLES = r"""
- name: Apply this host's part of the fleet's intent
  hostnet.fabric.host_network:
    document: "{{ intent | hostnet.fabric.dvr_document(inventory_hostname) }}"
  vars:
    intent:
      fabric_hosts:
        compute-01: {tunnel: 10.20.0.11}
      fabric_providers:
        ext: {device: enp7s0}
      fabric_external_networks:
        ext: {provider: ext, subnets: [192.168.100.0/24], host_addresses: {compute-01: 192.168.100.254}}
      fabric_networks:
        web: {subnets: [172.16.18.0/24]}
      fabric_routers:
        blue: {networks: [web], external: ext}
      fabric_instances:
        vm1:
          host: compute-01
          network: web
          attach: tap
          addresses: [172.16.18.100]
          floating_ip: 192.168.100.150
"""

RETURN = r"""
_value:
  description: The host's document. That of a host that is not in C(fabric_hosts) declares nothing.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter


@intent_filter
def dvr_document(given: Any, host: str) -> dict[str, Any]:
    """One host's document."""
    return document.dvr_document(given, host)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dvr_document": dvr_document}
