# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first plan said is what the first run has done, and there is nothing left to plan."""

from __future__ import annotations

import json
from pathlib import Path

from fleet import Fleet


def test_the_run_has_made_what_the_plan_said(fleet: Fleet) -> None:
    planned, made = (
        json.loads(Path(f"/run/hostnet-lab/{fleet.scenario}/changes-{run}.json").read_text())
        for run in ("check", "run")
    )
    assert set(planned) == set(made)
    for host, changes in planned.items():
        assert changes == made[host]


def test_nothing_is_left_to_plan(fleet: Fleet) -> None:
    assert set(fleet.play("site.yml", "--check").changed.values()) == {0}
