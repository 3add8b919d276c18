#!/usr/bin/python
# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bird_info
short_description: Read what a BIRD routing daemon does
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Asks BIRD on its control socket for its protocols and its BFD sessions.
  - What BIRD has put into the kernel, M(hostnet.fabric.host_network_info) reads there.
requirements:
  - BIRD 2.0.12 or 2.17 (package bird2 of Debian 12 and 13) on the target. BIRD 3 is not supported.
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
    description: Needs to run as root, or as a user that may open the socket.
extends_documentation_fragment:
  - hostnet.fabric.attributes
options:
  socket:
    description: BIRD's control socket.
    type: path
    default: /run/bird/bird.ctl
seealso:
  - module: hostnet.fabric.bird
  - module: hostnet.fabric.host_network_info
"""

EXAMPLES = r"""
- name: See which neighbours answer
  hostnet.fabric.bird_info:
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found.bfd_sessions | selectattr('up') | map(attribute='address') }}"
"""

RETURN = r"""
protocols:
  description: The protocols, in BIRD's order.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The protocol's name.
      type: str
    type:
      description: Its type, as BIRD writes it, such as V(BGP).
      type: str
    state:
      description: V(up), V(start), V(down), V(stop) or V(flush).
      type: str
    up:
      description: Whether it is up; a BGP session is established then.
      type: bool
    neighbor:
      description: The address of its neighbour; empty for others than BGP.
      type: str
    routes:
      description: How many routes it has imported and exported. What a filter has dropped does not count.
      type: int
  sample:
    - {name: nf_cp1_v4, type: BGP, state: up, up: true, neighbor: 192.0.2.9, routes: 8}
bfd_sessions:
  description: The BFD sessions of all protocols that are up.
  returned: success
  type: list
  elements: dict
  contains:
    protocol:
      description: The BFD protocol that it belongs to.
      type: str
    address:
      description: The neighbour.
      type: str
    interface:
      description: The interface, or C(---).
      type: str
    state:
      description: V(Up), V(Down), V(Init) or V(AdminDown).
      type: str
    up:
      description: Whether it is up.
      type: bool
    timeout:
      description: The seconds of silence after which it is down.
      type: float
  sample:
    - {protocol: guard, address: 192.0.2.1, interface: br-100, state: Up, up: true, timeout: 0.9}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostnet.fabric.plugins.module_utils.bird.control import Control
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.look import as_data, look
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError


def main() -> None:
    module = AnsibleModule(
        argument_spec={"socket": {"type": "path", "default": "/run/bird/bird.ctl"}},
        supports_check_mode=True,
    )
    try:
        control = Control(module.params["socket"])
        try:
            found = as_data(look(control))
        finally:
            control.close()
    except FabricError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
