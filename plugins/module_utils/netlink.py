# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of the kernel without a tool: the policy rules of both families, proxy neighbours, and any dump at all.

``ip`` reads the rules of one family per process; this is the one read for which that would cost every namespace a
second process. Numbers are those of linux/netlink.h, linux/fib_rules.h, linux/neighbour.h and linux/rtnetlink.h.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Iterator
from typing import Any

_REQUEST, _ACKNOWLEDGE = 0x1, 0x4
DUMP = 0x300
_HEADER = 16
_DONE, _ERROR = 3, 2
# The upper two bits of an attribute's type say how it is written.
_TYPE = 0x3FFF

_RTM_GETRULE, _RTM_GETNEIGH, _RTM_GETADDR = 34, 30, 22
_FAMILY_HEADER, _ADDRESS_HEADER = 12, 8
_INVERT = 2
_ACTIONS = {1: "lookup", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_DST, _SRC, _IIFNAME, _PRIORITY, _FWMARK, _TABLE, _FWMASK, _OIFNAME = 1, 2, 3, 6, 10, 15, 16, 17
_PROTOCOL, _IP_PROTOCOL, _SOURCE_PORTS, _DESTINATION_PORTS = 21, 22, 23, 24
_PROXY_FLAG, _NEIGHBOUR_DST = 0x08, 1
_ADDRESS, _ADDRESS_LOCAL = 1, 2


class Channel:
    """A netlink socket in the calling thread's namespace."""

    def __init__(self, protocol: int) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
        self._socket.bind((0, 0))

    def __enter__(self) -> Channel:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def dump(self, kind: int, body: bytes) -> Iterator[bytes]:
        """The bodies of all messages that answer a request for a list."""
        return self._answers(kind, DUMP, body)

    def command(self, kind: int, body: bytes) -> None:
        """Have something done.

        :raises OSError: when the kernel refuses.
        """
        for _answer in self._answers(kind, _ACKNOWLEDGE, body):
            pass

    def _answers(self, kind: int, flags: int, body: bytes) -> Iterator[bytes]:
        self._socket.send(struct.pack("=IHHII", _HEADER + len(body), kind, _REQUEST | flags, 1, 0) + body)
        while True:
            data = self._socket.recv(1 << 17)
            offset = 0
            while offset + _HEADER <= len(data):
                length, answer = struct.unpack_from("=IH", data, offset)
                if answer == _DONE:
                    return
                if answer == _ERROR:
                    number = -struct.unpack_from("=i", data, offset + _HEADER)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return
                yield data[offset + _HEADER : offset + length]
                offset += (length + 3) & ~3


def attributes(body: bytes, offset: int = 0) -> dict[int, bytes]:
    """The attributes behind a header of that length, by type."""
    found = {}
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        if length < 4:
            break
        found[kind & _TYPE] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(content), kind) + content + b"\0" * (-len(content) % 4)


def read_rules() -> list[dict[str, Any]]:
    """All rules of the calling thread's namespace that :class:`kinds.rule.Rule` can express, in its field names.

    :raises OSError: when the kernel does not answer.
    """
    found: list[dict[str, Any]] = []
    with Channel(socket.NETLINK_ROUTE) as channel:
        for family in (socket.AF_INET, socket.AF_INET6):
            for body in channel.dump(_RTM_GETRULE, struct.pack("=B11x", family)):
                rule = _rule(body)
                if rule is not None:
                    found.append(rule)
    return found


def proxied() -> set[tuple[int, str]]:
    """The addresses that links of the calling thread's namespace answer for, each with the link's number."""
    found = set()
    with Channel(socket.NETLINK_ROUTE) as channel:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=B3xiHBB", family, 0, 0, _PROXY_FLAG, 0)
            for body in channel.dump(_RTM_GETNEIGH, request):
                index, flags = struct.unpack_from("=4xi2xB", body)
                address = attributes(body, _FAMILY_HEADER).get(_NEIGHBOUR_DST)
                if flags & _PROXY_FLAG and address is not None:
                    found.add((index, str(ipaddress.ip_address(address))))
    return found


def held() -> set[tuple[int, str]]:
    """The addresses that links of the calling thread's namespace have, each with the link's number."""
    found = set()
    with Channel(socket.NETLINK_ROUTE) as channel:
        for family in (socket.AF_INET, socket.AF_INET6):
            for body in channel.dump(_RTM_GETADDR, struct.pack("=B7x", family)):
                (index,) = struct.unpack_from("=4xi", body)
                own = attributes(body, _ADDRESS_HEADER)
                address = own.get(_ADDRESS_LOCAL) or own.get(_ADDRESS)
                if address is not None:
                    found.add((index, str(ipaddress.ip_address(address))))
    return found


def _rule(body: bytes) -> dict[str, Any] | None:
    family, destination_bits, source_bits, _tos, table, _r1, _r2, action, flags = struct.unpack_from("=8BI", body)
    found = attributes(body, _FAMILY_HEADER)
    if action not in _ACTIONS:
        return None
    rule: dict[str, Any] = {
        "family": 4 if family == socket.AF_INET else 6,
        "priority": _number(found.get(_PRIORITY)) or 0,
        "action": _ACTIONS[action],
        "table": (_number(found.get(_TABLE)) or table) if action == 1 else None,
        "source": _prefix(found.get(_SRC), source_bits),
        "destination": _prefix(found.get(_DST), destination_bits),
        "iif": _name(found.get(_IIFNAME)),
        "oif": _name(found.get(_OIFNAME)),
        "fwmark": _fwmark(found),
        "ip_protocol": found[_IP_PROTOCOL][0] if _IP_PROTOCOL in found else None,
        "source_port": _ports(found.get(_SOURCE_PORTS)),
        "destination_port": _ports(found.get(_DESTINATION_PORTS)),
        "inverted": True if flags & _INVERT else None,
        "protocol": found[_PROTOCOL][0] if _PROTOCOL in found else 0,
    }
    return rule


def _number(data: bytes | None) -> int | None:
    return None if data is None else int(struct.unpack("=I", data)[0])


def _prefix(data: bytes | None, bits: int) -> str | None:
    return None if data is None else f"{ipaddress.ip_address(data)}/{bits}"


def _name(data: bytes | None) -> str | None:
    return None if data is None else data.rstrip(b"\0").decode()


def _fwmark(found: dict[int, bytes]) -> str | None:
    mark, mask = _number(found.get(_FWMARK)), _number(found.get(_FWMASK))
    if mark is None and not mask:
        return None
    return f"{mark or 0:#x}" if mask in (None, 0xFFFFFFFF) else f"{mark or 0:#x}/{mask:#x}"


def _ports(data: bytes | None) -> str | None:
    if data is None:
        return None
    low, high = _range(data)
    return str(low) if low == high else f"{low}-{high}"


def _range(data: bytes) -> tuple[int, int]:
    low, high = struct.unpack("=HH", data)
    return int(low), int(high)
