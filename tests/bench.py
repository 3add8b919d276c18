# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure the engine against what the plain tools and per-object tasks need, and write docs/benchmarks.md.

tests/bench.py                  everything
tests/bench.py --largest 100    hosts of at most 100 instances or tenants, plans of at most 100 pools, few cuts of user
                                planes, and no playbooks; printed instead of written
tests/bench.py --only nf        NF nodes alone; printed. So are bridges and tenants
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / ".collections"))

from bench import documents, fleets, floor, nf, nf_report, playbooks, report, tenants  # noqa: E402
from bench.documents import CONTAINERS, PER_BRIDGE, TAPS  # noqa: E402
from bench.facts import facts, today  # noqa: E402
from bench.machine import Machine, empty_machine, leave_network  # noqa: E402
from bench.results import NfResults, Results, Size  # noqa: E402
from bench.subject import Document, Subject  # noqa: E402

PYTHON = "/usr/bin/python3"
ENVIRONMENT = {"PYTHONPATH": str(ROOT / ".collections")}
PROGRAMS = ROOT / "tests" / "bench"
OUTPUT = ROOT / "docs" / "benchmarks.md"
RUN_DIRECTORY = "/run/hostnet.fabric"
SIZES = {TAPS: (100, 500, 1000, 5000), CONTAINERS: (100, 500, 1000)}
TENANTS = (10, 100, 500)
FLEETS = (10, 100, 1000)
POOLS = (256, 1000)
CUTS, FEW_CUTS, POOL_ROUNDS = 24, 6, 5


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


def measure(subject: Subject, rounds: int, directory: Path) -> Size:
    usual = _written(subject.usual, directory / "usual.json")
    added = _written(subject.added, directory / "added.json")
    removed = usual if subject.removed == subject.usual else _written(subject.removed, directory / "removed.json")
    samples = Samples()
    for number in range(rounds):
        with _host(subject) as machine:
            samples.first.append(_changed(apply(machine, usual)))
            made = _made(machine, subject)
            samples.noop.append(_unchanged(apply(machine, usual)))
            samples.reads.append(_answer(machine, "read.py", usual)["seconds"])
            _change_round(samples, machine, usual, added, removed)
        with _host(subject) as machine:
            script = floor.write(subject.usual, made.flows, made.ports, directory / f"floor{number}")
            samples.floor.append(machine.run(["sh", script], ENVIRONMENT).seconds)
            # With the ledger beside what plain tools have made, the engine must find nothing to do.
            (directory / "ledger").write_text(made.ledger, encoding="utf-8")
            machine.run(["install", "-D", directory / "ledger", _ledger(subject)])
            _unchanged(apply(machine, usual, "--check"))
    return _size(subject, samples)


@dataclass(frozen=True)
class Made:
    """What the engine has left that the floor needs: its ledger, flows by bridge, and the numbers of ports."""

    ledger: str
    flows: dict[str, str]
    ports: dict[str, int]


def _made(machine: Machine, subject: Subject) -> Made:
    ledger = machine.run(["cat", _ledger(subject)]).output
    if not subject.switch:
        return Made(ledger, {}, {})
    names = {bridge: f"{RUN_DIRECTORY}/openflow/{bridge}.{subject.scope}.flows" for bridge in subject.bridges}
    flows = {bridge: machine.run(["cat", path]).output for bridge, path in names.items()}
    rows = machine.run(["ovs-vsctl", "--format=json", "--columns=name,ofport", "list", "Interface"]).output
    return Made(ledger, flows, dict(json.loads(rows)["data"]))


@contextmanager
def _host(subject: Subject) -> Iterator[Machine]:
    with empty_machine() as machine, machine.open_vswitch(subject.switch):
        if subject.device:
            machine.run(["ip", "tuntap", "add", "dev", subject.device, "mode", "tap"])
        yield machine


def _written(document: Document, path: Path) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _ledger(subject: Subject) -> str:
    return f"{RUN_DIRECTORY}/{subject.scope}.json"


def _change_round(samples: Samples, machine: Machine, usual: Path, added: Path, removed: Path) -> None:
    """The full host changed by what is added, and by what is removed."""
    samples.added.append(_changed(apply(machine, added)))
    if removed != usual:
        _changed(apply(machine, usual))
    samples.removed.append(_changed(apply(machine, removed)))
    _unchanged(apply(machine, removed, "--check"))


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


def _size(subject: Subject, samples: Samples) -> Size:
    everything = [*samples.first, *samples.noop, *samples.added, *samples.removed]
    return Size(
        shape=subject.shape,
        count=subject.count,
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


def measure_all(make: Callable[[int], Subject], counts: Sequence[int], rounds: Callable[[int], int]) -> list[Size]:
    sizes = []
    for count in counts:
        with tempfile.TemporaryDirectory() as directory:
            sizes.append(measure(make(count), rounds(count), Path(directory)))
        print(report.progress(sizes[-1]), flush=True)
    return sizes


def measure_nf(counts: Sequence[int], cuts: int) -> NfResults:
    with tempfile.TemporaryDirectory() as directory:
        convergence = nf.convergence(cuts, Path(directory))
    print(f"{cuts} cuts of a user plane", flush=True)
    times, configured = [], []
    for count in counts:
        with tempfile.TemporaryDirectory() as directory:
            times.append(nf.pool_times(count, POOL_ROUNDS, Path(directory)))
        with tempfile.TemporaryDirectory() as directory:
            configured += nf.configured(count, POOL_ROUNDS, Path(directory))
        print(f"{count:,} pools", flush=True)
    return NfResults(convergence, tuple(times), tuple(configured))


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine and write docs/benchmarks.md.")
    parser.add_argument("--largest", type=int, help="only so many instances, tenants or pools, no playbooks, printed")
    parser.add_argument("--only", choices=("bridges", "tenants", "nf"), help="only hosts of this kind, printed")
    words = parser.parse_args()
    leave_network()

    def chosen(kind: str, counts: Sequence[int]) -> list[int]:
        wanted = words.only in (None, kind)
        return [count for count in counts if wanted and (words.largest is None or count <= words.largest)]

    sizes: list[Size] = []
    for shape, counts in SIZES.items():
        sizes += measure_all(
            partial(documents.subject, shape), chosen("bridges", counts), lambda n: 5 if n <= 500 else 3
        )
    routed = measure_all(tenants.subject, chosen("tenants", TENANTS), lambda n: 3 if n <= 100 else 1)
    compiled = [fleets.measure(hosts) for hosts in chosen("tenants", FLEETS)]
    cuts = CUTS if words.largest is None else FEW_CUTS
    routing = measure_nf(chosen("nf", POOLS), cuts) if words.only in (None, "nf") else None
    if words.largest is not None or words.only is not None:
        parts = [report.tables(sizes), report.tenant_tables(routed, compiled)] if words.only != "nf" else []
        print("\n\n".join([*parts, *([nf_report.tables(routing)] if routing else [])]))
        return
    assert routing is not None
    print("The same hosts by ansible-playbook", flush=True)
    with tempfile.TemporaryDirectory() as directory:
        runs = playbooks.measure(Path(directory))
    results = Results(today(), facts(), PER_BRIDGE, tuple(sizes), tuple(routed), tuple(compiled), routing, runs)
    OUTPUT.write_text(report.page(results), encoding="utf-8")
    print(f"Written to {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
