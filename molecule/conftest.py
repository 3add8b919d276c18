# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scenario's lab, for the tests that Molecule runs in its verify, side_effect and cleanup steps."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from fleet import Fleet

SCENARIO = "MOLECULE_SCENARIO_NAME"


@pytest.fixture(scope="session")
def fleet() -> Fleet:
    if SCENARIO not in os.environ:
        pytest.fail(f"these tests are part of Molecule scenarios; set {SCENARIO} to the one that is up")
    return Fleet(os.environ[SCENARIO])


MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes lines that are shown at the end, whether the tests have passed or not."""
    return request.config.stash.setdefault(MEASURED, []).append


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(MEASURED, []):
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.write_line(line)
