#!/usr/bin/python
# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns_service
short_description: Have services run in the network namespaces of their names
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - A program stays in the network namespace that it was started in, also when that has been deleted and another one has
    taken its name. Nobody can reach it there any more, and its service is active all the same.
  - Restarts those services of systemd whose main process is not in the namespace that has the name now, all at once.
    One that does not run is left as it is.
requirements:
  - systemd on the target
attributes:
  check_mode:
    support: full
    description: A service whose namespace is not there counts as one to be restarted, since it is about to be made.
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
  services:
    description: The namespace of each service, by the service's name.
    type: dict
    required: true
seealso:
  - module: hostnet.fabric.host_network
  - module: ansible.builtin.systemd_service
"""

EXAMPLES = r"""
- name: Have BIRD in the namespace that is there, and not in one that was
  hostnet.fabric.netns_service:
    services:
      hostnet-bird@nf-up1: nf-up1
"""

RETURN = r"""
running:
  description: The services that run, and did so before.
  returned: success
  type: list
  elements: str
restarted:
  description: Those of them that were restarted.
  returned: success
  type: list
  elements: str
"""

import os

from ansible.module_utils.basic import AnsibleModule

NAMESPACES = "/run/netns"


def inode(path: str) -> int | None:
    """What tells one namespace from another; None when there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def is_elsewhere(process: str, namespace: str) -> bool:
    """Whether a process that runs is not in the namespace that has the name."""
    there = inode(f"/proc/{process}/ns/net")
    return there is not None and there != inode(os.path.join(NAMESPACES, namespace))


def main_processes(module: AnsibleModule, services: list[str]) -> dict[str, str]:
    """The process of each service that runs."""
    if not services:
        return {}
    command = ["systemctl", "show", "--property=MainPID", "--value", "--", *services]
    _code, output, _errors = module.run_command(command, check_rc=True)
    processes = output.split()
    if len(processes) != len(services):
        module.fail_json(msg=f"systemctl tells the processes of {len(processes)} services, not of {services}")
    return {name: process for name, process in zip(services, processes) if process != "0"}


def main() -> None:
    module = AnsibleModule(
        argument_spec={"services": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    services: dict[str, str] = module.params["services"]
    processes = main_processes(module, list(services))
    restarted = [name for name, process in processes.items() if is_elsewhere(process, services[name])]
    if restarted and not module.check_mode:
        module.run_command(["systemctl", "restart", "--", *restarted], check_rc=True)
    module.exit_json(changed=bool(restarted), running=list(processes), restarted=restarted)


if __name__ == "__main__":
    main()
