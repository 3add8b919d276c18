# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports of instances outlive the switch daemon, as when its package is upgraded."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import struct
from typing import Any

import pytest
from harness import Machine, OpenVSwitch, inside, tool, wait_for

_TUNSETIFF, _TAP = 0x400454CA, 0x1002
_ETHER_TYPE = 0x88B5
_FRAME = bytes.fromhex("ffffffffffff 020000000001 88b5") + bytes(46)


def _instances(datapath: str) -> dict[str, Any]:
    """Two containers on veths and a virtual machine on a tap."""
    names = {"c1": "192.0.2.1/24", "c2": "192.0.2.2/24"}
    return {
        "namespaces": [{"name": name} for name in names],
        "ovs_bridges": [{"name": "ovs0", "datapath_type": datapath}],
        "ovs_ports": [{"name": port, "bridge": "ovs0"} for port in ("p-c1", "p-c2", "t0")],
        "links": [
            *({"name": f"p-{n}", "type": "veth", "peer": {"namespace": n, "name": "eth0"}, "up": True} for n in names),
            *({"namespace": n, "name": "eth0", "type": "veth", "peer": {"name": f"p-{n}"}, "up": True} for n in names),
            {"name": "t0", "type": "tap", "up": True},
        ],
        "addresses": [{"namespace": name, "link": "eth0", "address": each} for name, each in names.items()],
    }


def _containers_meet() -> bool:
    return tool("ping", "-c", "1", "-W", "1", "192.0.2.2", namespace="c1", check=False).returncode == 0


def _reaches_container(machine: int) -> bool:
    """Whether a frame that the virtual machine sends arrives in a container."""
    with inside("c1"):
        listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETHER_TYPE))
    with listener:
        listener.bind(("eth0", _ETHER_TYPE))
        listener.settimeout(1)
        os.write(machine, _FRAME)
        try:
            return listener.recv(100) == _FRAME
        except TimeoutError:
            return False


def _reached_from_container(machine: int) -> bool:
    """Whether a frame that a container sends arrives at the virtual machine."""
    while select.select([machine], [], [], 0)[0]:
        os.read(machine, 2000)
    with inside("c1"):
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with sender:
        sender.bind(("eth0", _ETHER_TYPE))
        sender.send(_FRAME)
    while select.select([machine], [], [], 1)[0]:
        if os.read(machine, 2000) == _FRAME:
            return True
    return False


def _assert_connected(machine: int) -> None:
    wait_for(_containers_meet, "the containers to meet")
    wait_for(lambda: _reaches_container(machine), "frames from the tap")
    wait_for(lambda: _reached_from_container(machine), "frames to the tap")


def test_taps_and_veths_go_on_after_the_switch_daemon_was_restarted(
    host: Machine, ovs: OpenVSwitch, datapath: str
) -> None:
    document = _instances(datapath)
    host.apply(document)
    with open("/dev/net/tun", "r+b", buffering=0) as tap:
        fcntl.ioctl(tap, _TUNSETIFF, struct.pack("=16sH22x", b"t0", _TAP))
        _assert_connected(tap.fileno())

        ovs.stop("ovs-vswitchd")
        ovs.start_daemon()

        _assert_connected(tap.fileno())
        host.assert_settled(document)


@pytest.mark.needs("openvswitch")
def test_the_kernel_forwards_what_it_knows_while_no_daemon_runs(host: Machine, ovs: OpenVSwitch) -> None:
    host.apply(_instances("system"))
    wait_for(_containers_meet, "the containers to meet")
    ovs.stop("ovs-vswitchd")
    assert _containers_meet()
