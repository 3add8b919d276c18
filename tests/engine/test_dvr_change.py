# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes when the intent for distributed routers does: rules, floating IPs, limits, and the gate of SNAT."""

from __future__ import annotations

import json
import re
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from copy import deepcopy
from typing import Any

import pytest
from dvr_fleet import OUTSIDE, Frame, Meetings, Node, captured, mac_text, pings, seen_as, unexpected
from dvr_look import mac_of_instance
from dvr_shipped import HOSTS, INSTANCES, Places, document, intent, places_on, shipped
from harness import inside, tool

Ends = tuple[socket.socket, socket.socket]
GATE = "cookie=0x67617465"
VM1, WEB2, WEB3 = (INSTANCES[name][1] for name in ("vm1", "web2", "web3"))


@pytest.fixture(scope="module")
def nodes(_namespace_directory: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    with shipped(tmp_path_factory.mktemp("dvr")) as found:
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Places:
    return places_on(nodes)


@pytest.fixture
def changed(nodes: dict[str, Node]) -> Iterator[dict[str, Any]]:
    """The intent, to be changed and applied; afterwards everything is as it was."""
    yield deepcopy(intent())
    for host in HOSTS:
        nodes[host].run(document(intent(), host))


def apply(nodes: Mapping[str, Node], own: Mapping[str, Any]) -> None:
    for host in HOSTS:
        nodes[host].run(document(own, host))


@contextmanager
def connection(source: str, target: str, address: str, port: int = 7777) -> Iterator[Ends]:
    """Both ends of a TCP connection."""
    with ExitStack() as stack:
        with inside(target):
            listener = stack.enter_context(closing(socket.create_server(("0.0.0.0", port))))
        listener.settimeout(2)
        with inside(source):
            client = stack.enter_context(closing(socket.socket()))
        client.settimeout(2)
        client.connect((address, port))
        server = stack.enter_context(closing(listener.accept()[0]))
        for end in (client, server):
            end.settimeout(0.5)
        yield client, server


def alive(sender: socket.socket, receiver: socket.socket) -> bool:
    sender.send(b"x")
    try:
        return receiver.recv(100) != b""
    except TimeoutError:
        return False


def test_what_no_rule_lets_in_stays_out(places: Places) -> None:
    assert seen_as(places["web3"], places["vm1"], VM1, 8080) == WEB3
    assert seen_as(places["web3"], places["vm1"], VM1, 8081, seconds=0.3) is None
    assert seen_as(places["web3"], places["vm1"], VM1, 79, seconds=0.3) is None


def test_answers_pass_and_others_do_not(places: Places) -> None:
    """An instance without a rule for it gets the answers to what it asked, from whom it asked."""
    with ExitStack() as stack:
        ends = {}
        for name in ("web2", "web3"):
            with inside(places[name]):
                ends[name] = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
            ends[name].bind(("0.0.0.0", 9000))
            ends[name].settimeout(0.3)
        with inside(places["vm1"]):
            asker = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
        asker.bind(("0.0.0.0", 9001))
        asker.settimeout(0.3)
        # web2 has no rule for UDP: the question itself does not get in.
        asker.sendto(b"?", (WEB2, 9000))
        with pytest.raises(TimeoutError):
            ends["web2"].recv(10)
        ends["web3"].sendto(b"unasked", (VM1, 9001))
        with pytest.raises(TimeoutError):
            asker.recv(10)
        # What vm1 sends to the gateway is answered by an error, which belongs to the question.
        asker.connect(("172.16.18.1", 9000))
        asker.send(b"?")
        with pytest.raises(ConnectionRefusedError):
            asker.recv(10)


def test_a_rule_that_goes_ends_its_connections(nodes: dict[str, Node], places: Places, changed: dict[str, Any]) -> None:
    with connection(places["web3"], places["vm1"], VM1, 8080) as (client, server):
        assert alive(client, server)
        changed["fabric_security_groups"]["web"]["ingress"][2]["ports"] = [80, 7777]
        apply(nodes, changed)
        assert not alive(client, server)
        assert seen_as(places["web3"], places["vm1"], VM1, 7777) == WEB3


def test_a_member_of_a_group_is_let_in_where_the_group_is(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    db1 = INSTANCES["db1"][1]
    assert seen_as(places["web4"], places["db1"], db1) == INSTANCES["web4"][1]
    changed["fabric_instances"]["web4"]["security_groups"] = ["default"]
    apply(nodes, changed)
    assert seen_as(places["web4"], places["db1"], db1, seconds=0.3) is None
    assert seen_as(places["web3"], places["db1"], db1) == WEB3


def test_egress_rules(nodes: dict[str, Node], places: Places, changed: dict[str, Any]) -> None:
    rule = {"protocol": "tcp", "ports": [7777], "to": ["172.16.19.0/24"]}
    changed["fabric_security_groups"]["web"]["egress"] = [rule]
    apply(nodes, changed)
    assert seen_as(places["web3"], places["db1"], INSTANCES["db1"][1]) == WEB3
    assert seen_as(places["web3"], places["vm1"], VM1, seconds=0.3) is None
    assert seen_as(places["db1"], places["web3"], WEB3) == INSTANCES["db1"][1]


def test_a_floating_ip_that_goes_takes_its_connections_along(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    with (
        connection(OUTSIDE, places["vm1"], "192.168.100.150") as (peer, inner),
        connection(places["vm1"], OUTSIDE, "192.168.100.1", 8000) as (client, server),
    ):
        assert alive(peer, inner)
        assert alive(client, server)
        del changed["fabric_instances"]["vm1"]["floating_ip"]
        with captured(["ext0", "ext1", "ext2"]) as frames:
            apply(nodes, changed)
            assert not alive(peer, inner)
            assert not alive(client, server)
    assert not [frame for frame in frames if b"\xac\x10\x12" in frame.data[26:34]], "a tenant's address was outside"
    assert seen_as(places["vm1"], OUTSIDE, "192.168.100.1") == "192.168.100.20"
    assert seen_as(OUTSIDE, places["vm1"], "192.168.100.150", seconds=0.3) is None


def test_a_floating_ip_that_comes_leaves_no_untranslated_connection(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    with connection(places["web2"], OUTSIDE, "192.168.100.1", 8000) as (client, server):
        assert alive(client, server)
        changed["fabric_instances"]["web2"]["floating_ip"] = "192.168.100.177"
        with captured(["ext0", "ext1", "ext2"]) as frames:
            apply(nodes, changed)
            assert not alive(client, server)
    assert not [frame for frame in frames if b"\xac\x10\x12" in frame.data[26:34]], "a tenant's address was outside"
    assert seen_as(places["web2"], OUTSIDE, "192.168.100.1") == "192.168.100.177"
    assert seen_as(OUTSIDE, places["web2"], "192.168.100.177") == "192.168.100.1"


def load(source: str, target: str, address: str, burst: int, count: int = 6000, size: int = 1000) -> float:
    """How much of a load of datagrams arrives, as a part of what a limit of 10 Mbit/s lets through in the time."""
    with inside(target), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as receiver:
        receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        receiver.bind(("0.0.0.0", 7777))
        receiver.settimeout(0.3)
        with inside(source):
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        started = time.monotonic()
        with closing(sender):
            for number in range(count):
                sender.sendto(b"x" * size, (address, 7777))
                if number % 20 == 0:
                    time.sleep(0.001)
        seconds = time.monotonic() - started
        bits = 0
        with suppress(TimeoutError):
            while data := receiver.recv(2000):
                bits += 8 * (len(data) + 28)
    return bits / (burst + 10_000_000 * seconds)


def test_limits_of_ports_and_floating_ips(nodes: dict[str, Node], places: Places, changed: dict[str, Any]) -> None:
    for group in ("web", "default"):
        changed["fabric_security_groups"][group]["ingress"].append({"protocol": "udp"})
    changed["fabric_instances"]["web2"]["bandwidth"] = {"in": "10mbit", "out": "10mbit"}
    changed["fabric_instances"]["web3"]["floating_ip"]["bandwidth"] = {"in": "10mbit", "out": "10mbit"}
    apply(nodes, changed)
    assert load(places["vm1"], places["shop1"], INSTANCES["shop1"][3], 10_000_000) > 1.5
    limited = {
        "to a port": load(places["vm1"], places["web2"], WEB2, 2_000_000),
        "from a port": load(places["web2"], places["vm1"], VM1, 2_000_000),
        "to a floating IP": load(OUTSIDE, places["web3"], INSTANCES["web3"][3], 10_000_000),
        "from a floating IP": load(places["web3"], OUTSIDE, "192.168.100.1", 10_000_000),
    }
    assert {what: part for what, part in limited.items() if not 0.3 < part < 1.1} == {}


def open_gate(host: Node) -> None:
    """As keepalived's script opens it: by two flows."""
    for flow in ("table=80,priority=200,actions=resubmit(,30)", "table=81,priority=200,actions=output:NXM_NX_REG0[]"):
        host.ofctl("add-flow", f"{GATE},{flow}")


def shut_gate(host: Node) -> None:
    host.ofctl("del-flows", f"{GATE}/-1")
    host.appctl("revalidator/wait")  # until what it has decided by these flows is gone, too


def test_a_waiting_snat_host_takes_no_part_until_its_gate_is_opened(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    """It has instances as well, which leave by the host that does take part, whichever that is."""
    first, second = nodes["network-01"], nodes["compute-02"]
    for host in (first, second):
        changed["fabric_hosts"][host.name]["tunnel_device"] = "eth0"
    changed["fabric_snat_hosts"] = [first.name, second.name]
    del changed["fabric_instances"]["store2"]["floating_ip"]
    apply(nodes, changed)
    # On VXLAN and on a VLAN, on the second SNAT host and on a host that is none; and answers of a floating IP there.
    out: Meetings = {(name, OUTSIDE, "192.168.100.1"): INSTANCES[name][3] for name in ("web2", "web4", "shop2")}
    out["store2", OUTSIDE, "192.168.100.1"] = "192.168.100.21"
    out["web2", "web3", INSTANCES["web3"][3]] = "192.168.100.20"
    assert seen_as(places["web2"], OUTSIDE, "192.168.100.1", seconds=0.3) is None
    open_gate(first)
    assert unexpected(places, out) == {}
    assert first.run(document(changed, first.name)) == []
    shut_gate(first)
    for name in ("web2", "web4"):
        assert seen_as(places[name], OUTSIDE, "192.168.100.1", seconds=0.3) is None
    open_gate(second)
    assert seen_as(places["web4"], OUTSIDE, "192.168.100.1", seconds=4) == "192.168.100.20"
    shut_gate(second)


# On the host that is not told, and those that move: the network of each, and its address.
THIRD = {
    "far": ("web", "172.16.18.120"),
    "routed": ("db", "172.16.19.120"),
    "tagged": ("store", "172.16.19.121"),
    "crossing": ("shop", "172.16.18.121"),
}
MOVERS = {"mover": ("web", "172.16.18.110"), "tagged-mover": ("store", "172.16.19.110")}


def test_an_instance_that_moves_is_found_by_hosts_that_are_not_told(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    """Both hosts of the move are, the third is not; on VXLAN and on a VLAN, routed and not, by central SNAT. Nothing
    but its announcement says where the instance is: it has no IPv6, and others speak first."""
    third, old, new = (nodes[name] for name in ("network-01", "compute-01", "compute-02"))
    changed["fabric_external_networks"]["ext"]["host_addresses"][third.name] = "192.168.100.252"
    own = {**THIRD, **MOVERS}
    for name, (network, address) in own.items():
        host = third.name if name in THIRD else old.name
        entry = {"host": host, "network": network, "attach": "veth", "addresses": [address]}
        changed["fabric_instances"][name] = {**entry, "security_groups": ["default"]}
    apply(nodes, changed)
    here = {**places, **{name: (third if name in THIRD else old).namespace(name) for name in own}}
    pairs = (("far", "mover"), ("routed", "mover"), ("tagged", "tagged-mover"), ("crossing", "tagged-mover"))
    both_ways = (*pairs, *((another, one) for one, another in pairs))
    meetings: Meetings = {(one, another, own[another][1]): own[one][1] for one, another in both_ways}
    meetings["mover", OUTSIDE, "192.168.100.1"] = "192.168.100.20"
    meetings["tagged-mover", OUTSIDE, "192.168.100.1"] = "192.168.100.21"
    assert unexpected(here, meetings) == {}
    for name in MOVERS:
        changed["fabric_instances"][name]["host"] = new.name
        here[name] = new.namespace(name)
    for host in (new, old):
        host.run(document(changed, host.name))
    assert unexpected(here, meetings) == {}
    # What it has found out by itself is what it would be told.
    assert third.check(document(changed, third.name)) == []


def test_a_vm_that_has_moved_is_announced_by_its_hypervisor(nodes: dict[str, Node], places: Places) -> None:
    """With RARP, as QEMU does it, and with the MAC address of the VM alone."""
    own, another = (mac_of_instance(nodes, name) for name in ("web2", "web3"))
    with inside(places["web2"]):
        card = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with closing(card), captured(["under0"]) as frames:
        for claimed in (another, own):
            source, sender = (bytes.fromhex(mac.replace(":", "")) for mac in (own, claimed))
            body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 3) + 2 * (sender + bytes(4))
            card.sendto(b"\xff" * 6 + source + b"\x80\x35" + body.ljust(46, b"\0"), ("eth0", 0))
        time.sleep(0.5)
    inner = [tunnelled[1] for frame in frames if (tunnelled := frame.tunnelled)]
    assert {mac_text(frame.data[22:28]) for frame in inner if frame.ethertype == 0x8035} == {own}


def test_what_is_behind_a_static_route_leaves_by_central_snat(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    own = {"host": "compute-02", "network": "web", "attach": "veth", "security_groups": ["default"]}
    changed["fabric_instances"]["gw"] = {**own, "addresses": ["172.16.18.50"], "allowed_addresses": ["10.9.0.0/16"]}
    changed["fabric_routers"]["blue"]["routes"] = [{"to": "10.9.0.0/16", "via": "172.16.18.50"}]
    apply(nodes, changed)
    gw, behind = nodes["compute-02"].namespace("gw"), "behind"
    tool("ip", "netns", "add", behind)
    try:
        tool("ip", "link", "add", "inner", "type", "veth", "peer", "eth0", "netns", behind, namespace=gw)
        for place, device, address in ((gw, "inner", "10.9.0.1"), (behind, "eth0", "10.9.0.2")):
            tool("ip", "address", "add", f"{address}/24", "dev", device, namespace=place)
            tool("ip", "link", "set", "dev", device, "up", namespace=place)
        tool("ip", "route", "add", "default", "via", "10.9.0.1", namespace=behind)
        tool("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=gw)
        way_out: Meetings = {
            (behind, OUTSIDE, "192.168.100.1"): "192.168.100.20",
            ("gw", OUTSIDE, "192.168.100.1"): "192.168.100.20",
        }
        within: Meetings = {(behind, "db1", INSTANCES["db1"][1]): None, (behind, "web2", WEB2): "10.9.0.2"}
        assert unexpected({**places, "gw": gw, behind: behind}, {**way_out, **within}) == {}
    finally:
        tool("ip", "netns", "del", behind)


@contextmanager
def probed(ways: Mapping[str, tuple[str, str]]) -> Iterator[dict[str, int]]:
    """A ping every 10 ms on each way during the body; afterwards how many were lost before the last that came back."""
    lost: dict[str, int] = {}
    pings = {}
    for name, (source, address) in ways.items():
        tool("ping", "-c1", "-W2", address, namespace=source)
        with inside(source):
            pings[name] = subprocess.Popen(["ping", "-i0.01", address], stdout=subprocess.PIPE, text=True)
    try:
        yield lost
    finally:
        time.sleep(0.5)
        for name, ping in pings.items():
            ping.send_signal(signal.SIGINT)
            output, _none = ping.communicate(timeout=10)
            came_back = {int(number) for number in re.findall(r"icmp_seq=(\d+)", output)}
            assert len(came_back) > 30, "the probe was too short to say anything"
            sent = int(re.findall(r"(\d+) packets transmitted", output)[0])
            # Of those of the last moments some may still be under way.
            lost[name] = max(*came_back, sent - 20) - len(came_back)


def ways(places: Places) -> dict[str, tuple[str, str]]:
    return {
        "same host": (places["web2"], VM1),
        "other host": (places["web2"], WEB3),
        "other network": (places["web4"], INSTANCES["db1"][1]),
        "into a floating IP": (OUTSIDE, "192.168.100.150"),
        "out of a floating IP": (places["web3"], "192.168.100.1"),
        "hairpin": (places["vm1"], "192.168.100.150"),
        "floating IP to floating IP, same host": (places["vm1"], INSTANCES["shop1"][3]),
        "floating IP to floating IP, other host": (places["vm1"], INSTANCES["store2"][3]),
        "central SNAT": (places["web2"], "192.168.100.1"),
        "tagged": (places["store1"], INSTANCES["store2"][1]),
        "IPv6": (places["web2"], "2001:db8:64::1"),
    }


def test_a_second_run_loses_nothing(nodes: dict[str, Node], places: Places) -> None:
    with probed(ways(places)) as lost:
        for host in HOSTS:
            assert nodes[host].run(document(intent(), host)) == []
    assert {name: count for name, count in lost.items() if count} == {}


def test_another_tenant_comes_and_goes_unnoticed(
    nodes: dict[str, Node], places: Places, changed: dict[str, Any]
) -> None:
    changed["fabric_networks"]["guest"] = {"subnets": ["172.16.18.0/24"]}
    changed["fabric_routers"]["guest"] = {"networks": ["guest"], "external": "ext", "snat": "192.168.100.22"}
    for number, host in enumerate(("compute-01", "compute-02"), 1):
        changed["fabric_instances"][f"guest{number}"] = {
            "host": host,
            "network": "guest",
            "attach": "veth",
            "addresses": [f"172.16.18.{99 + number}"],
            "floating_ip": f"192.168.100.{170 + number}",
        }
    with probed(ways(places)) as lost:
        for own in (changed, intent()):
            for host in HOSTS:
                assert nodes[host].run(document(own, host))
    assert {name: count for name, count in lost.items() if count} == {}


def _echoes(frames: Sequence[Frame]) -> set[tuple[str, str]]:
    """Who sends IPv6 echo requests and replies, and to whom."""
    return {
        (socket.inet_ntop(socket.AF_INET6, frame.data[22:38]), socket.inet_ntop(socket.AF_INET6, frame.data[38:54]))
        for frame in frames
        if frame.ethertype == 0x86DD and frame.data[20] == 58 and frame.data[54] in (128, 129)
    }


def test_unique_local_addresses_stay_inside(nodes: dict[str, Node], places: Places, changed: dict[str, Any]) -> None:
    """Their packets do not get out, and what is for them does not get in, whatever way it finds to the router."""
    inside, neighbour = "fd00:18::102", "fd00:18::100"
    own, outside = INSTANCES["web3"][2], "2001:db8:64::1"
    changed["fabric_networks"]["web"]["subnets"].append("fd00:18::/64")
    changed["fabric_instances"]["web3"]["addresses"].append(inside)
    changed["fabric_instances"]["vm1"]["addresses"].append(neighbour)
    apply(nodes, changed)
    assert pings(places["web3"], neighbour, "-I", inside)
    with captured(["ext1"]) as frames:
        assert not pings(places["web3"], outside, "-I", inside)
        assert pings(places["web3"], outside, "-I", own)
    assert _echoes(frames) == {(own, outside)}

    host, router, gate = nodes["compute-02"], "router-ns", "fip-ns"
    with ExitStack() as stack:
        for destination in ("fd00:18::/64", f"{own}/128"):
            for place, device, via in (
                (OUTSIDE, "eth0", link_local(host.namespace(gate), "fg-ext")),
                (host.namespace(gate), "fpr-blue", link_local(host.namespace(router), "rfp-blue")),
            ):
                way = (destination, "via", via, "dev", device, "metric", "1")
                tool("ip", "-6", "route", "add", *way, namespace=place)
                stack.callback(tool, "ip", "-6", "route", "del", *way, namespace=place)
        with captured(["eth0"], places["web3"]) as frames:
            assert not pings(OUTSIDE, inside)
            assert pings(OUTSIDE, own)
    assert _echoes(frames) == {(outside, own)}


def link_local(namespace: str, device: str) -> str:
    (link,) = json.loads(tool("ip", "-6", "-j", "addr", "show", "dev", device, namespace=namespace).stdout)
    return str(next(entry["local"] for entry in link["addr_info"] if entry["scope"] == "link"))


def _asked(frames: Sequence[Frame]) -> set[str]:
    """Who is asked for an answer by ICMP."""
    return {
        socket.inet_ntoa(frame.data[30:34])
        for frame in frames
        if frame.ethertype == 0x0800 and frame.data[23] == 1 and frame.data[34] == 8
    }


def _heard_echoes(namespace: str) -> int:
    """How many requests for an echo have got through to a namespace's own addresses."""
    names, numbers = re.findall(r"^Icmp: (.*)$", tool("cat", "/proc/net/snmp", namespace=namespace).stdout, re.M)
    return int(dict(zip(names.split(), numbers.split(), strict=True))["InEchos"])


def test_tenants_ipv4_addresses_stay_inside(nodes: dict[str, Node], places: Places) -> None:
    """Neither they nor the router are reached from outside, not even by somebody who knows the way to the router. What
    is nobody's here is not sent back to the external network."""
    host, pair, stranger = nodes["compute-01"], "169.254.31.238", "203.0.113.77"
    gate, router = host.namespace("fip-ns"), host.namespace("router-ns")
    tenants, routers = {VM1, WEB2}, {"172.16.18.1", pair}
    with ExitStack() as stack:
        ways = [(gate, ("172.16.18.0/24", "via", pair, "dev", "fpr-blue"))]
        ways += [(OUTSIDE, (to, "via", "192.168.100.254")) for to in ("172.16.18.0/24", pair, stranger)]
        for place, way in ways:
            tool("ip", "route", "add", *way, namespace=place)
            stack.callback(tool, "ip", "route", "del", *way, namespace=place)
        heard = _heard_echoes(router)
        with (
            captured(["ext0"]) as returned,
            captured(["fg-ext"], gate) as arrived,
            captured(["rfp-blue"], router) as passed,
            captured(["eth0"], places["vm1"]) as at_vm1,
            captured(["eth0"], places["web2"]) as at_web2,
        ):
            for address in (*tenants, *routers, stranger):
                assert not pings(OUTSIDE, address)
    assert _asked(arrived) >= {*tenants, *routers, stranger}
    assert _asked(passed) == {*tenants, *routers}
    assert (_asked(at_vm1), _asked(at_web2), _heard_echoes(router) - heard) == (set(), set(), 0)
    assert stranger not in _asked(returned)
