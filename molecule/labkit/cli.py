# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `lab` command."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from labkit.shell import LabError, say

COMMAND = Path(__file__).resolve().parent.parent / "lab"
MAIN = Path(__file__).resolve().parent / "__main__.py"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="lab", description="Machines, guests, containers and peers to try a scenario on.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("deps", help="install the Debian packages the lab needs and build its cache")
    up = commands.add_parser("up", help="make a scenario's lab")
    up.add_argument("scenario")
    up.add_argument("--root", type=Path, help=argparse.SUPPRESS)
    up.add_argument("--initrd", type=Path, help=argparse.SUPPRESS)
    down = commands.add_parser("down", help="end a scenario's lab and leave nothing")
    down.add_argument("scenario")
    status = commands.add_parser("status", help="what is up")
    status.add_argument("scenario", nargs="?")
    run = commands.add_parser("exec", help="run a command on a host: lab exec HOST -- COMMAND…")
    run.add_argument("--scenario", help="which lab, when two have a host of this name")
    run.add_argument("host")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    proxy = commands.add_parser("proxy", help="join stdin and stdout to a machine's sshd (for ssh's ProxyCommand)")
    proxy.add_argument("--scenario", help="which lab, when two have a host of this name")
    proxy.add_argument("host")
    inventory = commands.add_parser("inventory", help="print the path of the generated inventory")
    inventory.add_argument("scenario")
    host = commands.add_parser("host")
    host.add_argument("scenario")
    host.add_argument("host")
    host.add_argument("root", type=Path)
    host.add_argument("initrd", type=Path)
    return top


def deps() -> int:
    from labkit import debian, initrd

    debian.install_missing()
    root = debian.ensure_root()
    initrd.ensure_initrd(root)
    say(f"the machines' root is {root}")
    return 0


def up(name: str, root: Path | None, initrd: Path | None) -> int:
    from labkit import debian, kernel, native, vm
    from labkit.initrd import ensure_initrd
    from labkit.machine import Site
    from labkit.scenario import load
    from labkit.state import all_up

    scenario = load(name)
    present = [state for state in all_up() if state.scenario == name]
    if present and present[0].complete:
        say(f"{name} is already up; `molecule/lab down {name}` ends it")
        return 0
    began = time.monotonic()
    lacking = kernel.missing(scenario.needs)
    if root is not None and initrd is not None:
        native.up(scenario, Site(root, initrd), COMMAND, MAIN)
        return 0
    base = debian.ensure_root()
    site = Site(base, ensure_initrd(base))
    if lacking:
        say(f"this kernel lacks {', '.join(lacking)}: {name} runs inside one QEMU machine with Debian's kernel")
        vm.up(scenario, site, COMMAND)
    else:
        native.up(scenario, site, COMMAND, MAIN)
    say(f"{name} is up after {time.monotonic() - began:.1f} s; inventory: {native.layout.state_dir(name)}/inventory.yml")
    return 0


def down(name: str) -> int:
    from labkit import native, state
    from labkit.layout import state_dir

    if not state_dir(name).exists():
        say(f"{name} is not up")
        return 0
    native.down(state.load(name))
    say(f"{name} is down")
    return 0


def status(name: str | None) -> int:
    from labkit import native, state, vm

    labs = [state.load(name)] if name else state.all_up()
    if not labs:
        print("no lab is up")
    for lab in labs:
        inside = ", inside a QEMU machine" if lab.mode == "vm" else ""
        print(f"{lab.scenario}: {'up' if lab.complete else 'half up'}{inside}")
        words = vm.running(lab) if lab.mode == "vm" else {host.name: native.running(lab, host) for host in lab.hosts}
        for host in lab.hosts:
            where = f" on {host.where}" if host.where else ""
            print(f"  {host.name:<16} {host.kind + where:<28} {words.get(host.name, 'unknown')}")
    return 0


def execute(name: str, scenario: str | None, arguments: list[str]) -> int:
    from labkit import access, state, vm

    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        raise LabError(f"say what to run: lab exec {name} -- COMMAND…")
    lab, host = state.find(name, scenario)
    return vm.run_in(lab, name, command) if lab.mode == "vm" else access.run_in(lab, host, command)


def proxy(name: str, scenario: str | None) -> int:
    from labkit import access, state, vm

    lab, host = state.find(name, scenario)
    if host.kind != "machine":
        raise LabError(f"{name} is a {host.kind}; only machines have an sshd")
    return vm.proxy(lab, name) if lab.mode == "vm" else access.proxy(lab, name)


def inventory(name: str) -> int:
    from labkit import state

    print(state.load(name).directory / "inventory.yml")
    return 0


def host(name: str, host_name: str, root: Path, initrd: Path) -> int:
    """What `up` starts in the background for each machine and peer, in namespaces of their own."""
    from labkit import machine, scenario

    found = scenario.load(name)
    site = machine.Site(root, initrd)
    for each in found.machines:
        if each.name == host_name:
            machine.boot(found, each, site)
    for peer in found.peers:
        if peer.name == host_name:
            machine.host_peer(found, peer, site)
    return 0


def dispatch(words: argparse.Namespace) -> int:
    if words.command == "up":
        return up(words.scenario, words.root, words.initrd)
    if words.command == "down":
        return down(words.scenario)
    if words.command == "status":
        return status(words.scenario)
    if words.command == "exec":
        return execute(words.host, words.scenario, words.arguments)
    if words.command == "proxy":
        return proxy(words.host, words.scenario)
    if words.command == "inventory":
        return inventory(words.scenario)
    if words.command == "host":
        return host(words.scenario, words.host, words.root, words.initrd)
    return deps()


def main(arguments: Sequence[str]) -> int:
    words = parser().parse_args(arguments)
    try:
        if os.geteuid() != 0:
            raise LabError("only root can make and enter namespaces; run it as root")
        return dispatch(words)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2 if words.command == "exec" else 1
    except KeyboardInterrupt:
        return 130
