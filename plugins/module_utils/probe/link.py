# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole frames on an interface: as its owner, or in the place of the guest behind it."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

from . import wire
from .inject import Injector
from .model import Address, CannotProbe
from .sockets import mac_address

_ALL_ETHERTYPES = 0x0003
_ASK_EVERY = 0.3
# After the first answer, this long for a second owner's.
_GRACE = 0.2


class Link:
    """An interface of the namespace that the calling thread is in when this is made.

    as_guest: what is sent comes in on the interface, and what the interface sends out is received. A guest's tap is
    like a cable whose other end is in another machine; this sees it from there.
    leaving: what the interface sends out is received, without taking anybody's place.
    """

    def __init__(self, interface: str, as_guest: bool = False, leaving: bool = False) -> None:
        self._outgoing = as_guest or leaving
        with ExitStack() as made:
            self._socket = made.enter_context(_frame_socket(interface))
            self.mac = mac_address(interface)
            self._injector = made.enter_context(Injector(_index(interface))) if as_guest else None
            self._made = made.pop_all()
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_error: object) -> None:
        self._made.close()

    def send(self, frame: bytes) -> None:
        if self._injector is not None:
            self._injector.send(frame)
        else:
            self._socket.send(frame)

    def receive(self, until: float) -> bytes:
        """The next frame, empty when none has come until then."""
        while (left := until - time.monotonic()) > 0:
            if not self._poll.poll(left * 1000):
                break
            data, (_interface, _protocol, direction, *_rest) = self._socket.recvfrom(65536)
            if (direction == socket.PACKET_OUTGOING) == self._outgoing:
                return bytes(data)
        return b""

    def owners(self, address: Address, question: bytes, until: float) -> Iterator[str]:
        """The MAC addresses that answer for an address: all that do so soon after the first one."""
        read = wire.arp_owner if address.version == 4 else wire.advertised_owner
        answered = False
        ask = 0.0
        while (now := time.monotonic()) < until:
            if not answered and now >= ask:
                self.send(question)
                ask = now + _ASK_EVERY
            mac = read(self.receive(until if answered else min(until, ask)), address)
            if mac:
                if not answered:
                    until = min(until, time.monotonic() + _GRACE)
                answered = True
                yield mac


def _frame_socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        made.bind((interface, _ALL_ETHERTYPES))
    except OSError as error:
        made.close()
        raise CannotProbe(f"interface {interface}: {error.strerror}") from None
    return made


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:
        raise CannotProbe(f"interface {interface}: No such device") from None
