# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restarted switch gets its flows and meters back, by the script of the service or by a run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from bridge_flows import FLOWS, flow_document, flows_of, group, many, shown_flows
from harness import Machine, OpenVSwitch, actions, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils.present import lines

pytestmark = pytest.mark.usefixtures("ovs")

RESTORE = Path(__file__).parents[2] / "roles/openvswitch/files/restore-flows"


def _restart(ovs: OpenVSwitch) -> None:
    ovs.stop("ovs-vswitchd")
    ovs.start_daemon()
    wait_for((ovs.directory / "br.mgmt").exists, "the bridge")
    ovs.vsctl("set", "Bridge", "br", "other_config:restarted=true")


def _restored(host: Machine, ovs: OpenVSwitch) -> tuple[int, str]:
    """How the script of the service has ended, and what it has to complain of."""
    command = ["sh", str(RESTORE), str(host.run_directory / "openflow")]
    environment = {**os.environ, "OVS_RUNDIR": str(ovs.directory)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


def test_a_restarted_switch_gets_its_flows_back_by_the_script(host: Machine, ovs: OpenVSwitch) -> None:
    document = flow_document(
        [*FLOWS, "table=1,actions=meter:meter(out),output:ta,LOCAL"],
        meters=[{"bridge": "br", "name": "out", "kbps": 1000, "burst_kb": 10}],
    )
    host.run(document)
    files = host.run_directory / "openflow"
    assert sorted(os.listdir(files)) == ["br.t.flows", "br.t.meters"]
    assert {path.stat().st_mode & 0o777 for path in files.iterdir()} == {0o600}
    flows, meters = host.of("br", "flows"), host.of("br", "meters")
    _restart(ovs)
    assert host.of("br", "flows") == host.of("br", "meters") == []
    assert _restored(host, ovs) == (0, "")
    assert sorted(host.of("br", "flows")) == sorted(flows)
    assert host.of("br", "meters") == meters
    assert lines(host.run(document).plan) == []


def test_the_script_brings_back_many_flows_too(host: Machine, ovs: OpenVSwitch) -> None:
    document = flow_document([*many(), "table=200,actions=drop", "priority=7,ip,actions=ct(commit,table=3)"])
    host.run(document)
    _restart(ovs)
    assert _restored(host, ovs) == (0, "")
    assert len(flows_of(host)) == 3002
    assert lines(host.run(document).plan) == []


def test_the_script_opens_no_bridge_whose_tables_are_not_whole(host: Machine, ovs: OpenVSwitch) -> None:
    host.run(flow_document(many()))
    _restart(ovs)
    (file,) = (host.run_directory / "openflow").iterdir()
    file.write_text(f"{file.read_text()}add table=3,actions=resubmit(,nonsense)\n")
    status, said = _restored(host, ovs)
    assert status == 1
    assert "nonsense" in said
    assert not [flow for flow in host.of("br", "flows") if "table=" not in flow.partition("actions=")[0]]


def test_a_run_brings_back_what_a_restarted_switch_lost(host: Machine, ovs: OpenVSwitch) -> None:
    document = flow_document(meters=[{"bridge": "br", "name": "out", "kbps": 1000}])
    host.run(document)
    _restart(ovs)
    done = host.apply(document)
    assert actions(done) == {"openflow br web": "add", "meter br out": "add"}
    assert flows_of(host) == shown_flows(host)


def test_files_that_restore_say_what_is_there(host: Machine) -> None:
    host.run(flow_document())
    file = host.run_directory / "openflow" / "br.t.flows"
    before = file.stat()
    host.run(flow_document())
    assert file.stat().st_ino == before.st_ino
    host.run(flow_document(FLOWS[2:]))
    assert len(file.read_text().splitlines()) == 2
    os.unlink(file)
    host.run(flow_document(FLOWS[2:]))
    assert file.exists()
    # What a run without purge leaves is there to be restored too, with numbers where it does not know the names.
    host.run(flow_document(openflow=[group("more", "table=9,in_port=ta,actions=drop")]), purge=False)
    assert [re.sub("cookie=0x68e3[0-9a-f]+,", "", line) for line in file.read_text().splitlines()] == [
        "add table=0,priority=0,actions=drop",
        "add table=10,priority=0,actions=output:NXM_NX_REG0[]",
        'add table=9,in_port="ta",actions=drop',
    ]
    # A run that was killed after its changes has left old files; the next one, without changes, writes them anew.
    ledger = host.run_directory / "t.json"
    content = json.loads(ledger.read_text())
    ledger.write_text(json.dumps({**content, "pending": [["openflow", "", "br", "web"]]}))
    file.with_suffix(".flows.new").write_text("half a li")
    file.write_text("")
    assert lines(host.run(flow_document(FLOWS[2:]), purge=False).plan) == []
    assert len(file.read_text().splitlines()) == 3
    assert os.listdir(file.parent) == [file.name]
    host.run(flow_document(openflow=[]))
    assert not file.exists()
