# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts are changed one after the other, drained without one that is away, and built while out of service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from drawing import (
    DRAWN,
    GATEWAYS,
    HOSTS,
    PLANES,
    POOLS,
    PoolTraffic,
    active,
    await_plan,
    await_sessions,
    lead_client,
    losses,
    plan,
    routes,
    sessions,
)
from fleet import MOLECULE, Fleet, eventually

PLACES = {"dcgw-01": "252", "dcgw-02": "253"}


@contextmanager
def client_follows(fleet: Fleet) -> Iterator[None]:
    """The networks behind the gateways send by the one that has the shared address, as their own routing would."""
    over = threading.Event()

    def follow() -> None:
        led = ""
        while not over.wait(0.2):
            with suppress(AssertionError):
                for gateway in active(fleet):
                    if gateway != led:
                        lead_client(fleet, PLACES[gateway])
                        led = gateway

    lead_client(fleet, PLACES["dcgw-01"])
    follower = threading.Thread(target=follow)
    follower.start()
    try:
        yield
    finally:
        over.set()
        follower.join()
        lead_client(fleet, "254")


def daemons(fleet: Fleet) -> dict[str, str]:
    return {name: fleet.output(name, "systemctl", "show", "-p", "MainPID", "bird").strip() for name in GATEWAYS}


def test_gateways_are_changed_one_after_the_other(fleet: Fleet) -> None:
    """The routing daemon of each is restarted, and nobody notices."""
    eventually(lambda: active(fleet) == ["dcgw-01"])
    before = daemons(fleet)
    with client_follows(fleet):
        traffic = PoolTraffic(fleet)
        restart = str(MOLECULE / "nf/tasks/restart_bird.yml")
        fleet.play("rolling.yml", "-e", "rolling_hosts=nf_gateways", "-e", f"rolling_tasks={restart}")
        await_plan(fleet)
        lost = losses(traffic.end())
        eventually(lambda: active(fleet) == ["dcgw-01"])
    assert not set(daemons(fleet).values()) & set(before.values())
    assert lost == []


def started(fleet: Fleet, host: str, name: str) -> str:
    return fleet.output(host, "systemctl", "show", "-p", "MainPID", f"hostnet-bird@{name}").strip()


def test_hosts_are_changed_one_after_the_other(fleet: Fleet) -> None:
    """A user plane, and both control planes: the second one does not leave before the first one is heard again."""
    before = {name: started(fleet, HOSTS[name], name) for name in ("nf-up3", "nf-cp1")}
    hosts = ":".join(HOSTS[name] for name in ("nf-up3", "nf-cp1", "nf-cp2"))
    restart = str(MOLECULE / "nf/tasks/restart_functions.yml")
    traffic = PoolTraffic(fleet)
    fleet.play("rolling.yml", "-e", f"rolling_hosts={hosts}", "-e", f"rolling_tasks={restart}")
    await_plan(fleet)
    assert losses(traffic.end()) == []
    assert all(started(fleet, HOSTS[name], name) != pid for name, pid in before.items())


def assert_without(fleet: Fleet, plane: str, *gateways: str) -> None:
    """No route of these gateways leads to a user plane, and those to all others are there."""
    left = plan(set(DRAWN) - {plane})
    for gateway in gateways:
        eventually(lambda gateway=gateway: left.items() <= routes(fleet, gateway).items(), 20)  # type: ignore[misc]
        ways = {way for found in routes(fleet, gateway).values() for way in found}
        assert not ways & set(PLANES[plane].values())


@pytest.mark.long
def test_one_gateway_is_away(fleet: Fleet) -> None:
    """The play ends unless it is told to go on without that one, which learns of the drain when it is back."""
    fleet.power("dcgw-02", "off")
    try:
        with pytest.raises(AssertionError, match="dcgw-02"):
            fleet.play("drain.yml", "-e", "drain=nf-up3")
        await_plan(fleet, gateways=["dcgw-01"])
        traffic = PoolTraffic(fleet)
        fleet.play("drain.yml", "-e", "drain=nf-up3", "-e", "without=dcgw-02")
        assert losses(traffic.end()) == []
        assert_without(fleet, "nf-up3", "dcgw-01")
    finally:
        fleet.power("dcgw-02", "on")
        fleet.play("site.yml", "--limit", "dcgw-02")
        assert_without(fleet, "nf-up3", *GATEWAYS)
        fleet.play("undrain.yml", "-e", "undrain=nf-up3")
    await_plan(fleet)


@pytest.mark.long
def test_a_gateway_is_built_while_it_is_out_of_service(fleet: Fleet) -> None:
    eventually(lambda: active(fleet) == ["dcgw-01"])
    drained = ("-e", '{"fabric_drained": ["dcgw-02"]}')
    traffic = PoolTraffic(fleet)
    fleet.play("teardown.yml", "--limit", "dcgw-02")
    assert fleet.play("site.yml", "--limit", "dcgw-02", *drained).changed["dcgw-02"] > 0
    assert fleet.play("site.yml", "--limit", "dcgw-02", *drained).changed == {"dcgw-02": 0}
    assert active(fleet) == ["dcgw-01"]
    assert sessions(fleet, "dcgw-02") == {}
    assert not set(routes(fleet, "dcgw-02")) & set(POOLS)
    assert fleet.play("site.yml", "--limit", "dcgw-02").changed["dcgw-02"] > 0
    await_plan(fleet)
    await_sessions(fleet)
    assert active(fleet) == ["dcgw-01"]
    assert losses(traffic.end()) == []
