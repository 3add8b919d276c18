# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rehearsal: another BIRD, alone in an empty network namespace, changes from one configuration to the other.

BIRD decides by itself what it can change in place and what it has to restart, differently in every version, and never
says so beforehand. The same program is asked here where it has no neighbours, no routes and no log.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from ..errors import HostError
from .control import Control, Unreachable
from .replies import Protocol, protocols

_PR_SET_PDEATHSIG = 1
_PATIENCE = 20.0
_CHANGED = re.compile(r"(Restarting|Enabling|Disabling) protocol (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Rehearsal:
    """restarted: the protocols that did not go over to the new configuration in place. disabled: those that the new one
    disables. unsure: those that restart even when nothing changes, because they cannot start without the host's
    devices, about which nothing is known."""

    before: dict[str, Protocol]
    after: dict[str, Protocol]
    restarted: frozenset[str]
    unsure: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()


class CannotRehearse(HostError):
    """There is no telling what BIRD would do."""


def rehearse(program: str, directory: str, router_id: str, old: str, new: str) -> Rehearsal:
    """Change from the old to the new text, whole and without outlets.

    :raises CannotRehearse: when the program does not run, or refuses one of them.
    """
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory, mode=0o700)
    try:
        for name, text in (("old", old), ("new", new)):
            with open(os.path.join(directory, name), "w", encoding="utf-8", errors="surrogateescape") as stream:
                stream.write(f"log stderr all; router id {router_id};\n{text}")
        with _alone(program, directory) as control:
            return _play(control, directory)
    except CannotRehearse:
        raise
    except (OSError, HostError) as error:
        raise CannotRehearse(str(error)) from error
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _play(control: Control, directory: str) -> Rehearsal:
    before = protocols(control.tell("show protocols all"))
    unsure = frozenset(name for _what, name in _change(control, directory, "old"))
    said = _change(control, directory, "new")
    after = protocols(control.tell("show protocols all"))
    disabled = frozenset(name for what, name in said if what == "Disabling")
    return Rehearsal(before, after, frozenset(name for _what, name in said) - disabled - unsure, unsure, disabled)


def _change(control: Control, directory: str, name: str) -> list[tuple[str, str]]:
    """Go over to a text; what BIRD says that it does with each protocol which cannot do so in place."""
    log = os.path.join(directory, "log")
    read = os.path.getsize(log)
    control.tell(f'configure "{os.path.join(directory, name)}"')
    if not control.settle(_PATIENCE):
        raise CannotRehearse(f"it has not settled within {_PATIENCE:.0f} s")
    with open(log, encoding="utf-8", errors="replace") as stream:
        stream.seek(read)
        return _CHANGED.findall(stream.read())


@contextmanager
def _alone(program: str, directory: str) -> Iterator[Control]:
    """The program with the old configuration in a network of its own. It cannot outlive us."""
    socket = os.path.join(directory, "socket")
    command = ["unshare", "--net", program, "-f", "-c", os.path.join(directory, "old"), "-s", socket]
    with open(os.path.join(directory, "log"), "wb") as log:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=partial(end_with, os.getpid(), ctypes.CDLL(None)),  # noqa: PLW1509  we have no threads
        )
    try:
        control = _connected(process, socket)
        try:
            yield control
        finally:
            control.close()
    finally:
        process.kill()
        process.wait()


def end_with(parent: int, libc: ctypes.CDLL) -> None:
    """In the new process: be killed when the parent ends; stop here when it has ended already."""
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _connected(process: subprocess.Popen[bytes], socket: str) -> Control:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return Control(socket, _PATIENCE)
        except Unreachable:
            if process.poll() is not None:
                raise CannotRehearse("it does not start with the configuration that is there") from None
            if time.monotonic() > deadline:
                raise
        time.sleep(0.005)
