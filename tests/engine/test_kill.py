# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any instant is finished by the next one, and nothing is left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from fleets import Document, containers
from harness import Machine, unlike

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents

INSTANTS = 100
CONTAINERS = 29


@pytest.fixture(scope="module")
def fleet() -> Document:
    document = containers(CONTAINERS)
    assert len(documents.parse({"scope": "t", **document}).objects) >= 290
    return document


def _started(run: Callable[[], Any]) -> int:
    """A process, first of a group of its own, that does one run."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            run()
        finally:
            os._exit(0)
    return child


def _killed(run: Callable[[], Any], delay: float, whole_group: bool) -> bool:
    """Kill a run after a while, alone or with the tools it has started; whether it was still at work."""
    child = _started(run)
    time.sleep(delay)
    caught = os.waitpid(child, os.WNOHANG) == (0, 0)
    if caught:
        if whole_group:
            os.killpg(child, signal.SIGKILL)
        else:
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return caught


def _seconds(run: Callable[[], Any]) -> float:
    started = time.monotonic()
    os.waitpid(_started(run), 0)
    return time.monotonic() - started


def _numberless(value: Any) -> Any:
    """A snapshot without the numbers the kernel gives to devices and tables, which depend on how often it was tried."""
    if isinstance(value, dict):
        numbers = ("ifindex", "link_index", "link_netnsid", "id", "no", "designated_port")
        return {key: _numberless(item) for key, item in value.items() if key not in numbers}
    if isinstance(value, list):
        return sorted((_numberless(item) for item in value), key=json.dumps)
    return re.sub(r" # handle \d+", "", value) if isinstance(value, str) else value


def _ledger(host: Machine) -> dict[str, str]:
    return {name: (host.run_directory / name).read_text() for name in host.ledgers()}


@pytest.mark.parametrize("part", range(4))
def test_a_killed_run_is_finished_by_the_next(part: int, host: Machine, fleet: Document) -> None:
    clean = host.snapshot()
    duration = _seconds(lambda: host.run(fleet))
    built, ledger = _numberless(host.snapshot()), _ledger(host)
    removal = _seconds(lambda: host.run({}, absent=True))
    host.assert_as(clean)
    caught, left = 0, set()

    for instant in range(part, INSTANTS, 4):
        share = (instant + 1) / (INSTANTS + 1)
        caught += _killed(lambda: host.run(fleet), duration * share, whole_group=bool(instant & 4))
        left.add(len(host.run(fleet).plan.changes))
        assert list(unlike(built, _numberless(host.snapshot()))) == []
        assert _ledger(host) == ledger

        if instant % 3 == 0:
            _killed(lambda: host.run({}, absent=True), removal * share, whole_group=bool(instant & 4))
        host.run({}, absent=True)
        host.assert_as(clean)
        assert host.ledgers() == []

    assert caught >= INSTANTS // 4 * 0.6, "too many runs had ended before they were to be killed"
    assert len(left - {0, max(left)}) > 3, "no run was killed half-way"
