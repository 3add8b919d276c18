# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An ICMP or ICMPv6 echo socket: answers, and what the network says instead of answering."""

from __future__ import annotations

import errno
import os
import secrets
import select
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

from . import wire
from .model import CannotProbe, Probe
from .sockets import bind, socket_address

HEADERS = {4: 28, 6: 48}

_IP_MTU_DISCOVER, _IP_RECVERR, _IPV6_MTU_DISCOVER, _IPV6_RECVERR, _IPV6_DONTFRAG = 10, 11, 23, 25, 62
_NEVER_DF, _ALWAYS_DF_WHATEVER_IS_CACHED = 0, 3
_ICMP6_FILTER = 1
_ONLY_ECHO_REPLIES = struct.pack(
    "=8I", *(0xFFFFFFFF & ~(1 << (129 % 32)) if word == 4 else 0xFFFFFFFF for word in range(8))
)
_FROM_HERE = 1


@dataclass(frozen=True)
class Answer:
    sequence: int
    at: float


@dataclass(frozen=True)
class Refusal:
    """What came back instead of an answer. by: who said it, empty for this host. mtu: the size it would take."""

    sequence: int
    reason: str
    by: str
    mtu: int = 0

    def __str__(self) -> str:
        return f"{self.reason} (said by {self.by})" if self.by else self.reason


Event = Union[Answer, Refusal]


class Echo:
    """Echo requests to one address, from the namespace that the calling thread is in when this is made."""

    def __init__(self, probe: Probe, dont_fragment: bool) -> None:
        self._version = probe.address.version
        self._identifier = secrets.randbelow(0x10000)
        self._token = secrets.token_bytes(8)
        self._refused_here: list[Refusal] = []
        self._socket = _connected(probe, dont_fragment)
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def __enter__(self) -> Echo:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def send(self, sequence: int, size: int) -> float:
        """Send a request that makes an IP packet of this size; when it left. A refusal by this host is an event."""
        payload = self._token + b"\0" * (size - HEADERS[self._version] - len(self._token))
        request = wire.echo_request(self._version, self._identifier, sequence, payload)
        for _attempt in range(3):
            # An error that an earlier request brought about is reported, once, at whatever comes next.
            self._refused_here += self._refusals()
            sent = time.monotonic()
            try:
                self._socket.send(request)
                return sent
            except OSError as error:
                local = [refusal for refusal in self._refusals() if refusal.mtu and not refusal.by]
                last = error
                if last.errno == errno.EMSGSIZE and local:
                    break
        self._refused_here.append(Refusal(sequence, os.strerror(last.errno or 0), "", local[-1].mtu if local else 0))
        return sent

    def events(self, until: float) -> Iterator[Event]:
        """Answers and refusals as they come, until that moment."""
        while True:
            yield from self._taken()
            left = until - time.monotonic()
            if left <= 0:
                return
            if self._poll.poll(left * 1000):
                yield from self._refusals()
                answer = self._answer()
                if answer is not None:
                    yield answer

    def _taken(self) -> list[Refusal]:
        taken, self._refused_here = self._refused_here, []
        return taken

    def _answer(self) -> Answer | None:
        try:
            data = self._socket.recv(70000, socket.MSG_DONTWAIT)
        except OSError:
            return None
        at = time.monotonic()
        if self._version == 4:
            data = data[(data[0] & 0x0F) * 4 :]
        sequence = self._own_sequence(data, wire.ECHO_REPLY[self._version])
        return None if sequence is None or data[8:16] != self._token else Answer(sequence, at)

    def _refusals(self) -> list[Refusal]:
        found: list[Refusal] = []
        while True:
            try:
                data, ancillary, _flags, _peer = self._socket.recvmsg(
                    256, 256, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                )
            except OSError:
                return found
            for _level, _type, content in ancillary:
                refusal = self._refusal(data, content)
                if refusal is not None:
                    found.append(refusal)

    def _refusal(self, data: bytes, content: bytes) -> Refusal | None:
        """Out of a sock_extended_err, which is followed by the address of who sent the ICMP error."""
        if len(content) < 16:
            return None
        number, origin, _type, _code, info = struct.unpack("=IBBBxI", content[:12])
        mtu = info if number == errno.EMSGSIZE else 0
        if origin == _FROM_HERE:
            return Refusal(-1, os.strerror(number), "", mtu)
        sequence = self._own_sequence(data, wire.ECHO_REQUEST[self._version])
        if sequence is None:
            return None
        return Refusal(sequence, os.strerror(number), _sender(content[16:]), mtu)

    def _own_sequence(self, message: bytes, wanted_type: int) -> int | None:
        if len(message) < 8 or message[0] != wanted_type:
            return None
        identifier, sequence = struct.unpack("!HH", message[4:8])
        return int(sequence) if identifier == self._identifier else None


def _connected(probe: Probe, dont_fragment: bool) -> socket.socket:
    if probe.address.version == 4:
        made = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        made.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
        discover = _ALWAYS_DF_WHATEVER_IS_CACHED if dont_fragment else _NEVER_DF
        made.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, discover)
    else:
        made = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        made.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        made.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, _ONLY_ECHO_REPLIES)
        if dont_fragment:
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_DONTFRAG, 1)
            made.setsockopt(socket.IPPROTO_IPV6, _IPV6_MTU_DISCOVER, _ALWAYS_DF_WHATEVER_IS_CACHED)
    try:
        bind(made, probe)
        made.connect(socket_address(probe, probe.address))
    except CannotProbe:
        made.close()
        raise
    except OSError as error:
        made.close()
        raise NoRoute(os.strerror(error.errno or 0)) from None
    return made


class NoRoute(Exception):
    """The host itself knows no way to the target; the text is the kernel's."""


def _sender(address: bytes) -> str:
    family = struct.unpack("=H", address[:2])[0] if len(address) >= 2 else 0
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, address[4:8])
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, address[8:24])
    return ""
