# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What drain.yml, undrain.yml and role nf_drain refuse before they ask any host for anything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = ROOT / "playbooks"
INVENTORY = ROOT / "inventory/nf"
EACH_ITSELF = """
- hosts: compute-01,compute-02
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: hostnet.fabric.nf_drain}
      vars: {nf_drain_names: ["{{ inventory_hostname }}"]}
"""


def refused(playbook: Path, *arguments: str) -> str:
    """What it says, in one line."""
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(playbook), "-i", str(INVENTORY), *arguments]
    own = {"ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("word", "arguments", "gateways"),
    [
        ("undrain", ("--limit", "compute-03"), "dcgw-01, dcgw-02"),
        ("drain", ("--limit", "compute-03,dcgw-02", "-e", "without=dcgw-02"), "dcgw-01"),
        ("drain", ("-e", "without=dcgw-01,dcgw-02"), "nobody of group nf_gateways"),
    ],
)
def test_no_gateway_is_left_to_act(word: str, arguments: tuple[str, ...], gateways: str) -> None:
    told = refused(PLAYBOOKS / f"{word}.yml", "-e", f"{word}=nf-up3", *arguments)
    assert f"{word}: gateways do it, and none of them ({gateways}) is in this run; leave --limit out" in told


def test_hosts_that_name_themselves_are_done_one_by_one(tmp_path: Path) -> None:
    """Together they would be one order, and only the first one's."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(EACH_ITSELF)
    line = "nf_drain_names: the hosts compute-01, compute-02 ask for different things at the same time"
    assert line in refused(playbook)
