# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""VLAN numbers, one by one or as ranges."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values

vlan_id = values.integer(1, 4094)


def vlan_range(value: Any) -> range:
    """``100``, or ``100-199``."""
    match = re.fullmatch(r"(\d+)-(\d+)", value) if isinstance(value, str) else None
    first, last = (vlan_id(match[1]), vlan_id(match[2])) if match else (vlan_id(value), vlan_id(value))
    if last < first:
        raise ValueError(f"'{value}' ends before it begins; write {last}-{first}")
    return range(first, last + 1)


def merged(ranges: Iterable[range]) -> tuple[int, ...]:
    return tuple(sorted({vlan for one in ranges for vlan in one}))


def named(vlans: Iterable[int]) -> str:
    """Neighbouring numbers as a range: ``10, 100-199``."""
    runs: list[list[int]] = []
    for vlan in sorted(vlans):
        if runs and vlan == runs[-1][-1] + 1:
            runs[-1][1:] = [vlan]
        else:
            runs.append([vlan])
    return ", ".join("-".join(map(str, run)) for run in runs)
