# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents and BIRD texts of NF nodes and a gateway, at work: routes follow who lives, and packets follow routes."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from harness import inside, tool, wait_for
from nf_fleet import BACKENDS, CLIENT, CONTROL, COVER, MTU, ON_WHICH, PLANES, POOLS, Fabric, fabric, plan, text
from routers import for_a_while

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.pool_range import MAX_POOLS

BOTH = plan("nf-up1", "nf-up2")
SESSIONS = ("nf_cp1_v4", "nf_cp1_v6")
# What routing daemons say to each other is the same over every switch: one of them is enough.
any_switch = pytest.mark.parametrize("built", ["openvswitch"], indirect=True)


@pytest.fixture(params=BACKENDS)
def built(request: pytest.FixtureRequest, _namespace_directory: None, tmp_path: Path) -> Iterator[Fabric]:
    with fabric(tmp_path, request.param) as found:
        yield found


@pytest.fixture
def running(built: Fabric) -> Fabric:
    for host in built.nodes:
        built.start(host)
    built.await_routes(BOTH)
    return built


def test_pools_follow_the_user_planes(running: Fabric) -> None:
    """One dies, and its pools are spread; both are dead, and nothing is left; they return, and so does all."""
    assert all(running.reaches(address) for address in ("203.0.113.1", "203.0.113.17", "2001:db8:cb10::1"))
    gateway = running.routers["dcgw-01"]
    since = gateway.since("nf_cp1_v4")
    running.cut("compute-02")
    running.await_routes(plan("nf-up1"))
    assert all(running.reaches(address) for address in ("203.0.113.17", "203.0.113.200", "2001:db8:cb10::1"))
    # What is looked at again has the next hops of now, and not of when it came (T5).
    for session in SESSIONS:
        gateway.ask(f"reload in {session}")
    for _moment in for_a_while(1.0):
        assert {family: running.routes(family) for family in (4, 6)} == plan("nf-up1")
    running.cut("compute-01")
    running.await_routes(plan())
    running.mend("compute-01")
    running.mend("compute-02")
    running.await_routes(BOTH)
    assert running.reaches("203.0.113.17")
    assert gateway.since("nf_cp1_v4") == since


@any_switch
def test_routes_of_a_bird_that_was_killed_stay_until_it_is_back(running: Fabric) -> None:
    """Nobody takes those of a user plane away that dies meanwhile: this is why such a gateway gives way."""
    gateway = running.routers["dcgw-01"].process
    gateway.kill()
    gateway.wait()
    running.cut("compute-02")
    for _moment in for_a_while(3.0):
        assert {family: running.routes(family) for family in (4, 6)} == BOTH
    assert [running.reaches(address, count=1) for address in ("203.0.113.1", "203.0.113.17")] == [True, False]
    running.start("dcgw-01")
    running.await_routes(plan("nf-up1"))
    assert all(running.reaches(address) for address in ("203.0.113.1", "203.0.113.17"))


@any_switch
def test_who_appears_at_a_place_joins_by_itself(running: Fabric) -> None:
    """The gateway has its address among the members, and is not told of it."""
    third = {4: "192.0.2.3", 6: "2001:db8:2::3"}
    before = running.routers["dcgw-01"].state()
    running.intent["fabric_user_planes"]["nf-up3"] = {
        "host": "compute-09",
        "attach": "veth",
        "addresses": list(third.values()),
    }
    running.apply_to("compute-09")
    running.start("compute-09", "nf-up3")
    for family, address in third.items():
        wait_for(lambda f=family, a=address: a in running.routes(f)[COVER[f]], f"{address} among the ways")
    after = running.routers["dcgw-01"].state()
    assert (after["text"], after["since"]) == (before["text"], before["since"])


@any_switch
def test_daily_changes_reset_nothing(running: Fabric) -> None:
    """Another pin, another place, another pool: brought live by the module, and no session notices."""
    running.intent["fabric_pools"]["subscribers"]["pins"] = {POOLS[4][2]: "nf-up2"}
    running.intent["fabric_pools"]["subscribers"]["count"] = 4
    running.intent["fabric_next_hops"]["user-planes"]["members"].append("192.0.2.4")
    for name, host in (("dcgw-01", "dcgw-01"), ("nf-cp1", "compute-09")):
        (daemon,) = daemons(Fleet(running.intent).view(host))
        done = running.routers[name].apply(text(daemon.config))
        assert done.plan.resets == ()
    ways = {name: {own[4]} for name, own in PLANES.items()}
    # By four places, the fourth pool is nobody's by its own.
    _ranges, planned = Fleet(running.intent).pools()
    pools = {str(pool.prefix): ways[pool.user_plane] for pool in planned if pool.range == "subscribers"}
    assert set(pools) == {*POOLS[4], "203.0.113.48/28"}
    assert pools[POOLS[4][2]] == {PLANES["nf-up2"][4]}
    running.await_routes({4: {**BOTH[4], **pools}, 6: BOTH[6]})


def test_nothing_goes_back_to_where_it_came_from(running: Fabric) -> None:
    """With no user plane alive, the default route leads to who sent the packet: it is told that there is no way."""
    home = running.gateway.home
    # What the kernel says about a better way would count against what it says about none.
    tool("sysctl", "-qw", "net.ipv4.conf.north.send_redirects=0", namespace=home)
    tool("ip", "route", "add", "default", "via", "10.99.0.2", namespace=home)
    tool("ip", "route", "add", "default", "via", "2001:db8:99::2", namespace=home)
    running.cut("compute-01")
    running.cut("compute-02")
    running.await_routes(plan())
    for address in ("203.0.113.1", "2001:db8:cb00::1"):
        done = tool("ping", "-n", "-c", "2", "-W", "1", address, namespace=CLIENT, check=False)
        assert "Time to live exceeded" not in done.stdout and "Time exceeded" not in done.stdout
        assert re.search(r"Net Unreachable|No route", done.stdout, re.IGNORECASE), done.stdout


@any_switch
def test_pools_are_counted(running: Fabric) -> None:
    assert running.reaches("203.0.113.17", count=4)
    assert running.reaches("2001:db8:cb00::1", count=2)
    for address in ("203.0.113.48", "203.0.113.255", "2001:db8:cb30::1", "2001:db8:cbff::1"):
        assert running.reaches(address, count=1)
    counted = counters(running)
    assert {name: packets for name, packets in counted.items() if packets} == {
        "to-203.0.113.16/28": 4,
        "from-203.0.113.16/28": 4,
        "to-2001_db8_cb00__/44": 2,
        "from-2001_db8_cb00__/44": 2,
        "to-rest": 4,
        "from-rest": 4,
    }


def counters(running: Fabric) -> dict[str, int]:
    shown = tool("nft", "-j", "list", "table", "inet", "hostnet.nf.pools", namespace=running.gateway.home).stdout
    rules = [item["rule"] for item in json.loads(shown)["nftables"] if "rule" in item]
    return {
        rule["chain"]: rule["expr"][0]["counter"]["packets"]
        for rule in rules
        if rule["chain"].startswith(("to-", "from-"))
    }


def test_frames_of_the_declared_size_pass(running: Fabric) -> None:
    """From the gateway to a user plane, and none that is larger."""
    for size, passes in ((MTU, True), (MTU + 1, False)):
        words = ("ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s", str(size - 28), PLANES["nf-up1"][4])
        assert (tool(*words, namespace=running.gateway.home, check=False).returncode == 0) == passes


@any_switch
def test_who_knows_the_password_but_not_the_plan_is_not_believed(running: Fabric) -> None:
    """Prefixes and next hops that the plan does not have are dropped, and a flood of them ends the session."""
    speaker, gateway = running.routers["nf-cp1"], running.routers["dcgw-01"]
    (daemon,) = daemons(Fleet(running.intent).view("compute-09"))
    own = text(daemon.config)
    config = own
    for family, pool in FIRST_POOL.items():
        told = [f"route {prefix} blackhole {{ bgp_next_hop = {way}; }};" for prefix, way in LIES[family].items()]
        config = with_routes(config, family, told)
        truth = f"route {pool} blackhole {{ bgp_next_hop = {PLANES['nf-up1'][family]};"
        assert truth in config
        config = config.replace(truth, truth.replace(PLANES["nf-up1"][family], CONTROL[family]))
    speaker.run(config)
    expected = {
        family: {key: ways for key, ways in BOTH[family].items() if key != pool} for family, pool in FIRST_POOL.items()
    }
    running.await_routes(expected)
    for _moment in for_a_while(1.0):
        assert {family: running.routes(family) for family in (4, 6)} == expected
    for family, session in zip((4, 6), SESSIONS):
        assert gateway.is_up(session)
        speaker.path.write_text(with_routes(own, family, FLOOD[family]))
        speaker.ask(f'configure "{speaker.path}"')
        wait_for(lambda name=session: not gateway.is_up(name), f"the end of {session}")


# Prefixes that are not planned, and one that is, in another length; by next hops that are.
LIES = {
    4: {"198.18.0.0/15": "198.51.100.100", "203.0.113.48/28": "192.0.2.1", "203.0.113.16/29": "192.0.2.1"},
    6: {
        "2001:db8:18::/48": "2001:db8:c6::100",
        "2001:db8:cb30::/44": "2001:db8:2::1",
        "2001:db8:cb10::/45": "2001:db8:2::1",
    },
}
FIRST_POOL = {4: POOLS[4][0], 6: POOLS[6][0]}
FLOOD = {
    4: [f"route 10.{n >> 8}.{n & 255}.0/24 blackhole;" for n in range(2 * MAX_POOLS)],
    6: [f"route 2001:db8:{n:x}::/48 blackhole;" for n in range(2 * MAX_POOLS)],
}


def with_routes(config: str, family: int, routes: list[str]) -> str:
    """What a control plane announces, and these."""
    head = f"  ipv{family};\n"
    assert config.count(head) == 1
    return config.replace(head, head + "".join(f"  {route}\n" for route in routes))


@any_switch
def test_who_is_about_to_leave_is_heard_last(running: Fabric) -> None:
    """A control plane says so by a community (RFC 8326): its routes stay, and lose against any other's."""
    (daemon,) = daemons(Fleet(running.intent).view("compute-09"))
    leaving = 'export filter { if proto = "pools4" then { bgp_community.add((65535, 0)); accept; } reject; };'
    config = text(daemon.config).replace('export where proto = "pools4";', leaving)
    assert config != text(daemon.config)
    running.routers["nf-cp1"].run(config)
    gateway = running.routers["dcgw-01"]

    def preferences() -> set[str]:
        reply = gateway.ask("show route all protocol nf_cp1_v4")
        return {line.text.split()[-1] for line in reply.lines if "BGP.local_pref" in line.text}

    wait_for(lambda: preferences() == {"0"}, "the lowest preference")
    assert running.routes(4) == BOTH[4]


STRANGERS = {
    "another password": {"password": "guessed"},
    "no password": {},
    # GTSM: who does not send with the largest TTL has passed a router, or may have.
    "a router between": {"password": "between-us", "gtsm": False},
}


@any_switch
@pytest.mark.parametrize("bgp", list(STRANGERS.values()), ids=list(STRANGERS))
def test_a_stranger_is_not_heard(built: Fabric, bgp: dict[str, Any]) -> None:
    """In either family, though it answers to BFD, and has the addresses and the plan of the control plane."""
    for host in ("compute-01", "compute-02", "dcgw-01"):
        built.start(host)
    built.intent = {**built.intent, "fabric_bgp": {"hold_time": 9, **bgp}}
    built.start("compute-09")
    gateway = built.routers["dcgw-01"]
    for own in CONTROL.values():
        wait_for(lambda address=own: gateway.bfd_up(address), f"BFD of {own}")
    for _moment in for_a_while(3.0):
        assert not any(map(gateway.is_up, SESSIONS))


@any_switch
@pytest.mark.parametrize("address", ["203.0.113.200", "2001:db8:cbf0::1"])
def test_flows_between_the_same_two_addresses_spread(running: Fabric, address: str) -> None:
    """Their ports count. With the kernel's own default they would all go one way."""
    # Else each flow has a label of its own, which the default looks at, too.
    tool("sysctl", "-qw", "net.ipv6.auto_flowlabels=0", namespace=CLIENT)
    assert all(spread(running, address).values())
    version = "ipv6" if ":" in address else "ipv4"
    tool("sysctl", "-qw", f"net.{version}.fib_multipath_hash_policy=0", namespace=running.gateway.home)
    assert sorted(map(bool, spread(running, address).values())) == [False, True]


def spread(running: Fabric, address: str, flows: int = 64) -> dict[str, int]:
    """How many of the client's datagrams, each from another port, come to each user plane; nobody listens there."""
    counter = "Udp6NoPorts" if ":" in address else "UdpNoPorts"
    places = {name: running.nodes[ON_WHICH[name]].namespace(name) for name in PLANES}
    before = {name: counted(place, counter) for name, place in places.items()}
    with inside(CLIENT), ExitStack() as stack:
        for _flow in range(flows):
            own = stack.enter_context(closing(socket.socket(family_of(address), socket.SOCK_DGRAM)))
            own.sendto(b"x", (address, 5000))

    def came() -> dict[str, int]:
        return {name: counted(place, counter) - before[name] for name, place in places.items()}

    wait_for(lambda: sum(came().values()) == flows, "every datagram")
    return came()


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def counted(namespace: str, name: str) -> int:
    """One of the kernel's own counters."""
    shown = tool("nstat", "-asz", name, namespace=namespace).stdout
    return int(re.search(rf"^{name} +(\d+)", shown, re.MULTILINE)[1])


IN_SWITCHED = {4: "10.200.0.", 6: "2001:db8:200::"}
OWN = {4: ("192.0.2.252", "192.0.2.254", "10.99.0.1"), 6: ("2001:db8:2::252", "2001:db8:2::254", "2001:db8:99::1")}
BEHIND = {4: "10.99.0.2", 6: "2001:db8:99::2"}
ECHOES = {4: "IcmpInEchos", 6: "Icmp6InEchos"}


@pytest.fixture
def switched(running: Fabric) -> Fabric:
    """With addresses of the user planes in VLAN 200."""
    for number, name in enumerate(PLANES, 1):
        place = running.nodes[ON_WHICH[name]].namespace(name)
        tool("ip", "address", "add", f"{IN_SWITCHED[4]}{number}/24", "dev", "eth1", namespace=place)
        tool("ip", "address", "add", f"{IN_SWITCHED[6]}{number}/64", "dev", "eth1", "nodad", namespace=place)
    return running


def test_a_vlan_without_addresses_is_a_switch_only(switched: Fabric) -> None:
    """Of both families: each thing that is in vain in VLAN 200 is seen to be answered, and to arrive, in VLAN 100."""
    assert_that_functions_alone_answer(switched)
    for family in (4, 6):
        assert_that_nothing_is_routed(switched, family)


def assert_that_nothing_is_routed(switched: Fabric, family: int) -> None:
    """NFs reach each other in VLAN 200. When they ask there for a gateway's addresses, nobody answers, and what they
    send to a gateway's MAC addresses there goes no further."""
    gateway, home = switched.gateway.home, switched.nodes["compute-01"].namespace("nf-up1")
    assert pinged(home, f"{IN_SWITCHED[family]}2")
    shown = json.loads(tool("ip", "-j", "link", "show", namespace=gateway).stdout)
    macs = {link["ifname"]: link["address"] for link in shown}
    for device, allowed in (("eth0", True), ("eth1", False)):
        for address in OWN[family][:2]:
            lead(home, family, address, device)
            assert pinged(home, address, 3 if allowed else 1) == allowed
        # By its own address of VLAN 100, whichever way: none may be dropped for where it claims to come from.
        for leg in (switched.device,) if allowed else filter(macs.get, ("br-200", "br-nf", switched.device)):
            for address in (*OWN[family], BEHIND[family]):
                lead(home, family, address, device, macs[leg])
            places = {gateway: OWN[family], CLIENT: (BEHIND[family],)}
            for place, addresses in places.items():
                before = counted(place, ECHOES[family])
                answered = [pinged(home, address, 3 if allowed else 1) for address in addresses]
                assert answered == [allowed] * len(addresses)
                assert counted(place, ECHOES[family]) - before == (len(addresses) if allowed else 0), (leg, place)


def lead(namespace: str, family: int, address: str, device: str, mac: str = "") -> None:
    """Have packets to an address leave by a device, to a MAC address or to who says that the address is its own."""
    own = PLANES["nf-up1"][family]
    tool("ip", f"-{family}", "neighbour", "flush", "to", address, "dev", device, "nud", "all", namespace=namespace)
    route = (f"{address}/{32 if family == 4 else 128}", "dev", device, "src", own)
    tool("ip", "route", "replace", *route, namespace=namespace)
    if mac:
        words = ("ip", "neighbour", "replace", address, "lladdr", mac, "nud", "permanent", "dev", device)
        tool(*words, namespace=namespace)


def pinged(namespace: str, address: str, seconds: int = 3) -> bool:
    return tool("ping", "-n", "-c", "1", "-W", str(seconds), address, namespace=namespace, check=False).returncode == 0


def assert_that_functions_alone_answer(running: Fabric) -> None:
    """To what is sent to all: in VLAN 100 the gateway is among those who answer, and no host is in VLAN 200."""
    places = {name: running.nodes[host].namespace(name) for name, host in ON_WHICH.items()}
    home = places["nf-up1"]
    for device, more in (("eth0", {link_local(running.gateway.home, running.device)}), ("eth1", set())):
        functions = {link_local(place, device) for place in places.values()}
        shown = tool("ping", "-n", "-c", "6", "-i", "0.4", f"ff02::1%{device}", namespace=home).stdout
        assert set(re.findall(r"from (fe80::[0-9a-f:]*[0-9a-f])", shown)) == functions | more


def link_local(namespace: str, device: str) -> str:
    (link,) = json.loads(tool("ip", "-j", "-6", "address", "show", "dev", device, namespace=namespace).stdout)
    return next(entry["local"] for entry in link["addr_info"] if entry["scope"] == "link")
