# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traffic between two instances, probed every 10 ms, loses nothing while the engine is at work beside it."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

from fleets import containers
from harness import Machine, inside, tool


@contextmanager
def probing(source: str, address: str) -> Iterator[None]:
    """Ping every 10 ms during the body, and lose none."""
    tool("ping", "-c", "1", "-w", "5", address, namespace=source)
    with inside(source):
        ping = subprocess.Popen(["ping", "-i", "0.01", "-q", address], stdout=subprocess.PIPE, text=True)
    try:
        yield
    finally:
        ping.send_signal(signal.SIGINT)
        output, _none = ping.communicate(timeout=10)
    match = re.search(r"(\d+) packets transmitted, (\d+) received", output)
    assert match is not None
    sent, received = int(match[1]), int(match[2])
    assert sent >= 20, "the probe was too short to say anything"
    # The last one may have been under way when the probe was ended.
    assert sent - received <= 1, output


def test_a_second_run_loses_nothing(host: Machine) -> None:
    document = containers(3)
    host.apply(document)

    with probing("c0", "10.0.1.2"):
        for _run in range(5):
            host.assert_settled(document)


def test_an_unrelated_instance_comes_and_goes_unnoticed(host: Machine) -> None:
    two, three = containers(2), containers(3)
    host.apply(two)

    with probing("c0", "10.0.1.2"):
        for _round in range(3):
            host.run(three)
            host.run(two)


def test_changing_another_port_loses_nothing(host: Machine) -> None:
    document = containers(3)
    host.apply(document)
    changed = deepcopy(document)
    port = next(link for link in changed["links"] if link["name"] == "v2")
    port.update(isolated=True, label="another name", txqueuelen=500)

    with probing("c0", "10.0.1.2"):
        for wanted in (changed, document) * 10:
            host.run(wanted)
