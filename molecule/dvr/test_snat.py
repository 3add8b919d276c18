# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has no floating IP leaves by one of the SNAT hosts, whichever is alive, and nobody else needs these hosts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from drawing import CENTRAL, INSTANCES, OUTSIDE
from fleet import Fleet, Talk, eventually

HOSTS = ("network-01", "network-02")
COOKIE = "cookie=0x67617465/-1"
SERVER = OUTSIDE["internet"]
WITHOUT_FLOATING = sorted(name for name, each in INSTANCES.items() if not each.floating)
# On both compute hosts and of both tenants; a tenant's connections are copied or are not.
STREAMS = ("web2", "web4", "shop2")
COPIED, NOT_COPIED = "web2", "store1"
# Three advertisements that do not come, and as long again for a busy machine.
LONGEST_OUTAGE = 2000


def gate(fleet: Fleet, host: str) -> int:
    """How many of the gate's flows are there."""
    return fleet.output(host, "ovs-ofctl", "dump-flows", "br-int", COOKIE).count(" table=")


def translating(fleet: Fleet) -> list[str]:
    return [host for host in HOSTS if fleet.on(host, "true").returncode == 0 and gate(fleet, host)]


def active(fleet: Fleet) -> str:
    eventually(lambda: len(translating(fleet)) == 1, 10)
    return translating(fleet)[0]


def other(host: str) -> str:
    return next(name for name in HOSTS if name != host)


def test_one_host_has_its_gate_open(fleet: Fleet) -> None:
    host = active(fleet)
    assert gate(fleet, host) == 2
    assert gate(fleet, other(host)) == 0


@pytest.mark.parametrize("instance", WITHOUT_FLOATING)
def test_is_seen_outside_with_the_router_s_address(fleet: Fleet, instance: str) -> None:
    for address in (OUTSIDE["outside"], SERVER):
        assert fleet.seen_as(instance, address) == CENTRAL[INSTANCES[instance].tenant]


def connections(fleet: Fleet, host: str, router: str) -> str:
    """Those that a router's central part has on a host."""
    return fleet.output(host, "ip", "netns", "exec", f"snat-{router}", "conntrack", "-L", "-p", "tcp")


@pytest.fixture
def talks(fleet: Fleet) -> Iterator[dict[str, Talk]]:
    """A connection to the server outside for each tenant, established and known wherever it should be."""
    talks = {name: fleet.talk(name, "internet", SERVER) for name in (COPIED, NOT_COPIED)}
    assert all(talk.answered() for talk in talks.values())
    source = f"src={INSTANCES[COPIED].ipv4} dst={SERVER}"
    eventually(lambda: all(source in connections(fleet, host, "blue") for host in HOSTS), 10)
    yield talks
    for talk in talks.values():
        talk.close()


def test_connections_are_told_to_the_waiting_host_where_the_router_says_so(
    fleet: Fleet, talks: dict[str, Talk]
) -> None:
    assert talks
    host = active(fleet)
    assert INSTANCES[NOT_COPIED].ipv4 in connections(fleet, host, "green")
    assert INSTANCES[NOT_COPIED].ipv4 not in connections(fleet, other(host), "green")


def kill(fleet: Fleet, host: str) -> None:
    """All of keepalived at once, so that it cannot say goodbye."""
    control = fleet.output(host, "systemctl", "show", "--property=ControlGroup", "--value", "snat-vrrp").strip()
    fleet.output(host, "sh", "-c", f"kill -9 $(cat /sys/fs/cgroup{control}/cgroup.procs)")


def stop(fleet: Fleet, host: str) -> None:
    fleet.output(host, "systemctl", "stop", "snat-vrrp")


def stop_switch(fleet: Fleet, host: str) -> None:
    """Freeze the switch: what was forwarded last goes on, nothing new does, and nobody can ask it."""
    fleet.output(host, "systemctl", "kill", "--signal=STOP", "ovs-vswitchd")


def power_off(fleet: Fleet, host: str) -> None:
    fleet.power(host, "off")


def repair(fleet: Fleet, host: str) -> None:
    """Bring the failed host back as the one that waits."""
    if fleet.on(host, "true").returncode != 0:
        fleet.power(host, "on")
    else:
        fleet.output(host, "systemctl", "kill", "--signal=CONT", "ovs-vswitchd")
    fleet.play("site.yml", "--limit", host)


@pytest.mark.parametrize(
    ("fails", "longest"),
    [(stop, LONGEST_OUTAGE), (kill, LONGEST_OUTAGE), (power_off, LONGEST_OUTAGE), (stop_switch, 10_000)],
)
def test_another_host_takes_over_and_connections_go_on(
    fleet: Fleet,
    talks: dict[str, Talk],
    measured: Callable[[str], None],
    fails: Callable[[Fleet, str], None],
    longest: int,
) -> None:
    failing = active(fleet)
    streams = [fleet.stream(name, SERVER) for name in STREAMS]
    time.sleep(1)
    fails(fleet, failing)
    try:
        eventually(lambda: gate(fleet, other(failing)) == 2, 20)
        kept = talks[COPIED].answered()
        lost = not talks[NOT_COPIED].answered(3)
        time.sleep(2)
        outages = {stream.host: stream.outage() for stream in streams}
        words = ", ".join(f"{host} {milliseconds} ms" for host, milliseconds in outages.items())
        measured(f"{fails.__name__} on {failing}: no answer from outside for {words}")
        identities = {name: fleet.seen_as(name, SERVER) for name in STREAMS}
    finally:
        repair(fleet, failing)
    assert kept and lost
    assert identities == {name: CENTRAL[INSTANCES[name].tenant] for name in STREAMS}
    assert max(outages.values()) <= longest
    assert active(fleet) == other(failing)
    assert talks[COPIED].answered(30)


def test_nothing_but_central_translation_needs_these_hosts(fleet: Fleet) -> None:
    for host in HOSTS:
        fleet.power(host, "off")
    try:
        assert not fleet.pings("web2", SERVER)
        for name, each in INSTANCES.items():
            if each.floating:
                assert fleet.seen_as(name, SERVER) == each.floating
            # The databases let in web servers alone.
            for address in [each.floating or each.ipv6, each.ipv6] if each.network != "db" else []:
                assert fleet.pings("outside", address)
                assert fleet.pings("internet", address)
        for client, server in (("web2", "web4"), ("web2", "db1"), ("web4", "db1"), ("shop1", "store2")):
            assert fleet.seen_as(client, INSTANCES[server].ipv4) == INSTANCES[client].ipv4
    finally:
        for host in HOSTS:
            fleet.power(host, "on")
        fleet.play("site.yml", "--limit", ",".join(HOSTS))
    assert fleet.seen_as("web2", SERVER) == CENTRAL["blue"]


def test_a_gate_that_somebody_closed_is_opened_again(fleet: Fleet) -> None:
    host = active(fleet)
    fleet.output(host, "ovs-ofctl", "del-flows", "br-int", COOKIE)
    assert not fleet.pings("web2", SERVER)
    assert fleet.play("site.yml", "--limit", host).changed == {host: 1}
    assert fleet.pings("web2", SERVER)
