# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets sent in a steady rhythm to some addresses, and which of them nobody received."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Thread

from .machine import inside

INTERVAL = 0.005
_PORT = 7777
_PACKET = struct.Struct("!HI")
_RECEIVE_BUFFER, _LARGE = 33, 8 << 20
# More than a packet needs from end to end on a busy machine.
_ON_THE_WAY = 0.2


@dataclass(frozen=True)
class Loss:
    """packets: lost ones. seconds: from the first of them to the next that arrived, by when they were sent."""

    packets: int
    seconds: float


class Probes:
    """A packet to each address every 5 ms."""

    def __init__(self, sender: socket.socket, receivers: Sequence[socket.socket], addresses: Sequence[str]) -> None:
        self._sender = sender
        self._receivers = receivers
        self._addresses = addresses
        self._sent: list[float] = []
        self._enough = Event()
        self._thread = Thread(target=self._send, daemon=True)
        self._thread.start()

    def stop(self) -> list[Loss]:
        """What was lost, by address."""
        self._enough.set()
        self._thread.join()
        time.sleep(_ON_THE_WAY)
        arrived = {packet for receiver in self._receivers for packet in _received(receiver)}
        return [self._loss(place, arrived) for place in range(len(self._addresses))]

    def _send(self) -> None:
        following = time.perf_counter()
        while not self._enough.is_set():
            self._sent.append(time.perf_counter())
            for place, address in enumerate(self._addresses):
                self._sender.sendto(_PACKET.pack(place, len(self._sent) - 1), (address, _PORT))
            following += INTERVAL
            time.sleep(max(0.0, following - time.perf_counter()))

    def _loss(self, place: int, arrived: set[tuple[int, int]]) -> Loss:
        lost = [number for number in range(len(self._sent)) if (place, number) not in arrived]
        if not lost:
            return Loss(0, 0.0)
        # The last packet may be lost, too; it stands for the interval behind it.
        end = self._sent[lost[-1] + 1] if lost[-1] + 1 < len(self._sent) else self._sent[-1] + INTERVAL
        return Loss(len(lost), end - self._sent[lost[0]])


@contextmanager
def prober(sender: str, receivers: Sequence[str]) -> Iterator[ProbeEnds]:
    """Sockets in the namespaces of the sender and of who may receive."""
    with ExitStack() as stack:
        ends = []
        for namespace in (sender, *receivers):
            with inside(namespace):
                ends.append(stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))))
        for receiver in ends[1:]:
            receiver.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER, _LARGE)
            receiver.setblocking(False)
            receiver.bind(("", _PORT))
        yield ProbeEnds(ends[0], ends[1:])


@dataclass(frozen=True)
class ProbeEnds:
    sender: socket.socket
    receivers: Sequence[socket.socket]

    def start(self, addresses: Sequence[str]) -> Probes:
        return Probes(self.sender, self.receivers, addresses)


def _received(receiver: socket.socket) -> Iterator[tuple[int, int]]:
    with suppress(BlockingIOError):
        while True:
            yield _PACKET.unpack(receiver.recv(64))
