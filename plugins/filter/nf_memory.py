# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_memory
short_description: What several hosts remember of drains, as one
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Of two statements about a name the later one counts, whichever host remembers it. A host that was away when somebody
    was put back drains nobody again.
  - Pure. It is what the roles P(hostnet.fabric.nf_node#role) and P(hostnet.fabric.nf_gateway#role) do.
options:
  _input:
    description:
      - Contents of C(/etc/hostnet.fabric/drained.json), a map by name each. A name alone is drained, and any statement
        is later.
    type: list
    elements: raw
    required: true
seealso:
  - plugin: hostnet.fabric.nf_drain
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show who is drained
  ansible.builtin.debug:
    msg: "{{ memories | hostnet.fabric.nf_memory | dict2items | selectattr('value.drained') | map(attribute='key') }}"
"""

RETURN = r"""
_value:
  description:
    - By name, whether it is C(drained), C(at) which time that was said, in seconds, and C(passing) where the drain is
      part of a change whose play puts back.
  type: dict
"""

from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.memory import as_data, recalled


def nf_memory(memories: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """What counts of all of them."""
    return as_data(recalled(memories))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_memory": nf_memory}
