# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents that cannot be right, each with what the reader is told. All faults of a document come at once."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.document import parse
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError

BECAUSE = {"because": "fabric.x"}
VETH = {"name": "v0", "type": "veth", "peer": {"name": "v1"}}


def link(**fields: Any) -> dict[str, Any]:
    return {"links": [{"name": "x0", "type": "bridge", **BECAUSE, **fields}]}


def entry(section: str, **fields: Any) -> dict[str, Any]:
    return {section: [{**BECAUSE, **fields}]}


def _links(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"links": list(entries)}


# Documents without their scope, and the faults.
FAULTS: dict[str, tuple[Any, str]] = {
    "unknown section": (
        {"link": []},
        "link: is not known; a document has scope, namespaces, ovs_bridges, ovs_ports, meters, openflow, links, fdb, "
        "sysctls, offloads, nft_tables, addresses, uplinks, routes, rules, neighbours",
    ),
    "section no list": ({"links": {"name": "x0"}}, "links: {'name': 'x0'} is not a list"),
    "entry no map": ({"links": ["x0"]}, "links[0]: 'x0' is not a map of fields"),
    "unknown field": (link(mtuu=1400), "links[0].mtuu (fabric.x): is not known; did you mean mtu?"),
    "unlikely field": (
        entry("uplinks", link="eth0", bridge="br0", zzzz=1),
        "uplinks[0].zzzz (fabric.x): is not known; choose adopt, because, bridge, leg, link, namespace",
    ),
    "missing name": (
        entry("links", type="bridge"),
        "links[0].name (fabric.x): is missing; a link needs it",
    ),
    "missing type": (entry("links", name="x0"), "links[0].type (fabric.x): is missing; a link needs it"),
    "unknown type": (
        link(type="bond"),
        "links[0].type (fabric.x): 'bond' is not known; choose bridge, veth, tap, vlan, vxlan, dummy, vrf, ovs, "
        "physical",
    ),
    "long name": (
        link(name="a-name-of-16-byt"),
        "links[0].name (fabric.x): 'a-name-of-16-byt' has 16 bytes; a device name has at most 15",
    ),
    "long name in bytes": (
        link(name="ääääääää"),
        "links[0].name (fabric.x): 'ääääääää' has 16 bytes; a device name has at most 15",
    ),
    "name with a blank": (
        link(name="x 0"),
        "links[0].name (fabric.x): 'x 0' is no device name; leave out white space, quotes, '/', ':', '%', '#', '\\' "
        "and a leading '-'",
    ),
    "name of dots": (
        link(name=".."),
        "links[0].name (fabric.x): '..' is no device name, but has a meaning of its own; choose another",
    ),
    "mtu too large": (link(mtu=99999), "links[0].mtu (fabric.x): 99999 is out of range; choose 68 to 65575"),
    "mtu no number": (
        link(mtu="large"),
        "links[0].mtu (fabric.x): 'large' is not a whole number; choose 68 to 65575",
    ),
    "mtu true": (link(mtu=True), "links[0].mtu (fabric.x): True is not a whole number; choose 68 to 65575"),
    "up no boolean": (link(up="yes"), "links[0].up (fabric.x): 'yes' is neither true nor false"),
    "mac no MAC": (
        link(mac="52:54:00"),
        "links[0].mac (fabric.x): '52:54:00' is no MAC address; write it as 52:54:00:12:34:56",
    ),
    "mac of a group": (
        link(mac="53:54:00:12:34:56"),
        "links[0].mac (fabric.x): 53:54:00:12:34:56 cannot be a device's address; its first byte must be even and not "
        "all may be zero",
    ),
    "namespace of blanks": (
        link(namespace="a b"),
        "links[0].namespace (fabric.x): 'a b' is no namespace; use letters, digits, '_', '.', '-', at most 64, or "
        "pid:NUMBER",
    ),
    "adopt no boolean": (link(adopt="please"), "links[0].adopt (fabric.x): 'please' is neither true nor false"),
    "field of another type": (
        link(peer={"name": "x1"}),
        "links[0].peer (fabric.x): has no meaning for type bridge; it belongs to veth",
    ),
    "port flag of a bridge": (
        link(isolated=True),
        "links[0].isolated (fabric.x): has no meaning for type bridge; it belongs to veth, tap, vlan, vxlan, dummy, "
        "ovs, physical",
    ),
    "label of what is not ours": (
        link(type="physical", label="the uplink"),
        "links[0].label (fabric.x): has no meaning for type physical; it belongs to bridge, veth, tap, vlan, vxlan, "
        "dummy, vrf",
    ),
    "veth without peer": (link(type="veth"), "links[0].peer (fabric.x): is missing; a veth needs it"),
    "vlan without id": (link(type="vlan", parent="eth0"), "links[0].id (fabric.x): is missing; a vlan needs it"),
    "vlan id": (
        link(type="vlan", parent="eth0", id=4095),
        "links[0].id (fabric.x): 4095 is out of range; choose 1 to 4094",
    ),
    "vrf without table": (link(type="vrf"), "links[0].table (fabric.x): is missing; a vrf needs it"),
    "own peer": (
        link(type="veth", peer={"name": "x0"}),
        "links[0].peer (fabric.x): a veth cannot be its own peer",
    ),
    "own master": (link(type="tap", master="x0"), "links[0].master (fabric.x): x0 cannot be its own master"),
    "own parent": (
        link(type="vlan", parent="x0", id=1),
        "links[0].parent (fabric.x): x0 cannot be its own parent",
    ),
    "peer no map": (
        link(type="veth", peer="x1"),
        "links[0].peer (fabric.x): 'x1' is no peer; write {name: eth0, namespace: c1}",
    ),
    "flag without master": (
        link(type="tap", master="", isolated=True),
        "links[0].isolated (fabric.x): belongs to the port of a bridge, and this link is to have no master",
    ),
    "vlans twice": (
        link(type="tap", vlans=[1, {"vid": 1, "pvid": True}]),
        "links[0].vlans (fabric.x): one VLAN is named twice; name each once",
    ),
    "vlans with two pvids": (
        link(type="tap", vlans=[{"vid": 1, "pvid": True}, {"vid": 2, "pvid": True}]),
        "links[0].vlans (fabric.x): more than one has pvid; a port has one",
    ),
    "vlans of words": (
        link(type="tap", vlans=[{"id": 1}]),
        "links[0].vlans (fabric.x): {'id': 1} is no VLAN; write 100 or {vid: 100, pvid: true, untagged: true}",
    ),
    "declared twice": (
        _links({"name": "x0", "type": "bridge", "because": "a.b"}, {"name": "x0", "type": "tap"}),
        "links[1]: link host x0 is declared twice (a.b and no intent named); declare it once",
    ),
    "peer of another": (
        _links({**VETH, **BECAUSE}, {"name": "v1", "type": "veth", "peer": {"name": "v2"}}),
        "link host v0 (fabric.x): its peer v1 is not a veth back to it",
    ),
    "peer of another type": (
        _links({**VETH, **BECAUSE}, {"name": "v1", "type": "tap"}),
        "link host v0 (fabric.x): its peer v1 is not a veth back to it",
    ),
    "master of a wrong type": (
        _links({"name": "x0", "type": "tap", "master": "t1", **BECAUSE}, {"name": "t1", "type": "tap"}),
        "link host x0 (fabric.x): its master t1 is a tap; name a bridge or a vrf",
    ),
    "bridge in a bridge": (
        _links({"name": "x0", "type": "bridge", "master": "br1", **BECAUSE}, {"name": "br1", "type": "bridge"}),
        "link host x0 (fabric.x): a bridge cannot be a port of a bridge; join it to br1 by a veth",
    ),
    "tunnel id twice": (
        _links({"name": "x0", "type": "vxlan", "id": 7}, {"name": "x1", "type": "vxlan", "id": 7, **BECAUSE}),
        "link host x1 (fabric.x): has the id 7 of x0; choose another",
    ),
    "vlan twice": (
        _links(*({"name": f"x{n}", "type": "vlan", "parent": "eth0", "id": 7, **BECAUSE} for n in range(2))),
        "link host x1 (fabric.x): has the id 7 of x0; choose another",
    ),
    "namespace in a namespace": (
        entry("namespaces", name="c1", namespace="c2"),
        "namespaces[0].namespace (fabric.x): a namespace is always the host's own object; leave this out",
    ),
    "namespace of a process": (
        entry("namespaces", name="pid:7"),
        "namespaces[0].name (fabric.x): pid:7 belongs to a process and cannot be declared; objects may refer to it",
    ),
    "address without length": (
        entry("addresses", link="x0", address="192.0.2.1"),
        "addresses[0].address (fabric.x): '192.0.2.1' is no address with prefix length; write it as 192.0.2.1/24",
    ),
    "address of letters": (
        entry("addresses", link="x0", address="192.0.2.x/24"),
        "addresses[0].address (fabric.x): '192.0.2.x/24' is no address with prefix length; write it as 192.0.2.1/24",
    ),
    "nodad of IPv4": (
        entry("addresses", link="x0", address="192.0.2.1/24", nodad=True),
        "addresses[0].nodad (fabric.x): belongs to IPv6; IPv4 has no duplicate address detection to leave out",
    ),
    "label of IPv6": (
        entry("addresses", link="x0", address="2001:db8::1/64", label="x0:a"),
        "addresses[0].label (fabric.x): label and broadcast belong to IPv4",
    ),
    "label of another link": (
        entry("addresses", link="x0", address="192.0.2.1/24", label="y0:a"),
        "addresses[0].label (fabric.x): y0:a must begin with the name of its link, as x0:a does",
    ),
    "peer of another family": (
        entry("addresses", link="x0", address="192.0.2.1/32", peer="2001:db8::1/128"),
        "addresses[0].peer (fabric.x): 2001:db8::1/128 and 192.0.2.1/32 are of different families",
    ),
    "peer of another length": (
        entry("addresses", link="x0", address="192.0.2.1/24", peer="192.0.2.9/32"),
        "addresses[0].peer (fabric.x): 192.0.2.9/32 and 192.0.2.1/24 differ in length; the peer's holds for both, "
        "write 192.0.2.1/32",
    ),
    "IPv6 on a small link": (
        {**link(mtu=1200), **entry("addresses", link="x0", address="2001:db8::1/64")},
        "address host x0 2001:db8::1/64 (fabric.x): IPv6 needs an mtu of at least 1280, the link has 1200",
    ),
    "route with host bits": (
        entry("routes", destination="192.0.2.1/24", dev="x0"),
        "routes[0].destination (fabric.x): '192.0.2.1/24' has host bits set; write 192.0.2.0/24",
    ),
    "route to nowhere": (
        entry("routes", destination="192.0.2.0/24"),
        "routes[0].next_hops (fabric.x): is missing; name at least one via or dev, or choose type blackhole",
    ),
    "blackhole with a gateway": (
        entry("routes", destination="192.0.2.0/24", type="blackhole", via="192.0.2.1"),
        "routes[0].next_hops (fabric.x): have no meaning for type blackhole",
    ),
    "route with both forms": (
        entry("routes", destination="192.0.2.0/24", dev="x0", next_hops=[{"dev": "x1"}]),
        "routes[0] (fabric.x): dev and next_hops exclude each other; put them into next_hops",
    ),
    "IPv6 by IPv4": (
        entry("routes", destination="2001:db8::/32", via="192.0.2.1"),
        "routes[0].next_hops (fabric.x): 192.0.2.1 is IPv4 and 2001:db8::/32 is IPv6",
    ),
    "source of another family": (
        entry("routes", destination="192.0.2.0/24", dev="x0", source="2001:db8::1"),
        "routes[0].source (fabric.x): 2001:db8::1 and 192.0.2.0/24 are of different families",
    ),
    "local table": (
        entry("routes", destination="192.0.2.0/24", dev="x0", table=255),
        "routes[0].table (fabric.x): 255 (local) is the kernel's own; choose another",
    ),
    "next hop of words": (
        entry("routes", destination="192.0.2.0/24", next_hops=["192.0.2.1"]),
        "routes[0].next_hops (fabric.x): '192.0.2.1' is no next hop; write {via: 192.0.2.1, dev: br0, weight: 1}",
    ),
    "route over a link that is down": (
        {**link(up=False), **entry("routes", destination="192.0.2.0/24", dev="x0")},
        "route host 192.0.2.0/24 (fabric.x): leads over x0, which is declared down; say up: true there",
    ),
    "rule of family 5": (
        entry("rules", priority=1, table=1, family=5),
        "rules[0].family (fabric.x): 5 is not a family; choose 4 or 6",
    ),
    "rule without table": (
        entry("rules", priority=1),
        "rules[0].table (fabric.x): goes with action lookup, and only with it",
    ),
    "rule of another family": (
        entry("rules", priority=1, table=1, family=6, source="192.0.2.0/24"),
        "rules[0].source (fabric.x): 192.0.2.0/24 is not of family 6",
    ),
    "rule with a mark of words": (
        entry("rules", priority=1, table=1, fwmark="blue"),
        "rules[0].fwmark (fabric.x): 'blue' is no mark; write 0x1 or 0x1/0xff",
    ),
    "rule with backward ports": (
        entry("rules", priority=1, table=1, source_port="9-1"),
        "rules[0].source_port (fabric.x): '9-1' runs backwards; write 1-9",
    ),
    "sysctl of another kind": (
        entry("sysctls", name="kernel.panic", value=1),
        "sysctls[0].name (fabric.x): 'kernel.panic' is no network sysctl; write it as net.ipv4.ip_forward",
    ),
    "sysctl that climbs": (
        entry("sysctls", name="net/../kernel/panic", value=1),
        "sysctls[0].name (fabric.x): 'net/../kernel/panic' is no network sysctl; write it as net.ipv4.ip_forward",
    ),
    "sysctl of truth": (
        entry("sysctls", name="net.ipv4.ip_forward", value=True),
        "sysctls[0].value (fabric.x): True is no sysctl value; write a number or a text",
    ),
    "table body and chains": (
        entry("nft_tables", family="inet", name="g", body="chain c {}", chains=[{"name": "c"}]),
        "nft_tables[0].body (fabric.x): is the whole table in nft's words; leave out sets and chains beside it",
    ),
    "table names twice": (
        entry("nft_tables", family="inet", name="g", sets=[{"name": "c", "type": "mark"}], chains=[{"name": "c"}]),
        "nft_tables[0].chains (fabric.x): c is named twice; a table's chains and sets have different names",
    ),
    "chain without priority": (
        entry("nft_tables", family="inet", name="g", chains=[{"name": "c", "type": "filter", "hook": "input"}]),
        "nft_tables[0].chains (fabric.x): chain c hooks into input and needs type and priority",
    ),
    "ovs bridge in a namespace": (
        entry("ovs_bridges", name="ovs0", namespace="c1"),
        "ovs_bridges[0].namespace (fabric.x): Open vSwitch bridges are the host's; its ports may live in namespaces",
    ),
    "patch port without peer": (
        entry("ovs_ports", name="p0", bridge="ovs0", type="patch"),
        "ovs_ports[0].peer (fabric.x): goes with type patch, and only with it",
    ),
    "tag out of range": (
        entry("ovs_ports", name="p0", bridge="ovs0", tag=4096),
        "ovs_ports[0].tag (fabric.x): 4096 is out of range; choose 0 to 4095",
    ),
    "ids no map": (
        entry("ovs_ports", name="p0", bridge="ovs0", external_ids=["a=b"]),
        "ovs_ports[0].external_ids (fabric.x): ['a=b'] is not a map of keys and values",
    ),
    "ids of lists": (
        entry("ovs_ports", name="p0", bridge="ovs0", external_ids={"a": ["b"]}),
        "ovs_ports[0].external_ids (fabric.x): ['b'] is not a single value",
    ),
    "port named like a bridge": (
        {"ovs_bridges": [{"name": "ovs0"}, {"name": "ovs1"}], **entry("ovs_ports", name="ovs1", bridge="ovs0")},
        "ovs port host ovs1 (fabric.x): is called like a bridge, which has a port of that name itself; rename one of "
        "them",
    ),
    "flows in a namespace": (
        entry("openflow", namespace="c1", bridge="ovs0", name="web", flows=["actions=drop"]),
        "openflow[0].namespace (fabric.x): flows belong to a bridge of the host",
    ),
    "no flows": (
        entry("openflow", bridge="ovs0", name="web", flows=[]),
        "openflow[0].flows (fabric.x): is empty; leave the group out",
    ),
    "flows no list": (
        entry("openflow", bridge="ovs0", name="web", flows="actions=drop"),
        "openflow[0].flows (fabric.x): 'actions=drop' is not a list of flows",
    ),
    "flow no text": (
        entry("openflow", bridge="ovs0", name="web", flows=[1]),
        "openflow[0].flows (fabric.x): 1 is not a text",
    ),
    "flow with a cookie": (
        entry("openflow", bridge="ovs0", name="web", flows=["cookie=1,ip,actions=drop"]),
        "openflow[0].flows (fabric.x): 'cookie=1,ip' says cookie, which the engine chooses or does not keep; leave it "
        "out",
    ),
    "group called like a cookie": (
        entry("openflow", bridge="ovs0", name="0x68", flows=["actions=drop"]),
        "openflow[0].name (fabric.x): must not begin with 0x, as the names of groups that nobody knows do",
    ),
    "meter in a namespace": (
        entry("meters", namespace="c1", bridge="ovs0", name="out", kbps=1),
        "meters[0].namespace (fabric.x): meters belong to a bridge of the host",
    ),
    "meter's name": (
        entry("meters", bridge="ovs0", name="a b", kbps=1),
        "meters[0].name (fabric.x): 'a b' is no name of a meter; use letters, digits, '_', '.', ':', '-'",
    ),
    "uplink in no bridge": (
        {**link(type="tap"), **entry("uplinks", link="eth0", bridge="x0")},
        "uplink host eth0 (fabric.x): x0 is a tap, not a bridge",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_document_that_cannot_be_right_is_refused(name: str) -> None:
    raw, fault = FAULTS[name]
    with pytest.raises(DocumentError) as refused:
        parse({"scope": "t", **raw})
    assert refused.value.faults == (fault,)
    assert "\n" not in fault


@pytest.mark.parametrize("scope", [None, "", "Upper", "9nine", "a-b", "a" * 33, 7])
def test_a_scope_has_a_form(scope: Any) -> None:
    with pytest.raises(DocumentError) as refused:
        parse({"scope": scope})
    text = f"scope: {scope!r} is no scope; use lower-case letters, digits and '_', at most 32"
    assert refused.value.faults == (text,)


@pytest.mark.parametrize("raw", [None, [], "links"])
def test_a_document_is_a_map(raw: Any) -> None:
    with pytest.raises(DocumentError, match="is not a map; it needs scope and lists of objects"):
        parse(raw)


def test_all_faults_come_at_once() -> None:
    raw = {
        "scope": "T",
        "link": [],
        "links": [{"name": "x0", "type": "bridge", "mtu": 1, "up": "no"}, {"name": "x1"}],
        "routes": [{"destination": "x"}],
    }
    with pytest.raises(DocumentError) as refused:
        parse(raw)
    paths = [fault.split(":")[0] for fault in refused.value.faults]
    assert paths == ["scope", "link", "links[0].mtu", "links[0].up", "links[1].type", "routes[0].destination"]
    assert str(refused.value).count("\n") == len(paths) - 1


def test_spellings_of_one_thing_are_one_thing() -> None:
    def objects(**sections: Any) -> Any:
        return parse({"scope": "t", **sections}).objects

    assert objects(links=[{"name": "x0", "type": "tap", "mac": "52:54:00:AB:CD:EF", "mtu": "1400", "user": 1000}]) == (
        objects(links=[{"name": "x0", "type": "tap", "mac": "52:54:00:ab:cd:ef", "mtu": 1400, "user": "1000"}])
    )
    assert objects(addresses=[{"link": "x0", "address": "2001:DB8:0:0::1/64"}]) == (
        objects(addresses=[{"link": "x0", "address": "2001:db8::1/64"}])
    )
    assert objects(routes=[{"destination": "default", "via": "192.0.2.1"}]) == (
        objects(routes=[{"destination": "0.0.0.0/0", "next_hops": [{"via": "192.0.2.1"}], "table": 254, "metric": 0}])
    )
    assert objects(rules=[{"priority": 1, "table": 1, "fwmark": 16, "inverted": False}]) == (
        objects(rules=[{"priority": 1, "table": 1, "fwmark": "0x10/0xffffffff", "action": "lookup", "family": 4}])
    )
    assert objects(sysctls=[{"name": "net.ipv4.ip_forward", "value": 1}]) == (
        objects(sysctls=[{"name": "net/ipv4/ip_forward", "value": "1"}])
    )
    assert objects(links=[{"name": "x0", "type": "bridge", "mtu": None, "namespace": ""}]) == (
        objects(links=[{"name": "x0", "type": "bridge"}])
    )


def test_the_other_end_of_a_veth_needs_no_entry() -> None:
    document = parse({"scope": "t", "links": [{**VETH, "peer": {"namespace": "c1", "name": "eth0"}, **BECAUSE}]})
    end = document.objects["link", "c1", "eth0"]
    assert (end.peer, end.because) == (("", "v0"), "fabric.x")  # type: ignore[attr-defined]
    assert document.namespaces() == ["c1"]
