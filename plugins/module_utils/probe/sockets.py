# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sockets of all probes share. A socket stays in the namespace it was made in, wherever its thread goes."""

from __future__ import annotations

import fcntl
import socket
import struct
from collections.abc import Callable
from contextlib import AbstractContextManager
from ipaddress import ip_address

from .model import Address, CannotProbe, Probe

# Enters a namespace by name, with the calling thread alone.
Enter = Callable[[str], AbstractContextManager[None]]

_SIOCGIFHWADDR = 0x8927


def family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET if address.version == 4 else socket.AF_INET6


def socket_address(probe: Probe, address: Address, port: int = 0) -> tuple[str, int] | tuple[str, int, int, int]:
    """Address and port as the socket calls take them; a link-local address is on the probe's interface."""
    if address.version == 4:
        return str(address), port
    index = socket.if_nametoindex(probe.interface) if probe.interface and address.is_link_local else 0
    return str(address), port, 0, index


def bind(made: socket.socket, probe: Probe) -> None:
    """Bind a socket to the probe's interface and source address, where it names them."""
    try:
        if probe.interface:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, probe.interface.encode() + b"\0")
    except OSError as error:
        raise CannotProbe(f"interface {probe.interface}: {error.strerror}") from None
    try:
        if probe.source is not None:
            made.bind(socket_address(probe, probe.source))
    except OSError as error:
        raise CannotProbe(f"source address {probe.source}: {error.strerror}") from None


def own_address(probe: Probe) -> Address | None:
    """The address that packets to the target leave with, None when there is no way to it. Nothing is sent."""
    with socket.socket(family(probe.address), socket.SOCK_DGRAM) as made:
        bind(made, probe)
        try:
            made.connect(socket_address(probe, probe.address, 9))
        except OSError:
            return None
        return ip_address(made.getsockname()[0].partition("%")[0])


def mac_address(interface: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        try:
            answer = fcntl.ioctl(made, _SIOCGIFHWADDR, struct.pack("16s16x", interface.encode()))
        except OSError as error:
            raise CannotProbe(f"interface {interface}: {error.strerror}") from None
    return answer[18:24].hex(":")
