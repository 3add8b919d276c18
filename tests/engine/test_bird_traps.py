# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Traps of BIRD on a gateway with pools behind user planes: each as it bites, and how the cure works.

A gateway, a control plane that advertises pools, and user planes that answer to BFD, all on one switch.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, tool, wait_for
from routers import HEAD, Router, cut, for_a_while, lan, mend

GATEWAY, CONTROL, VIRTUAL = "192.0.2.252", "192.0.2.9", "198.51.100.100"
PLANES = {"up1": "192.0.2.1", "up2": "192.0.2.2"}
COVER, POOL = "203.0.113.0/24", "203.0.113.16/28"
BFD = "interval 100 ms; multiplier 3;"
TIMERS = "connect delay time 1; connect retry time 2; error wait time 1, 5;"

GUARDED = f"""
ipv4 table nht;
protocol static vnh {{ ipv4 {{ table nht; }};
  route {VIRTUAL}/32 via {PLANES["up1"]} bfd via {PLANES["up2"]} bfd;
  route {PLANES["up1"]}/32 via {PLANES["up1"]} bfd;
  route {PLANES["up2"]}/32 via {PLANES["up2"]} bfd;
}}
"""


def gateway(
    export: str = "where dest != RTD_UNREACHABLE && source != RTS_DEVICE",
    channel: str = "igp table nht; gateway recursive;",
    timers: str = TIMERS,
) -> str:
    return f"""{HEAD}
router id {GATEWAY};
{GUARDED}
protocol bfd {{ interface "eth0" {{ {BFD} }}; }}
protocol kernel {{ merge paths on limit 16; ipv4 {{ import none; export {export}; }}; }}
protocol bgp cp1 {{ local {GATEWAY} as 65000; neighbor {CONTROL} as 65100; bfd on; {timers}
  ipv4 {{ {channel} import where net ~ [{COVER}+]; export none; }};
}}
"""


CONTROL_PLANE = f"""{HEAD}
router id {CONTROL};
protocol bfd {{ interface "eth0" {{ {BFD} }}; }}
protocol static pools {{ ipv4;
  route {COVER} blackhole {{ bgp_next_hop = {VIRTUAL}; }};
  route {POOL} blackhole {{ bgp_next_hop = {PLANES["up2"]}; }};
}}
protocol bgp gateway1 {{ local {CONTROL} as 65100; neighbor {GATEWAY} as 65000; bfd on; {TIMERS}
  ipv4 {{ import none; export where source = RTS_STATIC; }};
}}
"""


def user_plane(address: str) -> str:
    return f"""{HEAD}
router id {address};
protocol bfd {{ accept direct; interface "eth0" {{ {BFD} passive yes; }}; neighbor {GATEWAY}; }}
"""


@dataclass
class Fabric:
    """What runs so far. It ends with the test."""

    directory: Path
    stack: ExitStack
    routers: dict[str, Router] = field(default_factory=dict)

    def start(self, name: str, config: str) -> Router:
        router = self.stack.enter_context(Router.started(self.directory / name, name, config))
        self.routers[name] = router
        return router

    def start_gateway(self, config: str | None = None) -> Router:
        router = self.start("gw", gateway() if config is None else config)
        wait_for(lambda: router.is_up("cp1"), "the BGP session")
        wait_for(lambda: all(map(router.bfd_up, (*PLANES.values(), CONTROL))), "the BFD sessions")
        return router

    def routes(self) -> dict[str, Any]:
        """The pools in the gateway's kernel: the set of next hops of each, or how it is refused."""
        shown = json.loads(tool("ip", "-j", "route", "show", "proto", "bird", namespace="gw").stdout or "[]")
        return {route["dst"]: next_hops(route) for route in shown if route["dst"].startswith("203.0.113.")}


def next_hops(route: dict[str, Any]) -> Any:
    if route.get("type", "unicast") != "unicast":
        return route["type"]
    return {hop["gateway"] for hop in route.get("nexthops", [route])}


BOTH, FIRST, SECOND = set(PLANES.values()), {PLANES["up1"]}, {PLANES["up2"]}


@pytest.fixture
def fabric(host: Machine, tmp_path: Path) -> Iterator[Fabric]:
    lan({"gw": f"{GATEWAY}/24", "cp": f"{CONTROL}/24", **{name: f"{a}/24" for name, a in PLANES.items()}})
    with ExitStack() as stack:
        found = Fabric(tmp_path, stack)
        found.start("cp", CONTROL_PLANE)
        for name, address in PLANES.items():
            found.start(name, user_plane(address))
        yield found


def test_pools_move_to_the_covering_prefix_and_back(fabric: Fabric) -> None:
    """T1 and T6 cured: the pool leaves the kernel with its user plane, the covering prefix spreads over the others."""
    gw = fabric.start_gateway()
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    since = gw.since("cp1")
    cut("up2")
    wait_for(lambda: fabric.routes() == {COVER: FIRST}, "the routes without up2")
    cut("up1")
    wait_for(lambda: fabric.routes() == {}, "no route at all")
    mend("up1")
    mend("up2")
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes again")
    assert gw.since("cp1") == since


def test_user_plane_joins_and_leaves_in_place(fabric: Fabric) -> None:
    """The daily changes of a gateway: next hops and their guards come and go, no session notices."""
    gw = fabric.start_gateway()
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    before = gw.state()
    third = gateway().replace(
        " bfd;\n  route", " bfd via 192.0.2.3 bfd;\n  route 192.0.2.3/32 via 192.0.2.3 bfd;\n  route", 1
    )
    done = gw.apply(third)
    assert (done.plan.resets, done.plan.changed) == ((), (("vnh", "Static"),))
    assert gw.state()["since"] == before["since"]
    gw.apply(gateway())
    after = gw.state()
    assert (after["since"], after["bfd"]) == (before["since"], before["bfd"])
    assert fabric.routes() == {COVER: BOTH, POOL: SECOND}


def test_t1_unresolvable_pool_is_refused_instead_of_falling_back(fabric: Fabric) -> None:
    fabric.start_gateway(gateway(export="all"))
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    cut("up2")
    wait_for(lambda: fabric.routes() == {COVER: FIRST, POOL: "unreachable"}, "the trap")


def test_t3_virtual_next_hop_needs_recursion(fabric: Fabric) -> None:
    fabric.start_gateway(gateway(channel=""))
    wait_for(lambda: POOL in fabric.routes(), "the pool, whose next hop is on the link")
    assert COVER not in fabric.routes()


def flap(fabric: Fabric, gw: Router) -> None:
    cut("cp")
    wait_for(lambda: not gw.is_up("cp1"), "the session's end")
    mend("cp")


def test_t4_session_waits_a_minute_after_an_error(fabric: Fabric) -> None:
    gw = fabric.start_gateway(gateway(timers="connect delay time 1;"))
    flap(fabric, gw)
    details = "\n".join(line.text for line in gw.ask("show protocols all cp1").lines)
    waiting = re.search(r"Error wait: +([\d.]+)/60", details)
    assert waiting is not None, details
    assert float(waiting[1]) > 40


def test_t4_session_comes_back_soon(fabric: Fabric) -> None:
    gw = fabric.start_gateway()
    flap(fabric, gw)
    wait_for(lambda: gw.is_up("cp1"), "the session", seconds=10)
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")


@pytest.mark.parametrize(("table", "left"), [("", {COVER: FIRST}), ("import table on;", {COVER: BOTH, POOL: SECOND})])
def test_t5_import_table_brings_back_the_routes_of_the_dead(fabric: Fabric, table: str, left: dict[str, Any]) -> None:
    """A new filter is applied to what the table keeps, which has the next hops from when the routes came in."""
    gw = fabric.start_gateway(gateway(channel=f"igp table nht; gateway recursive; {table}"))
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    cut("up2")
    wait_for(lambda: fabric.routes() == {COVER: FIRST}, "the routes without up2")
    gw.ask("reload in cp1")
    wait_for(lambda: fabric.routes() == left, "the routes after the reload")
    for _moment in for_a_while(1.0):
        assert fabric.routes() == left


def test_t6_next_hop_on_the_link_is_not_guarded(fabric: Fabric) -> None:
    """Without the table of guarded next hops, the pool stays with a user plane that is dead."""
    unguarded = gateway(channel="igp table master4; gateway recursive;").replace("table nht; }", "}", 1)
    unguarded = unguarded.replace("ipv4 table nht;", "").replace("table nht;", "")
    unguarded = re.sub(r"  route 192\.0\.2\.\d/32 .*\n", "", unguarded)
    gw = fabric.start_gateway(f'{unguarded}\nprotocol direct {{ ipv4; interface "eth0"; }}\n')
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    cut("up2")
    wait_for(lambda: fabric.routes().get(COVER) == FIRST, "the covering prefix without up2")
    for _moment in for_a_while(1.0):
        assert fabric.routes() == {COVER: FIRST, POOL: SECOND}
    assert not gw.bfd_up(PLANES["up2"])


def test_t7_a_guard_taken_from_one_route_stays_with_the_others(fabric: Fabric) -> None:
    """FRR ends the session that other routes with the same next hop still need. Here it goes on, and guards them."""
    gw = fabric.start_gateway()
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    before = gw.state()["bfd"]
    gw.apply(gateway().replace(f"via {PLANES['up2']} bfd;", f"via {PLANES['up2']};", 1))
    assert gw.state()["bfd"] == before
    cut("up2")
    wait_for(lambda: fabric.routes() == {COVER: BOTH}, "the pool's end, with a covering prefix that nobody guards")


def test_t9_one_bfd_session_for_a_neighbour_on_a_link(fabric: Fabric) -> None:
    """Two static routes and a BGP session, from two addresses: all share it."""
    tool("ip", "-n", "gw", "addr", "add", "192.0.2.251/24", "dev", "eth0")
    second = f"""
protocol bgp second {{ local 192.0.2.251 as 65000; neighbor {PLANES["up2"]} as 65200; bfd on;
  ipv4 {{ import none; export none; }};
}}
"""
    gw = fabric.start_gateway(gateway() + second)
    reply = gw.ask("show bfd sessions")
    assert sum(line.text.split()[:1] == [PLANES["up2"]] for line in reply.lines) == 1


def test_t10_members_that_live_stay_where_they_are(fabric: Fabric) -> None:
    """What the daemon can do: the route is replaced in one step, and the next hop that lives is never gone."""
    fabric.start_gateway()
    wait_for(lambda: fabric.routes() == {COVER: BOTH, POOL: SECOND}, "the plan's routes")
    cut("up2")
    for _moment in for_a_while(2.0):
        assert fabric.routes().get(COVER, set()) >= FIRST
    assert fabric.routes() == {COVER: FIRST}
