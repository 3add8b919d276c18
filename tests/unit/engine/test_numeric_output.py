# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``ip -N -j`` prints differs from release to release; the engine must read all of it."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.address import Address
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Reading
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.link import Link

OWNERS = {202: "blue"}


def link(**more: Any) -> dict[str, Any]:
    return {"ifindex": 7, "ifname": "l0", "flags": ["UP"], "mtu": 1500, "address": "52:54:00:00:00:07", **more}


@pytest.mark.parametrize(
    ("printed", "owner"),
    [
        ({"protocol": "0xca"}, "blue"),
        ({"protocol": 202}, "blue"),
        ({"protocol": "202"}, "blue"),
        ({"protocol": "0x3"}, None),
        ({}, None),
    ],
)
def test_the_protocol_of_an_address_names_its_owner(printed, owner):
    shown = {"family": "inet", "local": "192.0.2.1", "prefixlen": 24, "scope": "0", **printed}
    reading = Reading("", links=[link(addr_info=[shown])], owners=OWNERS)
    (address,) = Address.observe(reading, ())
    assert address.owner == owner


@pytest.mark.parametrize(
    ("printed", "protocol"),
    [("802.1Q", "802.1Q"), ("[33024]", "802.1Q"), ("802.1ad", "802.1ad"), ("[34984]", "802.1ad")],
)
def test_the_protocol_of_a_vlan_has_a_name(printed, protocol):
    info = {"info_kind": "vlan", "info_data": {"protocol": printed, "id": 5}}
    (observed,) = Link.observe(Reading("", links=[link(link="eth0", linkinfo=info)]), ())
    assert observed.protocol == protocol
    wanted = Link(name="l0", type="vlan", parent="eth0", id=5, protocol=protocol)
    assert wanted.differences(observed) == ()
    assert wanted.claims() == observed.claims()
