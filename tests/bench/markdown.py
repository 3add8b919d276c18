# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables and times, as every part of the page writes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def duration(seconds: float) -> str:
    """Three digits, in seconds or milliseconds."""
    if seconds >= 0.9995:
        return f"{seconds:.3g} s"
    return f"{seconds * 1000:.3g} ms"


def share(reached: Sequence[bool]) -> str:
    if all(reached):
        return "yes"
    return f"{sum(reached)} of {len(reached)}" if any(reached) else "no"


def longest(phases: Mapping[str, float]) -> str:
    ordered = sorted(phases.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {duration(seconds)}" for name, seconds in ordered)
