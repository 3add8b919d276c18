#!/usr/bin/python
# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_network
short_description: Make a host's networking equal to a document
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compares a host with its document and changes what differs, in one call, in few large batches.
  - The document declares namespaces, links, addresses, routes, rules, neighbours, sysctls, nftables tables and
    Open vSwitch bridges, ports, OpenFlow flows and meters. Fields that it does not mention are left as they are.
  - What the module makes carries a mark with the document's scope. Only such objects are ever removed. A plan
    that would take along what others have put on them is refused.
  - The roles of this collection compile documents from a fleet's intent; a document can as well be written by hand.
requirements:
  - iproute2 on the target
  - nftables on the target, when the document has V(nft_tables)
  - openvswitch-switch on the target, when the document has V(ovs_bridges), V(ovs_ports),
    V(openflow) or V(meters)
attributes:
  check_mode:
    support: full
    description:
      - The predicted changes are the ones that a run then makes.
      - Where Open vSwitch does not run yet, or is not installed, the plan is that for an empty switch.
  diff_mode:
    support: full
    description: A line for each object that is added, changed, replaced or removed.
  idempotent:
    support: full
    description: A second run changes nothing and sends nothing.
  platform:
    support: full
    platforms: linux
    description: Needs to run as root.
extends_documentation_fragment:
  - hostnet.fabric.attributes
options:
  document:
    description:
      - What must exist. A map with RV(ignore:scope) and one list for each kind of object.
      - The kinds and their fields are described in C(docs/document.md) of this collection.
      - With O(state=absent) only the scope is looked at.
    type: dict
    required: true
  state:
    description:
      - V(present) makes the host equal to the document.
      - V(absent) removes everything that carries the mark of the document's scope, and gives back the values that
        objects of others had before.
    type: str
    choices: [present, absent]
    default: present
  purge:
    description: Whether to remove objects of the document's scope that the document no longer declares.
    type: bool
    default: true
  adopt:
    description:
      - Whether to take over objects that are declared and already there without a mark.
      - Without it such an object is an error. An object of another scope is an error in any case.
      - A single object of the document can say C(adopt) itself.
    type: bool
    default: false
  max_removals:
    description:
      - Refuse a plan that removes more objects than this; V(-1) allows any number.
      - Not looked at with O(state=absent).
    type: int
    default: 100
  protect_connection:
    description:
      - Refuse a plan that would cut the SSH connection through which the task comes in.
      - That is one that removes or replaces its address, or removes, takes down or enslaves the interface or what that
        stands on, or whose routes and rules leave no way back.
    type: bool
    default: true
  announce:
    description:
      - Of the addresses that the document announces when they come (C(announce) of C(addresses) and C(neighbours)),
        those to announce in any case, even if nothing changes.
      - It is for what has moved here from another host, once that one does not answer for it any more. What answers a
        question in between would undo the announcement that was made when the address came. RV(announced) of the
        call that made it come has the addresses.
      - It is no change, and in check mode nothing is announced.
    type: list
    elements: str
    default: []
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
  - module: hostnet.fabric.host_network_info
"""

EXAMPLES = r"""
- name: A bridge with an address and a container on it
  hostnet.fabric.host_network:
    document:
      scope: example
      namespaces:
        - name: c1
      links:
        - {name: br0, type: bridge, mtu: 1500, up: true}
        - {name: veth-c1, type: veth, peer: {name: eth0, namespace: c1}, master: br0, up: true}
        - {name: eth0, namespace: c1, type: veth, peer: {name: veth-c1}, up: true}
      addresses:
        - {link: br0, address: 192.168.9.1/24}
        - {link: eth0, namespace: c1, address: 192.168.9.2/24}
      routes:
        - {namespace: c1, destination: default, via: 192.168.9.1}

- name: Have a service address on one of two hosts
  hostnet.fabric.host_network:
    document: "{{ documents[inventory_hostname] }}"
  register: applied

# With the linear strategy no host begins before all have done the task above.
- name: Announce it again now that the other host does not answer for it
  hostnet.fabric.host_network:
    document: "{{ documents[inventory_hostname] }}"
    announce: "{{ applied.announced | map(attribute='address') }}"
  when: applied.announced | length > 0

- name: Take everything of this scope away again
  hostnet.fabric.host_network:
    document:
      scope: example
    state: absent
"""

RETURN = r"""
changes:
  description: What was changed, or in check mode would be, in order.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(add), V(change), V(replace) and V(remove).
      type: str
      returned: always
    kind:
      description: The kind of object.
      type: str
      returned: always
    namespace:
      description: The network namespace, empty for the host's own.
      type: str
      returned: always
    name:
      description: The object's name within its kind and namespace.
      type: str
      returned: always
    because:
      description: The intent path that caused the object.
      type: str
      returned: always
    details:
      description: The object's attributes in words.
      type: str
      returned: always
    differences:
      description: The fields that differ, each with its value before and after.
      type: list
      elements: dict
      returned: always
  sample:
    - action: add
      kind: link
      namespace: ''
      name: br0
      because: fabric_bridges.br0
      details: bridge, mtu 1500
      differences: []
announced:
  description: What was announced, because it came or because of O(announce). Nothing in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The network namespace, empty for the host's own.
      type: str
      returned: always
    device:
      description: The device by which it was announced.
      type: str
      returned: always
    address:
      description: The address.
      type: str
      returned: always
  sample:
    - namespace: fip-ext
      device: fg-ext
      address: 192.168.100.150
summary:
  description: The number of changes in words.
  returned: success
  type: str
  sample: 7 to add, 1 to change
stats:
  description: Processes started, milliseconds for each phase, objects declared and observed.
  returned: success
  type: dict
  sample: {processes: 3, milliseconds: {observe: 12.5, plan: 0.8}, declared: 17, observed: 33}
commands:
  description: The commands of the plan, as a person would type them. With C(-vv) only.
  returned: verbosity 2 or more
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostnet.fabric.plugins.module_utils.connection import incoming
from ansible_collections.hostnet.fabric.plugins.module_utils.engine import Engine
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError
from ansible_collections.hostnet.fabric.plugins.module_utils.host import LOCK_TIMEOUT, Host
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options
from ansible_collections.hostnet.fabric.plugins.module_utils.present import as_data, detailed, headline


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "document": {"type": "dict", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "purge": {"type": "bool", "default": True},
            "adopt": {"type": "bool", "default": False},
            "max_removals": {"type": "int", "default": 100},
            "protect_connection": {"type": "bool", "default": True},
            "announce": {"type": "list", "elements": "str", "default": []},
            "lock_timeout": {"type": "int", "default": LOCK_TIMEOUT},
            "ovs_database": {"type": "str"},
        },
        supports_check_mode=True,
    )
    given = module.params
    absent = given["state"] == "absent"
    options = Options(
        purge=given["purge"],
        adopt=given["adopt"],
        max_removals=None if absent or given["max_removals"] < 0 else given["max_removals"],
        protected=incoming() if given["protect_connection"] else None,
    )
    host, check = Host(given["ovs_database"], lock_timeout=given["lock_timeout"]), module.check_mode
    engine = Engine(host, options, check=check, absent=absent, announce=given["announce"])
    try:
        outcome = engine.run(given["document"])
    except FabricError as error:
        module.fail_json(msg=str(error))
    result: dict[str, Any] = {
        "changed": bool(outcome.plan.changes),
        "changes": [as_data(change) for change in outcome.plan.changes],
        "announced": [
            {"namespace": namespace, "device": device, "address": address}
            for namespace, entries in outcome.announced.items()
            for device, address in entries
        ],
        "summary": headline(outcome.plan),
        "stats": outcome.stats,
    }
    if module._diff and outcome.plan.changes:
        result["diff"] = {"prepared": "\n".join([headline(outcome.plan), *detailed(outcome.plan), ""])}
    if module._verbosity >= 2:
        result["commands"] = outcome.commands
    module.exit_json(**result)


if __name__ == "__main__":
    main()
