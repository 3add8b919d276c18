# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several external networks: two on one physical network, apart by a VLAN, and one on a physical network of its own.

Outside is one physical router with a leg in each of them. The kernel of a test machine may know no VLANs, so that an
Open vSwitch takes the tag off before the router's leg.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from dvr_fleet import (
    EXTERNAL,
    OUTSIDE,
    Frame,
    Meetings,
    Node,
    captured,
    connect,
    fleet,
    node,
    pings,
    segment,
    unexpected,
    whole_checksums,
)
from dvr_shipped import DATAPATHS, HOSTS, Places, document
from harness import inside, tool

LAB = "lab"
FAR_VLAN = 40
OFF_LINK = "203.0.113.9"
OUTSIDE_LINES = (
    "address add 192.168.100.1/24 dev eth0",
    "address add 2001:db8:64::1/64 dev eth0 nodad",
    f"address add {OFF_LINK}/32 dev lo",
    "route add 2001:db8:18::/64 dev eth0",
)
FAR_LINES = ("address add 198.51.100.1/24 dev far0", "address add 2001:db8:65::1/64 dev far0 nodad")
LAB_LINES = ("address add 192.0.2.1/24 dev lab0",)
ROUTERS_OWN = ("192.168.100.1", "198.51.100.1", "192.0.2.1", OFF_LINK)

# Where each instance is, its address, and as whom everybody outside of its router sees it.
INSTANCES = {
    "web1": ("compute-01", "172.16.18.101", "192.168.100.150"),
    "web2": ("compute-01", "172.16.18.102", "198.51.100.150"),
    "web3": ("compute-02", "172.16.18.103", "192.168.100.20"),
    "web4": ("compute-02", "172.16.18.104", "198.51.100.151"),
    "shop1": ("compute-01", "172.16.18.101", "192.0.2.150"),
    "shop2": ("compute-02", "172.16.18.102", "192.0.2.20"),
    "far1": ("compute-02", "172.16.38.101", "198.51.100.20"),
}
FLOATING = ("web1", "web2", "web4", "shop1")
ROUTED = {"web1": "2001:db8:18::101", "far1": "2001:db8:38::101"}
# What hosts send comes out of these: on the first wire, and on the second.
PORTS = [f"{kind}{index}" for kind in ("ext", "lab") for index in range(len(HOSTS))]
# Whose packets each external network may carry: its own addresses, and those of the instances that it routes to.
ON_WIRE = {
    (EXTERNAL, None): ("192.168.100.0/24", "2001:db8:64::/64", "2001:db8:18::/64"),
    (EXTERNAL, FAR_VLAN): ("198.51.100.0/24", "2001:db8:65::/64", "2001:db8:38::/64"),
    (LAB, None): ("192.0.2.0/24",),
}


def intent(datapath: str) -> dict[str, object]:
    networks = {"web": "web", "shop": "shop", "red": "far1"}
    instances = {
        name: {
            "host": host,
            "network": next(network for network, prefix in networks.items() if name.startswith(prefix)),
            "attach": "veth",
            "addresses": [address, *filter(None, [ROUTED.get(name)])],
            **({"floating_ip": outside} if name in FLOATING else {}),
        }
        for name, (host, address, outside) in INSTANCES.items()
    }
    return {
        "fabric_datapath": datapath,
        "fabric_hosts": {name: {"tunnel": address} for name, address in HOSTS.items()},
        "fabric_snat_hosts": ["network-01"],
        "fabric_providers": {"ext": {"device": "enp7s0"}, "lab": {"device": "enp8s0"}},
        "fabric_external_networks": {
            "ext": {
                "provider": "ext",
                "subnets": ["192.168.100.0/24", "2001:db8:64::/64"],
                "host_addresses": {"compute-01": "192.168.100.254", "compute-02": "192.168.100.253"},
            },
            "far": {
                "provider": "ext",
                "vlan": FAR_VLAN,
                "subnets": ["198.51.100.0/24", "2001:db8:65::/64"],
                "host_addresses": {"compute-01": "198.51.100.254", "compute-02": "198.51.100.253"},
            },
            "lab": {
                "provider": "lab",
                "subnets": ["192.0.2.0/24"],
                "host_addresses": {"compute-01": "192.0.2.254", "compute-02": "192.0.2.253"},
            },
        },
        "fabric_networks": {
            "web": {"subnets": ["172.16.18.0/24", "2001:db8:18::/64"]},
            "shop": {"subnets": ["172.16.18.0/24"]},
            "red": {"subnets": ["172.16.38.0/24", "2001:db8:38::/64"]},
        },
        "fabric_routers": {
            "blue": {"networks": ["web"], "external": ["ext", "far"], "snat": "192.168.100.20"},
            "green": {"networks": ["shop"], "external": "lab", "snat": "192.0.2.20"},
            "red": {"networks": ["red"], "external": "far", "snat": "198.51.100.20"},
        },
        "fabric_security_groups": {
            "default": {"ingress": [{"protocol": "icmp"}, {"protocol": "icmpv6"}, {"protocol": "tcp", "ports": [7777]}]}
        },
        "fabric_instances": instances,
    }


@contextmanager
def behind_a_tag(directory: Path, datapath: str) -> Iterator[None]:
    """The outside machine's leg in the VLAN, by the access port of a switch. In userspace one drops what a host of the
    kernel's datapath leaves to a card to cut into segments."""
    with node("switch", directory) as switch:
        connect(switch, "trunk", EXTERNAL, "tag")
        pid = str(switch.process.pid)
        tool("ip", "link", "add", "access", "netns", pid, "type", "veth", "peer", "far0", "netns", OUTSIDE)
        for device in ("trunk", "access"):
            tool("ip", "link", "set", "dev", device, "up", namespace=switch.home)
        bridge = ("add-br", "br0", "--", "set", "bridge", "br0", f"datapath_type={datapath}")
        ports = ("--", "add-port", "br0", "trunk", "--", "add-port", "br0", "access", f"tag={FAR_VLAN}")
        tool("ovs-vsctl", f"--db=unix:{directory / 'ovs' / 'db.sock'}", "--timeout=10", *bridge, *ports)
        yield


@pytest.fixture(scope="module", params=DATAPATHS)
def datapath(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def nodes(
    _namespace_directory: None, tmp_path_factory: pytest.TempPathFactory, datapath: str
) -> Iterator[dict[str, Node]]:
    directory = tmp_path_factory.mktemp("dvr")
    with fleet(directory, HOSTS, OUTSIDE_LINES) as found, behind_a_tag(directory / "switch", datapath):
        segment(LAB)
        for index, own in enumerate(found.values()):
            connect(own, "enp8s0", LAB, f"lab{index}")
        tool("ip", "link", "add", "outside-lab", "type", "veth", "peer", "lab0", "netns", OUTSIDE)
        tool("ip", "link", "set", "dev", "outside-lab", "master", LAB, "up")
        for line in ("link set dev far0 up", "link set dev lab0 up", *FAR_LINES, *LAB_LINES):
            tool("ip", *line.split(), namespace=OUTSIDE)
        tool("ip", "route", "add", "2001:db8:38::/64", "dev", "far0", namespace=OUTSIDE)
        tool("sysctl", "-qw", "net.ipv4.ip_forward=1", namespace=OUTSIDE)
        for device in ("eth0", "far0", "lab0"):
            whole_checksums(OUTSIDE, device)
        for name, own in found.items():
            own.apply(document(intent(datapath), name))
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Places:
    own = {name: nodes[host].namespace(name) for name, (host, *_rest) in INSTANCES.items()}
    return {**own, OUTSIDE: OUTSIDE}


def out(names: tuple[str, ...] = tuple(INSTANCES)) -> Meetings:
    return {(name, OUTSIDE, address): INSTANCES[name][2] for name in names for address in ROUTERS_OWN}


def into_floating_ips() -> Meetings:
    """The physical router comes from its own leg there; instances by way of it, with their addresses outside."""
    own = {"192.168.100": "192.168.100.1", "198.51.100": "198.51.100.1", "192.0.2": "192.0.2.1"}
    found: Meetings = {}
    for target in FLOATING:
        address = INSTANCES[target][2]
        found[OUTSIDE, target, address] = own[address.rpartition(".")[0]]
        found.update({(source, target, address): INSTANCES[source][2] for source in INSTANCES})
    return found


def routed() -> Meetings:
    legs = {"web1": "2001:db8:64::1", "far1": "2001:db8:65::1"}
    found: Meetings = {(OUTSIDE, name, address): legs[name] for name, address in ROUTED.items()}
    return {**found, **{(name, OUTSIDE, legs[name]): address for name, address in ROUTED.items()}}


def test_out_by_the_external_network_of_the_floating_ip_or_of_the_router(places: Places) -> None:
    assert unexpected(places, out()) == {}


def test_in_by_the_external_network_of_the_floating_ip(places: Places) -> None:
    assert unexpected(places, into_floating_ips()) == {}


def test_ipv6_by_the_first_external_network_of_the_router(places: Places) -> None:
    assert unexpected(places, routed()) == {}


def test_within_the_router_they_see_each_other_as_themselves(places: Places) -> None:
    web = [name for name in INSTANCES if name.startswith("web")]
    expected: Meetings = {
        (one, other, INSTANCES[other][1]): INSTANCES[one][1] for one in web for other in web if one != other
    }
    assert unexpected(places, expected) == {}


def test_floating_ips_are_answered_for_in_their_own_external_network_only(places: Places) -> None:
    def answered(device: str, address: str) -> bool:
        return tool("arping", "-c1", "-w1", "-I", device, address, namespace=OUTSIDE, check=False).returncode == 0

    homes = {"eth0": ("web1",), "far0": ("web2", "web4"), "lab0": ("shop1",)}
    pairs = [(device, name) for device in homes for name in FLOATING]
    with ThreadPoolExecutor(len(pairs)) as pool:
        found = dict(zip(pairs, pool.map(lambda pair: answered(pair[0], INSTANCES[pair[1]][2]), pairs), strict=True))
    assert found == {(device, name): name in homes[device] for device, name in pairs}


def sender(frame: Frame) -> str:
    """The address that a frame comes from; empty where it has none that is somebody's."""
    if frame.ethertype == 0x0806:
        return str(ip_address(frame.data[28:32]))
    if frame.ethertype == 0x0800:
        return str(ip_address(frame.data[26:30]))
    if frame.ethertype == 0x86DD:
        source = ip_address(frame.data[22:38])
        return "" if source.is_link_local or source.is_unspecified else str(source)
    return ""


def test_nothing_of_one_external_network_is_in_another(places: Places) -> None:
    with captured(PORTS) as frames:
        # Nobody remembers who is where, so that they ask for it once more.
        tool("ip", "neighbour", "flush", "all", namespace=OUTSIDE)
        for source, _target, address in {**out(), **into_floating_ips(), **routed()}:
            assert pings(places[source], address)
    wires: dict[tuple[str, int | None], list[Frame]] = {}
    for frame in frames:
        wires.setdefault((LAB if frame.port.startswith("lab") else EXTERNAL, frame.vlan), []).append(frame)
    assert wires.keys() == ON_WIRE.keys()
    macs: dict[str, tuple[str, int | None]] = {}
    for wire, own in wires.items():
        allowed = [ip_network(subnet) for subnet in ON_WIRE[wire]]
        senders = {address for frame in own if (address := sender(frame))}
        strangers = {one for one in senders if not any(ip_address(one) in subnet for subnet in allowed)}
        assert (wire, strangers) == (wire, set())
        expected = {seen for _host, _address, seen in INSTANCES.values()} | {*ROUTED.values()}
        assert senders >= {one for one in expected if any(ip_address(one) in subnet for subnet in allowed)}
        for frame in own:
            assert macs.setdefault(frame.source, wire) == wire


MARK, TEST_FRAMES = b"seen on one wire", 0x88B5


@contextmanager
def noise(devices: Sequence[str]) -> Iterator[Callable[[], int]]:
    """Frames to everybody from outside, without a tag and with those of networks; so far, and how many."""
    ended, sent = threading.Event(), 0
    headers = [b"", *(struct.pack("!HH", 0x8100, vlan) for vlan in (1, FAR_VLAN))]
    data = [b"\xff" * 6 + b"\x02\0\0\0\0\x99" + tag + struct.pack("!H", TEST_FRAMES) + MARK * 4 for tag in headers]

    def work() -> None:
        nonlocal sent
        while not ended.wait(0.005):
            for own in sockets:
                for frame in data:
                    sent += own.send(frame) > 0

    with inside(OUTSIDE):
        sockets = [socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _device in devices]
        for own, device in zip(sockets, devices):
            own.bind((device, 0))
    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield lambda: sent
    finally:
        ended.set()
        worker.join()
        for own in sockets:
            own.close()


def bridge_modes(own: Node) -> dict[str, str]:
    database = f"--db=unix:{own.directory / 'ovs' / 'db.sock'}"
    words = ("--format=csv", "--no-headings", "--columns=name,fail_mode", "list", "Bridge")
    return dict(line.split(",") for line in tool("ovs-vsctl", database, *words).stdout.split())


@pytest.mark.parametrize("how", ["flows are deleted", "switches are restarted"])
def test_nothing_gets_from_wire_to_wire_without_flows(
    nodes: dict[str, Node], places: Places, datapath: str, how: str
) -> None:
    """The bridges of both physical networks have a patch to br-int, which must not make one network of them."""
    try:
        with captured(PORTS) as frames, noise(["eth0", "lab0"]) as sent:
            time.sleep(0.2)
            for own in nodes.values():
                if how == "flows are deleted":
                    own.ofctl("del-flows")
                else:
                    own.restart_switch()
            assert [own.ofctl("dump-flows", "--no-stats").count("actions=") for own in nodes.values()] == [0, 0, 0]
            without = sent()
            time.sleep(1)
            assert sent() - without > 50
        for own in nodes.values():
            modes = bridge_modes(own)
            assert len(modes) == 3 and modes["br-int"] == "secure"
        assert [(frame.port, frame.vlan) for frame in frames if MARK in frame.data] == []
    finally:
        for name, own in nodes.items():
            own.run(document(intent(datapath), name))
    assert unexpected(places, out(("web2", "shop1"))) == {}
