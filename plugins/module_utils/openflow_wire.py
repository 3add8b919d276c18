# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The meters of a switch over its management socket, in OpenFlow 1.3: ovs-ofctl would need a process for each."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

_VERSION = 4
_HELLO, _ERROR, _ECHO_REQUEST, _ECHO_REPLY = 0, 1, 2, 3
_MULTIPART_REQUEST, _MULTIPART_REPLY, _BARRIER_REQUEST, _BARRIER_REPLY, _METER_MOD = 18, 19, 20, 21, 29
_METER_CONFIG, _ALL_METERS, _MORE = 10, 0xFFFFFFFF, 1
_KBPS, _BURST, _DROP = 1, 4, 1
_METER_MOD_FAILED = 12
_COMMANDS = {"add": 0, "modify": 1, "delete": 2}
_REASONS = {
    1: "a meter of this number exists already",
    2: "its number is out of range",
    3: "there is no meter of this number",
    6: "the datapath does not take its rate",
    7: "the datapath does not take its burst",
    10: "the datapath has no meter left",
}
_SECONDS = 30.0


class WireError(Exception):
    """The switch cannot be reached, or refuses; ``number`` is that of the refused change, from 1, or None."""

    def __init__(self, message: str, number: int | None = None) -> None:
        self.number = number
        super().__init__(message)


@dataclass(frozen=True)
class MeterChange:
    """command: add, modify or delete. burst: kilobits, 0 for none."""

    command: str
    number: int
    kbps: int = 0
    burst: int = 0


def read_meters(path: str) -> dict[int, tuple[int, int]]:
    """Rate and burst of every meter, by number; a meter that does not count kilobits has a rate of 0.

    :raises WireError: when the switch does not answer.
    """
    body = struct.pack("!HH4xI4x", _METER_CONFIG, 0, _ALL_METERS)
    found: dict[int, tuple[int, int]] = {}
    with _connected(path) as connection:
        connection.send(_MULTIPART_REQUEST, 1, body)
        for kind, _xid, answer in connection.received():
            if kind == _ERROR:
                raise WireError(_reason(answer))
            if kind == _MULTIPART_REPLY:
                found.update(_meters(answer[8:]))
                if not struct.unpack_from("!H", answer, 2)[0] & _MORE:
                    break
    return found


def change_meters(path: str, changes: Sequence[MeterChange]) -> None:
    """Send changes in their order and wait until the switch has made them.

    :raises WireError: at the first change refused.
    """
    barrier = len(changes) + 1
    with _connected(path) as connection:
        for xid, change in enumerate(changes, 1):
            connection.send(_METER_MOD, xid, _meter_mod(change))
        connection.send(_BARRIER_REQUEST, barrier, b"")
        for kind, xid, answer in connection.received():
            if kind == _ERROR:
                raise WireError(_reason(answer), xid if xid < barrier else None)
            if kind == _BARRIER_REPLY:
                break


class _Connection:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def send(self, kind: int, xid: int, body: bytes) -> None:
        self._channel.sendall(struct.pack("!BBHI", _VERSION, kind, 8 + len(body), xid) + body)

    def received(self) -> Iterator[tuple[int, int, bytes]]:
        """Type, transaction and body of each message, until the switch ends the connection; echoes are answered."""
        while True:
            _version, kind, length, xid = struct.unpack("!BBHI", self._read(8))
            body = self._read(length - 8)
            if kind == _ECHO_REQUEST:
                self.send(_ECHO_REPLY, xid, body)
            elif kind != _HELLO:
                yield kind, xid, body

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = self._channel.recv(size - len(data))
            if not part:
                raise WireError("the switch ended the connection; its bridge must allow OpenFlow13 in protocols")
            data += part
        return bytes(data)


@contextmanager
def _connected(path: str) -> Iterator[_Connection]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(_SECONDS)
        try:
            channel.connect(path)
            connection = _Connection(channel)
            connection.send(_HELLO, 0, struct.pack("!HHI", 1, 8, 1 << _VERSION))
            yield connection
        except OSError as error:
            raise WireError(f"{path}: {error.strerror or error}") from None


def _meter_mod(change: MeterChange) -> bytes:
    flags = _KBPS | (_BURST if change.burst else 0)
    head = struct.pack("!HHI", _COMMANDS[change.command], flags, change.number)
    return head if change.command == "delete" else head + struct.pack("!HHII4x", _DROP, 16, change.kbps, change.burst)


def _meters(body: bytes) -> Iterator[tuple[int, tuple[int, int]]]:
    place = 0
    while place + 8 <= len(body):
        length, flags, number = struct.unpack_from("!HHI", body, place)
        rate = burst = 0
        if flags & _KBPS and length >= 24:
            _kind, _size, rate, burst = struct.unpack_from("!HHII", body, place + 8)
        yield number, (rate, burst if flags & _BURST else 0)
        place += max(length, 8)


def _reason(body: bytes) -> str:
    kind, code = struct.unpack_from("!HH", body)
    known = _REASONS.get(code) if kind == _METER_MOD_FAILED else None
    return known or f"OpenFlow error {code} of type {kind}"
