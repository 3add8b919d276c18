# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After teardown every machine is as it was before the first run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fleet import Fleet


def differences(path: str, before: Any, after: Any) -> list[str]:
    if before == after:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(before.keys() | after.keys())
        return [line for name in names for line in differences(f"{path} / {name}", before.get(name), after.get(name))]
    if isinstance(before, list) and isinstance(after, list):
        gone = [f"{path}: gone: {json.dumps(item)}" for item in before if item not in after]
        return gone + [f"{path}: new: {json.dumps(item)}" for item in after if item not in before]
    return [f"{path}: was {before!r}, is {after!r}"]


def test_every_machine_is_as_before_the_first_run(fleet: Fleet) -> None:
    before = json.loads(Path(f"/run/hostnet-lab/{fleet.scenario}/before.json").read_text())
    assert set(before) == set(fleet.machines)
    assert all(len(machine["host"]["sysctls"]) > 100 and machine["host"]["links"] for machine in before.values())
    assert "\n".join(differences("", before, fleet.snapshots())) == ""
