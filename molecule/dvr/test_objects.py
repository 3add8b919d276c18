# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The objects of a compute host one by one: read back with the ordinary tools, followed by traces, and repaired."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from applied import Documents
from drawing import INSTANCES, pinged
from fleet import MOLECULE, Fleet

sys.path.insert(0, str(MOLECULE / "shared"))
from test_teardown import differences

HOST = "compute-01"
OTHER = "compute-02"


def read(fleet: Fleet, namespace: str, *words: str) -> list[dict[str, Any]]:
    """What `ip` tells as JSON, in a namespace of compute-01."""
    place = ["-n", namespace] if namespace else []
    return list(json.loads(fleet.output(HOST, "ip", "-j", *place, *words) or "[]"))


def addresses(fleet: Fleet, namespace: str) -> dict[str, set[str]]:
    """The addresses of each device, without those that the kernel makes."""
    return {
        link["ifname"]: {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] != "link"}
        | {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["local"].startswith("169.254.")}
        for link in read(fleet, namespace, "address", "show")
        if link["ifname"] != "lo"
    }


def routes(fleet: Fleet, namespace: str, *table: str) -> set[tuple[str, str, str]]:
    """Destination, next hop and device of each route, without those that come with addresses; a table's are IPv4."""
    found = read(fleet, namespace, "route", "show", *table)
    if not table:
        found += read(fleet, namespace, "-6", "route", "show")
    return {
        (route["dst"], route.get("gateway", ""), route["dev"]) for route in found if route.get("protocol") != "kernel"
    }


def test_the_namespaces_of_the_drawing(fleet: Fleet) -> None:
    assert set(fleet.output(HOST, "ls", "/run/netns").split()) == {
        *("router-ns", "router-green", "fip-ns"),
        *(name for name, each in INSTANCES.items() if each.host == HOST and name != "vm1"),
    }


def test_the_router_of_the_drawing(fleet: Fleet) -> None:
    assert addresses(fleet, "router-ns") == {
        "qr-web": {"172.16.18.1/24", "2001:db8:18::1/64"},
        "qr-db": {"172.16.19.1/24", "2001:db8:19::1/64"},
        "rfp-blue": {"169.254.31.238/31"},
    }
    rules = {(rule["priority"], rule["src"], rule["table"]) for rule in read(fleet, "router-ns", "rule", "show")}
    # The table of a subnet without floating IPs is its router's address as a number.
    web, db = str(0xAC101201), str(0xAC101301)
    assert rules == {
        (0, "all", "local"),
        (32766, "all", "main"),
        (32767, "all", "default"),
        (33000, "172.16.18.100", "16"),
        (40000, "172.16.18.0", web),
        (40000, "172.16.19.0", db),
    }
    assert routes(fleet, "router-ns", "table", "16") == {("default", "169.254.31.239", "rfp-blue")}
    assert routes(fleet, "router-ns", "table", web) == {("default", "172.16.18.254", "qr-web")}
    assert routes(fleet, "router-ns", "table", db) == {("default", "172.16.19.254", "qr-db")}
    (main,) = routes(fleet, "router-ns")
    assert main[0] == "default" and main[1].startswith("fe80::") and main[2] == "rfp-blue"


def test_the_floating_ip_namespace_of_the_drawing(fleet: Fleet) -> None:
    found = addresses(fleet, "fip-ns")
    assert found["fg-ext"] == {"192.168.100.254/24", "2001:db8:64::254/64"}
    assert found["fpr-blue"] == {"169.254.31.239/31"}
    assert found.keys() == {"fg-ext", "fpr-blue", "fpr-green"}
    (green,) = read(fleet, "router-green", "-4", "address", "show", "dev", "rfp-green")[0]["addr_info"]
    ways = {route for route in routes(fleet, "fip-ns") if ":" not in route[0] + route[1]}
    assert ways == {
        ("default", "192.168.100.1", "fg-ext"),
        ("192.168.100.150", "169.254.31.238", "fpr-blue"),
        ("192.168.100.160", green["local"], "fpr-green"),
    }
    routed = {route[0]: route[2] for route in routes(fleet, "fip-ns") if ":" in route[0] + route[1]}
    local = {each.ipv6: f"fpr-{each.tenant}" for each in INSTANCES.values() if each.host == HOST}
    assert routed == {"default": "fg-ext", **local}
    answered = {(each["dst"], each["dev"]) for each in read(fleet, "fip-ns", "neighbour", "show", "proxy")}
    answered |= {(each["dst"], each["dev"]) for each in read(fleet, "fip-ns", "-6", "neighbour", "show", "proxy")}
    assert answered == {(address, "fg-ext") for address in ("192.168.100.150", "192.168.100.160", *local)}


def test_both_ends_of_the_pair_know_each_other(fleet: Fleet) -> None:
    for place, link, other, other_link, address in (
        ("router-ns", "rfp-blue", "fip-ns", "fpr-blue", "169.254.31.239"),
        ("fip-ns", "fpr-blue", "router-ns", "rfp-blue", "169.254.31.238"),
    ):
        mac = read(fleet, other, "link", "show", "dev", other_link)[0]["address"]
        known = {
            each["dst"]: each["lladdr"]
            for each in read(fleet, place, "neighbour", "show", "dev", link, "nud", "permanent")
        }
        assert known[address] == mac
        assert set(known.values()) == {mac} and len(known) == 2


def test_the_translation_of_the_drawing(fleet: Fleet) -> None:
    text = fleet.output(HOST, "ip", "netns", "exec", "router-ns", "nft", "list", "table", "ip", "hostnet.dvr.nat")
    words = " ".join(text.split())
    assert re.search(r"map floating_in { [^{}]*elements = { 192\.168\.100\.150 : 172\.16\.18\.100 } }", words)
    assert re.search(r"map floating_out { [^{}]*elements = { 172\.16\.18\.100 : 192\.168\.100\.150 } }", words)
    assert 'iifname "rfp-blue" dnat to ip daddr map @floating_in' in words
    assert 'oifname "rfp-blue" snat to ip saddr map @floating_out' in words


def test_the_bridges_and_ports_of_the_drawing(fleet: Fleet) -> None:
    vsctl = ["ovs-vsctl", "--format=json", "--columns=name,fail_mode,datapath_type", "list", "Bridge"]
    rows = json.loads(fleet.output(HOST, *vsctl))["data"]
    assert sorted(rows) == [["br-ex", "standalone", "netdev"], ["br-int", "secure", "netdev"]]
    assert fleet.output(HOST, "ovs-vsctl", "list-ports", "br-ex").split() == ["enp7s0", "vhost-br-ex", "vport-br-ex"]
    ports = set(fleet.output(HOST, "ovs-vsctl", "list-ports", "br-int").split())
    assert ports >= {"vport-router", "vport-fip", "vport-br-int", "vport-blue-db", "tap-vm1", "veth-web2", "vx-web"}
    assert len(ports) == 14
    for port, peer in (("vport-br-int", "vport-br-ex"), ("vport-br-ex", "vport-br-int")):
        assert fleet.output(HOST, "ovs-vsctl", "get", "Interface", port, "type", "options:peer").split() == [
            "patch",
            json.dumps(peer) if '"' in peer else peer,
        ]


def test_mtu_and_mac_addresses_of_the_devices(fleet: Fleet) -> None:
    sizes = {
        (namespace, link["ifname"]): link["mtu"]
        for namespace in ("", "router-ns", "router-green", "fip-ns")
        for link in read(fleet, namespace, "link", "show")
        if link["ifname"] not in ("lo", "ovs-netdev", "br-int", "br-ex", "eth0")
    }
    assert {size for _device, size in sizes.items()} == {1450, 1500}
    wide = {device for (_namespace, device), size in sizes.items() if size == 1500}
    assert wide == {
        *("enp7s0", "host-br-ex", "vhost-br-ex", "vport-fip", "fg-ext", "veth-store1"),
        *("rfp-blue", "fpr-blue", "rfp-green", "fpr-green", "qr-store"),
        *(
            link["ifname"]
            for link in read(fleet, "", "link", "show")
            if "-gr-" in link["ifname"] and link["mtu"] == 1500
        ),
    }
    (tap,) = read(fleet, "", "link", "show", "dev", "tap-vm1")
    assert tap["address"] == "fe:54:00:00:18:64"


def test_tunnels_know_where_everybody_is(fleet: Fleet) -> None:
    entries = json.loads(fleet.output(HOST, "bridge", "-j", "fdb", "show", "dev", "vx-web"))
    permanent = {(entry["mac"], entry["dst"]) for entry in entries if entry.get("state") == "permanent"}
    movable = {(entry["mac"], entry["dst"]) for entry in entries if "extern_learn" in entry["flags"]}
    flood = {("00:00:00:00:00:00", dst) for dst in ("10.20.0.12", "10.20.0.21", "10.20.0.22")}
    macs = [fleet.output(name, "cat", "/sys/class/net/eth0/address").strip() for name in ("web3", "web4")]
    assert permanent == flood
    assert movable == {(mac, "10.20.0.12") for mac in macs}


TABLES = {
    *(0, 10, 15, 16, 17, 20, 30, 40, 50, 51, 52, 60, 61, 70, 80, 81),
}


def flows(fleet: Fleet, *options: str) -> list[str]:
    text = fleet.output(
        HOST, "ovs-ofctl", "-O", "OpenFlow14", "--names", "--no-stats", *options, "dump-flows", "br-int"
    )
    return [line.strip() for line in text.splitlines() if "actions=" in line]


def test_flows_are_ours_and_drop_what_no_other_takes(fleet: Fleet) -> None:
    found = flows(fleet)
    assert {int(re.search(r"table=(\d+)", f"table=0 {flow}"[8 * ("table=" in flow) :])[1]) for flow in found} <= TABLES  # type: ignore[index]
    assert all(flow.startswith("cookie=0x68") for flow in found)
    assert any("priority=0 actions=drop" in flow and "table=" not in flow for flow in found)


class Trace:
    """Where `ofproto/trace` says that a packet goes which begins at a port of br-int."""

    def __init__(self, fleet: Fleet, packet: str) -> None:
        words = [
            "ovs-appctl",
            "ofproto/trace",
            "--names",
            "br-int",
            packet,
            "--ct-next",
            "trk,new",
            "--ct-next",
            "trk,new",
        ]
        self.text = fleet.output(HOST, *words)
        self.actions = re.findall(r"^Datapath actions: (.*)$", self.text, re.MULTILINE)
        assert self.actions, self.text

    def goes_to(self, *ports: str) -> bool:
        """Whether it leaves by these ports and no others, all recirculations taken together."""
        return self.ports == set(ports)

    @property
    def ports(self) -> set[str]:
        words = re.split(r",(?![^(]*\))", ",".join(self.actions))
        return {word for word in words if re.fullmatch(r"[a-z][\w.-]*", word) and word not in ("drop", "pop_vlan")}

    @property
    def source(self) -> str:
        """The MAC address that it is given as its sender's, empty where that stays."""
        found = re.findall(r"set\(eth\(src=([0-9a-f:]{17})", ",".join(self.actions))
        return found[-1] if found else ""


def mac(fleet: Fleet, instance: str) -> str:
    return fleet.output(instance, "cat", "/sys/class/net/eth0/address").strip()


def leg_mac(fleet: Fleet, namespace: str, device: str) -> str:
    return str(read(fleet, namespace, "link", "show", "dev", device)[0]["address"])


def dvr_macs(fleet: Fleet) -> dict[str, str]:
    """The address under which each compute host routes, out of its flows."""
    found = {}
    for host in (HOST, OTHER):
        text = fleet.output(host, "ovs-ofctl", "-O", "OpenFlow14", "dump-flows", "br-int", "table=60")
        (found[host],) = set(re.findall(r"set_field:(5a:d0:[0-9a-f:]{11})->eth_src", text))
    return found


@pytest.fixture(scope="module")
def hosts_macs(fleet: Fleet) -> dict[str, str]:
    return dvr_macs(fleet)


def icmp(**fields: str) -> str:
    return ",".join(["icmp,icmp_type=8,icmp_code=0,nw_ttl=64", *(f"{key}={value}" for key, value in fields.items())])


def test_what_another_host_has_routed_comes_from_the_gateway(fleet: Fleet, hosts_macs: dict[str, str]) -> None:
    ends = {"nw_src": "172.16.19.11", "nw_dst": "172.16.18.101"}
    trace = Trace(fleet, icmp(in_port="vx-web", dl_src=hosts_macs[OTHER], dl_dst=mac(fleet, "web2"), **ends))
    assert trace.goes_to("veth-web2"), trace.text
    assert trace.source == leg_mac(fleet, "router-ns", "qr-web")


def test_the_same_on_a_vlan_and_without_its_tag(fleet: Fleet, hosts_macs: dict[str, str]) -> None:
    ends = {"nw_src": "172.16.18.101", "nw_dst": "172.16.19.10"}
    sender = {"in_port": "vport-br-int", "dl_vlan": "30", "dl_src": hosts_macs[OTHER]}
    trace = Trace(fleet, icmp(**sender, dl_dst=mac(fleet, "store1"), **ends))
    assert trace.goes_to("veth-store1"), trace.text
    assert trace.source == leg_mac(fleet, "router-green", "qr-store")
    assert "pop_vlan" in trace.actions[0]


def test_what_is_routed_here_leaves_under_this_host_s_address(fleet: Fleet, hosts_macs: dict[str, str]) -> None:
    sender = {"in_port": "vport-router", "dl_src": leg_mac(fleet, "router-ns", "qr-web")}
    trace = Trace(fleet, icmp(**sender, dl_dst=mac(fleet, "web3"), nw_src="172.16.19.10", nw_dst="172.16.18.102"))
    assert trace.goes_to("vx-web"), trace.text
    assert trace.source == hosts_macs[HOST]


def test_what_is_for_the_gateway_goes_to_the_router_here(fleet: Fleet) -> None:
    sender = {"in_port": "veth-web2", "dl_src": mac(fleet, "web2"), "nw_src": "172.16.18.101"}
    trace = Trace(fleet, icmp(**sender, dl_dst=leg_mac(fleet, "router-ns", "qr-web"), nw_dst="172.16.19.10"))
    assert trace.goes_to("vport-router"), trace.text


def test_who_is_unknown_is_looked_for_on_other_hosts_only(fleet: Fleet) -> None:
    sender = {"in_port": "veth-web2", "dl_src": mac(fleet, "web2"), "nw_src": "172.16.18.101"}
    trace = Trace(fleet, icmp(**sender, dl_dst="02:00:00:00:00:99", nw_dst="172.16.18.99"))
    assert trace.goes_to("vx-web"), trace.text


def test_what_comes_from_outside_never_goes_out_again(fleet: Fleet) -> None:
    sender = {"in_port": "vx-web", "dl_src": mac(fleet, "web3"), "nw_src": "172.16.18.102"}
    unknown = Trace(fleet, icmp(**sender, dl_dst="02:00:00:00:00:99", nw_dst="172.16.18.99"))
    assert unknown.goes_to(), unknown.text
    everybody = Trace(fleet, icmp(**sender, dl_dst="ff:ff:ff:ff:ff:ff", nw_dst="255.255.255.255"))
    assert not everybody.ports & {"vx-web", "vx-db", "vx-shop", "enp7s0", "veth-shop1", "veth-db1"}, everybody.text


@pytest.mark.parametrize(
    "packet",
    [
        "in_port=vx-web,arp,arp_op=1,arp_spa=172.16.18.102,arp_tpa=172.16.18.1,dl_src={web3},dl_dst=ff:ff:ff:ff:ff:ff",
        "in_port=vx-web,arp,arp_op=2,arp_spa=172.16.18.1,arp_tpa=172.16.18.101,dl_src={web3},dl_dst={web2}",
        "in_port=vx-web,icmp6,icmpv6_type=134,icmpv6_code=0,dl_src={web3},dl_dst=33:33:00:00:00:01",
        "in_port=vx-web,icmp,icmp_type=8,dl_src={gateway},dl_dst={web2},nw_src=172.16.19.11,nw_dst=172.16.18.101",
        "in_port=veth-web2,icmp6,icmpv6_type=134,icmpv6_code=0,dl_src={web2},dl_dst=33:33:00:00:00:01,ipv6_src=fe80::1",
        "in_port=veth-web2,arp,arp_op=2,arp_spa=172.16.18.1,arp_tpa=172.16.18.100,arp_sha={web2},dl_src={web2},"
        "dl_dst=52:54:00:00:18:64",
        "in_port=veth-web2,icmp,icmp_type=8,dl_src={web2},dl_dst={gateway},nw_src=172.16.18.100,nw_dst=172.16.19.10",
        "in_port=veth-web2,icmp,icmp_type=8,dl_src={web3},dl_dst={gateway},nw_src=172.16.18.101,nw_dst=172.16.19.10",
        "in_port=veth-web2,icmp,icmp_type=8,dl_src={gateway},dl_dst={web3},nw_src=172.16.18.101,nw_dst=172.16.18.102",
        "in_port=vx-web,tcp,tcp_dst=22,dl_src={web3},dl_dst=52:54:00:00:18:64,nw_src=172.16.18.102,nw_dst=172.16.18.100",
    ],
)
def test_lies_and_what_no_rule_lets_in_are_dropped(fleet: Fleet, packet: str) -> None:
    macs = {"gateway": leg_mac(fleet, "router-ns", "qr-web"), "web2": mac(fleet, "web2"), "web3": mac(fleet, "web3")}
    trace = Trace(fleet, packet.format(**macs))
    assert trace.goes_to(), trace.text


# The largest packet that goes each way: the smallest MTU on it, 50 bytes less than the underlay's in a tunnel.
SIZES = [
    ("web2", "172.16.18.103", 1450),
    ("web2", "172.16.19.10", 1450),
    ("web2", "172.16.19.11", 1450),
    ("web2", "2001:db8:19::11", 1450),
    ("store1", "172.16.19.11", 1500),
    ("store1", "2001:db8:29::11", 1500),
    ("shop2", "172.16.19.10", 1450),
    ("store2", "172.16.18.100", 1450),
    ("store2", "2001:db8:28::100", 1450),
    ("web3", "203.0.113.9", 1450),
    ("web4", "203.0.113.9", 1450),
    ("store2", "203.0.113.9", 1500),
    ("store1", "203.0.113.9", 1500),
    ("store1", "2001:db8:cb::9", 1500),
    ("web3", "192.168.100.150", 1450),
    ("store2", "192.168.100.160", 1450),
    ("internet", "192.168.100.161", 1500),
    ("internet", "192.168.100.152", 1450),
    ("internet", "2001:db8:18::102", 1450),
    ("internet", "2001:db8:29::11", 1500),
]


@pytest.mark.parametrize(("client", "address", "mtu"), SIZES)
def test_packets_of_the_mtu_pass_and_no_larger_ones(fleet: Fleet, client: str, address: str, mtu: int) -> None:
    headers = 48 if ":" in address else 28
    for size in (576 if headers == 28 else 1280, mtu - 1, mtu):
        assert fleet.pings(client, address, "-M", "do", "-s", str(size - headers)), size
    for size in (mtu + 1, mtu + 50, 9000):
        assert not fleet.pings(client, address, "-M", "do", "-s", str(size - headers)), size


@pytest.fixture(scope="module")
def documents(fleet: Fleet, tmp_path_factory: pytest.TempPathFactory) -> Documents:
    return Documents(fleet, tmp_path_factory.mktemp("documents"))


def settled(fleet: Fleet, host: str) -> Any:
    """A host's snapshot without what depends on when something was made, and with the tunnels' own entries."""
    found = json.loads(fleet.output(host, "python3", "-", stdin=(MOLECULE / "shared/snapshot.py").read_text()))
    rows = json.loads(fleet.output(host, "ovs-vsctl", "-f", "json", "--columns=ofport,name", "list", "Interface"))
    own = fleet.on(host, "ovs-vsctl", "list-ports", "br-int").stdout.split()
    names = {str(number): name for number, name in rows["data"] if name in own}
    flows = found["Open vSwitch"].get("dump-flows br-int", ())
    found["Open vSwitch"]["dump-flows br-int"] = sorted(named(flow, names) for flow in flows)
    entries = json.loads(fleet.output(host, "bridge", "-j", "fdb", "show"))
    kept = [entry for entry in entries if entry.get("state") == "permanent" or "extern_learn" in entry["flags"]]
    tunnels = [entry for entry in kept if "dst" in entry]
    found["tunnels"] = sorted(f"{entry['ifname']} {entry['mac']} {entry['dst']}" for entry in tunnels)
    return without_chance(found)


def named(flow: str, names: dict[str, str]) -> str:
    """A flow with names for the numbers of ports, which get new ones when they are made again."""

    def name(number: str) -> str:
        return names.get(str(int(number, 0)), number)

    flow = re.sub(r"\b(in_port=|output:)(\d+)\b", lambda match: match[1] + name(match[2]), flow)
    flow = re.sub(r"set_field:(0x[0-9a-f]+)->reg0", lambda match: f"set_field:{name(match[1])}->reg0", flow)
    flow = re.sub(r"\breg0=(0x[0-9a-f]+)", lambda match: f"reg0={name(match[1])}", flow)
    # One action for each local port of a network, in any order.
    head, _equals, actions = flow.partition("actions=")
    return f"{head}actions={sorted(re.split(r',(?![^(]*[)])', actions))}" if "resubmit(,50)" in actions else flow


def without_chance(value: Any) -> Any:
    """MAC addresses that nobody has chosen, and what a device has from the moment in which it was made."""
    if isinstance(value, list):
        return [without_chance(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: without_chance(item) for key, item in value.items() if not key.endswith(".accept_dad")}
    if re.match(r"(br-int|vx-|vport-|vhost-)", str(kept.get("ifname"))):
        kept = {key: item for key, item in kept.items() if key not in ("address", "permaddr")}
    return kept


def eventually_same(fleet: Fleet, host: str, before: Any) -> None:
    for _try in range(5):
        found = "\n".join(differences("", before, settled(fleet, host)))
        if not found:
            break
        time.sleep(1)
    assert found == ""


# What is taken away underneath, with which commands, and of which kinds what comes again is.
TAKEN = {
    "address of a router": ("ip -n router-ns address delete 172.16.18.1/24 dev qr-web", {"address", "route"}),
    "IPv6 address of a router": ("ip -n router-ns address delete 2001:db8:18::1/64 dev qr-web", {"address"}),
    "address of the host outside": (
        "ip -n fip-ns address delete 192.168.100.254/24 dev fg-ext",
        {"address", "route", "neighbour"},
    ),
    "way to a floating IP": ("ip -n fip-ns route delete 192.168.100.150", {"route"}),
    "way to a routed address": ("ip -n fip-ns -6 route delete 2001:db8:18::100", {"route"}),
    "table of floating IPs": ("ip -n router-ns route flush table 16", {"route"}),
    "IPv6 default": ("ip -n router-ns -6 route delete default", {"route"}),
    "rule of a floating IP": ("ip -n router-ns rule delete from 172.16.18.100", {"rule"}),
    "rule of a subnet": ("ip -n router-ns rule delete from 172.16.18.0/24", {"rule"}),
    "who answers for a floating IP": ("ip -n fip-ns neigh delete proxy 192.168.100.150 dev fg-ext", {"neighbour"}),
    "who answers for IPv6": ("ip -n fip-ns neigh delete proxy 2001:db8:18::100 dev fg-ext", {"neighbour"}),
    "neighbour of the pair": ("ip -n router-ns neigh delete 169.254.31.239 dev rfp-blue", {"neighbour"}),
    "translation": ("ip netns exec router-ns nft delete table ip hostnet.dvr.nat", {"nft_table"}),
    "an element": (
        "ip netns exec router-ns nft delete element ip hostnet.dvr.nat floating_in { 192.168.100.150 }",
        {"nft_table"},
    ),
    "filter": ("ip netns exec router-ns nft flush chain ip hostnet.dvr.filter forward", {"nft_table"}),
    "IPv6 filter": ("ip netns exec router-ns nft flush chain ip6 hostnet.dvr.filter forward", {"nft_table"}),
    "forwarding": ("ip netns exec router-ns sysctl -q -w net.ipv4.ip_forward=0", {"sysctl"}),
    "a table of flows": ("ovs-ofctl -O OpenFlow14 del-flows br-int table=40", {"openflow"}),
    "all flows": ("ovs-ofctl -O OpenFlow14 del-flows br-int", {"openflow"}),
    "one flow": ("ovs-ofctl -O OpenFlow14 del-flows br-int table=60,reg2=0x1", {"openflow"}),
    "a changed flow": (
        "ovs-ofctl -O OpenFlow14 mod-flows --strict br-int table=60,priority=110,reg2=0x1,actions=goto_table:61",
        {"openflow"},
    ),
    "router's port": ("ovs-vsctl del-port br-int vport-router", {"ovs_port", "openflow"}),
    "instance's port": ("ovs-vsctl del-port br-int veth-web2", {"ovs_port", "openflow"}),
    "patch": ("ovs-vsctl del-port br-int vport-br-int", {"ovs_port", "openflow"}),
    "router's leg": (
        "ip -n router-ns link delete qr-web",
        {"link", "address", "route", "neighbour", "sysctl", "offload", "ovs_port", "openflow"},
    ),
    "pair": ("ip -n router-ns link delete rfp-blue", {"link", "address", "route", "neighbour", "sysctl", "offload"}),
    "tunnel": ("ip link delete vx-db", {"link", "fdb", "sysctl", "ovs_port", "openflow"}),
    "entry of a tunnel": ("bridge fdb delete {web3} dev vx-web dst 10.20.0.12", {"fdb"}),
    "container's cable": (
        "ip link delete veth-db1",
        {"link", "address", "route", "sysctl", "offload", "ovs_port", "openflow"},
    ),
    "MTU": ("ip -n router-ns link set qr-web mtu 1400", {"link"}),
    "MAC address": ("ip -n router-ns link set qr-web address 02:00:00:00:00:77", {"link", "neighbour"}),
    "router": (
        "ip netns delete router-green",
        {
            "namespace",
            "link",
            "address",
            "route",
            "rule",
            "neighbour",
            "sysctl",
            "offload",
            "nft_table",
            "ovs_port",
            "openflow",
        },
    ),
    "floating-IP namespace": (
        "ip netns delete fip-ns",
        {
            "namespace",
            "link",
            "address",
            "route",
            "neighbour",
            "sysctl",
            "offload",
            "nft_table",
            "ovs_port",
            "openflow",
        },
    ),
    "br-int": ("ovs-vsctl del-br br-int", {"ovs_bridge", "ovs_port", "openflow"}),
}


# What is taken away at once, since it does not touch each other: a run takes its time.
TOGETHER = (
    (
        "IPv6 address of a router",
        "table of floating IPs",
        "IPv6 default",
        "rule of a floating IP",
        "rule of a subnet",
        "neighbour of the pair",
        "an element",
        "filter",
        "IPv6 filter",
        "forwarding",
        "way to a floating IP",
        "way to a routed address",
        "who answers for a floating IP",
        "who answers for IPv6",
    ),
    ("address of a router", "address of the host outside", "all flows"),
    ("a table of flows", "a changed flow", "tunnel"),
    ("router's port", "instance's port", "patch", "MTU"),
    ("container's cable", "MAC address", "entry of a tunnel"),
    ("translation", "one flow", "pair"),
)
ALONE = [(name,) for name in TAKEN if not any(name in names for names in TOGETHER)]


@pytest.mark.parametrize("names", [*TOGETHER, *ALONE], ids=", ".join)
def test_what_is_taken_away_comes_again_and_nothing_else_is_touched(
    fleet: Fleet, documents: Documents, names: tuple[str, ...]
) -> None:
    before = settled(fleet, HOST)
    left, kinds = before, set[str]()
    for name in names:
        command, own = TAKEN[name]
        fleet.output(HOST, *command.replace("{web3}", mac(fleet, "web3")).split())
        found = settled(fleet, HOST)
        assert differences("", left, found), name
        left, kinds = found, kinds | own
    made = documents.apply(HOST)[HOST]
    assert {kind for _action, kind, _namespace, _name in made} <= kinds
    assert all(action != "remove" for action, *_rest in made)
    # Open vSwitch takes a device up again a moment after it has come.
    eventually_same(fleet, HOST, before)
    assert works(fleet)


def test_a_meter_comes_again(fleet: Fleet, documents: Documents) -> None:
    """Those of the instance with a limit are on the other host."""
    before = settled(fleet, OTHER)
    fleet.output(OTHER, "ovs-ofctl", "-O", "OpenFlow13", "del-meters", "br-int")
    assert {kind for _action, kind, *_rest in documents.apply(OTHER)[OTHER]} <= {"meter", "openflow"}
    eventually_same(fleet, OTHER, before)
    assert pinged(fleet, "web4", ["172.16.18.101"]) == {"172.16.18.101"}


def works(fleet: Fleet) -> bool:
    """Each kind of path that leads through compute-01, in one look."""
    from_web2: Iterable[str] = ("172.16.18.103", "172.16.19.10", "2001:db8:19::11", "203.0.113.9", "192.168.100.152")
    found = pinged(fleet, "web2", list(from_web2)) == set(from_web2)
    from_outside = ("192.168.100.150", "192.168.100.160", "2001:db8:18::101")
    found = found and pinged(fleet, "internet", list(from_outside)) == set(from_outside)
    return found and pinged(fleet, "store1", ["172.16.19.11", "172.16.18.101"]) == {"172.16.19.11", "172.16.18.101"}


def test_a_plan_that_is_checked_is_the_one_that_is_made(fleet: Fleet, documents: Documents, tmp_path: Path) -> None:
    """All instances of this host go, and everything with them, and come again: `apply` compares the two."""
    assert len(Documents(fleet, tmp_path, {"fabric_instances": {}}).apply(HOST)[HOST]) > 100
    assert len(documents.apply(HOST)[HOST]) > 100
    assert documents.apply(HOST)[HOST] == []
