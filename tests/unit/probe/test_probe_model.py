# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes on the wire, and the reading of probes, without a network."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.module_utils.probe import wire
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.judge import judge
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import Expect, Place, Probe, ProbesError, parse
from ansible_collections.hostnet.fabric.plugins.modules import host_probe

PING = {"kind": "ping", "address": "192.0.2.1"}
SPOOF = {
    "kind": "spoof",
    "address": "192.0.2.1",
    "interface": "e",
    "source": "192.0.2.2",
    "seen_at": {"interface": "b"},
}
MAC, OTHER_MAC = "52:54:00:00:00:01", "52:54:00:00:00:02"


def test_checksum_of_the_example_in_rfc_1071() -> None:
    assert wire.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    assert wire.checksum(b"\x01") == 0xFEFF


@pytest.mark.parametrize("ends", [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")])
def test_an_echo_packet_has_right_checksums(ends: tuple[str, str]) -> None:
    source, target = map(ip_address, ends)
    packet = wire.packet(source, target, wire.echo_request(source.version, 7, 1, b"abc"))
    if source.version == 4:
        assert wire.checksum(packet[:20]) == 0
        assert wire.checksum(packet[20:]) == 0
    else:
        message = packet[40:]
        assert (
            wire.checksum(source.packed + target.packed + len(message).to_bytes(4, "big") + b"\0\0\0\x3a" + message)
            == 0
        )


def test_dont_fragment_is_a_bit_of_the_header() -> None:
    ends = (ip_address("192.0.2.1"), ip_address("192.0.2.2"))
    assert wire.packet(*ends, b"\0" * 8)[6:8] == b"\0\0"
    assert wire.packet(*ends, b"\0" * 8, dont_fragment=True)[6:8] == b"\x40\0"


def test_solicited_node_addresses_of_rfc_4291() -> None:
    address = ip_address("4037::1:800:200e:8c6c")
    assert str(wire.solicited_node(address)) == "ff02::1:ff0e:8c6c"
    assert wire.solicited_node_mac(address) == "33:33:ff:0e:8c:6c"


def test_owners_are_read_from_replies_only() -> None:
    owned, asked = ip_address("192.0.2.1"), ip_address("192.0.2.2")
    reply = wire.frame(OTHER_MAC, MAC, wire.ETHERTYPE_ARP, wire.arp(True, MAC, owned, OTHER_MAC, asked))
    assert wire.arp_owner(reply, owned) == MAC
    assert wire.arp_owner(reply, asked) == ""
    assert wire.arp_owner(wire.who_has(owned, asked, MAC), asked) == ""
    assert wire.arp_owner(reply[:30], owned) == ""
    owned6, asked6 = ip_address("2001:db8::1"), ip_address("2001:db8::2")
    body = wire.neighbour_advertisement(MAC, owned6, owned6, asked6, b"0" * 14)
    assert wire.advertised_owner(wire.frame(OTHER_MAC, MAC, wire.ETHERTYPE[6], body), owned6) == MAC
    assert wire.advertised_owner(wire.who_has(owned6, asked6, MAC), owned6) == ""


def test_echo_replies_are_known_again() -> None:
    source, target = ip_address("192.0.2.1"), ip_address("192.0.2.2")
    reply = b"\0\0\0\0" + (77).to_bytes(2, "big") + (5).to_bytes(2, "big")
    data = wire.frame(MAC, OTHER_MAC, wire.ETHERTYPE[4], wire.packet(source, target, reply))
    assert wire.echo_sequence(data, source, target, 77) == 5
    assert wire.echo_sequence(data, source, target, 78) is None
    assert wire.echo_sequence(data, target, source, 77) is None
    assert wire.echo_sequence(data[:20], source, target, 77) is None


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (
            {**PING, "address": "host"},
            "probes[0].address: 'host' is no IP address; write one without a prefix length, such as 192.0.2.1",
        ),
        (
            {**PING, "source": "2001:db8::1"},
            "probes[0].source: 2001:db8::1 is of another IP version than the target 192.0.2.1",
        ),
        ({**PING, "count": 0}, "probes[0].count: 0 is not between 1 and 65535"),
        ({**PING, "size": 35}, "probes[0].size: 35 is not between 36 and 65535"),
        ({**PING, "size": 50, "address": "::1"}, "probes[0].size: 50 is below 56, the smallest IPv6 echo here"),
        ({**PING, "timeout": 0}, "probes[0].timeout: 0 is not a number of seconds above 0"),
        (
            {**PING, "expect": {"mac": "1:2"}},
            "probes[0].expect.mac: '1:2' is no MAC address; write it as 52:54:00:00:00:01",
        ),
        (
            {**PING, "expect": {"seen_as": "me"}},
            "probes[0].expect.seen_as: 'me' is no IP address; write one without a prefix length, such as 192.0.2.1",
        ),
        (SPOOF, "probes[0].claimed_source: nothing is claimed falsely; give claimed_source or claimed_mac, or both"),
        (
            {**PING, "as_guest": True, "interface": "tap0", "source": "192.0.2.2"},
            "probes[0].mac: is missing; standing in for a guest takes its interface, source address and mac",
        ),
        (
            {**PING, "as_guest": True, "interface": "tap0", "source": "192.0.2.2", "mac": MAC, "size": 1501},
            "probes[0].size: 1501 is more than 1500, the most that a stand-in for a guest sends",
        ),
        (
            {**PING, "kind": "path_mtu", "as_guest": True, "interface": "tap0", "source": "192.0.2.2", "mac": MAC},
            "probes[0].as_guest: path_mtu cannot stand in for a guest; ping, arp, spoof can",
        ),
    ],
)
def test_bad_probes(raw: dict[str, Any], fault: str) -> None:
    with pytest.raises(ProbesError) as caught:
        parse([raw])
    assert caught.value.faults == (fault,)


def test_a_probe_gets_a_name() -> None:
    (probe,) = parse([{**PING, "namespace": None}])
    assert (probe.name, probe.namespace, probe.expect) == ("ping 192.0.2.1 from the host", "", Expect())
    (probe,) = parse([{**SPOOF, "claimed_mac": MAC.upper(), "namespace": "c1"}])
    assert (probe.name, probe.claimed_mac, probe.seen_at) == ("spoof 192.0.2.1 from c1", MAC, Place("", "b"))


def verdict(expect: dict[str, Any], measured: dict[str, Any], kind: str) -> tuple[bool, str]:
    return judge(Probe(kind, "n", "", ip_address("192.0.2.1"), port=80, expect=Expect(**expect)), measured)


@pytest.mark.parametrize(
    ("kind", "expect", "measured", "wanted"),
    [
        (
            "tcp",
            {"seen_as": "host"},
            {"connected": True, "ms": 1.0, "line": "x", "seen_as": None, "host_address": None},
            (False, "connected, 1.00 ms; the host itself has no address towards 192.0.2.1 to compare with"),
        ),
        (
            "tcp",
            {"seen_as": "192.0.2.7"},
            {"connected": True, "ms": 1.0, "line": "SSH-2.0", "seen_as": None},
            (False, "connected, 1.00 ms; the other end said 'SSH-2.0', not which address it saw"),
        ),
        ("arp", {"reachable": False}, {"macs": [MAC]}, (False, f"{MAC} answered for 192.0.2.1, and nobody should")),
        (
            "path_mtu",
            {"reachable": False},
            {"mtu": 1500, "refusal": None},
            (False, "192.0.2.1 answered, and should not"),
        ),
        (
            "path_mtu",
            {},
            {"mtu": None, "refusal": "Network is unreachable"},
            (False, "no answer from 192.0.2.1: Network is unreachable"),
        ),
        (
            "spoof",
            {"arrives": True},
            {"claimed": "x at y", "arrived": False, "control_arrived": True, "seen_at": "br0 of the host"},
            (
                False,
                "an echo request that claims x at y did not arrive at br0 of the host, a truthful one did; both should",
            ),
        ),
    ],
)
def test_verdicts(kind: str, expect: dict[str, Any], measured: dict[str, Any], wanted: tuple[bool, str]) -> None:
    assert verdict(expect, measured, kind) == wanted


def test_the_module_documents_the_probes_it_takes() -> None:
    documented = yaml.safe_load(host_probe.DOCUMENTATION)["options"]["probes"]["suboptions"]
    fields = set(Probe.__dataclass_fields__)
    assert set(documented) == set(host_probe.PROBE) == fields
    assert set(documented["expect"]["suboptions"]) == set(host_probe.EXPECT) == set(Expect.__dataclass_fields__)
    for name, spec in {**host_probe.PROBE}.items():
        if "default" in spec and name != "size":
            assert Probe.__dataclass_fields__[name].default == spec["default"], name
