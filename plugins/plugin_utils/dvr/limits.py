# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much an instance or a floating IP may send and receive."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import RateLimit
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

_AMOUNT = re.compile(r"(\d+(?:\.\d+)?) ?([kmg])bit")
_TIMES = {"k": 10**3, "m": 10**6, "g": 10**9}
_MOST = 10**12


def amount(value: Any) -> int:
    """Bits, or bits per second: 100mbit."""
    match = _AMOUNT.fullmatch(value.lower()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not understood; write it as 500kbit, 100mbit or 1.5gbit")
    bits = int(float(match[1]) * _TIMES[match[2]])
    if not 1000 <= bits <= _MOST:
        raise ValueError(f"{value!r} is out of range; choose 1kbit to 1000gbit")
    return bits


def parse_limit(section: Section) -> RateLimit | None:
    """The value of ``bandwidth`` in this section."""
    raw = section.raw("bandwidth")
    if raw is None:
        return None
    own = Section(section.path_of("bandwidth"), raw, section.faults)
    limit = RateLimit(
        inbound=own.get("in", amount, None),
        outbound=own.get("out", amount, None),
        burst=own.get("burst", amount, None),
        path=own.path,
    )
    own.close()
    if own.sound and limit.inbound is None and limit.outbound is None:
        section.fault("bandwidth", "limits nothing; say in, out or both, such as {in: 100mbit, out: 50mbit}")
    return limit
