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
TENANT_SECONDS = 60
ADDED_RATIO = 1.2
LOSS_RATIO = 2


@dataclass(frozen=True)
class Size:
    """A host of one shape with so many instances or tenants. phases: seconds of each phase of the engine, by name."""

    shape: str
    count: int
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
        return f"{self.count:,} {self.shape}"

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
class Compiled:
    """A fleet's intent compiled. index: seconds to sort the whole intent. each: seconds for one host after that."""

    hosts: int
    tenants: int
    index: float
    each: float

    @property
    def per_host(self) -> float:
        """Seconds for a host when all are compiled from one index."""
        return self.each + self.index / self.hosts

    @property
    def alone(self) -> float:
        """Seconds for a host when the intent is sorted for it alone, as the filter does in every call."""
        return self.index + self.each


@dataclass(frozen=True)
class Cut:
    """A user plane cut off. gone: seconds until its pool has left the gateway's kernel. lost, packets: for how long a
    probe to that pool was lost, and how many packets of it; others: how many of a probe to another's pool."""

    gone: float
    lost: float
    packets: int
    others: int


@dataclass(frozen=True)
class Convergence:
    """detection: seconds of silence after which BFD gives up. probe: seconds between two packets of a probe."""

    detection: float
    probe: float
    cuts: tuple[Cut, ...]

    @property
    def gone_ratios(self) -> list[float]:
        return [cut.gone / self.detection for cut in self.cuts]

    @property
    def lost_ratios(self) -> list[float]:
        return [cut.lost / self.detection for cut in self.cuts]


@dataclass(frozen=True)
class PoolTimes:
    """Seconds from a change until all routes of so many pools in the gateway's kernel have followed it.

    appeared, moved: from the control plane's new plan on. first, last: from the cut of the user plane that has all
    pools. floor: the routes by ``ip -batch``. compiled_gateway, compiled_control: texts of BIRD from the intent.
    """

    pools: int
    rounds: int
    detection: float
    appeared: float
    moved: float
    first: float
    last: float
    floor: float
    compiled_gateway: float
    compiled_control: float


@dataclass(frozen=True)
class Configured:
    """A text brought live by the module bird and by ``birdc configure`` alone, and again when BIRD has it already.
    phases: seconds of each phase of the module, by name."""

    what: str
    pools: int
    rounds: int
    birdc: float
    birdc_again: float
    module: float
    module_again: float
    phases: Mapping[str, float]

    @property
    def ratio(self) -> float:
        return self.module / self.birdc

    def ratio_without(self, phase: str) -> float:
        return (self.module - self.phases[phase]) / self.birdc

    @property
    def again_ratio(self) -> float:
        return self.module_again / self.birdc_again


@dataclass(frozen=True)
class NfResults:
    convergence: Convergence
    pools: tuple[PoolTimes, ...]
    configured: tuple[Configured, ...]


@dataclass(frozen=True)
class Results:
    """per_bridge: instances that share a bridge. facts: the machine and the versions, by name."""

    date: str
    facts: Mapping[str, str]
    per_bridge: int
    sizes: tuple[Size, ...]
    tenants: tuple[Size, ...]
    fleets: tuple[Compiled, ...]
    nf: NfResults
    playbooks: Playbooks
