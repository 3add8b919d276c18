# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: a host, and the documents that it is made equal to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A host with ``count`` of something. added and removed: its document with one more of them, or of what the shape
    says, and with one less. device: what the host has before anything is declared; switch: whether it runs Open
    vSwitch."""

    shape: str
    count: int
    usual: Document
    added: Document
    removed: Document
    device: str | None = None
    switch: bool = False

    @property
    def scope(self) -> str:
        return str(self.usual["scope"])

    @property
    def bridges(self) -> list[str]:
        """Those that get flows."""
        return sorted({group["bridge"] for group in self.usual.get("openflow", ())})
