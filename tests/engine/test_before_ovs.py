# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a host on which Open vSwitch does not run yet, or is not even installed, and what is then done."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from bridge_flows import FLOWS, flow_document
from harness import Machine, OpenVSwitch, data

from ansible_collections.hostnet.fabric.plugins.module_utils import host as host_module
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, HostError
from ansible_collections.hostnet.fabric.plugins.module_utils.present import lines

# Two flows in words that the switch would not use itself.
DOCUMENT = flow_document(
    [*FLOWS, "table=3,tcp,tcp_dst=0x50,actions=meter:meter(slow),output:ta", "table=3,arp,actions=output:tb"],
    meters=[{"bridge": "br", "name": "slow", "kbps": 1000}],
)


def _without_tools(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    directory.mkdir()
    for name in ("ip", "bridge"):
        (directory / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setattr(host_module, "_PATH", str(directory))


@pytest.mark.parametrize("state", ["not installed", "stopped", "killed"])
def test_the_plan_is_what_is_done_once_it_runs(
    state: str, host: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if state == "killed":
        host.ovs_database = f"unix:{tmp_path}/left.sock"
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / "left.sock"))
    with monkeypatch.context() as hidden:
        if state == "not installed":
            _without_tools(hidden, tmp_path / "bin")
        predicted = host.check(DOCUMENT)
    assert [change.action for change in predicted.plan.changes] == ["add"] * len(predicted.plan.changes)
    with OpenVSwitch.started(tmp_path / "ovs") as switch:
        host.ovs_database = switch.database
        done = host.apply(DOCUMENT)
    assert (data(done), lines(done.plan), done.commands) == (data(predicted), lines(predicted.plan), predicted.commands)


@pytest.mark.parametrize(
    ("installed", "message"),
    [(False, "ovs-vsctl is not installed on this host; install openvswitch-switch"), (True, "connection failed")],
)
def test_without_it_nothing_is_applied(
    installed: bool, message: str, host: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = host.snapshot()
    with monkeypatch.context() as hidden, pytest.raises(HostError, match=message):
        if not installed:
            _without_tools(hidden, tmp_path / "bin")
        host.run(DOCUMENT)
    host.assert_as(before)


def test_what_is_wrong_with_a_flow_is_seen_where_the_tool_is(host: Machine) -> None:
    with pytest.raises(DocumentError, match="ovs-ofctl refuses"):
        host.check(flow_document(["table=3,nonsense=1,actions=drop"]))
