# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns an address on a link: ARP for IPv4, neighbour solicitation for IPv6."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from . import wire
from .link import Link
from .model import Probe
from .sockets import Enter, own_address


def owner(probe: Probe, enter: Enter) -> Mapping[str, Any]:
    """Ask until someone answers or the time is up; every MAC address that answers is an owner."""
    with enter(probe.namespace):
        link = Link(probe.interface, probe.as_guest)
        sender = probe.source or own_address(probe)
    with link:
        question = wire.who_has(probe.address, sender, probe.mac or link.mac)
        found = link.owners(probe.address, question, time.monotonic() + probe.timeout)
        return {"macs": sorted(set(found))}
