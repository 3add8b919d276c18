# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Packets and frames as bytes. Pure."""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv6Address

from .model import Address

ETHERTYPE_ARP = 0x0806
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
BROADCAST = "ff:ff:ff:ff:ff:ff"
NO_MAC = "00:00:00:00:00:00"

ECHO_REQUEST = {4: 8, 6: 128}
ECHO_REPLY = {4: 0, 6: 129}
_NEIGHBOUR_SOLICITATION, _NEIGHBOUR_ADVERTISEMENT = 135, 136
_SOURCE_LINK_ADDRESS, _TARGET_LINK_ADDRESS, _NONCE = 1, 2, 14
_OVERRIDE = 0x20000000
# RFC 4861 wants 255, so that no neighbour message comes from beyond a router.
_LINK_ONLY = 255
_DEFAULT_HOPS = 64
_DONT_FRAGMENT = 0x4000


def checksum(data: bytes) -> int:
    """The Internet checksum of RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(version: int, identifier: int, sequence: int, payload: bytes) -> bytes:
    """An echo request. ICMPv6's checksum covers addresses: it stays 0 here, a raw socket's kernel fills it in."""
    header = struct.pack("!BBHHH", ECHO_REQUEST[version], 0, 0, identifier, sequence)
    if version == 6:
        return header + payload
    return _with_checksum(header + payload, b"")


def packet(
    source: Address, target: Address, message: bytes, hops: int = _DEFAULT_HOPS, dont_fragment: bool = False
) -> bytes:
    """An IP packet that carries an ICMP or ICMPv6 message, whose checksum is filled in."""
    if source.version == 4:
        flags = _DONT_FRAGMENT if dont_fragment else 0
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(message), 0, flags, hops, socket.IPPROTO_ICMP, 0)
        header += source.packed + target.packed
        return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + _with_checksum(message, b"")
    pseudo = source.packed + target.packed + struct.pack("!II", len(message), socket.IPPROTO_ICMPV6)
    header = struct.pack("!IHBB", 6 << 28, len(message), socket.IPPROTO_ICMPV6, hops)
    return header + source.packed + target.packed + _with_checksum(message, pseudo)


def frame(target_mac: str, source_mac: str, ethertype: int, payload: bytes) -> bytes:
    return mac_bytes(target_mac) + mac_bytes(source_mac) + struct.pack("!H", ethertype) + payload


def arp(reply: bool, sender_mac: str, sender: Address, target_mac: str, target: Address) -> bytes:
    header = struct.pack("!HHBBH", 1, ETHERTYPE[4], 6, 4, 2 if reply else 1)
    return header + mac_bytes(sender_mac) + sender.packed + mac_bytes(target_mac) + target.packed


def neighbour_solicitation(mac: str, source: Address, target: Address) -> bytes:
    """The packet that asks who owns an IPv6 address; from the unspecified address it says nothing of the sender."""
    message = struct.pack("!BBHI", _NEIGHBOUR_SOLICITATION, 0, 0, 0) + target.packed
    if not source.is_unspecified:
        message += struct.pack("!BB", _SOURCE_LINK_ADDRESS, 1) + mac_bytes(mac)
    return packet(source, solicited_node(target), message, _LINK_ONLY)


def neighbour_advertisement(mac: str, claimed: Address, source: Address, target: Address, nonce: bytes) -> bytes:
    """The unasked statement that an IPv6 address is at a MAC address. nonce: 14 bytes to know it again by."""
    message = struct.pack("!BBHI", _NEIGHBOUR_ADVERTISEMENT, 0, 0, _OVERRIDE) + claimed.packed
    message += struct.pack("!BB", _TARGET_LINK_ADDRESS, 1) + mac_bytes(mac)
    message += struct.pack("!BB", _NONCE, 2) + nonce
    return packet(source, target, message, _LINK_ONLY)


def who_has(address: Address, sender: Address | None, mac: str) -> bytes:
    """The frame that asks a link who owns an address. Without a sender it asks as a host that has no address yet."""
    if address.version == 4:
        body = arp(False, mac, sender or IPv4Address(0), NO_MAC, address)
        return frame(BROADCAST, mac, ETHERTYPE_ARP, body)
    body = neighbour_solicitation(mac, sender or IPv6Address(0), address)
    return frame(solicited_node_mac(address), mac, ETHERTYPE[6], body)


def solicited_node(address: Address) -> Address:
    """The multicast group in which the owner of an IPv6 address listens."""
    return type(address)(b"\xff\x02" + b"\0" * 9 + b"\x01\xff" + address.packed[-3:])


def solicited_node_mac(address: Address) -> str:
    return mac_text(b"\x33\x33" + solicited_node(address).packed[-4:])


def arp_owner(data: bytes, address: Address) -> str:
    """The MAC address that an ARP reply's frame says owns the address; empty for any other frame."""
    if len(data) < 42 or data[12:14] != struct.pack("!H", ETHERTYPE_ARP) or data[20:22] != b"\0\2":
        return ""
    return mac_text(data[22:28]) if data[28:32] == address.packed else ""


def advertised_owner(data: bytes, address: Address) -> str:
    """The MAC address that a neighbour advertisement's frame says owns the address; empty for any other frame."""
    if len(data) < 78 or data[20] != socket.IPPROTO_ICMPV6 or data[54] != _NEIGHBOUR_ADVERTISEMENT:
        return ""
    if data[62:78] != address.packed:
        return ""
    options = data[78:]
    while len(options) >= 8 and options[1]:
        if options[0] == _TARGET_LINK_ADDRESS:
            return mac_text(options[2:8])
        options = options[options[1] * 8 :]
    return mac_text(data[6:12])


def echo_sequence(data: bytes, source: Address, target: Address, identifier: int) -> int | None:
    """The sequence number of the echo reply that a frame carries, None for any other frame."""
    version = source.version
    if data[12:14] != struct.pack("!H", ETHERTYPE[version]) or len(data) < 14 + 28:
        return None
    at = 14 + ((data[14] & 0x0F) * 4 if version == 4 else 40)
    ends = data[26:34] if version == 4 else data[22:54]
    protocol = data[23] if version == 4 else data[20]
    wanted = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
    if ends != source.packed + target.packed or protocol != wanted or data[at : at + 1] != bytes([ECHO_REPLY[version]]):
        return None
    found, sequence = struct.unpack("!HH", data[at + 4 : at + 8])
    return int(sequence) if found == identifier else None


def mac_bytes(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def mac_text(mac: bytes) -> str:
    return mac.hex(":")


def _with_checksum(message: bytes, pseudo: bytes) -> bytes:
    blank = message[:2] + b"\0\0" + message[4:]
    return blank[:2] + struct.pack("!H", checksum(pseudo + blank)) + blank[4:]
