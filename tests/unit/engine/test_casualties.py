# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is of others goes along with nothing of ours unsaid."""

from __future__ import annotations

from typing import Any

import pytest
from planning import MARK, objects
from test_guard import address, link, route

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Resource
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.namespace import Namespace
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.neighbour import Neighbour
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_bridge import OvsBridge
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_port import OvsPort
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options, World, plan

BRIDGE = link("br0", "bridge", owner="t")
OURS = address("br0", "192.0.2.1/24", owner="t")
IN_C1: dict[str, Any] = {"namespace": "c1"}
NAMESPACE = (Namespace(name="c1", owner="t"), link("v1", "veth", peer=("c1", "eth0"), owner="t"))


def reasons(seen: tuple[Resource, ...], document: dict[str, Any] | None = None) -> list[str]:
    try:
        plan(objects(document or {}), World({resource.key: resource for resource in seen}), MARK, Options())
    except PlanRefused as refused:
        return list(refused.reasons)
    return []


LOST = {
    "a VLAN": (link("br0.10", "vlan", parent="br0", id=10), "link br0.10"),
    "a macvlan": (link("mv0", lower="br0"), "link mv0"),
    "a tunnel": (link("vx0", "vxlan", parent="br0", id=10), "link vx0"),
    "an address": (address("br0", "198.18.0.1/24"), "address br0 198.18.0.1/24"),
    "an address of another scope": (address("br0", "198.18.0.1/24", owner="user"), "198.18.0.1/24 (scope user)"),
    "a route": (route("10.0.0.0/8", "br0", "192.0.2.9"), "route 10.0.0.0/8"),
    "a route of another scope": (route("10.0.0.0/8", "br0", protocol=201, owner="user"), "10.0.0.0/8 (scope user)"),
    "a neighbour": (Neighbour(link="br0", address="192.0.2.9"), "neighbour br0 192.0.2.9"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_others_have_put_on_our_link_keeps_it_from_being_removed(name: str) -> None:
    lost, named = LOST[name]
    (text,) = reasons((BRIDGE, lost))
    assert text.startswith("link host br0: removing it would take along what is not ours: ")
    assert named in text
    assert text.endswith("; move or remove that first")


INHERENT = {
    "the kernel's route": route("192.0.2.0/24", "br0", protocol=2),
    "a route of a router advertisement": route("::/0", "br0", "fe80::1", protocol=9),
    "a route of BIRD": route("10.0.0.0/8", "br0", "192.0.2.9", protocol=12),
    "a link-local address": address("br0", "fe80::1/64", scope="link"),
    "a learned address": address("br0", "2001:db8::9/64", lifetimes=(900, 600)),
    "what is ours": address("br0", "198.18.0.1/24", owner="t"),
}


@pytest.mark.parametrize("name", INHERENT)
def test_what_comes_and_goes_with_a_link_is_no_obstacle(name: str) -> None:
    assert reasons((BRIDGE, OURS, INHERENT[name])) == []


def test_a_port_of_others_would_be_cut_off() -> None:
    (text,) = reasons((BRIDGE, link("vnet0", "tap", master="br0"), link("v1", "veth", master="br0", owner="t")))
    assert text == (
        "link host br0: removing it would cut off ports that are not ours: link vnet0; "
        "unplug them first (ip link set dev … nomaster)"
    )


def test_a_port_that_the_document_moves_is_no_obstacle() -> None:
    moved = {"links": [{"name": "eth0", "type": "physical", "master": ""}]}
    assert reasons((BRIDGE, link("eth0", master="br0")), moved) == []


def test_a_port_of_others_in_our_switch_would_go_with_it() -> None:
    bridge = OvsBridge(name="ex", owner="t")
    own = OvsPort(name="ex", bridge="ex", type="internal")
    assert reasons((bridge, own)) == []
    (text,) = reasons((bridge, own, OvsPort(name="guest", bridge="ex", type="system")))
    assert "ovs bridge host ex: removing it would take along what is not ours: ovs port guest" in text


def test_a_namespace_of_ours_is_ours_but_for_devices_of_others() -> None:
    inside = (
        link("lo", **IN_C1),
        link("sit0", **IN_C1),
        link("eth0", "veth", peer=("", "v1"), owner="t", **IN_C1),
        address("eth0", **IN_C1),
        route("0.0.0.0/0", "eth0", "10.9.0.1", **IN_C1),
    )
    assert reasons((*NAMESPACE, *inside)) == []
    (text,) = reasons((*NAMESPACE, *inside, link("guest", "tap", **IN_C1)))
    assert text.startswith("namespace host c1: removing it would take along what is not ours: link c1 guest; ")


def test_the_routes_of_others_that_an_address_made_anew_would_lose() -> None:
    """The kernel takes an address and all routes of its link away, and gives back the connected one only."""
    seen = (link("eth0"), address("eth0"), route("0.0.0.0/0", "eth0", "10.9.0.1"))
    anew = {"addresses": [{"link": "eth0", "address": "10.9.0.83/24", "noprefixroute": True, "adopt": True}]}
    (text,) = reasons(seen, anew)
    assert text.startswith(
        "address host eth0 10.9.0.83/24: replacing it would take along what is not ours: route default;"
    )
    assert text.endswith("declare that with adopt: true, so that it is made again, or move or remove it first")
    adopted = {"destination": "0.0.0.0/0", "via": "10.9.0.1", "dev": "eth0", "adopt": True}
    assert reasons(seen, {**anew, "routes": [adopted]}) == []


def test_many_casualties_are_counted() -> None:
    many = tuple(route(f"10.{n}.0.0/16", "br0", "192.0.2.9") for n in range(9))
    (text,) = reasons((BRIDGE, *many))
    assert "route 10.5.0.0/16 and 3 more; move" in text


def test_the_device_of_a_port_of_a_switch_is_the_switchs_own() -> None:
    bridge, own = OvsBridge(name="ex", owner="t"), OvsPort(name="qr", bridge="ex", type="internal", owner="t")
    assert reasons((bridge, own, *NAMESPACE, link("qr", "tap", **IN_C1))) == []
