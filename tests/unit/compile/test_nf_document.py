# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the documents, BIRD texts and VRRP settings of NF nodes and gateways, whatever is on them."""

from __future__ import annotations

import subprocess

import pytest
from nf_intent import HOSTS, fleet

from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_document import nf_document
from ansible_collections.hostnet.fabric.plugins.filter.nf_vrrp import nf_vrrp
from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents

BACKENDS = ("linux", "vlan_aware", "openvswitch")
V4 = {
    "fabric_vlans/n6/subnets": ["192.0.2.0/24"],
    "fabric_user_planes/up1/addresses": ["192.0.2.1"],
    "fabric_control_planes/cp1/addresses": ["192.0.2.9"],
    "fabric_gateways/addresses": ["192.0.2.254"],
    "fabric_gateways/hosts/gw-01/addresses": ["192.0.2.252"],
    "fabric_gateways/hosts/gw-02/addresses": ["192.0.2.253"],
    "fabric_next_hops/planes/addresses": ["198.51.100.100"],
    "fabric_next_hops/planes/members": ["192.0.2.1-192.0.2.4"],
    "fabric_pools/subs6": ...,
}
V6 = {
    "fabric_vlans/n6/subnets": ["2001:db8:2::/64"],
    "fabric_user_planes/up1/addresses": ["2001:db8:2::1"],
    "fabric_user_planes/up2/addresses": ["2001:db8:2::2"],
    "fabric_control_planes/cp1/addresses": ["2001:db8:2::9"],
    "fabric_gateways/addresses": ["2001:db8:2::254"],
    "fabric_gateways/hosts/gw-01/addresses": ["2001:db8:2::252"],
    "fabric_gateways/hosts/gw-02/addresses": ["2001:db8:2::253"],
    "fabric_next_hops/planes/addresses": ["2001:db8:c6::100"],
    "fabric_next_hops/planes/members": ["2001:db8:2::1-2001:db8:2::4"],
    "fabric_pools/subs": ...,
}
FLEETS = {
    "both families": {},
    "IPv4": V4,
    "IPv6": V6,
    "no pools": {"fabric_pools": ...},
    "no user planes yet": {"fabric_user_planes": ..., "fabric_pools/subs/pins": ...},
    "internal BGP": {"fabric_control_planes/cp1/asn": 65000},
    "no GTSM, no password": {"fabric_bgp": {"gtsm": False}},
    "BFD with a key": {
        "fabric_bfd": {"interval": 50, "password": "secret"},
        "fabric_user_planes/up2/attach": "veth",
        "fabric_user_planes/up2/user": ...,
    },
    "half of it drained": {"fabric_drained": ["up2", "gw-01"]},
    "no gateways": {
        "fabric_gateways": ...,
        "fabric_control_planes": ...,
        "fabric_next_hops": ...,
        "fabric_pools": ...,
    },
}
every_fleet = pytest.mark.parametrize("change", FLEETS.values(), ids=FLEETS)


@every_fleet
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("datapath", ["system", "netdev"])
def test_the_engine_takes_every_document(change, backend, datapath):
    intent = fleet({**change, "fabric_nf_backend": backend, "fabric_datapath": datapath})
    for host in HOSTS:
        document = nf_document(intent, host)
        assert documents.parse(document).scope == "nf"
        entries = [entry for section, found in document.items() if section != "scope" for entry in found]
        assert [entry for entry in entries if not entry["because"]] == []


@every_fleet
def test_bird_takes_every_text(change, tmp_path):
    """That of Debian 12; a text that it does not take would be refused on the host, too."""
    for host in HOSTS:
        for daemon in nf_bird(fleet(change), host):
            (tmp_path / "bird.conf").write_text(daemon["config"])
            done = subprocess.run(
                ["bird", "-p", "-c", tmp_path / "bird.conf"], capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stdout + done.stderr) == (0, ""), daemon["config"]


def test_who_runs_bird():
    """The gateways, and the NFs that are containers; not those that say otherwise."""
    found = {host: [daemon["name"] for daemon in nf_bird(fleet(), host)] for host in HOSTS}
    assert found == {"kvm-01": ["cp1", "up1"], "kvm-02": [], "kvm-03": [], "gw-01": ["gw-01"], "gw-02": ["gw-02"]}
    foreign = fleet({"fabric_control_planes/cp1/bgp": "none"})
    assert [daemon["name"] for daemon in nf_bird(foreign, "kvm-01")] == ["up1"]
    assert nf_bird(fleet(), "elsewhere") == []


def test_hosts_without_nfs_have_every_vlan():
    names = {link["name"] for link in nf_document(fleet(), "kvm-03")["links"]}
    assert names == {"eth1", "eth1.100", "br-100", "eth1.200", "br-200", "eth1.300", "br-300"}


def test_a_host_that_the_intent_does_not_have_has_nothing():
    assert nf_document(fleet(), "elsewhere") == {"scope": "nf"}
    assert nf_vrrp(fleet(), "elsewhere") is None
    assert nf_vrrp(fleet(), "kvm-01") is None


def test_the_uplink_is_as_large_as_the_largest_vlan():
    def mtu(intent):
        links = {link["name"]: link.get("mtu") for link in nf_document(intent, "kvm-03")["links"]}
        return links["eth1"], links["eth1.100"], links["eth1.200"]

    assert mtu(fleet()) == (9000, 9000, 1500)
    assert mtu(fleet({"fabric_vlans/n6/mtu": ...})) == (None, 1500, 1500)


def test_interfaces_are_in_the_order_of_vlans():
    def interfaces(changes):
        links = nf_document(fleet(changes), "kvm-01")["links"]
        return {link["name"]: link["label"] for link in links if link.get("namespace") == "up1"}

    assert interfaces({}) == {"eth0": "up1 n6", "eth1": "up1 oam", "eth2": "up1 n4"}
    assert interfaces({"fabric_user_planes/up1/vlans": ["oam", "n6"]}) == {"eth0": "up1 oam", "eth1": "up1 n6"}


def test_an_nf_answers_bfd_where_it_is_routed():
    """Its leg in the VLAN of the gateways need not be the first."""
    (_cp, up) = nf_bird(fleet({"fabric_user_planes/up1/vlans": ["oam", "n6"]}), "kvm-01")
    assert 'interface "eth1" {' in up["config"]
    assert 'neighbor 192.0.2.252 dev "eth1" local 192.0.2.1;' in up["config"]


def test_only_the_routed_vlan_has_layer_3():
    for backend, device in (("linux", "br-100"), ("vlan_aware", "br-nf.100"), ("openvswitch", "gw-100")):
        document = nf_document(fleet({"fabric_nf_backend": backend}), "gw-01")
        assert {entry["link"] for entry in document["addresses"]} == {device}
    for backend in BACKENDS:
        document = nf_document(fleet({"fabric_nf_backend": backend, "fabric_nf_hosts/kvm-02/backend": ...}), "kvm-03")
        assert "addresses" not in document


def test_the_order_of_preference_is_that_of_vrrp():
    first, second = nf_vrrp(fleet(), "gw-02"), nf_vrrp(fleet(), "gw-01")
    assert (first["priority"], second["priority"]) == (200, 190)
    assert first["interface"] == "br-100"
    assert first["families"] == [
        {"family": 4, "address": "192.0.2.253", "peers": ["192.0.2.252"], "shared": ["192.0.2.254/32"]},
        {
            "family": 6,
            "address": "2001:db8:2::253",
            "peers": ["2001:db8:2::252"],
            "shared": ["fe80::5e00:264/128", "2001:db8:2::254/128"],
        },
    ]


def gateway_text(changes=None):
    return nf_bird(fleet(changes), "gw-01")[0]["config"]


def test_a_user_plane_that_comes_to_its_place_changes_no_gateway():
    """It is sent traffic as soon as it answers."""
    more = {"fabric_user_planes/up3": {"host": "kvm-03", "attach": "veth", "addresses": ["192.0.2.3", "2001:db8:2::3"]}}
    assert gateway_text(more) == gateway_text()


def test_a_pin_changes_no_gateway():
    assert gateway_text({"fabric_pools/subs/pins": {"203.0.113.80/28": "up1"}}) == gateway_text()


def test_gateways_believe_nothing_by_default():
    text = gateway_text()
    assert text.count("import filter pools4;") == 1
    assert text.count("export none;") == 2
    assert text.count("ttl security on;") == text.count('password "between-us";') == 1
    assert text.count("receive limit 32768 action restart;") == 2


@pytest.mark.parametrize("length", [25, 32])
def test_a_plan_that_grows_or_shrinks_meets_no_limit(length):
    """Control planes announce the next plan before gateways know it, or go on with the last one."""
    assert limits(gateway_text({"fabric_pools/subs/length": length, "fabric_pools/subs/pins": {}})) == limits(
        gateway_text()
    )


def limits(text):
    return [line.strip() for line in text.splitlines() if " limit " in line]


def test_a_key_of_tcp_ao_takes_the_place_of_the_password():
    """BIRD 2.0 does not know it."""
    text = gateway_text({"fabric_bgp/tcp_ao": True})
    assert "password" not in text
    assert text.count("authentication ao;") == 1
    assert 'secret "between-us";' in text


def test_cost_of_a_host_does_not_grow_with_the_fleet(monkeypatch):
    """User planes of other hosts are not even parsed where nobody announces pools."""
    from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf import catalogue

    parsed = []
    original = catalogue.parse_user_plane
    monkeypatch.setattr(
        catalogue,
        "parse_user_plane",
        lambda section, name, *rest: parsed.append(name) or original(section, name, *rest),
    )
    nf_document(fleet(), "kvm-02")
    assert parsed == ["up2"]
