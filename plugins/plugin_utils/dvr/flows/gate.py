# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables 80 and 81: whether this host's part of central SNAT takes part in the network.

Where several hosts share the work the gate is not the document's: it is opened on the host that is to be active.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    GATE_FROM,
    GATE_TO,
    RESPONDER,
    UNICAST,
    UPLINK,
    flow,
)


def waiting() -> Iterator[str]:
    """What this host sends to a leg is for that of the host that translates; a flooded frame goes there anyway."""
    yield flow(GATE_TO, 10, UNICAST, f"resubmit(,{UPLINK})")


def opened(priority: int = 100) -> Iterator[str]:
    yield flow(GATE_FROM, priority, "", f"resubmit(,{RESPONDER})")
    yield flow(GATE_TO, priority, "", "output:NXM_NX_REG0[]")
