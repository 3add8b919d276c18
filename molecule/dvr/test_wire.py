# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the cables, and what comes to the instances, while everybody talks to everybody."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

import pytest
from drawing import CONTAINERS, GATEWAYS, INSTANCES, OWN, cells, connected, expected, from_everywhere, pinged
from fleet import MOLECULE, Fleet

CAPTURE = (MOLECULE / "shared/capture.py").read_text()
MACHINES = ("compute-01", "compute-02", "network-01", "network-02")
COMPUTES = MACHINES[:2]
# What fills the packets that a tenant sends within its own networks.
FILLED = {"blue": "b1", "green": "6e"}
TENANT_OF = {each.network: each.tenant for each in INSTANCES.values()}
DVR_MAC = "5a:d0:"
ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT = 134, 135, 136


@dataclass(frozen=True)
class Frame:
    """A frame as it passed an interface, or one that came in a tunnel: then ``vni`` is set."""

    host: str
    interface: str
    leaving: bool
    vlan: str
    data: bytes
    vni: int | None = None

    @property
    def target(self) -> str:
        return self.data[:6].hex(":")

    @property
    def source(self) -> str:
        return self.data[6:12].hex(":")

    @property
    def is_for_many(self) -> bool:
        return bool(self.data[0] & 1)

    @property
    def ethertype(self) -> int:
        return int.from_bytes(self.data[12:14], "big")

    @property
    def icmp6_type(self) -> int | None:
        return self.data[54] if self.ethertype == 0x86DD and len(self.data) > 78 and self.data[20] == 58 else None

    @property
    def speaks_of(self) -> set[str]:
        """The addresses that ARP or neighbour discovery asks for, or tells."""
        if self.ethertype == 0x0806:
            return {str(ip_address(self.data[28:32])), str(ip_address(self.data[38:42]))}
        if self.icmp6_type in (SOLICITATION, ADVERTISEMENT):
            return {str(ip_address(self.data[62:78]))}
        return set()

    @property
    def ends(self) -> set[str]:
        if self.ethertype == 0x0800:
            return {str(ip_address(self.data[26:30])), str(ip_address(self.data[30:34]))}
        return set()

    @property
    def tenant(self) -> str | None:
        """Whose packet it is, where its payload tells."""
        return next((who for who, byte in FILLED.items() if bytes.fromhex(byte) * 24 in self.data), None)

    def inner(self) -> Frame | None:
        """The frame in a VXLAN packet."""
        if self.ethertype != 0x0800 or self.data[23] != 17 or self.data[36:38] != struct.pack("!H", 4789):
            return None
        vni = int.from_bytes(self.data[46:49], "big")
        return Frame(self.host, self.interface, self.leaving, "-", self.data[50:], vni)

    def __str__(self) -> str:
        where = f"vni {self.vni}" if self.vni is not None else f"vlan {self.vlan}"
        way = "from" if self.leaving else "to"
        return f"{way} {self.host} {self.interface}, {where}: {self.source} > {self.target} {self.data[12:].hex()}"


@dataclass(frozen=True)
class Captured:
    """wires: what passed the machines' cards, with what was in tunnels. instances: what came to each container."""

    wires: list[Frame]
    instances: dict[str, list[Frame]]

    def tunnelled(self) -> list[Frame]:
        return [frame for frame in self.wires if frame.vni is not None]

    def external(self) -> list[Frame]:
        return [frame for frame in self.wires if frame.interface == "enp7s0"]

    def tagged(self) -> list[Frame]:
        return [frame for frame in self.external() if frame.vlan == "30"]


class Watch:
    """Captures on one host, from the time that this is made until its frames are asked for."""

    def __init__(self, fleet: Fleet, host: str, *interfaces: str) -> None:
        self._host = host
        command = fleet.command(host, "python3", "-c", CAPTURE, *interfaces)
        self._run = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._run.stdout and self._run.stdout.readline() == "ready\n"

    def frames(self) -> Iterator[Frame]:
        output, _errors = self._run.communicate("enough\n", timeout=120)
        for line in output.splitlines():
            interface, direction, vlan, text = line.split()
            data = bytes.fromhex(text)
            if data[12:14] == b"\x81\x00":
                # A tag that the sender has written into the frame itself.
                vlan, data = str(int.from_bytes(data[14:16], "big") & 0xFFF), data[:12] + data[16:]
            yield Frame(self._host, interface, direction == "out", vlan, data)


@pytest.fixture(scope="module")
def captured(fleet: Fleet) -> Captured:
    """Everybody forgets their neighbours, then tries every address there is."""
    wires = [Watch(fleet, machine, "eth0", "enp7s0") for machine in MACHINES]
    instances = {name: Watch(fleet, name, "eth0") for name in CONTAINERS}
    for client in INSTANCES:
        fleet.on(client, "ip", "neigh", "flush", "dev", "eth0")
    from_everywhere(lambda client: talk(fleet, client))
    found = [frame for watch in wires for frame in watch.frames()]
    found += [inner for frame in found if (inner := frame.inner()) is not None]
    return Captured(found, {name: list(watch.frames()) for name, watch in instances.items()})


def talk(fleet: Fleet, client: str) -> None:
    connected(fleet, client, list(expected(client)))
    if client in INSTANCES:
        pinged(fleet, client, within_tenant(client), FILLED[INSTANCES[client].tenant])


def within_tenant(client: str) -> list[str]:
    others = [INSTANCES[other] for row, other in cells(OWN[INSTANCES[client].tenant]) if row == client]
    return [address for other in others for address in (other.ipv4, other.ipv6)]


def macs(fleet: Fleet, machine: str, prefix: str) -> dict[str, str]:
    """The MAC address of each device in a namespace of the machine whose name begins like this."""
    found: dict[str, str] = {}
    for namespace in fleet.output(machine, "ls", "/run/netns").split():
        for link in json.loads(fleet.output(machine, "ip", "-j", "-n", namespace, "link", "show")):
            if link["ifname"].startswith(prefix):
                found[link["ifname"]] = link["address"]
    return found


@pytest.fixture(scope="module")
def gateways(fleet: Fleet) -> dict[str, str]:
    """The MAC address of the gateway of each network."""
    return {name.removeprefix("qr-"): mac for name, mac in macs(fleet, "compute-01", "qr-").items()}


@pytest.fixture(scope="module")
def members(fleet: Fleet) -> dict[str, set[str]]:
    """The MAC addresses of each network's instances and of its central leg."""
    central = {name.removeprefix("sg-"): mac for name, mac in macs(fleet, "network-01", "sg-").items()}
    found: dict[str, set[str]] = {network: {central[network]} for network in GATEWAYS}
    for instance in INSTANCES.values():
        found[instance.network].add(fleet.output(instance.name, "cat", "/sys/class/net/eth0/address").strip())
    return found


@pytest.fixture(scope="module")
def vnis(fleet: Fleet) -> dict[int, str]:
    links = json.loads(fleet.output("compute-01", "ip", "-j", "-d", "link", "show", "type", "vxlan"))
    return {link["linkinfo"]["info_data"]["id"]: link["ifname"].removeprefix("vx-") for link in links}


def shown(frames: Iterable[Frame]) -> list[str]:
    """The first of some frames, to be compared with none."""
    return [str(frame) for frame in frames][:10]


def test_gateways_have_the_same_mac_addresses_on_every_host(fleet: Fleet, gateways: dict[str, str]) -> None:
    assert gateways.keys() == GATEWAYS.keys()
    assert macs(fleet, "compute-02", "qr-") == {f"qr-{network}": mac for network, mac in gateways.items()}


def test_everything_that_is_looked_for_was_there(captured: Captured, vnis: dict[int, str]) -> None:
    """Without these frames, it would mean nothing that others are missing."""
    assert {vnis[frame.vni] for frame in captured.tunnelled() if frame.tenant and frame.vni in vnis} == {
        "web",
        "db",
        "shop",
    }
    assert {frame.tenant for frame in captured.tagged()} == {"green", None}
    routed = [frame for frame in captured.wires if frame.source.startswith(DVR_MAC)]
    assert {frame.host for frame in routed if frame.leaving} == set(COMPUTES)
    assert {frame.vni is None for frame in routed} == {True, False}
    for name, frames in captured.instances.items():
        assert INSTANCES[name].tenant in {frame.tenant for frame in frames}
        assert any(frame.speaks_of & set(GATEWAYS[INSTANCES[name].network]) for frame in frames)


def test_no_frame_on_a_cable_is_from_or_to_a_gateway(captured: Captured, gateways: dict[str, str]) -> None:
    theirs = set(gateways.values())
    assert shown(frame for frame in captured.wires if theirs & {frame.source, frame.target}) == []


def test_nobody_asks_or_tells_on_a_cable_where_a_gateway_is(captured: Captured) -> None:
    theirs = {address for pair in GATEWAYS.values() for address in pair}
    assert shown(frame for frame in captured.wires if theirs & frame.speaks_of) == []


def test_nobody_advertises_itself_as_a_router(captured: Captured) -> None:
    everything = [*captured.wires, *(frame for frames in captured.instances.values() for frame in frames)]
    assert shown(frame for frame in everything if frame.icmp6_type == ROUTER_ADVERTISEMENT) == []


def test_every_host_routes_under_a_mac_address_of_its_own(captured: Captured) -> None:
    """On the VLAN as in tunnels, so that no switch sees one address at two places."""
    own = {
        machine: {
            frame.source
            for frame in captured.wires
            if frame.host == machine and frame.leaving and frame.source.startswith(DVR_MAC)
        }
        for machine in MACHINES
    }
    assert [len(own[machine]) for machine in COMPUTES] == [1, 1]
    assert len(set().union(*own.values())) == sum(len(each) for each in own.values())


def test_a_tenant_s_frames_are_on_its_own_networks_only(
    captured: Captured, vnis: dict[int, str], members: dict[str, set[str]]
) -> None:
    """By what fills the packets, and by who sends and gets them."""
    on = [(vnis[frame.vni], frame) for frame in captured.tunnelled() if frame.vni in vnis]
    on += [("store", frame) for frame in captured.tagged()]
    assert shown(frame for network, frame in on if frame.tenant not in (TENANT_OF[network], None)) == []
    strange = (
        frame
        for network, frame in on
        if (frame.source not in members[network] and not frame.source.startswith(DVR_MAC))
        or (frame.target not in members[network] and not frame.is_for_many)
    )
    assert shown(strange) == []


def test_compute_hosts_send_nothing_else_by_tunnel(captured: Captured, vnis: dict[int, str]) -> None:
    sent = (frame for frame in captured.tunnelled() if frame.host in COMPUTES)
    assert shown(frame for frame in sent if frame.vni not in vnis) == []


def test_nothing_of_a_tenant_is_on_the_external_network(captured: Captured, members: dict[str, set[str]]) -> None:
    untagged = [frame for frame in captured.external() if frame.vlan in ("-", "0")]
    theirs = set().union(*members.values())
    subnets = [ip_network("172.16.18.0/24"), ip_network("172.16.19.0/24")]
    assert shown(frame for frame in untagged if frame.tenant or theirs & {frame.source, frame.target}) == []
    assert shown(frame for frame in untagged if frame.source.startswith(DVR_MAC)) == []
    inside = (f for f in untagged if any(ip_address(end) in net for end in f.ends | f.speaks_of for net in subnets))
    assert shown(inside) == []


def test_instances_hear_their_own_network_and_gateway_only(
    captured: Captured, members: dict[str, set[str]], gateways: dict[str, str]
) -> None:
    for name, frames in captured.instances.items():
        network = INSTANCES[name].network
        heard = [frame for frame in frames if not frame.leaving]
        known = members[network] | {gateways[network]}
        assert shown(frame for frame in heard if frame.source not in known) == [], name
        assert shown(frame for frame in heard if frame.tenant not in (INSTANCES[name].tenant, None)) == [], name
