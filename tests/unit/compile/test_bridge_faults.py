# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intent that cannot work, with the exact words that refuse it. Each case changes the small fleet of conftest.py."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from fault_cases import cases_of

from ansible_collections.hostnet.fabric.plugins.filter.bridge_document import bridge_document as filtered_document
from ansible_collections.hostnet.fabric.plugins.filter.bridge_faults import bridge_faults
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.document import bridge_document
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError

CASES = cases_of("bridge_fault_cases")


@pytest.mark.parametrize("case", CASES)
def test_refused(case, fleet, hosts):
    changes, expected = CASES[case]
    assert Fleet(fleet(changes)).faults(hosts) == expected


def test_small_fleet_is_right(fleet, hosts):
    assert Fleet(fleet()).faults(hosts) == []


def test_no_intent():
    with pytest.raises(IntentError) as caught:
        Fleet(None)
    assert str(caught.value) == "intent: None is not a map with fabric_bridges and fabric_instances"


def test_inventory_is_optional(fleet):
    assert Fleet(fleet({"fabric_bridges/lab/host": "kvm-1"})).faults() == []


def test_full_bridge(fleet):
    """1023 ports are right, and one more is not."""
    full = {f"fabric_instances/i{number}": {"bridge": "vms", "attach": "tap"} for number in range(1022)}
    assert Fleet(fleet(full)).faults() == []
    full["fabric_instances/more"] = {"bridge": "vms", "attach": "tap"}
    assert Fleet(fleet(full)).faults() == [
        "fabric_bridges.vms: has 1024 ports on kvm-01, and the kernel allows 1023; use a second bridge"
    ]


def test_names_that_collide_when_shortened(fleet):
    changes = {
        "fabric_instances/customer-vm-027015": {"bridge": "vms", "attach": "tap"},
        "fabric_instances/customer-vm-032420": {"bridge": "vms", "attach": "tap"},
    }
    assert Fleet(fleet(changes)).faults() == [
        "fabric_instances.customer-vm-032420.device: tap-cust-wx4j7z is already the device of "
        "fabric_instances.customer-vm-027015; give one of them another device"
    ]


def test_document_refuses_only_what_concerns_the_host(fleet):
    intent = fleet({"fabric_instances/vm1/mtu": 9000})
    with pytest.raises(IntentError, match=r"^fabric_instances\.vm1\.mtu: 9000 is more than the 1500"):
        bridge_document(intent, "kvm-01")
    assert bridge_document(intent, "kvm-02")["scope"] == "host_bridge"


def test_overlay_of_one_host_leaves_the_others(fleet):
    intent = fleet({"fabric_bridges/lan/hosts": {"kvm-02": {"mtu": 9000}, "kvm-03": None}})
    documents = {host: bridge_document(intent, host) for host in ("kvm-02", "kvm-03")}
    assert [documents[host]["links"][0].get("mtu") for host in documents] == [9000, None]


@pytest.mark.parametrize("use", [lambda: bridge_faults({}), lambda: filtered_document({}, "kvm-01")])
def test_controller_without_netaddr(use, monkeypatch):
    monkeypatch.setattr(addresses, "MISSING", ImportError("No module named 'netaddr'"))
    with pytest.raises(AnsibleFilterError, match=r"^the controller lacks .*: pip install netaddr$"):
        use()


def test_filter_says_every_fault(fleet):
    intent = fleet({"fabric_instances/vm1/mtu": 9000, "fabric_instances/vm1/vlan": 7})
    with pytest.raises(AnsibleFilterError) as caught:
        filtered_document(intent, "kvm-01")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "fabric_instances.vm1.mtu",
        "fabric_instances.vm1.vlan",
    ]


# What is wrong in one place neither hides nor causes a fault in another.
TOGETHER = {
    "a bridge that is wrong does not hide what is wrong with its instances": (
        {"fabric_bridges/vms/mtu": 5, "fabric_instances/vm1/mac": 17, "fabric_instances/vm1/user": []},
        ["fabric_bridges.vms.mtu", "fabric_instances.vm1.mac", "fabric_instances.vm1.user"],
    ),
    "nor does a bridge that is not there": (
        {"fabric_instances/vm1/bridge": "vmz", "fabric_instances/vm1/attach": ...},
        ["fabric_instances.vm1.attach", "fabric_instances.vm1.bridge"],
    ),
    "one value of a bridge does not hide another": (
        {"fabric_bridges/vms/mtu": 5, "fabric_bridges/vms/uplink": ..., "fabric_bridges/vms/vlan": 7},
        ["fabric_bridges.vms.mtu", "fabric_bridges.vms.uplink", "fabric_bridges.vms.vlan"],
    ),
    "one value of an instance does not hide another": (
        {
            "fabric_instances/vm1/mtu": 9000,
            "fabric_instances/vm1/vlan": 7,
            "fabric_instances/vm1/gateways": ["10.0.0.1"],
        },
        ["fabric_instances.vm1.gateways", "fabric_instances.vm1.mtu", "fabric_instances.vm1.vlan"],
    ),
    "a misspelt key is not missing, too": (
        {"fabric_bridges/vms/uplink": ..., "fabric_bridges/vms/uplnk": "eth0"},
        ["fabric_bridges.vms.uplnk"],
    ),
    "a misspelt list does not make its users wrong": (
        {"fabric_bridges/vms/addresses": ..., "fabric_bridges/vms/adresses": ["192.168.3.1/24"]},
        ["fabric_bridges.vms.adresses"],
    ),
    "one bad address does not make its gateway wrong": (
        {"fabric_bridges/lan/subnets": ["10.9.0.0/33"]},
        ["fabric_bridges.lan.subnets"],
    ),
}


@pytest.mark.parametrize("case", TOGETHER)
def test_faults_do_not_hide_or_cause_each_other(case, fleet, hosts):
    changes, paths = TOGETHER[case]
    assert [fault.split(": ")[0] for fault in Fleet(fleet(changes)).faults(hosts)] == paths
