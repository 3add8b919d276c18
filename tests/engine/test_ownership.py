# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose an object is: objects of every kind made by hand, by another scope, and by ourselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from harness import SCOPE, Machine, actions, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.connection import Connection
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.registry import KINDS

# What the objects below stand on; it belongs to a scope of its own.
BASE = {
    "scope": "base",
    "namespaces": [{"name": "c1"}],
    "links": [
        {"name": "br0", "type": "bridge", "up": True},
        {"name": "p0", "type": "tap", "master": "br0", "up": True},
    ],
    "addresses": [{"link": "br0", "address": "192.0.2.1/24"}, {"link": "br0", "address": "2001:db8::1/64"}],
}
OVS_BASE = {**BASE, "ovs_bridges": [{"name": "ovs0", "datapath_type": "netdev"}]}


@dataclass(frozen=True)
class Sample:
    """An entry, and the commands by which a person makes the same object."""

    section: str
    entry: dict[str, Any]
    by_hand: tuple[str, ...]
    needs: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        return {self.section: [self.entry]}

    def adopted(self) -> dict[str, Any]:
        return {self.section: [{**self.entry, "adopt": True}]}


_MAC = "02:00:00:00:00:09"
SAMPLES = {
    "namespace": Sample("namespaces", {"name": "c2"}, ("ip netns add c2",)),
    "bridge": Sample("links", {"name": "x0", "type": "bridge"}, ("ip link add name x0 type bridge",)),
    "veth": Sample(
        "links",
        {"name": "x0", "type": "veth", "peer": {"namespace": "c1", "name": "x1"}},
        ("ip link add name x0 type veth peer name x1 netns c1",),
    ),
    "tap": Sample("links", {"name": "x0", "type": "tap"}, ("ip tuntap add dev x0 mode tap",)),
    "vxlan": Sample(
        "links", {"name": "x0", "type": "vxlan", "id": 9}, ("ip link add name x0 type vxlan id 9 dstport 4789",)
    ),
    "vlan": Sample(
        "links",
        {"name": "x0", "type": "vlan", "parent": "br0", "id": 9},
        ("ip link add name x0 link br0 type vlan id 9",),
        ("vlan",),
    ),
    "vrf": Sample(
        "links", {"name": "x0", "type": "vrf", "table": 9}, ("ip link add name x0 type vrf table 9",), ("vrf",)
    ),
    "dummy": Sample("links", {"name": "x0", "type": "dummy"}, ("ip link add name x0 type dummy",), ("dummy",)),
    "address": Sample("addresses", {"link": "br0", "address": "198.18.0.1/24"}, ("ip addr add 198.18.0.1/24 dev br0",)),
    "address-6": Sample(
        "addresses", {"link": "br0", "address": "2001:db8:1::1/64"}, ("ip addr add 2001:db8:1::1/64 dev br0",)
    ),
    "route": Sample(
        "routes",
        {"destination": "10.0.0.0/8", "via": "192.0.2.9"},
        ("ip route add 10.0.0.0/8 via 192.0.2.9 proto static",),
    ),
    "route-6": Sample(
        "routes",
        {"destination": "2001:db8:9::/48", "dev": "br0"},
        ("ip route add 2001:db8:9::/48 dev br0 proto static",),
    ),
    "kernel-route": Sample("routes", {"destination": "192.0.2.0/24", "dev": "br0"}, ()),
    "rule": Sample("rules", {"priority": 9, "table": 9}, ("ip rule add priority 9 lookup 9",)),
    "rule-6": Sample("rules", {"priority": 9, "table": 9, "family": 6}, ("ip -6 rule add priority 9 lookup 9",)),
    "neighbour": Sample(
        "neighbours",
        {"link": "br0", "address": "192.0.2.9", "mac": _MAC},
        (f"ip neigh add 192.0.2.9 dev br0 lladdr {_MAC} nud permanent",),
    ),
    "proxy-neighbour": Sample(
        "neighbours",
        {"link": "br0", "address": "192.0.2.9", "proxy": True},
        ("ip neigh add proxy 192.0.2.9 dev br0",),
    ),
    "ovs_bridge": Sample(
        "ovs_bridges",
        {"name": "x0", "datapath_type": "netdev"},
        ("ovs-vsctl add-br x0 -- set Bridge x0 datapath_type=netdev",),
    ),
    "ovs_port": Sample(
        "ovs_ports",
        {"name": "x0", "bridge": "ovs0", "type": "internal"},
        ("ovs-vsctl add-port ovs0 x0 -- set Interface x0 type=internal",),
    ),
}
# These belong to nobody and cannot be foreign, or hold their owner elsewhere than in a mark: a table in its name, flows
# in their cookie, a meter in the ledger, an entry of a tunnel in the tunnel. They have their own tests.
_OF_THEIR_OWN_KIND = {"sysctl", "offload", "uplink", "nft_table", "openflow", "meter", "fdb"}
BY_HAND = [name for name in SAMPLES if name != "kernel-route"]


def _marked(names: list[str]) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.needs(*SAMPLES[name].needs)) for name in names]


@pytest.fixture
def based(host: Machine, request: pytest.FixtureRequest) -> Machine:
    """A host on which another scope has made what the samples stand on."""
    if "ovs" in request.node.name:
        request.getfixturevalue("ovs")
        host.run(OVS_BASE)
    else:
        host.run(BASE)
    return host


def _make_by_hand(host: Machine, sample: Sample) -> None:
    for line in sample.by_hand:
        command, *words = line.split()
        tool(command, *([f"--db={host.ovs_database}"] if command == "ovs-vsctl" else []), *words)


def test_every_kind_has_a_sample() -> None:
    sections = {sample.section for sample in SAMPLES.values()}
    assert {cls.section for cls in KINDS if cls.kind not in _OF_THEIR_OWN_KIND} == sections


@pytest.mark.parametrize("name", _marked(BY_HAND))
def test_what_we_make_goes_when_we_go_and_nothing_else(name: str, based: Machine) -> None:
    before = based.snapshot()
    based.apply(SAMPLES[name].document)
    based.absent()
    based.assert_as(before)
    assert based.ledgers() == ["base.json"]


@pytest.mark.parametrize("name", _marked(list(SAMPLES)))
def test_a_foreign_object_is_refused_and_left_alone(name: str, based: Machine) -> None:
    sample = SAMPLES[name]
    _make_by_hand(based, sample)
    before = based.snapshot()
    with pytest.raises(PlanRefused) as refused:
        based.run({sample.section: [{**sample.entry, "because": "fabric.x"}]})
    reason = refused.value.reasons[0]
    assert "(fabric.x): is already there and not ours (" in reason
    assert reason.endswith("); set adopt: true to take it over, or rename it")
    based.assert_as(before)


@pytest.mark.parametrize("name", _marked(list(SAMPLES)))
def test_a_foreign_object_is_adopted_on_request_and_then_ours(name: str, based: Machine) -> None:
    sample = SAMPLES[name]
    without = based.snapshot()
    _make_by_hand(based, sample)
    done = based.apply(sample.adopted())
    assert set(actions(done).values()) == {"change"}
    assert all(change.differences[0].field == "mark" for change in done.plan.changes)
    # Once it is ours the word is no longer needed.
    based.assert_settled(sample.document)
    based.absent()
    if name != "kernel-route":
        based.assert_as(without)


@pytest.mark.parametrize("name", _marked(BY_HAND))
def test_one_option_adopts_all_that_is_declared(name: str, based: Machine) -> None:
    sample = SAMPLES[name]
    _make_by_hand(based, sample)
    assert set(actions(based.apply(sample.document, adopt=True)).values()) == {"change"}
    based.assert_settled(sample.document)


@pytest.mark.parametrize("name", _marked(BY_HAND))
def test_a_foreign_object_outlives_everything_we_do(name: str, based: Machine) -> None:
    """Byte for byte the same while objects of the same kind come, change and go beside it."""
    sample = SAMPLES[name]
    _make_by_hand(based, sample)
    before = based.snapshot()
    beside: dict[str, Any] = {
        "namespaces": [{"name": "c3"}],
        "links": [{"name": "br1", "type": "bridge", "up": True, "mtu": 1400}],
        "addresses": [{"link": "br0", "address": "198.18.0.2/24"}, {"link": "br1", "address": "203.0.113.1/24"}],
        "routes": [
            {"destination": "10.0.0.0/9", "via": "192.0.2.9"},
            {"destination": "10.0.0.0/8", "dev": "br1", "metric": 5},
        ],
        "rules": [{"priority": 9, "table": 10}, {"priority": 10, "table": 9}],
        "neighbours": [{"link": "br0", "address": "192.0.2.10", "mac": _MAC}],
    }
    based.apply(beside)
    based.apply({**beside, "links": [{**beside["links"][0], "mtu": 1300}], "routes": beside["routes"][:1]})
    based.absent()
    based.assert_as(before)


@pytest.mark.parametrize("name", _marked(BY_HAND))
def test_two_scopes_cannot_have_one_object(name: str, based: Machine) -> None:
    document = SAMPLES[name].document
    based.apply({"scope": "other", **document})
    before = based.snapshot()
    for options in ({}, {"adopt": True}):
        with pytest.raises(PlanRefused, match="belongs to scope other; one object has one scope"):
            based.run(document, **options)
    based.absent()
    based.assert_as(before)
    assert based.ledgers() == ["base.json", "other.json"]


def test_scopes_live_side_by_side_and_refer_to_each_other(host: Machine) -> None:
    clean = host.snapshot()
    host.apply(BASE)
    first = host.snapshot()
    user = {
        "scope": "user",
        "links": [{"name": "x0", "type": "tap", "master": "br0"}],
        "addresses": [{"link": "br0", "address": "198.18.0.1/24"}],
        "routes": [{"destination": "10.0.0.0/8", "via": "198.18.0.9"}],
        "rules": [{"priority": 9, "table": 9}],
    }
    host.apply(user)
    host.assert_settled(BASE)
    host.assert_settled(user)
    host.apply({"scope": "user"})
    host.assert_as(first)
    host.apply({"scope": "base"})
    host.assert_as(clean)
    assert host.ledgers() == []


def test_scopes_that_hash_to_the_same_number_get_different_ones(host: Machine) -> None:
    import zlib

    names = [f"s{n}" for n in range(200) if zlib.crc32(f"s{n}".encode()) % 50 == 7][:3]
    for number, name in enumerate(names):
        host.apply({"scope": name, "rules": [{"priority": 100 + number, "table": 9}]})
    for name in names[1:]:
        host.apply({"scope": name})
    assert "100:" in host.ip("rule show")
    assert "101:" not in host.ip("rule show")


def test_without_purge_nothing_is_removed(host: Machine) -> None:
    host.apply(BASE)
    before = host.snapshot()
    assert actions(host.apply({"scope": "base"}, purge=False)) == {}
    host.assert_as(before)


def test_what_someone_took_away_by_hand_is_no_fault_on_removal(host: Machine) -> None:
    host.apply(BASE)
    host.ip("link del br0")
    host.ip("netns del c1")
    host.absent({"scope": "base"})
    assert host.ledgers() == []


def test_an_unknown_field_of_a_foreign_object_stays_as_it_is_when_adopted(host: Machine) -> None:
    host.ip("link add name x0 type bridge")
    host.ip("link set dev x0 mtu 1333 type bridge ageing_time 7700")
    host.apply({"links": [{"name": "x0", "type": "bridge", "up": True, "adopt": True}]})
    link = host.link("x0")
    assert link is not None
    assert (link["mtu"], link["linkinfo"]["info_data"]["ageing_time"]) == (1333, 7700)


def test_no_more_removals_than_allowed(host: Machine) -> None:
    host.apply(BASE)
    before = host.snapshot()
    with pytest.raises(PlanRefused, match=r"removes 5 objects, more than max_removals \(4\)"):
        host.run({"scope": "base"}, max_removals=4)
    host.assert_as(before)
    host.apply({"scope": "base"}, max_removals=5)


@pytest.mark.parametrize(
    ("document", "cut"),
    [
        ({}, "remove link eth0"),
        ({"links": [{"name": "eth0", "type": "tap", "multi_queue": True}]}, "replace link eth0"),
        ({"links": [{"name": "eth0", "type": "tap", "up": False}]}, "change link eth0"),
        (
            {"links": [{"name": "eth0", "type": "tap", "master": "br9"}, {"name": "br9", "type": "bridge"}]},
            "change link eth0",
        ),
        ({"links": [{"name": "eth0", "type": "tap"}]}, "remove address eth0 192.0.2.1/24"),
    ],
    ids=["link removed", "link replaced", "link down", "link enslaved", "address removed"],
)
def test_the_connection_we_come_in_by_is_not_cut(document: dict[str, Any], cut: str, host: Machine) -> None:
    host.apply(
        {
            "links": [{"name": "eth0", "type": "tap", "up": True}],
            "addresses": [{"link": "eth0", "address": "192.0.2.1/24"}],
        }
    )
    before = host.snapshot()
    with pytest.raises(
        PlanRefused, match=r"would cut this connection, which comes in by 192\.0\.2\.1/24 on eth0"
    ) as refused:
        host.run(document, protected="192.0.2.1")
    assert any(cut in reason for reason in refused.value.reasons)
    host.assert_as(before)
    host.run(document)


def test_an_address_that_carries_the_connection_is_not_made_anew(host: Machine) -> None:
    """With it the kernel would take the routes of its link, and give back at most the connected one."""
    for line in ("tuntap add dev eth0 mode tap", "link set eth0 up", "addr add 192.0.2.1/24 dev eth0"):
        host.ip(line)
    host.ip("route add default via 192.0.2.9")
    before = host.snapshot()
    anew = {"addresses": [{"link": "eth0", "address": "192.0.2.1/24", "noprefixroute": True, "adopt": True}]}
    with pytest.raises(PlanRefused) as refused:
        host.run(anew, protected="192.0.2.1")
    taken, cut = sorted(refused.value.reasons)
    assert "replacing it would take along what is not ours: route default; declare that with adopt" in taken
    assert "replace address eth0 192.0.2.1/24" in cut
    host.assert_as(before)
    default = {"destination": "default", "via": "192.0.2.9", "dev": "eth0", "adopt": True}
    connected = {"destination": "192.0.2.0/24", "dev": "eth0"}
    host.run({**anew, "routes": [default, connected]})
    host.assert_settled({**anew, "routes": [default, connected]})
    assert "default via 192.0.2.9" in host.ip("route show")


@pytest.mark.parametrize(
    "document",
    [
        {"rules": [{"priority": 1, "action": "blackhole"}]},
        {"routes": [{"destination": "203.0.113.0/24", "type": "unreachable"}]},
        {"routes": [{"destination": "0.0.0.0/0", "type": "blackhole", "adopt": True}]},
    ],
    ids=["rule", "more precise route", "default route"],
)
def test_answers_find_their_way_back(document: dict[str, Any], host: Machine) -> None:
    for line in ("tuntap add dev eth0 mode tap", "link set eth0 up", "addr add 192.0.2.1/24 dev eth0"):
        host.ip(line)
    host.ip("route add default via 192.0.2.9")
    connection = Connection("192.0.2.1", 22, "203.0.113.7", 50000)
    before = host.snapshot()
    with pytest.raises(PlanRefused, match=r"on eth0: (add|change) .*nothing would lead back to 203\.0\.113\.7"):
        host.run(document, protected=connection)
    host.assert_as(before)
    assert "203.0.113.7" in host.ip("route get 203.0.113.7")
    if "routes" in document:
        host.apply(document, protected=Connection("192.0.2.1", 22, "192.0.2.7", 50000))


def test_a_foreign_port_that_leads_to_the_connection_stays(host: Machine) -> None:
    for line in (
        "link add name br0 type bridge",
        "tuntap add dev eth0 mode tap",
        "link set eth0 up master br0",
        "link set br0 up",
        "addr add 192.0.2.1/24 dev br0",
    ):
        host.ip(line)
    before = host.snapshot()
    for change in ({"up": False}, {"master": ""}):
        with pytest.raises(PlanRefused, match=r"comes in by 192\.0\.2\.1/24 on br0: change link eth0"):
            host.run({"links": [{"name": "eth0", "type": "physical", **change}]}, protected="192.0.2.1")
        host.assert_as(before)


@pytest.mark.parametrize(
    ("by_hand", "named", "undone"),
    [
        ("link add link br0 name mv0 type macvlan", "link mv0", "link del mv0"),
        ("addr add 198.18.0.1/24 dev br0", "address br0 198.18.0.1/24", "addr del 198.18.0.1/24 dev br0"),
        ("route add 10.0.0.0/8 via 192.0.2.9", "route 10.0.0.0/8", "route del 10.0.0.0/8"),
        ("link set dev vnet0 master br0", "cut off ports that are not ours: link vnet0", "link set dev vnet0 nomaster"),
    ],
)
def test_what_others_have_put_on_our_bridge_is_not_taken_along(
    by_hand: str, named: str, undone: str, host: Machine
) -> None:
    host.ip("tuntap add dev vnet0 mode tap")
    clean = host.snapshot()
    host.apply(BASE)
    host.ip(by_hand)
    before = host.snapshot()
    for document in ({"scope": "base"}, {**BASE, "links": [], "addresses": []}):
        with pytest.raises(PlanRefused, match="link host br0: removing it would ") as refused:
            host.run(document, absent=document == {"scope": "base"})
        assert named in str(refused.value)
        host.assert_as(before)
    host.ip(undone)
    host.apply({"scope": "base"}, absent=True)
    host.assert_as(clean)


def test_what_another_scope_has_on_our_bridge_goes_first(host: Machine) -> None:
    host.apply(BASE)
    host.apply({"scope": "user", "addresses": [{"link": "br0", "address": "198.18.0.1/24"}]})
    with pytest.raises(PlanRefused, match=r"address br0 198\.18\.0\.1/24 \(scope user\); move or remove that first"):
        host.run({"scope": "base"}, absent=True)
    host.absent({"scope": "user"})
    host.absent({"scope": "base"})
    assert host.ledgers() == []


def test_an_object_whose_ground_goes_is_refused(host: Machine) -> None:
    """The bridge is ours and no longer declared, so it would go; the address still needs it."""
    host.apply({"links": [{"name": "br0", "type": "bridge"}]})
    with pytest.raises(PlanRefused, match="needs link br0, which is no longer declared; declare it again"):
        host.run({"addresses": [{"link": "br0", "address": "192.0.2.1/24"}]})


def test_a_document_that_cannot_be_right_changes_nothing(host: Machine) -> None:
    host.apply(BASE)
    before = host.snapshot()
    with pytest.raises(DocumentError):
        host.run({"scope": "base", "links": [{"name": "x0", "type": "bridge"}, {"name": "x1", "type": "bridgge"}]})
    host.assert_as(before)
    assert SCOPE not in host.ledgers()


def test_absent_looks_at_the_scope_only(host: Machine) -> None:
    clean = host.snapshot()
    host.apply(BASE)
    faulty = {"scope": "base", "links": [{"name": "br1"}, None], "what": 5}
    host.run(faulty, absent=True)
    host.assert_as(clean)
    with pytest.raises(DocumentError, match="scope: 'Base' is no scope"):
        host.run({"scope": "Base"}, absent=True)
