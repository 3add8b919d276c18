# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans that would cut the connection they come in by, and their like that would not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from planning import MARK, objects

from ansible_collections.hostnet.fabric.plugins.module_utils.connection import Connection, parsed
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.address import Address
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Resource
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.link import Link
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_bridge import OvsBridge
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_port import OvsPort
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.route import NextHop, Route
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.rule import Rule
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options, World, plan

AWAY = Connection("10.9.0.83", 22, "203.0.113.7", 50000)
NEAR = Connection("10.9.0.83", 22, "10.9.0.7", 50000)


def link(name: str, kind: str = "physical", **fields: Any) -> Link:
    return Link(**{"name": name, "type": kind, "up": True, "mtu": 1500, "master": "", "index": 9, **fields})


def address(on: str, text: str = "10.9.0.83/24", **fields: Any) -> Address:
    return Address(**{"link": on, "address": text, "scope": "global", "noprefixroute": False, **fields})


def route(destination: str, dev: str, via: str = "", **fields: Any) -> Route:
    metric = 1024 if ":" in destination else 0
    hops = (NextHop(via, dev),)
    base = {"destination": destination, "table": 254, "metric": metric, "type": "unicast", "next_hops": hops}
    return Route(**{**base, "protocol": 3, **fields})


def default(dev: str) -> Route:
    return route("0.0.0.0/0", dev, "10.9.0.1")


RULES = [
    Rule(family=version, priority=priority, action="lookup", table=table)
    for version in (4, 6)
    for priority, table in ((0, 255), (32766, 254), (32767, 253))
]
PLAIN = (link("eth0"), address("eth0"), route("10.9.0.0/24", "eth0", protocol=2), default("eth0"))
BRIDGED = (link("br0", "bridge"), link("eth0", master="br0"), address("br0"), default("br0"))
ON_VLAN = (
    link("eth0", master="br0"),
    link("br0", "bridge", owner="t"),
    link("br0.10", "vlan", parent="br0", id=10),
    address("br0.10"),
    default("br0.10"),
)
SWITCHED = (
    OvsBridge(name="ex", owner="t"),
    OvsPort(name="ex", bridge="ex", type="internal"),
    OvsPort(name="eth0", bridge="ex", type="system", owner="t"),
    OvsPort(name="tap1", bridge="ex", type="system", owner="t"),
    link("ex"),
    link("eth0"),
    link("tap1", "tap"),
    address("ex"),
    default("ex"),
)
EX = {
    "ovs_bridges": [{"name": "ex"}],
    "ovs_ports": [{"name": "eth0", "bridge": "ex"}, {"name": "tap1", "bridge": "ex"}],
}


def reasons(document: Mapping[str, Any], seen: Sequence[Resource], connection: Connection = AWAY) -> list[str]:
    try:
        options = Options(protected=connection)
        plan(objects(document), World({resource.key: resource for resource in (*RULES, *seen)}), MARK, options)
    except PlanRefused as refused:
        return list(refused.reasons)
    return []


def cut(document: Mapping[str, Any], seen: Sequence[Resource], connection: Connection = AWAY) -> str:
    return "\n".join(text for text in reasons(document, seen, connection) if "would cut this connection" in text)


def _eth0(**fields: Any) -> dict[str, Any]:
    return {"links": [{"name": "eth0", "type": "physical", **fields}]}


def _address(**fields: Any) -> dict[str, Any]:
    return {"addresses": [{"link": "eth0", "address": "10.9.0.83/24", "adopt": True, **fields}]}


def _routes(*entries: Mapping[str, Any]) -> dict[str, Any]:
    return {"routes": [{"adopt": True, **entry} for entry in entries]}


SWALLOWED = _routes({"destination": "0.0.0.0/0", "type": "blackhole"})
BLACKHOLE = {"rules": [{"priority": 1, "action": "blackhole"}]}
VIA_9 = (
    route("0.0.0.0/0", "eth0", "10.9.0.1", table=9),
    Rule(family=4, priority=5, action="lookup", table=9, owner="t"),
)
CUT = {
    "address made anew": (_address(noprefixroute=True), PLAIN, "replace address eth0 10.9.0.83/24"),
    "port of a bridge down": (_eth0(up=False), BRIDGED, "change link eth0"),
    "port of a bridge freed": (_eth0(master=""), BRIDGED, "change link eth0"),
    "bridge below a VLAN removed": ({}, ON_VLAN, "remove link br0"),
    "bridge below a VLAN down": (
        {"links": [{"name": "br0", "type": "bridge", "up": False}]},
        ON_VLAN,
        "change link br0",
    ),
    "port below a VLAN down": (
        {"links": [{"name": "br0", "type": "bridge"}, *_eth0(up=False)["links"]]},
        ON_VLAN,
        "change link eth0",
    ),
    "device below a VLAN enslaved": (
        {"links": [{"name": "br9", "type": "bridge"}, *_eth0(master="br9")["links"]]},
        (link("eth0"), link("eth0.10", "vlan", parent="eth0", id=10), address("eth0.10")),
        "change link eth0",
    ),
    "device below a macvlan down": (
        _eth0(up=False),
        (link("eth0"), link("mv0", lower="eth0"), address("mv0")),
        "change link eth0",
    ),
    "VRF removed": (
        {},
        (link("eth0", master="blue"), link("blue", "vrf", table=9, owner="t"), address("eth0")),
        "remove link blue",
    ),
    "other end of a veth down": (
        {"links": [{"name": "out", "type": "veth", "peer": {"name": "leg"}, "up": False, "adopt": True}]},
        (
            link("eth0", master="br0"),
            link("br0", "bridge"),
            link("out", "veth", peer=("", "leg"), master="br0"),
            link("leg", "veth", peer=("", "out")),
            address("leg"),
        ),
        "change link out",
    ),
    "bridge behind a veth loses its port": (
        _eth0(master=""),
        (
            link("eth0", master="br0"),
            link("br0", "bridge"),
            link("out", "veth", peer=("", "leg"), master="br0"),
            link("leg", "veth", peer=("", "out")),
            address("leg"),
        ),
        "change link eth0",
    ),
    "both ports that stand on one device": (
        _eth0(up=False),
        (
            link("eth0"),
            *(link(f"eth0.{n}", "vlan", parent="eth0", id=n, master="br0") for n in (10, 20)),
            link("br0", "bridge"),
            address("br0"),
        ),
        "change link eth0",
    ),
    "switch removed": ({}, SWITCHED, "remove ovs_bridge ex"),
    "port of a switch removed": ({**EX, "ovs_ports": EX["ovs_ports"][1:]}, SWITCHED, "remove ovs_port eth0"),
    "default route swallows": (SWALLOWED, PLAIN, "change route default"),
    "default route over another device": (
        _routes({"destination": "0.0.0.0/0", "via": "192.0.2.1", "dev": "eth1"}),
        (*PLAIN, link("eth1"), address("eth1", "192.0.2.9/24")),
        "change route default, and answers to 203.0.113.7 would leave by eth1, not by eth0",
    ),
    "more precise route": (
        _routes({"destination": "203.0.113.0/24", "type": "unreachable"}),
        PLAIN,
        "add route 203.0.113.0/24, and nothing would lead back to 203.0.113.7",
    ),
    "rule of blackhole": (BLACKHOLE, PLAIN, "add rule 1 blackhole, and nothing would lead back"),
    "rule for the host's address": (
        {"rules": [{"priority": 1, "action": "prohibit", "source": "10.9.0.0/24", "source_port": 22}]},
        PLAIN,
        "add rule 1",
    ),
    "rule into a table that leads nowhere": (
        {
            **_routes({"destination": "0.0.0.0/0", "table": 9, "type": "prohibit"}),
            "rules": [{"priority": 5, "table": 9}],
        },
        PLAIN,
        "add rule 5 lookup 9, and nothing would lead back",
    ),
    "rule that led back removed": ({}, (*PLAIN[:3], *VIA_9), "remove rule 5 lookup 9, and nothing would lead back"),
    "device of the way back down": (
        {"links": [{"name": "eth1", "type": "physical", "up": False}]},
        (link("lo"), link("eth1"), address("lo", "10.9.0.83/32"), address("eth1", "192.0.2.9/24"), default("eth1")),
        "change link eth1",
    ),
}


@pytest.mark.parametrize("name", CUT)
def test_what_cuts_the_connection_is_refused(name: str) -> None:
    document, seen, expected = CUT[name]
    assert expected in cut(document, seen)


def test_a_peer_on_the_same_link_needs_no_default_route() -> None:
    assert cut(SWALLOWED, PLAIN, NEAR) == ""
    assert "10.9.0.7" in cut(_routes({"destination": "10.9.0.7/32", "type": "blackhole"}), PLAIN, NEAR)


def test_an_address_that_is_made_anew_is_gone_for_a_moment_even_if_its_routes_stay() -> None:
    other = (link("eth0"), address("eth0"), address("eth0", "10.8.0.83/24"), *PLAIN[2:])
    assert "replace address eth0 10.9.0.83/24" in cut(_address(broadcast="10.9.0.7"), other, NEAR)


KEPT = {
    "another gateway": (_routes({"destination": "0.0.0.0/0", "via": "10.9.0.2", "dev": "eth0"}), PLAIN),
    "a gateway whose link is left to the kernel": (_routes({"destination": "0.0.0.0/0", "via": "10.9.0.2"}), PLAIN),
    "a route to others": (_routes({"destination": "198.51.100.0/24", "type": "blackhole"}), PLAIN),
    "a less precise route": (_routes({"destination": "200.0.0.0/5", "type": "blackhole", "table": 9}), PLAIN),
    "a rule for others": (
        {"rules": [{"priority": 1, "action": "blackhole", "source": "10.8.0.0/24"}, {"priority": 2, "table": 9}]},
        PLAIN,
    ),
    "a rule for marked packets": ({"rules": [{"priority": 1, "action": "blackhole", "fwmark": "0x5"}]}, PLAIN),
    "a rule for what comes in elsewhere": ({"rules": [{"priority": 1, "action": "blackhole", "iif": "br9"}]}, PLAIN),
    "a rule of the other family": ({"rules": [{"priority": 1, "action": "blackhole", "family": 6}]}, PLAIN),
    "an attribute in place": (_eth0(mtu=9000), PLAIN),
    "another address beside it": ({"addresses": [{"link": "eth0", "address": "10.9.0.84/24"}]}, PLAIN),
    "a port beside the one that leads out": (
        {"links": [{"name": "tap1", "type": "tap", "up": False, "adopt": True}]},
        (*BRIDGED, link("tap1", "tap", master="br0")),
    ),
    "one of two ports that lead out": (_eth0(up=False), (*BRIDGED, link("eth1", master="br0"))),
    "a port of a switch beside the one that leads out": ({**EX, "ovs_ports": EX["ovs_ports"][:1]}, SWITCHED),
    "one of two ways back": (
        {"links": [{"name": "eth1", "type": "physical", "up": False}]},
        (
            link("lo"),
            link("eth1"),
            link("eth2"),
            address("lo", "10.9.0.83/32"),
            route("0.0.0.0/0", "eth1", next_hops=(NextHop("", "eth1"), NextHop("", "eth2")), protocol=12),
            route("0.0.0.0/0", "eth2", metric=5, protocol=12),
        ),
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_what_does_not_cut_it_is_not_refused(name: str) -> None:
    document, seen = KEPT[name]
    assert cut(document, seen) == ""


def test_a_connection_by_ipv6() -> None:
    seen = (link("eth0"), address("eth0", "2001:db8::83/64"), route("::/0", "eth0", "fe80::1"))
    connection = Connection("2001:db8::83", 22, "2001:db8:7::7", 50000)
    rule = {"rules": [{"priority": 1, "action": "blackhole", "family": 6}]}
    assert "add rule 1 blackhole" in cut(rule, seen, connection)
    assert "change link eth0" in cut(_eth0(up=False), seen, connection)
    # The flag of an IPv6 address is changed in place.
    in_place = {"addresses": [{"link": "eth0", "address": "2001:db8::83/64", "noprefixroute": True, "adopt": True}]}
    assert cut(in_place, seen, connection) == ""


def test_a_connection_between_addresses_of_one_link() -> None:
    connection = parsed("fe80::9%eth0 50000 fe80::1%eth0 22")
    assert connection == Connection("fe80::1", 22, "fe80::9", 50000, "eth0")
    seen = [item for name in ("eth0", "eth1") for item in (link(name), address(name, "fe80::1/64", scope="link"))]
    assert "comes in by fe80::1/64 on eth0" in cut(_eth0(up=False), seen, connection)
    assert cut({"links": [{"name": "eth1", "type": "physical", "up": False}]}, seen, connection) == ""


@pytest.mark.parametrize("text", ["", "203.0.113.7 50000 10.9.0.83", "UNKNOWN 65535 UNKNOWN port"])
def test_what_is_no_connection(text: str) -> None:
    assert parsed(text) is None


def test_without_a_known_peer_only_the_way_in_is_judged() -> None:
    assert cut(BLACKHOLE, PLAIN, Connection("10.9.0.83")) == ""
    assert "change link eth0" in cut(_eth0(up=False), PLAIN, Connection("10.9.0.83"))
