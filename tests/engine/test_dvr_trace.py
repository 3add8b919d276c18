# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way ``ofproto/trace`` says that single packets take through the switch of a host."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from dvr_fleet import OUTSIDE, Node, pings
from dvr_look import mac_of, mac_of_instance, port_called, port_numbers, trace
from dvr_shipped import DATAPATHS, places_on, shipped
from harness import tool


@pytest.fixture(scope="module", params=DATAPATHS)
def nodes(
    _namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[dict[str, Node]]:
    with shipped(tmp_path_factory.mktemp("dvr"), request.param) as found:
        places = places_on(found)
        # The switches of the external network have seen everybody.
        for name in ("vm1", "web2"):
            assert pings(places[name], "192.168.100.1")
        yield found


def test_a_packet_from_another_hosts_router_arrives_as_from_the_gateway(nodes: dict[str, Node]) -> None:
    """And without a tag: over a tunnel and over the physical network."""
    node = nodes["compute-01"]
    ports = port_numbers(node)
    packet = "dl_src=5a:d0:01:02:03:04,dl_dst=%s,icmp,icmp_type=8,nw_src=172.16.19.99,nw_dst=172.16.18.100"
    gateway = mac_of(node, "qr-web", "router-ns")
    first, *_rest, last = trace(node, "in_port=vx-web," + packet % mac_of_instance(nodes, "vm1")).passes
    assert f"set(eth(src={gateway}" in first
    assert last.split(",")[-1] == ports["veth-vm1"]

    gateway = mac_of(node, "qr-store", "router-green")
    first, *_rest, last = trace(
        node, "in_port=vport-br-int,dl_vlan=30," + packet % mac_of_instance(nodes, "store1")
    ).passes
    assert "pop_vlan" in first
    assert f"set(eth(src={gateway}" in first
    assert last.split(",")[-1] == ports["veth-store1"]


def test_a_routed_packet_leaves_with_the_hosts_own_address(nodes: dict[str, Node]) -> None:
    node = nodes["compute-01"]
    packet = "dl_src=%s,dl_dst=%s,ip,nw_src=172.16.19.10,nw_dst=172.16.18.102"
    legs = mac_of(node, "qr-web", "router-ns"), mac_of(node, "qr-store", "router-green")
    (tunnel,) = trace(node, f"in_port=vport-router,{packet % (legs[0], mac_of_instance(nodes, 'web3'))}").passes
    assert re.fullmatch(rf"set\(eth\(src=5a:d0:[0-9a-f:]+\)\),{port_numbers(node)['vx-web']}", tunnel)
    leg = port_called(node, "green store")
    (tagged,) = trace(node, f"in_port={leg},{packet % (legs[1], mac_of_instance(nodes, 'store2'))}").passes
    assert re.match(r"set\(eth\(src=5a:d0:[0-9a-f:]+\)\),push_vlan\(vid=30,pcp=0\),", tagged)


def test_unknown_receivers_are_looked_for_outside_only(nodes: dict[str, Node]) -> None:
    node = nodes["compute-01"]
    ports = port_numbers(node)
    own = mac_of_instance(nodes, "web2")
    sender = f"in_port=veth-web2,dl_src={own},arp,arp_spa=172.16.18.101,arp_sha={own}"
    (unknown,) = trace(node, f"{sender},dl_dst=52:54:00:99:99:99,arp_tpa=172.16.18.9").passes
    assert unknown == ports["vx-web"]


@pytest.mark.parametrize(("uplink", "receiver"), [("vx-web", "veth-web2"), ("vport-br-int,dl_vlan=30", "veth-store1")])
def test_what_came_from_outside_does_not_go_out_again(nodes: dict[str, Node], uplink: str, receiver: str) -> None:
    node = nodes["compute-01"]
    ports = port_numbers(node)
    sender = f"in_port={uplink},dl_src=52:54:00:99:99:98"
    assert trace(node, f"{sender},dl_dst=52:54:00:99:99:99").passes == ["drop"]
    (broadcast,) = trace(node, f"{sender},dl_dst=ff:ff:ff:ff:ff:ff,arp").passes
    assert ports[receiver] in broadcast.split(",")
    assert not {ports["vx-web"], ports["vx-db"], ports["vx-shop"], ports["enp7s0"]} & set(broadcast.split(","))


INSTANCE_OUT, TRACKED_OUT, TRACKED_IN, DELIVERED = [0, 10], [15, 16, 17, 40], [50, 51, 52], [70]
TO_UPLINK, FROM_UPLINK = [60, 61], [0, 20, 40]
OUTSIDE_IP, WEB2, VM1, VM1_OUTSIDE = "203.0.113.9", "172.16.18.101", "172.16.18.100", "192.168.100.150"
OTHER_ROUTER = "5a:d0:01:02:03:04"


def tcp(in_port: str, ends: tuple[str, str], addresses: tuple[str, str], ports: tuple[int, int] = (50000, 7777)) -> str:
    """A segment's flow: MAC addresses, IPv4 addresses and ports of sender and receiver."""
    macs = f"dl_src={ends[0]},dl_dst={ends[1]}"
    return (
        f"in_port={in_port},tcp,{macs},nw_src={addresses[0]},nw_dst={addresses[1]},nw_ttl=64,"
        f"tcp_src={ports[0]},tcp_dst={ports[1]}"
    )


def outside_mac() -> str:
    (found,) = re.findall(r"link/ether (\S+)", tool("ip", "link", "show", "dev", "eth0", namespace=OUTSIDE).stdout)
    return str(found)


def zone(node: Node, port: str) -> str:
    """The zone of a port is its number in OpenFlow."""
    (found,) = re.findall(rf"^ *(\d+)\({port}\)", node.ofctl("dump-ports-desc"), re.MULTILINE)
    return str(found)


def test_what_is_let_in_goes_from_port_to_port(nodes: dict[str, Node]) -> None:
    """On one host, tracked in the zones of both ports."""
    node = nodes["compute-01"]
    web2, vm1 = mac_of_instance(nodes, "web2"), mac_of_instance(nodes, "vm1")
    asks = trace(node, tcp("veth-web2", (web2, vm1), (WEB2, VM1)))
    assert asks.tables == [*INSTANCE_OUT, *TRACKED_OUT, *TRACKED_IN, *DELIVERED]
    assert asks.ports == ["veth-vm1"]
    zones = re.findall(r"ct\((?:commit,)?zone=(\d+)\)", ",".join(asks.passes))
    assert zones == [*[zone(node, "veth-web2")] * 2, *[zone(node, "veth-vm1")] * 2]
    refused = trace(node, tcp("veth-web2", (web2, vm1), (WEB2, VM1), (50000, 22)))
    assert (refused.tables[-1], refused.ports, refused.passes[-1]) == (51, [], "drop")

    back = tcp("veth-vm1", (vm1, web2), (VM1, WEB2), (7777, 50000))
    answers = trace(node, back, "trk,est,rpl", "trk,est,rpl")
    assert answers.tables == [*INSTANCE_OUT, 15, 16, 40, 50, 51, 70]
    assert answers.ports == ["veth-web2"]
    assert trace(node, back, "trk,new", "trk,new").ports == []
    assert trace(node, back, "trk,inv").ports == []


def test_questions_by_arp_are_answered_on_the_spot(nodes: dict[str, Node]) -> None:
    """For the gateway, and for who is on this host or on another one."""
    node, own = nodes["compute-01"], mac_of_instance(nodes, "web2")
    owners = {
        "172.16.18.1": mac_of(node, "qr-web", "router-ns"),
        VM1: mac_of_instance(nodes, "vm1"),
        "172.16.18.102": mac_of_instance(nodes, "web3"),
    }
    for address, mac in owners.items():
        asked = f"arp,arp_op=1,arp_spa={WEB2},arp_sha={own},arp_tpa={address}"
        found = trace(node, f"in_port=veth-web2,dl_src={own},dl_dst=ff:ff:ff:ff:ff:ff,{asked}")
        assert found.tables == [*INSTANCE_OUT, 30]
        assert found.ports == ["veth-web2"]
        (actions,) = found.passes
        assert f"set(eth(src={mac},dst={own}))" in actions
        assert f"sip={address},tip={WEB2},op=2" in actions
        assert f"sha={mac},tha={own}" in actions


def test_questions_by_neighbour_discovery_go_to_the_owner_alone(nodes: dict[str, Node]) -> None:
    node, own = nodes["compute-01"], mac_of_instance(nodes, "web2")
    owners = {
        "2001:db8:18::1": (mac_of(node, "qr-web", "router-ns"), "vport-router", [30, 40]),
        "2001:db8:18::100": (mac_of_instance(nodes, "vm1"), "veth-vm1", [30, 40, 50, *DELIVERED]),
        "2001:db8:18::102": (mac_of_instance(nodes, "web3"), "vx-web", [30, 40, *TO_UPLINK]),
    }
    for address, (mac, port, tables) in owners.items():
        sender = f"in_port=veth-web2,dl_src={own},dl_dst=33:33:ff:00:00:01,icmp6,ipv6_src=2001:db8:18::101"
        asked = f"icmpv6_type=135,icmpv6_code=0,nd_target={address},nd_sll={own}"
        found = trace(node, f"{sender},{asked}")
        assert (found.tables, found.ports) == ([*INSTANCE_OUT, *tables], [port])
        assert f"set(eth(dst={mac}))" in found.passes[0]


def test_the_way_out_with_a_floating_ip(nodes: dict[str, Node]) -> None:
    """To the router's namespace, and translated from that of the external network to the card, as it is."""
    node = nodes["compute-01"]
    vm1, gateway = mac_of_instance(nodes, "vm1"), mac_of(node, "qr-web", "router-ns")
    to_router = trace(node, tcp("veth-vm1", (vm1, gateway), (VM1, OUTSIDE_IP)))
    assert to_router.tables == [*INSTANCE_OUT, *TRACKED_OUT]
    assert to_router.ports == ["vport-router"]
    assert "set(" not in to_router.passes[-1]

    ends = mac_of(node, "fg-ext", "fip-ns"), outside_mac()
    to_card = trace(node, tcp("vport-fip", ends, (VM1_OUTSIDE, OUTSIDE_IP)))
    assert to_card.tables == [0, 40, *TO_UPLINK]
    assert to_card.passes == [port_numbers(node)["enp7s0"]]


def test_the_way_in_to_a_floating_ip(nodes: dict[str, Node]) -> None:
    """Translated by the router it has to pass the instance's groups."""
    node = nodes["compute-01"]
    ends = outside_mac(), mac_of(node, "fg-ext", "fip-ns")
    from_card = trace(node, tcp("vport-br-int", ends, (OUTSIDE_IP, VM1_OUTSIDE)))
    assert from_card.tables == FROM_UPLINK
    assert from_card.passes == [port_numbers(node)["vport-fip"]]

    legs = mac_of(node, "qr-web", "router-ns"), mac_of_instance(nodes, "vm1")
    from_router = trace(node, tcp("vport-router", legs, (OUTSIDE_IP, VM1)))
    assert from_router.tables == [0, 30, 40, *TRACKED_IN, *DELIVERED]
    assert from_router.ports == ["veth-vm1"]
    assert trace(node, tcp("vport-router", legs, (OUTSIDE_IP, VM1), (50000, 22))).passes[-1] == "drop"


def test_the_way_to_central_snat_and_back(nodes: dict[str, Node]) -> None:
    """By the gate on the network host, table 81 to its legs and 80 from them."""
    compute, network = nodes["compute-01"], nodes["network-01"]
    web2, gateway = mac_of_instance(nodes, "web2"), mac_of(compute, "qr-web", "router-ns")
    inside, outside = mac_of(network, "sg-web", "snat-blue"), mac_of(network, "qg-ext", "snat-blue")

    leaves = trace(compute, tcp("vport-router", (gateway, inside), (WEB2, OUTSIDE_IP)))
    assert leaves.tables == [0, 30, 40, *TO_UPLINK]
    (tunnel,) = leaves.passes
    assert re.fullmatch(rf"set\(eth\(src=5a:d0:[0-9a-f:]+\)\),{port_numbers(compute)['vx-web']}", tunnel)

    arrives = trace(network, tcp("vx-web", (OTHER_ROUTER, inside), (WEB2, OUTSIDE_IP)))
    assert (arrives.tables, arrives.ports) == ([*FROM_UPLINK, 81], [port_called(network, "snat blue web")])
    translated = trace(network, tcp("vqg-blue", (outside, outside_mac()), ("192.168.100.20", OUTSIDE_IP)))
    assert translated.tables == [0, 80, 30, 40, *TO_UPLINK]
    assert translated.passes == [port_numbers(network)["enp7s0"]]

    back = trace(network, tcp("vport-br-int", (outside_mac(), outside), (OUTSIDE_IP, "192.168.100.20")))
    assert (back.tables, back.ports) == ([*FROM_UPLINK, 81], ["vqg-blue"])
    returns = trace(network, tcp("vsg-blue-web", (inside, web2), (OUTSIDE_IP, WEB2)))
    assert (returns.tables, returns.ports) == ([0, 80, 30, 40, *TO_UPLINK], ["vx-web"])
    comes = trace(compute, tcp("vx-web", (inside, web2), (OUTSIDE_IP, WEB2)), "trk,est,rpl")
    assert (comes.tables, comes.ports) == ([*FROM_UPLINK, 50, 51, 70], ["veth-web2"])
