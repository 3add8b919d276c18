# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP connection made inside another network namespace, without leaving this one."""

from __future__ import annotations

import ctypes
import os
import socket
from pathlib import Path

from labkit.shell import LabError

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(handle: int) -> None:
    if LIBC.setns(handle, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise LabError(f"cannot enter the network namespace: {os.strerror(number)}")


def connect(namespace: Path, address: str, port: int, timeout: float) -> socket.socket:
    """A connection from `namespace`; the calling thread is back in its own namespace afterwards."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        away = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
        try:
            enter(away)
            made = socket.socket(family, socket.SOCK_STREAM)
        finally:
            os.close(away)
            enter(home)
    finally:
        os.close(home)
    try:
        made.settimeout(timeout)
        made.connect((address, port))
        made.settimeout(None)
    except OSError:
        made.close()
        raise
    return made
