# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling a link which MAC address an address has from now on: gratuitous ARP, unsolicited neighbour advertisements.

Switches and neighbours that knew the address elsewhere follow at once, rather than when their entries grow old. Nobody
answers an announcement and one may be lost, so it is made three times: at once, and twice more by a process that
nobody waits for.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from ipaddress import IPv4Address, IPv6Address, ip_address

from .errors import HostError
from .netlink import held, proxied
from .probe import wire

REPETITIONS, PAUSE = 2, 1.1
_GIVE_UP = 10
_SIOCGIFHWADDR = 0x8927
_ETHERNET = 1
_LINK_SCOPE = "20"
_ALL_NODES, _ALL_NODES_MAC = IPv6Address("ff02::1"), "33:33:00:00:00:01"
_ADVERTISEMENT, _OVERRIDE, _TARGET_LINK_ADDRESS = 136, 0x20000000, 2
_HOPS = 255
# The link is down, or it or the namespace has gone: nobody is there who could listen.
_NOBODY_LISTENS = (errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.EADDRNOTAVAIL, errno.ENOBUFS)

# An address that a link has, or answers for as a proxy entry.
Entry = tuple[str, str]
Enter = Callable[[str], AbstractContextManager[None]]


def announce(entries: Iterable[Entry]) -> None:
    """Announce the entries that are still there, out of their links in the namespace of the calling thread.

    What has been taken away in the meantime may have been announced by another host by now.
    """
    there = held() | proxied()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as channel:
        for link, text in entries:
            try:
                if (socket.if_nametoindex(link), text) in there:
                    for frame in frames(ip_address(text), _mac(channel, link), _link_local(link)):
                        channel.sendto(frame, (link, 0))
            except OSError as error:
                if error.errno not in _NOBODY_LISTENS:
                    raise


def frames(address: IPv4Address | IPv6Address, mac: str | None, source: IPv6Address | None) -> Iterator[bytes]:
    """What announces an address: ARP as request and as reply, since some hear the one only and some the other.

    mac: None where the link has none. source: the link-local address of the link, if it has one.
    """
    if mac is None:
        return
    if isinstance(address, IPv4Address):
        for reply, target in ((False, wire.NO_MAC), (True, mac)):
            body = wire.arp(reply, mac, address, target, address)
            yield wire.frame(wire.BROADCAST, mac, wire.ETHERTYPE_ARP, body)
        return
    message = struct.pack("!BBHI", _ADVERTISEMENT, 0, 0, _OVERRIDE) + address.packed
    message += struct.pack("!BB", _TARGET_LINK_ADDRESS, 1) + wire.mac_bytes(mac)
    body = wire.packet(source or address, _ALL_NODES, message, _HOPS)
    yield wire.frame(_ALL_NODES_MAC, mac, wire.ETHERTYPE[6], body)


def repeat_detached(entries: Mapping[str, Sequence[Entry]], enter: Enter, keep: Sequence[int]) -> None:
    """Announce again, by namespace, in a process that holds nothing of this one but the descriptors to ``keep``.

    enter: goes into a namespace and back.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        if os.fork() == 0:
            _detach(keep)
            _repeat(entries, enter)
    finally:
        os._exit(0)


def _detach(keep: Sequence[int]) -> None:
    """A session of its own, no pipe or lock of the run that anybody waits for, and an end in any case."""
    os.setsid()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_GIVE_UP)
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in keep:
            _close(int(name))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        if standard not in (nothing, *keep):
            os.dup2(nothing, standard)


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError as error:
        # The one that the directory was listed by.
        if error.errno != errno.EBADF:
            raise


def _repeat(entries: Mapping[str, Sequence[Entry]], enter: Enter) -> None:
    for _round in range(REPETITIONS):
        time.sleep(PAUSE)
        for namespace, here in entries.items():
            try:
                with enter(namespace):
                    announce(here)
            except (HostError, OSError):
                # Nobody is left to hear of it, and the other namespaces want theirs.
                continue


def _mac(channel: socket.socket, link: str) -> str | None:
    """The MAC address of a link, None where it has none."""
    answer = fcntl.ioctl(channel, _SIOCGIFHWADDR, struct.pack("16s24x", link.encode()))
    kind, mac = struct.unpack_from("=H6s", answer, 16)
    return wire.mac_text(mac) if kind == _ETHERNET else None


def _link_local(link: str) -> IPv6Address | None:
    try:
        with open("/proc/thread-self/net/if_inet6", encoding="ascii") as stream:
            rows = [row.split() for row in stream]
    except FileNotFoundError:
        return None
    found = (row[0] for row in rows if row[5] == link and row[3] == _LINK_SCOPE)
    return next((IPv6Address(bytes.fromhex(address)) for address in found), None)
