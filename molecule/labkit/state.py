# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is recorded under /run/hostnet-lab of a lab, written before anything it names is made."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.layout import STATE, state_dir
from labkit.shell import LabError

# The control group of the lab's `exec` and `proxy` processes; no host's name has an underscore.
COMMANDS = "_commands"


@dataclass(frozen=True)
class Host:
    """A name that `lab exec` takes. `where` is its machine, and `inner` its tap or namespace there."""

    name: str
    kind: str
    where: str = ""
    inner: str = ""


@dataclass(frozen=True)
class State:
    scenario: str
    mode: str
    hosts: tuple[Host, ...]
    ssh: dict[str, tuple[str, str]]
    cgroup: str
    namespaces: tuple[str, ...]
    port: int = 0
    complete: bool = False

    @property
    def directory(self) -> Path:
        return state_dir(self.scenario)

    def host(self, name: str) -> Host | None:
        return next((host for host in self.hosts if host.name == name), None)

    def save(self) -> None:
        scratch = self.directory / "state.tmp"
        scratch.write_text(json.dumps(asdict(self), indent=1))
        scratch.rename(self.directory / "state.json")


def load(scenario: str) -> State:
    path = state_dir(scenario) / "state.json"
    try:
        raw = json.loads(path.read_text())
    except FileNotFoundError as error:
        raise LabError(f"the lab {scenario} is not up; run `molecule/lab up {scenario}`") from error
    hosts = tuple(Host(**host) for host in raw.pop("hosts"))
    ssh = {name: (ends[0], ends[1]) for name, ends in raw.pop("ssh").items()}
    return State(hosts=hosts, ssh=ssh, namespaces=tuple(raw.pop("namespaces")), **raw)


def all_up() -> list[State]:
    return [load(path.parent.name) for path in sorted(STATE.glob("*/state.json"))]


def find(host: str, scenario: str | None) -> tuple[State, Host]:
    """The one lab that has this host."""
    labs = [load(scenario)] if scenario else all_up()
    if not labs:
        raise LabError("no lab is up; run `molecule/lab up SCENARIO`")
    found = [(lab, known) for lab in labs for known in lab.hosts if known.name == host]
    if not found:
        names = ", ".join(known.name for lab in labs for known in lab.hosts)
        raise LabError(f"no lab that is up has a host {host!r}; choose from {names}")
    if len(found) > 1:
        labs_named = ", ".join(lab.scenario for lab, _host in found)
        raise LabError(f"{host!r} is in more than one lab ({labs_named}); say which with --scenario")
    return found[0]


def cgroup_root() -> Path:
    """Where the unified control group hierarchy is mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        mountpoint, kind = line.split()[1:3]
        if kind == "cgroup2":
            return Path(mountpoint)
    raise LabError("no cgroup2 file system is mounted; mount one, for example at /sys/fs/cgroup/unified")


def join_cgroup(directory: Path) -> None:
    """Put the calling process into a group that `down` ends."""
    (directory / "cgroup.procs").write_text(str(os.getpid()))


def own_cgroup() -> str:
    """Where the calling process is in the hierarchy."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::/"):
            return line.removeprefix("0::/")
    raise LabError("this process is in no cgroup2 group")


@contextmanager
def within(root: Path, directory: Path) -> Iterator[None]:
    """Be in a group for as long as a child is being started, so that the child never was elsewhere."""
    home = own_cgroup()
    join_cgroup(directory)
    try:
        yield
    finally:
        join_cgroup(root / home)


def members(directory: Path) -> Iterator[int]:
    """Every process of a group and of the groups below it."""
    for path in directory.rglob("cgroup.procs"):
        yield from (int(line) for line in path.read_text().split())
    own = directory / "cgroup.procs"
    if own.exists():
        yield from (int(line) for line in own.read_text().split())


def end_cgroup(directory: Path) -> None:
    """End every process of a group, wait for them, and remove the group."""
    if not directory.is_dir():
        return
    (directory / "cgroup.kill").write_text("1")
    deadline = time.monotonic() + 30
    while list(members(directory)) or not removed(directory):
        if time.monotonic() > deadline:
            raise LabError(f"processes of {directory.name} do not end: {sorted(set(members(directory)))}")
        time.sleep(0.02)


def removed(directory: Path) -> bool:
    """Try to remove a group and those below it; one is busy for a moment after its last process."""
    try:
        for group in sorted((path for path in directory.rglob("*") if path.is_dir()), reverse=True):
            group.rmdir()
        directory.rmdir()
    except OSError:
        return False
    return True
