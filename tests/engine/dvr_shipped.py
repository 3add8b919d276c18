# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped inventory of distributed routing on three hosts of this machine.

What is written down here about its instances is written by hand: what is expected must not come from the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvr_fleet import OUTSIDE, Node, fleet, whole_checksums
from harness import tool

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.document import compiled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet

# Open vSwitch in userspace, and in the kernel.
DATAPATHS = ("netdev", pytest.param("system", marks=pytest.mark.needs("openvswitch")))
INVENTORY = Path(__file__).resolve().parents[2] / "inventory" / "dvr" / "group_vars" / "dvr.yml"
HOSTS = {"compute-01": "10.20.0.11", "compute-02": "10.20.0.12", "network-01": "10.20.0.21"}
OUTSIDE_LINES = (
    "address add 192.168.100.1/24 dev eth0",
    "address add 2001:db8:64::1/64 dev eth0 nodad",
    "address add 203.0.113.9/32 dev lo",
    "route add 2001:db8:18::/64 dev eth0",
    "route add 2001:db8:19::/64 dev eth0",
    "route add 2001:db8:28::/64 dev eth0",
    "route add 2001:db8:29::/64 dev eth0",
)
# What compute-02 has on its card in the external network.
OWN_ADDRESS = "192.168.100.12"

# Where each instance is, its addresses, and as whom the outside sees it.
INSTANCES = {
    "vm1": ("compute-01", "172.16.18.100", "2001:db8:18::100", "192.168.100.150"),
    "web2": ("compute-01", "172.16.18.101", "2001:db8:18::101", "192.168.100.20"),
    "web3": ("compute-02", "172.16.18.102", "2001:db8:18::102", "192.168.100.152"),
    "web4": ("compute-02", "172.16.18.103", "2001:db8:18::103", "192.168.100.20"),
    "db1": ("compute-01", "172.16.19.10", "2001:db8:19::10", "192.168.100.20"),
    "db2": ("compute-02", "172.16.19.11", "2001:db8:19::11", "192.168.100.153"),
    "shop1": ("compute-01", "172.16.18.100", "2001:db8:28::100", "192.168.100.160"),
    "shop2": ("compute-02", "172.16.18.101", "2001:db8:28::101", "192.168.100.21"),
    "store1": ("compute-01", "172.16.19.10", "2001:db8:29::10", "192.168.100.21"),
    "store2": ("compute-02", "172.16.19.11", "2001:db8:29::11", "192.168.100.161"),
}
BLUE, GREEN = ("vm1", "web2", "web3", "web4", "db1", "db2"), ("shop1", "shop2", "store1", "store2")
WEB, DB = BLUE[:4], BLUE[4:]
FLOATING = ("vm1", "web3", "db2", "shop1", "store2")
SNAT = ("192.168.100.20", "192.168.100.21")

Places = dict[str, str]
Document = dict[str, Any]


def intent(datapath: str = "netdev") -> dict[str, Any]:
    """The inventory, with a container for the VM and one SNAT host."""
    own: dict[str, Any] = yaml.safe_load(INVENTORY.read_text())
    own["fabric_datapath"] = datapath
    own["fabric_instances"]["vm1"]["attach"] = "veth"
    own["fabric_snat_hosts"] = ["network-01"]
    del own["fabric_routers"]["blue"]["conntrack_sync"]
    own["fabric_hosts"] = {name: entry for name, entry in own["fabric_hosts"].items() if name in HOSTS}
    return own


def with_two_snat_hosts(own: dict[str, Any], *names: str) -> dict[str, Any]:
    """They take turns, and keep the connections of one router in step. network-02 is not in ``intent`` else."""
    for name in names:
        own["fabric_hosts"].setdefault(name, {"tunnel": "10.20.0.22"})["tunnel_device"] = "eth0"
    own["fabric_snat_hosts"] = list(names)
    own["fabric_routers"]["blue"]["conntrack_sync"] = True
    return own


def document(intent_of_all: Mapping[str, Any], host: str) -> Document:
    return {**compiled(Fleet(intent_of_all).view(host)), "scope": "t"}


@contextmanager
def shipped(directory: Path, datapath: str = "netdev") -> Iterator[dict[str, Node]]:
    with fleet(directory, HOSTS, OUTSIDE_LINES) as nodes:
        # As from a real network, frames come with their checksums.
        whole_checksums(OUTSIDE, "eth0")
        for line in (f"address add {OWN_ADDRESS}/24 dev enp7s0", "link set dev enp7s0 up"):
            tool("ip", *line.split(), namespace=nodes["compute-02"].home)
        for name, own in nodes.items():
            own.apply(document(intent(datapath), name))
        yield nodes


def places_on(nodes: Mapping[str, Node]) -> Places:
    """The network namespace of every instance, and of the machine outside."""
    own = {name: nodes[host].namespace(name) for name, (host, *_rest) in INSTANCES.items()}
    return {**own, OUTSIDE: OUTSIDE}
