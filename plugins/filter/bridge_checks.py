# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: bridge_checks
short_description: What must be true of the bridges of a host
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Derives from a fleet's intent the checks that prove one host's bridges with real packets, as probes for the module
    M(hostnet.fabric.host_probe).
  - Pure. The same intent gives the same checks, whatever the order of its keys.
options:
  full_mesh:
    description: Up to how many instances on a link each one is checked against all others.
    type: int
    default: 8
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.bridge
  - hostnet.fabric.intent.host
  - hostnet.fabric.intent.probed
  - hostnet.fabric.intent.answered
seealso:
  - module: hostnet.fabric.host_probe
  - plugin: hostnet.fabric.check_table
    plugin_type: filter
  - plugin: hostnet.fabric.dvr_checks
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Probe what the intent promises
  hostnet.fabric.host_probe:
    probes: "{{ item.checks | map(attribute='probe') }}"
  delegate_to: "{{ item.host }}"
  loop: "{{ intent | hostnet.fabric.bridge_checks(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The places to probe from, each with the checks to make there.
  type: list
  elements: dict
  contains:
    host:
      description: The inventory host that makes the checks.
      type: str
    checks:
      description: Maps with C(source) and C(target), the names of a check's ends, and its C(probe).
      type: list
      elements: dict
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify import bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import parse_settings


@intent_filter
def bridge_checks(
    given: Any,
    host: str,
    targets: Iterable[Mapping[str, Any]] = (),
    outside: Iterable[Mapping[str, Any]] = (),
    port: int | None = None,
    full_mesh: int = 8,
) -> list[dict[str, Any]]:
    """The checks of one host, by the place they are made from."""
    return bridge.bridge_checks(given, host, parse_settings(targets, outside, port, full_mesh))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"bridge_checks": bridge_checks}
