# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: document_commands
short_description: The commands that a host document would cause
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Plans a host document for a host that has none of its objects, and returns the commands of that plan as a person
    would type them. No host is contacted.
options:
  _input:
    description: A host document, as M(hostnet.fabric.host_network) takes it.
    type: dict
    required: true
seealso:
  - plugin: hostnet.fabric.bridge_document
    plugin_type: filter
  - module: hostnet.fabric.host_network
"""

EXAMPLES = r"""
- name: Write the commands for a review
  ansible.builtin.copy:
    content: "{{ document | hostnet.fabric.document_commands | join('\n') }}\n"
    dest: "rendered/{{ inventory_hostname }}.commands.txt"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The commands, a line each, in the order in which they would be run.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.hostnet.fabric.plugins.module_utils.engine import empty_host_commands
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError


def document_commands(document: Any) -> list[str]:
    """The commands an empty host would get."""
    try:
        return empty_host_commands(document)
    except FabricError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"document_commands": document_commands}
