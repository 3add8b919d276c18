# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection that runs this: by which of the host's addresses it comes in, and from where."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Connection:
    """address, port: the host's own. link: the device of an address that means something on one link only.

    peer, peer_port: the other end's, where it is known.
    """

    address: str
    port: int = 0
    peer: str = ""
    peer_port: int = 0
    link: str = ""


def incoming() -> Connection | None:
    """The SSH connection above this process, None when there is none.

    sudo drops SSH_CONNECTION from the environment, so the processes above are asked in turn.
    """
    process = os.getpid()
    while process > 1:
        found = _from_environment(process)
        if found:
            return found
        process = _parent(process)
    return None


def _from_environment(process: int) -> Connection | None:
    try:
        with open(f"/proc/{process}/environ", "rb") as stream:
            entries = stream.read().split(b"\0")
    except OSError:
        return None
    for entry in entries:
        if entry.startswith(b"SSH_CONNECTION="):
            return parsed(entry.partition(b"=")[2].decode(errors="replace"))
    return None


def parsed(text: str) -> Connection | None:
    """``192.0.2.9 50000 192.0.2.1 22``, as sshd writes it; an IPv6 address of one link has ``%`` and the link."""
    words = text.split()
    if len(words) != 4 or not (words[1].isdigit() and words[3].isdigit()):
        return None
    address, _percent, link = words[2].partition("%")
    return Connection(address, int(words[3]), words[0].partition("%")[0], int(words[1]), link)


def _parent(process: int) -> int:
    try:
        with open(f"/proc/{process}/status", encoding="utf-8", errors="replace") as stream:
            match = re.search(r"^PPid:\s*(\d+)$", stream.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0
