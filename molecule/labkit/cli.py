# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `lab` command."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.shell import LabError, say

if TYPE_CHECKING:
    from labkit.machine import Site
    from labkit.scenario import Scenario

COMMAND = Path(__file__).resolve().parent.parent / "lab"
MAIN = Path(__file__).resolve().parent / "__main__.py"


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="lab", description="Machines, guests, containers and peers to try things on.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("deps", help="install the Debian packages the lab needs and build its cache")
    up = commands.add_parser("up", help="make a scenario's lab")
    up.add_argument("scenario")
    up.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    down = commands.add_parser("down", help="end a scenario's lab and leave nothing")
    down.add_argument("scenario")
    status = commands.add_parser("status", help="what is up")
    status.add_argument("scenario", nargs="?")
    status.add_argument("--json", action="store_true", help="print it as data")
    run = commands.add_parser("exec", help="run a command on a host: lab exec HOST -- COMMAND…")
    run.add_argument("--scenario", help="which lab, when two have a host of this name")
    run.add_argument("host")
    run.add_argument("arguments", nargs=argparse.REMAINDER)
    proxy = commands.add_parser("proxy", help="join stdin and stdout to a machine's sshd (for ssh's ProxyCommand)")
    proxy.add_argument("--scenario", help="which lab, when two have a host of this name")
    proxy.add_argument("host")
    power = commands.add_parser("power", help="switch a machine off, as if the cable was pulled, or on again")
    power.add_argument("--scenario", help="which lab, when two have a host of this name")
    power.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    power.add_argument("host")
    power.add_argument("switch", choices=["off", "on"])
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


def up(name: str, inside: Path | None) -> int:
    """Make a lab; `inside` is where the lab that started this QEMU machine has put its files."""
    from labkit import native
    from labkit.layout import state_dir
    from labkit.machine import Site
    from labkit.scenario import load
    from labkit.state import all_up

    scenario = load(name)
    if any(state.scenario == name and state.complete for state in all_up()):
        say(f"{name} is already up; `molecule/lab down {name}` ends it")
        return 0
    if inside:
        native.up(scenario, Site(Path("/lower"), inside / "initrd", inside / "keys"), COMMAND, MAIN)
        return 0
    began = time.monotonic()
    try:
        up_here(scenario)
    except LabError as error:
        raise LabError(f"{error}\nlab: `molecule/lab down {name}` clears what was made so far") from error
    say(f"{name} is up after {time.monotonic() - began:.1f} s; inventory: {state_dir(name)}/inventory.yml")
    return 0


def site_here() -> Site:
    from labkit import debian, initrd
    from labkit.machine import Site

    root = debian.ensure_root()
    return Site(root, initrd.ensure_initrd(root), None)


def up_here(scenario: Scenario) -> None:
    """Make a lab on this kernel if it has what the scenario needs, else in a QEMU machine."""
    from labkit import kernel, native, vm

    site = site_here()
    lacking = kernel.missing(scenario.needs)
    if lacking:
        say(f"this kernel lacks {', '.join(lacking)}: {scenario.name} runs inside a QEMU machine with Debian's kernel")
        vm.up(scenario, site, COMMAND)
    else:
        native.up(scenario, site, COMMAND, MAIN)


def down(name: str) -> int:
    from labkit import native, state
    from labkit.layout import state_dir

    if not state_dir(name).exists():
        say(f"{name} is not up")
        return 0
    if (state_dir(name) / "state.json").exists():
        native.down(state.load(name))
    else:
        native.forget(name)
    say(f"{name} is down")
    return 0


def status(name: str | None, as_json: bool) -> int:
    from labkit import native, state, vm

    report: dict[str, Any] = {}
    for lab in [state.load(name)] if name else state.all_up():
        words = vm.running(lab) if lab.mode == "vm" else {each.name: native.running(lab, each) for each in lab.hosts}
        hosts = {each.name: words.get(each.name, "unknown") for each in lab.hosts}
        report[lab.scenario] = {"complete": lab.complete, "mode": lab.mode, "hosts": hosts}
        if not as_json:
            inside = ", inside a QEMU machine" if lab.mode == "vm" else ""
            print(f"{lab.scenario}: {'up' if lab.complete else 'half up'}{inside}")
            for each in lab.hosts:
                where = f" on {each.where}" if each.where else ""
                print(f"  {each.name:<16} {each.kind + where:<28} {hosts[each.name]}")
    if as_json:
        print(json.dumps(report))
    elif not report:
        print("no lab is up")
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


def power(name: str, scenario: str | None, on: bool, inside: Path | None) -> int:
    from labkit import native, state, vm
    from labkit.machine import Site
    from labkit.scenario import load

    lab, host = state.find(name, scenario)
    if host.kind != "machine":
        raise LabError(f"{name} is a {host.kind}; only machines have a power switch")
    if lab.mode == "vm":
        return vm.power(lab, name, on)
    if not on:
        native.switch_off(lab, name)
        return 0
    site = Site(Path("/lower"), inside / "initrd", None) if inside else site_here()
    native.switch_on(lab, load(lab.scenario), name, site, MAIN)
    return 0


def inventory(name: str) -> int:
    from labkit import state

    print(state.load(name).directory / "inventory.yml")
    return 0


def host(name: str, host_name: str, root: Path, initrd: Path) -> int:
    """What `up` starts in the background for each machine and peer, in namespaces of their own."""
    from labkit import machine, scenario

    found = scenario.load(name)
    site = machine.Site(root, initrd, None)
    for each in found.machines:
        if each.name == host_name:
            machine.boot(found, each, site)
    for peer in found.peers:
        if peer.name == host_name:
            machine.host_peer(found, peer, site)
    return 0


def dispatch(words: argparse.Namespace) -> int:
    if words.command == "up":
        return up(words.scenario, words.inside)
    if words.command == "down":
        return down(words.scenario)
    if words.command == "status":
        return status(words.scenario, words.json)
    if words.command == "exec":
        return execute(words.host, words.scenario, words.arguments)
    if words.command == "proxy":
        return proxy(words.host, words.scenario)
    if words.command == "power":
        return power(words.host, words.scenario, words.switch == "on", words.inside)
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
    except BrokenPipeError:
        # The reader, such as `grep -q`, has had enough; what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (LabError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2 if words.command == "exec" else 1
    except KeyboardInterrupt:
        return 130
