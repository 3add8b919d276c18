# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep programs running in a named network namespace for as long as that namespace is there.

container.py DIRECTORY NAMESPACE NAME PROGRAM…   the lab's own answering program, and the scenario's by their names
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

NAMESPACES = Path("/run/netns")


def identity(path: Path) -> int:
    """The namespace's inode number; 0 while the name is missing or not a namespace yet."""
    try:
        found = path.stat()
        return found.st_ino if found.st_dev != path.parent.stat().st_dev else 0
    except OSError:
        return 0


def hold(path: Path, commands: list[list[str]], present: int) -> None:
    """Run the programs until the namespace is gone, so that they do not keep a deleted one alive."""
    enter = ["nsenter", f"--net={path}"]
    children = [subprocess.Popen([*enter, *command], start_new_session=True) for command in commands]
    try:
        while identity(path) == present and all(child.poll() is None for child in children):
            time.sleep(0.2)
    finally:
        for child in children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def main(directory: Path, namespace: str, name: str, programs: list[str]) -> None:
    path = NAMESPACES / namespace
    commands = [["/usr/bin/python3", str(directory / "seen_as.py")]]
    commands += [["/bin/sh", str(directory / "programs" / program), name] for program in programs]
    while True:
        present = identity(path)
        if present:
            hold(path, commands, present)
        time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:])
