# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a program running in a named network namespace for as long as that namespace is there."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

NAMESPACES = Path("/run/netns")


def identity(path: Path) -> int:
    """The namespace's inode number; 0 while the name is missing or not a namespace yet."""
    try:
        found = path.stat()
        return found.st_ino if found.st_dev != path.parent.stat().st_dev else 0
    except OSError:
        return 0


def hold(path: Path, command: list[str], present: int) -> None:
    """Run the program until its namespace is gone, so that it does not keep a deleted one alive."""
    child = subprocess.Popen(["nsenter", f"--net={path}", *command])
    try:
        while identity(path) == present and child.poll() is None:
            time.sleep(0.2)
    finally:
        child.kill()
        child.wait()


def main(name: str, command: list[str]) -> None:
    path = NAMESPACES / name
    while True:
        present = identity(path)
        if present:
            hold(path, command, present)
        time.sleep(0.2)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
