# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time, and no run waits for ever."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import HostError
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host

_HOLD = """
import fcntl, subprocess, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
child = subprocess.Popen(["cat"], pass_fds=[file.fileno()])
print(child.pid, flush=True)
"""


@contextmanager
def held(directory: Path) -> Iterator[str]:
    """The lock is held by a process that inherited it from one that has ended; its number."""
    command = [sys.executable, "-c", _HOLD, str(directory / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        yield process.stdout.readline().strip()
        process.stdin.close()


def test_a_run_that_waits_too_long_says_for_whom(tmp_path: Path) -> None:
    waiting = Host(run_directory=str(tmp_path), lock_timeout=5)
    with held(tmp_path) as number:
        thread = threading.Thread(target=_lock_and_free, args=(waiting,))
        thread.start()
        with pytest.raises(HostError) as failed:
            gather(Host(run_directory=str(tmp_path), lock_timeout=0.2), None)
    thread.join()
    assert str(failed.value) == (
        f"another run is at work on this host: {tmp_path}/lock is locked by process {number} (cat); "
        "waited 0.2 s for it (lock_timeout), run again when it has ended"
    )


def test_without_a_timeout_it_fails_at_once(tmp_path: Path) -> None:
    with held(tmp_path):
        started = time.monotonic()
        with (
            pytest.raises(HostError, match="waited 0 s for it"),
            Host(run_directory=str(tmp_path), lock_timeout=0).locked(),
        ):
            pass
        assert time.monotonic() - started < 2


def test_a_lock_that_is_freed_in_time_is_taken(tmp_path: Path) -> None:
    host = Host(run_directory=str(tmp_path), lock_timeout=30)
    with held(tmp_path):
        thread = threading.Thread(target=_lock_and_free, args=(host,))
        thread.start()
        time.sleep(0.2)
        assert thread.is_alive()
    thread.join(20)
    assert not thread.is_alive()


def _lock_and_free(host: Host) -> None:
    with host.locked():
        pass
