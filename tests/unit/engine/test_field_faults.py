# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults of single entries that say what would be right."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils import document
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError

NEIGHBOUR = {"link": "br0", "address": "192.0.2.7"}
IPV6_ROUTE = {"destination": "2001:db8::/32", "dev": "br0"}
VXLAN = {"name": "vx0", "type": "vxlan", "id": 1, "local": "192.0.2.1"}


@pytest.mark.parametrize(
    ("section", "entry", "fault"),
    [
        ("neighbours", NEIGHBOUR, ".mac: is missing; name the neighbour's, or say proxy: true"),
        (
            "neighbours",
            {**NEIGHBOUR, "proxy": True, "mac": "52:54:00:00:00:07"},
            ".mac: belongs to a permanent neighbour; a proxy entry answers with the link's own address",
        ),
        ("routes", {**IPV6_ROUTE, "metric": 0}, ".metric: 0 means 1024 in IPv6; write that, or leave it out"),
        ("routes", {**IPV6_ROUTE, "scope": "link"}, ".scope: belongs to IPv4; leave it out"),
        (
            "routes",
            {"destination": "10.0.0.0/8", "next_hops": [{"via": "192.0.2.1", "weight": 2}]},
            ".next_hops: a weight means something among several next hops only; leave it out",
        ),
        (
            "links",
            {**VXLAN, "remote": "239.1.1.1"},
            ".remote: 239.1.1.1 is a multicast address; name one other end",
        ),
        (
            "links",
            {**VXLAN, "remote": "2001:db8::1"},
            ".remote: 2001:db8::1 and 192.0.2.1 are of different families",
        ),
    ],
)
def test_a_fault_says_what_would_be_right(section: str, entry: dict[str, Any], fault: str) -> None:
    with pytest.raises(DocumentError) as refused:
        document.parse({"scope": "t", section: [entry]})
    assert refused.value.faults == (f"{section}[0]{fault}",)
