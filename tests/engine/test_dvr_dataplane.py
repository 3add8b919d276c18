# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped inventory of distributed routing on three hosts of this machine, with real packets.

What is expected here is written down from the inventory by hand: it must not come from the compiler.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvr_fleet import OUTSIDE, Node, fleet, seen_as, whole_checksums

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.document import compiled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet

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


def intent() -> dict[str, Any]:
    """The inventory, with a container for the VM, one SNAT host and Open vSwitch in userspace."""
    own: dict[str, Any] = yaml.safe_load(INVENTORY.read_text())
    own["fabric_datapath"] = "netdev"
    own["fabric_instances"]["vm1"]["attach"] = "veth"
    own["fabric_snat_hosts"] = ["network-01"]
    del own["fabric_routers"]["blue"]["conntrack_sync"]
    own["fabric_hosts"] = {name: entry for name, entry in own["fabric_hosts"].items() if name in HOSTS}
    return own


@pytest.fixture(scope="module")
def nodes(_namespace_directory: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Node]]:
    with fleet(tmp_path_factory.mktemp("dvr"), HOSTS, OUTSIDE_LINES) as found:
        read = Fleet(intent())
        for name, own in found.items():
            document = compiled(read.view(name))
            document.pop("uplinks", None)
            own.apply({**document, "scope": "t"})
        yield found


@pytest.fixture(scope="module")
def places(nodes: dict[str, Node]) -> Places:
    """The network namespace of every instance, and of the machine outside."""
    own = {name: nodes[host].namespace(name) for name, (host, *_rest) in INSTANCES.items()}
    for namespace in (*own.values(), OUTSIDE):
        whole_checksums(namespace, "eth0")
    return {**own, OUTSIDE: OUTSIDE}


def reached(places: Places, pairs: dict[tuple[str, str, str], str | None]) -> dict[tuple[str, str, str], str | None]:
    """The pairs of source, target and address that are not as expected."""
    found = {}
    for (source, target, address), expected in pairs.items():
        seen = seen_as(places[source], places[target], address)
        if seen != expected:
            found[source, target, address] = seen
    return found


def opened(source: str, target: str) -> bool:
    """Whether the target's group lets the source in: a database is for web servers only."""
    return target not in DB or source in WEB


def test_east_west(places: Places) -> None:
    expected = {}
    for tenant in (BLUE, GREEN):
        for source in tenant:
            for target in tenant:
                if source != target:
                    for family in (1, 2):
                        own = INSTANCES[source][family]
                        expected[source, target, INSTANCES[target][family]] = own if opened(source, target) else None
    assert reached(places, expected) == {}


def test_tenants_with_the_same_addresses_do_not_meet(places: Places) -> None:
    twins = [("vm1", "shop1"), ("web2", "shop2"), ("db1", "store1"), ("db2", "store2")]
    others = {}
    for blue, green in twins:
        others.update({("web4", green, INSTANCES[blue][1]): None, ("store1", blue, INSTANCES[green][1]): None})
    assert reached(places, others) == {}


def test_out_and_seen_as_whom(places: Places) -> None:
    expected = {
        (source, OUTSIDE, address): seen
        for source, (_host, _v4, _v6, seen) in INSTANCES.items()
        for address in ("192.168.100.1", "203.0.113.9")
    }
    assert reached(places, expected) == {}


def test_floating_ips(places: Places) -> None:
    expected: dict[tuple[str, str, str], str | None] = {}
    for target in FLOATING:
        address = INSTANCES[target][3]
        for source, (_host, _v4, _v6, seen) in INSTANCES.items():
            expected[source, target, address] = seen if target not in DB else None
        expected[OUTSIDE, target, address] = "192.168.100.1" if target not in DB else None
    assert reached(places, expected) == {}


def test_ipv6_north_south(places: Places) -> None:
    expected: dict[tuple[str, str, str], str | None] = {}
    for name, (_host, _v4, own, _seen) in INSTANCES.items():
        expected[name, OUTSIDE, "2001:db8:64::1"] = own
        expected[OUTSIDE, name, own] = "2001:db8:64::1" if name not in DB else None
    assert reached(places, expected) == {}
