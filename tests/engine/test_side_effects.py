# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel takes away when a link is changed: declared again where it stays, removed before where it goes."""

from __future__ import annotations

from typing import Any

from harness import Machine, actions

MACS = ("52:54:00:00:00:01", "52:54:00:00:00:02")


def _neighbour(address: str, **more: Any) -> dict[str, Any]:
    return {"link": "br0", "address": address, **({"mac": "52:54:00:00:00:09"} | more)}


def _document(link: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"links": [{"name": "br0", "type": "bridge", "up": True, **link}], **more}


def test_a_link_with_another_mac_keeps_its_neighbours(host: Machine) -> None:
    neighbours = [_neighbour("192.0.2.7"), {"link": "br0", "address": "192.0.2.8", "proxy": True}]
    host.apply(_document({"mac": MACS[0]}, neighbours=neighbours))
    done = host.apply(_document({"mac": MACS[1]}, neighbours=neighbours))
    assert actions(done) == {"link br0": "change", "neighbour br0 192.0.2.7": "add"}


def test_a_neighbour_goes_before_its_link_gets_another_mac(host: Machine) -> None:
    host.apply(_document({"mac": MACS[0]}, neighbours=[_neighbour("192.0.2.7"), _neighbour("2001:db8::7")]))
    done = host.apply(_document({"mac": MACS[1]}, neighbours=[_neighbour("192.0.2.7")]))
    assert actions(done)["neighbour br0 2001:db8::7"] == "remove"


def test_a_neighbour_is_made_after_the_ports_that_change_its_bridge(host: Machine) -> None:
    ports = [
        {"name": f"veth{n}", "type": "veth", "peer": {"namespace": "c", "name": f"eth{n}"}, "master": "br0", "up": True}
        for n in range(3)
    ]
    document = _document({}, namespaces=[{"name": "c"}], neighbours=[_neighbour("192.0.2.7")])
    document["links"] += ports
    host.apply(document)


def test_routes_and_addresses_go_before_their_link_is_set_down(host: Machine) -> None:
    addresses = [{"link": "br0", "address": "192.0.2.1/24"}, {"link": "br0", "address": "2001:db8::1/64"}]
    routes = [{"destination": "10.0.0.0/8", "via": "192.0.2.9"}, {"destination": "2001:db8:9::/48", "dev": "br0"}]
    document = _document({}, addresses=addresses, routes=routes)
    clean = host.snapshot()
    host.apply(document)
    host.apply(_document({"up": False}, addresses=[{"link": "br0", "address": "192.0.2.2/24"}]))
    host.apply(document)
    done = host.apply(_document({"up": False}, addresses=addresses))
    assert actions(done)["address br0 2001:db8::1/64"] == "add"
    host.absent()
    host.assert_as(clean)


def test_a_route_goes_before_the_address_that_makes_room_for_another(host: Machine) -> None:
    routes = [{"destination": "10.0.0.0/8", "via": "192.0.2.9"}, {"destination": "10.0.0.0/9", "via": "192.0.2.8"}]
    host.apply(_document({}, addresses=[{"link": "br0", "address": "192.0.2.1/24"}], routes=routes))
    done = host.apply(_document({}, addresses=[{"link": "br0", "address": "192.0.2.2/24"}], routes=routes[:1]))
    assert actions(done)["route 10.0.0.0/9"] == "remove"
