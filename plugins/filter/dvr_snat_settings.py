# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: dvr_snat_settings
short_description: What the programs of a SNAT host have to be told
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Finds in a fleet's intent what the role P(hostnet.fabric.dvr_snat#role) writes into the settings of keepalived,
    of the gate, and of conntrackd on one host.
  - Pure. The same intent gives the same settings, whatever the order of its keys.
positional: host
extends_documentation_fragment:
  - hostnet.fabric.intent.dvr
  - hostnet.fabric.intent.host
seealso:
  - plugin: hostnet.fabric.dvr_document
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show which host translates first
  ansible.builtin.debug:
    msg: "{{ (intent | hostnet.fabric.dvr_snat_settings(inventory_hostname)).vrrp.priority }}"
"""

RETURN = r"""
_value:
  description: A map of C(vrrp), which is null without a second SNAT host, C(gate) and C(syncs).
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.snat_settings import settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter


@intent_filter
def dvr_snat_settings(given: Any, host: str) -> dict[str, Any]:
    """One SNAT host's settings."""
    return settings(Fleet(given).view(host))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"dvr_snat_settings": dvr_snat_settings}
