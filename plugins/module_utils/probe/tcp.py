# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP connection, and whom the other end saw."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from .model import HOST_ADDRESS, Probe
from .sockets import Enter, bind, family, own_address, socket_address

_LONGEST_LINE = 256


def tcp(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    """Connect; read the line that tells which address the other end saw, when that is asked for."""
    measured: dict[str, Any] = {"connected": False, "refusal": None, "ms": None, "line": None, "seen_as": None}
    if probe.expect.seen_as == HOST_ADDRESS:
        with enter(""):
            host_address = own_address(replace(probe, interface="", source=None))
        measured["host_address"] = None if host_address is None else str(host_address)
    with enter(probe.namespace):
        made = socket.socket(family(probe.address), socket.SOCK_STREAM)
    with made:
        with enter(probe.namespace):
            bind(made, probe)
            target = socket_address(probe, probe.address, probe.port)
        started = time.monotonic()
        made.settimeout(probe.timeout)
        try:
            made.connect(target)
        except OSError as error:
            return {**measured, "refusal": _reason(error)}
        measured.update(connected=True, ms=round((time.monotonic() - started) * 1000, 3))
        if probe.read_line or probe.expect.seen_as is not None:
            measured["line"] = _line(made, probe.timeout)
            measured["seen_as"] = _as_address(measured["line"])
    return measured


def _reason(error: OSError) -> str:
    return "no answer in time" if isinstance(error, socket.timeout) else (error.strerror or str(error))


def _line(made: socket.socket, timeout: float) -> str:
    """The first line, or what came of it before the end, or before the time was up."""
    data = b""
    deadline = time.monotonic() + timeout
    while b"\n" not in data and len(data) < _LONGEST_LINE:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        made.settimeout(left)
        try:
            received = made.recv(_LONGEST_LINE)
        except OSError:
            break
        if not received:
            break
        data += received
    return data.partition(b"\n")[0].decode(errors="replace").strip()


def _as_address(line: str) -> str | None:
    try:
        return str(ip_address(line))
    except ValueError:
        return None
