# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for any fleet with routers: whatever the intent, as long as it can be right."""

from __future__ import annotations

import re
from collections import Counter
from copy import deepcopy

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils.document import parse
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.catalogue import Catalogue
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.document import compiled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet

HOSTS = ["h1", "h2", "h3"]
NETWORKS, ROUTERS, INSTANCES = "fabric_networks", "fabric_routers", "fabric_instances"
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}", fullmatch=True)


def external(number):
    own = {host: f"192.0.{number}.{250 + position}" for position, host in enumerate(HOSTS)}
    return {
        "provider": "wan",
        "vlan": number,
        "subnets": [f"192.0.{number}.0/24", f"2001:db8:e{number}::/64"],
        "host_addresses": own,
    }


@st.composite
def networks(draw, tenant, position):
    """Tenants have the same IPv4 subnets; what is routed to the outside as it is, they have not."""
    subnets = [f"10.{position}.0.0/24"] + [f"2001:db8:{tenant}{position}::/64"] * draw(st.booleans())
    if draw(st.booleans()):
        return {"subnets": subnets, "provider": "wan", "vlan": 100 + 10 * tenant + position}
    return {"subnets": subnets}


@st.composite
def routers(draw, tenant, own):
    router = {"networks": own}
    externals = draw(st.sampled_from([[], ["ext"], ["ext2"], ["ext", "ext2"]]))
    if externals:
        router["external"] = externals
        if draw(st.booleans()):
            router["snat"] = f"192.0.{1 if 'ext' in externals else 2}.{200 + tenant}"
    return router


@st.composite
def instances(draw, network, subnets, number, floating):
    addresses = [f"10.{subnets[0].split('.')[1]}.0.{10 + number}"]
    addresses += [f"{subnets[1].removesuffix('/64')}{number + 16:x}"] if len(subnets) > 1 else []
    instance = {
        "host": draw(st.sampled_from(HOSTS)),
        "network": network,
        "attach": draw(st.sampled_from(["tap", "veth"])),
        "addresses": addresses,
    }
    groups = draw(st.sampled_from([None, [], ["g1"], ["g1", "g2"]]))
    if groups is not None:
        instance["security_groups"] = groups
    if floating and draw(st.booleans()):
        instance["floating_ip"] = f"192.0.{1 if 'ext' in floating else 2}.{10 + number}"
    return instance


@st.composite
def fleets(draw):
    """Tenants with one or two networks each, and a router or none: right by construction."""
    intent = {
        "fabric_hosts": {host: {"tunnel": f"10.255.0.{number}"} for number, host in enumerate(HOSTS, 1)},
        "fabric_snat_hosts": ["h3"],
        "fabric_providers": {"wan": {"device": "eth1"}},
        "fabric_external_networks": {"ext": external(1), "ext2": external(2)},
        "fabric_security_groups": {
            "g1": {"ingress": [{"from": ["g1"]}, {"protocol": "tcp", "ports": [80, "8000-8080"]}]},
            "g2": {"egress": [{"protocol": "udp", "to": ["192.0.2.0/24", "g1"]}]},
        },
        NETWORKS: {},
        ROUTERS: {},
        INSTANCES: {},
    }
    known = draw(st.lists(names.filter(lambda name: name not in intent), min_size=8, max_size=8, unique=True))
    used = iter(known)
    places = []
    for tenant in range(draw(st.integers(1, 4))):
        own = [next(used) for _number in range(draw(st.integers(1, 2)))]
        for position, network in enumerate(own):
            intent[NETWORKS][network] = draw(networks(tenant, position))
        router = {}
        if draw(st.booleans()):
            router = intent[ROUTERS][own[0]] = draw(routers(tenant, own))
        places += [(network, router.get("external", [])) for network in own]
    for number, name in enumerate(draw(st.lists(names, max_size=10, unique=True))):
        network, floating = draw(st.sampled_from(places))
        subnets = intent[NETWORKS][network]["subnets"]
        intent[INSTANCES][name] = draw(instances(network, subnets, number, floating))
    refused = Fleet(intent).faults(HOSTS)
    # What meets by chance is refused, with what to set. Nothing else is.
    assert all(re.search(r" is already .*; (set (link_local|vni)|give) ", fault) for fault in refused), refused
    assume(not refused)
    return intent


def identities(intent):
    """All numbers, names and addresses of everything on every host, by what has them."""
    found = {}
    fleet = Fleet(intent)
    for host in HOSTS:
        view = fleet.view(host)
        found["host", host] = (view.host.dvr_mac, view.host.datapath, view.host.tunnel)
        for local in view.networks:
            network = local.network
            found["network", network.name] = (network.number, network.vni, network.mtu, network.tunnel_device)
        for one in view.externals:
            found["external", host, one.name] = (one.namespace, one.device, one.port, one.mac, one.interfaces)
        for router in view.routers:
            found["router", router.name] = router.namespace
            found.update({("pair", router.name, pair.external): pair for pair in router.pairs})
            found.update({("redirect", router.name, one.subnet): one for one in router.redirects})
            for leg in router.legs:
                found["leg", router.name, leg.network.name] = (leg.device, leg.port, leg.mac, leg.interfaces)
        for one in view.instances:
            found["instance", one.name] = (one.host, one.device, one.mac, one.mtu, one.port, one.addresses)
        for snat in view.snats:
            found["snat", snat.router] = (snat.namespace, snat.address, snat.gateway)
            for leg in (*snat.inside, snat.outside):
                found["central", snat.router, leg.network.name] = (leg.device, leg.port, leg.mac, leg.interfaces)
    return found


def without_router(intent, name):
    """Nobody behind it has a floating IP any more."""
    del intent[ROUTERS][name]
    routed = {network for router in intent[ROUTERS].values() for network in router["networks"]}
    for instance in intent[INSTANCES].values():
        if instance["network"] not in routed:
            instance.pop("floating_ip", None)


def without_network(intent, name):
    del intent[NETWORKS][name]
    for instance in [key for key, value in intent[INSTANCES].items() if value["network"] == name]:
        del intent[INSTANCES][instance]
    for router in [key for key, value in intent[ROUTERS].items() if name in value["networks"]]:
        intent[ROUTERS][router]["networks"] = [n for n in intent[ROUTERS][router]["networks"] if n != name]
        if not intent[ROUTERS][router]["networks"]:
            without_router(intent, router)


@settings(max_examples=50, deadline=None)
@given(fleets(), st.data())
def test_what_comes_or_goes_changes_no_number_of_the_others(intent, data):
    kind = data.draw(st.sampled_from([kind for kind in (NETWORKS, ROUTERS, INSTANCES) if intent[kind]]))
    name = data.draw(st.sampled_from(sorted(intent[kind])))
    less = deepcopy(intent)
    if kind == INSTANCES:
        del less[INSTANCES][name]
    else:
        (without_router if kind == ROUTERS else without_network)(less, name)
    before, after = identities(intent), identities(less)
    assert after.items() <= before.items()


@settings(max_examples=25, deadline=None)
@given(fleets(), st.randoms(use_true_random=False))
def test_order_of_keys_means_nothing(intent, chance):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        return {key: shuffled(value[key]) for key in chance.sample(list(value), len(value))}

    other = Fleet(shuffled(intent))
    assert all(Fleet(intent).view(host) == other.view(host) for host in HOSTS)


@settings(max_examples=25, deadline=None)
@given(fleets())
def test_right_intent_gives_right_documents(intent):
    """The engine takes every document, and no device has a name that the kernel would not take."""
    fleet = Fleet(intent)
    for host in HOSTS:
        document = compiled(fleet.view(host))
        parse(document)
        devices = Counter((link.get("namespace", ""), link["name"]) for link in document.get("links", ()))
        assert set(devices.values()) <= {1}
        assert all(len(name.encode()) <= 15 for _namespace, name in devices)


@settings(max_examples=25, deadline=None)
@given(fleets())
def test_hosts_know_what_they_share(intent):
    """A network has the same members everywhere, and who is behind a tunnel is on that host."""
    views = {host: Fleet(intent).view(host) for host in HOSTS}
    tunnels = {view.host.tunnel: host for host, view in views.items()}
    members = {}
    for host, view in views.items():
        for local in view.networks:
            assert members.setdefault(local.network.name, local.members) == local.members
            for station in local.stations:
                name = station.path.partition(".")[2]
                assert intent[INSTANCES][name]["host"] == tunnels[station.tunnel] != host
                assert station.tunnel in local.flood
            assert view.host.tunnel not in local.flood
    for name, instance in intent[INSTANCES].items():
        own = [one for one in views[instance["host"]].instances if one.name == name]
        assert len(own) == 1
        assert {member.address for member in members[instance["network"]]} >= set(own[0].addresses)


@settings(max_examples=50, deadline=None)
@given(st.sets(names, min_size=2, max_size=20))
def test_derived_numbers_are_where_they_belong(found):
    pool = Catalogue({}).settings.pool
    for name in found:
        assert 1 << 20 <= numbers.vni(name) <= numbers.MAX_VNI < numbers.provider_number(name, 4094) < 1 << 32
        first = numbers.pair(pool, name, "ext")
        assert first % 2 == 0
        assert pool.first <= first < pool.last
        assert not numbers.is_reserved(first)
        assert re.fullmatch(r"5a:d0(:[0-9a-f]{2}){4}", numbers.dvr_mac(name))


def test_cost_of_a_host_does_not_grow_with_the_fleet(monkeypatch):
    """What belongs to others is not even parsed."""
    from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import catalogue

    parsed = []
    for name in ("parse_network", "parse_router", "parse_instance"):
        original = getattr(catalogue, name)
        monkeypatch.setattr(catalogue, name, lambda *given, parse=original: parsed.append(given[1]) or parse(*given))
    intent = {
        "fabric_hosts": {f"h{n}": {} for n in range(100)},
        NETWORKS: {f"n{n}": {"subnets": ["10.0.0.0/24"]} for n in range(100)},
        ROUTERS: {f"r{n}": {"networks": [f"n{n}"]} for n in range(100)},
        INSTANCES: {
            f"i{n}": {"host": f"h{n}", "network": f"n{n}", "attach": "tap", "addresses": ["10.0.0.9"]}
            for n in range(100)
        },
    }
    Fleet(intent).view("h7")
    assert sorted(parsed) == ["i7", "n7", "r7"]


def test_pins_that_faults_propose_make_the_intent_right():
    """All of them at once, even when the pool is all but full."""
    count = 120
    intent = {
        "fabric_hosts": {"h1": {}},
        "fabric_link_local_pool": "169.254.64.0/24",
        "fabric_providers": {"wan": {"device": "eth1"}},
        "fabric_external_networks": {"ext": external(1)},
        NETWORKS: {f"n{number}": {"subnets": ["10.0.0.0/24"]} for number in range(count)},
        ROUTERS: {f"r{number}": {"networks": [f"n{number}"], "external": "ext"} for number in range(count)},
        INSTANCES: {
            f"i{number}": {"host": "h1", "network": f"n{number}", "attach": "tap", "addresses": ["10.0.0.9"]}
            for number in range(count)
        },
    }
    intent["fabric_external_networks"]["ext"]["host_addresses"] = {"h1": "192.0.1.250"}
    faults = Fleet(intent).faults()
    assert len(faults) > 20
    for fault in faults:
        router, pin = re.fullmatch(
            r"fabric_routers\.(\w+)\.link_local: .* link_local of one of them to (.*)", fault
        ).groups()
        intent[ROUTERS][router]["link_local"] = pin
    assert Fleet(intent).faults() == []
