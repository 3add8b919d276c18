# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's documents, and what the module says when it makes hosts equal to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from fleet import PROJECT, Fleet

INTENT = PROJECT / "inventory/dvr/group_vars/dvr.yml"
# What a change is known by: its action, kind, namespace and name.
Change = tuple[str, str, str, str]

DOCUMENT = "{{ lookup('file', rendered ~ '/' ~ inventory_hostname ~ '.document.yml') | from_yaml }}"
PLAY = [
    {
        "hosts": "dvr",
        "gather_facts": False,
        "tasks": [
            {
                "hostnet.fabric.host_network": {"document": DOCUMENT, "max_removals": -1},
                "register": "done",
            },
            {
                "ansible.builtin.copy": {
                    "content": "{{ done | to_json }}",
                    "dest": "{{ rendered }}/{{ inventory_hostname }}.result.json",
                    "mode": "0600",
                },
                "delegate_to": "localhost",
                "check_mode": False,
            },
        ],
    }
]


def intent() -> Any:
    return yaml.safe_load(INTENT.read_text())


class Documents:
    """The documents of all hosts, as the playbook render.yml writes them."""

    def __init__(self, fleet: Fleet, directory: Path, changed: dict[str, Any] | None = None) -> None:
        """changed: variables that the inventory's are replaced by."""
        self._fleet = fleet
        self._directory = directory
        more = directory / "more.json"
        more.write_text(json.dumps(changed or {}))
        fleet.play("render.yml", "-e", f"render_output={directory}", "-e", f"@{more}")
        self._play = directory / "apply.yml"
        self._play.write_text(json.dumps(PLAY))

    def apply(self, hosts: str, check: bool = False) -> dict[str, list[Change]]:
        """Make hosts equal to their documents, or only say what would be changed: for each host."""
        options = ["-e", f"rendered={self._directory}", "--limit", hosts, *(["--check"] if check else [])]
        done = self._fleet.play(str(self._play), *options)
        return {host: self._changes(host) for host in done.changed if host != "localhost"}

    def _changes(self, host: str) -> list[Change]:
        result = json.loads((self._directory / f"{host}.result.json").read_text())
        return [(each["action"], each["kind"], each["namespace"], each["name"]) for each in result["changes"]]
