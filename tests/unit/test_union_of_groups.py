# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts of several groups, and that the playbooks thereby load the compilers once for all workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.hostnet.fabric.plugins.filter.union_of_groups import union_of_groups

ROOT = Path(__file__).resolve().parents[2]
GROUPS = {"all": ["a", "b", "c"], "routers": ["b", "a"], "switches": ["a", "c"]}
COMPILERS = "ansible_collections.hostnet.fabric.plugins.plugin_utils"
# Says at its end which compilers the main process has loaded.
CALLBACK = f"""
import json, sys
from ansible.plugins.callback import CallbackBase
class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_NAME = "loaded"
    def v2_playbook_on_stats(self, stats):
        print("loaded", json.dumps([name for name in sys.modules if name.startswith("{COMPILERS}.")]))
"""


def test_each_host_once_in_the_order_of_the_groups() -> None:
    assert union_of_groups(GROUPS, ["switches", "routers"]) == ["a", "c", "b"]


def test_groups_that_are_not_there_have_no_hosts() -> None:
    assert union_of_groups(GROUPS, ["bridges", "routers"]) == ["b", "a"]
    assert union_of_groups(GROUPS, ["bridges"]) == []


@pytest.mark.parametrize("playbook", ["site", "validate", "verify", "render", "drain", "undrain", "rolling"])
def test_the_main_process_has_what_its_workers_need(playbook: str, tmp_path: Path) -> None:
    (tmp_path / "loaded.py").write_text(CALLBACK)
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"hosts": {}}}))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(tmp_path / "hosts.yml")]
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"),
        "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path),
    }
    command.append(str(ROOT / f"playbooks/{playbook}.yml"))
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    (loaded,) = [json.loads(line.partition(" ")[2]) for line in done.stdout.splitlines() if line.startswith("loaded")]
    assert {f"{COMPILERS}.nf.document", f"{COMPILERS}.dvr.document", f"{COMPILERS}.nf.bird"} <= set(loaded), done
