# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes in which one field forces another: a route's scope its kind, a tunnel's family its ends."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from harness import Machine, actions

KINDS: dict[str, dict[str, Any]] = {
    "gateway": {"via": "192.0.2.9"},
    "device": {"dev": "br0"},
    "local": {"type": "local", "dev": "lo"},
    "blackhole": {"type": "blackhole"},
}


def _routed(route: dict[str, Any]) -> dict[str, Any]:
    # Said for unicast routes too: what a document does not mention stays as it is.
    return {
        "links": [{"name": "br0", "type": "bridge", "up": True}],
        "addresses": [{"link": "br0", "address": "192.0.2.1/24"}],
        "routes": [{"type": "unicast", "destination": "10.0.0.0/8", **route}],
    }


@pytest.mark.parametrize(("first", "second"), list(permutations(KINDS, 2)))
def test_a_route_of_one_kind_becomes_one_of_another(first: str, second: str, host: Machine) -> None:
    host.apply(_routed(KINDS[first]))
    assert actions(host.apply(_routed(KINDS[second]))) == {"route 10.0.0.0/8": "change"}


def _tunnel(**ends: str) -> dict[str, Any]:
    return {"links": [{"name": "vx0", "type": "vxlan", "id": 7, **ends}]}


@pytest.mark.parametrize(
    ("first", "second", "action"),
    [
        ({}, {"remote": "2001:db8::2"}, "replace"),
        ({"local": "192.0.2.1"}, {"local": "2001:db8::1"}, "replace"),
        ({"local": "2001:db8::1"}, {"remote": "192.0.2.2"}, "replace"),
        ({}, {"remote": "192.0.2.2"}, "change"),
        ({"local": "2001:db8::1"}, {"remote": "2001:db8::2"}, "change"),
    ],
)
@pytest.mark.needs("vxlan")
def test_a_tunnel_is_made_again_over_another_family(
    first: dict[str, str], second: dict[str, str], action: str, host: Machine
) -> None:
    host.apply(_tunnel(**first))
    assert actions(host.apply(_tunnel(**second))) == {"link vx0": action}
