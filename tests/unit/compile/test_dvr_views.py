# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is made of, read from the intent: the drawing first, then what each key changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dvr_intent import HOSTS, fleet
from netaddr import IPAddress, IPNetwork

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import RateLimit

INVENTORY = Path(__file__).resolve().parents[3] / "inventory" / "dvr"
DRAWING = Fleet(yaml.safe_load((INVENTORY / "group_vars" / "dvr.yml").read_text()))


def named(objects, name):
    return next(one for one in objects if one.name == name)


def view(changes, host):
    intent = fleet(changes)
    assert Fleet(intent).faults(intent["fabric_hosts"]) == []
    return Fleet(intent).view(host)


def local(host_view, network):
    return next(one for one in host_view.networks if one.network.name == network)


def texts(values):
    return [str(value) for value in values]


class TestDrawing:
    """inventory/dvr, and what the drawing says about compute-01."""

    own = DRAWING.view("compute-01")

    def test_inventory_is_right(self):
        children = yaml.safe_load((INVENTORY / "hosts.yml").read_text())["all"]["children"]["dvr"]["children"]
        hosts = [host for group in children.values() for host in group["hosts"]]
        assert DRAWING.faults(hosts) == []
        assert DRAWING.hosts == sorted(hosts)

    def test_bridges(self):
        (provider,) = self.own.host.providers
        assert (provider.bridge, provider.device) == ("br-ex", "enp7s0")
        assert (provider.integration_patch, provider.provider_patch) == ("vport-br-int", "vport-br-ex")

    def test_router(self):
        router = named(self.own.routers, "blue")
        leg = next(leg for leg in router.legs if leg.network.name == "web")
        (pair,) = router.pairs
        assert (router.namespace, leg.port, leg.interfaces[0]) == ("router-ns", "vport-router", "172.16.18.1/24")
        assert texts((pair.rfp_address, pair.fpr_address)) == ["169.254.31.238", "169.254.31.239"]
        assert (pair.rfp, pair.fpr, pair.table) == ("rfp-blue", "fpr-blue", 16)
        redirects = {str(one.subnet): (str(one.via), one.leg, one.table) for one in router.redirects}
        assert redirects["172.16.18.0/24"] == ("172.16.18.254", "qr-web", 2886734337)

    def test_external_network(self):
        (external,) = self.own.externals
        assert (external.namespace, external.port) == ("fip-ns", "vport-fip")
        assert external.interfaces == ("192.168.100.254/24", "2001:db8:64::254/64")
        assert str(external.network.subnets[0].gateway) == "192.168.100.1"

    def test_vm_with_its_floating_ip(self):
        vm = named(self.own.instances, "vm1")
        (floating,) = named(self.own.routers, "blue").floating_ips
        assert (vm.device, texts(vm.addresses)) == ("tap-vm1", ["172.16.18.100", "2001:db8:18::100"])
        assert texts((floating.address, floating.fixed)) == ["192.168.100.150", "172.16.18.100"]

    def test_tenants_with_the_same_subnets(self):
        web, shop = local(self.own, "web"), local(self.own, "shop")
        assert web.network.subnets[0].network == shop.network.subnets[0].network
        assert web.network.number != shop.network.number
        assert {one.mac for one in web.members}.isdisjoint(one.mac for one in shop.members)

    def test_snat_hosts_are_alike(self):
        one, other = DRAWING.view("network-01"), DRAWING.view("network-02")
        assert one.snats == other.snats
        assert [snat.router for snat in one.snats] == ["blue", "green"]
        assert (one.gated, other.gated, self.own.gated) == (True, True, False)
        assert [host.name for host in one.snat_hosts] == ["network-01", "network-02"]
        assert (one.routers, one.externals, one.instances, self.own.snats) == ((), (), (), ())

    def test_snat(self):
        snat = named_snat(DRAWING.view("network-01"), "blue")
        assert (snat.namespace, str(snat.address), str(snat.gateway)) == (
            "snat-blue",
            "192.168.100.20",
            "192.168.100.1",
        )
        assert [(leg.device, leg.interfaces) for leg in snat.inside] == [
            ("sg-db", ("172.16.19.254/24",)),
            ("sg-web", ("172.16.18.254/24",)),
        ]
        assert (snat.outside.device, snat.outside.interfaces) == ("qg-ext", ("192.168.100.20/24",))
        assert snat.sync


def named_snat(host_view, router):
    return next(snat for snat in host_view.snats if snat.router == router)


def test_host_without_anything_has_nothing():
    own = view({"fabric_hosts/idle": {}}, "idle")
    assert (own.networks, own.externals, own.routers, own.instances, own.snats) == ((), (), (), (), ())
    assert own.host.providers == ()


def test_host_has_what_routers_connect_with_its_instances():
    """d1 on kvm-02 is in db only; its router leads to web, so the host knows web, too."""
    changes = {"fabric_instances/c1": ..., "fabric_instances/gw/host": "kvm-01"}
    own = view(changes, "kvm-02")
    assert [one.network.name for one in own.networks] == ["db", "web"]
    assert [one.name for one in own.routers] == ["blue"]
    assert [one.name for one in own.instances] == ["d1"]


def test_members_and_stations():
    web = local(view({}, "kvm-01"), "web")
    assert texts(member.address for member in web.members) == [
        "10.1.0.1",
        "10.1.0.10",
        "10.1.0.11",
        "10.1.0.50",
        "10.1.0.254",
        "2001:db8:1::1",
        "2001:db8:1::10",
    ]
    assert sorted(one.path for one in web.stations) == ["fabric_instances.c1", "fabric_instances.gw"]
    assert {str(one.tunnel) for one in web.stations} == {"10.0.0.2"}
    assert texts(web.flood) == ["10.0.0.2", "10.0.0.3"]


def test_nothing_is_sent_to_hosts_that_only_route():
    """kvm-01 has an instance in web only: what has no known receiver in db is for kvm-02 and the SNAT host."""
    assert texts(local(view({}, "kvm-01"), "db").flood) == ["10.0.0.2", "10.0.0.3"]
    assert texts(local(view({}, "kvm-02"), "db").flood) == ["10.0.0.3"]


def test_network_on_a_provider():
    lan = local(view({}, "kvm-01"), "lan")
    assert (lan.network.vni, lan.network.vlan, lan.network.provider, lan.network.mtu) == (None, 30, "wan", 1500)
    assert lan.network.number & 0x80000FFF == 0x8000001E
    assert (lan.stations, lan.flood, lan.network.tunnel_device) == ((), (), None)


@pytest.mark.parametrize(
    ("changes", "mtu"),
    [
        ({}, 1450),
        ({"fabric_underlay_mtu": 9000}, 8950),
        ({"fabric_networks/web/mtu": 1400}, 1400),
        ({f"fabric_hosts/{host}/tunnel": f"2001:db8::{number}" for number, host in enumerate(HOSTS, 1)}, 1430),
    ],
)
def test_mtu_of_an_overlay(changes, mtu):
    own = view(changes, "kvm-01")
    assert (local(own, "web").network.mtu, named(own.instances, "vm1").mtu) == (mtu, mtu)


def test_mtu_of_the_way_out():
    own = view({"fabric_providers/wan/mtu": 9000, "fabric_external_networks/ext/mtu": 2000}, "kvm-01")
    assert {pair.mtu for router in own.routers for pair in router.pairs} == {2000}
    assert own.host.providers[0].mtu == 9000


def test_network_without_a_router_has_no_gateway_unless_it_says_so():
    alone = {"subnets": ["10.4.0.0/24"]}
    instance = {"host": "kvm-01", "network": "alone", "attach": "veth", "addresses": ["10.4.0.1"]}
    changes = {"fabric_networks/alone": alone, "fabric_instances/a1": instance}
    own = named(view(changes, "kvm-01").instances, "a1")
    assert (own.gateways, own.network.subnets[0].gateway, own.network.gateway_mac) == ((), None, None)
    changes["fabric_networks/alone/gateways"] = ["10.4.0.254"]
    assert texts(named(view(changes, "kvm-01").instances, "a1").gateways) == ["10.4.0.254"]


def test_gateways_of_instances():
    own = view({"fabric_instances/c1/addresses": ["10.1.0.11", "2001:db8:1::11"]}, "kvm-02")
    assert texts(named(own.instances, "c1").gateways) == ["10.1.0.1", "2001:db8:1::1"]
    assert named(view({}, "kvm-01").instances, "vm1").gateways == ()
    assert named(view({"fabric_instances/c1/gateways": []}, "kvm-02").instances, "c1").gateways == ()


def test_second_router_of_a_network():
    """It says which addresses it has. The gateway is the one whose address is."""
    green = {"networks": [{"network": "web", "addresses": ["10.1.0.2"]}]}
    own = view({"fabric_routers/a-green": green}, "kvm-01")
    leg = named(own.routers, "a-green").legs[0]
    assert leg.interfaces == ("10.1.0.2/24",)
    assert local(own, "web").network.gateway_mac == named(own.routers, "blue").legs[1].mac != leg.mac
    assert texts(one.address for one in named(own.routers, "blue").floating_ips) == ["192.0.2.150"]
    assert named(own.routers, "a-green").floating_ips == ()


def test_several_external_networks():
    ext2 = {"provider": "wan", "vlan": 7, "subnets": ["198.51.100.0/24"]}
    ext2["host_addresses"] = {"kvm-01": "198.51.100.254", "kvm-02": "198.51.100.253"}
    changes = {
        "fabric_external_networks/ext2": ext2,
        "fabric_routers/blue/external": ["ext", "ext2"],
        "fabric_routers/blue/link_local": {"ext2": "169.254.31.238"},
        "fabric_instances/vm1/floating_ip": "198.51.100.9",
    }
    blue = named(view(changes, "kvm-01").routers, "blue")
    assert [(pair.rfp, pair.fpr, pair.table) for pair in blue.pairs] == [
        ("rfp-blue", "fpr-blue", 16),
        ("rfp-blue-ext2", "fpr-blue-ext2", 17),
    ]
    assert str(blue.pairs[1].rfp_address) == "169.254.31.238"
    assert [(one.external, str(one.address)) for one in blue.floating_ips] == [("ext2", "198.51.100.9")]


def test_routed_ipv6_addresses():
    """Those of this host, unless they mean something inside only."""
    assert [texts(one) for one in named(view({}, "kvm-01").routers, "blue").routed] == [
        ["2001:db8:1::10", "fabric_instances.vm1"]
    ]
    assert named(view({}, "kvm-02").routers, "blue").routed == ()
    inside = {"fabric_networks/web/subnets": ["10.1.0.0/24", "fd00:1::/64"]}
    inside["fabric_instances/vm1/addresses"] = ["10.1.0.10", "fd00:1::10"]
    assert named(view(inside, "kvm-01").routers, "blue").routed == ()


def test_routed_ipv6_subnets():
    """The same on every host; by the gateway, and unless they mean something inside only."""

    def routed(router, **changes):
        own = {f"fabric_{path.replace('__', '/')}": value for path, value in changes.items()}
        found = {tuple(map(str, named(view(own, h).routers, router).routed_subnets)) for h in ("kvm-01", "kvm-02")}
        assert len(found) == 1
        return [*found.pop()]

    web, inside = "2001:db8:1::/64", "fd00:1::/64"
    both = ["10.1.0.0/24", inside, web]
    assert routed("blue") == [web]
    assert routed("blue", networks__web__subnets=both) == [web]
    outside = {"subnets": ["192.0.2.0/24", "fd00:e::/64"], "gateways": ["192.0.2.1"]}
    unique_local = {f"external_networks__ext__{key}": value for key, value in outside.items()}
    unique_local["external_networks__ext__host_addresses"] = {"kvm-01": "192.0.2.254", "kvm-02": "192.0.2.253"}
    assert routed("blue", networks__web__subnets=both, **unique_local) == [web, inside]
    plain = {"external_networks__ext__subnets": ["192.0.2.0/24"], "external_networks__ext__gateways": ["192.0.2.1"]}
    assert routed("blue", **plain) == []
    second = {"networks": [{"network": "web", "addresses": ["10.1.0.2", "2001:db8:1::2"]}], "external": "ext"}
    assert routed("green", routers__green=second) == []


def test_pins():
    changes = {
        "fabric_networks/web/vni": 7,
        "fabric_networks/web/tunnel_device": "vxlan7",
        "fabric_hosts/kvm-01/dvr_mac": "5a:d0:00:00:00:01",
        "fabric_hosts/kvm-01/providers": {"wan": {"device": "bond0"}},
        "fabric_routers/red/link_local": "169.254.31.238",
        "fabric_routers/red/networks": [{"network": "lan", "mac": "52:54:00:00:00:77", "port": "p", "device": "q"}],
        "fabric_routers/blue/networks/1/snat_address": "10.2.0.9",
    }
    own = view(changes, "kvm-01")
    web, red = local(own, "web").network, named(own.routers, "red")
    assert (web.vni, web.number, web.tunnel_device) == (7, 7, "vxlan7")
    assert (own.host.dvr_mac, own.host.providers[0].device) == ("5a:d0:00:00:00:01", "bond0")
    assert (red.legs[0].mac, red.legs[0].port, red.legs[0].device) == ("52:54:00:00:00:77", "p", "q")
    assert int(red.pairs[0].rfp_address) == int(IPAddress("169.254.31.238"))
    assert local(own, "lan").network.gateway_mac == "52:54:00:00:00:77"
    (inside, _web) = named_snat(view(changes, "net-01"), "blue").inside
    assert inside.interfaces == ("10.2.0.9/24",)
    assert view(changes, "kvm-02").host.providers[0].device == "eth1"


def test_long_names_are_shortened():
    long = "a-router-of-a-customer-with-a-long-name-in-the-north-of-the-town"[:63]
    intent = fleet()
    intent["fabric_routers"][long] = intent["fabric_routers"].pop("blue")
    router = named(Fleet(intent).view("kvm-01").routers, long)
    assert len(router.namespace) == 64
    assert all(
        len(name) <= 15 for name in (router.pairs[0].rfp, router.pairs[0].fpr, *(leg.port for leg in router.legs))
    )


def test_one_snat_host_has_no_gate():
    own = view({}, "net-01")
    assert not own.gated
    assert [one.network.name for one in own.networks] == ["db", "web"]
    assert named_snat(own, "blue").routes == named(view({}, "kvm-01").routers, "blue").routes


def test_tunnel_over_a_device_that_becomes_a_port():
    changes = {"fabric_hosts/net-01/tunnel_device": "eth1", "fabric_hosts/kvm-01/tunnel_device": "eth0"}
    assert view(changes, "net-01").host.tunnel_device == view(changes, "net-01").host.providers[0].host_leg
    assert view(changes, "kvm-01").host.tunnel_device == "eth0"


def test_host_can_do_both():
    own = view({"fabric_snat_hosts": ["kvm-01"]}, "kvm-01")
    assert [snat.router for snat in own.snats] == ["blue"]
    assert [router.name for router in own.routers] == ["blue", "red"]


def test_limits():
    changes = {
        "fabric_instances/vm1/bandwidth": {"in": "1.5gbit", "out": "500kbit", "burst": "8mbit"},
        "fabric_instances/vm1/floating_ip": {"address": "192.0.2.151", "bandwidth": {"out": "20 mbit"}},
    }
    own = view(changes, "kvm-01")
    assert named(own.instances, "vm1").limit == RateLimit(
        1_500_000_000, 500_000, 8_000_000, "fabric_instances.vm1.bandwidth"
    )
    (floating,) = named(own.routers, "blue").floating_ips
    assert (floating.limit.inbound, floating.limit.outbound, floating.limit.burst) == (None, 20_000_000, None)


class TestSecurityGroups:
    def rules(self, groups, host="kvm-01", instance="vm1", **changes):
        own = {"fabric_security_groups": groups, "fabric_instances/vm1/security_groups": []}
        own |= {f"fabric_instances/{instance}/security_groups": list(groups)}
        found = named(view({**own, **changes}, host).instances, instance)
        return found.ingress, found.egress

    def test_remote_group_is_its_members_as_far_as_routers_lead(self):
        """c1 is in the group and reachable, l1 is in the group with the same address in another tenant's network."""
        changes = {f"fabric_instances/{name}/security_groups": ["a"] for name in ("c1", "l1")}
        (rule,) = self.rules({"a": {"ingress": [{"protocol": "udp", "from": ["a"], "family": 4}]}}, **changes)[0]
        assert texts(rule.remotes) == ["10.1.0.10/32", "10.1.0.11/32"]
        assert (rule.family, rule.protocol, rule.ports) == (4, "udp", ())

    def test_rule_for_anybody_is_one_of_each_family(self):
        ingress, egress = self.rules({"a": {"ingress": [{"protocol": 6, "ports": [22, "8000-8080"]}]}})
        assert [(rule.family, rule.protocol, rule.remotes) for rule in ingress] == [(4, "tcp", None), (6, "tcp", None)]
        assert ingress[0].ports == ((22, 22), (8000, 8080))
        assert egress is None

    def test_families_that_the_network_has_not_need_no_rules(self):
        groups = {"a": {"ingress": [{"protocol": "tcp"}]}}
        assert [rule.family for rule in self.rules(groups, "kvm-02", "d1")[0]] == [4]
        wide = {"fabric_instances/d1/allowed_addresses": ["2001:db8:99::/64"]}
        assert [rule.family for rule in self.rules(groups, "kvm-02", "d1", **wide)[0]] == [4, 6]

    def test_remotes_are_sorted_by_family(self):
        groups = {"a": {"ingress": [{"from": ["2001:db8::/32", "198.51.100.0/24", "192.0.2.7"]}]}}
        four, six = self.rules(groups)[0]
        assert four.remotes == (IPNetwork("192.0.2.7/32"), IPNetwork("198.51.100.0/24"))
        assert six.remotes == (IPNetwork("2001:db8::/32"),)

    def test_subnet_of_everything_is_anybody(self):
        (rule,) = self.rules({"a": {"ingress": [{"from": ["0.0.0.0/0"]}]}})[0]
        assert (rule.family, rule.remotes) == (4, None)

    def test_group_without_members_lets_nobody_in(self):
        groups = {"a": {"ingress": [{"from": ["b"]}]}, "b": {}}
        changes = {"fabric_instances/vm1/security_groups": ["a"]}
        assert named(view({"fabric_security_groups": groups, **changes}, "kvm-01").instances, "vm1").ingress == ()

    def test_egress_is_everything_unless_all_groups_say_what(self):
        said, nothing = {"egress": [{"protocol": "tcp"}]}, {"egress": []}
        assert self.rules({"a": said, "b": {}})[1] is None
        assert [rule.protocol for rule in self.rules({"a": said, "b": nothing})[1]] == ["tcp", "tcp"]
        assert self.rules({"b": nothing})[1] == ()

    def test_icmp(self):
        groups = {"a": {"ingress": [{"protocol": "icmp", "icmp_type": 8, "icmp_code": 0}, {"protocol": "icmpv6"}]}}
        ingress = self.rules(groups)[0]
        assert [(one.family, one.protocol, one.icmp_type, one.icmp_code) for one in ingress] == [
            (4, "icmp", 8, 0),
            (6, "icmpv6", None, None),
        ]

    def test_group_default_is_that_of_who_names_none(self):
        groups = {"default": {"ingress": [{"protocol": "tcp"}]}, "web": {}}
        own = view({"fabric_security_groups": groups}, "kvm-02")
        assert len(named(own.instances, "c1").ingress) == 2
        none = view({"fabric_security_groups": groups, "fabric_instances/c1/security_groups": []}, "kvm-02")
        assert named(none.instances, "c1").ingress == ()
        assert named(view({}, "kvm-02").instances, "c1").ingress == ()

    def test_port_without_security(self):
        changes = {"fabric_instances/c1/port_security": False, "fabric_security_groups/default": {"egress": []}}
        own = named(view(changes, "kvm-02").instances, "c1")
        assert (own.port_security, own.ingress, own.egress) == (False, (), None)
