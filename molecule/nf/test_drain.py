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
    PoolTraffic,
    active,
    await_plan,
    cut,
    lead_client,
    losses,
    mend,
    plan,
    routes,
    sessions,
)
from fleet import Fleet, eventually


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
    traffic = PoolTraffic(fleet)
    assert sum(fleet.play("drain.yml", "-e", "drain=nf-up3,nf-cp2").changed.values()) > 0
    assert_drained(fleet, "nf-up3", 1)
    assert set(fleet.play("drain.yml", "-e", "drain=nf-up3,nf-cp2").changed.values()) == {0}
    assert set(fleet.play("site.yml", "--limit", "dcgw-01,compute-03,compute-09").changed.values()) == {0}
    fleet.play("verify.yml", "--limit", "nf_gateways,compute-03")
    fleet.play("undrain.yml", "-e", "undrain=nf-up3,nf-cp2")
    await_plan(fleet)
    assert {gateway: sessions(fleet, gateway) for gateway in GATEWAYS} == before
    assert losses(traffic.end()) == []


@pytest.mark.long
def test_foreign_user_plane_and_control_plane(fleet: Fleet) -> None:
    """The control plane that is left has a plan of its own and keeps to it: the covering prefix has the pools."""
    before = {gateway: sessions(fleet, gateway) for gateway in GATEWAYS}
    traffic = PoolTraffic(fleet)
    fleet.play("drain.yml", "-e", "drain=nf-up6,nf-cp1")
    assert_drained(fleet, "nf-up6", 0)
    fleet.play("undrain.yml", "-e", "undrain=nf-up6,nf-cp1")
    await_plan(fleet)
    assert {gateway: sessions(fleet, gateway) for gateway in GATEWAYS} == before
    assert losses(traffic.end()) == []


def test_gateway(fleet: Fleet) -> None:
    """It gives the shared addresses away, routes until no packet passes it, and shuts its sessions."""
    traffic = PoolTraffic(fleet)
    lead_client(fleet, "253")
    fleet.play("drain.yml", "-e", "drain=dcgw-01")
    assert active(fleet) == ["dcgw-02"]
    assert sessions(fleet, "dcgw-01") == {}
    assert set(routes(fleet, "dcgw-01")) & set(POOLS) == set()
    fleet.play("undrain.yml", "-e", "undrain=dcgw-01")
    await_plan(fleet)
    lead_client(fleet, "254")
    eventually(lambda: active(fleet) == ["dcgw-01"])
    assert losses(traffic.end()) == []


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
