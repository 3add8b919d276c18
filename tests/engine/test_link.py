# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links of every type: each field of the dataclass is changed, and what the kernel shows is looked up independently."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from harness import Machine, actions, changed_fields, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import all_fields
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.link import TYPES, Link


@dataclass(frozen=True)
class Case:
    """A field with a value, another value, and where ``ip -j -d`` shows the second and as what."""

    first: Any
    second: Any
    shown: str
    as_shown: Any = None

    @property
    def expected(self) -> Any:
        return self.second if self.as_shown is None else self.as_shown


_DATA, _PORT = "linkinfo.info_data", "linkinfo.info_slave_data"
_NATIVE = {"vid": 20, "pvid": True, "untagged": True}
_YES_NO = {"first": True, "second": False}
COMMON = {
    "mac": Case("02:00:00:00:00:01", "02:00:00:00:00:02", "address"),
    "mtu": Case(1400, 1300, "mtu"),
    "up": Case(True, False, "up"),
    "txqueuelen": Case(500, 600, "txqlen"),
}
PORT = {
    "master": Case("br0", "br1", "master"),
    "isolated": Case(**_YES_NO, shown=f"{_PORT}.isolated"),
    "hairpin": Case(**_YES_NO, shown=f"{_PORT}.hairpin"),
    "learning": Case(False, True, f"{_PORT}.learning"),
    "flood": Case(False, True, f"{_PORT}.flood"),
    "mcast_flood": Case(False, True, f"{_PORT}.mcast_flood"),
    "bcast_flood": Case(False, True, f"{_PORT}.bcast_flood"),
    "neigh_suppress": Case(**_YES_NO, shown=f"{_PORT}.neigh_suppress"),
    "bpdu_guard": Case(**_YES_NO, shown=f"{_PORT}.guard"),
    "root_block": Case(**_YES_NO, shown=f"{_PORT}.root_block"),
    "vlans": Case([10], [10, _NATIVE], "vlans", [(10, []), (20, ["PVID", "Egress Untagged"])]),
}
LABEL = {"label": Case("the first long name", "the second long name", "ifalias", "hostnet:t the second long name")}
BRIDGE = {
    "vlan_filtering": Case(False, True, f"{_DATA}.vlan_filtering", 1),
    "vlan_default_pvid": Case(7, 8, f"{_DATA}.vlan_default_pvid"),
    "stp": Case(True, False, f"{_DATA}.stp_state", 0),
    "priority": Case(4096, 8192, f"{_DATA}.priority"),
    "forward_delay": Case(400, 500, f"{_DATA}.forward_delay"),
    "ageing_time": Case(10000, 20000, f"{_DATA}.ageing_time"),
    "mcast_snooping": Case(True, False, f"{_DATA}.mcast_snooping", 0),
    "mcast_querier": Case(False, True, f"{_DATA}.mcast_querier", 1),
    "vlans": PORT["vlans"],
}
VETH = {"peer": Case({"name": "x1"}, {"namespace": "c1", "name": "x1"}, "link_netnsid", 0)}
TAP = {
    "user": Case("1000", 1001, f"{_DATA}.user"),
    "group": Case("1000", 1001, f"{_DATA}.group"),
    "multi_queue": Case(True, False, f"{_DATA}.multi_queue"),
    "vnet_hdr": Case(True, False, f"{_DATA}.vnet_hdr"),
}
VLAN = {
    "parent": Case("br0", "br1", "link"),
    "id": Case(10, 11, f"{_DATA}.id"),
    "protocol": Case("802.1Q", "802.1ad", f"{_DATA}.protocol", "[34984]"),
}
VXLAN = {
    "parent": Case("br0", "br1", f"{_DATA}.link"),
    "id": Case(10, 11, f"{_DATA}.id"),
    "local": Case("192.0.2.1", "192.0.2.2", f"{_DATA}.local"),
    "remote": Case("192.0.2.8", "192.0.2.9", f"{_DATA}.remote"),
    "port": Case(4789, 4790, f"{_DATA}.port"),
    "fdb_learning": Case(False, True, f"{_DATA}.learning"),
    "ttl": Case(3, 4, f"{_DATA}.ttl"),
    "ageing": Case(100, 200, f"{_DATA}.ageing"),
}
VRF = {"table": Case(10, 11, f"{_DATA}.table")}

CASES: dict[str, dict[str, Case]] = {
    "bridge": {**COMMON, **LABEL, **BRIDGE},
    "veth": {**COMMON, **LABEL, **PORT, **VETH},
    "tap": {**COMMON, **LABEL, **PORT, **TAP},
    "vlan": {**COMMON, **LABEL, **PORT, **VLAN},
    "vxlan": {**COMMON, **LABEL, **PORT, **VXLAN},
    "dummy": {**COMMON, **LABEL, **PORT},
    "vrf": {**COMMON, **LABEL, **VRF},
    "physical": {**COMMON, **PORT},
    "ovs": {**COMMON, **PORT},
}
# What a type cannot do without.
NEEDED: dict[str, dict[str, Any]] = {
    "veth": {"peer": {"name": "x1"}},
    "vlan": {"parent": "br2", "id": 10},
    "vxlan": {"id": 10},
    "vrf": {"table": 10},
}
_KERNEL = {"vlan": "vlan", "vrf": "vrf", "dummy": "dummy"}


def _parameters() -> list[Any]:
    found = []
    for kind, cases in CASES.items():
        for name in cases:
            features = [_KERNEL[kind]] if kind in _KERNEL else []
            features += ["bridge_vlan"] if name.startswith("vlan") else []
            features += ["qinq"] if name == "protocol" else []
            found.append(pytest.param(kind, name, id=f"{kind}-{name}", marks=pytest.mark.needs(*features)))
    return found


def test_every_field_of_every_type_has_a_case() -> None:
    fields = {n: s for n, s in all_fields(Link).items() if n not in ("name", "type")}
    for kind in TYPES:
        missing = {n for n, spec in fields.items() if not spec.types or kind in spec.types} - set(CASES[kind])
        assert missing <= {"master"}, f"{kind}: no case changes {missing}"


def _entry(kind: str, name: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"name": "x0", "type": kind, **NEEDED.get(kind, {}), name: value, **more}


def _document(kind: str, name: str, value: Any) -> dict[str, Any]:
    entry = _entry(kind, name, value)
    if name in PORT and name != "master" and kind != "bridge":
        entry["master"] = "br0"
    vlan_aware = {"vlan_filtering": True} if name == "vlans" else {}
    if name == "vlans" and kind == "bridge":
        entry["vlan_filtering"] = True
    if name == "stp":
        entry["forward_delay"] = 400
    document: dict[str, Any] = {
        "namespaces": [{"name": "c1"}] if name == "peer" else [],
        "links": [{"name": "br0", "type": "bridge", **vlan_aware}, {"name": "br1", "type": "bridge"}, entry],
    }
    if kind == "vlan":
        # A bridge takes no VLAN of its own as a port, and the kernel lets no VLAN up whose device is down.
        document["links"].append({"name": "br2", "type": "bridge", "up": True})
    if kind == "ovs":
        document["ovs_bridges"] = [{"name": "ovsbr", "datapath_type": "netdev"}]
        document["ovs_ports"] = [{"name": "x0", "bridge": "ovsbr", "type": "internal"}]
    return document


def _shown(host: Machine, where: str) -> Any:
    """The value at a place like ``linkinfo.info_data.id`` of what ``ip`` shows of the link under test."""
    link = host.link("x0")
    assert link is not None
    if where == "up":
        return "UP" in link["flags"]
    if where == "vlans":
        return _shown_vlans()
    for word in where.split("."):
        link = link.get(word, {})  # type: ignore[assignment, union-attr]
    return link


def _shown_vlans() -> list[tuple[int, list[str]]]:
    ports = json.loads(tool("bridge", "-j", "vlan", "show", "dev", "x0").stdout)
    return [(vlan["vlan"], vlan.get("flags", [])) for port in ports for vlan in port["vlans"]]


@pytest.mark.parametrize(("kind", "name"), _parameters())
def test_each_field_can_be_set_and_changed(kind: str, name: str, host: Machine, request: pytest.FixtureRequest) -> None:
    case = CASES[kind][name]
    if kind == "ovs":
        request.getfixturevalue("ovs")
    if kind == "physical":
        host.ip("tuntap add dev x0 mode tap")
    clean = host.snapshot()
    host.apply(_document(kind, name, case.first))
    index = _shown(host, "ifindex")

    done = host.apply(_document(kind, name, case.second))

    fixed = all_fields(Link)[name].fixed
    assert actions(done)["link x0"] == ("replace" if fixed else "change")
    assert changed_fields(done)["x0"] == [name]
    assert _shown(host, case.shown) == case.expected
    assert (_shown(host, "ifindex") == index) != fixed, "a field that can change in place must leave the device be"
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.needs(*([_KERNEL[k]] if k in _KERNEL else []))) for k in CASES]
)
def test_what_is_not_declared_is_left_alone(kind: str, host: Machine, request: pytest.FixtureRequest) -> None:
    if kind == "ovs":
        request.getfixturevalue("ovs")
    if kind == "physical":
        host.ip("tuntap add dev x0 mode tap")
    document = _document(kind, "up", True)
    host.apply(document)
    host.ip("link set dev x0 mtu 1333 address 02:00:00:00:00:77 txqueuelen 77")

    host.assert_settled(document)

    assert (_shown(host, "mtu"), _shown(host, "address"), _shown(host, "txqlen")) == (1333, "02:00:00:00:00:77", 77)


def test_a_bridge_keeps_its_mtu_when_a_port_has_a_smaller_one(host: Machine) -> None:
    document = {
        "scope": "t",
        "links": [
            {"name": "br0", "type": "bridge", "mtu": 1500, "up": True},
            {"name": "x0", "type": "tap", "master": "br0", "mtu": 1400, "up": True},
        ],
    }
    host.apply(document)

    host.assert_settled(document)

    assert _shown(host, "mtu") == 1400
    bridge = host.link("br0")
    assert bridge is not None
    assert bridge["mtu"] == 1500
