# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A copy of the lab's program with a small scenario of its own, so that no other lab on the machine is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MOLECULE = Path(__file__).resolve().parents[2] / "molecule"
SCENARIO = """
networks: [lan, cable]
machines:
  alpha:
    interfaces:
      eth0: {network: lan, addresses: [10.77.0.2/24, "2001:db8:77::2/64"]}
    routes:
      - {to: default, via: 10.77.0.1}
    ssh: {from: beyond, address: 10.77.0.2}
    programs: [mark]
  beta:
    interfaces:
      eth0: {network: lan, addresses: [10.77.0.3/24]}
      eth1: {network: cable, mtu: 9000}
peers:
  beyond:
    forward: true
    interfaces:
      eth0: {network: lan, addresses: [10.77.0.1/24, "2001:db8:77::1/64"]}
      eth1: {network: cable, mtu: 9000, addresses: [10.78.0.1/24]}
guests:
  guest:
    machine: alpha
    tap: tap-guest
    addresses: [10.79.0.2/24, "2001:db8:79::2/64"]
    routes:
      - {to: default, via: 10.79.0.1}
      - {to: default, via: "2001:db8:79::1"}
containers:
  box: {machine: beta, namespace: boxed, programs: [mark]}
"""
# In a machine, or in a container's namespace: an address that tells by the name of its host that it has run there.
PROGRAMS = {
    "mark": """
        . "${0%/*}/address"
        ip link set lo up
        ip address replace "$address" dev lo
        echo "$1" > "/run/mark.$1"
        exec sleep infinity
    """,
    "address": "address=10.80.0.1/32",
}


@dataclass(frozen=True)
class Lab:
    """The lab command of one scenario, run as a user runs it."""

    scenario: str
    directory: Path

    @property
    def command(self) -> Path:
        return self.directory / "lab"

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.command), *words], input=stdin, capture_output=True, text=True, timeout=400, check=False
        )

    def ok(self, *words: str) -> str:
        done = self(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def on(self, host: str, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self("exec", "--scenario", self.scenario, host, "--", *command, stdin=stdin)

    def output(self, host: str, *command: str) -> str:
        done = self.on(host, *command)
        assert done.returncode == 0, done.stderr
        return done.stdout


def eventually(true: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.1)


def make_lab(directory: Path, name: str, text: str) -> Lab:
    """A copy of the program with one scenario; its name is this test run's own."""
    scenario = f"{name}-{os.getpid()}"
    shutil.copy(MOLECULE / "lab", directory / "lab")
    shutil.copytree(MOLECULE / "labkit", directory / "labkit", ignore=shutil.ignore_patterns("__pycache__"))
    (directory / scenario / "programs").mkdir(parents=True)
    (directory / scenario / "lab.yml").write_text(text)
    for program, script in PROGRAMS.items():
        (directory / scenario / "programs" / program).write_text(script)
    return Lab(scenario, directory)
