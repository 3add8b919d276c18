# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A switch daemon is killed and started again: its tunnel and veth ports carry traffic once the flows are back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, OpenVSwitch, tool, wait_for

RESTORE = Path(__file__).parents[2] / "roles/openvswitch/files/restore-flows"
FAR_MAC, FLOOD = "02:00:00:00:00:09", "00:00:00:00:00:00"


def _document(datapath: str) -> dict[str, Any]:
    """A container that reaches another host through a tunnel, by flows alone."""
    flows = ["priority=10,in_port=p-c1,actions=output:vx0", "priority=10,in_port=vx0,actions=output:p-c1"]
    return {
        "namespaces": [{"name": "c1"}],
        "ovs_bridges": [{"name": "ovs0", "datapath_type": datapath, "fail_mode": "secure"}],
        "ovs_ports": [{"name": port, "bridge": "ovs0"} for port in ("p-c1", "vx0")],
        "openflow": [{"bridge": "ovs0", "name": "c1", "flows": flows}],
        "links": [
            {"name": "p-c1", "type": "veth", "peer": {"namespace": "c1", "name": "eth0"}, "up": True},
            {"namespace": "c1", "name": "eth0", "type": "veth", "peer": {"name": "p-c1"}, "mtu": 1450, "up": True},
            {"name": "vx0", "type": "vxlan", "id": 7, "local": "10.9.9.1", "fdb_learning": False, "up": True},
        ],
        "fdb": [{"link": "vx0", "mac": mac, "dst": "10.9.9.2"} for mac in (FAR_MAC, FLOOD)],
        "addresses": [{"namespace": "c1", "link": "eth0", "address": "192.0.2.1/24"}],
    }


@pytest.fixture
def tunnelled(host: Machine) -> Machine:
    """Another host at the far end of a wire, with its end of the tunnel."""
    host.ip("netns add far")
    host.ip("link add name under type veth peer name under netns far")
    host.ip("link set dev under up")
    host.ip("addr add 10.9.9.1/24 dev under")
    for line in (
        "link set dev under up",
        "addr add 10.9.9.2/24 dev under",
        f"link add name vx0 address {FAR_MAC} type vxlan id 7 dstport 4789 local 10.9.9.2 remote 10.9.9.1",
        "link set dev vx0 up",
        "addr add 192.0.2.9/24 dev vx0",
    ):
        host.ip(line, "far")
    return host


def _passes() -> bool:
    return tool("ping", "-c", "1", "-W", "1", "192.0.2.9", namespace="c1", check=False).returncode == 0


def _restored(ovs: OpenVSwitch, files: Path) -> bool:
    """As the service does it: the daemon may need a moment until its bridges are there."""
    environment = {**os.environ, "OVS_RUNDIR": str(ovs.directory)}
    done = subprocess.run(["sh", str(RESTORE), str(files)], env=environment, capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.parametrize("by_script", [True, False])
def test_a_killed_daemon_costs_no_port(by_script: bool, tunnelled: Machine, ovs: OpenVSwitch, datapath: str) -> None:
    document = _document(datapath)
    tunnelled.apply(document)
    wait_for(_passes, "the tunnel")

    daemon = ovs.processes.pop("ovs-vswitchd")
    daemon.kill()
    daemon.wait(10)
    (ovs.directory / "ovs0.mgmt").unlink(missing_ok=True)
    ovs.start_daemon()
    wait_for((ovs.directory / "ovs0.mgmt").exists, "the bridge")

    if datapath == "netdev":
        assert not _passes()
    if by_script:
        wait_for(lambda: _restored(ovs, tunnelled.run_directory / "openflow"), "the flows")
    else:
        tunnelled.run(document)
    wait_for(_passes, "the tunnel after the restart")
    tunnelled.assert_settled(document)
