# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, in types. Seconds are medians over the rounds of one benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FIRST_RATIO = 1.5
NOOP_RATIO, NOOP_START = 1.5, 0.2
TIMES_FASTER = 50
FLAT_WITHIN, FLAT_FROM = 0.25, 500
PEAK_MB = 200


@dataclass(frozen=True)
class Size:
    """A host of one shape with so many instances. phases: seconds of each phase of the engine, by name."""

    shape: str
    instances: int
    rounds: int
    objects: int
    first: float
    floor: float
    noop: float
    reads: float
    added: float
    removed: float
    processes: int
    peak_mb: float
    first_phases: Mapping[str, float]
    noop_phases: Mapping[str, float]

    @property
    def name(self) -> str:
        return f"{self.instances:,} {self.shape}"

    @property
    def first_ratio(self) -> float:
        return self.first / self.floor

    @property
    def noop_aim(self) -> float:
        """What a run that changes nothing may take: its reads, and the start of the interpreter."""
        return NOOP_RATIO * self.reads + NOOP_START

    @property
    def each(self) -> float:
        """Seconds of the first apply for each object."""
        return self.first / self.objects


@dataclass(frozen=True)
class Playbook:
    """ansible-playbook on an empty host, and again when nothing is to be done; the time of its own start taken off."""

    name: str
    instances: int
    objects: int
    first: float
    again: float

    @property
    def each(self) -> float:
        """Seconds of the first run for each object."""
        return self.first / self.objects


@dataclass(frozen=True)
class Playbooks:
    """start: seconds that ansible-playbook needs for a play that does nothing."""

    start: float
    tasks: Playbook
    roles: tuple[Playbook, ...]

    @property
    def times_faster(self) -> float:
        """How many times longer a task takes for an object than the role does on the largest host."""
        return self.tasks.each / self.roles[-1].each


@dataclass(frozen=True)
class Results:
    """per_bridge: instances that share a bridge. facts: the machine and the versions, by name."""

    date: str
    facts: Mapping[str, str]
    per_bridge: int
    sizes: tuple[Size, ...]
    playbooks: Playbooks
