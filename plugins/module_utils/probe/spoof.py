# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a frame that lies about its sender gets through.

A frame that does not arrive proves something only where a truthful one does. So a truthful frame goes before the
lie and another one after it, by the same way: when the last has arrived, the lie would have, too.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from . import wire
from .link import Link
from .model import Address, CannotProbe, Place, Probe
from .sockets import Enter

_TOKEN_BYTES = 14
_TRIES = 3
# For a frame that another CPU may still hold when the one sent after it has arrived.
_GRACE = 0.05


def spoof(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    place, source = probe.seen_at, probe.source
    if place is None or source is None:
        raise CannotProbe("spoof needs seen_at and source")
    with enter(place.namespace):
        watch = Link(place.interface, leaving=place.leaving)
    # To nobody's address, a bridge sends a frame out of every port.
    target_mac = f"02:{secrets.token_bytes(5).hex(':')}" if place.leaving else watch.mac
    with watch:
        with enter(probe.namespace):
            link = Link(probe.interface, probe.as_guest)
        with link:
            mac = probe.mac or link.mac
            lie = (probe.claimed_source or source, probe.claimed_mac or mac)
            for _try in range(_TRIES):
                tokens = [secrets.token_bytes(_TOKEN_BYTES) for _frame_number in range(3)]
                for token, (claimed, claimed_mac) in zip(tokens, ((source, mac), lie, (source, mac))):
                    link.send(_frame(probe, target_mac, (source, mac), (claimed, claimed_mac), token))
                seen = _seen(watch, tokens, probe.timeout / _TRIES)
                if seen[0] and seen[2]:
                    break
    return {
        "claimed": f"{lie[0]} at {lie[1]}",
        "control_arrived": seen[0] and seen[2],
        "arrived": seen[1],
        "seen_at": _name(place),
    }


def _frame(
    probe: Probe, target_mac: str, truth: tuple[Address, str], claim: tuple[Address, str], token: bytes
) -> bytes:
    """An echo request with the claimed sender, or an announcement that the claimed address is at the MAC address.

    The announcement's Ethernet header tells the truth: only looking into it shows the lie. With the unspecified
    address it is a request as of a host without an address, which no neighbour table takes up.
    """
    source, mac = claim
    if probe.frame == "echo":
        request = wire.echo_request(source.version, secrets.randbelow(0x10000), 1, token)
        body = wire.packet(source, probe.address, request)
        return wire.frame(target_mac, mac, wire.ETHERTYPE[source.version], body)
    if source.version == 4:
        is_reply = not source.is_unspecified
        body = wire.arp(is_reply, mac, source, target_mac, probe.address) + token
        return wire.frame(target_mac, truth[1], wire.ETHERTYPE_ARP, body)
    body = wire.neighbour_advertisement(mac, source, truth[0], probe.address, token)
    return wire.frame(target_mac, truth[1], wire.ETHERTYPE[6], body)


def _seen(watch: Link, tokens: Sequence[bytes], timeout: float) -> list[bool]:
    """Which of the frames come by, until the last one has, or the time is up."""
    seen = [False] * len(tokens)
    end = time.monotonic() + timeout
    while data := watch.receive(end):
        for number, token in enumerate(tokens):
            if token in data and not seen[number]:
                seen[number] = True
                if number == len(tokens) - 1:
                    end = min(end, time.monotonic() + _GRACE)
    return seen


def _name(place: Place) -> str:
    return f"{place.interface} of {place.namespace or 'the host'}"
