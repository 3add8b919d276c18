# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine and the versions a benchmark was made with."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path


def today() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")


def facts() -> dict[str, str]:
    return {
        "processor": f"{_entry('/proc/cpuinfo', 'model name')}, {os.cpu_count()} CPUs",
        "memory": f"{int(_entry('/proc/meminfo', 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "system": platform.freedesktop_os_release()["PRETTY_NAME"],
        "kernel": platform.release().split("-")[0],
        "Python of the host": _version("/usr/bin/python3", "-V"),
        "iproute2": _version("ip", "-V"),
        "nftables": _version("nft", "-v"),
        "Open vSwitch": f"{_version('ovs-vsctl', '-V')}, userspace datapath",
        "BIRD": _version("bird", "--version"),
        "ansible-core": importlib.metadata.version("ansible-core"),
    }


def _entry(path: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.+)$", Path(path).read_text(encoding="utf-8"), re.MULTILINE)
    return found[1].strip() if found else "unknown"


def _version(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    output = done.stdout or done.stderr
    found = re.search(r"\d+\.[\d.]*\d", output)
    return found[0] if found else output.strip()
