#!/usr/bin/python
# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bird
short_description: Bring a configuration of the BIRD routing daemon live, safely
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Compares the wanted text with the configuration file and with what BIRD has loaded. When both are the same, nothing
    is done.
  - Has BIRD check the text, and finds out which protocols and sessions the change would interrupt. Without
    O(allow_session_reset) such a change is refused, with their names.
  - Lets BIRD try the text with C(configure timeout), waits until every protocol and BFD session that was up is up
    again, and confirms it. Only then is the file replaced.
  - When something does not come up, BIRD goes back to the old configuration. It does so by itself, too, when this
    module or the connection to the host is cut off half way.
  - What would be interrupted is found out by a second process of the same program, which makes the change in an empty
    network namespace and ends after that. How this decides is in C(docs/bird.md) of this collection.
requirements:
  - BIRD 2.0.12 or 2.17 (package bird2 of Debian 12 and 13) on the target, running. BIRD 3 is not supported.
attributes:
  check_mode:
    support: full
    description:
      - BIRD checks the text and the change is rehearsed, as in a run, and nothing is changed.
      - On a host where BIRD does not run yet, the file is compared and nothing else.
  diff_mode:
    support: full
    description: The protocols and sessions concerned, and the lines that change. Passwords are masked.
  idempotent:
    support: full
    description: A second run tells BIRD nothing and interrupts nothing.
  platform:
    support: full
    platforms: linux
    description: Needs to run as root.
extends_documentation_fragment:
  - hostnet.fabric.attributes
options:
  config:
    description:
      - The whole text of the configuration.
      - Files that it includes are read by BIRD when it loads the text; a change of them alone is not noticed.
    type: str
    required: true
  path:
    description:
      - The file that BIRD reads when it starts.
      - Its owner and group are kept. Others lose the right to read it.
    type: path
    default: /etc/bird/bird.conf
  socket:
    description: BIRD's control socket.
    type: path
    default: /run/bird/bird.ctl
  allow_session_reset:
    description:
      - Whether to go on when the change interrupts sessions or protocols that are up.
      - Removing or disabling a protocol is what the text says and is not refused; that another one takes its place is.
    type: bool
    default: false
  require_up:
    description: Protocols that have to be up after a change, besides those that were up before.
    type: list
    elements: str
    default: []
  verify_timeout:
    description:
      - For how many seconds to wait until everything is up, 0 or more. BIRD goes back by itself 5 seconds later.
      - A session that is reset needs as long as its peer makes it wait, by default 60 seconds when the peer is BIRD.
    type: float
    default: 30.0
  await_sessions:
    description:
      - Whether BGP and BFD sessions that were up have to be up again before the change is confirmed.
      - V(false) is for a change that the other end makes afterwards, such as another key. Everything else is verified,
        and O(require_up) holds.
    type: bool
    default: true
seealso:
  - name: BIRD User's Guide
    description: The language of the configuration, and the commands that this module gives.
    link: https://bird.nic.cz/doc/bird-2.17.html
"""

EXAMPLES = r"""
- name: A BGP session with BFD
  hostnet.fabric.bird:
    config: |
      log syslog all;
      router id 192.0.2.252;
      protocol device { }
      protocol bfd { interface "vlan100" { interval 100 ms; multiplier 3; }; }
      protocol kernel { ipv4 { export all; }; }
      protocol bgp cp1 {
        local 192.0.2.252 as 65000;
        neighbor 192.0.2.9 as 65100;
        bfd on;
        ipv4 { import where net ~ 203.0.113.0/24; export none; };
      }

- name: A template, a change that may reset sessions, and one that has to come up
  hostnet.fabric.bird:
    config: "{{ lookup('ansible.builtin.template', 'bird.conf.j2') }}"
    allow_session_reset: true
    require_up: [cp1]
    verify_timeout: 90
"""

RETURN = r"""
summary:
  description: The change in words.
  returned: success
  type: str
  sample: configuration changes, 1 to add, no running session or protocol is interrupted
plan:
  description: What the change does to protocols and sessions.
  returned: success
  type: dict
  contains:
    added:
      description: Protocols that the configuration gains.
      type: list
      elements: str
      returned: always
    removed:
      description: Protocols that it loses.
      type: list
      elements: str
      returned: always
    changed:
      description: Protocols with a name of their own that go over to another text without being interrupted.
      type: list
      elements: str
      returned: always
    disabled:
      description: Protocols that the new text disables.
      type: list
      elements: str
      returned: always
    enabled:
      description: Protocols that are down and start again, such as those that somebody has disabled by hand.
      type: list
      elements: str
      returned: always
    resets:
      description: What is up and would be interrupted.
      type: list
      elements: dict
      returned: always
      contains:
        what:
          description: The protocol or the BFD session.
          type: str
          returned: always
        why:
          description: The reason.
          type: str
          returned: always
stats:
  description: Milliseconds for each phase.
  returned: success
  type: dict
  sample: {check: 1.2, rehearse: 41.0, configure: 1.3, verify: 302.5}
commands:
  description: The commands that BIRD was given. With C(-vv) only.
  returned: verbosity 2 or more
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostnet.fabric.plugins.module_utils.bird.configurator import Configurator, Settings
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.present import as_data, headline, lines
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            # Not shown with the task's other arguments: it can hold passwords.
            "config": {"type": "str", "required": True, "no_log": True},
            "path": {"type": "path", "default": "/etc/bird/bird.conf"},
            "socket": {"type": "path", "default": "/run/bird/bird.ctl"},
            "allow_session_reset": {"type": "bool", "default": False},
            "require_up": {"type": "list", "elements": "str", "default": []},
            "verify_timeout": {"type": "float", "default": 30.0},
            "await_sessions": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    given = dict(module.params)
    config = given.pop("config")
    try:
        outcome = Configurator(Settings(**given), check=module.check_mode).run(config)
    except FabricError as error:
        module.fail_json(msg=str(error))
    summary = headline(outcome.plan, outcome.text_changes, outcome.mode) if outcome.changed else "nothing to change"
    result: dict[str, Any] = {
        "changed": outcome.changed,
        "summary": summary,
        "plan": as_data(outcome.plan),
        "stats": {phase: round(seconds * 1000, 1) for phase, seconds in outcome.seconds.items()},
    }
    if module._diff and outcome.changed:
        result["diff"] = {"prepared": "\n".join([summary, *lines(outcome.plan), *outcome.difference, ""])}
    if module._verbosity >= 2:
        result["commands"] = outcome.commands
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
