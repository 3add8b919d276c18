# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""See every frame that an interface sends or receives, until the program's input ends.

capture.py INTERFACE…   prints "ready", and in the end each different frame as a line: INTERFACE in|out VLAN HEX
"""

from __future__ import annotations

import select
import socket
import struct
import sys

ALL_PROTOCOLS = 3
SOL_PACKET, PACKET_AUXDATA, VLAN_VALID = 263, 8, 0x10
SNAP = 200


def opened(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    made.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    made.bind((interface, ALL_PROTOCOLS))
    return made


def line(made: socket.socket) -> str:
    data, ancillary, _flags, sender = made.recvmsg(SNAP, 64)
    tag = "-"
    for _level, _type, content in ancillary:
        status, _len, _snaplen, _mac, _net, tci = struct.unpack_from("=IIIHHH", content)
        if status & VLAN_VALID:
            tag = str(tci & 0xFFF)
    return f"{sender[0]} {'out' if sender[2] == socket.PACKET_OUTGOING else 'in'} {tag} {data.hex()}"


def main(interfaces: list[str]) -> None:
    links = [opened(interface) for interface in interfaces]
    print("ready", flush=True)
    seen: dict[str, None] = {}
    while True:
        ready, _writing, _failed = select.select([sys.stdin, *links], [], [])
        if sys.stdin in ready and not (ready := [each for each in ready if each is not sys.stdin]):
            break
        for made in ready:
            if made is not sys.stdin:
                seen[line(made)] = None
    print("\n".join(seen))


if __name__ == "__main__":
    main(sys.argv[1:])
