# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway, user planes, a control plane and a client: a namespace each, with real BIRD daemons in most of them.

Texts of BIRD are those that the collection compiles. Devices are bare ends of cables with the names that the texts
expect: what a host's document makes is measured elsewhere, and takes no part in how routes follow who lives.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet

from .machine import CommandFailed, Machine, empty_machine, inside

GATEWAY, CONTROL, CLIENT = "dcgw-01", "nf-cp1", "client"
COMPUTE = "compute-01"
_ADDRESSES = {GATEWAY: "192.0.2.252", CONTROL: "192.0.2.9"}
_DEVICES = {GATEWAY: "br-100"}
_NORTH = {GATEWAY: "10.99.0.1", CLIENT: "10.99.0.2"}
_SWITCH = "lan"
_ADD_PORT, _REMOVE_PORT = 0x89A2, 0x89A3
_LOG = "log syslog all;"

Intent = Mapping[str, Any]


@dataclass(frozen=True)
class Router:
    """A running BIRD with its files in one directory."""

    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / "bird.conf"

    @property
    def socket(self) -> Path:
        return self.directory / "bird.ctl"

    def text(self, config: str) -> str:
        """A configuration that logs beside itself, as there may be no system log."""
        assert _LOG in config
        return config.replace(_LOG, f'log "{self.directory / "log"}" all;')

    def write(self, config: str) -> None:
        self.path.write_text(self.text(config), encoding="utf-8")

    def configure(self) -> float:
        """Have BIRD read its file; seconds until ``birdc`` has its word."""
        started = time.perf_counter()
        command = ["birdc", "-s", str(self.socket), "configure"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds = time.perf_counter() - started
        if "Reconfigur" not in done.stdout:
            raise CommandFailed(f"birdc configure: {done.stdout}{done.stderr}")
        return seconds

    def answers(self) -> bool:
        with closing(socket.socket(socket.AF_UNIX)) as control:
            return control.connect_ex(str(self.socket)) == 0


@dataclass
class Network:
    machine: Machine
    directory: Path
    stack: ExitStack
    ports: socket.socket
    routers: dict[str, Router] = field(default_factory=dict)

    def namespace(self, name: str) -> str:
        return self.machine.namespace(name)

    def start(self, name: str, config: str) -> None:
        router = Router(self.directory / name)
        router.directory.mkdir()
        router.write(config)
        command = ("bird", "-f", "-c", str(router.path), "-s", str(router.socket))
        self.stack.enter_context(self.machine.daemon(*command, namespace=name))
        _wait(router.answers, f"BIRD of {name}")
        self.routers[name] = router

    def cut(self, name: str) -> float:
        """Frames to and from this one are lost from now on, and nobody sees a carrier go; when that was."""
        moment = time.perf_counter()
        self._port(name, _REMOVE_PORT)
        return moment

    def mend(self, name: str) -> None:
        self._port(name, _ADD_PORT)

    def _port(self, name: str, order: int) -> None:
        """Asked of the kernel itself, as the start of a tool would be counted."""
        found = fcntl.ioctl(self.ports, 0x8933, struct.pack("16si20x", _cable(name).encode(), 0))
        index = struct.unpack_from("=i", found, 16)[0]
        fcntl.ioctl(self.ports, order, struct.pack("16si20x", _SWITCH.encode(), index))


@contextmanager
def network(directory: Path, planes: Mapping[str, str], covering: str) -> Iterator[Network]:
    """User planes by name, with their addresses; each takes whatever is for the covering prefix."""
    with empty_machine() as machine, ExitStack() as stack:
        machine.run(["ip", "link", "add", "name", _SWITCH, "up", "type", "bridge", "mcast_snooping", "0"])
        with inside(machine.home):
            ports = stack.enter_context(closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))
        for name, address in {**_ADDRESSES, **planes}.items():
            _add_node(machine, name, address)
        _add_client(machine)
        for name in planes:
            machine.run(["ip", "-n", name, "route", "add", "default", "via", _ADDRESSES[GATEWAY]])
            machine.run(["ip", "-n", name, "route", "add", "local", covering, "dev", "lo"])
        yield Network(machine, directory, stack, ports)


def _add_node(machine: Machine, name: str, address: str) -> None:
    device = _DEVICES.get(name, "eth0")
    machine.run(["ip", "netns", "add", name])
    cable = ["type", "veth", "peer", "name", device, "netns", name]
    machine.run(["ip", "link", "add", "name", _cable(name), *cable])
    machine.run(["ip", "link", "set", "dev", _cable(name), "master", _SWITCH, "up"])
    machine.run(["ip", "-n", name, "address", "add", f"{address}/24", "dev", device])
    for each in ("lo", device):
        machine.run(["ip", "-n", name, "link", "set", "dev", each, "up"])


def _add_client(machine: Machine) -> None:
    machine.run(["ip", "netns", "add", CLIENT])
    ends = ["name", "north", "netns", GATEWAY, "type", "veth", "peer", "name", "north", "netns", CLIENT]
    machine.run(["ip", "link", "add", *ends])
    for name, address in _NORTH.items():
        machine.run(["ip", "-n", name, "address", "add", f"{address}/24", "dev", "north"])
        machine.run(["ip", "-n", name, "link", "set", "dev", "north", "up"])
    machine.run(["ip", "-n", CLIENT, "route", "add", "default", "via", _NORTH[GATEWAY]])
    machine.run(["ip", "netns", "exec", GATEWAY, "sysctl", "-qw", "net.ipv4.ip_forward=1"])


def _cable(name: str) -> str:
    return f"to-{name}"


def _wait(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise CommandFailed(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.01)


def intent(planes: Mapping[str, str], members: str, pools: Intent, bfd: Intent) -> dict[str, Any]:
    """One gateway and one control plane; user planes by name, with their addresses; one range of pools."""
    node = {"host": COMPUTE, "attach": "veth"}
    return {
        "fabric_vlans": {"n6": {"id": 100, "subnets": ["192.0.2.0/24"]}},
        "fabric_nf_uplink": "eth1",
        "fabric_nf_hosts": {COMPUTE: {}},
        "fabric_user_planes": {name: {**node, "addresses": [address]} for name, address in planes.items()},
        "fabric_control_planes": {CONTROL: {**node, "addresses": [_ADDRESSES[CONTROL]], "asn": 65101}},
        "fabric_gateways": {
            "asn": 65000,
            "vlan": "n6",
            "addresses": ["192.0.2.254"],
            "hosts": {GATEWAY: {"addresses": [_ADDRESSES[GATEWAY]]}},
        },
        "fabric_next_hops": {"user-planes": {"addresses": ["198.51.100.100"], "members": [members]}},
        "fabric_pools": {"subscribers": {**pools, "next_hop": "user-planes"}},
        "fabric_bfd": dict(bfd),
    }


def configs(own: Intent, host: str) -> dict[str, str]:
    """The texts of a host's daemons, by their names."""
    return {daemon.name: daemon.config for daemon in daemons(Fleet(own).view(host))}
