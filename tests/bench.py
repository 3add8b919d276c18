# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the engine against what the plain tools and per-object tasks need, and write docs/benchmarks.md.

tests/bench.py                  everything
tests/bench.py --largest 500    hosts of at most 500 instances, and no playbooks; printed instead of written
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".collections"))

from bench import documents, floor, playbooks, report  # noqa: E402
from bench.documents import CONTAINERS, PER_BRIDGE, SCOPE, TAPS, Shape  # noqa: E402
from bench.facts import facts, today  # noqa: E402
from bench.machine import Machine, empty_machine, leave_network  # noqa: E402
from bench.results import Results, Size  # noqa: E402

PYTHON = "/usr/bin/python3"
ENVIRONMENT = {"PYTHONPATH": str(ROOT / ".collections")}
PROGRAMS = ROOT / "tests" / "bench"
OUTPUT = ROOT / "docs" / "benchmarks.md"
LEDGER = f"/run/hostnet.fabric/{SCOPE}.json"
SIZES = {TAPS: (100, 500, 1000, 5000), CONTAINERS: (100, 500, 1000)}


class Wrong(Exception):
    """A measured run did not do what it was measured for."""


@dataclass(frozen=True)
class Applied:
    """One run of the engine as a process of its own."""

    seconds: float
    changes: int
    processes: int
    peak_kib: int
    objects: int
    phases: dict[str, float]


@dataclass
class Samples:
    """The runs of one size, a list entry for each round."""

    first: list[Applied] = field(default_factory=list)
    noop: list[Applied] = field(default_factory=list)
    added: list[Applied] = field(default_factory=list)
    removed: list[Applied] = field(default_factory=list)
    reads: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)


def measure(shape: Shape, instances: int, directory: Path) -> Size:
    rounds = 5 if instances <= 500 else 3
    paths = []
    for count in (instances, instances + 1):
        path = directory / f"{count}.json"
        path.write_text(json.dumps(documents.document(shape, count)), encoding="utf-8")
        paths.append(path)
    script = floor.write(documents.document(shape, instances), directory / "floor")
    samples = Samples()
    for _round in range(rounds):
        ledger = _engine_round(samples, *paths)
        _floor_round(samples, script, paths[0], ledger)
    return _size(shape, instances, samples)


def _engine_round(samples: Samples, usual: Path, one_more: Path) -> str:
    """An empty host filled, left as it is, changed by one instance and back. Returns the ledger of the full host."""
    with empty_machine() as machine:
        samples.first.append(_changed(apply(machine, usual)))
        ledger = machine.run(["cat", LEDGER]).output
        samples.noop.append(_unchanged(apply(machine, usual)))
        samples.reads.append(_answer(machine, "read.py", usual)["seconds"])
        samples.added.append(_changed(apply(machine, one_more)))
        samples.removed.append(_changed(apply(machine, usual)))
        _unchanged(apply(machine, usual, "--check"))
    return ledger


def _floor_round(samples: Samples, script: Path, document: Path, ledger: str) -> None:
    """The same objects by plain tools; with the ledger beside them the engine must find nothing to do."""
    with empty_machine() as machine:
        samples.floor.append(machine.run(["sh", script]).seconds)
        kept = document.with_suffix(".ledger")
        kept.write_text(ledger, encoding="utf-8")
        machine.run(["install", "-D", kept, LEDGER])
        _unchanged(apply(machine, document, "--check"))


def apply(machine: Machine, document: Path, *options: str) -> Applied:
    finished = machine.run([PYTHON, PROGRAMS / "apply.py", document, *options], ENVIRONMENT)
    answer = json.loads(finished.output)
    stats = answer["stats"]
    phases = {name: milliseconds / 1000 for name, milliseconds in stats["milliseconds"].items()}
    phases = {"start and end": finished.seconds - sum(phases.values()), **phases}
    return Applied(
        finished.seconds, answer["changes"], stats["processes"], answer["peak_kib"], stats["declared"], phases
    )


def _answer(machine: Machine, program: str, document: Path) -> Any:
    return json.loads(machine.run([PYTHON, PROGRAMS / program, document], ENVIRONMENT).output)


def _changed(run: Applied) -> Applied:
    if run.changes == 0:
        raise Wrong("a run that should change the host found nothing to do")
    return run


def _unchanged(run: Applied) -> Applied:
    if run.changes > 0:
        raise Wrong(f"a run that should find nothing to do found {run.changes} changes")
    return run


def _size(shape: Shape, instances: int, samples: Samples) -> Size:
    everything = [*samples.first, *samples.noop, *samples.added, *samples.removed]
    return Size(
        shape=shape.title,
        instances=instances,
        rounds=len(samples.first),
        objects=samples.first[0].objects,
        first=_seconds(samples.first),
        floor=median(samples.floor),
        noop=_seconds(samples.noop),
        reads=median(samples.reads),
        added=_seconds(samples.added),
        removed=_seconds(samples.removed),
        processes=max(run.processes for run in samples.first),
        peak_mb=max(run.peak_kib for run in everything) * 1024 / 1e6,
        first_phases=_phases(samples.first),
        noop_phases=_phases(samples.noop),
    )


def _seconds(runs: Sequence[Applied]) -> float:
    return median(run.seconds for run in runs)


def _phases(runs: Sequence[Applied]) -> dict[str, float]:
    return {name: median(run.phases[name] for run in runs) for name in runs[0].phases}


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine and write docs/benchmarks.md.")
    parser.add_argument("--largest", type=int, help="only hosts of so many instances, no playbooks, printed")
    largest = parser.parse_args().largest
    leave_network()
    sizes = []
    for shape, counts in SIZES.items():
        for instances in counts:
            if largest is None or instances <= largest:
                with tempfile.TemporaryDirectory() as directory:
                    sizes.append(measure(shape, instances, Path(directory)))
                print(report.progress(sizes[-1]), flush=True)
    if largest is not None:
        print(report.tables(sizes))
        return
    print("The same hosts by ansible-playbook", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        runs = playbooks.measure(Path(directory))
    OUTPUT.write_text(report.page(Results(today(), facts(), PER_BRIDGE, tuple(sizes), runs)), encoding="utf-8")
    print(f"Written to {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
