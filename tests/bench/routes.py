# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When routes came into a kernel and left it, as the kernel itself tells by netlink."""

from __future__ import annotations

import socket
import struct
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from threading import Thread

from ansible_collections.hostnet.fabric.plugins.module_utils.netlink import attributes

from .machine import CommandFailed, inside

_IPV4_ROUTES = 0x40
_RECEIVE_BUFFER, _LARGE = 33, 64 << 20
_HEADER, _ROUTE_HEADER = 16, 12
_NEW, _GONE = 24, 25
_DST, _GATEWAY = 1, 5
_MAIN_TABLE = 254
_QUIET = 0.05


class RouteWatch:
    """The IPv4 routes of a namespace's main table, from the start of the body on. Each is known with the time of its
    last change and the one gateway it leads to, which is empty where there are several, and None when it has gone."""

    def __init__(self, namespace: str) -> None:
        with inside(namespace):
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER, _LARGE)
        self._socket.settimeout(0.2)
        self._socket.bind((0, _IPV4_ROUTES))
        self._heard: deque[tuple[float, bytes]] = deque()
        self._known: dict[str, tuple[float, str | None]] = {}
        self._open = True
        self._listener = Thread(target=self._listen, daemon=True)

    def __enter__(self) -> RouteWatch:
        self._listener.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._open = False
        self._listener.join()
        self._socket.close()

    def when(self, wanted: Mapping[str, str | None], seconds: float = 30.0) -> list[float]:
        """Wait until these routes are as wanted; the time, as of ``perf_counter``, at which each got to be so."""
        deadline = time.perf_counter() + seconds
        while True:
            # What is decoded meanwhile would hold up the listener, and its clock.
            while self._is_busy() and time.perf_counter() < deadline:
                time.sleep(0.01)
            self._catch_up()
            found = [self._known.get(prefix, (0.0, None)) for prefix in wanted]
            if [way for _moment, way in found] == list(wanted.values()):
                return [moment for moment, _way in found]
            if time.perf_counter() > deadline:
                unlike = [(p, w, f[1]) for (p, w), f in zip(wanted.items(), found) if f[1] != w]
                prefix, way, has = unlike[0]
                raise CommandFailed(
                    f"after {seconds:.0f} s {len(unlike)} of {len(wanted)} routes are not as expected, "
                    f"such as {prefix}, which leads to {has} and not to {way}"
                )
            time.sleep(0.01)

    def _listen(self) -> None:
        """Only times and bytes are kept meanwhile, so that decoding delays nothing."""
        while self._open:
            with suppress(TimeoutError):
                data = self._socket.recv(1 << 16)
                self._heard.append((time.perf_counter(), data))

    def _is_busy(self) -> bool:
        return bool(self._heard) and time.perf_counter() - self._heard[-1][0] < _QUIET

    def _catch_up(self) -> None:
        while self._heard:
            moment, data = self._heard.popleft()
            kind, body = struct.unpack_from("=H", data, 4)[0], data[_HEADER:]
            if kind not in (_NEW, _GONE) or body[4] != _MAIN_TABLE:
                continue
            found = attributes(body, _ROUTE_HEADER)
            if _DST not in found:
                continue
            gateway = str(ip_address(found[_GATEWAY])) if _GATEWAY in found else ""
            self._known[f"{ip_address(found[_DST])}/{body[1]}"] = (moment, gateway if kind == _NEW else None)
