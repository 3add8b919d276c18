# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups let in and out, in both families, and which datagrams get back in."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from dvr_fleet import Node, fleet, pings, seen_as
from dvr_shipped import DATAPATHS, Places, document
from harness import inside, tool

HOSTS = {"compute-01": "10.20.0.11", "compute-02": "10.20.0.12"}
# Where each instance is, its addresses, and its groups.
INSTANCES = {
    "quiet": ("compute-01", "10.1.0.10", "2001:db8:1::10", ["closed"]),
    "narrow": ("compute-01", "10.1.0.11", "2001:db8:1::11", ["to-db-by-ipv6"]),
    "client": ("compute-01", "10.1.0.12", "2001:db8:1::12", ["to-members"]),
    "web1": ("compute-01", "10.1.0.21", "2001:db8:1::21", ["open"]),
    "web2": ("compute-02", "10.1.0.22", "2001:db8:1::22", ["open", "members"]),
    "db1": ("compute-01", "10.2.0.11", "2001:db8:2::11", ["open", "members"]),
    "db2": ("compute-02", "10.2.0.12", "2001:db8:2::12", ["open"]),
    "strict": ("compute-01", "10.1.0.13", "2001:db8:1::13", ["strict"]),
    # Its port is not secure.
    "free": ("compute-01", "10.1.0.14", "2001:db8:1::14", None),
    # Another tenant's, with the addresses of quiet, web1 and web2.
    "shop0": ("compute-01", "10.1.0.10", "2001:db8:3::10", ["closed"]),
    "shop1": ("compute-01", "10.1.0.21", "2001:db8:3::21", ["open"]),
    "shop2": ("compute-02", "10.1.0.22", "2001:db8:3::22", ["open"]),
}
MEMBERS, OTHERS = ("web2", "db1"), ("web1", "db2")
GROUPS: dict[str, Any] = {
    "closed": {},
    "strict": {
        "ingress": [
            {"protocol": "tcp", "ports": [7777], "from": ["10.2.0.0/24", "2001:db8:2::12"]},
            {"protocol": "icmp", "icmp_type": 8, "icmp_code": 0},
            {"protocol": "icmpv6", "icmp_type": 128},
            {"protocol": 47},
            {"protocol": "sctp", "ports": [7777]},
        ]
    },
    "open": {
        "ingress": [
            {"protocol": "icmp"},
            {"protocol": "icmpv6"},
            {"protocol": "tcp", "ports": [7777, 8000]},
            {"protocol": "udp", "ports": [7777]},
        ]
    },
    "members": {},
    "to-db-by-ipv6": {"egress": [{"protocol": "tcp", "ports": [7777], "to": ["2001:db8:2::/64"]}]},
    "to-members": {"egress": [{"to": ["members"]}]},
}
FAMILIES = {socket.AF_INET: 1, socket.AF_INET6: 2}


def intent(datapath: str) -> dict[str, Any]:
    return {
        "fabric_datapath": datapath,
        "fabric_hosts": {name: {"tunnel": address} for name, address in HOSTS.items()},
        "fabric_networks": {
            "web": {"subnets": ["10.1.0.0/24", "2001:db8:1::/64"]},
            "db": {"subnets": ["10.2.0.0/24", "2001:db8:2::/64"]},
            "shop": {"subnets": ["10.1.0.0/24", "2001:db8:3::/64"]},
        },
        "fabric_routers": {"blue": {"networks": ["web", "db"]}, "green": {"networks": ["shop"]}},
        "fabric_security_groups": GROUPS,
        "fabric_instances": {
            name: {
                "host": host,
                "network": next((network for network in ("db", "shop") if name.startswith(network)), "web"),
                "attach": "veth",
                "addresses": [ipv4, ipv6],
                **({"port_security": False} if groups is None else {"security_groups": groups}),
            }
            for name, (host, ipv4, ipv6, groups) in INSTANCES.items()
        },
    }


@pytest.fixture(scope="module", params=DATAPATHS)
def datapath(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def nodes(
    _namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, datapath: str
) -> Iterator[dict[str, Node]]:
    with fleet(tmp_path_factory.mktemp("dvr"), HOSTS, ()) as found:
        for name, own in found.items():
            own.apply(document(intent(datapath), name))
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Places:
    return {name: nodes[host].namespace(name) for name, (host, *_rest) in INSTANCES.items()}


def reached(places: Places, source: str, target: str, port: int = 7777, seconds: float = 5) -> set[int]:
    """The families in which the source reaches the target, which then sees the source's own address."""
    found = set()
    for family, column in FAMILIES.items():
        seen = seen_as(places[source], places[target], str(INSTANCES[target][column]), port, seconds)
        assert seen in (None, INSTANCES[source][column])
        if seen is not None:
            found.add(int(family))
    return found


# Each server, and another one.
BYSTANDERS = {"web1": "db1", "web2": "web1", "db1": "web1", "db2": "web1"}
BOTH, NEITHER = {int(family) for family in FAMILIES}, set[int]()
SOON = 0.3  # for what must not come through


def test_an_egress_rule_of_one_family_leaves_the_other_shut(places: Places) -> None:
    for target in ("db1", "db2"):
        assert reached(places, "web1", target, 8000) == BOTH
        address = INSTANCES[target][2]
        assert seen_as(places["narrow"], places[target], address, seconds=5) == INSTANCES["narrow"][2]
        assert reached(places, "narrow", target, 8000, SOON) == NEITHER
        assert not pings(places["narrow"], address, f"-W{SOON}")
        assert seen_as(places["narrow"], places[target], INSTANCES[target][1], seconds=SOON) is None
    assert reached(places, "narrow", "web1", seconds=SOON) == NEITHER


def test_an_egress_rule_to_a_group_leads_to_its_members(nodes: dict[str, Node], places: Places, datapath: str) -> None:
    """In the own network and in another one, on the own host and on another one."""
    assert {target: reached(places, "client", target) for target in MEMBERS} == dict.fromkeys(MEMBERS, BOTH)
    found = {target: reached(places, "client", target, seconds=SOON) for target in OTHERS}
    assert found == dict.fromkeys(OTHERS, NEITHER)
    changed = intent(datapath)
    changed["fabric_instances"]["db2"]["security_groups"] = ["open", "members"]
    changed["fabric_instances"]["db1"]["security_groups"] = ["open"]
    try:
        for name, own in nodes.items():
            own.run(document(changed, name))
        assert reached(places, "client", "db2") == BOTH
        assert reached(places, "client", "db1", seconds=SOON) == NEITHER
    finally:
        for name, own in nodes.items():
            own.run(document(intent(datapath), name))


@pytest.mark.parametrize("family", FAMILIES, ids=["IPv4", "IPv6"])
def test_answers_come_back_and_datagrams_that_nobody_asked_for_do_not(
    places: Places, family: socket.AddressFamily
) -> None:
    """``quiet`` lets in nothing. What is not to come is sent first, so that the answer is what comes next. A switch may
    keep a first packet for a while, so the one before the question is waited for."""
    with ExitStack() as stack:

        def opened(name: str, port: int) -> socket.socket:
            with inside(places[name]):
                own = stack.enter_context(closing(socket.socket(family, socket.SOCK_DGRAM)))
            own.bind(("", port))
            own.settimeout(5)
            return own

        def at(name: str) -> str:
            return str(INSTANCES[name][FAMILIES[family]])

        def silent(own: socket.socket) -> bool:
            own.settimeout(SOON)
            try:
                own.recv(100)
            except TimeoutError:
                return True
            finally:
                own.settimeout(5)
            return False

        asker, elsewhere, address = opened("quiet", 0), opened("quiet", 0), at("quiet")
        asked, other = asker.getsockname()[1], elsewhere.getsockname()[1]
        servers = {name: opened(name, 7777) for name in BYSTANDERS}
        others = {name: opened(name, 7778) for name in BYSTANDERS}
        for name, server in servers.items():
            # Whoever sends knows the way by then.
            assert pings(places["quiet"], at(name))
            server.sendto(b"before the question", (address, asked))
            assert silent(asker)
            asker.sendto(b"question", (at(name), 7777))
            question, sender = server.recvfrom(100)
            assert (question, sender[:2]) == (b"question", (address, asked))
            others[name].sendto(b"from another port", (address, asked))
            servers[BYSTANDERS[name]].sendto(b"from somebody else", (address, other))
            server.sendto(b"to another port", (address, other))
            server.sendto(b"answer", (address, asked))
            answer, sender = asker.recvfrom(100)
            assert (answer, sender[:2]) == (b"answer", (at(name), 7777))
        assert silent(asker) and silent(elsewhere)


def test_an_ingress_rule_for_addresses_is_for_them_alone(places: Places) -> None:
    """In each family for those that it names: a subnet, and a single address."""
    assert {source: reached(places, source, "strict") for source in ("db1", "db2")} == {
        "db1": {int(socket.AF_INET)},
        "db2": BOTH,
    }
    assert reached(places, "web1", "strict", seconds=SOON) == reached(places, "web2", "strict", seconds=SOON) == NEITHER
    assert reached(places, "db1", "strict", 8000, SOON) == NEITHER


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    return ~(total + (total >> 16)) & 0xFFFF


def arrives(places: Places, source: str, target: str, protocol: int, data: bytes) -> bool:
    """Whether the target sees what the source sends by this protocol, whatever it makes of it."""
    with inside(places[target]), closing(socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)) as own:
        own.settimeout(SOON)
        with inside(places[source]), closing(socket.socket(socket.AF_INET, socket.SOCK_RAW, protocol)) as sender:
            sender.sendto(data, (str(INSTANCES[target][1]), 0))
        try:
            while received := own.recv(1000):
                if received[20:].startswith(data):
                    return True
        except TimeoutError:
            return False
    return False


def icmp(kind: int, code: int) -> bytes:
    rest = struct.pack("!HH", 0x4711, 1) + b"a time of day"[:12]
    return struct.pack("!BBH", kind, code, checksum(struct.pack("!BBH", kind, code, 0) + rest)) + rest


def test_an_ingress_rule_for_a_type_of_icmp_is_for_that_alone(places: Places, datapath: str) -> None:
    """Echo requests of code 0 are let in, timestamp requests are not. For the connection tracking of the userspace
    datapath an echo request of another code is none, so that nobody gets it there."""
    for source in ("web1", "web2", "db1"):
        for target in ("strict", "web1" if source != "web1" else "web2"):
            assert pings(places[source], str(INSTANCES[target][1]))
            assert pings(places[source], str(INSTANCES[target][2]))
            assert arrives(places, source, target, socket.IPPROTO_ICMP, icmp(8, 0))
            assert arrives(places, source, target, socket.IPPROTO_ICMP, icmp(13, 0)) == (target != "strict")
            others = arrives(places, source, target, socket.IPPROTO_ICMP, icmp(8, 5))
            assert others == (target != "strict" and datapath == "system")


SCTP, GRE, NAMELESS = 132, 47, 253


def sctp_init(port: int) -> bytes:
    """The first packet of an association."""
    data = struct.pack("!HHII", 40000, port, 0, 0) + struct.pack("!BBHIIHHI", 1, 0, 20, 1, 65536, 1, 1, 1)
    check = 0xFFFFFFFF
    for byte in data:
        check ^= byte
        for _bit in range(8):
            check = check >> 1 ^ (0x82F63B78 if check & 1 else 0)
    return data[:8] + struct.pack("<I", check ^ 0xFFFFFFFF) + data[12:]


def test_an_ingress_rule_for_another_protocol(places: Places) -> None:
    """SCTP to one port, and GRE by its number; to ``free`` everything comes."""
    packets = {
        "SCTP": (SCTP, sctp_init(7777)),
        "SCTP to another port": (SCTP, sctp_init(8000)),
        "GRE": (GRE, bytes(8)),
        "nameless": (NAMELESS, bytes(8)),
    }
    for source in ("web1", "web2", "db1"):
        for target, let_in in (("strict", {"SCTP", "GRE"}), ("free", {*packets})):
            assert {what for what, packet in packets.items() if arrives(places, source, target, *packet)} == let_in


def datagram(places: Places, source: str, target: str, own: tuple[str, int], port: int = 7777) -> str | None:
    """From whom the target has got it, None where it has not."""
    with inside(places[target]), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.bind(("", port))
        receiver.settimeout(SOON)
        with inside(places[source]), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.bind(own)
            sender.sendto(b"to whom it may concern", (str(INSTANCES[target][1]), port))
        try:
            return str(receiver.recvfrom(100)[1][0])
        except TimeoutError:
            return None


def test_a_port_without_security_sends_from_any_address_and_receives_anything(places: Places) -> None:
    """Another instance does not, with an address that it has given itself."""
    for source, foreign in (("free", "10.1.0.99"), ("quiet", "10.1.0.98")):
        tool("ip", "address", "add", f"{foreign}/32", "dev", "eth0", namespace=places[source])
        try:
            for target in ("web1", "web2", "db1"):
                seen = datagram(places, source, target, (foreign, 0))
                assert (source, target, seen) == (source, target, foreign if source == "free" else None)
                own = str(INSTANCES[source][1])
                assert datagram(places, source, target, (own, 0)) == own
        finally:
            tool("ip", "address", "del", f"{foreign}/32", "dev", "eth0", namespace=places[source])
    for port in (22, 7777, 65000):
        for source in ("web1", "web2", "db1"):
            assert reached(places, source, "free", port) == BOTH
        assert reached(places, "web1", "quiet", port, SOON) == NEITHER


def test_twins_of_two_tenants_do_not_share_a_connection(places: Places) -> None:
    """What is an answer in one tenant is an unasked datagram in the other, though addresses and ports are the same."""
    with ExitStack() as stack:

        def opened(name: str, port: int) -> socket.socket:
            with inside(places[name]):
                own = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            own.bind((str(INSTANCES[name][1]), port))
            own.settimeout(SOON)
            return own

        asker, server = opened("quiet", 40000), opened("web2", 7777)
        twin, twins_server = opened("shop0", 40000), opened("shop2", 7777)
        assert pings(places["quiet"], "10.1.0.22") and pings(places["shop0"], "10.1.0.22")
        server.settimeout(5)
        asker.sendto(b"blue's question", ("10.1.0.22", 7777))
        assert server.recv(100) == b"blue's question"
        twins_server.sendto(b"green's answer", ("10.1.0.10", 40000))
        for own in (twin, asker):
            with pytest.raises(TimeoutError):
                own.recv(100)
        # Both at once, each with its own.
        twin.sendto(b"green's question", ("10.1.0.22", 7777))
        assert twins_server.recv(100) == b"green's question"
        server.sendto(b"blue's answer", ("10.1.0.10", 40000))
        twins_server.sendto(b"green's answer", ("10.1.0.10", 40000))
        assert (asker.recv(100), twin.recv(100)) == (b"blue's answer", b"green's answer")
        for own in (asker, twin, server, twins_server):
            with pytest.raises(TimeoutError):
                own.recv(100)
