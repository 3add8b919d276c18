# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_pool_counters
short_description: What a gateway has counted for each pool
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Finds the packets and bytes to and from each pool in the counters that M(hostnet.fabric.host_network_info) has read
    on a gateway.
  - Pure. The same intent gives the same checks, whatever the order of its keys.
options:
  counters:
    description: The RV(hostnet.fabric.host_network_info#module:counters) of a gateway.
    type: list
    elements: dict
    required: true
positional: counters
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
seealso:
  - module: hostnet.fabric.host_network_info
  - plugin: hostnet.fabric.nf_pools
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read what the gateway has counted
  hostnet.fabric.host_network_info:
    scope: nf
    counters: true
  register: found

- name: Show it
  ansible.builtin.debug:
    msg: "{{ intent | hostnet.fabric.nf_pool_counters(found.counters) }}"
"""

RETURN = r"""
_value:
  description: The pools in the order of the plan. One that the gateway does not count is left out.
  type: list
  elements: dict
  contains:
    prefix:
      description: The pool.
      type: str
    user_plane:
      description: Whose it is.
      type: str
    to:
      description: The C(packets) and C(bytes) that went there.
      type: dict
    from:
      description: The C(packets) and C(bytes) that came from there.
      type: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.routing import counted


@intent_filter
def nf_pool_counters(given: Any, counters: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was counted, pool by pool."""
    return counted(Fleet(given).pools()[1], counters)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_pool_counters": nf_pool_counters}
