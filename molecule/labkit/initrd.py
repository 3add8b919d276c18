# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The initial RAM disk of the lab's virtual machines: busybox, a few kernel modules, and our scripts."""

from __future__ import annotations

import hashlib
import lzma
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from labkit.debian import any_lab, locked
from labkit.shell import LabError

FILES = Path(__file__).resolve().parent / "files"
MODULES = {"guest": ("virtio_net",), "machine": ("virtio_net", "virtio_blk", "overlay")}


@dataclass(frozen=True)
class Entry:
    """A file, directory, symbolic link or device of a cpio archive."""

    path: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def cpio(entries: list[Entry]) -> bytes:
    """An archive in the kernel's `newc` format, padded so that another may follow it."""
    blob = bytearray()
    for number, entry in enumerate([*entries, Entry("TRAILER!!!", 0)], start=1):
        name = entry.path.encode() + b"\0"
        fields = (number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, *entry.device, len(name), 0)
        blob += b"070701" + b"".join(b"%08X" % field for field in fields) + name
        blob += b"\0" * (-len(blob) % 4) + entry.data
        blob += b"\0" * (-len(blob) % 4)
    return bytes(blob) + b"\0" * (-len(blob) % 512)


def with_parents(files: Mapping[str, tuple[int, bytes]]) -> list[Entry]:
    """Entries for regular files, each after the directories it needs."""
    entries: dict[str, Entry] = {}
    for path, (mode, data) in sorted(files.items()):
        for parent in list(Path(path).parents)[-2::-1]:
            entries.setdefault(str(parent), Entry(str(parent), stat.S_IFDIR | 0o755))
        entries[path] = Entry(path, stat.S_IFREG | mode, data)
    return list(entries.values())


def kernel_image(root: Path) -> Path:
    images = sorted((root / "boot").glob("vmlinuz-*"))
    if not images:
        raise LabError(f"there is no kernel in {root}/boot")
    return images[-1]


def module_paths(root: Path, wanted: str) -> Iterator[Path]:
    """The files of a module and of those it needs, in the order to load them; none when built in."""
    version = kernel_image(root).name.removeprefix("vmlinuz-")
    directory = root / "usr/lib/modules" / version
    for line in (directory / "modules.dep").read_text().splitlines():
        path, _colon, needs = line.partition(":")
        if Path(path).name.split(".")[0].replace("-", "_") == wanted:
            yield from (directory / each for each in [*reversed(needs.split()), path])


def unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def contents(root: Path) -> list[Entry]:
    files = {
        "init": (0o755, (FILES / "init").read_bytes()),
        "agent": (0o755, (FILES / "agent").read_bytes()),
        "seen-as": (0o755, (FILES / "seen-as").read_bytes()),
        "bin/busybox": (0o755, (root / "usr/bin/busybox").read_bytes()),
    }
    for mode, modules in MODULES.items():
        order = list(dict.fromkeys(path for module in modules for path in module_paths(root, module)))
        for path in order:
            files[f"modules/{path.name.split('.')[0]}.ko"] = (0o644, unpacked(path))
        names = "".join(f"{path.name.split('.')[0]}.ko\n" for path in order)
        files[f"modules/order.{mode}"] = (0o644, names.encode())
    shell = Entry("bin/sh", stat.S_IFLNK | 0o777, b"busybox")
    console = Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    return [*with_parents(files), shell, Entry("dev", stat.S_IFDIR | 0o755), console]


def ensure_initrd(root: Path) -> Path:
    """The cached archive for this root and these scripts."""
    scripts = b"".join((FILES / name).read_bytes() for name in ("init", "agent", "seen-as"))
    key = hashlib.sha256(scripts + Path(__file__).read_bytes()).hexdigest()[:12]
    path = root.parent / f"initrd-{key}"
    with locked("initrd"):
        if not path.exists():
            scratch = path.with_suffix(".tmp")
            scratch.write_bytes(cpio(contents(root)))
            if not any_lab():
                for stale in root.parent.glob("initrd-????????????"):
                    stale.unlink()
            scratch.rename(path)
    return path
