#!/usr/bin/python
# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_network_info
short_description: Read a host's networking as a document
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Reads what is on a host, in the form that M(hostnet.fabric.host_network) takes.
  - A document read with O(scope) and given back to M(hostnet.fabric.host_network) changes nothing.
requirements:
  - iproute2 on the target
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
    description: Needs to run as root.
extends_documentation_fragment:
  - hostnet.fabric.attributes
options:
  scope:
    description:
      - Only the objects that carry the mark of this scope.
      - Left out, everything is read, each object with the scope that owns it in RV(document) as V(owner).
    type: str
  namespaces:
    description:
      - The namespaces to read beside the host's own.
      - Left out, those with a name are read.
    type: list
    elements: str
  counters:
    description:
      - Read also how often the rules of nftables that count have matched, into RV(counters).
      - With O(scope), those of its tables.
    type: bool
    default: false
  lock_timeout:
    description:
      - How many seconds to wait while another run is at work on the host, before the task fails and names its process.
      - One run at a time reads or changes a host, check mode included.
    type: int
    default: 60
  ovs_database:
    description: Where C(ovs-vsctl) finds the Open vSwitch database, when it is not in its usual place.
    type: str
seealso:
  - module: hostnet.fabric.host_network
"""

EXAMPLES = r"""
- name: Read what the role host_bridge has made
  hostnet.fabric.host_network_info:
    scope: host_bridge
  register: found

- name: Read how many packets the rules of gateways to network functions have counted
  hostnet.fabric.host_network_info:
    scope: nf
    counters: true
  register: counted

- name: Show it
  ansible.builtin.debug:
    var: found.document
"""

RETURN = r"""
document:
  description: The objects found, in a list for each kind; the fields are those of a host document.
  returned: success
  type: dict
  sample:
    scope: host_bridge
    links:
      - {name: br0, type: bridge, mtu: 1500, up: true}
counters:
  description: The rules that count, in their order. A table of the collection has its short name.
  returned: with O(counters=true)
  type: list
  elements: dict
  contains:
    namespace:
      description: The network namespace; left out for the host's own.
      type: str
    owner:
      description: The scope whose table it is; left out for a foreign table.
      type: str
    family:
      description: The family of the table.
      type: str
    table:
      description: The table.
      type: str
    chain:
      description: The chain.
      type: str
    rule:
      description: The rule's place in the chain, the first one being 0.
      type: int
    packets:
      description: How many packets it has counted.
      type: int
    bytes:
      description: How many bytes those had.
      type: int
  sample:
    - {owner: nf, family: inet, table: pools, chain: to-203.0.113.0/28, rule: 0, packets: 12, bytes: 1008}
stats:
  description: Processes started and milliseconds for each phase.
  returned: success
  type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostnet.fabric.plugins.module_utils.counters import read_counters
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import LOCK_TIMEOUT, Host


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "scope": {"type": "str"},
            "namespaces": {"type": "list", "elements": "str"},
            "counters": {"type": "bool", "default": False},
            "lock_timeout": {"type": "int", "default": LOCK_TIMEOUT},
            "ovs_database": {"type": "str"},
        },
        supports_check_mode=True,
    )
    host = Host(module.params["ovs_database"], lock_timeout=module.params["lock_timeout"])
    scope, namespaces = module.params["scope"], module.params["namespaces"]
    try:
        found: dict[str, Any] = {"document": gather(host, scope, namespaces)}
        if module.params["counters"]:
            found["counters"] = read_counters(host, scope, namespaces)
    except FabricError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **found, stats=host.stats())


if __name__ == "__main__":
    main()
