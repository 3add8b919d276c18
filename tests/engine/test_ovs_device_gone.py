# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A device that was a port of Open vSwitch is deleted underneath, and comes again with its port."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Machine, actions, tool

pytestmark = pytest.mark.usefixtures("ovs")

PORTS: dict[str, Any] = {
    "scope": "t",
    "ovs_bridges": [{"name": "ovs0", "datapath_type": "netdev", "fail_mode": "standalone"}],
    "namespaces": [{"name": "a"}, {"name": "b"}],
    "links": [
        entry
        for name in ("a", "b")
        for entry in (
            {"name": f"v{name}", "type": "veth", "peer": {"name": "eth0", "namespace": name}, "up": True},
            {
                "name": "eth0",
                "namespace": name,
                "type": "veth",
                "peer": {"name": f"v{name}"},
                "mac": f"02:00:00:00:00:0{name}",
                "up": True,
            },
        )
    ],
    "addresses": [
        {"namespace": name, "link": "eth0", "address": f"192.0.2.{number}/24"} for number, name in ((1, "a"), (2, "b"))
    ],
    "ovs_ports": [{"name": f"v{name}", "bridge": "ovs0", "type": "system"} for name in ("a", "b")],
}


def pings(host: Machine) -> bool:
    command = ["ip", "netns", "exec", "a", "ping", "-c", "3", "-i", "0.3", "-W", "1", "192.0.2.2"]
    return tool(*command, check=False).returncode == 0


def test_the_switch_takes_the_new_device(host: Machine) -> None:
    host.apply(PORTS)
    assert pings(host)
    host.ip("link delete vb")
    assert not pings(host)
    done = host.run(PORTS)
    assert actions(done)["ovs_port vb"] == "replace"
    assert pings(host)
    assert not host.run(PORTS).plan.changes
