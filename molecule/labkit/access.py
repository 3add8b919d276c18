# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`lab exec` and `lab proxy`: reach into the hosts of a lab that runs on this kernel."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import selectors
import shlex
import socket
import sys
import time
from pathlib import Path
from typing import BinaryIO

from labkit import machine, native, netns
from labkit.shell import LabError
from labkit.state import COMMANDS, Host, State, cgroup_root, join_cgroup

CLEAN = ["/usr/bin/env", "-i", "HOME=/root", "LANG=C.UTF-8", "USER=root"]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GUEST_BOOT_SECONDS = 60


def join(state: State) -> None:
    """Let `down` end this process too, which may hold a namespace or a connection of the lab."""
    join_cgroup(cgroup_root() / state.cgroup / COMMANDS)


def inside(state: State, name: str) -> int:
    """The first process of a running machine."""
    first = machine.leader(state.directory / "machines" / name)
    if first is None:
        raise LabError(f"{name} is not running; see {state.directory}/machines/{name}/console")
    return first


def exec_command(state: State, host: Host, command: list[str]) -> list[str]:
    """The command line that runs a command in a peer, machine or container."""
    clean = [*CLEAN, PATH, f"TERM={os.environ.get('TERM', 'dumb')}"]
    if host.kind == "peer":
        pid = (state.directory / "peers" / host.name / "pid").read_text()
        return ["nsenter", f"--target={pid}", "--net", "--mount", "--root", "--wd", *clean, *command]
    first = inside(state, host.name if host.kind == "machine" else host.where)
    enter = ["nsenter", f"--target={first}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    if host.kind == "container":
        clean = [*clean, "ip", "netns", "exec", host.inner]
    return [*enter, *clean, *command]


def run_in(state: State, host: Host, command: list[str]) -> int:
    """Run a command on a host; for all but guests this process becomes the command."""
    join(state)
    if host.kind == "guest":
        return run_in_guest(state, host, command)
    full = exec_command(state, host, command)
    os.execvp(full[0], full)


def free_agent(state: State, host: Host) -> tuple[socket.socket, BinaryIO]:
    """A connection to an agent of the guest that no other command uses, and the lock that keeps it so."""
    deadline = time.monotonic() + GUEST_BOOT_SECONDS
    while True:
        run_directory = Path(f"/proc/{inside(state, host.where)}/root/run/hnlab")
        paths = sorted(run_directory.glob(f"{host.name}.[0-9]"))
        for path in paths:
            lock = (state.directory / f"{path.name}.lock").open("wb")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                agent = socket.socket(socket.AF_UNIX)
                agent.connect(str(path))
                return agent, lock
            except OSError:
                lock.close()
        if time.monotonic() > deadline:
            what = "all its agents are busy" if paths else f"there is no tap {host.inner} on {host.where}"
            raise LabError(f"{host.name} does not answer: {what}")
        if not paths and native.running(state, host) != "up":
            raise LabError(f"{host.name} is not running: {native.running(state, host)} on {host.where}")
        time.sleep(0.1)


def run_in_guest(state: State, host: Host, command: list[str]) -> int:
    agent, lock = free_agent(state, host)
    with lock, agent, agent.makefile("rwb") as stream:
        request = secrets.token_hex(8)
        stream.write(f"{request} {base64.b64encode(shlex.join(command).encode()).decode()}\n".encode())
        stream.flush()
        for line in stream:
            words = line.decode(errors="replace").split()
            if len(words) != 4 or not words[2].isdigit() or not words[3].isdigit():
                continue
            out, err = stream.read(int(words[2])), stream.read(int(words[3]))
            if words[0] == request:
                sys.stdout.buffer.write(out)
                sys.stderr.buffer.write(err)
                return int(words[1])
    raise LabError(f"{host.name} was ended while it ran the command")


def proxy(state: State, name: str) -> int:
    """Join stdin and stdout to the machine's sshd."""
    join(state)
    namespace, address = native.ssh_end(state, name)
    try:
        connection = netns.connect(namespace, address, native.SSH_PORT, timeout=10)
    except OSError as error:
        raise LabError(f"{name}: no connection to its sshd at {address}: {error}") from error
    with connection:
        relay(connection, 0, 1)
    return 0


def relay(connection: socket.socket, source: int, sink: int) -> None:
    """Copy both ways until the far end closes; the end of `source` is passed on."""
    with selectors.DefaultSelector() as ready:
        ready.register(connection, selectors.EVENT_READ)
        ready.register(source, selectors.EVENT_READ)
        while True:
            for key, _events in ready.select():
                if key.fileobj is connection:
                    data = connection.recv(65536)
                    if not data:
                        return
                    write_all(sink, data)
                    continue
                data = os.read(source, 65536)
                if data:
                    connection.sendall(data)
                    continue
                ready.unregister(source)
                connection.shutdown(socket.SHUT_WR)


def write_all(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]
