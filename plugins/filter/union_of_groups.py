# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: union_of_groups
short_description: The hosts of several groups, some of which may not exist
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Gives the hosts that are in at least one of some groups of the inventory. The playbooks of this collection begin
    with it, because an inventory has only those groups that it needs.
  - Where it says which hosts a play is for, Ansible's main process evaluates it. That process then has the compilers of
    this collection in its memory, which else each worker would load again for each task of each host.
positional: names
options:
  _input:
    description: The hosts of each group, as the variable C(groups) has them.
    type: dict
    required: true
  names:
    description: The groups that are wanted.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Look at all hosts of this collection that route
  hosts: "{{ groups | hostnet.fabric.union_of_groups(['dvr_compute', 'dvr_snat']) }}"
  tasks:
    - name: Read what is there
      hostnet.fabric.host_network_info:
"""

RETURN = r"""
_value:
  description: The names of the hosts, group by group in the order in which these are named, each host once.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any


# Ansible looks for a filter in all files of the collection before its own, by name: this one's comes after those of the
# filters that need the compilers.
def union_of_groups(groups: Mapping[str, Iterable[str]], names: Iterable[str]) -> list[str]:
    """The hosts of these groups, each once."""
    return list(dict.fromkeys(host for name in names for host in groups.get(name, ())))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"union_of_groups": union_of_groups}
