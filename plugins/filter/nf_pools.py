# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_pools
short_description: Which pool is whose
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Makes the pool plan of a fleet's intent, which control planes announce and gateways accept.
  - A pool belongs to the user plane at its place among the members of its next hop, or else to the one that rendezvous
    hashing chooses. A user plane that comes or goes moves no pool but its own.
  - Pure. The same intent gives the same plan, whatever the order of its keys.
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
seealso:
  - plugin: hostnet.fabric.nf_faults
    plugin_type: filter
  - plugin: hostnet.fabric.nf_bird
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ item.prefix }} to {{ item.user_plane }}"
  loop: "{{ intent | hostnet.fabric.nf_pools | map(attribute='pools') | flatten }}"
"""

RETURN = r"""
_value:
  description: The entries of C(fabric_pools), sorted by name.
  type: list
  elements: dict
  contains:
    name:
      description: The entry's name.
      type: str
    prefix:
      description: The covering prefix.
      type: str
    next_hop:
      description: The virtual next hop.
      type: str
    members:
      description: The addresses that the virtual next hop leads to where somebody answers.
      type: list
      elements: str
    pools:
      description: Maps of C(prefix), C(user_plane) and C(next_hop), the user plane's address.
      type: list
      elements: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.plan import as_data


@intent_filter
def nf_pools(given: Any) -> list[dict[str, Any]]:
    """The plan."""
    return as_data(*Fleet(given).pools())


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_pools": nf_pools}
