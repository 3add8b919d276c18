# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive the lab's virtual machines start from, and the address a guest says it saw."""

from __future__ import annotations

import ipaddress
import stat
import subprocess
from pathlib import Path

import pytest
from labkit import debian
from labkit.initrd import FILES, Entry, cpio, with_parents


def test_directories_come_before_what_is_in_them() -> None:
    paths = [entry.path for entry in with_parents({"a/b/c": (0o644, b"x"), "a/d": (0o755, b"y")})]
    assert paths == ["a", "a/b", "a/b/c", "a/d"]


def test_an_archive_can_be_followed_by_another() -> None:
    blob = cpio([Entry("init", stat.S_IFREG | 0o755, b"#!/bin/sh\n")])
    assert blob.startswith(b"070701")
    assert b"TRAILER!!!\0" in blob
    assert len(blob) % 512 == 0
    header, name = blob[:110], blob[110:115]
    assert int(header[54:62], 16) == len(b"#!/bin/sh\n")
    assert name == b"init\0"


@pytest.mark.parametrize(
    "address",
    ["192.168.3.4", "10.0.0.1", "2001:db8:3::3", "::1", "2001:db8:0:1::", "fe80::f000:3:0:0", "2001:db8:0:2:3:4:5:6"],
)
def test_a_guest_writes_addresses_as_others_do(tmp_path: Path, address: str) -> None:
    """The script is run as a guest runs it, on a made-up /proc/net/tcp6 of one connection."""
    parsed = ipaddress.ip_address(address)
    packed = parsed.packed if parsed.version == 6 else ipaddress.ip_address(f"::ffff:{address}").packed
    words = [packed[place : place + 4][::-1].hex().upper() for place in range(0, 16, 4)]
    table = tmp_path / "tcp6"
    script = (FILES / "seen-as").read_text()
    assert "/proc/net/tcp6" in script
    assert "$(readlink /proc/self/fd/0)" in script
    table.write_text(f"0: {'0' * 32}:1E61 {''.join(words)}:A455 01 0:0 0:0 0 0 0 4242 1\n")
    script = script.replace("/proc/net/tcp6", str(table)).replace("$(readlink /proc/self/fd/0)", "socket:[4242]")
    busybox = debian.ensure_root() / "usr/bin/busybox"
    done = subprocess.run([str(busybox), "sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == address
