# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a virtual machine on a tap for as long as that tap is there."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

INSIDE = Path("/usr/lib/hnlab")
RUN = Path("/run/hnlab")
AGENTS = 2


def tap_index(name: str) -> str:
    """The tap's interface number, which tells a new tap of the same name; empty while there is none."""
    try:
        return Path("/sys/class/net", name, "ifindex").read_text().strip()
    except OSError:
        return ""


def kernel_arguments(guest: dict[str, Any]) -> str:
    words = ["console=ttyS0", "quiet", "panic=1", "hnlab.mode=guest", f"hnlab.name={guest['name']}"]
    words.append(f"hnlab.mtu={guest['mtu']}")
    words += [f"hnlab.address={address}" for address in guest["addresses"]]
    words += [f"hnlab.route={route['to']},{route['via']}" for route in guest["routes"]]
    return " ".join(words)


def qemu(guest: dict[str, Any]) -> list[str]:
    """The command: software emulation, one network card on the tap, agents on virtio serial ports."""
    name = guest["name"]
    kernel = sorted(Path("/boot").glob("vmlinuz-*"))[-1]
    command = ["qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "max", "-m", str(guest["memory"])]
    command += ["-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{RUN}/{name}.console"]
    command += ["-kernel", str(kernel), "-initrd", str(INSIDE / "initrd"), "-append", kernel_arguments(guest)]
    command += ["-netdev", f"tap,id=net,ifname={guest['tap']},script=no,downscript=no"]
    command += ["-device", f"virtio-net-pci,netdev=net,mac={guest['mac']},romfile=", "-device", "virtio-serial-pci"]
    for number in range(AGENTS):
        command += ["-chardev", f"socket,id=agent{number},path={RUN}/{name}.{number},server=on,wait=off"]
        command += ["-device", f"virtserialport,chardev=agent{number},name=agent{number}"]
    return command


def hold(guest: dict[str, Any], present: str) -> None:
    child = subprocess.Popen(qemu(guest), stdin=subprocess.DEVNULL)
    try:
        while tap_index(guest["tap"]) == present and child.poll() is None:
            time.sleep(0.2)
    finally:
        child.kill()
        child.wait()
        for path in RUN.glob(f"{guest['name']}.[0-9]"):
            path.unlink()


def main(description: Path) -> None:
    guest = json.loads(description.read_text())
    RUN.mkdir(exist_ok=True)
    while True:
        present = tap_index(guest["tap"])
        if present:
            hold(guest, present)
        time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
