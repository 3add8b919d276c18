# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run `ansible-test sanity` on a copy of the checkout.

ansible-test insists on a git work tree at ansible_collections/NAMESPACE/NAME, which a checkout rarely is.
Arguments are handed on: `scripts/sanity.py --test validate-modules`.
"""

from __future__ import annotations

import ast
import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
HOME = ROOT / ".cache" / "home"
COPY = ROOT / ".cache" / "sanity" / "ansible_collections" / "hostnet" / "fabric"

# ansible-test would download its pip bootstrap; the one in Python's own library does as well, and works offline.
BOOTSTRAP = """\
import os
import subprocess
import sys

import ensurepip

ensurepip.bootstrap()
os.environ.pop("PIP_CONFIG_FILE", None)
arguments = [argument for argument in sys.argv[1:] if argument not in ("--no-setuptools", "--no-wheel")]
if arguments and not all(argument.startswith("-") for argument in arguments):
    sys.exit(subprocess.run([sys.executable, "-m", "pip", "install", *arguments]).returncode)
"""


def project_files() -> list[Path]:
    """Every file that git tracks, or would track if it were added."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    names = {Path(name) for name in listing.stdout.split("\0") if name}
    return sorted(name for name in names if (ROOT / name).is_file() or (ROOT / name).is_symlink())


def copy_project() -> None:
    shutil.rmtree(COPY, ignore_errors=True)
    for name in project_files():
        target = COPY / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    subprocess.run(["git", "init", "--quiet", str(COPY)], check=True)


def pip_settings() -> configparser.ConfigParser:
    """The caller's pip settings; ansible-test drops the environment and HOME is our own."""
    settings = configparser.ConfigParser(interpolation=None)
    command = [sys.executable, "-m", "pip", "config", "list"]
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        key, value = line.split("=", 1)
        section, option = key.split(".", 1)
        section = "global" if section == ":env:" else section
        if not settings.has_section(section):
            settings.add_section(section)
        settings.set(section, option, ast.literal_eval(value))
    return settings


def prepare_home() -> None:
    bootstrap = HOME / ".ansible" / "test" / "cache" / "get_pip_24_2.py"
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    bootstrap.write_text(BOOTSTRAP)
    configuration = HOME / ".config" / "pip" / "pip.conf"
    configuration.parent.mkdir(parents=True, exist_ok=True)
    with configuration.open("w") as stream:
        pip_settings().write(stream)


def search_path() -> str:
    """PATH with our tools first, and pyenv's interpreters in place of its shims, which answer for missing versions."""
    directories = [str(TOOLS)]
    for entry in os.environ["PATH"].split(os.pathsep):
        if entry.endswith("pyenv/shims"):
            directories += sorted(str(found) for found in Path(entry).parent.glob("versions/3.*/bin"))
        else:
            directories.append(entry)
    return os.pathsep.join(directories)


def main() -> int:
    copy_project()
    prepare_home()
    environment = {**os.environ, "HOME": str(HOME), "PATH": search_path()}
    command: list[str | Path] = [TOOLS / "ansible-test", "sanity", "--local", *sys.argv[1:]]
    return subprocess.run(command, cwd=COPY, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
