# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tests with BIRD daemons again, with the BIRD of Debian 13 in a machine of the lab."""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import netaddr
import pytest
from labtest import Lab, make_lab

ROOT = Path(__file__).resolve().parents[2]
WANTED = ("galaxy.yml", "pyproject.toml", "plugins", "tests/conftest.py", "tests/engine")
COLLECTION = ".collections/ansible_collections/hostnet/fabric"
TESTS = ("tests/engine/test_bird.py", "tests/engine/test_bird_traps.py", "tests/engine/test_nf_keys.py")
# There is no Ansible on the machine.
LEFT_OUT = "--deselect=tests/engine/test_bird.py::test_module"


@pytest.fixture
def tester(tmp_path: Path) -> Iterator[Lab]:
    lab = make_lab(tmp_path, "bird", "machines:\n  tester: {}\n")
    try:
        lab.ok("up", lab.scenario)
        yield lab
    finally:
        lab("down", lab.scenario)


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        # The compiler needs netaddr, which is Python alone and found from the directory that the tests are run in.
        places = [(ROOT / name, name) for name in WANTED]
        for source, name in (*places, (Path(netaddr.__file__).parent, "netaddr")):
            tar.add(source, name, filter=lambda entry: None if "__pycache__" in entry.name else entry)
        link = tarfile.TarInfo(COLLECTION)
        link.type, link.linkname = tarfile.SYMTYPE, "../../.."
        tar.addfile(link)
    return buffer.getvalue()


def test_newer_bird(tester: Lab) -> None:
    unpack = [str(tester.command), "exec", "--scenario", tester.scenario, "tester", "--", "sh", "-ec"]
    subprocess.run([*unpack, "mkdir /root/fabric; tar -xz -C /root/fabric"], input=archive(), check=True)
    version = tester.on("tester", "bird", "--version")
    assert version.stderr.startswith("BIRD version 2.17") or version.stdout.startswith("BIRD version 2.17")
    run = f"cd /root/fabric; exec python3 -m pytest -q -n 2 {LEFT_OUT} {' '.join(TESTS)}"
    done = tester.on("tester", "sh", "-ec", run)
    assert done.returncode == 0, done.stdout
    assert "skipped" not in done.stdout
