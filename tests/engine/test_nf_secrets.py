# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of sessions are not printed: not with all of -vvv and --diff, and not when something fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet

PROJECT = Path(__file__).resolve().parents[2]
PLAYBOOK = str(Path(sys.executable).parent / "ansible-playbook")
SECRETS = {"fabric_bgp": "key-of-bgp", "fabric_bfd": "key-of-bfd"}
# All hosts of the inventory are this one: what it has in /run is its own, and all that it runs ends with it.
ALONE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-euc"]
SCRIPT = """
mount -t tmpfs run /run
ip link set lo up
mkdir /run/bird
bird -c "$1" -s /run/bird/bird.ctl
bird -c "$2" -s "$3"
shift 3
exec "$@"
"""


def intent() -> dict[str, Any]:
    """That of the inventory with keys, which BIRD alone can have: it is at every end."""
    found = yaml.safe_load((PROJECT / "inventory/nf/group_vars/nf.yml").read_text())
    for one in (*found["fabric_user_planes"].values(), *found["fabric_control_planes"].values()):
        one.pop("bfd", None), one.pop("bgp", None)
    return {**found, **{name: {**found.get(name, {}), "password": key} for name, key in SECRETS.items()}}


def command(playbook: str, variables: dict[str, Any], directory: Path) -> list[str]:
    given = directory / "variables.json"
    here = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    given.write_text(json.dumps({**intent(), **here, **variables}))
    words = ["-i", str(PROJECT / "inventory/nf"), "-e", f"@{given}", "-vvv", "--diff"]
    return [PLAYBOOK, str(PROJECT / "playbooks" / playbook), *words]


def printed(words: list[str], fails: bool = False) -> str:
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(PROJECT / ".collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(words, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    shown = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, shown
    return shown


def assert_none_in(shown: str) -> None:
    assert [line for line in shown.splitlines() if any(key in line for key in SECRETS.values())] == []


def test_what_is_rendered_is_not_printed(tmp_path: Path) -> None:
    shown = printed([*command("render.yml", {"render_output": str(tmp_path / "out")}, tmp_path), "--limit", "dcgw-01"])
    rendered = (tmp_path / "out/dcgw-01.dcgw-01.bird.conf").read_text()
    assert all(key in rendered for key in SECRETS.values())
    assert "dcgw-01.bird.conf" in shown
    assert_none_in(shown)


def test_a_drain_that_is_refused_says_why_and_no_key(tmp_path: Path) -> None:
    """BIRD of nf-cp1 runs something else, of which a part would be interrupted."""
    gateway, speaker = tmp_path / "gateway.conf", tmp_path / "bird/nf-cp1.conf"
    gateway.write_text("router id 127.0.0.1;\nprotocol device {}\n")
    speaker.parent.mkdir()
    (daemon,) = daemons(Fleet(intent()).view("compute-09"))
    speaker.write_text(daemon.config.replace("pools4", "another"))
    assert speaker.read_text() != daemon.config
    variables = {"drain": "nf-up3", "__nf_drain_etc": str(tmp_path), "__nf_drain_run": str(tmp_path)}
    alone = [*ALONE, SCRIPT, "sh", str(gateway), str(speaker), str(tmp_path / "nf-cp1.ctl")]
    shown = printed([*alone, *command("drain.yml", variables, tmp_path)], fails=True)
    assert "allow_session_reset allows that" in shown, shown
    assert "static another" in shown.lower()
    assert_none_in(shown)
