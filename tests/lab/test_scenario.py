# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a lab.yml may say, and what a wrong one is answered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from labkit import layout, scenario
from labkit.shell import LabError
from labtest import MOLECULE, SCENARIO


def raw() -> dict[str, Any]:
    return yaml.safe_load(SCENARIO)


def put(data: dict[str, Any], path: str, value: object) -> None:
    *parents, last = path.split("/")
    for key in parents:
        data = data[key]
    if value is None:
        del data[last]
    else:
        data[last] = value


FAULTS = [
    ("variables", "verify_port", "variables: 'verify_port' is not a mapping"),
    ("needs", ["8021q", "teleport"], "needs: 'teleport' is not known; choose from 8021q, bridge_vlan"),
    ("needs", "vrf", "needs: 'vrf' is not a list of strings"),
    ("machines", None, "machines: a lab has at least one machine"),
    ("machines", ["alpha"], "machines: ['alpha'] is not a mapping"),
    ("machines/alpha/colour", "red", "machines.alpha.colour: is not a known key"),
    ("machines/alpha/interfaces/eth0/network", "wan", "alpha.interfaces.eth0.network: 'wan' is not one of networks"),
    ("machines/alpha/interfaces/eth0/network", None, "machines.alpha.interfaces.eth0.network: is missing"),
    ("machines/alpha/interfaces/eth0/addresses", ["10.77.0.2"], "'10.77.0.2' has no prefix length; write 10.77.0.2/24"),
    ("machines/alpha/interfaces/eth0/addresses", ["ten/24"], "'ten/24' is not an address with its prefix"),
    ("machines/alpha/interfaces/eth0/mac", "01:00:5e:00:00:01", "'01:00:5e:00:00:01' is not a unicast MAC address"),
    ("machines/alpha/interfaces/eth0/mtu", 90, "eth0.mtu: 90 is not a whole number from 576 to 9216"),
    ("machines/alpha/interfaces/an-interface-too-long", {"network": "lan"}, "has more than 15 bytes"),
    ("machines/alpha/routes", [{"to": "default", "via": "gw"}], "alpha.routes[0]: 'gw' does not appear to be"),
    ("machines/alpha/routes", [{"to": "10.0.0.0/8", "via": "2001:db8::1"}], "are of different IP versions"),
    ("machines/alpha/routes", [{"to": "10.80.0.0/16"}], "machines.alpha.routes[0].via: is missing"),
    ("machines/alpha/routes", [{"to": "10.80.0.0", "dev": "a network/eth0"}], "is not an interface name"),
    ("guests/guest/routes", [{"to": "10.80.0.0/16", "dev": "eth0"}], "guests.guest.routes[0].via: is missing"),
    ("machines/alpha/ssh/from", "nobody", "machines.alpha.ssh.from: 'nobody' is not one of peers"),
    ("machines/alpha/ssh/address", "10.77.0.9", "alpha.ssh.address: '10.77.0.9' is not one of its addresses"),
    ("machines/Beta", {}, "Beta: a name has lower-case letters, digits and dashes only"),
    ("peers/alpha", {}, "alpha: the name is used twice"),
    ("peers/beyond/forward", "yes please", "peers.beyond.forward: 'yes please' is not true or false"),
    ("guests/guest/machine", "gamma", "guest.machine: 'gamma' is not one of machines"),
    ("guests/guest/tap", "tap-with-a-long-name", "'tap-with-a-long-name' is not an interface name"),
    ("containers/box/machine", "gamma", "box.machine: 'gamma' is not one of machines"),
    ("containers/box/programs", ["../mark"], "box.programs: '../mark' has other than lower-case letters, digits"),
    ("machines/alpha/programs", "mark", "machines.alpha.programs: 'mark' is not a list of strings"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS, ids=[message for *_place, message in FAULTS])
def test_a_fault_is_named(path: str, value: object, message: str) -> None:
    data = raw()
    put(data, path, value)
    with pytest.raises(LabError) as caught:
        scenario.parse("selftest", data)
    assert message in str(caught.value)
    assert str(caught.value).startswith("selftest/lab.yml: ")


def test_a_route_leads_by_a_host_or_onto_a_link() -> None:
    data = raw()
    routes = [{"to": "default", "via": "10.77.0.1"}, {"to": "10.80.0.0/16", "dev": "eth0"}]
    put(data, "machines/alpha/routes", routes)
    machine = scenario.parse("selftest", data).machines[0]
    assert layout.addressing(machine.interfaces, machine.routes)[-2:] == [
        "route add default via 10.77.0.1",
        "route add 10.80.0.0/16 dev eth0",
    ]


def test_all_faults_come_at_once() -> None:
    data = raw()
    put(data, "guests/guest/machine", "gamma")
    put(data, "needs", ["teleport"])
    with pytest.raises(LabError) as caught:
        scenario.parse("selftest", data)
    assert len(str(caught.value).splitlines()) == 2


def test_a_scenario_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one/lab.yml").write_text("machines: [")
    with pytest.raises(LabError, match="there is no scenario 'two'; choose from one"):
        scenario.load("two", tmp_path)
    with pytest.raises(LabError, match=r"one/lab\.yml is not YAML"):
        scenario.load("one", tmp_path)
    (tmp_path / "one/lab.yml").write_text("machines: {alpha: {programs: [mark]}}")
    with pytest.raises(LabError, match="there is no one/programs/mark"):
        scenario.load("one", tmp_path)


@pytest.mark.parametrize("path", sorted(MOLECULE.glob("*/lab.yml")), ids=lambda path: path.parent.name)
def test_shipped_scenarios_can_be_made(path: Path) -> None:
    assert scenario.load(path.parent.name).machines


def test_macs_are_stable_and_local() -> None:
    mac = scenario.stable_mac("bridge", "vmhost", "eth0")
    assert mac == scenario.stable_mac("bridge", "vmhost", "eth0")
    assert mac.startswith("02:")
    assert mac != scenario.stable_mac("bridge", "vmhost", "eth1")


def test_two_ends_are_a_cable_and_more_meet_on_a_bridge() -> None:
    here, wires = layout.wiring(scenario.parse("selftest", raw()))
    cables = [line for line in here if line.startswith("link add name eth1")]
    assert len(cables) == 1
    assert "netns hnlab-selftest.beta" in cables[0]
    assert "peer name eth1 netns hnlab-selftest.beyond" in cables[0]
    assert "mtu 9000" in cables[0]
    assert sum("master n0" in line for line in wires) == 3


def test_the_inventory_has_the_scenario_s_variables() -> None:
    made = scenario.parse("selftest", {**raw(), "variables": {"verify_port": 7777}})
    assert layout.inventory(made, Path("/somewhere/lab"))["all"]["vars"] == {"verify_port": 7777}


def test_the_inventory_reaches_a_machine_through_the_lab() -> None:
    hosts = layout.inventory(scenario.parse("selftest", raw()), Path("/somewhere/lab"))["all"]["hosts"]
    assert set(hosts) == {"alpha", "beta"}
    words = hosts["alpha"]["ansible_ssh_common_args"]
    assert "ProxyCommand='/somewhere/lab proxy --scenario selftest alpha'" in words
    assert "StrictHostKeyChecking=yes" in words
