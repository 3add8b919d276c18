# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets that go on in the background, and what became of them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from fleet import MOLECULE, Fleet

FLOWS = (MOLECULE / "shared/flows.py").read_text()


@dataclass(frozen=True)
class Flow:
    """What became of the packets to one address.

    repeated: answers that came again; outages: how often answers ceased; outage: the longest, in ms; errors: what
    routers said instead of an answer, and how often.
    """

    sent: int
    lost: int
    repeated: int
    outages: int
    outage: int
    errors: Mapping[str, int]


class Traffic:
    """A packet every ten milliseconds from a host to each of these addresses, until it is ended."""

    def __init__(self, fleet: Fleet, host: str, addresses: Iterable[str]) -> None:
        command = fleet.command(host, "python3", "-c", FLOWS, *addresses)
        self._run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._run.stdout
        assert self._run.stdout.readline() == "ready\n", f"not everybody answers {host}"
        time.sleep(0.5)

    def end(self) -> dict[str, Flow]:
        text, _errors = self._run.communicate("enough\n")
        return {address: Flow(**values) for address, values in json.loads(text).items()}
