# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intent for routers that cannot work, with the exact words that refuse it. Cases change the fleet of dvr_intent."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from dvr_intent import HOSTS, fleet
from fault_cases import cases_of

from ansible_collections.hostnet.fabric.plugins.filter.dvr_document import dvr_document
from ansible_collections.hostnet.fabric.plugins.filter.dvr_faults import dvr_faults
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet as Bridges
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError

CASES = cases_of("dvr_fault_cases")


def test_small_fleet_is_right():
    assert Fleet(fleet()).faults(HOSTS) == []
    assert all(Fleet(fleet()).view(host) for host in HOSTS)


def test_a_host_may_have_the_longest_name_of_the_inventory():
    name = ".".join(["kvm-07", *["a" * 60] * 4])[:253]
    own = {
        f"fabric_hosts/{name}/tunnel": "10.0.0.7",
        f"fabric_external_networks/ext/host_addresses/{name}": "192.0.2.7",
    }
    intent = fleet({**own, "fabric_instances/c1/host": name})
    assert Fleet(intent).faults([*HOSTS, name]) == []
    assert dvr_document(intent, name)["links"]


def test_a_group_may_begin_with_a_digit():
    group = {"ingress": [{"protocol": "tcp", "ports": [80], "from": ["2tier", "10.0.0.0/8"]}]}
    assert Fleet(fleet({"fabric_security_groups/2tier": group})).faults(HOSTS) == []


@pytest.mark.parametrize("case", CASES)
def test_fault(case):
    changes, faults = CASES[case]
    assert Fleet(fleet(changes)).faults(HOSTS) == faults


@pytest.mark.parametrize("case", CASES)
def test_host_is_refused_what_concerns_it(case):
    """A host's own view finds no other faults than the fleet's, and some host finds what makes documents wrong."""
    changes, faults = CASES[case]
    seen = set()
    intent = fleet(changes)
    for host in intent["fabric_hosts"]:
        try:
            Fleet(intent).view(host)
        except IntentError as error:
            seen.update(error.faults)
    assert seen <= set(faults)


TOGETHER = {
    "one bad value does not hide another": (
        {
            "fabric_networks/web/mtu": 9000,
            "fabric_instances/d1/host": ...,
            "fabric_routers/red/nat": 1,
            "fabric_providers/wan/x": 1,
        },
        ["fabric_networks.web.mtu", "fabric_instances.d1.host", "fabric_providers.wan.x", "fabric_routers.red.nat"],
    ),
    "a misspelt network is not missing to its routers and instances": (
        {"fabric_networks/web/subnets": ..., "fabric_networks/web/subnet": ["10.1.0.0/24"]},
        ["fabric_networks.web.subnet"],
    ),
    "a bad provider is not missing to its networks": (
        {"fabric_providers/wan/bridge": "a b"},
        ["fabric_providers.wan.bridge"],
    ),
    "a bad external network is not missing to floating IPs": (
        {"fabric_external_networks/ext/gateways": ["192.0.3.1"]},
        ["fabric_external_networks.ext.gateways"],
    ),
    "a bad router does not make its floating IPs wrong": (
        {"fabric_routers/blue/link_local": "169.254.31.239"},
        ["fabric_routers.blue.link_local"],
    ),
    "a bad host does not make its instances wrong": (
        {"fabric_hosts/kvm-02/tunnel": "ten"},
        ["fabric_hosts.kvm-02.tunnel"],
    ),
    "a bad group does not make its instances wrong": (
        {"fabric_security_groups/web/ingress": "all"},
        ["fabric_security_groups.web.ingress"],
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_faults_do_not_hide_or_cause_each_other(case):
    changes, paths = TOGETHER[case]
    assert sorted(fault.split(": ")[0] for fault in Fleet(fleet(changes)).faults(HOSTS)) == sorted(paths)


def test_view_is_not_refused_for_what_is_elsewhere():
    """The document of a host depends on what concerns it, and so do its faults."""
    intent = fleet({"fabric_networks/far": {"subnets": ["10.7.0.0/33"]}, "fabric_routers/far": {"networks": ["far"]}})
    assert Fleet(intent).view("kvm-01") == Fleet(fleet()).view("kvm-01")
    assert len(Fleet(intent).faults(HOSTS)) == 1


def test_clashes_of_a_host_refuse_its_view():
    intent = fleet(
        {"fabric_instances/c1/floating_ip": "192.0.2.253", "fabric_networks/web/vni": 7, "fabric_networks/db/vni": 7}
    )
    with pytest.raises(IntentError) as refused:
        Fleet(intent).view("kvm-02")
    assert [fault.split(": ")[0] for fault in refused.value.faults] == [
        "fabric_instances.c1.floating_ip",
        "fabric_networks.web.vni",
    ]


def test_filters_tell_every_fault():
    intent = fleet({"fabric_instances/c1/addresses": ["10.3.0.11"], "fabric_networks/web/mtu": 9000})
    with pytest.raises(AnsibleFilterError, match=r"fabric_networks\.web\.mtu: 9000 is more than"):
        dvr_document(intent, "kvm-01")
    assert len(dvr_faults(intent, HOSTS)) == 1
    assert dvr_faults("no map") == [
        "intent: 'no map' is not a map with fabric_hosts, fabric_networks, fabric_routers…",
    ]


def test_bridges_and_routers_share_the_instances():
    """Who has a bridge is the bridges', who has a network the routers'; who has both is told so by the bridges."""
    own = {"b1": {"bridge": "lab", "attach": "veth"}, "x1": {"bridge": "lab", "network": "web", "attach": "veth"}}
    intent = fleet({"fabric_bridges": {"lab": {"host": "kvm-01"}}})
    intent["fabric_instances"] = {**intent["fabric_instances"], "b1": own["b1"]}
    assert Bridges(intent).faults(HOSTS) == Fleet(intent).faults(HOSTS) == []
    assert [instance.name for instance in Bridges(intent).host("kvm-01").instances] == ["b1"]
    assert [instance.name for instance in Fleet(intent).view("kvm-01").instances] == ["l1", "vm1"]
    intent["fabric_instances"] = {**intent["fabric_instances"], **own}
    assert Fleet(intent).faults(HOSTS) == []
    (fault,) = Bridges(intent).faults(HOSTS)
    assert fault.startswith("fabric_instances.x1.network: is not known;")


JUNK = (None, True, -1, "", "x y", "::/0", [], [["x"]], {}, {7: [1]})


def places(value, path=()):
    """Every place of an intent, from the outside in."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, str(key))
        yield from places(inner, (*path, str(key)))


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_nothing_that_yaml_can_say_is_more_than_a_fault(junk):
    """Whatever stands anywhere in the intent: each fault has a path, and a host is either refused or made."""
    for place in places(fleet()):
        found = Fleet(fleet({"/".join(place): junk}))
        faults = found.faults(HOSTS)
        assert all(fault.startswith("fabric_") for fault in faults), place
        for host in HOSTS:
            try:
                found.view(host)
            except IntentError as error:
                assert set(error.faults) <= set(faults), place
