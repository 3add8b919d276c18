# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_missing_routes
short_description: What a gateway still lacks before packets may be sent to it
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compares what BIRD on a gateway has heard with the fleet's intent. In each family one control plane has to have
    announced the whole plan; which one does not matter, and none that is drained is asked.
  - Pure. It is what the role P(hostnet.fabric.nf_gateway#role) waits for when a gateway is put back.
options:
  routing:
    description: The result of M(hostnet.fabric.bird_info) on that gateway.
    type: dict
    required: true
positional: host, routing
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
  - hostnet.fabric.intent.host
seealso:
  - module: hostnet.fabric.bird_info
  - plugin: hostnet.fabric.nf_findings
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what BIRD has heard
  hostnet.fabric.bird_info:
  register: found

- name: Show what is missing
  ansible.builtin.debug:
    msg: "{{ intent | hostnet.fabric.nf_missing_routes(inventory_hostname, found) }}"
"""

RETURN = r"""
_value:
  description: A line for each family that lacks routes; empty when the gateway has the plan.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.live import parse_live
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify import nf_state


@intent_filter
def nf_missing_routes(given: Any, host: str, routing: Mapping[str, Any]) -> list[str]:
    """What is missing on one gateway."""
    return nf_state.missing_routes(given, host, parse_live({}, routing))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_missing_routes": nf_missing_routes}
