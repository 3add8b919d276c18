# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPv6 address that a device gives itself."""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import EUI


def link_local(mac: str) -> str:
    return str(EUI(mac).ipv6_link_local())
