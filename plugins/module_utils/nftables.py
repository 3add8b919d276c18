# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables by its library, as ``nft`` has it: the same language and the same atomic transactions, without a process."""

from __future__ import annotations

import ctypes
import os
import re
from typing import Any

from .errors import HostError, StepFailed

# What output can be asked for; values of libnftables.
HANDLE, STATELESS, JSON, TERSE = 1 << 3, 1 << 2, 1 << 4, 1 << 11
_ERROR = re.compile(r"^/proc/self/fd/\d+:\d+:\d+-\d+: Error: (.*)\n(.*)$", re.MULTILINE)
# As much of a refused line as a person reads; a set's elements may fill a megabyte.
_QUOTED = 200


class NftablesMissing(HostError):
    """The host has no libnftables."""


class Nftables:
    """A context of the library, in the namespace that it is entered in.

    flags: what output to give.
    """

    def __init__(self, flags: int) -> None:
        self._flags = flags
        self._kept = False

    def __enter__(self) -> Nftables:
        try:
            self._functions = _library()
        except OSError:
            raise NftablesMissing("libnftables is not installed on this host; install nftables") from None
        self._context = self._functions.nft_ctx_new(0)
        self._functions.nft_ctx_buffer_output(self._context)
        self._functions.nft_ctx_buffer_error(self._context)
        self.set_flags(self._flags)
        return self

    def set_flags(self, flags: int) -> None:
        self._functions.nft_ctx_output_set_flags(self._context, flags)

    def __exit__(self, *_error: object) -> None:
        if not self._kept:
            self.free()

    def keep(self) -> None:
        """Let it outlive the body, its socket open and its namespace in use, until it is freed."""
        self._kept = True

    def free(self) -> None:
        self._functions.nft_ctx_free(self._context)

    def run(self, text: str) -> str:
        # From a file, because nft quotes the line it refuses only then.
        with os.fdopen(os.memfd_create("nft"), "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
            stream.flush()
            failed = self._functions.nft_run_cmd_from_filename(
                self._context, f"/proc/self/fd/{stream.fileno()}".encode()
            )
        output = self._functions.nft_ctx_get_output_buffer(self._context).decode(errors="surrogateescape")
        if failed:
            message = self._functions.nft_ctx_get_error_buffer(self._context).decode(errors="replace")
            raise StepFailed(message_of(message))
        return str(output)


def message_of(text: str) -> str:
    """What nft says, in one line: each error with the line of input it is about."""
    found = [f"{error} in '{line.strip()[:_QUOTED]}'" for error, line in _ERROR.findall(text)]
    return "; ".join(found) or " ".join(text.split())


def _library() -> Any:
    library = ctypes.CDLL("libnftables.so.1")
    context, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint
    signatures = {
        "nft_ctx_new": ([number], context),
        "nft_ctx_free": ([context], None),
        "nft_ctx_buffer_output": ([context], ctypes.c_int),
        "nft_ctx_buffer_error": ([context], ctypes.c_int),
        "nft_ctx_output_set_flags": ([context, number], None),
        "nft_run_cmd_from_filename": ([context, text], ctypes.c_int),
        "nft_ctx_get_output_buffer": ([context], text),
        "nft_ctx_get_error_buffer": ([context], text),
    }
    for name, (arguments, result) in signatures.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    return library
