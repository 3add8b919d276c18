# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send an echo request to each address every ten milliseconds, and tell what became of them.

flows.py ADDRESS…   prints "ready" once all have answered; after its input has ended, for each address as JSON: how many
packets were sent, how many had no answer, how many answers came again, how often answers ceased, the longest time
without one in milliseconds, and what routers said instead
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import IO

INTERVAL = 0.01
LAST_ANSWERS = 1.0
PATIENCE = 10.0
REQUEST, REPLY = {4: 8, 6: 128}, {4: 0, 6: 129}
ERRORS = {4: {3: "unreachable", 11: "exceeded"}, 6: {1: "unreachable", 3: "exceeded"}}
HEADER = {4: 20, 6: 40}


@dataclass
class Flow:
    address: str
    identifier: int
    sent: list[float] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    repeated: int = 0
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def family(self) -> int:
        return ip_address(self.address).version

    def request(self) -> bytes:
        number = len(self.sent)
        body = struct.pack("!HHI", self.identifier, number & 0xFFFF, number)
        return struct.pack("!BBH", REQUEST[self.family], 0, checksum(REQUEST[self.family], body)) + body

    def report(self) -> dict[str, object]:
        """What was sent before the first answer does not count: neighbours had to be found."""
        first = min(self.answered)
        missing = [number for number in range(first, len(self.sent)) if number not in self.answered]
        outages, longest, since = 0, 0.0, None
        for number in range(first, len(self.sent)):
            if number in self.answered:
                longest, since = max(longest, self.sent[number] - since if since else 0.0), None
            elif since is None:
                outages, since = outages + 1, self.sent[number]
        if since is not None:
            longest = max(longest, self.sent[-1] + INTERVAL - since)
        return {
            "sent": len(self.sent) - first,
            "lost": len(missing),
            "repeated": self.repeated,
            "outages": outages,
            "outage": round(1000 * longest),
            "errors": self.errors,
        }


def checksum(kind: int, body: bytes) -> int:
    """Of an ICMP message whose code is 0; the kernel makes that of ICMPv6."""
    total: int = (kind << 8) + sum(struct.unpack(f"!{len(body) // 2}H", body))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def heard(flows: dict[int, Flow], family: int, message: bytes) -> None:
    """An answer, or what a router says about a request, which it quotes."""
    kind = message[0]
    if kind == REPLY[family]:
        identifier, _low, number = struct.unpack("!HHI", message[4:12])
        if identifier in flows:
            flows[identifier].repeated += number in flows[identifier].answered
            flows[identifier].answered.add(number)
    elif kind in ERRORS[family]:
        quoted = message[8 + HEADER[family] :]
        identifier = struct.unpack("!H", quoted[4:6])[0] if quoted[:1] == bytes([REQUEST[family]]) else -1
        if identifier in flows:
            word = ERRORS[family][kind]
            flows[identifier].errors[word] = flows[identifier].errors.get(word, 0) + 1


def take(flows: dict[int, Flow], links: dict[int, socket.socket], until: float, end: list[IO[str]]) -> bool:
    """Take what comes until then. Whether something of what ends the program came first."""
    while (left := until - time.monotonic()) > 0:
        ready, _writing, _failed = select.select([*end, *links.values()], [], [], left)
        for family, link in links.items():
            if link in ready:
                data = link.recv(2048)
                heard(flows, family, data[4 * (data[0] & 15) :] if family == 4 else data)
        if any(each in ready for each in end):
            return True
    return False


def on_beat(moment: float) -> float:
    """The next of the moments at which all that send on one machine do so: a switch in user space wakes up once."""
    return (moment // INTERVAL + 1) * INTERVAL


def opened() -> dict[int, socket.socket]:
    links = {
        4: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
        6: socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6),
    }
    for link in links.values():
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    return links


def send(flow: Flow, link: socket.socket) -> None:
    request = flow.request()
    flow.sent.append(time.monotonic())
    # Without a way, or while the next router is looked for, this one is lost.
    with suppress(OSError):
        link.sendto(request, (flow.address, 0))


def main(addresses: list[str]) -> None:
    links = opened()
    base = (os.getpid() << 6) & 0xFFC0
    flows = {base + number: Flow(address, base + number) for number, address in enumerate(addresses)}
    began = time.monotonic()
    turn = on_beat(began)
    take(flows, links, turn, [])
    silent, ended = True, False
    while not ended:
        for flow in flows.values():
            send(flow, links[flow.family])
        turn = on_beat(max(turn, time.monotonic()))
        ended = take(flows, links, turn, [sys.stdin])
        if silent and all(flow.answered for flow in flows.values()):
            silent = False
            print("ready", flush=True)
        elif silent and time.monotonic() - began > PATIENCE:
            sys.exit(f"no answer from {', '.join(flow.address for flow in flows.values() if not flow.answered)}")
    take(flows, links, time.monotonic() + LAST_ANSWERS, [])
    print(json.dumps({flow.address: flow.report() for flow in flows.values()}))


if __name__ == "__main__":
    main(sys.argv[1:])
