# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab inside one QEMU machine with Debian's own kernel, for kernels that lack what a scenario needs."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from labkit import debian, machine, native
from labkit.access import join
from labkit.initrd import cpio, kernel_image, with_parents
from labkit.machine import Site
from labkit.scenario import PROGRAMS, Scenario
from labkit.shell import LabError, attempt, say
from labkit.state import State, cgroup_root

# Where the lab's own files are in the QEMU machine, and the read-only root its machines share.
INSIDE = Path("/opt/hnlab")
LOWER = Path("/lower")
COMMAND = INSIDE / "molecule/lab"
KEYS = ("key.pub", "host_key", "host_key.pub", "known_hosts")
KERNEL_WORDS = (
    # Emulated guards against faults of real processors take a quarter of the emulator's time.
    "mitigations=off",
    *("console=ttyS0", "panic=1", "net.ifnames=0", "systemd.show_status=0", "hnlab.mode=machine"),
    *("systemd.mask=systemd-udev-trigger.service", "systemd.mask=systemd-logind.service"),
)
MEMORY = 3072
BOOT_SECONDS = 180
PROBE_SECONDS = 10


def root_qemu(root: Path) -> list[str]:
    """QEMU out of the cached root: Debian 12's own miscompiles kernels as new as the one it would run here."""
    libraries = root / "usr/lib/x86_64-linux-gnu"
    return [
        *("env", f"QEMU_MODULE_DIR={libraries}/qemu"),
        *(f"{libraries}/ld-linux-x86-64.so.2", "--library-path", str(libraries), f"{root}/usr/bin/qemu-system-x86_64"),
        *("-L", f"{root}/usr/share/qemu", "-L", f"{root}/usr/share/seabios"),
    ]


def base_command(site: Site, accelerator: str) -> list[str]:
    return [
        *root_qemu(site.root),
        *("-machine", f"pc,accel={accelerator}", "-cpu", "max" if accelerator == "tcg" else "host"),
        *("-nodefaults", "-display", "none", "-no-reboot"),
        *("-kernel", str(kernel_image(site.root))),
    ]


def kvm_boots(site: Site) -> bool:
    """Whether a kernel gets through its boot under KVM here; it may be offered and yet hang."""
    if not Path("/dev/kvm").exists():
        return False
    probe = ["-m", "256", "-serial", "stdio", "-initrd", str(site.initrd)]
    probe += ["-append", "console=ttyS0 quiet panic=1 hnlab.mode=probe"]
    try:
        done = subprocess.run(
            [*base_command(site, "kvm"), *probe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return b"hnlab-probe-ok" in done.stdout


def accelerator(site: Site) -> str:
    """KVM or TCG; what the probe found is kept for this boot of the computer."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    note = site.root.parent / "accelerator"
    if note.exists() and note.read_text().split()[:1] == [boot]:
        return note.read_text().split()[1]
    found = "kvm" if kvm_boots(site) else "tcg"
    note.write_text(f"{boot} {found}\n")
    return found


def payload(scenario: Scenario, state: State, site: Site) -> bytes:
    """The archive laid over the machine's root: keys, this program, the scenario and the guests' RAM disk."""
    source = Path(__file__).resolve().parent.parent
    files: dict[str, tuple[int, bytes]] = {
        "etc/hostname": (0o644, f"hnlab-{scenario.name}\n".encode()),
        "etc/hosts": (0o644, f"127.0.0.1 localhost\n127.0.1.1 hnlab-{scenario.name}\n".encode()),
        "root/.ssh/authorized_keys": (0o600, (state.directory / "key.pub").read_bytes()),
        "etc/ssh/ssh_host_ed25519_key": (0o600, (state.directory / "host_key").read_bytes()),
        f"{INSIDE}/initrd"[1:]: (0o644, site.initrd.read_bytes()),
        f"{COMMAND}"[1:]: (0o755, (source / "lab").read_bytes()),
    }
    for name in KEYS:
        files[f"{INSIDE}/keys/{name}"[1:]] = (0o600, (state.directory / name).read_bytes())
    own = [*source.glob("labkit/*.py"), *source.glob("labkit/files/*"), source / scenario.name / "lab.yml"]
    own += (source / scenario.name / PROGRAMS).glob("*")
    for path in own:
        if path.is_file():
            files[f"{INSIDE}/molecule/{path.relative_to(source)}"[1:]] = (0o755, path.read_bytes())
    return cpio(with_parents({f"overlay/{path}": entry for path, entry in files.items()}))


def qemu(state: State, site: Site, disk: Path, kind: str) -> list[str]:
    command = [*base_command(site, kind), "-smp", "2", "-m", str(MEMORY)]
    command += ["-serial", f"file:{state.directory}/vm.console", "-initrd", f"{state.directory}/vm.initrd"]
    command += ["-append", " ".join(KERNEL_WORDS)]
    command += ["-drive", f"file={disk},if=virtio,format=raw,readonly=on"]
    command += ["-netdev", f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{state.port}-:22"]
    return [*command, "-device", "virtio-net-pci,netdev=net,romfile="]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def sshd_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def wait_for(state: State) -> None:
    began = time.monotonic()
    while not sshd_answers(state.port):
        if not native.runs(state.directory / "vm"):
            raise LabError(f"the QEMU machine ended while booting; see {state.directory}/vm/log and vm.console")
        if time.monotonic() - began > BOOT_SECONDS:
            raise LabError(f"the QEMU machine has no sshd after {BOOT_SECONDS} s; see {state.directory}/vm.console")
        time.sleep(0.2)
    say(f"the QEMU machine answers ssh after {time.monotonic() - began:.1f} s")


def ssh(state: State, words: list[str]) -> list[str]:
    """The command line that runs this program's twin inside the QEMU machine."""
    options = {
        "UserKnownHostsFile": f"{state.directory}/known_hosts",
        "StrictHostKeyChecking": "yes",
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "ControlMaster": "auto",
        "ControlPersist": "600s",
        "ControlPath": f"{state.directory}/ssh/vm",
    }
    command = ["ssh", "-F", "none", "-p", str(state.port), "-i", f"{state.directory}/key"]
    for key, value in options.items():
        command += ["-o", f"{key}={value}"]
    return [*command, "root@127.0.0.1", "--", shlex.join([str(COMMAND), *words])]


def up(scenario: Scenario, site: Site, command: Path) -> None:
    """Boot the QEMU machine and make the lab inside it."""
    site.check()
    disk = debian.ensure_disk()
    kind = accelerator(site)
    state = replace(native.begin(scenario, "vm"), port=free_port())
    state.save()
    native.make_keys(state.directory)
    native.write_inventory(scenario, command)
    (state.directory / "vm").mkdir()
    (state.directory / "vm.initrd").write_bytes(site.initrd.read_bytes() + payload(scenario, state, site))
    say(f"booting the QEMU machine ({kind.upper()}, 2 CPUs)")
    group = cgroup_root() / state.cgroup / "_vm"
    group.mkdir()
    pid = machine.spawn(qemu(state, site, disk, kind), state.directory / "vm/log", group)
    (state.directory / "vm/pid").write_text(str(pid))
    wait_for(state)
    inner = subprocess.Popen(ssh(state, ["up", scenario.name, "--inside", str(INSIDE)]), stdin=subprocess.DEVNULL)
    if inner.wait() != 0:
        raise LabError(f"the lab inside the QEMU machine did not come up (console: {state.directory}/vm.console)")
    replace(state, complete=True).save()


def run_in(state: State, host: str, command: list[str]) -> int:
    """Run a command on a host of the lab inside; this process becomes ssh."""
    join(state)
    full = ssh(state, ["exec", "--scenario", state.scenario, host, "--", *command])
    if sys.stdin.isatty():
        full.insert(1, "-t")
    os.execvp(full[0], full)


def power(state: State, host: str, on: bool) -> int:
    words = ["power", "--scenario", state.scenario, "--inside", str(INSIDE), host, "on" if on else "off"]
    return subprocess.run(ssh(state, words), stdin=subprocess.DEVNULL, check=False).returncode


def proxy(state: State, host: str) -> int:
    join(state)
    full = ssh(state, ["proxy", "--scenario", state.scenario, host])
    os.execvp(full[0], full)


def running(state: State) -> dict[str, str]:
    """What `lab status` inside says of each host."""
    answer = attempt(ssh(state, ["status", "--json", state.scenario]))
    if answer.status != 0:
        return {}
    words: dict[str, str] = json.loads(answer.out)[state.scenario]["hosts"]
    return words
