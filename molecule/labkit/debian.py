# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Debian packages the lab needs here, and the cached Debian root its machines boot from."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from labkit.layout import STATE
from labkit.shell import LabError, run, say

CACHE = Path("/var/cache/hostnet-lab")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")

COMMANDS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "mke2fs": "e2fsprogs",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "nsenter": "util-linux",
}


@dataclass(frozen=True)
class Recipe:
    """What a machine's root holds; the cache is keyed by it."""

    suite: str
    packages: tuple[str, ...]
    disabled: tuple[str, ...]
    masked: tuple[str, ...]
    revision: int

    @property
    def key(self) -> str:
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()[:12]


RECIPE = Recipe(
    suite="trixie",
    packages=(
        "systemd-sysv",
        "systemd-container",
        "dbus",
        "udev",
        "kmod",
        "procps",
        "iproute2",
        "iputils-ping",
        "arping",
        "nftables",
        "conntrack",
        "conntrackd",
        "keepalived",
        "tcpdump",
        "openssh-server",
        "openvswitch-switch",
        "bird2",
        "frr",
        "python3",
        "python3-pytest-rerunfailures",
        "python3-pytest-xdist",
        "python3-yaml",
        "busybox-static",
        "qemu-system-x86",
        "linux-image-cloud-amd64",
    ),
    disabled=("bird", "frr", "keepalived", "conntrackd", "nftables", "openvswitch-switch"),
    masked=(
        "apt-daily.timer",
        "apt-daily-upgrade.timer",
        "console-getty.service",
        "getty@tty1.service",
        "dpkg-db-backup.timer",
        "e2scrub_all.timer",
        "fstrim.timer",
        "dev-hugepages.mount",
        "dev-mqueue.mount",
        "ldconfig.service",
        "proc-sys-fs-binfmt_misc.automount",
        "sys-kernel-config.mount",
        "sys-kernel-debug.mount",
        "sys-kernel-tracing.mount",
        "systemd-binfmt.service",
        "systemd-hwdb-update.service",
        "systemd-journal-catalog-update.service",
        "systemd-pstore.service",
        "systemd-udev-settle.service",
        "systemd-update-done.service",
    ),
    revision=1,
)


def install_missing() -> None:
    """Install the Debian packages whose commands are missing here, and nothing else."""
    packages = [package for command, package in COMMANDS.items() if shutil.which(command) is None]
    if not KEYRING.exists():
        packages.append("debian-archive-keyring")
    if importlib.util.find_spec("yaml") is None:
        packages.append("python3-yaml")
    if not packages:
        say("every Debian package the lab needs is installed")
        return
    say(f"installing {' '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], env=env)
    run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages], env=env)


def mirror() -> str:
    """The Debian mirror that apt on this machine is configured with."""
    listing = run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)"])
    for line in listing.splitlines():
        origin, label, component, uri = line.split("|", 3)
        if (origin, label, component) == ("Debian", "Debian", "main"):
            return uri
    raise LabError("apt has no Debian mirror configured, or its lists are empty; run `apt-get update` and try again")


def network_environment() -> dict[str, str]:
    """The environment for debootstrap and apt in the new root: apt's proxy, when it has one."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "INITRD": "No"}
    env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    proxy = run(["apt-config", "dump", "--no-empty", "--format", "%v", "Acquire::http::Proxy"]).strip()
    if proxy:
        env["http_proxy"] = proxy
    return env


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one lab command at a time build a part of the cache."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def in_root(root: Path, args: list[str], env: dict[str, str]) -> None:
    """Run a command in the new root, with a /proc of its own that ends with the command."""
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc", "chroot", str(root)]
    with (CACHE / "build.log").open("a") as log:
        done = subprocess.run(
            [*enter, *args],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            check=False,
        )
    if done.returncode != 0:
        raise LabError(f"{args[0]} failed with {done.returncode} while building the root; see {CACHE}/build.log")


def populate(root: Path, recipe: Recipe) -> None:
    env = network_environment()
    source = mirror()
    say(f"building the Debian {recipe.suite} root, about two minutes (log: {CACHE}/build.log)")
    with (CACHE / "build.log").open("w") as log:
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--keyring={KEYRING}", recipe.suite, root, source],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=env,
            check=False,
        )
    if done.returncode != 0:
        raise LabError(f"debootstrap failed with {done.returncode}; see {CACHE}/build.log")
    say(f"installing {len(recipe.packages)} packages into the root")
    lean = ["doc", "man", "info", "locale"]
    excludes = "".join(f"path-exclude=/usr/share/{part}/*\n" for part in lean)
    (root / "etc/dpkg/dpkg.cfg.d/lean").write_text(excludes)
    shutil.copyfile("/etc/resolv.conf", root / "etc/resolv.conf")
    in_root(root, ["apt-get", "update"], env)
    in_root(root, ["apt-get", "install", "-y", "--no-install-recommends", *recipe.packages], env)
    in_root(root, ["apt-get", "clean"], env)
    in_root(root, ["systemctl", "disable", *recipe.disabled], env)
    in_root(root, ["systemctl", "mask", *recipe.masked], env)
    for part in lean:
        shutil.rmtree(root / "usr/share" / part, ignore_errors=True)
    for index in (root / "var/lib/apt/lists").glob("*_dists_*"):
        index.unlink()
    for key in (root / "etc/ssh").glob("ssh_host_*"):
        key.unlink()
    (root / "etc/machine-id").write_text("")
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/hostname").unlink(missing_ok=True)


def remove_tree(path: Path) -> None:
    run(["rm", "-rf", "--one-file-system", str(path)])


def any_lab() -> bool:
    """Whether a lab may use what is in the cache, also one of another checkout."""
    return any(STATE.glob("*/state.json"))


def remove_stale() -> None:
    """Remove half-built roots and, while no lab uses one, those of older recipes."""
    stale = list(CACHE.glob("build-*.tmp"))
    if not any_lab():
        stale += [path.parent for path in CACHE.glob("*/root")]
    for path in set(stale):
        remove_tree(path)


def cache_dir() -> Path:
    """Where the root of the present recipe is, or will be."""
    return CACHE / RECIPE.key


def ensure_root() -> Path:
    """The cached root; built first when it is missing, and never left half-built."""
    root = cache_dir() / "root"
    if root.is_dir():
        return root
    with locked("build"):
        if root.is_dir():
            return root
        remove_stale()
        scratch = Path(tempfile.mkdtemp(prefix="build-", suffix=".tmp", dir=CACHE))
        scratch.chmod(0o755)
        target = scratch / "root"
        target.mkdir()
        populate(target, RECIPE)
        scratch.rename(cache_dir())
    return root


def ensure_disk() -> Path:
    """The cached root as a read-only disk image for the QEMU machine."""
    root = ensure_root()
    disk = cache_dir() / "machine.ext4"
    with locked("disk"):
        if not disk.exists():
            say("making the disk image of the QEMU machine")
            used = int(run(["du", "-sk", "--one-file-system", str(root)]).split()[0])
            scratch = disk.with_suffix(".tmp")
            scratch.unlink(missing_ok=True)
            size = f"{used + used // 4 + 65536}k"
            run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(root), str(scratch), size])
            scratch.rename(disk)
    return disk
