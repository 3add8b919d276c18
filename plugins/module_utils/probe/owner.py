# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns an address on a link: ARP for IPv4, neighbour solicitation for IPv6."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from . import wire
from .model import Probe
from .sockets import Enter, frame_socket, mac_address, own_address

_EVERY = 0.3
# After the first answer, this long for a second owner's.
_GRACE = 0.2


def owner(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    """Ask until someone answers or the time is up; every MAC address that answers is an owner."""
    ethertype = wire.ETHERTYPE_ARP if probe.address.version == 4 else wire.ETHERTYPE[6]
    with enter(probe.namespace):
        made = frame_socket(probe.interface, ethertype)
        question = _question(probe, mac_address(probe.interface))
    with made:
        return {"macs": sorted(_answers(made, question, probe))}


def _question(probe: Probe, mac: str) -> bytes:
    sender = probe.source or own_address(probe)
    if probe.address.version == 4:
        body = wire.arp(False, mac, sender or IPv4Address(0), wire.NO_MAC, probe.address)
        return wire.frame(wire.BROADCAST, mac, wire.ETHERTYPE_ARP, body)
    body = wire.neighbour_solicitation(mac, sender or IPv6Address(0), probe.address)
    return wire.frame(wire.solicited_node_mac(probe.address), mac, wire.ETHERTYPE[6], body)


def _answers(made: socket.socket, question: bytes, probe: Probe) -> set[str]:
    read = wire.arp_owner if probe.address.version == 4 else wire.advertised_owner
    found: set[str] = set()
    poll = select.poll()
    poll.register(made, select.POLLIN)
    end = time.monotonic() + probe.timeout
    ask = 0.0
    while time.monotonic() < end:
        if not found and time.monotonic() >= ask:
            made.send(question)
            ask = time.monotonic() + _EVERY
        until = end if found else min(end, ask)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            continue
        mac = read(made.recv(2048), probe.address)
        if mac and mac not in found:
            found.add(mac)
            end = min(end, time.monotonic() + _GRACE)
    return found
