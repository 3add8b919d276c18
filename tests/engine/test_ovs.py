# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open vSwitch bridges and ports, on a switch of our own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, OpenVSwitch, actions, tool

from ansible_collections.hostnet.fabric.plugins.module_utils import engine as engine_module
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import ApplyFailed, HostError, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_bridge import OvsBridge
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_port import OvsPort

pytestmark = pytest.mark.usefixtures("ovs")


def _get(host: Machine, table: str, column: str) -> Any:
    words = ("--format=json", "--data=json", f"--columns={column}", "list", table, "x0")
    output = tool("ovs-vsctl", f"--db={host.ovs_database}", *words).stdout
    value = json.loads(output)["data"][0][0]
    if isinstance(value, list) and value[0] == "map":
        return {key: item for key, item in value[1] if key != "hostnet-scope"}
    return value[1] if isinstance(value, list) else value


def _column(table: str, column: str) -> Callable[[Machine], Any]:
    return lambda host: _get(host, table, column)


def _bridge(entry: Entry) -> dict[str, Any]:
    return {"ovs_bridges": [{"name": "x0", "datapath_type": "netdev", **entry}]}


def _port(entry: Entry) -> dict[str, Any]:
    bridges = [{"name": name, "datapath_type": "netdev"} for name in ("ovs0", "ovs1")]
    return {"ovs_bridges": bridges, "ovs_ports": [{"name": "x0", "bridge": "ovs0", "type": "internal", **entry}]}


_ODD = {"a key": 'a value, with = and "quotes"', "b": "2"}
BRIDGES = (
    Case("datapath_type", {}, {"datapath_type": "system"}, _column("Bridge", "datapath_type"), "system"),
    Case(
        "fail_mode", {"fail_mode": "secure"}, {"fail_mode": "standalone"}, _column("Bridge", "fail_mode"), "standalone"
    ),
    Case("external_ids", {"external_ids": {"b": "1"}}, {"external_ids": _ODD}, _column("Bridge", "external_ids"), _ODD),
    Case(
        "other_config",
        {"other_config": {"hwaddr": "02:00:00:00:00:01"}},
        {"other_config": {"hwaddr": "02:00:00:00:00:02"}},
        _column("Bridge", "other_config"),
        {"hwaddr": "02:00:00:00:00:02"},
    ),
)
PATCH = {"type": "patch", "peer": "far"}
PORTS = (
    Case(
        "bridge",
        {},
        {"bridge": "ovs1"},
        lambda host: tool("ovs-vsctl", f"--db={host.ovs_database}", "port-to-br", "x0").stdout,
        "ovs1\n",
        True,
    ),
    Case("type", {}, PATCH, _column("Interface", "type"), "patch", True, ("peer",)),
    Case("peer", PATCH, {**PATCH, "peer": "further"}, _column("Interface", "options"), {"peer": "further"}),
    Case("tag", {"tag": 3}, {"tag": 4}, _column("Port", "tag"), 4),
    Case("tag", {"tag": 3}, {"tag": ""}, _column("Port", "tag"), []),
    Case("tag", {"tag": 3}, {"tag": 0}, _column("Port", "tag"), 0),
    Case("trunks", {"trunks": [1, 2]}, {"trunks": [3, 2]}, _column("Port", "trunks"), [2, 3]),
    Case("trunks", {"trunks": [1, 2]}, {"trunks": []}, _column("Port", "trunks"), []),
    Case("vlan_mode", {"vlan_mode": "trunk"}, {"vlan_mode": "access"}, _column("Port", "vlan_mode"), "access"),
    Case("external_ids", {"external_ids": {"b": "1"}}, {"external_ids": _ODD}, _column("Port", "external_ids"), _ODD),
    Case("other_config", {"other_config": {"b": "1"}}, {"other_config": _ODD}, _column("Port", "other_config"), _ODD),
    Case(
        "interface_external_ids",
        {"interface_external_ids": {"iface-id": "a"}},
        {"interface_external_ids": {"iface-id": "b"}},
        _column("Interface", "external_ids"),
        {"iface-id": "b"},
    ),
    Case(
        "mac",
        {"mac": "02:00:00:00:00:01"},
        {"mac": "02:00:00:00:00:02"},
        _column("Interface", "mac"),
        "02:00:00:00:00:02",
    ),
    Case("mtu", {"mtu": 1400}, {"mtu": 1300}, _column("Interface", "mtu_request"), 1300),
)


def test_every_field_has_a_case() -> None:
    assert_complete(OvsBridge, BRIDGES)
    assert_complete(OvsPort, PORTS)


@pytest.mark.parametrize("case", BRIDGES, ids=str)
def test_each_field_of_a_bridge_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _bridge)


@pytest.mark.parametrize("case", PORTS, ids=str)
def test_each_field_of_a_port_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _port)


def _vm(datapath: str, tag: int, mtu: int) -> dict[str, Any]:
    """An internal port in a namespace with an address, a system port, and a patch pair."""
    return {
        "namespaces": [{"name": "c1"}],
        "ovs_bridges": [{"name": name, "datapath_type": datapath} for name in ("ovs0", "ovs1")],
        "ovs_ports": [
            {"name": "vm0", "bridge": "ovs0", "type": "internal", "tag": tag},
            {"name": "t0", "bridge": "ovs0", "tag": tag},
            {"name": "to-ovs1", "bridge": "ovs0", "type": "patch", "peer": "to-ovs0"},
            {"name": "to-ovs0", "bridge": "ovs1", "type": "patch", "peer": "to-ovs1"},
        ],
        "links": [
            {"namespace": "c1", "name": "vm0", "type": "ovs", "up": True, "mtu": mtu},
            {"name": "t0", "type": "tap", "up": True},
        ],
        "addresses": [{"namespace": "c1", "link": "vm0", "address": "192.0.2.1/24"}],
        "routes": [{"namespace": "c1", "destination": "default", "via": "192.0.2.254"}],
    }


def test_an_internal_port_moves_into_its_namespace_and_gets_its_address_there(host: Machine, datapath: str) -> None:
    clean = host.snapshot()
    host.apply(_vm(datapath, 3, 1400))
    assert host.addresses("vm0", "c1") == {"192.0.2.1/24"}
    done = host.apply(_vm(datapath, 4, 1300))
    assert set(actions(done).values()) == {"change"}
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_one_transaction_makes_everything(host: Machine, datapath: str) -> None:
    done = host.run(_vm(datapath, 3, 1400))
    assert sum(line.startswith("ovs-vsctl") for line in done.commands) >= 6
    assert done.stats["processes"] <= 3 * 2 + 6


def test_many_ports_are_made_as_few_are(host: Machine, ovs: OpenVSwitch) -> None:
    fields: dict[str, Any] = {"tag": 3, "external_ids": _ODD, "interface_external_ids": _ODD}
    ports = [{"name": f"p{n}", "bridge": f"ovs{n % 2}", "type": "patch", "peer": f"p{n ^ 1}"} for n in range(120)]
    bridges = [{"name": name, "datapath_type": "netdev"} for name in ("ovs0", "ovs1")]
    host.apply({"ovs_bridges": bridges, "ovs_ports": [{**port, **fields} for port in ports]})
    assert ovs.vsctl("list-ports", "ovs1").split() == sorted(port["name"] for port in ports if port["bridge"] == "ovs1")
    host.absent()


def test_frames_pass_between_internal_ports_of_one_tag_only(host: Machine, datapath: str) -> None:
    names = {"a": 5, "b": 5, "c": 6}
    host.apply(
        {
            "namespaces": [{"name": name} for name in names],
            "ovs_bridges": [{"name": "ovs0", "datapath_type": datapath}],
            "ovs_ports": [
                {"name": f"p{n}", "bridge": "ovs0", "type": "internal", "tag": tag} for n, tag in names.items()
            ],
            "links": [{"namespace": n, "name": f"p{n}", "type": "ovs", "up": True} for n in names],
            "addresses": [
                {"namespace": n, "link": f"p{n}", "address": f"192.0.2.{k}/24"} for k, n in enumerate(names, 1)
            ],
        }
    )
    ping = ("ping", "-c", "1", "-W", "1")
    assert tool(*ping, "192.0.2.2", namespace="a", check=False).returncode == 0
    assert tool(*ping, "192.0.2.3", namespace="a", check=False).returncode != 0


def test_keys_of_others_stay(host: Machine, ovs: OpenVSwitch) -> None:
    document = {**_port({"external_ids": {"ours": "1"}, "other_config": {"ours": "1"}})}
    host.apply(document)
    ovs.vsctl("set", "Port", "x0", "external_ids:theirs=2", "other_config:theirs=2")
    ovs.vsctl("set", "Bridge", "ovs0", "external_ids:theirs=2", "fail_mode=secure")
    host.assert_settled(document)
    host.apply({**_port({"external_ids": {"ours": "3"}, "tag": 3})})
    assert _get(host, "Port", "external_ids") == {"ours": "3", "theirs": "2"}


def test_ports_of_others_on_our_bridge_and_ours_on_a_foreign_one(host: Machine, ovs: OpenVSwitch) -> None:
    ovs.vsctl("add-br", "theirs", "--", "set", "Bridge", "theirs", "datapath_type=netdev")
    before = host.snapshot()
    document = _port({"bridge": "theirs"})
    host.apply(document)
    ovs.vsctl("add-port", "ovs0", "guest", "--", "set", "Interface", "guest", "type=internal")
    host.apply(_port({"bridge": "theirs", "tag": 9}))
    assert "guest" in ovs.vsctl("list-ports", "ovs0")
    with pytest.raises(PlanRefused, match="removing it would take along what is not ours: ovs port guest"):
        host.run({}, absent=True)
    assert "guest" in ovs.vsctl("list-ports", "ovs0")
    ovs.vsctl("del-port", "guest")
    host.absent()
    host.assert_as(before)


def test_a_refused_transaction_changes_nothing_and_names_objects_and_message(
    host: Machine, ovs: OpenVSwitch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody makes a port of the same name while the run is under way."""
    host.apply({"ovs_bridges": _port({})["ovs_bridges"]})
    real = engine_module.batches

    def late(plan: Any) -> Any:
        ovs.vsctl("add-port", "ovs1", "x0", "--", "set", "Interface", "x0", "type=internal")
        return real(plan)

    monkeypatch.setattr(engine_module, "batches", late)
    document = _port({"tag": 3})
    document["ovs_ports"].append({"name": "x1", "bridge": "ovs0", "type": "internal"})
    with pytest.raises(ApplyFailed, match="x0, x1: ovs refused: ovs-vsctl: cannot create a port named x0"):
        host.run(document)
    assert ovs.vsctl("list-ports", "ovs0") == ""
    monkeypatch.undo()
    ovs.vsctl("del-port", "x0")
    host.apply(document)


def test_without_a_switch_the_error_says_so(host: Machine) -> None:
    host.ovs_database = "unix:/nonexistent/db.sock"
    with pytest.raises((HostError, ApplyFailed)) as failed:
        host.run(_bridge({}))
    assert "/nonexistent/db.sock" in str(failed.value)
