# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Intent for NF nodes that cannot work, with the exact words that refuse it. Cases change the fleet of nf_intent."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from fault_cases import cases_of
from nf_intent import HOSTS, fleet

from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_document import nf_document
from ansible_collections.hostnet.fabric.plugins.filter.nf_faults import nf_faults
from ansible_collections.hostnet.fabric.plugins.filter.nf_pools import nf_pools
from ansible_collections.hostnet.fabric.plugins.filter.nf_vrrp import nf_vrrp

CASES = cases_of("nf_fault_cases")


@pytest.mark.parametrize(("change", "faults"), CASES.values(), ids=CASES)
def test_fault(change, faults):
    assert nf_faults(fleet(change), HOSTS) == faults


def test_small_fleet_is_right():
    assert nf_faults(fleet(), HOSTS) == []
    assert nf_faults({}, HOSTS) == []


def test_hosts_are_not_looked_at_without_an_inventory():
    assert nf_faults(fleet({"fabric_nf_hosts/kvm-4": {}})) == []


def test_what_is_no_map():
    words = "intent: 3 is not a map with fabric_vlans, fabric_nf_hosts, fabric_user_planes…"
    assert nf_faults(3) == [words]


def test_fast_sessions_are_taken_when_meant():
    assert nf_faults(fleet({"fabric_bfd": {"interval": 20, "multiplier": 3, "allow_fast": True}}), HOSTS) == []


def test_a_key_for_bfd_is_taken_when_all_have_bird():
    own = {
        "fabric_user_planes/up2": {"host": "kvm-02", "attach": "veth", "addresses": ["192.0.2.2"]},
        "fabric_bfd/password": "secret",
    }
    assert nf_faults(fleet(own), HOSTS) == []


@pytest.mark.parametrize("of_host", [nf_document, nf_bird, nf_vrrp])
def test_what_concerns_a_host_is_refused_there(of_host):
    wrong = fleet({"fabric_user_planes/up1/host": "kvm-01", "fabric_user_planes/up1/weight": 0})
    with pytest.raises(AnsibleFilterError, match=r"fabric_user_planes\.up1\.weight: 0 is out of range"):
        of_host(wrong, "kvm-01")
    of_host(wrong, "kvm-03")


def test_no_plan_is_made_of_what_is_wrong():
    with pytest.raises(AnsibleFilterError, match=r"fabric_pools\.subs\.length: 33 is too long"):
        nf_pools(fleet({"fabric_pools/subs/length": 33}))


def test_no_secret_is_told():
    secret = 'very "secret"'
    told = nf_faults(fleet({"fabric_bgp/password": secret, "fabric_bfd/password": secret}), HOSTS)
    assert len(told) == 2
    assert not any("secret" in fault for fault in told)
