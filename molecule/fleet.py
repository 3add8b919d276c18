# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab that is up, as the scenarios' tests see it: its hosts, its playbooks, and packets that must not be lost.

`fleet.py SCENARIO FILE` writes the snapshot of every machine into a file, for a test to compare with later.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MOLECULE = Path(__file__).resolve().parent
PROJECT = MOLECULE.parent
SNAPSHOT = MOLECULE / "shared/snapshot.py"
GUESTS = ("vm1", "vm2")
COLLECTIONS = str(PROJECT / ".collections")
ANSIBLE = {"ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_COLLECTIONS_PATH": COLLECTIONS}
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)
# Accepts one connection, on any port that is free, and says on which.
ECHO = """
import socket
here = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)
print(here.getsockname()[1], flush=True)
link, _address = here.accept()
while said := link.recv(100):
    link.sendall(said)
"""
# Each line of its input is for how long to wait until one byte has come back.
TALK = """
import socket, sys
link = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10)
for line in sys.stdin:
    link.settimeout(float(line))
    try:
        link.sendall(b"x")
        came = link.recv(1)
    except OSError:
        came = b""
    print("answered" if came else "not answered", flush=True)
"""
Run = subprocess.CompletedProcess[str]


def eventually(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.2)


def kill(running: subprocess.Popen[str]) -> None:
    """End a program and all that it has started at once, which may be in sessions of their own."""
    family = [running.pid]
    for pid in family:
        with suppress(FileNotFoundError):
            family += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.communicate()


@dataclass(frozen=True)
class Play:
    """What a playbook has done: for each host, in how many tasks it changed something."""

    changed: dict[str, int]
    text: str


@dataclass(frozen=True)
class Fleet:
    scenario: str

    def lab(self, *words: str) -> str:
        done = subprocess.run([str(MOLECULE / "lab"), *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def inventory(self) -> Path:
        return Path(self.lab("inventory", self.scenario))

    @property
    def machines(self) -> list[str]:
        return list(yaml.safe_load(self.inventory.read_text())["all"]["hosts"])

    def command(self, host: str, *command: str) -> list[str]:
        return [str(MOLECULE / "lab"), "exec", "--scenario", self.scenario, host, "--", *command]

    def on(self, host: str, *command: str, stdin: str = "") -> Run:
        full = self.command(host, *command)
        return subprocess.run(full, input=stdin, capture_output=True, text=True, timeout=300, check=False)

    def output(self, host: str, *command: str, stdin: str = "") -> str:
        done = self.on(host, *command, stdin=stdin)
        assert done.returncode == 0, f"{shlex.join(command)} on {host}: {done.stdout}{done.stderr}"
        return done.stdout

    def pings(self, host: str, address: str, *options: str) -> bool:
        """Whether an echo request is answered within three seconds."""
        return self.on(host, "ping", "-c", "1", "-i", "0.3", "-w", "3", "-W", "3", *options, address).returncode == 0

    def seen_as(self, host: str, address: str) -> str:
        """The address that a TCP connection from the host to this one is seen to come from; empty if none is made."""
        return self.on(host, "busybox", "nc", "-w", "3", address, "7777").stdout.strip()

    def play(self, name: str, *arguments: str) -> Play:
        running = self.begin(name, *arguments)
        text, _errors = running.communicate()
        recap = RECAP.findall(text)
        assert running.returncode == 0 and recap, text
        return Play({host: int(changed) for host, changed, _away, _failed in recap}, text)

    def begin(self, name: str, *arguments: str, until: str = "") -> subprocess.Popen[str]:
        """A playbook that goes on in the background, once it has said something."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), str(PROJECT / "playbooks" / name)]
        command += ["-i", str(PROJECT / "inventory" / self.scenario), "-i", str(self.inventory), *arguments]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        running = subprocess.Popen(command, cwd=PROJECT, env={**os.environ, **ANSIBLE}, **pipes)
        assert running.stdout
        said: list[str] = []
        while until and not any(until in line for line in said[-1:]):
            said.append(running.stdout.readline())
            assert said[-1], "".join(said)
        return running

    def stream(self, host: str, address: str) -> Stream:
        """A ping every ten milliseconds that goes on in the background, on the host itself."""
        assert self.pings(host, address)
        log = f"/tmp/stream.{time.monotonic_ns()}"
        script = f"ping -i 0.01 {address} > {log} 2>&1 & echo $!"
        return Stream(self, host, address, log, self.output(host, "sh", "-c", script).strip())

    def session(self, host: str) -> Session:
        """A shell on the host by ssh, over a connection of its own, as Ansible would have it."""
        words = yaml.safe_load(self.inventory.read_text())["all"]["hosts"][host]
        command = ["ssh", "-F", "none", "-o", "ControlPath=none", "-i", words["ansible_ssh_private_key_file"]]
        command += [*shlex.split(words["ansible_ssh_common_args"]), "-l", "root", words["ansible_host"], "cat"]
        return Session(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def reboot(self, host: str) -> None:
        """Reboot a machine and wait until it answers ssh again."""

        def boot() -> str:
            return self.on(host, "stat", "-c", "%Y.%i", "/proc/1/ns/pid").stdout

        before = boot()
        self.on(host, "systemctl", "reboot")
        eventually(lambda: boot() not in ("", before))
        eventually(lambda: json.loads(self.lab("status", "--json"))[self.scenario]["hosts"][host] == "up")

    def power(self, host: str, switch: str) -> None:
        """Switch a machine off as if its cable was pulled, or on again and wait until it answers ssh."""
        self.lab("power", "--scenario", self.scenario, host, switch)

    def talk(self, client: str, server: str, address: str) -> Talk:
        """A TCP connection from one host to another, where a server is started for it."""
        echo = self._program(server, ECHO)
        assert echo.stdout
        port = echo.stdout.readline().strip()
        return Talk(self._program(client, TALK, address, port), echo)

    def _program(self, host: str, program: str, *words: str) -> subprocess.Popen[str]:
        command = self.command(host, "python3", "-c", program, *words)
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def snapshots(self) -> dict[str, Any]:
        program = SNAPSHOT.read_text()
        return {name: json.loads(self.output(name, "python3", "-", stdin=program)) for name in self.machines}


@dataclass(frozen=True)
class Stream:
    fleet: Fleet
    host: str
    address: str
    log: str
    pid: str

    def _ended(self) -> tuple[list[int], int]:
        """End the stream: the numbers of the packets that were answered, in that order, and how many were sent."""
        wait = f"kill -INT {self.pid}; while kill -0 {self.pid} 2>/dev/null; do sleep 0.1; done; cat {self.log}"
        text = self.fleet.output(self.host, "sh", "-c", f"{wait}; rm {self.log}")
        seen = [int(number) for number in re.findall(r" (?:icmp_)?seq=(\d+) ttl=", text)]
        sent = re.search(r"(\d+) packets transmitted", text)
        assert sent and len(seen) > 100, f"{self.host} → {self.address}: {text[-500:]}"
        return seen, int(sent[1])

    def outage(self) -> int:
        """End the stream: for how long, in milliseconds, there was no answer; the longest such time."""
        seen, sent = self._ended()
        # What was sent last has no answer yet.
        numbers = [*sorted(set(seen)), *([sent] if sent - max(seen) > 100 else [])]
        return 10 * max((after - before - 1 for before, after in itertools.pairwise(numbers)), default=0)

    def lost(self) -> list[str]:
        """End the stream. What was lost or came twice, said in words; nothing when every packet was answered once."""
        who = f"{self.host} → {self.address}"
        seen, sent = self._ended()
        missing = sorted(set(range(min(seen), max(seen))) - set(seen))
        # A guest's processor is emulated, and stands still for a while when the machine is busy.
        spared = sent // 100 if self.host in GUESTS else 0
        faults = [f"{who}: {len(missing)} of {sent} lost, the first {missing[0]}"] if len(missing) > spared else []
        # Those still under way at the end have no answer yet: no more than a second's worth.
        if sent - len(seen) - len(missing) > 100:
            faults.append(f"{who}: no answer after packet {max(seen)} of {sent}")
        if len(set(seen)) < len(seen):
            faults.append(f"{who}: {len(seen) - len(set(seen))} answered twice")
        return faults


@dataclass(frozen=True)
class Talk:
    """A TCP connection on which one side says something and the other one repeats it."""

    client: subprocess.Popen[str]
    server: subprocess.Popen[str]

    def answered(self, seconds: float = 10) -> bool:
        """Whether something said now is repeated in this time."""
        assert self.client.stdin and self.client.stdout
        self.client.stdin.write(f"{seconds}\n")
        self.client.stdin.flush()
        return self.client.stdout.readline() == "answered\n"

    def close(self) -> None:
        for side in (self.client, self.server):
            side.kill()
            side.communicate()


@dataclass(frozen=True)
class Session:
    shell: subprocess.Popen[str]

    def answers(self) -> bool:
        """Whether a line goes there and comes back over the connection made at the beginning."""
        assert self.shell.stdin and self.shell.stdout
        word = f"{time.monotonic_ns()}\n"
        try:
            self.shell.stdin.write(word)
            self.shell.stdin.flush()
        except BrokenPipeError:
            return False
        return self.shell.stdout.readline() == word

    def close(self) -> None:
        self.shell.kill()
        self.shell.communicate()


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(Fleet(sys.argv[1]).snapshots()))
