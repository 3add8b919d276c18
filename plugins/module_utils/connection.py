# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the host's addresses the connection that runs this comes in by."""

from __future__ import annotations

import os
import re


def incoming_address() -> str | None:
    """The host's own address of the SSH connection above this process, None when there is none.

    sudo drops SSH_CONNECTION from the environment, so the processes above are asked in turn.
    """
    process = os.getpid()
    while process > 1:
        address = _from_environment(process)
        if address:
            return address
        process = _parent(process)
    return None


def _from_environment(process: int) -> str | None:
    try:
        with open(f"/proc/{process}/environ", "rb") as stream:
            entries = stream.read().split(b"\0")
    except OSError:
        return None
    for entry in entries:
        if entry.startswith(b"SSH_CONNECTION="):
            words = entry.partition(b"=")[2].decode(errors="replace").split()
            return words[2] if len(words) == 4 else None
    return None


def _parent(process: int) -> int:
    try:
        with open(f"/proc/{process}/status", encoding="utf-8", errors="replace") as stream:
            match = re.search(r"^PPid:\s*(\d+)$", stream.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0
