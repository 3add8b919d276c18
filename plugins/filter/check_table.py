# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: check_table
short_description: A readable table of what checks have shown
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Lays out who reaches whom, how fast, seen as whom, with which MTU, who answers for an address, and what failed.
options:
  _input:
    description:
      - For each host a list of outcomes. An outcome is a check of P(hostnet.fabric.bridge_checks#filter),
        P(hostnet.fabric.dvr_checks#filter) or P(hostnet.fabric.nf_checks#filter) combined with the result that
        M(hostnet.fabric.host_probe) gives for its
        probe.
    type: dict
    required: true
seealso:
  - plugin: hostnet.fabric.bridge_checks
    plugin_type: filter
  - plugin: hostnet.fabric.dvr_checks
    plugin_type: filter
  - module: hostnet.fabric.host_probe
"""

EXAMPLES = r"""
- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ {inventory_hostname: outcomes} | hostnet.fabric.check_table }}"
  vars:
    outcomes: "{{ checks | zip(probed.results) | map('combine') }}"
"""

RETURN = r"""
_value:
  description: The table's lines.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.table import table


def check_table(outcomes: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """The lines of the table."""
    return table(outcomes)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"check_table": check_table}
