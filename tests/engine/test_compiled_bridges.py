# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the compiler promises, seen by packets: who reaches whom, as whom, and which frames an instance cannot send."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from itertools import product
from typing import Any

import pytest
from harness import Machine, inside, tool

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.document import bridge_document

PORT = 7777
OUTSIDE = {4: "203.0.113.1", 6: "2001:db8:ffff::1"}
HOST_OUTSIDE = {4: "203.0.113.83", 6: "2001:db8:ffff::83"}

BRIDGES: dict[str, dict[str, Any]] = {
    "iso": {"forward": "isolated"},
    "nat": {"forward": "nat", "uplink": "wan"},
    "nat2": {"forward": "nat", "uplink": "wan"},
    "routed": {"forward": "route", "uplink": "wan"},
    "open": {"forward": "route"},
}
NUMBERS = {name: number for number, name in enumerate(BRIDGES, 1)}


def address(name: str, family: int) -> str:
    """Of an instance ``iso1`` or ``iso2``: the subnet by its bridge, the rest by its number."""
    if name == "outside":
        return OUTSIDE[family]
    number = int(name[-1]) + 1
    return f"10.0.{NUMBERS[name[:-1]]}.{number}" if family == 4 else f"fd00:{NUMBERS[name[:-1]]}::{number}"


def intent(**changes: Any) -> dict[str, Any]:
    bridges = {
        name: {"host": "h", "addresses": [f"10.0.{NUMBERS[name]}.1/24", f"fd00:{NUMBERS[name]}::1/64"], **bridge}
        for name, bridge in BRIDGES.items()
    }
    members = [f"{name}1" for name in BRIDGES] + ["iso2"]
    instances = {
        name: {"bridge": name[:-1], "attach": "veth", "addresses": [address(name, 4), address(name, 6)]}
        for name in members
    }
    return {"fabric_bridges": bridges, "fabric_instances": instances, **changes}


@pytest.fixture
def wired(host: Machine) -> Machine:
    """A host with an uplink ``wan`` to a namespace ``outside``, which knows the way to every subnet behind the host."""
    host.ip("netns add outside")
    host.ip("link add name wan type veth peer name wan netns outside")
    for namespace, own in (("", HOST_OUTSIDE), ("outside", OUTSIDE)):
        for device in ("lo", "wan"):
            host.ip(f"link set dev {device} up", namespace)
        host.ip(f"addr add {own[4]}/24 dev wan", namespace)
        host.ip(f"addr add {own[6]}/64 dev wan nodad", namespace)
    for number in NUMBERS.values():
        host.ip(f"route add 10.0.{number}.0/24 via {HOST_OUTSIDE[4]}", "outside")
        host.ip(f"-6 route add fd00:{number}::/64 via {HOST_OUTSIDE[6]}", "outside")
    return host


def reached(pairs: list[tuple[str, str]], family: int) -> set[tuple[str, str]]:
    """Of these pairs, in which the first gets an answer from the second; all of them at once."""
    running = {}
    for source, target in pairs:
        with inside(source):
            command = ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", address(target, family)]
            running[source, target] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    return {pair for pair, process in running.items() if process.wait() == 0}


def seen_as(source: str, target: str, family: int) -> str:
    """The source address under which the target sees a connection of the source."""
    kind = socket.AF_INET if family == 4 else socket.AF_INET6
    with inside(target):
        listener = socket.create_server((address(target, family), PORT), family=kind)
    with inside(source):
        client = socket.socket(kind)
    client.settimeout(3)
    with listener, client:
        client.connect((address(target, family), PORT))
        connection, peer = listener.accept()
        connection.close()
    return str(peer[0])


@pytest.mark.parametrize("family", [4, 6])
def test_who_reaches_whom(wired: Machine, family: int) -> None:
    wired.apply(bridge_document(intent(), "h"))
    names = ["iso1", "iso2", "nat1", "nat21", "routed1", "open1", "outside"]
    pairs = [(source, target) for source, target in product(names, names) if source != target]
    from_nat = {(source, target) for source in ("nat1", "nat21") for target in ("routed1", "open1", "outside")}
    between = {pair for pair in product(("routed1", "open1", "outside"), repeat=2) if pair[0] != pair[1]}
    assert reached(pairs, family) == {("iso1", "iso2"), ("iso2", "iso1")} | from_nat | between


@pytest.mark.parametrize("family", [4, 6])
def test_seen_as(wired: Machine, family: int) -> None:
    """Translated towards the uplink only."""
    wired.apply(bridge_document(intent(), "h"))
    assert seen_as("nat1", "outside", family) == HOST_OUTSIDE[family]
    assert seen_as("nat1", "routed1", family) == address("nat1", family)
    assert seen_as("routed1", "outside", family) == address("routed1", family)
    assert seen_as("outside", "open1", family) == OUTSIDE[family]


def test_isolated_ports(wired: Machine) -> None:
    """Neither of two isolated ports reaches the other; each reaches the host, and one that is not isolated."""
    plain = {"bridge": "nat", "attach": "veth"}
    instances = {
        "nat1": {**plain, "addresses": ["10.0.2.2"]},
        "nat2": {**plain, "addresses": ["10.0.2.3"]},
        "nat3": {**plain, "addresses": ["10.0.2.4"], "isolated": False},
    }
    bridges = {"nat": {**intent()["fabric_bridges"]["nat"], "isolated_ports": True}}
    wired.apply(bridge_document({"fabric_bridges": bridges, "fabric_instances": instances}, "h"))
    pairs = [pair for pair in product(instances, repeat=2) if pair[0] != pair[1]]
    assert set(pairs) - reached(pairs, 4) == {("nat1", "nat2"), ("nat2", "nat1")}
    assert reached([("nat1", "outside"), ("nat2", "outside")], 4) == {("nat1", "outside"), ("nat2", "outside")}


def test_teardown(wired: Machine) -> None:
    before = wired.snapshot()
    document = bridge_document(intent(), "h")
    wired.apply(document)
    wired.absent({"scope": document["scope"]})
    wired.assert_as(before)


def test_instance_that_comes_and_goes_changes_only_its_own(wired: Machine) -> None:
    """The other ports are not mentioned in the plan, nor are the rules of the guard."""
    whole = intent()
    less = {**whole, "fabric_instances": {k: v for k, v in whole["fabric_instances"].items() if k != "iso2"}}
    wired.apply(bridge_document(less, "h"))
    # A sysctl of a device goes with the device.
    for fleet, others in ((whole, {"sysctl"}), (less, set())):
        changes = wired.apply(bridge_document(fleet, "h")).plan.changes
        assert {change.resource.kind for change in changes} == {"namespace", "link", "address", "nft_table"} | others
        (guard,) = (change for change in changes if change.resource.kind == "nft_table")
        sets = ["set ipv4", "set ipv6", "set macs", "set nd_targets", "set ports"]
        assert [difference.field for difference in guard.differences] == sets
        assert all("iso2" in " ".join(change.key) for change in changes if change is not guard)


MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"
# Every frame ends in a number, by which the other end knows it.
NUMBER_BYTES = 8
BROADCAST = "ff:ff:ff:ff:ff:ff"
OWN, OTHER, SHARED, IN_PREFIX = "10.0.1.2", "10.0.1.3", "10.0.1.100", "172.16.5.5"
OWN6, OTHER6, SHARED6, IN_PREFIX6 = "fd00:1::2", "fd00:1::3", "fd00:1::100", "fd77::5"
LINK_LOCAL, UNSPECIFIED = "fe80::1234", "::"


def packed(ip: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)


def ethernet(kind: int, payload: bytes, source: str = MAC) -> bytes:
    macs = bytes.fromhex((BROADCAST + source).replace(":", ""))
    return macs + struct.pack("!H", kind) + payload


def ipv4(source: str, payload: bytes = b"", target: str = "255.255.255.255", protocol: int = 253) -> bytes:
    ends = packed(source) + packed(target)
    # A bridge looks at the checksum of the header.
    fields = (0x45, 0, 20 + len(payload) + NUMBER_BYTES, 0, 0, 64, protocol)
    total = sum(struct.unpack("!10H", struct.pack("!BBHHHBBH", *fields, 0) + ends))
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return ethernet(0x0800, struct.pack("!BBHHHBBH", *fields, checksum) + ends + payload)


def ipv6(source: str, payload: bytes = b"", protocol: int = 253) -> bytes:
    head = struct.pack("!IHBB", 6 << 28, len(payload) + NUMBER_BYTES, protocol, 255)
    return ethernet(0x86DD, head + packed(source) + packed("ff02::1") + payload)


def udp(source: int, target: int) -> bytes:
    return struct.pack("!HHHH", source, target, 16, 0)


def icmpv6(source: str, kind: int, target: str = "") -> bytes:
    return ipv6(source, struct.pack("!BBHI", kind, 0, 0, 0) + (packed(target) if target else b""), 58)


def arp(ip: str, mac: str = MAC, operation: int = 1) -> bytes:
    head = struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation)
    return ethernet(0x0806, head + bytes.fromhex(mac.replace(":", "")) + packed(ip) + bytes(6) + packed("10.0.1.1"))


def tagged(frame: bytes, vlan: int = 5) -> bytes:
    return frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:]


REPLY = 2
ROUTER, SOLICIT, ADVERT, REDIRECT, ECHO, MLD = 134, 135, 136, 137, 128, 143

# What an instance tries to send, and whether it gets through.
FRAMES = {
    "IPv4 from its own address": (ipv4(OWN), True),
    "IPv4 from another's address": (ipv4(OTHER), False),
    "IPv4 from an allowed address": (ipv4(SHARED), True),
    "IPv4 from an allowed prefix": (ipv4(IN_PREFIX), True),
    "IPv4 from no address": (ipv4("0.0.0.0"), False),
    "IPv4 from another's MAC address": (ipv4(OWN)[:6] + bytes.fromhex("525400000002") + ipv4(OWN)[12:], False),
    "IPv4 from another's address, tagged": (tagged(ipv4(OTHER)), False),
    "IPv4 from another's address, tagged twice": (tagged(tagged(ipv4(OTHER)), 6), False),
    "DHCP discover": (ipv4("0.0.0.0", udp(68, 67), protocol=17), True),
    "DHCP discover to one host": (ipv4("0.0.0.0", udp(68, 67), "10.0.1.1", 17), False),
    "DHCP offer": (ipv4(OWN, udp(67, 68), protocol=17), False),
    "ARP request": (arp(OWN), True),
    "ARP reply": (arp(OWN, operation=REPLY), True),
    "ARP reply for an allowed address": (arp(SHARED, operation=REPLY), True),
    "ARP probe": (arp("0.0.0.0"), True),
    "ARP reply for no address": (arp("0.0.0.0", operation=REPLY), False),
    "ARP for another's address": (arp(OTHER, operation=REPLY), False),
    "ARP with another's MAC address": (arp(OWN, OTHER_MAC), False),
    "IPv6 from its own address": (ipv6(OWN6), True),
    "IPv6 from another's address": (ipv6(OTHER6), False),
    "IPv6 from an allowed address": (ipv6(SHARED6), True),
    "IPv6 from an allowed prefix": (ipv6(IN_PREFIX6), True),
    "IPv6 from a link-local address": (ipv6(LINK_LOCAL), True),
    "IPv6 from no address": (ipv6(UNSPECIFIED), False),
    "echo request from no address": (icmpv6(UNSPECIFIED, ECHO), False),
    "duplicate address detection": (icmpv6(UNSPECIFIED, SOLICIT, OTHER6), True),
    "multicast listener report from no address": (icmpv6(UNSPECIFIED, MLD), True),
    "neighbour advertisement of itself": (icmpv6(OWN6, ADVERT, OWN6), True),
    "neighbour advertisement of its link-local address": (icmpv6(LINK_LOCAL, ADVERT, LINK_LOCAL), True),
    "neighbour advertisement of an allowed address": (icmpv6(OWN6, ADVERT, SHARED6), True),
    "neighbour advertisement of an allowed prefix": (icmpv6(OWN6, ADVERT, IN_PREFIX6), True),
    "neighbour advertisement of another": (icmpv6(OWN6, ADVERT, OTHER6), False),
    "neighbour advertisement of another, link-local": (icmpv6(LINK_LOCAL, ADVERT, OTHER6), False),
    "router advertisement": (icmpv6(LINK_LOCAL, ROUTER), False),
    "redirect": (icmpv6(LINK_LOCAL, REDIRECT, OTHER6), False),
    "DHCPv6 solicit": (ipv6(LINK_LOCAL, udp(546, 547), 17), True),
    "DHCPv6 advertise": (ipv6(LINK_LOCAL, udp(547, 546), 17), False),
    "RARP": (ethernet(0x8035, bytes(28)), True),
    "LLDP": (ethernet(0x88CC, bytes(20)), False),
}
# The same from an instance that nobody has declared addresses of.
UNDECLARED = {
    "IPv4 from another's address": True,
    "IPv4 from another's MAC address": False,
    "ARP for another's address": True,
    "ARP with another's MAC address": False,
    "IPv6 from another's address": True,
    "neighbour advertisement of another": True,
    "router advertisement": False,
    "DHCP offer": False,
    "LLDP": False,
}


def sent_through(source: str, target: str, frames: dict[str, bytes]) -> set[str]:
    """The frames that a namespace sends and the other one gets, by the number at each one's end."""
    numbers = {struct.pack("!Q", 0xFEEDFACE00000000 + n): name for n, name in enumerate(frames)}
    with inside(target):
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    with inside(source):
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with listener, sender:
        listener.bind(("eth0", 3))
        sender.bind(("eth0", 0))
        last = struct.pack("!Q", 0xFEEDFACEFFFFFFFF)
        numbers[last] = "last"
        for number, name in numbers.items():
            sender.send((frames[name] if name != "last" else arp(OWN)) + number)
        got: set[str] = set()
        listener.settimeout(3)
        end = time.monotonic() + 3
        while "last" not in got and time.monotonic() < end:
            got.add(numbers.get(listener.recv(2048)[-NUMBER_BYTES:], ""))
    assert "last" in got
    return got - {"", "last"}


def apply_liar(host: Machine, **changes: Any) -> None:
    """A bridge with an instance that tries things, declared as each test wants it, and one that listens."""
    port = {"bridge": "iso", "attach": "veth"}
    liar = {**port, "mac": MAC, "addresses": [OWN, OWN6], **changes}
    listener = {**port, "addresses": ["10.0.1.9", "fd00:1::9"]}
    fleet = {
        "fabric_bridges": {"iso": {"host": "h", "addresses": ["10.0.1.1/24", "fd00:1::1/64"]}},
        "fabric_instances": {"liar": liar, "listener": listener},
    }
    host.apply(bridge_document(fleet, "h"))


def test_guard(host: Machine) -> None:
    apply_liar(host, allowed_addresses=[SHARED, "172.16.0.0/12", "172.16.5.0/24", SHARED6, "fd77::/48"])
    frames = {name: frame for name, (frame, _passes) in FRAMES.items()}
    assert sent_through("liar", "listener", frames) == {name for name, (_frame, passes) in FRAMES.items() if passes}


def test_without_guard(host: Machine) -> None:
    """Everything passes where the guard is off, so that what does not pass above was stopped by it."""
    apply_liar(host, anti_spoofing=False)
    frames = {name: frame for name, (frame, _passes) in FRAMES.items()}
    assert sent_through("liar", "listener", frames) == set(frames)


def test_guard_of_undeclared_addresses(host: Machine) -> None:
    apply_liar(host, addresses=None)
    frames = {name: FRAMES[name][0] for name in UNDECLARED}
    assert sent_through("liar", "listener", frames) == {name for name, passes in UNDECLARED.items() if passes}


def test_guard_counts_what_it_drops(host: Machine) -> None:
    apply_liar(host)
    sent_through("liar", "listener", {"lie": ipv4(OTHER)})
    table = tool("nft", "list", "chain", "bridge", "hostnet.host_bridge.guard", "ipv4_source").stdout
    assert "counter packets 1 " in table
