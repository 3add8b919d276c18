# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups let out, in both families and to groups, and which datagrams get back in."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest
from dvr_fleet import Node, fleet, pings, seen_as
from dvr_shipped import DATAPATHS, Places, document
from harness import inside

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
}
MEMBERS, OTHERS = ("web2", "db1"), ("web1", "db2")
GROUPS: dict[str, Any] = {
    "closed": {},
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
        },
        "fabric_routers": {"blue": {"networks": ["web", "db"]}},
        "fabric_security_groups": GROUPS,
        "fabric_instances": {
            name: {
                "host": host,
                "network": "db" if name.startswith("db") else "web",
                "attach": "veth",
                "addresses": [ipv4, ipv6],
                "security_groups": groups,
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
