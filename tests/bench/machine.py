# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away host: a network namespace with nothing in it and a /run of its own, gone as a whole afterwards."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_NEW_NETWORK = 0x40000000
_SETUP = """set -e
mount -t tmpfs none /run
mount -t sysfs none /sys
mkdir /run/netns
ip link set lo up
echo ready
exec sleep infinity"""
# One end of a veth stays outside. It disappears when the kernel has taken the namespace's devices down.
_SENTINEL = "sentinel"
_GONE_SECONDS = 120
_DATABASE, _SOCKET = "/run/openvswitch/conf.db", "/run/openvswitch/db.sock"
_SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"


class CommandFailed(Exception):
    """A measured command did not succeed, so that its time means nothing."""


@dataclass(frozen=True)
class Finished:
    """One command that has run: seconds from its start to its end, and what it wrote."""

    seconds: float
    output: str


@dataclass(frozen=True)
class Machine:
    """The host's first process, by which others enter."""

    pid: int

    @property
    def home(self) -> str:
        """Its own network namespace, as :func:`inside` takes it."""
        return f"/proc/{self.pid}/ns/net"

    def namespace(self, name: str) -> str:
        """One that ``ip netns`` has made there."""
        return f"/proc/{self.pid}/root/run/netns/{name}"

    def run(self, command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Finished:
        """Run a command on this host.

        :raises CommandFailed: with what it wrote.
        """
        entered = self._entered(command)
        variables = {**os.environ, **(environment or {})}
        started = time.perf_counter()
        done = subprocess.run(entered, capture_output=True, text=True, check=False, env=variables)
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            said = (done.stderr or done.stdout)[-2000:]
            raise CommandFailed(f"{' '.join(map(str, command))}: exit status {done.returncode}: {said}")
        return Finished(seconds, done.stdout)

    @contextmanager
    def open_vswitch(self, wanted: bool = True) -> Iterator[None]:
        """Open vSwitch on this host during the body, if wanted, without its init scripts."""
        if not wanted:
            yield
            return
        self.run(["mkdir", "/run/openvswitch"])
        self.run(["ovsdb-tool", "create", _DATABASE, _SCHEMA])
        with self.daemon("ovsdb-server", _DATABASE, f"--remote=punix:{_SOCKET}"):
            self.run(["ovs-vsctl", "--no-wait", "--retry", "--timeout=10", "init"])
            with self.daemon("ovs-vswitchd"):
                yield

    @contextmanager
    def daemon(self, *command: str, namespace: str = "") -> Iterator[None]:
        """A process of this host during the body, in a namespace of it where one is named."""
        entered = self._entered(command, namespace)
        with subprocess.Popen(entered, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield
            finally:
                process.terminate()

    def _entered(self, command: Sequence[str | Path], namespace: str = "") -> list[str]:
        network = f"--net={self.namespace(namespace)}" if namespace else "--net"
        return ["nsenter", f"--target={self.pid}", network, "--mount", *map(str, command)]


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """The calling thread, in a network namespace; sockets made there stay there."""
    library = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, open(namespace, "rb") as there:
        if library.setns(there.fileno(), _NEW_NETWORK) != 0:
            raise CommandFailed(f"cannot enter {namespace}: {os.strerror(ctypes.get_errno())}")
        try:
            yield
        finally:
            if library.setns(home.fileno(), _NEW_NETWORK) != 0:
                raise SystemExit(f"cannot leave {namespace}: {os.strerror(ctypes.get_errno())}")


def leave_network() -> None:
    """Move this process into a network namespace of its own, so that nothing of it touches the machine it runs on."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK) != 0:
        raise SystemExit(f"cannot make a network namespace: {os.strerror(ctypes.get_errno())}; run this as root")


@contextmanager
def empty_machine() -> Iterator[Machine]:
    """A new host for the body; when this returns, the kernel has taken down all of it and is idle again."""
    command = ["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", _SETUP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise CommandFailed("cannot set up a throw-away host")
        try:
            pair = [_SENTINEL, "type", "veth", "peer", "name", _SENTINEL, "netns", str(process.pid)]
            subprocess.run(["ip", "link", "add", *pair], check=True)
            yield Machine(process.pid)
        finally:
            process.kill()
    _wait_until_gone()


def _wait_until_gone() -> None:
    deadline = time.monotonic() + _GONE_SECONDS
    while any(name == _SENTINEL for _index, name in socket.if_nameindex()):
        if time.monotonic() > deadline:
            raise CommandFailed(f"the kernel has not taken down a host in {_GONE_SECONDS} s")
        time.sleep(0.05)
