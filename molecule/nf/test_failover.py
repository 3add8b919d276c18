# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What fails, for how long its pools' packets are lost, and that no others are."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from drawing import (
    DRAWN,
    GATEWAYS,
    HOSTS,
    LONGEST_OUTAGE,
    PLANES,
    POOLS,
    SUBSCRIBERS,
    VIRTUAL,
    Flow,
    PoolTraffic,
    active,
    await_plan,
    await_sessions,
    cut,
    losses,
    mend,
    of,
    plan,
    routes,
    sessions,
)
from fleet import Fleet, eventually

Measured = Callable[[str], None]


def others(*names: str) -> list[str]:
    return [name for name in DRAWN if name not in names]


def during(
    fleet: Fleet,
    happen: Callable[[], None],
    concerned: tuple[str, ...] = (),
    restore: Callable[[], None] = lambda: None,
) -> dict[str, Flow]:
    """What becomes of the traffic to every pool while something happens, of which the others' pools notice nothing."""
    traffic = PoolTraffic(fleet)
    happen()
    time.sleep(0.5)
    flows = traffic.end()
    restore()
    assert losses(of(flows, *others(*concerned))) == []
    assert not [address for address, flow in flows.items() if "exceeded" in flow.errors]
    return flows


def told(measured: Measured, what: str, flows: dict[str, Flow]) -> None:
    for address, flow in flows.items():
        measured(f"{what}: client → {address}: no answer for {flow.outage} ms")


def test_a_link_is_cut(fleet: Fleet, measured: Measured) -> None:
    """The pools are spread over the others within the time of detection, and come back without a loss."""

    def cut_and_mend() -> None:
        cut(fleet, HOSTS["nf-up2"])
        await_plan(fleet, others("nf-up2"))
        mend(fleet, HOSTS["nf-up2"])
        await_plan(fleet)

    flows = of(during(fleet, cut_and_mend, ("nf-up2",)), "nf-up2")
    told(measured, "the link of nf-up2 is cut", flows)
    assert all(0 < flow.outage <= LONGEST_OUTAGE for flow in flows.values()), flows
    assert [address for address, flow in flows.items() if flow.outages != 1] == [], flows


def test_flows_that_move_are_served_by_others(fleet: Fleet, measured: Measured) -> None:
    """What is in no pool is spread. When a user plane goes, flows of those who live may move (T10), without loss."""
    spread = [f"203.0.113.{number}" for number in range(112, 144)]
    gone = PLANES["nf-up5"][4]
    before = ways(fleet, spread)
    traffic = PoolTraffic(fleet, addresses=spread)
    cut(fleet, HOSTS["nf-up5"])
    await_plan(fleet, others("nf-up5"))
    after = ways(fleet, spread)
    time.sleep(0.5)
    flows = traffic.end()
    mend(fleet, HOSTS["nf-up5"])
    await_plan(fleet)
    own = {address: flow.outage for address, flow in flows.items() if before[address] == gone}
    assert [address for address, flow in flows.items() if flow.lost and address not in own] == []
    assert set(before.values()) == {PLANES[name][4] for name in DRAWN}
    assert gone not in after.values()
    assert 0 < max(own.values()) <= LONGEST_OUTAGE
    moved = [address for address in spread if before[address] not in (gone, after[address])]
    measured(f"nf-up5 goes: {len(own)} of {len(spread)} flows were its own, {len(moved)} of the others move, lossless")


def ways(fleet: Fleet, addresses: list[str]) -> dict[str, str]:
    """The next hop by which the kernel of dcgw-01 sends the client's packets to each address."""
    script = 'for to in "$@"; do ip -j route get "$to" from 198.18.0.9 iif eth0 ipproto icmp; done'
    answers = fleet.output("dcgw-01", "sh", "-c", script, "sh", *addresses)
    found = re.findall(r'"gateway":"([^"]+)"', answers)
    return dict(zip(addresses, found, strict=True))


def test_an_nf_is_killed(fleet: Fleet, measured: Measured) -> None:
    """All its programs and its namespace with every link in it. The playbook brings it back."""
    host = HOSTS["nf-up3"]

    def kill() -> None:
        end = "ip netns delete nf-up3; systemctl kill -s KILL hostnet-bird@nf-up3 hnlab-container-nf-up3"
        fleet.output(host, "sh", "-c", end)
        await_plan(fleet, others("nf-up3"))

    def make_again() -> None:
        assert fleet.play("site.yml", "--limit", host).changed[host] > 0
        await_plan(fleet)
        eventually(lambda: fleet.pings("client", "203.0.113.33"))

    flows = of(during(fleet, kill, ("nf-up3",), make_again), "nf-up3")
    told(measured, "nf-up3 is killed", flows)
    assert all(flow.outage <= LONGEST_OUTAGE for flow in flows.values()), flows


# Each program that answers to BFD, how it is killed, and how it is started again where nobody else does that.
DAEMONS = {
    "nf-up4": ("bird", "systemctl kill -s KILL hostnet-bird@nf-up4", "true"),
    "nf-up6": ("bfdd", "kill -KILL $(pidof bfdd)", "systemctl restart hnlab-container-nf-up6"),
}


@pytest.mark.parametrize("name", list(DAEMONS))
def test_a_bfd_daemon_is_killed(fleet: Fleet, measured: Measured, name: str) -> None:
    """The user plane still forwards: its routes go as if it were dead, and no packet is lost."""
    daemon, kill, start = DAEMONS[name]
    pool = next(pool for pool, owner in POOLS.items() if owner == name)
    left: list[float] = []

    def happen() -> None:
        monitor = Monitor(fleet, "dcgw-01")
        killed = float(fleet.output(HOSTS[name], "sh", "-c", f"date +%s.%N; {kill}"))
        eventually(lambda: f"Deleted {pool} " in monitor.text(), 20)
        left.append(1000 * (monitor.deleted(pool) - killed))
        monitor.end()
        fleet.output(HOSTS[name], "sh", "-c", start)
        await_plan(fleet)

    during(fleet, happen)
    measured(f"{daemon} of {name} is killed: {pool} leaves the kernel of dcgw-01 after {left[-1]:.0f} ms")
    assert left[-1] <= LONGEST_OUTAGE


class Monitor:
    """What happens to the routes of a gateway's kernel, with the time."""

    def __init__(self, fleet: Fleet, gateway: str) -> None:
        self._fleet, self._gateway = fleet, gateway
        script = "stdbuf -oL ip -ts monitor route > /tmp/monitor 2>&1 & echo $!"
        self._pid = fleet.output(gateway, "sh", "-c", script).strip()

    def text(self) -> str:
        return self._fleet.output(self._gateway, "cat", "/tmp/monitor")

    def deleted(self, network: str) -> float:
        """When a route went, in seconds since the epoch."""
        found = re.search(rf"\[(\S+)\] *Deleted {re.escape(network)} ", self.text())
        assert found
        stamp = self._fleet.output(self._gateway, "date", "-d", found[1], "+%s.%N")
        return float(stamp)

    def end(self) -> None:
        self._fleet.output(self._gateway, "kill", self._pid)


def test_a_foreign_user_plane_leaves_by_itself(fleet: Fleet) -> None:
    """FRR says AdminDown (T8): the gateways do not wait for its silence, which would be 15 seconds here."""
    without, slow = plan(others("nf-up6")), re.compile(r"^192\.0\.2\.6 .* Up .* 15\.000$", re.MULTILINE)

    def tell(word: str) -> None:
        words = [part for line in ("configure", "bfd", "profile gateways", word) for part in ("-c", line)]
        fleet.output(HOSTS["nf-up6"], "vtysh", "-N", "nf-up6", *words)

    def sessions_of(gateway: str) -> str:
        return fleet.output(gateway, "birdc", "-r", "show", "bfd", "sessions")

    def happen() -> None:
        tell("detect-multiplier 50")
        for gateway in GATEWAYS:
            eventually(lambda gateway=gateway: bool(slow.search(sessions_of(gateway))))  # type: ignore[misc]
        tell("shutdown")
        for gateway in GATEWAYS:
            eventually(lambda gateway=gateway: routes(fleet, gateway) == without, 8)  # type: ignore[misc]
        tell("no shutdown")
        tell("detect-multiplier 5")
        await_plan(fleet)

    during(fleet, happen)


def test_control_planes_are_lost(fleet: Fleet, measured: Measured) -> None:
    """Without one of them, whichever it is, nothing changes. Without both the pools go, and are soon back (T4)."""
    wanted = plan()
    hosts = HOSTS["nf-cp1"], HOSTS["nf-cp2"]
    left = {hosts[0]: {"nf_cp2_v4", "nf_cp2_v6"}, hosts[1]: {"nf_cp1_v4", "nf_cp1_v6"}}

    def one_after_the_other() -> None:
        for host in hosts:
            cut(fleet, host)
            for gateway in GATEWAYS:
                eventually(lambda g=gateway, h=host: set(sessions(fleet, g)) == left[h])  # type: ignore[misc]
                assert routes(fleet, gateway) == wanted
            mend(fleet, host)
            await_sessions(fleet)

    during(fleet, one_after_the_other)
    traffic, before = PoolTraffic(fleet), forwarded(fleet)
    cut(fleet, *hosts)
    virtual = {network: wanted[network] for network in VIRTUAL.values()}
    for gateway in GATEWAYS:
        eventually(lambda gateway=gateway: routes(fleet, gateway) == virtual)  # type: ignore[misc]
    mend(fleet, *hosts)
    began = time.monotonic()
    await_plan(fleet)
    measured(f"both control planes are back: the plan's routes are after {1000 * (time.monotonic() - began):.0f} ms")
    flows = traffic.end()
    told(measured, "both control planes are lost for a while", of(flows, "nf-up2"))
    assert_told_that_there_is_no_way(flows)
    assert forwarded(fleet) == before


def forwarded(fleet: Fleet) -> int:
    """What has come to the client that was not for it, and went back to where it came from."""
    shown = fleet.output("client", "nstat", "-asz", "IpForwDatagrams", "Ip6OutForwDatagrams")
    return sum(int(line.split()[1]) for line in shown.splitlines() if "Forw" in line)


def assert_told_that_there_is_no_way(flows: dict[str, Flow]) -> None:
    """Of both families, as often as a router says it; and nothing went round until its time was up."""
    for mark in (".", ":"):
        told = [flow.errors for address, flow in flows.items() if mark in address]
        assert sum(errors.get("unreachable", 0) for errors in told) > 0
        assert sum(errors.get("exceeded", 0) for errors in told) == 0


def test_all_user_planes_are_dead(fleet: Fleet, measured: Measured) -> None:
    """No route is left, and nothing goes round between the gateways and the client, whose defaults are each other."""
    before = forwarded(fleet)
    hosts = [HOSTS[name] for name in DRAWN]
    traffic = PoolTraffic(fleet)
    cut(fleet, *hosts)
    await_plan(fleet, ())
    time.sleep(1)
    mend(fleet, *hosts)
    await_plan(fleet)
    assert_told_that_there_is_no_way(traffic.end())
    assert forwarded(fleet) == before


OUTSIDE = ("198.18.0.9", "2001:db8:18::9")
# How BIRD of a gateway ceases to answer, and how it answers again; by itself it would be started again when killed.
SILENCED = {
    "hangs": ("systemctl kill --signal=STOP bird", "systemctl kill --signal=CONT bird"),
    "is dead": (
        "systemctl mask --runtime --quiet bird; systemctl kill --signal=KILL bird",
        "systemctl unmask --runtime --quiet bird; systemctl reset-failed bird; systemctl start bird",
    ),
}


def led_by(fleet: Fleet) -> list[list[str]]:
    """Who has the shared addresses, on either side."""
    return [active(fleet), active(fleet, "198.18.0.254")]


@pytest.mark.parametrize("how", list(SILENCED))
def test_a_gateway_whose_bird_does_not_answer_gives_way(fleet: Fleet, measured: Measured, how: str) -> None:
    """Its kernel keeps the routes as they were, by which packets find their way until the other gateway has them."""
    silence, wake = SILENCED[how]
    eventually(lambda: led_by(fleet) == [["dcgw-01"]] * 2)
    traffic = PoolTraffic(fleet), PoolTraffic(fleet, "nf-up5", OUTSIDE)
    began = time.monotonic()
    fleet.output("dcgw-01", "sh", "-c", silence)
    try:
        eventually(lambda: led_by(fleet) == [["dcgw-02"]] * 2, 30)
        took = time.monotonic() - began
        assert routes(fleet, "dcgw-01") == plan()
        cut(fleet, HOSTS["nf-up2"])
        await_plan(fleet, others("nf-up2"), ["dcgw-02"])
        assert routes(fleet, "dcgw-01") == plan()
        mend(fleet, HOSTS["nf-up2"])
        await_plan(fleet, gateways=["dcgw-02"])
    finally:
        fleet.output("dcgw-01", "sh", "-c", wake)
    await_plan(fleet)
    await_sessions(fleet)
    eventually(lambda: led_by(fleet) == [["dcgw-01"]] * 2)
    flows = {address: flow for each in traffic for address, flow in each.end().items()}
    kept = {address: flow for address, flow in flows.items() if SUBSCRIBERS.get(address) != "nf-up2"}
    worst = max(flow.outage for flow in kept.values())
    measured(f"BIRD of dcgw-01 {how}: it gives way after {took:.1f} s, and no answer for at most {worst} ms")
    assert worst <= 1000, losses(kept)


def test_a_bird_that_is_killed_is_started_again(fleet: Fleet, measured: Measured) -> None:
    """By systemd, at once: nobody gives way. It takes away the routes that it finds, and has to hear of them again."""
    eventually(lambda: led_by(fleet) == [["dcgw-01"]] * 2)
    traffic = PoolTraffic(fleet)
    fleet.output("dcgw-01", "systemctl", "kill", "--signal=KILL", "bird")
    eventually(lambda: fleet.on("dcgw-01", "birdc", "show", "status").returncode == 0)
    await_sessions(fleet)
    await_plan(fleet)
    assert led_by(fleet) == [["dcgw-01"]] * 2
    time.sleep(0.5)
    flows = traffic.end()
    worst = max(flow.outage for flow in flows.values())
    measured(f"BIRD of dcgw-01 is killed and started again: no answer for at most {worst} ms")
    assert 0 < worst <= 10000, losses(flows)
    assert not [address for address, flow in flows.items() if "exceeded" in flow.errors]


def test_a_gateway_dies(fleet: Fleet, measured: Measured) -> None:
    """The other one takes what the client sends and what the NFs send, and gives it back when the first is whole."""
    eventually(lambda: active(fleet) == active(fleet, "198.18.0.254") == ["dcgw-01"])
    inside = PoolTraffic(fleet, "nf-up5", OUTSIDE)
    traffic = PoolTraffic(fleet)
    fleet.power("dcgw-01", "off")
    time.sleep(4)
    flows = {**traffic.end(), **inside.end()}
    worst = max(flow.outage for flow in flows.values())
    measured(f"dcgw-01 dies: no answer for at most {worst} ms, to every pool and from nf-up5 to the client")
    assert worst <= 3000, losses(flows)
    assert routes(fleet, "dcgw-02") == plan()
    fleet.power("dcgw-01", "on")
    inside, traffic = PoolTraffic(fleet, "nf-up5", OUTSIDE), PoolTraffic(fleet)
    assert fleet.play("site.yml", "--limit", "dcgw-01").changed["dcgw-01"] > 0
    await_plan(fleet)
    eventually(lambda: active(fleet) == active(fleet, "198.18.0.254") == ["dcgw-01"])
    flows = {**traffic.end(), **inside.end()}
    worst = max(flow.outage for flow in flows.values())
    measured(f"dcgw-01 is back: no answer for at most {worst} ms")
    assert worst <= 1000, losses(flows)
