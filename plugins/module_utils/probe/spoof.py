# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a frame that lies about its sender gets through.

A frame that does not arrive proves something only where a truthful one does. So a truthful frame goes before the
lie and another one after it, by the same way: when the last has arrived, the lie would have, too.
"""

from __future__ import annotations

import secrets
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from . import wire
from .inject import Injector
from .model import Address, CannotProbe, Place, Probe
from .sockets import Enter, frame_socket, mac_address

_TOKEN_BYTES = 14
_TRIES = 3
# For a frame that another CPU may still hold when the one sent after it has arrived.
_GRACE = 0.05

Send = Callable[[bytes], Any]


def spoof(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    place = probe.seen_at
    if place is None or probe.source is None:
        raise CannotProbe("spoof needs seen_at and source")
    with enter(place.namespace):
        watch = frame_socket(place.interface)
        target_mac = mac_address(place.interface)
    with watch, enter(probe.namespace), _sender(probe) as send:
        mac = probe.mac or mac_address(probe.interface)
        lie_source, lie_mac = probe.claimed_source or probe.source, probe.claimed_mac or mac
        for _try in range(_TRIES):
            tokens = [secrets.token_bytes(_TOKEN_BYTES) for _ in range(3)]
            send(_frame(probe, target_mac, mac, probe.source, mac, tokens[0]))
            send(_frame(probe, target_mac, mac, lie_source, lie_mac, tokens[1]))
            send(_frame(probe, target_mac, mac, probe.source, mac, tokens[2]))
            seen = _seen(watch, tokens, probe.timeout / _TRIES)
            if seen[0] and seen[2]:
                break
    return {
        "claimed": f"{lie_source} at {lie_mac}",
        "control_arrived": seen[0] and seen[2],
        "arrived": seen[1],
        "seen_at": _name(place),
    }


@contextmanager
def _sender(probe: Probe) -> Iterator[Send]:
    if not probe.received:
        with frame_socket(probe.interface, 0) as made:
            yield made.send
        return
    try:
        index = socket.if_nametoindex(probe.interface)
    except OSError:
        raise CannotProbe(f"interface {probe.interface}: No such device") from None
    with Injector(index) as injector:
        yield injector.send


def _frame(probe: Probe, target_mac: str, true_mac: str, source: Address, mac: str, token: bytes) -> bytes:
    """An echo request with this sender, or an announcement that the address is at the MAC address.

    The announcement's Ethernet header tells the truth: only looking into it shows the lie.
    """
    if probe.frame == "echo":
        request = wire.echo_request(source.version, secrets.randbelow(0x10000), 1, token)
        body = wire.packet(source, probe.address, request)
        return wire.frame(target_mac, mac, wire.ETHERTYPE[source.version], body)
    if source.version == 4:
        body = wire.arp(True, mac, source, target_mac, probe.address) + token
        return wire.frame(target_mac, true_mac, wire.ETHERTYPE_ARP, body)
    assert probe.source is not None
    body = wire.neighbour_advertisement(mac, source, probe.source, probe.address, token)
    return wire.frame(target_mac, true_mac, wire.ETHERTYPE[6], body)


def _seen(watch: socket.socket, tokens: Sequence[bytes], timeout: float) -> list[bool]:
    """Which of the frames come by, until the last one has, or the time is up."""
    seen = [False] * len(tokens)
    poll = select.poll()
    poll.register(watch, select.POLLIN)
    end = time.monotonic() + timeout
    while (left := end - time.monotonic()) > 0:
        if not poll.poll(left * 1000):
            break
        data = watch.recv(2048)
        for number, token in enumerate(tokens):
            if token in data and not seen[number]:
                seen[number] = True
                if number == len(tokens) - 1:
                    end = min(end, time.monotonic() + _GRACE)
    return seen


def _name(place: Place) -> str:
    return f"{place.interface} of {place.namespace or 'the host'}"
