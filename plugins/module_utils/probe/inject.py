# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a frame on an interface as if it had come in there: what a guest behind a tap would have sent.

A sender's own end of a tap belongs to its guest. The kernel lets root run a BPF program on a frame of one's own;
this one hands a copy to the interface's receiving side. Nothing is attached, so nothing can be left behind.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
from typing import Any

from .model import CannotProbe

_BPF_CALL_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351, "armv7l": 386}
_PROG_LOAD, _PROG_TEST_RUN = 5, 10
_SCHED_CLS = 3
_ATTRIBUTES_SIZE = 128
_MOVE_IMMEDIATE, _CALL, _EXIT = 0xB7, 0x85, 0x95
_CLONE_REDIRECT, _INGRESS = 13, 1


class Injector:
    """Puts frames on the receiving side of one interface of the namespace that the calling thread is in."""

    def __init__(self, interface_index: int) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        # Register 1 holds the frame already; 2 and 3 are where to and which side.
        program = _instruction(_MOVE_IMMEDIATE, 2, interface_index) + _instruction(_MOVE_IMMEDIATE, 3, _INGRESS)
        program += _instruction(_CALL, 0, _CLONE_REDIRECT) + _instruction(_EXIT, 0, 0)
        code, licence = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"GPL")
        fields = struct.pack("=IIQQ", _SCHED_CLS, len(program) // 8, ctypes.addressof(code), ctypes.addressof(licence))
        self._program = self._call(_PROG_LOAD, fields)

    def __enter__(self) -> Injector:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._program)

    def send(self, frame: bytes) -> None:
        data = ctypes.create_string_buffer(frame, len(frame))
        # program, result, input and output sizes, input and output addresses, repetitions, duration
        self._call(
            _PROG_TEST_RUN, struct.pack("=IIIIQQII", self._program, 0, len(frame), 0, ctypes.addressof(data), 0, 1, 0)
        )

    def _call(self, command: int, fields: bytes) -> int:
        number = _BPF_CALL_NUMBERS.get(platform.machine())
        if number is None:
            raise CannotProbe(f"frames cannot be put on a tap's receiving side on {platform.machine()}")
        attributes: Any = ctypes.create_string_buffer(fields, _ATTRIBUTES_SIZE)
        result = int(self._libc.syscall(number, command, attributes, _ATTRIBUTES_SIZE))
        if result < 0:
            reason = os.strerror(ctypes.get_errno())
            raise CannotProbe(
                f"the kernel does not let root put a frame on an interface's receiving side (bpf): {reason}"
            )
        return result


def _instruction(operation: int, register: int, immediate: int) -> bytes:
    return struct.pack("=BBhi", operation, register, 0, immediate)
