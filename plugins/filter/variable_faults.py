# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: variable_faults
short_description: The variables that look like intent and are read by no role
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Finds names that begin with C(fabric_) and belong to the intent of no role of this collection. A role takes the
    variables that it knows, so that a misspelt one would mean nothing.
options:
  _input:
    description: Names of variables.
    type: list
    elements: str
    required: true
seealso:
  - plugin: hostnet.fabric.dvr_faults
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look for misspelt variables
  ansible.builtin.debug:
    msg: "{{ query('ansible.builtin.varnames', '^fabric_') | hostnet.fabric.variable_faults }}"
"""

RETURN = r"""
_value:
  description: One line for each such name, with the one that may have been meant; empty when all are known.
  type: list
  elements: str
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.variables import faults


@intent_filter
def variable_faults(names: Iterable[str]) -> list[str]:
    """All names that are not known."""
    return list(faults(names))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"variable_faults": variable_faults}
