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
stats:
  description: Processes started and milliseconds for each phase.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "scope": {"type": "str"},
            "namespaces": {"type": "list", "elements": "str"},
            "ovs_database": {"type": "str"},
        },
        supports_check_mode=True,
    )
    host = Host(module.params["ovs_database"])
    try:
        document = gather(host, module.params["scope"], module.params["namespaces"])
    except FabricError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, document=document, stats=host.stats())


if __name__ == "__main__":
    main()
