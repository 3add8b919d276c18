# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user plane that is a VM: the program that runs it holds the other ends of its taps."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from copy import deepcopy
from pathlib import Path

import pytest
from dvr_fleet import captured
from harness import inside, tool, wait_for
from nf_fleet import BACKENDS, COVER, MTU, ON_WHICH, PLANES, Fabric, fabric, port, text
from routers import Router

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet

NAME, HOST, MAC = "nf-vm", "compute-02", "52:54:00:00:00:03"
OWN = {4: "192.0.2.3", 6: "2001:db8:2::3"}
_TUNSETIFF, _TAP = 0x400454CA, 0x1002


@pytest.fixture(params=BACKENDS)
def built(request: pytest.FixtureRequest, _namespace_directory: None, tmp_path: Path) -> Iterator[Fabric]:
    with fabric(tmp_path, request.param) as found:
        planes = found.intent["fabric_user_planes"]
        planes[NAME] = {"host": HOST, "attach": "tap", "addresses": list(OWN.values())}
        found.apply_to(HOST)
        yield found


@contextmanager
def machine(host: str) -> Iterator[None]:
    """The VM: a namespace with the kernel's network stack, whose interfaces get what comes out of the taps.

    host: the namespace that has the taps.
    """
    tool("ip", "netns", "add", NAME)
    ends, (stop, end) = {}, os.pipe()
    with ExitStack() as stack:
        stack.callback(tool, "ip", "netns", "delete", NAME)
        for tap, device in ((f"tap-{NAME}-n6", "eth0"), (f"tap-{NAME}-n4", "eth1")):
            outer, inner = _held(stack, host, tap), _held(stack, NAME, device)
            ends |= {outer: inner, inner: outer}
        run = threading.Thread(target=_carry, args=(ends, stop))
        run.start()
        try:
            tool("ip", "link", "set", "dev", "eth0", "address", MAC, "mtu", str(MTU), "up", namespace=NAME)
            tool("ip", "link", "set", "dev", "eth1", "up", namespace=NAME)
            for address in (f"{OWN[4]}/24", f"{OWN[6]}/64"):
                tool("ip", "address", "add", address, "dev", "eth0", *nodad(address), namespace=NAME)
            yield
        finally:
            os.close(end)
            run.join()
            os.close(stop)


def _held(stack: ExitStack, namespace: str, name: str) -> int:
    with inside(namespace):
        tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    stack.callback(os.close, tap)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("=16sH22x", name.encode(), _TAP))
    return tap


def _carry(ends: dict[int, int], stop: int) -> None:
    """Frames from each end to the other, until the pipe is closed."""
    while stop not in (ready := select.select([stop, *ends], [], [])[0]):
        for tap in ready:
            # Nobody hears a frame while the other end is down.
            with suppress(OSError):
                os.write(ends[tap], os.read(tap, 65536))


def nodad(address: str) -> tuple[str, ...]:
    return ("nodad",) if ":" in address else ()


def pinged(namespace: str, address: str, size: int = 56) -> bool:
    words = ("ping", "-n", "-c", "1", "-w", "5", "-M", "do", "-s", str(size), address)
    return tool(*words, namespace=namespace, check=False).returncode == 0


def test_a_vm_and_a_container_reach_each_other(built: Fabric) -> None:
    """In VLAN 100, on the same host, on another, and on the gateway, by frames of its size; and in VLAN 200."""
    with machine(built.nodes[HOST].home):
        for family in (4, 6):
            assert_reached(built, family)


def assert_reached(built: Fabric, family: int) -> None:
    containers = {name: built.nodes[ON_WHICH[name]].namespace(name) for name in PLANES}
    full = MTU - (28 if family == 4 else 48)
    with captured([port(HOST)]) as frames:
        assert all(pinged(place, OWN[family]) for place in (*containers.values(), built.gateway.home))
    sent = [frame for frame in frames if frame.source == MAC]
    assert sent and {frame.vlan for frame in sent} == {100}
    for name, own in PLANES.items():
        assert pinged(NAME, own[family], full)
        assert pinged(containers[name], OWN[family], full)
        assert not pinged(NAME, own[family], full + 1)
    net = {4: "10.200.0.{}/24", 6: "2001:db8:200::{}/64"}[family]
    for number, place in ((1, containers["nf-up1"]), (3, NAME)):
        address = net.format(number)
        tool("ip", "address", "add", address, "dev", "eth1", *nodad(address), namespace=place)
    assert pinged(containers["nf-up1"], net.format(3).partition("/")[0])


@pytest.mark.parametrize("built", ["openvswitch"], indirect=True)
def test_a_vm_that_answers_to_bfd_is_sent_its_share(built: Fabric) -> None:
    """What runs in it is its own business: here it is a BIRD like that of a container."""
    built.start("dcgw-01")
    built.start("compute-09")
    as_container = deepcopy(built.intent)
    as_container["fabric_user_planes"][NAME]["attach"] = "veth"
    (config,) = [one.config for one in daemons(Fleet(as_container).view(HOST)) if one.name == NAME]
    assert [one.name for one in daemons(Fleet(built.intent).view(HOST))] == ["nf-up2"]
    with (
        machine(built.nodes[HOST].home),
        Router.started(built.directory / NAME, NAME, text(config)),
    ):
        for family, address in OWN.items():
            wait_for(lambda f=family, a=address: built.routes(f).get(COVER[f]) == {a}, f"{address} as the only way")
    for family in OWN:
        wait_for(lambda f=family: COVER[f] not in built.routes(f), "no way, as nobody answers")
