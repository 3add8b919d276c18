# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests in the place of a guest: put on its port as if it had sent them, answers read on their way to it.

The guest sees answers to what it did not ask, and ignores them.
"""

from __future__ import annotations

import secrets
import time

from . import wire
from .link import Link
from .model import Address, CannotProbe, Probe
from .sockets import Enter

_HEADERS = {4: 28, 6: 48}


def ping_as_guest(probe: Probe, enter: Enter, size: int) -> tuple[dict[int, float], dict[int, float], str]:
    """When each request was sent, when it was answered, and why there was nothing to send."""
    source, mac = probe.source, probe.mac
    if source is None or mac is None:
        raise CannotProbe("standing in for a guest takes its source address and mac")
    hop = probe.via or probe.address
    with enter(probe.namespace):
        link = Link(probe.interface, as_guest=True)
    with link:
        question = wire.who_has(hop, source, mac)
        hop_mac = next(link.owners(hop, question, time.monotonic() + probe.timeout), "")
        if not hop_mac:
            return {}, {}, f"nobody answered for {hop}"
        return (*_Exchange(probe, link, source, (hop_mac, mac)).run(size), "")


class _Exchange:
    """Requests sent by the clock, and the answers to them."""

    def __init__(self, probe: Probe, link: Link, source: Address, macs: tuple[str, str]) -> None:
        self._probe, self._link, self._source, self._macs = probe, link, source, macs
        self._identifier = secrets.randbelow(0x10000)
        self._answered: dict[int, float] = {}

    def run(self, size: int) -> tuple[dict[int, float], dict[int, float]]:
        sent: dict[int, float] = {}
        started = time.monotonic()
        for sequence in range(self._probe.count):
            request = self._request(sequence, size)
            sent[sequence] = time.monotonic()
            self._link.send(request)
            is_last = sequence == self._probe.count - 1
            until = sent[sequence] + self._probe.timeout if is_last else started + (sequence + 1) * self._probe.interval
            self._collect(until, self._probe.count if is_last else self._probe.count + 1)
        return sent, self._answered

    def _collect(self, until: float, enough: int) -> None:
        while len(self._answered) < enough:
            data = self._link.receive(until)
            if not data:
                return
            found = wire.echo_sequence(data, self._probe.address, self._source, self._identifier)
            if found is not None:
                self._answered.setdefault(found, time.monotonic())

    def _request(self, sequence: int, size: int) -> bytes:
        version = self._source.version
        request = wire.echo_request(version, self._identifier, sequence, b"\0" * (size - _HEADERS[version]))
        body = wire.packet(self._source, self._probe.address, request, dont_fragment=self._probe.dont_fragment)
        hop_mac, mac = self._macs
        return wire.frame(hop_mac, mac, wire.ETHERTYPE[version], body)
