# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has what, where it must be one only."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults


@dataclass(frozen=True)
class Holder:
    """path: where the intent says so. whose: how a message calls it, as ``vm1's``."""

    path: str
    whose: str


class Claims:
    """The first to claim a thing has it. Everybody else who does is told whose it is, and what would be right."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._holders: dict[Hashable, Holder] = {}

    def claim(self, thing: Hashable, holder: Holder, path: str, shown: str, cure: str) -> None:
        other = self._holders.setdefault(thing, holder)
        if other != holder:
            self._faults.add(path, f"{shown} is already {other.whose} ({other.path}); {cure}")
