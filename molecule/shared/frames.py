# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Send frames that tell the truth or lie about their sender, and see which of them come by.

frames.py send INTERFACE IPV4 IPV6 GATEWAY-IPV4 GATEWAY-IPV6
frames.py watch INTERFACE     prints "ready", and after its input has ended the names of the frames that came
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
from ipaddress import ip_address
from pathlib import Path

MARK = b"hostnet-frame:"
EVERYBODY = b"\xff" * 6
EVERY_NODE = b"\x33\x33\x00\x00\x00\x01"
STRANGER = bytes.fromhex("525400000999")
ALL_PROTOCOLS = 3


def checksum(data: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) // 2 * 2])) + (data[-1] << 8) * (
        len(data) % 2
    )
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def echo4(source: str, target: str, payload: bytes) -> bytes:
    body = struct.pack("!BBHHH", 8, 0, 0, 7, 7) + payload
    body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, 0, 64, 1, 0)
    head += ip_address(source).packed + ip_address(target).packed
    return b"\x08\x00" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def icmp6(source: str, target: str, body: bytes, hops: int) -> bytes:
    ends = ip_address(source).packed + ip_address(target).packed
    body += b"\0" * (-len(body) % 8)
    total = checksum(ends + struct.pack("!II", len(body), 58) + body)
    head = struct.pack("!IHBB", 6 << 28, len(body), 58, hops)
    return b"\x86\xdd" + head + ends + body[:2] + struct.pack("!H", total) + body[4:]


def arp(mac: bytes, claimed: str, payload: bytes) -> bytes:
    """An announcement to all; what follows it is padding to those who read it."""
    address = ip_address(claimed).packed
    return b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + address + bytes(6) + address + payload


def advertisement(source: str, claimed: str, mac: bytes, payload: bytes) -> bytes:
    """A neighbour advertisement to all, with an option that readers skip after the link-layer address."""
    option = b"\x0e" + bytes([(len(payload) + 2 + 7) // 8]) + payload
    body = struct.pack("!BBHI", 136, 0, 0, 1 << 29) + ip_address(claimed).packed + b"\x02\x01" + mac + option
    return icmp6(source, "ff02::1", body, 255)


def send(interface: str, own4: str, own6: str, gateway4: str, gateway6: str) -> None:
    mac = bytes.fromhex(Path(f"/sys/class/net/{interface}/address").read_text().strip().replace(":", ""))
    stranger4, stranger6 = str(ip_address(gateway4) + 76), str(ip_address(gateway6) + 76)

    def echo6(source: str, payload: bytes) -> bytes:
        return icmp6(source, "ff02::1", struct.pack("!BBHHH", 128, 0, 0, 7, 7) + payload, 1)

    def marked(name: str) -> bytes:
        return MARK + name.encode() + b";"

    frames = {
        "truth, IPv4": EVERYBODY + mac + echo4(own4, "255.255.255.255", marked("truth, IPv4")),
        "truth, IPv6": EVERY_NODE + mac + echo6(own6, marked("truth, IPv6")),
        "another MAC": EVERYBODY + STRANGER + echo4(own4, "255.255.255.255", marked("another MAC")),
        "another IPv4": EVERYBODY + mac + echo4(stranger4, "255.255.255.255", marked("another IPv4")),
        "the host's IPv4": EVERYBODY + mac + echo4(gateway4, "255.255.255.255", marked("the host's IPv4")),
        "another IPv6": EVERY_NODE + mac + echo6(stranger6, marked("another IPv6")),
        "ARP as the gateway": EVERYBODY + mac + arp(mac, gateway4, marked("ARP as the gateway")),
        "ND as the gateway": EVERY_NODE + mac + advertisement(own6, gateway6, mac, marked("ND as the gateway")),
        "truth, ARP": EVERYBODY + mac + arp(mac, own4, marked("truth, ARP")),
        "truth, ND": EVERY_NODE + mac + advertisement(own6, own6, mac, marked("truth, ND")),
    }
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        for frame in frames.values():
            link.send(frame)


def watch(interface: str) -> None:
    came: list[str] = []
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS)) as link:
        link.bind((interface, 0))

        def listen() -> None:
            while True:
                data, sender = link.recvfrom(2048)
                if MARK in data and sender[2] != socket.PACKET_OUTGOING:
                    came.append(data.partition(MARK)[2].partition(b";")[0].decode())

        threading.Thread(target=listen, daemon=True).start()
        print("ready", flush=True)
        sys.stdin.read()
        time.sleep(0.5)
        print(json.dumps(came), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "send":
        send(*sys.argv[2:])
    else:
        watch(sys.argv[2])
