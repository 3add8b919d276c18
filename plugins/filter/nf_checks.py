# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_checks
short_description: What must be true of packets between network functions, gateways and pools
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Derives from a fleet's intent the checks that prove with real packets what is promised to the network functions of
    one host, or that a gateway can send to, as probes for the module M(hostnet.fabric.host_probe).
  - Who is drained is not looked at.
  - Pure. The same intent gives the same checks, whatever the order of its keys.
options:
  subscriber:
    description: The number of an address in every pool that answers to ping. Without it no pool is probed.
    type: int
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
  - hostnet.fabric.intent.host
  - hostnet.fabric.intent.probed
seealso:
  - module: hostnet.fabric.host_probe
  - plugin: hostnet.fabric.nf_findings
    plugin_type: filter
  - plugin: hostnet.fabric.check_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Probe what the intent promises
  hostnet.fabric.host_probe:
    probes: "{{ item.checks | map(attribute='probe') }}"
  delegate_to: "{{ item.host }}"
  loop: "{{ intent | hostnet.fabric.nf_checks(inventory_hostname) }}"
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
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify import nf
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import parse_settings


@intent_filter
def nf_checks(
    given: Any, host: str, outside: Iterable[Mapping[str, Any]] = (), subscriber: int | None = None
) -> list[dict[str, Any]]:
    """The checks of one host, by the place they are made from."""
    return nf.nf_checks(given, host, parse_settings(outside=outside), subscriber)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_checks": nf_checks}
