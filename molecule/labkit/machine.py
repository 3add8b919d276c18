# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One systemd-nspawn machine: the files over its root, its boot, and finding its first process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit import layout
from labkit.initrd import FILES, kernel_image
from labkit.scenario import PROGRAMS, SCENARIOS, Machine, Peer, Scenario
from labkit.shell import LabError, attempt, run
from labkit.state import cgroup_root, within

# How systemd-nspawn says, under --keep-unit, that the machine wants to be booted again.
REBOOT = 133
CGROUPS = Path("/sys/fs/cgroup")
OWN_PROGRAMS = ("seen_as.py", "guest.py", "container.py")


@dataclass(frozen=True)
class Site:
    """Where the machines' root, their guests' initial RAM disk and given ssh keys are on this computer."""

    root: Path
    initrd: Path
    keys: Path | None

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


def lay_out(directory: Path, site: Site, files: Mapping[str, str]) -> Path:
    """A host's directories and the files over its root; what is in the upper layer outlives reboots."""
    upper = directory / "upper"
    for part in ("upper", "work", "root"):
        (directory / part).mkdir(parents=True)
    upper.chmod(0o755)
    for path, text in files.items():
        write_over(upper, site.root, path, text)
    for name in OWN_PROGRAMS:
        write_over(upper, site.root, f"{layout.INSIDE[1:]}/{name}", (FILES / name).read_bytes())
    return upper


def prepare_peer(scenario: Scenario, peer: Peer, site: Site) -> None:
    names = {"etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {peer.name}\n"}
    lay_out(layout.state_dir(scenario.name) / "peers" / peer.name, site, names)


def prepare(scenario: Scenario, machine: Machine, site: Site) -> None:
    state = layout.state_dir(scenario.name)
    upper = lay_out(state / "machines" / machine.name, site, layout.machine_files(scenario, machine))
    write_over(upper, site.root, f"{layout.INSIDE[1:]}/initrd", b"")
    write_over(upper, site.root, "root/.ssh/authorized_keys", (state / "key.pub").read_bytes(), 0o600)
    write_over(upper, site.root, "etc/ssh/ssh_host_ed25519_key", (state / "host_key").read_bytes(), 0o600)
    write_over(upper, site.root, "etc/ssh/ssh_host_ed25519_key.pub", (state / "host_key.pub").read_bytes())
    for path in sorted((SCENARIOS / scenario.name / PROGRAMS).glob("*")):
        write_over(upper, site.root, f"{layout.INSIDE[1:]}/{PROGRAMS}/{path.name}", path.read_bytes())
    wants = upper / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    for name in layout.units(scenario, machine):
        (wants / name).symlink_to(f"/etc/systemd/system/{name}")


def nspawn_command(scenario: str, machine: Machine, directory: Path, site: Site) -> list[str]:
    command = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]
    command += [f"--directory={directory}/root", f"--machine={layout.prefixed(scenario, machine.name)}"]
    command += [f"--hostname={machine.name}", "--capability=all", "--system-call-filter=@known"]
    command += ["--link-journal=no", "--resolv-conf=off", "--timezone=off", "--suppress-sync=yes"]
    command += ["--bind=/dev/net/tun", f"--bind-ro={site.initrd}:{layout.INSIDE}/initrd", "--console=read-only"]
    command += [f"--network-interface={interface.name}" for interface in machine.interfaces]
    return command


def boot(scenario: Scenario, machine: Machine, site: Site) -> None:
    """Run the machine until it powers off; called in its namespaces, whose mounts no one else sees or keeps."""
    directory = layout.state_dir(scenario.name) / "machines" / machine.name
    isolate_mounts()
    run(["mount", "-t", "cgroup2", "cgroup2", str(CGROUPS)])
    if Path("/run/systemd").is_dir():
        run(["mount", "-t", "tmpfs", "tmpfs", "/run/systemd"])
    mount_root(directory, site)
    group = CGROUPS / f"hnlab-{scenario.name}" / machine.name / "system"
    group.mkdir()
    command = nspawn_command(scenario.name, machine, directory, site)
    env = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    status = REBOOT
    while status == REBOOT:
        with within(CGROUPS, group):
            nspawn = subprocess.Popen(command, env=env)
        status = nspawn.wait()


def isolate_mounts() -> None:
    """Let go of the other namespaces' names, and show this namespace's own devices in /sys."""
    if attempt(["mountpoint", "-q", "/run/netns"]).status == 0:
        run(["umount", "--recursive", "--lazy", "/run/netns"])
    # A writable /sys would make systemd-nspawn wait for a udev that has never seen our interfaces.
    run(["mount", "-t", "sysfs", "-o", "ro", "sysfs", "/sys"])


def mount_root(directory: Path, site: Site) -> None:
    layers = f"lowerdir={site.root},upperdir={directory}/upper,workdir={directory}/work"
    run(["mount", "-t", "overlay", "overlay", "-o", layers, f"{directory}/root"])


def host_peer(scenario: Scenario, peer: Peer, site: Site) -> None:
    """Become the peer's service, in a root of its own so that `lab exec` finds the same tools as in a machine."""
    directory = layout.state_dir(scenario.name) / "peers" / peer.name
    root = directory / "root"
    isolate_mounts()
    mount_root(directory, site)
    for place in ("proc", "sys", "dev"):
        run(["mount", "--rbind", f"/{place}", str(root / place)])
    os.chroot(root)
    os.chdir("/")
    os.execv("/usr/bin/python3", ["python3", f"{layout.INSIDE}/seen_as.py"])


def start(scenario: Scenario, host: Machine | Peer, site: Site, cgroup: Path, main: Path) -> None:
    """Begin a machine's boot, or a peer's service, in the background, in the host's own namespaces."""
    kind = "machine" if isinstance(host, Machine) else "peer"
    directory = layout.state_dir(scenario.name) / f"{kind}s" / host.name
    group = cgroup / host.name
    group.mkdir()
    command = ["nsenter", f"--net=/run/netns/{layout.prefixed(scenario.name, host.name)}"]
    command += ["unshare", "--mount", "--propagation", "slave"]
    command += [sys.executable, str(main), "host", scenario.name, host.name, str(site.root), str(site.initrd)]
    (directory / "pid").write_text(str(spawn(command, directory / "console", group)))


def spawn(command: list[str], log: Path, group: Path) -> int:
    """Start a program that outlives this one, inside a control group from its first moment."""
    with log.open("ab") as output, within(cgroup_root(), group):
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    return child.pid


def children(pid: str, name: str) -> list[str]:
    """The children of a process that bear a name."""
    pids = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [child for child in pids if Path(f"/proc/{child}/comm").read_text().strip() == name]


def leader(directory: Path) -> int | None:
    """The pid, here, of the machine's first process; None while it is down or between two boots."""
    try:
        keeper = (directory / "pid").read_text()
        nspawn = children(keeper, "systemd-nspawn")
        first = [child for pid in nspawn for child in children(pid, "systemd")]
    except OSError:
        return None
    return int(first[0]) if first else None
