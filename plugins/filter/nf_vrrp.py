# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_vrrp
short_description: What keepalived of a gateway has to be told
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Finds in a fleet's intent what the role P(hostnet.fabric.nf_gateway#role) writes into the settings of keepalived.
  - Pure. The same intent gives the same settings, whatever the order of its keys.
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
  - hostnet.fabric.intent.host
seealso:
  - plugin: hostnet.fabric.nf_document
    plugin_type: filter
  - plugin: hostnet.fabric.nf_bird
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show who has the shared address when all are alive
  ansible.builtin.debug:
    msg: "{{ (intent | hostnet.fabric.nf_vrrp(inventory_hostname)).priority }}"
"""

RETURN = r"""
_value:
  description:
    - A map of C(interface), C(router_id), C(priority), C(drained) and C(families), a list of maps with
      C(family), C(address), C(peers) and C(shared). Null on a host that is no gateway.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.vrrp import vrrp


@intent_filter
def nf_vrrp(given: Any, host: str) -> dict[str, Any] | None:
    """One gateway's settings."""
    fleet = Fleet(given)
    return vrrp(fleet.view(host)) if host in fleet.hosts else None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_vrrp": nf_vrrp}
