# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the wires between hosts of distributed routers, and what is kept off them."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address

import pytest
from dvr_fleet import OUTSIDE, Frame, Node, captured, pings, seen_as
from dvr_look import details, mac_of, mac_of_instance
from dvr_shipped import BLUE, DATAPATHS, DB, GREEN, HOSTS, INSTANCES, OWN_ADDRESS, WEB, Places, places_on, shipped
from harness import inside, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.probe import wire

ARP, IPV6 = 0x0806, 0x86DD
DVR_PREFIX = "5a:d0:"
GATEWAYS = {"172.16.18.1", "172.16.19.1", "2001:db8:18::1", "2001:db8:19::1", "2001:db8:28::1", "2001:db8:29::1"}
UNDERLAY_PORTS = [f"under{index}" for index in range(len(HOSTS))]
EXTERNAL_PORTS = [f"ext{index}" for index in range(len(HOSTS))]
STORE_VLAN = 30


@pytest.fixture(scope="module", params=DATAPATHS)
def nodes(
    _namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Node]]:
    with shipped(tmp_path_factory.mktemp("dvr"), request.param) as found:
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Places:
    return places_on(nodes)


def vni_of(node: Node, device: str) -> int:
    found = re.search(r"vxlan id (\d+)", details(node, device))
    assert found is not None
    return int(found[1])


def gateway_macs(nodes: dict[str, Node]) -> set[str]:
    legs = {"router-ns": ("qr-web", "qr-db"), "router-green": ("qr-shop", "qr-store")}
    by_host = [
        {mac_of(nodes[host], leg, namespace) for namespace, own in legs.items() for leg in own}
        for host in ("compute-01", "compute-02")
    ]
    assert by_host[0] == by_host[1]
    assert len(by_host[0]) == 4
    return by_host[0]


def about(frame: Frame) -> set[str]:
    """The addresses that a frame of ARP or neighbour discovery speaks of."""
    if frame.ethertype == ARP:
        return {str(ip_address(frame.data[28:32])), str(ip_address(frame.data[38:42]))}
    if frame.ethertype == IPV6 and frame.data[20] == 58 and frame.data[54] in (135, 136):
        return {str(ip_address(frame.data[62:78]))}
    return set()


def asked(frame: Frame) -> str:
    """The address whose owner a frame to everybody looks for."""
    if not int(frame.destination[:2], 16) & 1:
        return ""
    if frame.ethertype == ARP:
        return str(ip_address(frame.data[38:42]))
    return next(iter(about(frame)), "")


def everybody_talks(places: Places) -> None:
    for tenant in (BLUE, GREEN):
        for source in tenant:
            for target in tenant:
                if source != target and (target not in DB or source in WEB):
                    assert pings(places[source], INSTANCES[target][1])
                    assert pings(places[source], INSTANCES[target][2])
            # Somebody who is not there, in the own network and behind the router.
            for nobody in ("172.16.18.77", "172.16.19.77"):
                assert not pings(places[source], nobody, "-W0.1")
            assert pings(places[source], "192.168.100.1")
            assert pings(places[source], "2001:db8:64::1")


def test_no_gateway_on_the_wire_and_no_tenant_in_anothers_network(nodes: dict[str, Node], places: Places) -> None:
    gateways = gateway_macs(nodes)
    vnis = {device: vni_of(nodes["compute-01"], device) for device in ("vx-web", "vx-db", "vx-shop")}
    with captured(UNDERLAY_PORTS + EXTERNAL_PORTS) as frames:
        everybody_talks(places)
        time.sleep(0.2)

    tunnelled = [inner for frame in frames if frame.port in UNDERLAY_PORTS and (inner := frame.tunnelled)]
    outer = [frame for frame in frames if frame.port in EXTERNAL_PORTS]
    store = [frame for frame in outer if frame.vlan == STORE_VLAN]
    plain = [frame for frame in outer if frame.vlan is None]
    within = [inner for _vni, inner in tunnelled]
    assert {vni for vni, _inner in tunnelled} == set(vnis.values())
    assert len(store) > 10
    assert len(store) + len(plain) == len(outer)

    for frame in (*within, *outer):
        assert frame.source not in gateways
        assert frame.destination not in gateways
        assert not about(frame) & GATEWAYS, frame
    known = {address for name in INSTANCES for address in INSTANCES[name][1:3]}
    assert not known & {asked(frame) for frame in (*within, *store)}, "who is known is not looked for"
    assert "172.16.18.77" in {asked(frame) for frame in within}
    routed = {frame.source for frame in (*within, *store) if frame.source.startswith(DVR_PREFIX)}
    assert len(routed) == 2, "one address for each host that routes"

    own = {name: mac_of_instance(nodes, name) for name in INSTANCES}
    by_network = {"vx-web": WEB, "vx-db": DB, "vx-shop": ("shop1", "shop2")}
    for device, members in by_network.items():
        strangers = {mac for name, mac in own.items() if name not in members}
        assert not strangers & {i.source for v, i in tunnelled if v == vnis[device]}
    assert not {mac for name, mac in own.items() if not name.startswith("store")} & {f.source for f in outer}


def send(namespace: str, data: bytes) -> None:
    with inside(namespace), closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW)) as own:
        own.bind(("eth0", 0))
        own.send(data)


def test_spoofed_frames_do_not_get_through(nodes: dict[str, Node], places: Places) -> None:
    own, peer, far = (mac_of_instance(nodes, name) for name in ("web2", "vm1", "web3"))
    me4, me6 = ip_address("172.16.18.101"), ip_address("2001:db8:18::101")
    it4, it6 = ip_address("172.16.18.100"), ip_address("2001:db8:18::100")
    far4, link = ip_address("172.16.18.102"), ip_address("fe80::1")
    gateway4, gateway6, group = ip_address("172.16.18.1"), ip_address("2001:db8:18::1"), ip_address("ff02::1")
    stranger, group_mac = "52:54:00:aa:aa:aa", "33:33:00:00:00:01"

    def echo(source, target, mac=own, to=peer, tag=b""):
        message = wire.echo_request(source.version, 1, 1, b"spoof")
        payload = wire.packet(source, target, message)
        return (
            wire.frame(to, mac, wire.ETHERTYPE[source.version], payload) if not tag else tagged(to, mac, tag, payload)
        )

    def tagged(to, mac, tag, payload):
        return wire.mac_bytes(to) + wire.mac_bytes(mac) + b"\x81\x00" + tag + b"\x08\x00" + payload

    def arp(reply, claimed, mac=own, sender=own):
        return wire.frame(wire.BROADCAST, sender, ARP, wire.arp(reply, mac, claimed, wire.NO_MAC, it4))

    def advertisement(claimed, source=me6):
        told = wire.neighbour_advertisement(own, claimed, source, group, b"")
        return wire.frame(group_mac, own, IPV6, told)

    router_advertisement = wire.frame(
        group_mac, own, IPV6, wire.packet(me6, group, b"\x86\0\0\0\x40\0\x07\x08" + b"\0" * 8, hops=255)
    )
    bad = {
        "another IPv4 address": echo(far4, it4),
        "another IPv6 address": echo(ip_address("2001:db8:18::102"), it6),
        "another link-local address": echo(link, it6),
        "another MAC address": echo(me4, it4, mac=stranger),
        "to another host": echo(ip_address("172.16.18.103"), far4, to=far),
        "a tag": echo(me4, it4, tag=b"\x81\x00\x00\x1e"),
        "ARP for the gateway": arp(True, gateway4),
        "ARP for a neighbour": arp(False, it4),
        "ARP with another MAC address": arp(True, me4, mac=stranger),
        "ARP from another MAC address": arp(True, me4, sender=stranger),
        "ND for the gateway": advertisement(gateway6),
        "ND for a neighbour": advertisement(it6),
        "a router advertisement": router_advertisement,
    }
    good = {"ping": echo(me4, it4), "ping6": echo(me6, it6), "ARP": arp(True, me4), "ND": advertisement(me6)}
    passed = {}
    for name, data in {**bad, **good}.items():
        with captured(["eth0"], places["vm1"]) as near, captured(["eth0"], places["web3"]) as afar:
            send(places["web2"], data)
            time.sleep(0.05)
        # What is behind a tag; meanwhile the instance speaks for itself, too.
        passed[name] = any(data[18:] in frame.data for frame in (*near, *afar))
    assert [name for name in bad if passed[name]] == []
    assert [name for name in good if not passed[name]] == []


def test_an_instance_does_not_meet_its_host(nodes: dict[str, Node], places: Places) -> None:
    """Whose device its port is: neither by ARP nor by a frame to the device itself."""
    node = nodes["compute-01"]
    own, port = mac_of_instance(nodes, "web2"), mac_of(node, "veth-web2")
    me, it = ip_address("172.16.18.101"), ip_address("10.20.0.11")
    asked = wire.frame(wire.BROADCAST, own, ARP, wire.arp(False, own, me, wire.NO_MAC, it))
    echo = wire.frame(port, own, 0x0800, wire.packet(me, it, wire.echo_request(4, 1, 1, b"host")))
    for data in (asked, echo):
        with captured(["eth0"], places["web2"]) as frames:
            send(places["web2"], data)
            time.sleep(0.05)
        # Its neighbours and its gateway may speak to it meanwhile.
        assert [frame for frame in frames if it.packed in frame.data or wire.mac_bytes(port) in frame.data] == []
    assert seen_as(places["web2"], node.home, "10.20.0.11", seconds=0.3) is None


def test_nothing_is_answered_twice(places: Places) -> None:
    for source, address in (
        ("web2", "172.16.18.1"),
        ("web2", "172.16.18.102"),
        ("web2", "172.16.19.11"),
        ("web4", "192.168.100.1"),
        (OUTSIDE, "192.168.100.150"),
        (OUTSIDE, OWN_ADDRESS),
    ):
        output = tool("ping", "-c3", "-i0.05", "-W1", address, namespace=places[source]).stdout
        assert "DUP!" not in output
