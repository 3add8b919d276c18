# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many processes a run starts: counted by the kernel, not by ourselves."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import pytest
from harness import Machine, inside, wait_for

_NEW_PROCESSES = 0x20000000
PER_NAMESPACE, CONSTANT = 3, 6


def _document(namespaces: int, each: int) -> dict[str, Any]:
    """Objects of every kind in every namespace: a veth to the host, addresses, routes, rules, neighbours, a table."""
    document: dict[str, Any] = {
        "namespaces": [{"name": f"c{n}"} for n in range(namespaces)],
        "links": [{"name": "br0", "type": "bridge", "up": True, "mac": "02:00:00:00:00:01"}],
        **{section: [] for section in ("addresses", "routes", "rules", "neighbours", "sysctls", "nft_tables")},
    }
    for number in range(namespaces):
        home = {"namespace": f"c{number}"}
        near = f"v{number}"
        document["links"] += [
            {"name": near, "type": "veth", "peer": {**home, "name": "eth0"}, "master": "br0", "up": True},
            {**home, "name": "eth0", "type": "veth", "peer": {"name": near}, "up": True},
        ]
        document["addresses"] += [{**home, "link": "eth0", "address": f"10.0.{n}.1/24"} for n in range(each)]
        document["addresses"].append({**home, "link": "eth0", "address": "2001:db8::1/64", "nodad": True})
        document["routes"] += [{**home, "destination": f"10.9.{n}.0/24", "via": f"10.0.{n}.9"} for n in range(each)]
        document["rules"] += [{**home, "priority": 100 + n, "table": 100, "family": 4 + n % 2 * 2} for n in range(each)]
        document["neighbours"].append({**home, "link": "eth0", "address": "10.0.0.7", "mac": "02:00:00:00:00:07"})
        document["sysctls"].append({**home, "name": "net.ipv4.ip_forward", "value": 1})
        document["nft_tables"].append(
            {**home, "family": "inet", "name": "g", "chains": [{"name": "c", "rules": ["drop"]}]}
        )
    return document


@dataclass(frozen=True)
class Counted:
    """What the kernel and what the run itself say about one run."""

    forks: int
    processes: int
    changes: int


def _count(host: Machine, document: dict[str, Any]) -> Counted:
    """Run the engine as the first process of a process namespace.

    The kernel hands out its numbers one by one, so that that of the last process tells how many there have been.
    """
    reader, writer = os.pipe()
    guardian = os.fork()
    if guardian == 0:
        _exit_after(lambda: _run_in_own_process_namespace(host, document, writer))
    os.close(writer)
    with os.fdopen(reader) as stream:
        answer = stream.read()
    os.waitpid(guardian, 0)
    return Counted(**json.loads(answer))


def _run_in_own_process_namespace(host: Machine, document: dict[str, Any], writer: int) -> None:
    if ctypes.CDLL(None).unshare(_NEW_PROCESSES) != 0:
        return
    first = os.fork()
    if first == 0:
        _exit_after(lambda: _run_as_first(host, document, writer))
    os.waitpid(first, 0)


def _run_as_first(host: Machine, document: dict[str, Any], writer: int) -> None:
    done = host.run(document)
    last = os.fork()
    if last == 0:
        os._exit(0)
    os.waitpid(last, 0)
    counted = Counted(last - 2, done.stats["processes"], len(done.plan.changes))
    os.write(writer, json.dumps(asdict(counted)).encode())


def _exit_after(work: Callable[[], None]) -> NoReturn:
    try:
        work()
    finally:
        os._exit(0)


@pytest.mark.parametrize("namespaces", [1, 10, 50])
def test_processes_are_bounded_by_the_namespaces(namespaces: int, host: Machine) -> None:
    document = _document(namespaces, 3)
    first = _count(host, document)
    assert first.changes > 15 * namespaces
    assert first.forks <= PER_NAMESPACE * namespaces + CONSTANT
    assert first.processes == first.forks, "the reported number is not the real one"

    again = _count(host, document)
    assert again.changes == 0
    assert again.processes == again.forks <= namespaces + CONSTANT

    gone = _count(host, {})
    assert gone.forks <= PER_NAMESPACE * namespaces + CONSTANT


def test_the_number_of_objects_does_not_matter(host: Machine) -> None:
    few = _count(host, _document(2, 2))
    host.run({})
    many = _count(host, _document(2, 200))
    assert many.changes > few.changes + 1000
    assert many.forks == few.forks


def test_a_second_run_writes_nothing(host: Machine) -> None:
    """No event of any kind reaches a listener, and the ledger's file is not touched."""
    document = _document(1, 3)
    host.run(document)
    ledger = host.run_directory / "t.json"
    for name in ("", "c0"):
        wait_for(lambda name=name: "tentative" not in host.ip("addr show", name), "addresses to settle")
    before = ledger.stat()
    monitors = [_monitor(name, *command) for name in ("", "c0") for command in (("ip", "monitor"), ("nft", "monitor"))]
    time.sleep(0.2)
    host.run(document)
    time.sleep(0.2)
    for monitor in monitors:
        monitor.terminate()
        output, _errors = monitor.communicate()
        assert output == b""
    assert (ledger.stat().st_ino, ledger.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_listeners_would_hear_a_write(host: Machine) -> None:
    monitor = _monitor("", "ip", "monitor")
    time.sleep(0.2)
    host.run({"links": [{"name": "t0", "type": "tap"}]})
    time.sleep(0.1)
    monitor.terminate()
    assert b"t0" in monitor.communicate()[0]


def _monitor(namespace: str, *command: str) -> subprocess.Popen[bytes]:
    with inside(namespace):
        return subprocess.Popen(command, stdout=subprocess.PIPE)
