# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in a process of their own, which is killed at some instant."""

from __future__ import annotations

import os
import signal
import time

from harness import Document, Machine


def start(host: Machine, document: Document, *, absent: bool = False) -> int:
    """A process in a group of its own that runs the engine once."""
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            host.run(document, absent=absent)
        finally:
            os._exit(0)
    return child


def kill(child: int, after: float, group: bool) -> None:
    """End the process after so many seconds, alone or with the tools it has started."""
    time.sleep(after)
    try:
        (os.killpg if group else os.kill)(child, signal.SIGKILL)
    except ProcessLookupError:
        # It had not yet made its group.
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def lasts(host: Machine, document: Document, *, absent: bool = False) -> float:
    """How many seconds a run takes that nobody disturbs."""
    started = time.monotonic()
    os.waitpid(start(host, document, absent=absent), 0)
    return time.monotonic() - started
