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

DOCUMENT = "{{ lookup('file', rendered ~ '/' ~ inventory_hostname ~ '.dvr.document.yml') | from_yaml }}"
APPLY = {"hostnet.fabric.host_network": {"document": DOCUMENT, "max_removals": -1}}
# What would be changed, and then, when this is not all that is asked for, what is.
PLAY = [
    {
        "hosts": "dvr",
        "gather_facts": False,
        "tasks": [
            {**APPLY, "check_mode": True, "register": "planned"},
            {**APPLY, "when": "not ansible_check_mode", "register": "made"},
            {
                "ansible.builtin.copy": {
                    "content": "{{ {'planned': planned, 'made': made} | to_json }}",
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
        directory.mkdir(exist_ok=True)
        more = directory / "more.json"
        more.write_text(json.dumps(changed or {}))
        fleet.play("render.yml", "-e", f"render_output={directory}", "-e", f"@{more}")
        self._play = directory / "apply.yml"
        self._play.write_text(json.dumps(PLAY))

    def plan(self, hosts: str) -> dict[str, list[Change]]:
        """What would be changed on each host to make it equal to its document."""
        return {host: planned for host, (planned, _made) in self._run(hosts, "--check").items()}

    def apply(self, hosts: str) -> dict[str, list[Change]]:
        """What was changed on each host, which must be what had been planned."""
        found = self._run(hosts)
        for host, (planned, made) in found.items():
            assert planned == made, host
        return {host: made for host, (_planned, made) in found.items()}

    def _run(self, hosts: str, *options: str) -> dict[str, tuple[list[Change], list[Change]]]:
        words = ["-e", f"rendered={self._directory}", "--limit", hosts, *options]
        done = self._fleet.play(str(self._play), *words)
        return {host: self._results(host) for host in done.changed if host != "localhost"}

    def _results(self, host: str) -> tuple[list[Change], list[Change]]:
        result = json.loads((self._directory / f"{host}.result.json").read_text())
        return changes(result["planned"]), changes(result["made"])


def changes(result: dict[str, Any]) -> list[Change]:
    return [(each["action"], each["kind"], each["namespace"], each["name"]) for each in result.get("changes", ())]
