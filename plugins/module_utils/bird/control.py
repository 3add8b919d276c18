# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A conversation with BIRD over its control socket."""

from __future__ import annotations

import os
import socket
import struct
import time

from ..errors import HostError
from .replies import RECONFIGURED, Reply, ReplyReader

_PEER = struct.Struct("3i")
_PAUSE = 0.02


class Unreachable(HostError):
    """Nothing answers on the socket."""


class Control:
    """patience: the seconds within which every reply has to come."""

    def __init__(self, path: str, patience: float = 30.0) -> None:
        self._reader = ReplyReader()
        self._patience = patience
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._socket.settimeout(patience)
        try:
            self._socket.connect(path)
            self._reply("its greeting")
        except OSError as error:
            self._socket.close()
            raise Unreachable(f"BIRD does not answer on {path}: {error.strerror or error}; is it running?") from error

    def close(self) -> None:
        self._socket.close()

    def ask(self, command: str) -> Reply:
        """Send one command; what BIRD thinks of it is in the reply's code."""
        try:
            self._socket.sendall(f"{command}\n".encode())
            return self._reply(command)
        except OSError as error:
            raise HostError(f"BIRD has left during {command!r}: {error.strerror or error}") from error

    def tell(self, command: str) -> Reply:
        """The same for what cannot fail.

        :raises HostError: when BIRD refuses.
        """
        reply = self.ask(command)
        if reply.failed:
            raise HostError(f"BIRD refuses {command!r}: {reply.text}")
        return reply

    def unasked(self) -> list[str]:
        """What BIRD said by itself so far."""
        return list(self._reader.unasked)

    def settle(self, patience: float) -> bool:
        """Wait until no reconfiguration is under way; whether that came in time."""
        deadline = time.monotonic() + patience
        while self.tell("configure status").lines[0].code != RECONFIGURED:
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)
        return True

    def executable(self) -> str | None:
        """The program at the other end, also when its file has been replaced meanwhile."""
        peer = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        path = f"/proc/{_PEER.unpack(peer)[0]}/exe"
        try:
            return path if os.path.basename(os.readlink(path)).startswith("bird") else None
        except OSError:
            return None

    def _reply(self, command: str) -> Reply:
        deadline = time.monotonic() + self._patience
        while True:
            data = self._socket.recv(1 << 16)
            if not data:
                raise HostError(f"BIRD has closed the connection during {command!r}")
            for reply in self._reader.feed(data):
                return reply
            if time.monotonic() > deadline:
                raise HostError(f"BIRD has not finished {command!r} within {self._patience:.0f} s")
