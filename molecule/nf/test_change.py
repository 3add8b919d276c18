# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes on while the fleet is changed: no session is reset, no packet is lost, and bad input changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawing import (
    COVER,
    DRAWN,
    GATEWAYS,
    HOSTS,
    PLANES,
    Moment,
    PoolTraffic,
    await_plan,
    await_sessions,
    guards,
    intent,
    losses,
    plan,
    routes,
)
from fleet import Fleet, eventually

BAD = {
    "a way to nowhere": "protocol static nowhere { ipv4; route 198.18.99.0/24 via; }",
    "a filter that is not there": "protocol static nowhere { ipv4 { import filter absent; }; }",
}


def test_a_second_run_changes_nothing_and_resets_no_session(fleet: Fleet) -> None:
    since, guarded = await_sessions(fleet), all_guards(fleet)
    assert {gateway: len(own) for gateway, own in guarded.items()} == dict.fromkeys(GATEWAYS, 2 * len(DRAWN) + 4)
    traffic = PoolTraffic(fleet)
    assert fleet.play("site.yml").changed == dict.fromkeys(fleet.machines, 0)
    assert losses(traffic.end()) == []
    assert (await_sessions(fleet), all_guards(fleet)) == (since, guarded)


def all_guards(fleet: Fleet) -> dict[str, dict[str, Moment]]:
    return {gateway: guards(fleet, gateway) for gateway in GATEWAYS}


@pytest.fixture
def seventh(fleet: Fleet, tmp_path: Path) -> Iterator[str]:
    """The file with what the inventory says when nf-up7 is on compute-07; afterwards it is not."""
    own = {"host": "compute-07", "attach": "veth", "addresses": list(PLANES["nf-up7"].values())}
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"fabric_user_planes": {**intent()["fabric_user_planes"], "nf-up7": own}}))
    yield str(more)
    fleet.play("site.yml", "--limit", "compute-07")


def test_a_user_plane_appears_and_joins_by_itself(fleet: Fleet, seventh: str) -> None:
    """Its own host is all that the playbook is run for. It gets a share of what is in no pool, and no pool moves."""
    since = await_sessions(fleet)
    traffic = PoolTraffic(fleet)
    assert fleet.play("site.yml", "--limit", "compute-07", "-e", f"@{seventh}").changed["compute-07"] > 0
    with_it = plan((*DRAWN, "nf-up7"))
    await_plan(fleet, (*DRAWN, "nf-up7"))
    assert all(with_it[route] == ways for route, ways in plan().items() if len(ways) == 1)
    assert losses(traffic.end()) == []
    assert await_sessions(fleet) == since
    eventually(lambda: fleet.on("nf-up7", "ip", "route", "get", "203.0.113.200").stdout.startswith("local"))
    shown = fleet.output("client", "sh", "-c", SPREAD, "sh", *(f"203.0.113.{number}" for number in range(112, 160)))
    assert shown.count("1 received") == 48
    echoes = fleet.output("nf-up7", "nstat", "-asz", "IcmpInEchos").split("IcmpInEchos")[1].split()[0]
    assert 0 < int(echoes) < 48
    assert len(routes(fleet, GATEWAYS[0])[COVER[4]]) == 7


SPREAD = 'for to in "$@"; do ping -n -q -c 1 -W 3 "$to" & done; wait'


OWN_ADDRESSES = ("192.0.2.252", "192.0.2.253", "2001:db8:2::252", "2001:db8:2::253")
BOTH_ENDS = ("nf_node_allow_session_reset", "nf_gateway_allow_session_reset")


def change_keys(fleet: Fleet, own: list[str], foreign: str) -> None:
    """In one run, as docs/intent-nf.md has it. The foreign control plane is told by hand, before the gateways are."""
    lines = ["configure", "router bgp 65101", *(foreign.format(address) for address in OWN_ADDRESSES)]
    words = [part for line in lines for part in ("-c", line)]
    fleet.output(HOSTS["nf-cp2"], "vtysh", "-N", "nf-cp2", *words)
    allowed = [part for variable in BOTH_ENDS for part in ("-e", f"{variable}=true")]
    shown = fleet.play("site.yml", *own, *allowed, "-e", "nf_node_await_sessions=false", "-vvv", "--diff").text
    assert "secret-1" not in shown
    await_sessions(fleet)
    await_plan(fleet)


@pytest.mark.long
def test_the_key_of_all_sessions_is_changed(fleet: Fleet, tmp_path: Path) -> None:
    """And is in nothing that is printed."""
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"fabric_bgp": {**intent()["fabric_bgp"], "password": "secret-1"}}))
    with_key = ["-e", f"@{more}"]
    with pytest.raises(AssertionError, match="allow_session_reset") as refused:
        fleet.play("site.yml", "--limit", HOSTS["nf-cp1"], *with_key, "-vvv", "--diff")
    assert "secret-1" not in str(refused.value)
    await_sessions(fleet)
    try:
        change_keys(fleet, with_key, "neighbor {} password secret-1")
        assert 'password "secret-1"' in fleet.output("dcgw-01", "cat", "/etc/bird/bird.conf")
    finally:
        change_keys(fleet, [], "no neighbor {} password")


@pytest.mark.parametrize("fault", list(BAD.values()), ids=list(BAD))
def test_what_bird_does_not_take_leaves_all_as_it_was(fleet: Fleet, tmp_path: Path, fault: str) -> None:
    since = await_sessions(fleet)
    before = fleet.output("dcgw-01", "cat", "/etc/bird/bird.conf")
    config = {"config": f"{before}{fault}\n"}
    play = [
        {
            "hosts": "dcgw-01",
            "gather_facts": False,
            "tasks": [
                {"hostnet.fabric.bird": config, "register": "refused", "ignore_errors": True},
                {"ansible.builtin.debug": {"var": "refused"}},
                {"ansible.builtin.assert": {"that": ["refused is failed", "refused is not changed"]}},
            ],
        }
    ]
    book = tmp_path / "bad.yml"
    book.write_text(json.dumps(play))
    shown = fleet.play(str(book)).text
    line = len(before.splitlines()) + 1
    assert f":{line}:" in shown
    assert fleet.output("dcgw-01", "cat", "/etc/bird/bird.conf") == before
    assert await_sessions(fleet) == since
    assert routes(fleet, "dcgw-01") == plan()
