# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of devices as ``ethtool`` reads and makes them, in the calling thread's namespace.

Numbers are those of linux/ethtool.h and linux/sockios.h.
"""

from __future__ import annotations

import fcntl
import socket
import struct
from array import array
from contextlib import closing

_SIOCETHTOOL = 0x8946
_GET_TX_CHECKSUMS, _SET_TX_CHECKSUMS = 0x16, 0x17


def tx_checksums(device: str) -> bool:
    """Whether the kernel leaves the checksums of what it sends to this device.

    :raises OSError: when there is no such device.
    """
    return bool(_call(device, _GET_TX_CHECKSUMS, 0))


def set_tx_checksums(device: str, left_to_device: bool) -> None:
    """
    :raises OSError: when there is no such device, or it cannot do that.
    """
    _call(device, _SET_TX_CHECKSUMS, int(left_to_device))


def _call(device: str, command: int, value: int) -> int:
    order = array("B", struct.pack("=II", command, value))
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, struct.pack("16sP", device.encode(), order.buffer_info()[0]))
    return int(struct.unpack("=II", order.tobytes())[1])
