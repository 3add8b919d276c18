# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many processes a run starts: bounded by the namespaces, whatever the number of objects."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from fleets import Document, containers, taps
from harness import Machine, Outcome

PER_NAMESPACE = 3
CONSTANT = 8
_STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system")


class Counter:
    """Counts the processes that this Python starts, by its own audit events and not by the engine's word."""

    def __init__(self) -> None:
        self.count = 0
        self.listening = False
        sys.addaudithook(self._heard)

    def _heard(self, event: str, _arguments: object) -> None:
        if self.listening and event in _STARTS:
            self.count += 1

    def of(self, host: Machine, document: Document) -> tuple[int, Outcome]:
        self.count, self.listening = 0, True
        try:
            outcome = host.run(document)
        finally:
            self.listening = False
        return self.count, outcome


@pytest.fixture(scope="module")
def counter() -> Iterator[Counter]:
    yield Counter()


@pytest.mark.parametrize("namespaces", [1, 10, 50])
def test_processes_are_bounded_by_the_namespaces(namespaces: int, host: Machine, counter: Counter) -> None:
    document = containers(namespaces)

    built, outcome = counter.of(host, document)
    again, settled = counter.of(host, document)

    assert built <= PER_NAMESPACE * namespaces + CONSTANT
    assert outcome.stats["processes"] == built
    assert again <= namespaces + CONSTANT
    assert settled.stats["processes"] == again


def test_processes_do_not_grow_with_the_objects(host: Machine, counter: Counter) -> None:
    few, _outcome = counter.of(host, taps(3))
    host.run({}, absent=True)
    many, _outcome = counter.of(host, taps(200))

    assert many == few
