# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Routes of both families: types, tables, metrics, next hops, and what becomes of them when their links change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.route import Route

V4, V6 = {"destination": "198.51.100.0/24"}, {"destination": "2001:db8:9::/48"}
VIA4, VIA6 = {**V4, "via": "192.0.2.254"}, {**V6, "via": "2001:db8::fe"}


def _base() -> dict[str, Any]:
    addresses = ("192.0.2.1/24", "192.0.2.2/24", "2001:db8::1/64", "2001:db8::2/64")
    return {
        "links": [
            {"name": "br0", "type": "bridge", "up": True},
            {"name": "t0", "type": "tap", "master": "br0", "up": True},
            {"name": "br1", "type": "bridge", "up": True},
        ],
        "addresses": [
            *({"link": "br0", "address": address} for address in addresses[:2]),
            *({"link": "br0", "address": address, "nodad": True} for address in addresses[2:]),
            {"link": "br1", "address": "203.0.113.1/24"},
        ],
    }


def _document(entry: Entry) -> dict[str, Any]:
    return {**_base(), "routes": [entry]}


def _routes(host: Machine, *place: str, namespace: str = "") -> list[dict[str, Any]]:
    """The routes whose protocol number is one of ours."""
    shown = host.ip_json(" ".join(("route show table all", *place)), namespace)
    return [route for route in shown if 200 <= int(route["protocol"]) < 250]


def _shows(*path: str) -> Callable[[Machine], Any]:
    def look(host: Machine) -> Any:
        (value,) = _routes(host)
        for key in path:
            value = value.get(key) if isinstance(value, dict) else value[int(key)]
        return value

    return look


def _hops(host: Machine) -> list[tuple[str, int]]:
    (route,) = _routes(host)
    return sorted((hop["gateway"], hop["weight"]) for hop in route["nexthops"])


def _from6(source: str) -> Entry:
    return {**VIA6, "source": source}


def _two(via: str, other: str, weight: int) -> list[Entry]:
    return [{"via": via}, {"via": other, "weight": weight}]


HOPS4, HOPS6 = [("192.0.2.8", 1), ("192.0.2.9", 2)], [("2001:db8::8", 1), ("2001:db8::9", 2)]
ONLINK = {**V4, "next_hops": [{"via": "10.1.1.1", "dev": "br0", "onlink": True}]}
TWO4, THREE4 = _two("192.0.2.8", "192.0.2.9", 2), [{"via": f"192.0.2.{n}"} for n in (7, 8, 9)]
TWO6, THREE6 = _two("2001:db8::8", "2001:db8::9", 2), [{"via": f"2001:db8::{n}"} for n in (7, 8, 9)]
CASES = (
    Case("type", {**V4, "type": "blackhole"}, {**V4, "type": "unreachable"}, _shows("type"), "7"),
    Case("type", {**V6, "type": "blackhole"}, {**V6, "type": "prohibit"}, _shows("type"), "8"),
    Case("next_hops", VIA4, {**V4, "via": "192.0.2.253"}, _shows("gateway"), "192.0.2.253"),
    Case("next_hops", VIA6, {**V6, "via": "2001:db8::fd"}, _shows("gateway"), "2001:db8::fd"),
    Case("next_hops", {**V4, "dev": "br0"}, {**V4, "dev": "br1"}, _shows("dev"), "br1"),
    Case("next_hops", {**V6, "dev": "br0"}, {**V6, "dev": "br1"}, _shows("dev"), "br1"),
    Case("next_hops", VIA4, {**V4, "next_hops": TWO4}, _hops, HOPS4),
    Case("next_hops", VIA6, {**V6, "next_hops": TWO6}, _hops, HOPS6),
    Case("next_hops", {**V4, "next_hops": THREE4}, {**V4, "next_hops": TWO4}, _hops, HOPS4),
    Case("next_hops", {**V6, "next_hops": THREE6}, {**V6, "next_hops": TWO6}, _hops, HOPS6),
    Case("next_hops", {**V4, "next_hops": TWO4}, VIA4, _shows("gateway"), "192.0.2.254"),
    Case("next_hops", {**V6, "next_hops": TWO6}, VIA6, _shows("gateway"), "2001:db8::fe"),
    Case("next_hops", VIA4, ONLINK, lambda host: "onlink" in _shows("flags")(host), True),
    Case("next_hops", VIA4, {**V4, "via": "2001:db8::fe", "dev": "br0"}, _shows("via", "host"), "2001:db8::fe"),
    Case("source", {**VIA4, "source": "192.0.2.1"}, {**VIA4, "source": "192.0.2.2"}, _shows("prefsrc"), "192.0.2.2"),
    Case("source", _from6("2001:db8::1"), _from6("2001:db8::2"), _shows("prefsrc"), "2001:db8::2"),
    Case("scope", {**V4, "dev": "br0", "scope": "link"}, {**V4, "dev": "br0", "scope": "global"}, _shows("scope"), "0"),
    Case("mtu", {**VIA4, "mtu": 1400}, {**VIA4, "mtu": 1300}, _shows("metrics", "0", "mtu"), 1300),
    Case("mtu", {**VIA6, "mtu": 1400}, {**VIA6, "mtu": 1300}, _shows("metrics", "0", "mtu"), 1300),
)


def test_every_field_has_a_case() -> None:
    assert_complete(Route, CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _document)


@pytest.mark.parametrize(("bare", "leading"), [(V4, VIA4), (V6, VIA6)], ids=["IPv4", "IPv6"])
def test_a_route_can_become_a_blackhole_and_lead_again(bare: Entry, leading: Entry, host: Machine) -> None:
    host.apply(_document(leading))
    done = host.apply(_document({**bare, "type": "blackhole"}))
    assert set(actions(done).values()) == {"change"}
    assert _shows("type")(host) == "6"
    host.apply(_document({**leading, "type": "unicast"}))
    assert _shows("gateway")(host) == leading["via"]


def test_the_same_destination_in_several_tables_and_with_several_metrics(host: Machine) -> None:
    entries = [
        {**base, **place}
        for base in (VIA4, VIA6)
        for place in ({}, {"metric": 50}, {"table": 100}, {"table": 70000, "metric": 7}, {"table": 100, "metric": 9})
    ]
    host.apply({**_base(), "routes": entries})
    assert len(_routes(host)) == len(entries)
    host.apply({**_base(), "routes": entries[::2]})
    assert len(_routes(host)) == len(entries[::2])


def test_default_routes_of_both_families_need_no_family(host: Machine) -> None:
    host.apply({**_base(), "routes": [{"destination": "default", "via": v} for v in ("192.0.2.254", "2001:db8::fe")]})
    assert "via 192.0.2.254" in host.ip("route show default")
    assert "via 2001:db8::fe" in host.ip("-6 route show default")


def test_a_gateway_behind_a_route_that_comes_with_it(host: Machine) -> None:
    """The gateway is reachable only by another route of the same document, listed after it."""
    routes = [
        {"destination": "198.51.100.0/24", "via": "10.9.9.9"},
        {"destination": "10.9.9.9/32", "dev": "br0"},
    ]
    host.apply({**_base(), "routes": routes})
    done = host.apply({**_base(), "routes": []})
    assert list(actions(done).values()) == ["remove", "remove"]


def test_routes_outlive_a_new_address_in_place_of_the_only_one(host: Machine) -> None:
    """Without an address of its family the kernel drops a link's routes."""
    route = {"routes": [{"destination": "198.51.100.0/24", "dev": "br1"}]}
    host.apply({**_base(), **route})
    other = _base()
    for address in ("203.0.113.2/24", "203.0.113.1/25", "198.18.0.1/24"):
        other["addresses"][-1]["address"] = address
        host.apply({**other, **route})
        assert len(_routes(host)) == 1


def test_routes_outlive_an_exchange_of_addresses_while_their_link_changes(host: Machine) -> None:
    """The old address makes room for another of its subnet; one of another subnet has to be there by then."""
    route = {"routes": [{"destination": "198.51.100.0/24", "dev": "br1"}]}
    host.apply({**_base(), **route})
    other = _base()
    other["links"][2]["mtu"] = 1400
    other["addresses"][-1:] = [{"link": "br1", "address": a} for a in ("203.0.113.2/24", "198.18.0.1/24")]
    done = host.apply({**other, **route})
    assert "route 198.51.100.0/24" not in actions(done)


def test_a_gateway_moves_to_another_link_with_its_subnet(host: Machine) -> None:
    """The document leaves the link to the kernel; the old one has other addresses, and would keep the route."""
    document = _base()
    document["addresses"][-1:] = [{"link": "br1", "address": a} for a in ("203.0.113.1/24", "198.18.0.1/24")]
    document["routes"] = [{"destination": "198.51.100.0/24", "via": "198.18.0.9"}]
    host.apply(document)
    assert _shows("dev")(host) == "br1"
    document["addresses"][-1]["link"] = "br0"
    host.apply(document)
    assert _shows("dev")(host) == "br0"


def test_a_route_is_made_again_when_its_source_address_is_replaced(host: Machine) -> None:
    sources = [{**VIA4, "source": "192.0.2.1"}, {**VIA6, "source": "2001:db8::1"}]
    host.apply({**_base(), "routes": sources})
    base = _base()
    base["addresses"][0] = {"link": "br0", "address": "192.0.2.1/25"}
    base["addresses"][2] = {"link": "br0", "address": "2001:db8::1/96", "nodad": True}
    host.apply({**base, "routes": sources})
    assert len(_routes(host)) == 2


def test_routes_are_made_again_with_a_replaced_link(host: Machine) -> None:
    def document(peer: str) -> dict[str, Any]:
        return {
            "links": [{"name": "v0", "type": "veth", "peer": {"name": peer}, "up": True}, _up(peer)],
            "addresses": [{"link": "v0", "address": "192.0.2.1/24"}, {"link": "v0", "address": "2001:db8::1/64"}],
            "routes": [VIA4, VIA6, {"destination": "10.0.0.0/8", "dev": "v0", "table": 100}],
            "neighbours": [{"link": "v0", "address": "192.0.2.9", "mac": "02:00:00:00:00:09"}],
            "rules": [{"priority": 100, "source": "10.0.0.0/8", "table": 100}],
        }

    host.apply(document("v1"))
    done = host.apply(document("v2"))
    assert actions(done)["link v0"] == "replace"
    assert len(_routes(host)) == 3


def _up(name: str) -> Entry:
    return {"name": name, "type": "veth", "peer": {"name": "v0"}, "up": True}


def test_what_the_document_does_not_say_of_a_route_is_kept(host: Machine) -> None:
    host.apply(_document(VIA4))
    (route,) = _routes(host)
    host.ip(f"route replace 198.51.100.0/24 via 192.0.2.254 proto {route['protocol']} src 192.0.2.2 mtu 1400")
    host.assert_settled(_document(VIA4))

    host.apply(_document({**V4, "via": "192.0.2.253"}))

    (route,) = _routes(host)
    assert (route["prefsrc"], route["metrics"]) == ("192.0.2.2", [{"mtu": 1400}])
