# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_findings
short_description: Whether sessions and routes of gateways are what the intent says
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compares what has been read on gateways with the fleet's intent. User planes answer to BFD, control planes have
    announced the plan, the kernel has every route of it with exactly the next hops that answer and no others inside
    the pools, and one gateway has the shared addresses.
  - Pure. The same intent gives the same checks, whatever the order of its keys.
options:
  networks:
    description: The document that M(hostnet.fabric.host_network_info) gives of each gateway, by its name.
    type: dict
    required: true
  routings:
    description: The result of M(hostnet.fabric.bird_info) on each of them.
    type: dict
    required: true
positional: networks, routings
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
seealso:
  - module: hostnet.fabric.host_network_info
  - module: hostnet.fabric.bird_info
  - plugin: hostnet.fabric.nf_checks
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what is not as it should be
  ansible.builtin.debug:
    msg: "{{ intent | hostnet.fabric.nf_findings(networks, routings) | rejectattr('ok') }}"
"""

RETURN = r"""
_value:
  description: What was looked at, gateway by gateway.
  type: list
  elements: dict
  contains:
    host:
      description: The gateway.
      type: str
    name:
      description: A neighbour's name and address, or the destination of a route.
      type: str
    ok:
      description: Whether it is as it should be.
      type: bool
    message:
      description: What was found, and where that is wrong, what it should be.
      type: str
    line:
      description: All of it in one line.
      type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.live import parse_live
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify import nf_state


@intent_filter
def nf_findings(
    given: Any, networks: Mapping[str, Mapping[str, Any]], routings: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What was found on all gateways."""
    live = {host: parse_live(found, routings[host]) for host, found in networks.items()}
    return nf_state.nf_findings(given, live)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_findings": nf_findings}
