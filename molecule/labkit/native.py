# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab on the running kernel: namespaces, cables, peers and systemd-nspawn machines."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from labkit import layout, machine, netns
from labkit.machine import Site
from labkit.scenario import Machine, Peer, Scenario
from labkit.shell import LabError, attempt, run, say
from labkit.state import COMMANDS, Host, State, cgroup_root, end_cgroup, join_cgroup

SSH_PORT = 22
BOOT_SECONDS = 120


def plan(scenario: Scenario, mode: str) -> State:
    """The record of a lab that is about to be made."""
    hosts = [Host(each.name, "machine") for each in scenario.machines]
    hosts += [Host(each.name, "peer") for each in scenario.peers]
    hosts += [Host(each.name, "guest", each.machine, each.tap) for each in scenario.guests]
    hosts += [Host(each.name, "container", each.machine, each.namespace) for each in scenario.containers]
    return State(
        scenario=scenario.name,
        mode=mode,
        hosts=tuple(hosts),
        ssh={each.name: (each.ssh.peer, each.ssh.address) for each in scenario.machines if each.ssh},
        cgroup=f"hnlab-{scenario.name}",
        namespaces=tuple(layout.namespaces(scenario)) if mode == "native" else (),
    )


def begin(scenario: Scenario, mode: str) -> State:
    """Claim the scenario's state directory and record what is about to be made."""
    state = plan(scenario, mode)
    try:
        state.directory.mkdir(parents=True, mode=0o755)
    except FileExistsError as error:
        raise LabError(f"the lab {scenario.name} is half up; run `molecule/lab down {scenario.name}`") from error
    state.save()
    (cgroup_root() / state.cgroup).mkdir()
    commands = cgroup_root() / state.cgroup / COMMANDS
    commands.mkdir()
    # From here on `down` ends this process too, and with it what it would still have made.
    join_cgroup(commands)
    return state


def use_keys(directory: Path, keys: Path) -> None:
    """Take the keys of the lab that this one runs inside of."""
    for path in keys.iterdir():
        shutil.copy(path, directory / path.name)


def make_keys(directory: Path) -> None:
    for name in ("key", "host_key"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "hostnet-lab", "-f", str(directory / name)])
    words = (directory / "host_key.pub").read_text().split()
    (directory / "known_hosts").write_text(f"* {words[0]} {words[1]}\n")
    (directory / "ssh").mkdir(mode=0o700)


def write_inventory(scenario: Scenario, command: Path) -> None:
    """JSON is YAML, so the file needs no YAML writer where the lab runs."""
    text = json.dumps(layout.inventory(scenario, command), indent=2)
    (layout.state_dir(scenario.name) / "inventory.yml").write_text(f"---\n{text}\n")


def make_network(scenario: Scenario) -> None:
    here, wires = layout.wiring(scenario)
    run(["ip", "-batch", "-"], "\n".join([*here, ""]))
    space = layout.wires_namespace(scenario)
    run(["ip", "-netns", space, "-batch", "-"], "\n".join([*wires, ""]))


def start_peer(scenario: Scenario, peer: Peer, site: Site, cgroup: Path, main: Path) -> None:
    space = layout.prefixed(scenario.name, peer.name)
    if peer.forward:
        for key in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
            run(["nsenter", f"--net=/run/netns/{space}", "tee", f"/proc/sys/net/{key}"], "1")
    run(["ip", "-netns", space, "-batch", "-"], "\n".join([*layout.peer_lines(peer), ""]))
    machine.prepare_peer(scenario, peer, site)
    machine.start(scenario, peer, site, cgroup, main)


def ssh_end(state: State, name: str) -> tuple[Path, str]:
    """The namespace that ssh to a machine starts from, and the address it goes to."""
    if name in state.ssh:
        peer, address = state.ssh[name]
        return Path("/run/netns", layout.prefixed(state.scenario, peer)), address
    first = machine.leader(state.directory / "machines" / name)
    if first is None:
        raise LabError(f"{name} is not running; see {state.directory}/machines/{name}/console")
    return Path(f"/proc/{first}/ns/net"), "127.0.0.1"


def sshd_answers(state: State, name: str) -> bool:
    try:
        namespace, address = ssh_end(state, name)
        with netns.connect(namespace, address, SSH_PORT, timeout=5) as connection:
            connection.settimeout(5)
            return connection.recv(4) == b"SSH-"
    except (OSError, LabError):
        return False


def runs(directory: Path) -> bool:
    """Whether the recorded process is there and has not merely ended unnoticed."""
    try:
        status = Path("/proc", (directory / "pid").read_text(), "stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def wait_for(state: State, name: str) -> float:
    """Wait until the machine's sshd answers; the seconds it took."""
    began = time.monotonic()
    directory = state.directory / "machines" / name
    while not sshd_answers(state, name):
        if not runs(directory):
            lines = (directory / "console").read_text(errors="replace").split("\n")
            last = [line for line in lines if line.strip()][-1:]
            raise LabError(f"{name} ended while booting: {''.join(last)} (log: {directory}/console)")
        if time.monotonic() - began > BOOT_SECONDS:
            raise LabError(f"{name}: no sshd after {BOOT_SECONDS} s (log: {directory}/console)")
        time.sleep(0.05)
    return time.monotonic() - began


def boot_all(scenario: Scenario, state: State, site: Site, main: Path) -> None:
    group = cgroup_root() / state.cgroup
    for each in scenario.machines:
        machine.prepare(scenario, each, site)
        machine.start(scenario, each, site, group, main)

    def ready(each: Machine) -> None:
        seconds = wait_for(state, each.name)
        say(f"{each.name} answers ssh after {seconds:.1f} s")

    with ThreadPoolExecutor(len(scenario.machines)) as pool:
        list(pool.map(ready, scenario.machines))


def up(scenario: Scenario, site: Site, command: Path, main: Path) -> None:
    """Make the lab; what goes wrong leaves a record that `down` can clean up by."""
    site.check()
    state = begin(scenario, "native")
    if site.keys:
        use_keys(state.directory, site.keys)
    else:
        make_keys(state.directory)
    write_inventory(scenario, command)
    say(f"making {len(state.namespaces)} network namespaces and the cables between them")
    make_network(scenario)
    for peer in scenario.peers:
        start_peer(scenario, peer, site, cgroup_root() / state.cgroup, main)
    say(f"booting {', '.join(each.name for each in scenario.machines)}")
    boot_all(scenario, state, site, main)
    replace(state, complete=True).save()


def switch_off(state: State, name: str) -> None:
    """Take a machine's power away: nothing in it is told, and its network cards have nobody who listens."""
    directory = state.directory / "machines" / name
    first = machine.leader(directory)
    if first is None:
        raise LabError(f"{name} is not running")
    enter = ["nsenter", f"--target={first}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]
    # The connection to its systemd ends before an answer does.
    attempt([*enter, "systemctl", "poweroff", "--force", "--force"])
    deadline = time.monotonic() + BOOT_SECONDS
    while runs(directory):
        if time.monotonic() > deadline:
            raise LabError(f"{name} is still running after {BOOT_SECONDS} s (log: {directory}/console)")
        time.sleep(0.01)


def switch_on(state: State, scenario: Scenario, name: str, site: Site, main: Path) -> None:
    """Boot a machine that was switched off; its disk is as it was."""
    if runs(state.directory / "machines" / name):
        raise LabError(f"{name} is already running")
    group = cgroup_root() / state.cgroup
    end_cgroup(group / name)
    each = next(each for each in scenario.machines if each.name == name)
    # A real network card would have forgotten this.
    lines = [f"link set {interface.name} promisc off" for interface in each.interfaces]
    run(["ip", "-netns", layout.prefixed(scenario.name, name), "-batch", "-"], "\n".join([*lines, ""]))
    machine.start(scenario, each, site, group, main)
    say(f"{name} answers ssh after {wait_for(state, name):.1f} s")


def down(state: State) -> None:
    """End and remove everything the record names, whatever of it is there."""
    end_cgroup(cgroup_root() / state.cgroup)
    for name in state.namespaces:
        if Path("/run/netns", name).exists():
            run(["ip", "netns", "delete", name])
    forget(state.scenario)


def forget(scenario: str) -> None:
    """Remove the state directory, and the one above it when this was the last lab."""
    shutil.rmtree(layout.state_dir(scenario))
    if not any(layout.STATE.iterdir()):
        layout.STATE.rmdir()


def running(state: State, host: Host) -> str:
    """One word about a host for `lab status`."""
    if host.kind == "peer":
        return "up" if runs(state.directory / "peers" / host.name) else "down"
    where = host.name if host.kind == "machine" else host.where
    first = machine.leader(state.directory / "machines" / where)
    if first is None:
        return "down"
    if host.kind == "machine":
        return "up" if sshd_answers(state, host.name) else "booting"
    if host.kind == "container":
        path = Path(f"/proc/{first}/root/run/netns", host.inner)
        return "up" if path.exists() else f"waits for namespace {host.inner}"
    found = attempt(["nsenter", "--net", f"--target={first}", "ip", "link", "show", "dev", host.inner])
    return "up" if found.status == 0 else f"waits for tap {host.inner}"
