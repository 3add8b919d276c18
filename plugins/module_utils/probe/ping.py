# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Round trips and path MTU, by echo requests."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from .echo import Answer, Echo, NoRoute, Refusal
from .guest import ping_as_guest
from .model import Probe
from .sockets import Enter

_USUAL_SIZE = {4: 84, 6: 104}
_SMALLEST_MTU = {4: 68, 6: 1280}
_LARGEST_PACKET = 65535
# A size that stays silent is asked about twice, so that one lost packet is not taken for a narrow path.
_ATTEMPTS = 2


def ping(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    """Send `count` requests, one every `interval`, and wait at most `timeout` for the last answer."""
    size = probe.size or _USUAL_SIZE[probe.address.version]
    if probe.as_guest:
        return _summary(probe, *ping_as_guest(probe, enter, size))
    try:
        with enter(probe.namespace):
            echo = Echo(probe, probe.dont_fragment)
    except NoRoute as error:
        return _summary(probe, {}, {}, str(error))
    sent: dict[int, float] = {}
    answered: dict[int, float] = {}
    refused: dict[int, Refusal] = {}
    with echo:
        started = time.monotonic()
        for sequence in range(probe.count):
            sent[sequence] = echo.send(sequence, size)
            is_last = sequence == probe.count - 1
            until = sent[sequence] + probe.timeout if is_last else started + (sequence + 1) * probe.interval
            for event in echo.events(until):
                if isinstance(event, Answer):
                    answered.setdefault(event.sequence, event.at)
                else:
                    refused[event.sequence] = event
                if is_last and len(answered.keys() | refused.keys()) == probe.count:
                    break
    why = str(next(iter(refused.values()))) if refused else ""
    return _summary(probe, sent, answered, why)


def _summary(probe: Probe, sent: Mapping[int, float], answered: Mapping[int, float], why: str) -> dict[str, Any]:
    trips = [(at - sent[sequence]) * 1000 for sequence, at in answered.items()]
    rtt = {"min": min(trips), "avg": sum(trips) / len(trips), "max": max(trips)} if trips else None
    return {
        "sent": len(sent),
        "received": len(trips),
        "loss": 100.0 * (1 - len(trips) / probe.count),
        "rtt": {name: round(value, 3) for name, value in rtt.items()} if rtt else None,
        "refusal": why or None,
    }


def path_mtu(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    """Find the largest packet that comes through unfragmented.

    Routers that say what they would take make it quick; where they keep silent, halving finds the size.
    """
    try:
        with enter(probe.namespace):
            echo = Echo(probe, dont_fragment=True)
    except NoRoute as error:
        return {"mtu": None, "refusal": str(error)}
    with echo:
        return _Search(probe, echo).run()


class _Search:
    """The search for a path's MTU: `passes` is known to come through, `fails` is known not to."""

    def __init__(self, probe: Probe, echo: Echo) -> None:
        self._probe = probe
        self._echo = echo
        self._sequence = 0
        self._patience = probe.timeout

    def run(self) -> Mapping[str, Any]:
        passes = _SMALLEST_MTU[self._probe.address.version]
        started = time.monotonic()
        refusal = self._refusal(passes)
        if refusal is not None:
            return {"mtu": None, "refusal": str(refusal) if refusal.reason else None}
        # Several times the round trip just seen is long enough to call a size silent.
        self._patience = min(self._probe.timeout, max(0.1, 4 * (time.monotonic() - started)))
        fails = _LARGEST_PACKET + 1
        attempt = _LARGEST_PACKET
        while passes + 1 < fails:
            refusal = self._refusal(attempt)
            if refusal is None:
                passes = attempt
            else:
                fails = attempt
                if passes < refusal.mtu < fails:
                    fails = refusal.mtu + 1
                    attempt = refusal.mtu
                    continue
            attempt = (passes + fails) // 2
        return {"mtu": passes, "refusal": None}

    def _refusal(self, size: int) -> Refusal | None:
        """Why a packet of this size does not come through; None when it does."""
        for _attempt in range(_ATTEMPTS):
            self._sequence += 1
            sent = self._echo.send(self._sequence, size)
            for event in self._echo.events(sent + self._patience):
                if event.sequence == self._sequence:
                    return event if isinstance(event, Refusal) else None
        return Refusal(self._sequence, "", "")
