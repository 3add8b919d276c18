# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the project's checks, stage by stage, and say what became of them.

tests/run.py              all stages, two lanes side by side, a table at the end
tests/run.py unit         one stage, its output on the terminal
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
LOGS = ROOT / ".cache" / "logs"
REPORTS = ROOT / ".cache" / "reports"
SANITY_REPORTS = ROOT / ".cache/sanity/ansible_collections/hostnet/fabric/tests/output/junit"
KERNEL_REPORT = REPORTS / "tests-kernel.xml"
STEP_SECONDS = 40 * 60
TAIL_LINES = 60
# For tests with daemons, packets and clocks, on a machine that does other things at the same time. A pure function has
# no excuse, so its tests have one try.
SECOND_TRY = ("--reruns", "1")
# `make test LONG=1` runs these, too.
SHORT = () if os.environ.get("LONG") else ("-m", "not long")
RERUN = re.compile(r"\bRERUN (\S+::\S+)")


@dataclass(frozen=True)
class Step:
    """One command. It counts as one test, or as the tests of the JUnit files it writes."""

    name: str
    command: tuple[str, ...]
    reports: Path | None = None
    directory: Path = ROOT


@dataclass(frozen=True)
class Stage:
    purpose: str
    steps: tuple[Step, ...]


@dataclass
class Score:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0

    def add(self, other: Score) -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.seconds += other.seconds


def python(name: str, *arguments: str, reports: Path | None = None) -> Step:
    return Step(name, (sys.executable, *arguments), reports)


def pytest(directory: str, *arguments: str) -> Step:
    report = REPORTS / f"{directory.replace('/', '-')}.xml"
    return python(directory, "-m", "pytest", directory, f"--junit-xml={report}", *arguments, reports=report)


def molecule(scenario: str) -> Step:
    command = ("molecule", "test", "--scenario-name", scenario)
    return Step(f"molecule {scenario}", command, reports=REPORTS / f"molecule-{scenario}")


LAB_PACKAGES = Step("lab packages", ("molecule/lab", "deps"))
# mypy must see the files under the name that they import each other by.
MYPY = ("mypy", "--config-file", str(ROOT / "pyproject.toml"), "ansible_collections/hostnet/fabric/plugins")

STAGES = {
    "lint": Stage(
        "style, types, YAML, roles, changelog and documentation",
        (
            Step("ruff check", ("ruff", "check", ".")),
            Step("ruff format", ("ruff", "format", "--check", ".")),
            Step("mypy", MYPY, directory=ROOT / ".collections"),
            Step("yamllint", ("yamllint", "--strict", ".")),
            Step("ansible-lint", ("ansible-lint",)),
            Step("changelog", ("antsibull-changelog", "lint")),
            Step("documentation", ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--skip-rstcheck", ".")),
        ),
    ),
    "unit": Stage("pure functions, the compiler and the planner", (pytest("tests/unit", "-n", "2"),)),
    "sanity": Stage(
        "ansible-test sanity, every test that runs here",
        (python("sanity", "scripts/sanity.py", "--junit", reports=SANITY_REPORTS),),
    ),
    # Most of the time these tests wait for the kernel and for daemons, so there are more of them than processors.
    "engine": Stage("the engine in real network namespaces", (pytest("tests/engine", "-n", "4", *SECOND_TRY, *SHORT),)),
    "package": Stage("the built artifact, installed and used", (pytest("tests/packaging"),)),
    "lab": Stage("the lab itself", (LAB_PACKAGES, pytest("tests/lab", *SECOND_TRY))),
    "kernel": Stage(
        "the engine tests that need another kernel than this one",
        (
            LAB_PACKAGES,
            python("kernel", "tests/kernel/run.py", "--junit-xml", str(KERNEL_REPORT), reports=KERNEL_REPORT),
        ),
    ),
    "molecule": Stage(
        "whole fleets on the lab", (molecule("bridge"), molecule("vlan"), molecule("dvr"), molecule("nf"))
    ),
}

# What measures packets comes last in the second lane, when the first one has nothing left to do; so does the emulated
# machine, which another one beside it, or a fleet, slows down several times.
LANES = (("lint", "unit", "sanity", "package", "lab"), ("engine", "kernel", "molecule"))


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "NO_COLOR": "1",
    }


def reports_in(place: Path) -> list[Path]:
    """The JUnit files of a directory, or the one at this path."""
    return sorted(place.glob("*.xml")) if place.is_dir() else [place] * place.exists()


def count(reports: Path) -> Score:
    score = Score()
    for report in reports_in(reports):
        # A test has an entry for each of its tries, and one for what goes wrong after it.
        outcomes: dict[tuple[str | None, ...], set[str]] = {}
        for case in ET.parse(report).iter("testcase"):
            outcomes.setdefault((case.get("classname"), case.get("name")), set()).update(child.tag for child in case)
        for found in outcomes.values():
            if found & {"failure", "error"}:
                score.failed += 1
            elif "skipped" in found:
                score.skipped += 1
            else:
                score.passed += 1
    return score


def judge(step: Step, status: int) -> Score:
    """What a finished step amounts to: a bad exit status is never lost, reports without a passed test are a fault."""
    score = count(step.reports) if step.reports else Score(passed=int(status == 0))
    if score.failed == 0 and (status != 0 or score.passed == 0):
        score.failed = 1
    return score


async def execute(step: Step, output: IO[str] | None) -> int:
    """The step's exit status. Whatever it started ends with it, also when it takes too long or we are interrupted."""
    process = await asyncio.create_subprocess_exec(
        *step.command,
        cwd=step.directory,
        env=environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=asyncio.subprocess.STDOUT if output else None,
        start_new_session=True,
    )
    try:
        return await asyncio.wait_for(process.wait(), STEP_SECONDS)
    except TimeoutError:
        print(f"{step.name}: no end after {STEP_SECONDS} seconds, stopped", file=output or sys.stdout, flush=True)
        return 124
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
            await process.wait()


async def run_step(step: Step, output: IO[str] | None) -> Score:
    if step.reports:
        for report in reports_in(step.reports):
            report.unlink()
    print(f"$ {' '.join(step.command)}", file=output or sys.stdout, flush=True)
    started = time.monotonic()
    score = judge(step, await execute(step, output))
    score.seconds = time.monotonic() - started
    return score


async def run_stage(name: str, alone: bool) -> Score:
    stage = STAGES[name]
    total = Score()
    print(f"{name}: {stage.purpose}", flush=True)
    for step in stage.steps:
        log = LOGS / f"{name}-{step.name.replace('/', '-').replace(' ', '-')}.log"
        if alone:
            score = await run_step(step, None)
        else:
            with log.open("w") as output:
                score = await run_step(step, output)
        if not alone:
            show_reruns(log)
            if score.failed:
                show_tail(step, log)
        total.add(score)
    print(f"{name}: {total.passed} passed, {total.failed} failed in {total.seconds:.0f} s", flush=True)
    return total


def show_reruns(log: Path) -> None:
    """Name the tests that have not passed at their first try."""
    for test in sorted(set(RERUN.findall(log.read_text(errors="replace")))):
        print(f"    tried again: {test}", flush=True)


def show_tail(step: Step, log: Path) -> None:
    lines = log.read_text(errors="replace").splitlines()[-TAIL_LINES:]
    print(f"--- {step.name} failed; the end of {log.relative_to(ROOT)}:")
    print("\n".join(f"    {line}" for line in lines), flush=True)


async def run_all(names: list[str]) -> dict[str, Score]:
    alone = len(names) == 1
    if task := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)

    async def run_lane(lane: tuple[str, ...]) -> dict[str, Score]:
        return {name: await run_stage(name, alone) for name in lane if name in names}

    scores: dict[str, Score] = {}
    for part in await asyncio.gather(*(run_lane(lane) for lane in LANES)):
        scores.update(part)
    return {name: scores[name] for name in STAGES if name in scores}


def show_table(scores: dict[str, Score], elapsed: float) -> None:
    print(f"\n{'stage':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, score in scores.items():
        print(f"{name:<10}{score.passed:>8}{score.failed:>8}{score.skipped:>9}{score.seconds:>9.0f}")
    print(f"\nlogs are in {LOGS.relative_to(ROOT)}; it took {elapsed / 60:.1f} minutes")


def main() -> int:
    parser = argparse.ArgumentParser(description="Run the project's checks.")
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=f"one of {', '.join(STAGES)}; all of them if none")
    names = parser.parse_args().stages or list(STAGES)
    if unknown := sorted(set(names) - set(STAGES)):
        parser.error(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")

    LOGS.mkdir(parents=True, exist_ok=True)
    REPORTS.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    try:
        scores = asyncio.run(run_all(names))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    if len(names) > 1:
        show_table(scores, time.monotonic() - started)
    total = Score()
    for score in scores.values():
        total.add(score)
    print(f"{total.passed} passed, {total.failed} failed")
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
