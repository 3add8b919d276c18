# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fill .collections: this checkout as hostnet.fabric, and the collections it depends on beside it.

Where no Galaxy server answers, a dependency is taken out of the last `ansible` package on PyPI that bundled it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
COLLECTIONS = ROOT / ".collections" / "ansible_collections"
BUNDLE = "ansible==10.7.0"
GALAXY_SECONDS = 30


def link_checkout() -> None:
    link = COLLECTIONS / "hostnet" / "fabric"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(Path("../../.."))


def install_from_galaxy() -> bool:
    command: list[str | Path] = [TOOLS / "ansible-galaxy", "collection", "install", "-r", ROOT / "requirements.yml"]
    command += ["-p", COLLECTIONS.parent, "--timeout", "5"]
    try:
        return subprocess.run(command, capture_output=True, timeout=GALAXY_SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def install_from_bundle(namespace: str, name: str) -> None:
    prefix = f"ansible_collections/{namespace}/{name}/"
    with tempfile.TemporaryDirectory() as directory:
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "download", "--no-deps", "--dest", directory, BUNDLE], check=True)
        (wheel,) = Path(directory).glob("ansible-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            members = [member for member in archive.namelist() if member.startswith(prefix)]
            archive.extractall(COLLECTIONS.parent, members)


def main() -> None:
    link_checkout()
    if (COLLECTIONS / "openvswitch" / "openvswitch" / "MANIFEST.json").exists():
        return
    print("Fetching openvswitch.openvswitch from Galaxy", flush=True)
    if not install_from_galaxy():
        print(f"Galaxy does not answer; taking it out of {BUNDLE} from PyPI", flush=True)
        install_from_bundle("openvswitch", "openvswitch")


if __name__ == "__main__":
    main()
