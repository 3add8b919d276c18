# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs for distributed routing that are killed, on a host that has a bit of everything.

It has an instance with limits and a VM's tap, a network in tunnels and one on a VLAN, and it is one of two SNAT hosts,
which keep connection tracking in step and have a gate.
"""

from __future__ import annotations

import pytest
from dvr_alone import COMPUTE, content, furnish
from dvr_shipped import Document, document, intent, with_two_snat_hosts
from harness import Machine, OpenVSwitch, unlike
from kills import kill, lasts, start

ROUNDS, KILLS_EACH = 4, 25
# In each round, every so many builds are followed by a teardown that is killed, too.
TEARDOWN_KILLED = 4
SECTIONS = {
    *("namespaces", "links", "addresses", "routes", "rules", "neighbours", "fdb", "sysctls", "offloads", "nft_tables"),
    *("ovs_bridges", "ovs_ports", "openflow", "meters", "uplinks"),
}


def everything(datapath: str) -> Document:
    own = with_two_snat_hosts(intent(datapath), "network-01", COMPUTE)
    del own["fabric_routers"]["green"]
    networks, instances = own["fabric_networks"], own["fabric_instances"]
    own["fabric_networks"] = {"web": networks["web"], "db": {**networks["db"], "provider": "ext", "vlan": 30}}
    own["fabric_instances"] = {name: instances[name] for name in ("vm1", "web2", "web3", "db1")}
    instances["vm1"].update(host=COMPUTE, attach="tap")
    instances["web3"]["bandwidth"] = {"in": "20mbit", "out": "10mbit"}
    return document(own, COMPUTE)


def test_there_are_all_kinds_and_enough_instants() -> None:
    wanted = everything("netdev")
    assert {section for section, entries in wanted.items() if isinstance(entries, list) and entries} == SECTIONS
    assert {"fip-ns", "router-ns", "snat-blue", "web3"} == {entry["name"] for entry in wanted["namespaces"]}
    assert {"tap-vm1", "vx-sync", "sync", "veth-web3", "vx-web"} <= {entry["name"] for entry in wanted["links"]}
    assert ROUNDS * KILLS_EACH >= 100


# One of the rounds alone has instants from the beginning to the end.
@pytest.mark.parametrize("number", [0, *(pytest.param(number, marks=pytest.mark.long) for number in range(1, ROUNDS))])
def test_a_killed_run_and_a_killed_teardown_are_finished_by_the_next(
    number: int, host: Machine, ovs: OpenVSwitch, datapath: str
) -> None:
    furnish(host, ovs, COMPUTE, datapath)
    wanted, instants = everything(datapath), ROUNDS * KILLS_EACH
    clean = content(host, wanted)
    build = lasts(host, wanted)
    undisturbed = content(host, wanted)
    assert list(unlike(clean, undisturbed)) != []
    teardown = lasts(host, {}, absent=True)
    assert list(unlike(clean, content(host, wanted))) == []
    for turn in range(KILLS_EACH):
        instant = turn * ROUNDS + number
        kill(start(host, wanted), build * instant / instants, group=bool(instant % 2))
        host.run(wanted)
        ovs.wait_until_done()
        assert list(unlike(undisturbed, content(host, wanted))) == [], f"{instant} of {instants}"
        if turn % TEARDOWN_KILLED != 0:
            host.run({}, absent=True)
            continue
        kill(start(host, {}, absent=True), teardown * instant / instants, group=bool(instant % 2))
        host.run({}, absent=True)
        ovs.wait_until_done()
        assert list(unlike(clean, content(host, wanted))) == [], f"teardown, {instant} of {instants}"
