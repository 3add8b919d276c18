# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run the engine's tests that the running kernel has to skip on one that has everything: in a machine of the lab.

A test that is skipped even there is a failure.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import netaddr
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lab"))

from labtest import Lab, make_lab  # noqa: E402

SCENARIO = """
needs: [8021q, bridge_vlan, dummy, vrf, vxlan]
machines:
  tester: {}
"""
WANTED = ("galaxy.yml", "pyproject.toml", "docs/document.md", "docs/dvr.md", "inventory", "plugins", "roles")
TESTS = ("tests/conftest.py", "tests/engine")
COPY = "/root/fabric"
# Connection tracking brings sysctls with it, which must not seem to be the doing of the test that first needs it.
WARM_UP = """
unshare --net nft -f - <<END
table inet warm-up {
  chain input { type filter hook input priority 0; ct state new accept; }
}
END
"""
COLLECTION = ".collections/ansible_collections/hostnet/fabric"
NOTHING_SKIPPED = '<testsuite><testcase classname="kernel" name="the running kernel skips no test"/></testsuite>\n'


def select(directory: Path) -> list[str]:
    """The names of the tests to run."""
    chosen = directory / "selection"
    path = os.pathsep.join(filter(None, (str(Path(__file__).parent), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "HOSTNET_SELECTION": str(chosen), "PYTHONPATH": path}
    command = [sys.executable, "-m", "pytest", "-p", "selection", "--collect-only", "-q", "tests/engine"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) or not chosen.exists():
        sys.exit(f"no tests could be collected:\n{done.stdout}{done.stderr}")
    return chosen.read_text().splitlines()


def archive(names: list[str]) -> bytes:
    """What the tests need of the project, and the list of those to run."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        # The compiler needs netaddr, which is Python alone and found from the directory that the tests are run in.
        places = [(ROOT / name, name) for name in (*WANTED, *TESTS)]
        for source, name in (*places, (Path(netaddr.__file__).parent, "netaddr")):
            tar.add(source, name, filter=lambda entry: None if "__pycache__" in entry.name else entry)
        link = tarfile.TarInfo(COLLECTION)
        link.type, link.linkname = tarfile.SYMTYPE, "../../.."
        tar.addfile(link)
        listing = "\n".join([*names, ""]).encode()
        selection = tarfile.TarInfo("selection")
        selection.size = len(listing)
        tar.addfile(selection, io.BytesIO(listing))
    return buffer.getvalue()


def on_tester(
    lab: Lab, script: str, stdin: bytes = b"", output: int | None = None
) -> subprocess.CompletedProcess[bytes]:
    command = [str(lab.command), "exec", "--scenario", lab.scenario, "tester", "--", "sh", "-ec", script]
    return subprocess.run(command, input=stdin, stdout=output, check=False)


def run(lab: Lab, names: list[str], report: Path) -> int:
    """Run the tests in the machine; pytest's exit status there."""
    if subprocess.run([str(lab.command), "up", lab.scenario], check=False).returncode != 0:
        return 1
    on_tester(lab, f"mkdir {COPY}; tar -xz -C {COPY}", archive(names)).check_returncode()
    inside = f"{COPY}/report.xml"
    # What the tests of a file share is slow to make here, so each file has one of the two processors.
    pytest_command = f"python3 -m pytest -n 2 --dist loadfile --reruns 1 -v --junit-xml={inside} @selection"
    done = on_tester(lab, f"cd {COPY}; {WARM_UP} exec {pytest_command}")
    report.write_bytes(on_tester(lab, f"cat {inside}", output=subprocess.PIPE).stdout)
    return done.returncode


def skipped(report: Path) -> list[str]:
    cases = ET.parse(report).iter("testcase")
    return [f"{case.get('classname')}::{case.get('name')}" for case in cases if case.find("skipped") is not None]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--junit-xml", type=Path, required=True, help="where the report goes")
    report = parser.parse_args().junit_xml
    report.parent.mkdir(parents=True, exist_ok=True)
    # Who ends this run wants the machine to be gone, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory() as scratch:
        names = select(Path(scratch))
        if not names:
            report.write_text(NOTHING_SKIPPED)
            return 0
        lab = make_lab(Path(scratch), "kernel", SCENARIO)
        try:
            status = run(lab, names, report)
        finally:
            subprocess.run([str(lab.command), "down", lab.scenario], check=False)
    if status == 0 and (left := skipped(report)):
        print(f"skipped even there: {', '.join(left)}")
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
