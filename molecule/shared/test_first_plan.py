# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of machines on which nothing is installed or runs yet: it is shown, and nothing is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fleet import Fleet
from test_teardown import differences

# Hides packages that the lab's image has, and brings them back: programs, units, settings, what dpkg knows.
HIDE = r"""
import json, os, re, subprocess, sys
packages, status, kept = sys.argv[2:], "/var/lib/dpkg/status", "/run/hidden.json"
if sys.argv[1] == "hide":
    listed = subprocess.run(["dpkg", "-L", *packages], capture_output=True, text=True).stdout.split("\n")
    files = [path for path in listed if re.search(r"/s?bin/|/systemd/system/|^/etc/", path) and os.path.isfile(path)]
    text = open(status).read()
    with open(kept, "w") as stream:
        json.dump({"files": files, "status": text}, stream)
    for path in files:
        os.rename(path, path + ".hidden")
    entries = [e for e in text.split("\n\n") if e.partition("\n")[0].removeprefix("Package: ") not in packages]
    with open(status, "w") as stream:
        stream.write("\n\n".join(entries))
else:
    with open(kept) as stream:
        hidden = json.load(stream)
    for path in hidden["files"]:
        os.rename(path + ".hidden", path)
    with open(status, "w") as stream:
        stream.write(hidden["status"])
    os.unlink(kept)
subprocess.run(["systemctl", "daemon-reload"], check=True)
"""
PACKAGES = ("openvswitch-switch", "openvswitch-common", "bird2", "keepalived", "conntrackd")


@contextmanager
def new_machines(fleet: Fleet) -> Iterator[None]:
    def each(what: str) -> None:
        for machine in fleet.machines:
            fleet.output(machine, "python3", "-", what, *PACKAGES, stdin=HIDE)

    each("hide")
    try:
        yield
    finally:
        each("show")


def test_the_plan_is_shown_and_nothing_is_done(fleet: Fleet) -> None:
    with new_machines(fleet):
        assert not any("openvswitch-switch" in fleet.output(name, "dpkg-query", "--show") for name in fleet.machines)
        before = fleet.snapshots()
        text = fleet.play("site.yml", "--check", "--diff").text
        assert "\n".join(differences("", before, fleet.snapshots())) == ""
    assert "msg: openvswitch-switch" in text
    planned = json.loads(Path(f"/run/hostnet-lab/{fleet.scenario}/changes-check.json").read_text())
    assert set(planned) == set(fleet.machines)
    assert all(planned.values())
