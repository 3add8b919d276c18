# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running BIRD does at the moment."""

from __future__ import annotations

from typing import Any

from .control import Control
from .decide import Running
from .replies import bfd_sessions, protocols


def look(control: Control) -> Running:
    found = protocols(control.tell("show protocols all"))
    sessions = [
        session
        for name, protocol in found.items()
        if protocol.kind == "BFD" and protocol.up
        for session in bfd_sessions(name, control.tell(f"show bfd sessions {name}"))
    ]
    return Running(found, sessions)


def as_data(running: Running) -> dict[str, Any]:
    """The same for those who ask by the module."""
    return {
        "protocols": [
            {
                "name": one.name,
                "type": one.kind,
                "state": one.state,
                "up": one.up,
                "neighbor": one.neighbour,
                "routes": one.routes,
            }
            for one in running.protocols.values()
        ],
        "bfd_sessions": [
            {
                "protocol": one.protocol,
                "address": one.address,
                "interface": one.interface,
                "state": one.state,
                "up": one.up,
                "timeout": one.timeout,
            }
            for one in running.sessions
        ],
    }
