# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One systemd-nspawn machine: the files over its root, its boot, and finding its first process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from labkit import layout
from labkit.initrd import FILES, kernel_image
from labkit.scenario import Machine, Scenario
from labkit.shell import LabError, attempt, run
from labkit.state import join_cgroup

PROGRAMS = ("seen_as.py", "guest.py", "container.py")


@dataclass(frozen=True)
class Site:
    """Where the machines' root and their guests' initial RAM disk are on this computer."""

    root: Path
    initrd: Path

    def check(self) -> None:
        kernel_image(self.root)
        if not self.initrd.is_file():
            raise LabError(f"there is no initial RAM disk at {self.initrd}")


def write_over(upper: Path, lower: Path, relative: str, data: str | bytes, mode: int = 0o644) -> None:
    """Write a file of the overlay's upper layer; its directories look as they do in the root below."""
    target = upper / relative
    missing = [parent for parent in Path(relative).parents if not (upper / parent).is_dir()]
    for parent in reversed(missing):
        (upper / parent).mkdir()
        if (lower / parent).is_dir():
            shutil.copystat(lower / parent, upper / parent)
    target.write_bytes(data if isinstance(data, bytes) else data.encode())
    target.chmod(mode)


def prepare(scenario: Scenario, machine: Machine, site: Site) -> Path:
    """Lay out the machine's directories and files; what is in `upper` outlives its reboots."""
    state = layout.state_dir(scenario.name)
    directory = state / "machines" / machine.name
    upper = directory / "upper"
    for part in ("upper", "work", "root"):
        (directory / part).mkdir(parents=True)
    upper.chmod(0o755)
    for path, text in layout.machine_files(scenario, machine).items():
        write_over(upper, site.root, path, text)
    for name in PROGRAMS:
        write_over(upper, site.root, f"{layout.INSIDE[1:]}/{name}", (FILES / name).read_bytes())
    write_over(upper, site.root, f"{layout.INSIDE[1:]}/initrd", b"")
    write_over(upper, site.root, "root/.ssh/authorized_keys", (state / "key.pub").read_bytes(), 0o600)
    write_over(upper, site.root, "etc/ssh/ssh_host_ed25519_key", (state / "host_key").read_bytes(), 0o600)
    write_over(upper, site.root, "etc/ssh/ssh_host_ed25519_key.pub", (state / "host_key.pub").read_bytes())
    wants = upper / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    for name in layout.units(scenario, machine):
        (wants / name).symlink_to(f"/etc/systemd/system/{name}")
    return directory


def nspawn_command(scenario: str, machine: Machine, directory: Path, site: Site) -> list[str]:
    command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]
    command += [f"--directory={directory}/root", f"--machine={layout.prefixed(scenario, machine.name)}"]
    command += [f"--hostname={machine.name}", "--capability=all", "--system-call-filter=@known"]
    command += ["--link-journal=no", "--resolv-conf=off", "--timezone=off", "--suppress-sync=yes"]
    command += ["--bind=/dev/net/tun", f"--bind-ro={site.initrd}:{layout.INSIDE}/initrd", "--console=read-only"]
    command += [f"--network-interface={interface.name}" for interface in machine.interfaces]
    return command


def boot(scenario: Scenario, machine: Machine, site: Site) -> None:
    """Become the machine; called in its namespaces, whose mounts no one else sees or keeps."""
    directory = layout.state_dir(scenario.name) / "machines" / machine.name
    if attempt(["mountpoint", "-q", "/run/netns"]).status == 0:
        run(["umount", "--recursive", "--lazy", "/run/netns"])
    # A writable /sys would make systemd-nspawn wait for a udev that has never seen our interfaces.
    run(["mount", "-t", "sysfs", "-o", "ro", "sysfs", "/sys"])
    run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"])
    if Path("/run/systemd").is_dir():
        run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"])
    layers = f"lowerdir={site.root},upperdir={directory}/upper,workdir={directory}/work"
    run(["mount", "-t", "overlay", "overlay", "-o", layers, f"{directory}/root"])
    command = nspawn_command(scenario.name, machine, directory, site)
    os.execvpe(command[0], command, {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})


def start(scenario: Scenario, machine: Machine, site: Site, cgroup: Path, main: Path) -> int:
    """Begin the boot in the background and return the pid, which stays that of systemd-nspawn."""
    directory = layout.state_dir(scenario.name) / "machines" / machine.name
    group = cgroup / machine.name
    group.mkdir()
    command = ["nsenter", f"--net=/run/netns/{layout.prefixed(scenario.name, machine.name)}"]
    command += ["unshare", "--mount", "--propagation", "slave"]
    command += [sys.executable, str(main), "boot", scenario.name, machine.name]
    command += [str(site.root), str(site.initrd)]
    return spawn(command, directory / "console", group)


def spawn(command: list[str], log: Path, group: Path) -> int:
    """Start a program that outlives this one, inside a control group from its first moment."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: join_cgroup(group),
        )
    return child.pid


def leader(directory: Path) -> int | None:
    """The pid, here, of the machine's first process; None while it is down or between two boots."""
    try:
        nspawn = int((directory / "pid").read_text())
        if Path(f"/proc/{nspawn}/comm").read_text().strip() != "systemd-nspawn":
            return None
        children = Path(f"/proc/{nspawn}/task/{nspawn}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
    except (OSError, ValueError):
        return None
    return None
