# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links and what hangs on them: ports of others, programs that hold taps, devices that are lent and given back."""

from __future__ import annotations

import fcntl
import struct
from typing import Any

import pytest
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import PlanRefused

_TUNSETIFF, _TAP = 0x400454CA, 0x1002


def _bridge(name: str = "br0", **fields: Any) -> dict[str, Any]:
    """One with an address of its own, lest it takes that of the port with the lowest."""
    return {"name": name, "type": "bridge", "up": True, "mac": f"02:00:00:00:00:0{int(name[-1])}", **fields}


def _tap(**fields: Any) -> dict[str, Any]:
    return {"name": "t0", "type": "tap", "up": True, "master": "br0", **fields}


def _port(host: Machine, name: str) -> tuple[Any, Any, Any]:
    link = host.link(name)
    assert link is not None
    slave = link.get("linkinfo", {}).get("info_slave_data", {})
    return link.get("master"), slave.get("isolated"), slave.get("learning")


def test_ports_of_others_stay_on_our_bridge_whatever_we_do_with_ours(host: Machine) -> None:
    """The taps of machines and the veths of containers are plugged in by those who run them."""
    host.apply({"links": [_bridge(), _tap()]})
    host.ip("tuntap add dev vnet7 mode tap")
    host.ip("link set dev vnet7 master br0 up")
    host.ip("link set dev vnet7 type bridge_slave isolated on")
    before = host.link("vnet7")
    host.apply({"links": [_bridge(ageing_time=1000), _tap(isolated=True)]})
    host.apply({"links": [_bridge(ageing_time=2000)]})
    assert host.link("vnet7") == before
    host.apply({"links": [_bridge(), _tap()]})
    assert host.link("vnet7") == before


def test_our_bridge_stays_as_long_as_others_are_plugged_in(host: Machine) -> None:
    """The port would outlive it; but the machine behind it would be cut off."""
    host.apply({"links": [_bridge()]})
    host.ip("tuntap add dev vnet7 mode tap")
    host.ip("link set dev vnet7 master br0")
    before = host.snapshot()
    with pytest.raises(
        PlanRefused, match="link host br0: removing it would cut off ports that are not ours: link vnet7"
    ):
        host.run({}, absent=True)
    host.assert_as(before)
    host.ip("link set dev vnet7 nomaster")
    host.absent()
    assert host.link("br0") is None
    assert _port(host, "vnet7") == (None, None, None)


@pytest.mark.needs("vxlan")
def test_a_tunnel_is_made_again_with_the_link_below_it(host: Machine) -> None:
    def document(multi_queue: bool) -> dict[str, Any]:
        tunnel = {"name": "vx0", "type": "vxlan", "id": 9, "parent": "t0", "master": "br0", "up": True}
        return {"links": [_bridge(), {"name": "t0", "type": "tap", "multi_queue": multi_queue, "up": True}, tunnel]}

    host.apply(document(False))
    done = host.apply(document(True))
    assert actions(done) == {"link t0": "replace", "link vx0": "add"}


def test_a_port_that_moves_keeps_what_is_declared_of_it(host: Machine) -> None:
    flags = {"isolated": True, "learning": False}
    host.apply({"links": [_bridge(), _bridge("br1"), _tap(**flags)]})
    assert _port(host, "t0") == ("br0", True, False)
    done = host.apply({"links": [_bridge(), _bridge("br1"), _tap(**{**flags, "master": "br1"})]})
    assert actions(done) == {"link t0": "change"}
    assert _port(host, "t0") == ("br1", True, False)


def test_a_program_keeps_its_tap_through_every_change_in_place(host: Machine) -> None:
    host.apply({"links": [_bridge(), _bridge("br1"), _tap(mtu=1500)]})
    with open("/dev/net/tun", "r+b", buffering=0) as machine:
        fcntl.ioctl(machine, _TUNSETIFF, struct.pack("=16sH22x", b"t0", _TAP))
        frame = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(46)
        for change in (
            {"mtu": 1400},
            {"master": "br1"},
            {"isolated": True},
            {"up": False},
            {"up": True},
            {"label": "VM 1"},
        ):
            host.apply({"links": [_bridge(), _bridge("br1"), _tap(**{"mtu": 1500, **change})]})
        assert machine.write(frame) == len(frame)


def test_a_device_of_others_is_given_back_to_the_bridge_it_came_from(host: Machine) -> None:
    host.ip("tuntap add dev eth7 mode tap")
    host.ip("link add name theirs type bridge")
    host.ip("link set dev eth7 master theirs mtu 1444 up")
    host.ip("link set dev eth7 type bridge_slave hairpin on")
    before = host.snapshot()
    lent = {"name": "eth7", "type": "physical", "master": "br0", "mtu": 1300, "hairpin": False, "isolated": True}
    host.apply({"links": [_bridge(), lent]})
    assert _port(host, "eth7")[0] == "br0"
    host.apply({"links": [_bridge(), {**lent, "mtu": 1200, "isolated": False}]})
    host.absent()
    host.assert_as(before)
    assert host.ledgers() == []


def test_a_field_that_is_taken_out_of_an_entry_keeps_its_value_until_the_entry_goes_too(host: Machine) -> None:
    host.ip("tuntap add dev eth7 mode tap")
    host.ip("link set dev eth7 mtu 1444 txqueuelen 77")
    before = host.snapshot()
    host.apply({"links": [{"name": "eth7", "type": "physical", "mtu": 1300, "txqueuelen": 99}]})
    host.apply({"links": [{"name": "eth7", "type": "physical", "mtu": 1300}]})
    link = host.link("eth7")
    assert link is not None
    assert (link["mtu"], link["txqlen"]) == (1300, 99)
    host.absent()
    host.assert_as(before)


def test_a_link_of_the_same_name_lives_in_every_namespace(host: Machine) -> None:
    host.ip("tuntap add dev eth0 mode tap")
    before = host.snapshot()
    host.apply(
        {
            "namespaces": [{"name": name} for name in ("c1", "c2")],
            "links": [
                {
                    "namespace": "c1",
                    "name": "eth0",
                    "type": "veth",
                    "peer": {"namespace": "c2", "name": "eth0"},
                    "up": True,
                },
                {"namespace": "c1", "name": "br0", "type": "bridge"},
                {"namespace": "c2", "name": "br0", "type": "bridge"},
                _bridge(),
            ],
        }
    )
    host.absent()
    host.assert_as(before)
