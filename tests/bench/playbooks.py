# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same hosts by ansible-playbook: by a task for each object, and by the role."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from . import documents
from .documents import HOST, TAPS
from .machine import Machine, empty_machine
from .results import Playbook, Playbooks

ROOT = Path(__file__).resolve().parent.parent.parent
PLAYBOOKS = Path(__file__).resolve().parent / "playbooks"
FEW, MANY = 50, 1000
_ANSIBLE = Path(sys.executable).parent / "ansible-playbook"
_CONNECTION = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
_NAMES = {"tasks.yml": "tasks", "role.yml": "role host_bridge"}
_CHANGED = re.compile(r"changed=([0-9]+)")


def measure(directory: Path) -> Playbooks:
    with empty_machine() as machine:
        start = median(_run(machine, "start.yml", {}, directory)[0] for _round in range(3))
    tasks = _pair("tasks.yml", FEW, start, directory)
    return Playbooks(start, tasks, tuple(_pair("role.yml", instances, start, directory) for instances in (FEW, MANY)))


def _pair(playbook: str, instances: int, start: float, directory: Path) -> Playbook:
    """An empty host filled, and then found as it should be."""
    variables = _as_lists(instances, directory) if playbook == "tasks.yml" else documents.intent(TAPS, instances)
    with empty_machine() as machine:
        first, changed = _run(machine, playbook, variables, directory)
        again, changed_again = _run(machine, playbook, variables, directory)
    if not changed or changed_again:
        raise RuntimeError(f"{playbook}: changed={changed} on an empty host, then changed={changed_again}")
    objects = _objects(documents.document(TAPS, instances))
    return Playbook(_NAMES[playbook], instances, objects, first - start, again - start)


def _run(machine: Machine, playbook: str, variables: Mapping[str, Any], directory: Path) -> tuple[float, int]:
    """Seconds of one run, and how many tasks changed something."""
    given = directory / "variables.json"
    given.write_text(json.dumps({**variables, **_CONNECTION}), encoding="utf-8")
    command = [_ANSIBLE, "--inventory", f"{HOST},", "--extra-vars", f"@{given}", PLAYBOOKS / playbook]
    finished = machine.run(command, {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})
    changed = _CHANGED.search(finished.output)
    return finished.seconds, int(changed[1]) if changed else 0


def _objects(document: Mapping[str, Any]) -> int:
    return sum(len(entries) for name, entries in document.items() if name != "scope")


def _as_lists(instances: int, directory: Path) -> dict[str, Any]:
    """The host in the variables of tasks.yml, its names and MAC addresses those of the document."""
    document = documents.document(TAPS, instances)
    intent = documents.intent(TAPS, instances)
    taps = [link for link in document["links"] if link["type"] == "tap"]
    addresses = {name: entry["addresses"][0] for name, entry in intent["fabric_instances"].items()}
    return {
        "guard": str(directory / "guard.nft"),
        "bridges": [
            {"name": name, "addresses": entry["addresses"]} for name, entry in intent["fabric_bridges"].items()
        ],
        "instances": [
            {
                "name": link["label"],
                "device": link["name"],
                "mac": link["mac"],
                "bridge": link["master"],
                "address": addresses[link["label"]],
            }
            for link in taps
        ],
    }
