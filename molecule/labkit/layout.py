# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pure functions from a scenario to names, `ip -batch` lines, unit files and the inventory."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from labkit.scenario import PROGRAMS, Container, Guest, Interface, Machine, Peer, Route, Scenario

STATE = Path("/run/hostnet-lab")
INSIDE = "/usr/lib/hnlab"


def state_dir(scenario: str) -> Path:
    return STATE / scenario


def prefixed(scenario: str, host: str) -> str:
    """A name for a host's things here; the dot, which no name holds, keeps scenarios apart."""
    return f"hnlab-{scenario}.{host}"


def cabled(scenario: Scenario) -> list[Machine | Peer]:
    """The hosts that have interfaces of their own on the lab's networks."""
    return [*scenario.machines, *scenario.peers]


def wires_namespace(scenario: Scenario) -> str:
    """The namespace of the bridges that stand for networks with other than two ends."""
    return f"hnlab-{scenario.name}_wires"


def namespaces(scenario: Scenario) -> list[str]:
    """Every network namespace the lab makes on this computer: one per machine and peer, and the wires."""
    return [*(prefixed(scenario.name, host.name) for host in cabled(scenario)), wires_namespace(scenario)]


@dataclass(frozen=True)
class End:
    namespace: str
    interface: Interface

    def words(self) -> str:
        each = self.interface
        return f"name {each.name} netns {self.namespace} address {each.mac} mtu {each.mtu}"


def ends_of(scenario: Scenario, network: str) -> list[End]:
    return [
        End(prefixed(scenario.name, host.name), interface)
        for host in cabled(scenario)
        for interface in host.interfaces
        if interface.network == network
    ]


def wiring(scenario: Scenario) -> tuple[list[str], list[str]]:
    """The `ip -batch` lines for this computer, and those for the wires namespace.

    Two ends make a cable of their own, whose loss each side sees; any other number meets on a bridge.
    """
    here: list[str] = [f"netns add {name}" for name in namespaces(scenario)]
    wires: list[str] = []
    space = wires_namespace(scenario)
    for number, network in enumerate(scenario.networks):
        ends = ends_of(scenario, network)
        if len(ends) == 2:
            here.append(f"link add {ends[0].words()} type veth peer {ends[1].words()}")
            continue
        mtu = max((end.interface.mtu for end in ends), default=1500)
        wires.append(f"link add n{number} mtu {mtu} type bridge mcast_snooping 0")
        wires.append(f"link set n{number} up")
        for place, end in enumerate(ends):
            port = f"n{number}p{place}"
            here.append(f"link add name {port} netns {space} mtu {mtu} type veth peer {end.words()}")
            wires.append(f"link set {port} master n{number} up")
    return here, wires


def addressing(interfaces: Sequence[Interface], routes: Sequence[Route]) -> list[str]:
    """The `ip -batch` lines that configure a host's own interfaces, as its installer would have."""
    lines: list[str] = []
    for interface in interfaces:
        for address in interface.addresses:
            nodad = " nodad" if ipaddress.ip_interface(address).version == 6 else ""
            lines.append(f"address add {address} dev {interface.name}{nodad}")
        lines.append(f"link set {interface.name} up")
    for route in routes:
        way = [word for key, value in (("via", route.via), ("dev", route.dev)) if value for word in (key, value)]
        lines.append(" ".join(["route", "add", route.to, *way]))
    return lines


def peer_lines(peer: Peer) -> list[str]:
    return ["link set lo up", *addressing(peer.interfaces, peer.routes)]


def machine_id(scenario: str, machine: str) -> str:
    return hashlib.sha256(f"{scenario}/{machine}".encode()).hexdigest()[:32]


def service(description: str, command: str, extra: Sequence[str] = ()) -> str:
    """A unit that keeps one of the lab's own programs running in a machine."""
    return "\n".join(
        [
            "[Unit]",
            f"Description={description}",
            "[Service]",
            f"ExecStart={command}",
            "Restart=always",
            "RestartSec=1",
            *extra,
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


NETWORK_UNIT = """[Unit]
Description=Addresses of the lab's interfaces
Before=network.target ssh.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/ip -batch /etc/hnlab/network
[Install]
WantedBy=multi-user.target
"""


def units(scenario: Scenario, machine: Machine) -> dict[str, str]:
    """The unit files the lab installs in a machine, by name."""
    found = {
        "hnlab-network.service": NETWORK_UNIT,
        "hnlab-seen-as.service": service("Tell clients their address", f"/usr/bin/python3 {INSIDE}/seen_as.py"),
    }
    for guest in guests_of(scenario, machine):
        command = f"/usr/bin/python3 {INSIDE}/guest.py /etc/hnlab/{guest.name}.json"
        found[f"hnlab-guest-{guest.name}.service"] = service(f"Virtual machine {guest.name}", command)
    for program in machine.programs:
        command = f"/bin/sh {INSIDE}/{PROGRAMS}/{program} {machine.name}"
        found[f"hnlab-program-{program}.service"] = service(f"The scenario's {program}", command)
    for each in containers_of(scenario, machine):
        words = [INSIDE, each.namespace, each.name, *each.programs]
        command = f"/usr/bin/python3 {INSIDE}/container.py {' '.join(words)}"
        found[f"hnlab-container-{each.name}.service"] = service(f"Container {each.name}", command)
    return found


def guests_of(scenario: Scenario, machine: Machine) -> list[Guest]:
    return [guest for guest in scenario.guests if guest.machine == machine.name]


def containers_of(scenario: Scenario, machine: Machine) -> list[Container]:
    return [container for container in scenario.containers if container.machine == machine.name]


def machine_files(scenario: Scenario, machine: Machine) -> dict[str, str]:
    """The text files the lab lays over the cached root for one machine, by path."""
    names = "".join(f"127.0.1.1 {machine.name}\n")
    files = {
        "etc/hostname": f"{machine.name}\n",
        "etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{names}",
        "etc/machine-id": f"{machine_id(scenario.name, machine.name)}\n",
        "etc/hnlab/network": "\n".join([*addressing(machine.interfaces, machine.routes), ""]),
    }
    for guest in guests_of(scenario, machine):
        files[f"etc/hnlab/{guest.name}.json"] = json.dumps(asdict(guest), indent=1)
    for name, text in units(scenario, machine).items():
        files[f"etc/systemd/system/{name}"] = text
    return files


def inventory(scenario: Scenario, command: Path) -> dict[str, Any]:
    """What Ansible needs to reach the machines, and the variables that only make sense with this lab."""
    state = state_dir(scenario.name)
    hosts: dict[str, Any] = {}
    for machine in scenario.machines:
        options = {
            "ProxyCommand": f"'{command} proxy --scenario {scenario.name} {machine.name}'",
            "UserKnownHostsFile": f"{state}/known_hosts",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "ControlMaster": "auto",
            "ControlPersist": "60s",
            "ControlPath": f"{state}/ssh/%C",
        }
        hosts[machine.name] = {
            "ansible_host": machine.name,
            "ansible_user": "root",
            "ansible_ssh_private_key_file": f"{state}/key",
            "ansible_ssh_common_args": " ".join(f"-o {key}={value}" for key, value in options.items()),
            "ansible_python_interpreter": "/usr/bin/python3",
        }
    return {"all": {"hosts": hosts, "vars": dict(scenario.variables)}}
