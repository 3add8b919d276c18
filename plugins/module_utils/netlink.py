# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading policy rules of both families in one dump.

``ip`` reads the rules of one family per process; this is the one read for which that would cost every namespace a
second process. Numbers are those of linux/fib_rules.h and linux/rtnetlink.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator
from typing import Any

_NLMSG_DONE = 3
_NLMSG_ERROR = 2
_RTM_GETRULE = 34
_REQUEST_DUMP = 0x301
_INVERT = 2
_ACTIONS = {1: "lookup", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_DST, _SRC, _IIFNAME, _PRIORITY, _FWMARK, _TABLE, _FWMASK, _OIFNAME = 1, 2, 3, 6, 10, 15, 16, 17
_PROTOCOL, _IP_PROTOCOL, _SOURCE_PORTS, _DESTINATION_PORTS = 21, 22, 23, 24


def read_rules() -> list[dict[str, Any]]:
    """All rules of the calling thread's namespace that :class:`kinds.rule.Rule` can express, in its field names.

    :raises OSError: when the kernel does not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as channel:
        channel.bind((0, 0))
        found: list[dict[str, Any]] = []
        for family in (socket.AF_INET, socket.AF_INET6):
            channel.send(struct.pack("=IHHIIB11x", 28, _RTM_GETRULE, _REQUEST_DUMP, 1, 0, family))
            for body in _messages(channel):
                rule = _rule(body)
                if rule is not None:
                    found.append(rule)
        return found


def _messages(channel: socket.socket) -> Iterator[bytes]:
    while True:
        data = channel.recv(1 << 17)
        offset = 0
        while offset + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, offset)
            if kind == _NLMSG_DONE:
                return
            if kind == _NLMSG_ERROR:
                raise OSError(-struct.unpack_from("=i", data, offset + 16)[0], "the kernel refused to list rules")
            yield data[offset + 16 : offset + length]
            offset += (length + 3) & ~3


def _attributes(body: bytes) -> dict[int, bytes]:
    found = {}
    offset = 12
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, offset)
        found[kind] = body[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def _rule(body: bytes) -> dict[str, Any] | None:
    family, destination_bits, source_bits, _tos, table, _r1, _r2, action, flags = struct.unpack_from("=8BI", body)
    attributes = _attributes(body)
    if action not in _ACTIONS:
        return None
    rule: dict[str, Any] = {
        "family": 4 if family == socket.AF_INET else 6,
        "priority": _number(attributes.get(_PRIORITY)) or 0,
        "action": _ACTIONS[action],
        "table": (_number(attributes.get(_TABLE)) or table) if action == 1 else None,
        "source": _prefix(attributes.get(_SRC), source_bits),
        "destination": _prefix(attributes.get(_DST), destination_bits),
        "iif": _name(attributes.get(_IIFNAME)),
        "oif": _name(attributes.get(_OIFNAME)),
        "fwmark": _fwmark(attributes),
        "ip_protocol": attributes[_IP_PROTOCOL][0] if _IP_PROTOCOL in attributes else None,
        "source_port": _ports(attributes.get(_SOURCE_PORTS)),
        "destination_port": _ports(attributes.get(_DESTINATION_PORTS)),
        "inverted": True if flags & _INVERT else None,
        "protocol": attributes[_PROTOCOL][0] if _PROTOCOL in attributes else 0,
    }
    return rule


def _number(data: bytes | None) -> int | None:
    return None if data is None else int(struct.unpack("=I", data)[0])


def _prefix(data: bytes | None, bits: int) -> str | None:
    return None if data is None else f"{ipaddress.ip_address(data)}/{bits}"


def _name(data: bytes | None) -> str | None:
    return None if data is None else data.rstrip(b"\0").decode()


def _fwmark(attributes: dict[int, bytes]) -> str | None:
    mark, mask = _number(attributes.get(_FWMARK)), _number(attributes.get(_FWMASK))
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
