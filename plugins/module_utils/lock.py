# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a locked file, for a limited time, and who has it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator

from .errors import HostError

_PAUSE = 0.05


def acquire(descriptor: int, path: str, seconds: float) -> None:
    """Lock the open file.

    :raises HostError: when others still have it after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                names = ", ".join(_holders(path)) or "a process that cannot be seen from here"
                raise HostError(
                    f"another run is at work on this host: {path} is locked by {names}; "
                    f"waited {seconds:g} s for it (lock_timeout), run again when it has ended"
                ) from None
            time.sleep(_PAUSE)


def _holders(path: str) -> Iterator[str]:
    """The processes that hold the lock; those that inherited it are among them, those that wait for it are not."""
    locked = os.stat(path)
    for process in sorted((name for name in os.listdir("/proc") if name.isdigit()), key=int):
        try:
            if any(_holds(process, number, locked) for number in os.listdir(f"/proc/{process}/fd")):
                with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as stream:
                    yield f"process {process} ({stream.read().strip()})"
        except OSError:
            continue


def _holds(process: str, number: str, locked: os.stat_result) -> bool:
    if not os.path.samestat(os.stat(f"/proc/{process}/fd/{number}"), locked):
        return False
    with open(f"/proc/{process}/fdinfo/{number}", encoding="ascii", errors="replace") as stream:
        return any(line.startswith("lock:") for line in stream)
