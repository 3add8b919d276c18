# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test of this scenario starts with."""

from __future__ import annotations

import pytest
from drawing import await_plan, await_sessions
from fleet import Fleet


@pytest.fixture(autouse=True)
def _whole(fleet: Fleet) -> None:
    """What failed in the test before is back."""
    await_plan(fleet)
    await_sessions(fleet)
