# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for any fleet: whatever the intent, as long as it can be right."""

from __future__ import annotations

import random
from ipaddress import ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils.document import parse
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.document import bridge_document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import derived_mac, device_name

names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}", fullmatch=True)


@st.composite
def bridges(draw, number):
    """A bridge of its own subnet on a host of its own choice, right by construction."""
    forward = draw(st.sampled_from(["isolated", "nat", "route", "bridge"]))
    host = draw(st.sampled_from(["h1", "h2"]))
    bridge = {"host": host, "forward": forward, "device": f"br{number}"}
    if forward == "bridge":
        bridge |= {"uplink": f"up{number}", "subnets": [f"10.{number}.0.0/24", f"fd00:{number}::/64"]}
    else:
        bridge |= {"addresses": [f"10.{number}.0.1/24"] + [f"fd00:{number}::1/64"] * draw(st.booleans())}
    if forward == "nat" or (forward == "route" and draw(st.booleans())):
        bridge["uplink"] = draw(st.sampled_from(["eth0", "wan0"]))
    if draw(st.booleans()):
        bridge |= {"vlans": ["10-12", 20], "vlan": 20}
    if draw(st.booleans()):
        bridge["mtu"] = draw(st.integers(1280, 9000))
    return bridge | {"isolated_ports": draw(st.booleans())}


@st.composite
def instances(draw, bridge_name, bridge, number):
    families = {4: ip_network(f"10.{bridge_name[1:]}.0.0/24"), 6: ip_network(f"fd00:{bridge_name[1:]}::/64")}
    if not any(":" in address for address in bridge.get("addresses", bridge.get("subnets", ()))):
        del families[6]
    vlan = draw(st.sampled_from([10, 20])) if "vlans" in bridge else None
    own = [network[number + 10] for family, network in families.items() if draw(st.booleans())]
    length = {4: 24, 6: 64}
    addresses = [f"{ip}/{length[ip.version]}" if vlan == 10 else str(ip) for ip in own]
    instance = {"bridge": bridge_name, "attach": draw(st.sampled_from(["tap", "veth"])), "addresses": addresses}
    if vlan is not None:
        instance["vlan"] = vlan
    if draw(st.booleans()):
        instance["anti_spoofing"] = False
    elif draw(st.booleans()):
        instance["allowed_addresses"] = ["172.16.0.0/12", "172.16.5.0/24", "fd99::/32", "fd99::1", "192.0.2.7"]
    return instance


@st.composite
def fleets(draw):
    own = {f"b{number}": draw(bridges(number)) for number in range(draw(st.integers(0, 4)))}
    found = {}
    if own:
        for number, name in enumerate(draw(st.lists(names, max_size=12, unique=True))):
            bridge = draw(st.sampled_from(sorted(own)))
            found[name] = draw(instances(bridge, own[bridge], number))
    return {"fabric_bridges": own, "fabric_instances": found}


def documents(intent):
    return {host: bridge_document(intent, host) for host in ("h1", "h2")}


@settings(max_examples=150, deadline=None)
@given(fleets())
def test_right_intent_gives_right_documents(intent):
    """The engine takes every document, and no device has a name that the kernel would not take."""
    assert Fleet(intent).faults(["h1", "h2"]) == []
    for document in documents(intent).values():
        parse(document)
        devices = [link["name"] for link in document.get("links", ()) if "namespace" not in link]
        assert len(set(devices)) == len(devices)
        assert all(len(name.encode()) <= 15 for name in devices)


@settings(max_examples=75, deadline=None)
@given(fleets(), st.randoms(use_true_random=False))
def test_order_of_entries_means_nothing(intent, chance):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        keys = chance.sample(list(value), len(value))
        return {key: shuffled(value[key]) for key in keys}

    assert documents(shuffled(intent)) == documents(intent)


def entries(document):
    """Every object of a document, and every element of a set, each under a name of its own."""
    for section, objects in document.items():
        for entry in objects if isinstance(objects, list) else [objects]:
            if section != "nft_tables":
                yield section, repr(entry)
                continue
            for part in entry["sets"]:
                yield from ((entry["name"], part["name"], element) for element in part["elements"])
            yield entry["name"], repr([(part["name"], part["type"]) for part in entry["sets"]]), repr(entry["chains"])


@settings(max_examples=100, deadline=None)
@given(fleets(), st.data())
def test_instance_that_goes_takes_only_its_own(intent, data):
    """What is left of every document when an instance is gone was there before; what went names the instance."""
    if not intent["fabric_instances"]:
        return
    name = data.draw(st.sampled_from(sorted(intent["fabric_instances"])))
    less = {**intent, "fabric_instances": {k: v for k, v in intent["fabric_instances"].items() if k != name}}
    host = intent["fabric_bridges"][intent["fabric_instances"][name]["bridge"]]["host"]
    device = device_name(name, f"{intent['fabric_instances'][name]['attach']}-")
    before, after = documents(intent), documents(less)
    assert {h: d for h, d in before.items() if h != host} == {h: d for h, d in after.items() if h != host}
    old, new = set(entries(before[host])), set(entries(after[host]))
    assert new <= old
    # The guard goes as a whole with the last port that it guards.
    guarded = any(entry[0] == "guard" for entry in new)
    for entry in old - new:
        own = f"fabric_instances.{name}" in entry[1] or f'"{device}"' in entry[-1]
        assert own or (entry[0] == "guard" and not guarded)


@given(st.sets(names, min_size=2, max_size=50))
def test_derived_names_and_addresses_differ(found):
    assert len({derived_mac("instance", name) for name in found}) == len(found)
    assert all(len(device_name(name, "tap-")) <= 15 for name in found)
    assert len({device_name(name, "tap-") for name in found}) == len(found)


def test_cost_of_a_host_does_not_grow_with_the_fleet(monkeypatch):
    """What belongs to other hosts is not even parsed."""
    from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge import intent as module

    parsed = []
    original = module.parse_instance
    monkeypatch.setattr(module, "parse_instance", lambda *given: parsed.append(given[1]) or original(*given))
    bridges = {f"b{n}": {"host": f"h{n}", "addresses": ["10.0.0.1/24"]} for n in range(100)}
    instances = {
        f"i{n}": {"bridge": f"b{n % 100}", "attach": "tap", "addresses": [f"10.0.0.{10 + n // 100}"]}
        for n in random.Random(1).sample(range(1000), 1000)
    }
    bridge_document({"fabric_bridges": bridges, "fabric_instances": instances}, "h7")
    assert sorted(parsed) == sorted(f"i{n}" for n in range(7, 1000, 100))
