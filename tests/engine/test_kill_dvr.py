# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of the shipped inventory of distributed routing that are killed, on a compute host and on the SNAT host."""

from __future__ import annotations

import pytest
from dvr_alone import COMPUTE, SNAT_HOST, content, furnish
from dvr_shipped import document, intent
from harness import Machine, OpenVSwitch, unlike
from kills import kill, lasts, start

KILLS = 12


@pytest.mark.parametrize("name", [COMPUTE, SNAT_HOST])
def test_a_killed_run_and_a_killed_teardown_are_finished_by_the_next(
    name: str, host: Machine, ovs: OpenVSwitch, datapath: str
) -> None:
    furnish(host, ovs, name, datapath)
    wanted = document(intent(datapath), name)
    clean = content(host, wanted)
    build = lasts(host, wanted)
    undisturbed = content(host, wanted)
    assert list(unlike(clean, undisturbed)) != []
    teardown = lasts(host, {}, absent=True)
    assert list(unlike(clean, content(host, wanted))) == []
    for turn in range(KILLS):
        instant, group = f"{turn} of {KILLS}", bool(turn % 2)
        kill(start(host, wanted), build * turn / KILLS, group)
        host.run(wanted)
        ovs.wait_until_done()
        assert list(unlike(undisturbed, content(host, wanted))) == [], instant
        again = host.run(wanted)
        assert (list(again.plan.changes), list(again.commands)) == ([], []), instant
        kill(start(host, {}, absent=True), teardown * turn / KILLS, group)
        host.run({}, absent=True)
        ovs.wait_until_done()
        assert list(unlike(clean, content(host, wanted))) == [], f"teardown, {instant}"
