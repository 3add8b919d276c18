# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is taken out of service and put back, without a packet lost; and who is not, because too few would be left."""

from __future__ import annotations

import pytest
from drawing import (
    DRAWN,
    GATEWAYS,
    PLANES,
    POOLS,
    Traffic,
    active,
    await_plan,
    cut,
    lead_client,
    losses,
    memory,
    mend,
    plan,
    remember,
    routes,
    sessions,
)
from fleet import Fleet, eventually, kill

DEAF = """
table inet deaf {
    chain in {
        type filter hook input priority 0
        meta nfproto ipv6 tcp sport 179 drop
        meta nfproto ipv6 tcp dport 179 drop
    }
}
"""


def assert_drained(fleet: Fleet, plane: str, heirs: int) -> None:
    """No route leads to it; each of its pools leads to so many others, and no other pool has moved."""
    own = {network for network, name in POOLS.items() if name == plane}
    left = plan(set(DRAWN) - {plane})
    for gateway in GATEWAYS:
        found = routes(fleet, gateway)
        assert {network: ways for network, ways in found.items() if network not in own} == left
        moved = {network: ways for network, ways in found.items() if network in own}
        assert [len(ways) for ways in moved.values()] == [1] * (len(own) * heirs)
        assert not {way for ways in moved.values() for way in ways} & set(PLANES[plane].values())


def test_user_plane_and_foreign_control_plane(fleet: Fleet) -> None:
    """Its pools go to others. Sessions stay; a second drain changes nothing, and site.yml does not undo it."""
    before = {gateway: sessions(fleet, gateway) for gateway in GATEWAYS}
    traffic = Traffic(fleet)
    assert sum(fleet.play("drain.yml", "-e", "drain=nf-up3,nf-cp2").changed.values()) > 0
    assert_drained(fleet, "nf-up3", 1)
    assert set(fleet.play("drain.yml", "-e", "drain=nf-up3,nf-cp2").changed.values()) == {0}
    assert set(fleet.play("site.yml", "--limit", "dcgw-01,compute-03,compute-09").changed.values()) == {0}
    fleet.play("verify.yml", "--limit", "nf_gateways,compute-03")
    fleet.play("undrain.yml", "-e", "undrain=nf-up3,nf-cp2")
    await_plan(fleet)
    assert {gateway: sessions(fleet, gateway) for gateway in GATEWAYS} == before
    assert losses(traffic.end()) == []


def test_foreign_user_plane_and_control_plane(fleet: Fleet) -> None:
    """The control plane that is left has a plan of its own and keeps to it: the covering prefix has the pools."""
    before = {gateway: sessions(fleet, gateway) for gateway in GATEWAYS}
    traffic = Traffic(fleet)
    fleet.play("drain.yml", "-e", "drain=nf-up6,nf-cp1")
    assert_drained(fleet, "nf-up6", 0)
    fleet.play("verify.yml", "--limit", "nf_gateways")
    fleet.play("undrain.yml", "-e", "undrain=nf-up6,nf-cp1")
    await_plan(fleet)
    assert {gateway: sessions(fleet, gateway) for gateway in GATEWAYS} == before
    assert losses(traffic.end()) == []


def test_gateway(fleet: Fleet) -> None:
    """It gives the shared addresses away, routes until no packet passes it, and shuts its sessions. Put back, it has
    nothing to do with them as long as it has the routes of one family only. It has to be a host of the play."""
    traffic = Traffic(fleet)
    with pytest.raises(AssertionError, match="dcgw-01 has to act, and is no host of this play"):
        fleet.play("drain.yml", "-e", "drain=dcgw-01", "--limit", "dcgw-02")
    lead_client(fleet, "253")
    fleet.play("drain.yml", "-e", "drain=dcgw-01")
    assert active(fleet) == ["dcgw-02"]
    assert sessions(fleet, "dcgw-01") == {}
    assert set(routes(fleet, "dcgw-01")) & set(POOLS) == set()
    fleet.output("dcgw-01", "nft", "-f", "-", stdin=DEAF)
    try:
        with pytest.raises(AssertionError, match=r"dcgw-01 lacks routes after 5 seconds.* IPv6: the plan has 8 routes"):
            fleet.play("undrain.yml", "-e", "undrain=dcgw-01", "-e", "nf_gateway_verify_timeout=5")
        assert len(sessions(fleet, "dcgw-01")) == 2
        assert active(fleet) == ["dcgw-02"]
        assert "priority 2\n" in fleet.output("dcgw-01", "cat", "/etc/hostnet.fabric/nf-vrrp.conf")
    finally:
        fleet.output("dcgw-01", "nft", "delete", "table", "inet", "deaf")
    fleet.play("undrain.yml", "-e", "undrain=dcgw-01")
    await_plan(fleet)
    lead_client(fleet, "254")
    eventually(lambda: active(fleet) == ["dcgw-01"])
    assert losses(traffic.end()) == []


def test_gateway_that_packets_still_pass(fleet: Fleet) -> None:
    """To a pool, or to an address that is in none. It keeps its sessions, and says what passes it."""
    before = sessions(fleet, "dcgw-01")
    lead_client(fleet, "252")
    try:
        for address, said in (("203.0.113.17", "203.0.113.16/28"), ("203.0.113.200", "rest")):
            traffic = Traffic(fleet, addresses=[address])
            with pytest.raises(AssertionError, match=rf"packets still pass it \(to-{said}\)"):
                fleet.play("drain.yml", "-e", "drain=dcgw-01", "-e", "nf_gateway_quiet_timeout=4")
            assert losses(traffic.end()) == []
            assert active(fleet) == ["dcgw-02"]
            assert sessions(fleet, "dcgw-01") == before
            assert routes(fleet, "dcgw-01") == plan()
    finally:
        fleet.play("undrain.yml", "-e", "undrain=dcgw-01")
        lead_client(fleet, "254")
    eventually(lambda: active(fleet) == ["dcgw-01"])
    assert sessions(fleet, "dcgw-01") == before


def test_a_drain_that_is_cut_off_is_brought_to_its_end(fleet: Fleet) -> None:
    """Its control plane has given the pools away, and nobody has told the gateways yet, nor the user plane."""
    drain = fleet.begin("drain.yml", "-e", "drain=nf-up3", until="(item=nf-cp1 on compute-09)")
    kill(drain)
    left = {way for ways in routes(fleet, "dcgw-01").values() for way in ways}
    assert left & set(PLANES["nf-up3"].values())
    try:
        fleet.play("site.yml", "--limit", "dcgw-01,dcgw-02,compute-03")
        assert_drained(fleet, "nf-up3", 1)
    finally:
        fleet.play("undrain.yml", "-e", "undrain=nf-up3")
    await_plan(fleet)


def test_two_at_a_time(fleet: Fleet) -> None:
    """Each of them has found that enough would be left. The later one finds out before it does anything."""
    before = {gateway: memory(fleet, gateway) for gateway in GATEWAYS}
    drain = fleet.begin("drain.yml", "-e", "drain=nf-up3", until="See which routes the gateways have")
    try:
        remember(fleet, "dcgw-02", '{"nf-up5": {"drained": true, "at": 1}}\n')
        text, _errors = drain.communicate()
    finally:
        remember(fleet, "dcgw-02", before["dcgw-02"] or "{}\n")
    assert drain.returncode != 0
    assert "somebody else has drained or put back others in this moment" in " ".join(text.split())
    assert memory(fleet, "dcgw-01") == before["dcgw-01"]
    assert {gateway: routes(fleet, gateway) for gateway in GATEWAYS} == dict.fromkeys(GATEWAYS, plan())


def test_what_is_wrong_on_gateways_is_found(fleet: Fleet) -> None:
    """A session that somebody has shut, and a route that nobody has planned."""
    fleet.output("dcgw-01", "ip", "route", "add", "blackhole", "203.0.113.240/28")
    fleet.output("dcgw-02", "birdc", "disable", "nf_cp1_v4")
    try:
        with pytest.raises(AssertionError) as failure:
            fleet.play("verify.yml", "--limit", "nf_gateways", "-e", "verify_patience=0")
    finally:
        fleet.output("dcgw-01", "ip", "route", "del", "blackhole", "203.0.113.240/28")
        fleet.output("dcgw-02", "birdc", "enable", "nf_cp1_v4")
    told = " ".join(str(failure.value).split())
    assert "dcgw-01, 203.0.113.240/28: is blackhole, and nobody has planned it" in told
    assert "dcgw-02, nf-cp1 192.0.2.9: has no BGP session" in told


def test_nobody_goes_when_too_few_live(fleet: Fleet) -> None:
    """By the intent there are six, by what the gateways hear there are two; and two have to stay."""
    hosts = [f"compute-0{number}" for number in range(1, 5)]
    cut(fleet, *hosts)
    try:
        await_plan(fleet, ("nf-up5", "nf-up6"))
        with pytest.raises(AssertionError, match=r"nf-up5: dcgw-01 would have 1 \(192.0.2.6\) left of user-planes"):
            fleet.play("drain.yml", "-e", "drain=nf-up5")
        with pytest.raises(AssertionError, match=r"nf-up5: dcgw-01 would have 1 "):
            fleet.play("rolling.yml", "-e", "rolling_hosts=compute-05:compute-06")
        await_plan(fleet, ("nf-up5", "nf-up6"))
    finally:
        mend(fleet, *hosts)
