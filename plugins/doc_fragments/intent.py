# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the filters that read a fleet's intent have in common: each picture's intent, and what is asked."""

    BRIDGE = r"""
options:
  _input:
    description:
      - A map with C(fabric_bridges) and C(fabric_instances), see C(docs/intent-bridge.md) of this collection.
    type: dict
    required: true
requirements:
  - netaddr on the controller
"""

    DVR = r"""
options:
  _input:
    description:
      - A map with C(fabric_hosts), C(fabric_networks), C(fabric_routers), C(fabric_instances) and the other
        variables of the intent, see C(docs/intent-dvr.md) of this collection.
    type: dict
    required: true
requirements:
  - netaddr on the controller
"""

    NF = r"""
options:
  _input:
    description:
      - A map with C(fabric_vlans), C(fabric_nf_hosts), C(fabric_user_planes), C(fabric_gateways) and the other
        variables of the intent, see C(docs/intent-nf.md) of this collection.
    type: dict
    required: true
requirements:
  - netaddr on the controller
"""

    HOST = r"""
options:
  host:
    description: The host's name, as the intent calls it.
    type: str
    required: true
"""

    HOSTS = r"""
options:
  hosts:
    description:
      - The hosts that there are. Another one in the intent is a fault. Without this, hosts are not looked at.
    type: list
    elements: str
    default: []
"""

    PROBED = r"""
options:
  outside:
    description: Places outside to probe from, as C(verify_outside) of the role P(hostnet.fabric.verify#role).
    type: list
    elements: dict
    default: []
"""

    ANSWERED = r"""
options:
  targets:
    description: Outside addresses to try, as C(verify_targets) of the role P(hostnet.fabric.verify#role).
    type: list
    elements: dict
    default: []
  port:
    description: The TCP port on which every instance answers with the address it saw. Without it none is tried.
    type: int
"""
