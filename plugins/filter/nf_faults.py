# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_faults
short_description: Everything that is wrong with the intent for NF nodes and gateways
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Checks the VLANs, network functions, gateways and pools of the fleet, and returns every fault at once.
  - Each fault names the variable, the value, what is wrong with it and what would be right.
positional: hosts
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
  - hostnet.fabric.intent.hosts
seealso:
  - plugin: hostnet.fabric.nf_document
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at the intent before any host is touched
  ansible.builtin.assert:
    that: faults | length == 0
    fail_msg: "{{ faults | join('\n') }}"
  vars:
    faults: "{{ intent | hostnet.fabric.nf_faults(groups['all']) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: One line for each fault, sorted by the variable's path; empty when nothing is wrong.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError


@intent_filter
def nf_faults(given: Any, hosts: Iterable[str] = ()) -> list[str]:
    """All faults of a fleet's intent."""
    try:
        return Fleet(given).faults(hosts)
    except IntentError as error:
        return list(error.faults)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_faults": nf_faults}
