# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes say what packets do: a bridge with two containers, and an outside peer beyond a narrower link."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import Any

import pytest
from harness import Machine, inside, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import ProbesError, Result, parse
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.run import Runner

HOST4, C1_4, C2_4, OUTSIDE4, NOBODY4 = "192.0.2.1", "192.0.2.11", "192.0.2.12", "198.51.100.2", "192.0.2.99"
HOST6, C1_6, C2_6, OUTSIDE6, NOBODY6 = (
    "2001:db8:1::1",
    "2001:db8:1::11",
    "2001:db8:1::12",
    "2001:db8:2::2",
    "2001:db8:1::99",
)
UPLINK4, UPLINK6 = "198.51.100.1", "2001:db8:2::1"
C1_MAC, C2_MAC = "52:54:00:00:00:11", "52:54:00:00:00:12"
NARROW = 1400

GUARD = (
    f'iifname "port1" ether saddr != {C1_MAC} drop',
    f'iifname "port1" ip saddr != {C1_4} drop',
    f'iifname "port1" arp saddr ip != {C1_4} drop',
    f'iifname "port1" arp saddr ether != {C1_MAC} drop',
    f'iifname "port1" ip6 saddr != {{ {C1_6}, fe80::/64 }} drop',
    f'iifname "port1" icmpv6 type nd-neighbor-advert @th,64,128 != 0x{IPv6Address(C1_6).packed.hex()} drop',
)
PREROUTING = "filter hook prerouting priority -200"


def batch(namespace: str, *lines: str) -> None:
    for line in lines:
        tool("ip", *line.split(), namespace=namespace)


def sysctl(namespace: str, name: str, value: str) -> None:
    with inside(namespace), open(f"/proc/sys/{name}", "w", encoding="ascii") as stream:
        stream.write(value)


def nft(family: str, chain: str, *rules: str) -> None:
    """A table of the host with one chain. chain: its type, hook and priority."""
    body = "\n".join([f"type {chain};", *rules])
    Host().nft_apply("", f"table {family} probed {{\nchain only {{\n{body}\n}}\n}}\n")


@pytest.fixture
def lan(host: Machine) -> Iterator[None]:
    """br0 of the host with c1 and c2, routed to `outside` over a link of NARROW bytes."""
    sysctl("", "net/ipv6/conf/default/accept_dad", "0")
    for name in ("c1", "c2", "outside"):
        tool("ip", "netns", "add", name)
        sysctl(name, "net/ipv6/conf/default/accept_dad", "0")
        batch(name, "link set lo up")
    sysctl("", "net/ipv4/ip_forward", "1")
    sysctl("", "net/ipv6/conf/all/forwarding", "1")
    batch("", "link add br0 type bridge", "link set br0 up")
    batch("", f"addr add {HOST4}/24 dev br0", f"addr add {HOST6}/64 dev br0 nodad")
    for number, v4, v6, mac in ((1, C1_4, C1_6, C1_MAC), (2, C2_4, C2_6, C2_MAC)):
        batch("", f"link add port{number} type veth peer name eth0 address {mac} netns c{number}")
        batch("", f"link set port{number} master br0 up")
        batch(f"c{number}", f"addr add {v4}/24 dev eth0", f"addr add {v6}/64 dev eth0 nodad", "link set eth0 up")
        batch(f"c{number}", f"route add default via {HOST4}", f"-6 route add default via {HOST6}")
    batch("", "link add up0 type veth peer name eth0 netns outside")
    batch("", f"link set up0 mtu {NARROW} up", f"addr add {UPLINK4}/24 dev up0", f"addr add {UPLINK6}/64 dev up0 nodad")
    batch("outside", f"addr add {OUTSIDE4}/24 dev eth0", f"addr add {OUTSIDE6}/64 dev eth0 nodad", "link set eth0 up")
    batch("outside", f"route add 192.0.2.0/24 via {UPLINK4}", f"-6 route add 2001:db8:1::/64 via {UPLINK6}")
    await_answers()
    yield


def await_answers() -> None:
    """The kernel lets frames through a link a moment after it has come up."""
    deadline = time.monotonic() + 10
    for namespace in ("c1", "c2"):
        for address in (HOST6, OUTSIDE4, OUTSIDE6):
            while not probe("ping", address, namespace, count=1, timeout=0.2).ok:
                assert time.monotonic() < deadline, f"{namespace} does not reach {address}"


@pytest.fixture
def seen_as(lan: None) -> Iterator[int]:
    """A port of `outside` that answers with the address it saw."""
    with inside("outside"):
        server = socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, peer = server.accept()
                with client:
                    client.sendall(peer[0].removeprefix("::ffff:").encode() + b"\n")

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def probe(kind: str, address: str, namespace: str = "", **options: Any) -> Result:
    raw = {"kind": kind, "address": address, "namespace": namespace, **options}
    return Runner(Host()).run(parse([raw]))[0]


@pytest.mark.parametrize("address", [HOST4, HOST6, C2_4, C2_6, OUTSIDE4, OUTSIDE6])
def test_ping_counts_and_times_answers(lan: None, address: str) -> None:
    result = probe("ping", address, "c1", count=4, interval=0.01)
    assert result.ok, result.message
    assert (result.measured["sent"], result.measured["received"], result.measured["loss"]) == (4, 4, 0.0)
    rtt = result.measured["rtt"]
    assert 0 < rtt["min"] <= rtt["avg"] <= rtt["max"] < 500


@pytest.mark.parametrize("address", [HOST4, HOST6, "127.0.0.1", "::1"])
def test_ping_of_the_host_itself(lan: None, address: str) -> None:
    assert probe("ping", address).ok


def test_ping_sends_at_its_interval(lan: None) -> None:
    started = time.monotonic()
    probe("ping", C2_4, "c1", count=5, interval=0.1)
    assert 0.4 <= time.monotonic() - started < 0.9


@pytest.mark.parametrize("address", [C2_4, C2_6])
def test_ping_loses_everything_when_the_link_is_down(lan: None, address: str) -> None:
    tool("ip", "link", "set", "port2", "down")
    result = probe("ping", address, "c1", count=3, interval=0.01, timeout=0.3)
    assert not result.ok
    assert result.measured["loss"] == 100.0
    assert result.measured["rtt"] is None
    assert result.message.startswith(f"no answer from {address}")
    assert probe("ping", address, "c1", count=1, timeout=0.3, expect={"reachable": False}).ok


def test_ping_loses_what_was_sent_while_the_link_was_down(lan: None) -> None:
    down = threading.Timer(0.5, lambda: tool("ip", "link", "set", "port2", "down"))
    down.start()
    result = probe("ping", C2_4, "c1", count=20, interval=0.05, timeout=0.3, expect={"max_loss": 10})
    down.join()
    assert 3 < result.measured["received"] < 17
    assert not result.ok
    assert "lost, and 10 % may be" in result.message


def test_ping_that_should_not_be_answered(lan: None) -> None:
    result = probe("ping", C2_4, "c1", expect={"reachable": False})
    assert (result.ok, result.message) == (False, "3 of 3 answered, and none should")


@pytest.mark.parametrize(("address", "headers"), [(C2_4, "4"), (C2_6, "6")])
def test_ping_with_df_fills_the_link_and_no_more(lan: None, address: str, headers: str) -> None:
    assert probe("ping", address, "c1", size=1500, dont_fragment=True).ok
    result = probe("ping", address, "c1", size=1501, dont_fragment=True, timeout=0.3)
    assert (result.ok, result.measured["refusal"]) == (False, "Message too long")
    assert probe("ping", address, "c1", size=1501).ok


@pytest.mark.parametrize(("address", "router"), [(OUTSIDE4, HOST4), (OUTSIDE6, HOST6)])
def test_ping_with_df_names_the_router_that_refused(lan: None, address: str, router: str) -> None:
    result = probe("ping", address, "c1", size=NARROW + 1, dont_fragment=True, timeout=0.3)
    assert result.measured["refusal"] == f"Message too long (said by {router})"


def test_ping_without_a_route(lan: None) -> None:
    result = probe("ping", "203.0.113.1", "outside")
    assert (result.ok, result.measured["refusal"]) == (False, "Network is unreachable")


def test_ping_of_nobody_says_that_nobody_is_there(lan: None) -> None:
    tool("sysctl", "-qw", "net.ipv4.neigh.eth0.retrans_time_ms=50", namespace="c1")
    result = probe("ping", NOBODY4, "c1", count=1, timeout=2)
    assert result.measured["refusal"].startswith("No route to host")


def test_ping_from_a_source_address(lan: None) -> None:
    tool("ip", "addr", "add", "192.0.2.77/32", "dev", "lo", namespace="c1")
    tool("ip", "route", "add", "192.0.2.77/32", "via", C1_4)
    assert probe("ping", HOST4, "c1", source="192.0.2.77").ok
    result = probe("ping", HOST4, "c1", source=NOBODY4)
    assert (result.ok, result.message) == (
        False,
        f"could not be made: source address {NOBODY4}: Cannot assign requested address",
    )


def test_ping_a_link_local_address_on_an_interface(lan: None) -> None:
    text = tool("ip", "-6", "-o", "addr", "show", "dev", "eth0", "scope", "link", namespace="c2").stdout
    address = text.split("inet6 ")[1].split("/")[0]
    time.sleep(2)
    assert probe("ping", address, "c1", interface="eth0", timeout=2).ok


@pytest.mark.parametrize(("address", "mtu"), [(C2_4, 1500), (C2_6, 1500), (OUTSIDE4, NARROW), (OUTSIDE6, NARROW)])
def test_path_mtu(lan: None, address: str, mtu: int) -> None:
    result = probe("path_mtu", address, "c1", expect={"mtu": mtu})
    assert result.ok, result.message
    wrong = probe("path_mtu", address, "c1", expect={"mtu": 1450})
    assert (wrong.ok, wrong.message) == (False, f"packets of up to {mtu} bytes pass, and it should be 1450")


def test_path_mtu_where_routers_keep_silent(lan: None) -> None:
    nft("inet", "filter hook output priority 0", "icmp type destination-unreachable drop")
    assert probe("path_mtu", OUTSIDE4, "c1").measured["mtu"] == NARROW


def test_path_mtu_finds_any_size_where_routers_keep_silent(lan: None) -> None:
    nft("inet", "filter hook forward priority 0", "ip length > 1377 drop")
    assert probe("path_mtu", OUTSIDE4, "c1", timeout=0.3).measured["mtu"] == 1377


def test_path_mtu_without_an_answer(lan: None) -> None:
    result = probe("path_mtu", NOBODY4, "c1", timeout=0.2)
    assert (result.ok, result.measured["mtu"]) == (False, None)
    assert probe("path_mtu", NOBODY4, "c1", timeout=0.2, expect={"reachable": False}).ok


@pytest.mark.parametrize(("address", "own"), [(OUTSIDE4, C1_4), (OUTSIDE6, C1_6)])
def test_tcp_is_seen_as_itself_when_routed(seen_as: int, address: str, own: str) -> None:
    result = probe("tcp", address, "c1", port=seen_as, expect={"seen_as": own})
    assert result.ok, result.message
    assert result.measured["seen_as"] == own
    wrong = probe("tcp", address, "c1", port=seen_as, expect={"seen_as": "host"})
    assert not wrong.ok
    assert f"seen as {own}, and it should be {UPLINK4 if own == C1_4 else UPLINK6}" in wrong.message


@pytest.mark.parametrize(("address", "uplink"), [(OUTSIDE4, UPLINK4), (OUTSIDE6, UPLINK6)])
def test_tcp_is_seen_as_the_host_behind_masquerade(seen_as: int, address: str, uplink: str) -> None:
    nft("inet", "nat hook postrouting priority 100", 'oifname "up0" masquerade')
    for wanted in (uplink, "host"):
        result = probe("tcp", address, "c1", port=seen_as, expect={"seen_as": wanted})
        assert result.ok, result.message
        assert result.message.endswith(f"seen as {uplink}")


def test_tcp_refused_and_unanswered(seen_as: int) -> None:
    refused = probe("tcp", OUTSIDE4, "c1", port=1)
    assert (refused.ok, refused.measured["refusal"]) == (False, "Connection refused")
    nft("inet", "filter hook forward priority 0", "meta l4proto tcp drop")
    silent = probe("tcp", OUTSIDE4, "c1", port=seen_as, timeout=0.2, expect={"reachable": False})
    assert (silent.ok, silent.measured["refusal"]) == (True, "no answer in time")


def test_tcp_that_should_not_connect(seen_as: int) -> None:
    result = probe("tcp", OUTSIDE4, "c1", port=seen_as, expect={"reachable": False})
    assert (result.ok, result.message) == (False, f"connected to {OUTSIDE4} port {seen_as}, and should not")


@pytest.mark.parametrize(("address", "mac"), [(C2_4, C2_MAC), (C2_6, C2_MAC)])
@pytest.mark.parametrize(("namespace", "interface"), [("c1", "eth0"), ("", "br0")])
def test_arp_owner(lan: None, address: str, mac: str, namespace: str, interface: str) -> None:
    result = probe("arp", address, namespace, interface=interface, expect={"mac": mac.upper()})
    assert result.ok, result.message
    assert result.measured["macs"] == [mac]


@pytest.mark.parametrize(("address", "prefix"), [(C2_4, 24), (C2_6, 64)])
def test_arp_finds_a_second_owner(lan: None, address: str, prefix: int) -> None:
    extra = ["nodad"] if prefix == 64 else []
    tool("ip", "addr", "add", f"{address}/{prefix}", "dev", "br0", *extra)
    result = probe("arp", address, "c1", interface="eth0", expect={"mac": C2_MAC})
    assert not result.ok
    assert len(result.measured["macs"]) == 2
    assert result.message.endswith(f"and it should be {C2_MAC} alone")
    either = probe("arp", address, "c1", interface="eth0", expect={"mac": result.measured["macs"]})
    assert not either.ok, "one of two is not both"


@pytest.mark.parametrize(("macs", "ok"), [([C1_MAC, C2_MAC], True), ([C1_MAC], False)])
def test_arp_owner_is_one_of_several(lan: None, macs: list[str], ok: bool) -> None:
    assert probe("arp", C2_4, "c1", interface="eth0", expect={"mac": macs}).ok == ok


@pytest.mark.parametrize("address", [NOBODY4, NOBODY6])
def test_arp_without_an_owner(lan: None, address: str) -> None:
    result = probe("arp", address, "c1", interface="eth0", timeout=0.3)
    assert (result.ok, result.message) == (False, f"nobody answered for {address}")
    assert probe("arp", address, "c1", interface="eth0", timeout=0.3, expect={"reachable": False}).ok


def test_arp_from_an_interface_without_an_address(lan: None) -> None:
    tool("ip", "addr", "flush", "dev", "eth0", namespace="c1")
    assert probe("arp", C2_4, "c1", interface="eth0").measured["macs"] == [C2_MAC]


LIES = [
    pytest.param({"claimed_source": C2_4}, 4, id="ipv4-address"),
    pytest.param({"claimed_source": C2_6}, 6, id="ipv6-address"),
    pytest.param({"claimed_mac": "02:00:00:00:00:99"}, 4, id="mac"),
    pytest.param({"claimed_source": C2_4, "frame": "announce"}, 4, id="arp-address"),
    pytest.param({"claimed_mac": "02:00:00:00:00:99", "frame": "announce"}, 4, id="arp-mac"),
    pytest.param({"claimed_source": C2_6, "frame": "announce"}, 6, id="neighbour-advertisement"),
]
PLACES = [
    pytest.param({"interface": "port2", "leaving": True}, id="out-of-another-port"),
    pytest.param({"namespace": "c2", "interface": "eth0"}, id="another-container"),
    pytest.param({"interface": "br0"}, id="the-host"),
]
SENDERS = [
    pytest.param({"namespace": "c1", "interface": "eth0"}, id="sent-by-a-container"),
    pytest.param({"interface": "port1", "as_guest": True, "mac": C1_MAC}, id="in-the-place-of-a-guest"),
]


@pytest.mark.parametrize(("lie", "version"), LIES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("sender", SENDERS)
def test_spoofed_frames(
    lan: None, lie: dict[str, Any], version: int, place: dict[str, Any], sender: dict[str, Any]
) -> None:
    address, source = (HOST4, C1_4) if version == 4 else (HOST6, C1_6)
    options = {"source": source, "seen_at": place, **lie, **sender}
    bare = probe("spoof", address, **options)
    assert (bare.ok, bare.measured["arrived"], bare.measured["control_arrived"]) == (False, True, True), bare.message
    assert bare.message.endswith("and should not")
    nft("bridge", PREROUTING, *GUARD)
    guarded = probe("spoof", address, **options)
    assert guarded.ok, guarded.message
    assert (guarded.measured["arrived"], guarded.measured["control_arrived"]) == (False, True)


def test_spoof_proves_nothing_when_no_frame_arrives(lan: None) -> None:
    tool("ip", "link", "set", "port2", "down")
    place = {"namespace": "c2", "interface": "eth0"}
    result = probe("spoof", HOST4, "c1", interface="eth0", source=C1_4, claimed_source=C2_4, seen_at=place, timeout=0.3)
    assert (result.ok, result.measured["control_arrived"]) == (False, False)
    assert result.message.endswith("so nothing is proven")


GUEST4, GUEST6, GUEST_MAC = "192.0.2.21", "2001:db8:1::21", "52:54:00:00:00:21"


@pytest.fixture
def guest(lan: None) -> Iterator[dict[str, Any]]:
    """tap1 on br0, its other end open and silent, as of a guest that does not answer by itself."""
    tap = os.open("/dev/net/tun", os.O_RDWR)
    try:
        fcntl.ioctl(tap, 0x400454CA, struct.pack("16sH22x", b"tap1", 0x0002 | 0x1000))
        batch("", "link set tap1 master br0 up")
        yield {"interface": "tap1", "as_guest": True, "mac": GUEST_MAC}
    finally:
        os.close(tap)


def test_spoof_in_the_place_of_a_guest(guest: dict[str, Any]) -> None:
    options = {
        **guest,
        "source": GUEST4,
        "claimed_source": NOBODY4,
        "seen_at": {"interface": "eth0", "namespace": "c2"},
    }
    assert probe("spoof", C2_4, expect={"arrives": True}, **options).ok
    nft("bridge", PREROUTING, f'iifname "tap1" ip saddr != {GUEST4} drop')
    assert probe("spoof", C2_4, **options).ok


@pytest.mark.parametrize(("address", "via"), [(C2_4, None), (C2_6, None), (OUTSIDE4, HOST4), (OUTSIDE6, HOST6)])
def test_ping_in_the_place_of_a_guest(guest: dict[str, Any], address: str, via: str | None) -> None:
    source = GUEST4 if "." in address else GUEST6
    result = probe("ping", address, **guest, source=source, via=via, interval=0.01, size=1000)
    assert (result.ok, result.measured["received"]) == (True, 3), result.message
    nft("bridge", PREROUTING, 'iifname "tap1" drop')
    unheard = probe("ping", address, **guest, source=source, via=via, timeout=0.3)
    assert (unheard.ok, unheard.measured["refusal"]) == (False, f"nobody answered for {via or address}")


@pytest.mark.parametrize("address", [OUTSIDE4, OUTSIDE6])
def test_ping_in_the_place_of_a_guest_that_is_not_forwarded(guest: dict[str, Any], address: str) -> None:
    nft("inet", "filter hook forward priority 0", "drop")
    own, via = (GUEST4, HOST4) if "." in address else (GUEST6, HOST6)
    result = probe("ping", address, **guest, source=own, via=via, timeout=0.3, interval=0.01)
    assert (result.ok, result.measured["sent"], result.measured["received"]) == (False, 3, 0)


@pytest.mark.parametrize(("address", "source"), [(C2_4, GUEST4), (C2_6, GUEST6)])
def test_arp_in_the_place_of_a_guest(guest: dict[str, Any], address: str, source: str) -> None:
    assert probe("arp", address, **guest, source=source, expect={"mac": C2_MAC}).ok


def test_what_cannot_be_probed_is_no_success(lan: None) -> None:
    raw: list[dict[str, Any]] = [
        {"kind": "ping", "address": HOST4, "namespace": "nowhere", "expect": {"reachable": False}},
        {"kind": "ping", "address": HOST4, "namespace": "pid:999999999", "expect": {"reachable": False}},
        {"kind": "ping", "address": C2_4, "interface": "eth7", "expect": {"reachable": False}},
        {"kind": "arp", "address": C2_4, "interface": "eth7", "expect": {"reachable": False}},
    ]
    results = Runner(Host()).run(parse(raw))
    assert [result.ok for result in results] == [False] * 4
    assert [result.message for result in results] == [
        "could not be made: there is no namespace nowhere on this host",
        "could not be made: there is no namespace pid:999999999 on this host",
        "could not be made: interface eth7: No such device",
        "could not be made: interface eth7: No such device",
    ]


def test_a_process_names_a_namespace(lan: None) -> None:
    with inside("c2"), subprocess.Popen(["sleep", "60"]) as process:
        try:
            assert probe("ping", C1_4, f"pid:{process.pid}").ok
        finally:
            process.kill()


def test_many_probes_at_once_in_several_namespaces(lan: None) -> None:
    """Answers are not mixed up, the order is kept, and threads do not wait for each other."""
    raw: list[dict[str, Any]] = []
    for number in range(60):
        source, target = ("c1", C2_4) if number % 2 else ("c2", C1_6)
        raw.append({"kind": "ping", "namespace": source, "address": target, "count": 2, "name": f"good {number}"})
        nobody = {"kind": "ping", "namespace": source, "address": NOBODY4, "count": 1, "timeout": 0.5}
        raw.append({**nobody, "expect": {"reachable": False}, "name": f"nobody {number}"})
    started = time.monotonic()
    results = Runner(Host()).run(parse(raw))
    assert time.monotonic() - started < 10
    assert [result.probe.name for result in results] == [entry["name"] for entry in raw]
    assert [result.message for result in results if not result.ok] == []
    with open("/proc/thread-self/net/dev", encoding="ascii") as stream:
        assert "br0" in stream.read()


def test_patience_waits_for_what_comes_up_late(lan: None) -> None:
    """The last round counts for all, also for what must not be answered and held before."""
    tool("ip", "link", "set", "port2", "down")
    up = threading.Timer(1, lambda: tool("ip", "link", "set", "port2", "up"))
    up.start()
    late = {"kind": "ping", "namespace": "c1", "address": C2_4, "count": 1, "timeout": 0.3}
    assert [result.ok for result in Runner(Host(), patience=10).run(parse([late]))] == [True]
    up.join()
    tool("ip", "link", "set", "port2", "down")
    up = threading.Timer(1, lambda: tool("ip", "link", "set", "port2", "up"))
    up.start()
    started = time.monotonic()
    never = {**late, "expect": {"reachable": False}}
    results = Runner(Host(), patience=4).run(parse([late, never]))
    up.join()
    assert 4 <= time.monotonic() - started < 6
    assert [result.ok for result in results] == [True, False]


def test_all_faults_of_a_list_come_at_once() -> None:
    with pytest.raises(ProbesError) as caught:
        parse([{"kind": "ping", "address": "192.0.2.300"}, {"kind": "tcp", "address": HOST4, "port": 0}])
    assert caught.value.faults == (
        "probes[0].address: '192.0.2.300' is no IP address; write one without a prefix length, such as 192.0.2.1",
        "probes[1].port: 0 is not between 1 and 65535",
    )
