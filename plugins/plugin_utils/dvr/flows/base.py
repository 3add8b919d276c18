# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds on every host, whatever is on it."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows import (
    firewall,
    forward,
    port_security,
    responder,
    uplink,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    FORWARD,
    RESPONDER,
    TABLES,
    UPLINK,
    flow,
)

_OWN_DEFAULTS = (RESPONDER, FORWARD, UPLINK, *firewall.COMMITS)


def base() -> Iterator[str]:
    """A table without a flow that fits drops the frame, except where it says otherwise."""
    yield from (flow(table, 0, "", "drop") for table in TABLES if table not in _OWN_DEFAULTS)
    yield from port_security.base()
    yield from firewall.base()
    yield from responder.base()
    yield from forward.base()
    yield from uplink.base()
