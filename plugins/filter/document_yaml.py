# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: document_yaml
short_description: A host document as YAML text
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Writes a host document as YAML that a person can read and a linter accepts.
  - The same document always gives the same bytes, so that files can be compared.
options:
  _input:
    description: A host document, as M(hostnet.fabric.host_network) takes it.
    type: dict
    required: true
seealso:
  - plugin: hostnet.fabric.document_commands
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the document for a review
  ansible.builtin.copy:
    content: "{{ document | hostnet.fabric.document_yaml }}"
    dest: "rendered/{{ inventory_hostname }}.document.yml"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The document as YAML.
  type: str
"""

import json
from collections.abc import Callable
from typing import Any

import yaml


class _Dumper(yaml.SafeDumper):
    """Indents the items of a list, as linters want it, and writes equal objects as often as they occur."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def document_yaml(document: Any) -> str:
    """A document as text."""
    plain = json.loads(json.dumps(document))  # Ansible wraps texts, lists and maps in types of its own.
    return str(yaml.dump(plain, Dumper=_Dumper, sort_keys=False, explicit_start=True, width=90))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"document_yaml": document_yaml}
