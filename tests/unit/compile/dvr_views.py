# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small hosts, written down as the compiler gets them: a router with one network, one instance and a floating IP."""

from __future__ import annotations

from dataclasses import replace

from netaddr import IPAddress, IPNetwork

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import (
    CentralLeg,
    External,
    FloatingIp,
    Host,
    HostView,
    Instance,
    Leg,
    LocalNetwork,
    Member,
    Network,
    Pair,
    Provider,
    RateLimit,
    Redirect,
    Router,
    Rule,
    Snat,
    StaticRoute,
    Station,
    Subnet,
    Veth,
)

GATEWAY_MAC = "52:54:00:00:18:01"
WEB = Network(
    name="web",
    path="fabric_networks.web",
    subnets=(
        Subnet(IPNetwork("172.16.18.0/24"), IPAddress("172.16.18.1")),
        Subnet(IPNetwork("2001:db8:18::/64"), IPAddress("2001:db8:18::1")),
    ),
    mtu=1450,
    number=100,
    vni=100,
    tunnel_device="vx-web",
    gateway_mac=GATEWAY_MAC,
)
STORE = replace(
    WEB,
    name="store",
    path="fabric_networks.store",
    number=0x80000030,
    vni=None,
    tunnel_device=None,
    provider="ext",
    vlan=30,
    mtu=1500,
)
EXT = Network(
    name="ext",
    path="fabric_external_networks.ext",
    subnets=(
        Subnet(IPNetwork("192.168.100.0/24"), IPAddress("192.168.100.1")),
        Subnet(IPNetwork("2001:db8:64::/64"), IPAddress("2001:db8:64::1")),
    ),
    mtu=1500,
    number=0x80000000,
    provider="ext",
)
HOST = Host(
    name="compute-01",
    path="fabric_hosts.compute-01",
    datapath="system",
    tunnel=IPAddress("10.20.0.11"),
    tunnel_device=None,
    dvr_mac="5a:d0:00:00:00:01",
    providers=(
        Provider(
            name="ext",
            path="fabric_providers.ext",
            bridge="br-ex",
            device="enp7s0",
            mtu=1500,
            integration_patch="int-br-ex",
            provider_patch="phy-br-ex",
            host_leg="host-br-ex",
            host_port="vport-br-ex",
        ),
    ),
)
ANYBODY = Rule(
    family=4, protocol="icmp", ports=(), icmp_type=None, icmp_code=None, remotes=None, path="fabric_security_groups.web"
)
INSTANCE = Instance(
    name="c1",
    path="fabric_instances.c1",
    host="compute-01",
    network=WEB,
    port=Veth(namespace="c1", namespace_exists=False, interface="eth0"),
    device="veth-c1",
    mac="52:54:00:00:18:64",
    mtu=1450,
    addresses=(IPAddress("172.16.18.100"), IPAddress("2001:db8:18::100")),
    allowed=(),
    port_security=True,
    ingress=(ANYBODY,),
    egress=None,
    limit=None,
    gateways=(IPAddress("172.16.18.1"), IPAddress("2001:db8:18::1")),
)
LEG = Leg(
    network=WEB,
    device="qr-web",
    port="vport-blue-web",
    mac=GATEWAY_MAC,
    interfaces=("172.16.18.1/24", "2001:db8:18::1/64"),
    path="fabric_routers.blue.networks[0]",
)
FLOATING = FloatingIp(
    address=IPAddress("192.168.100.150"),
    fixed=IPAddress("172.16.18.100"),
    external="ext",
    router="blue",
    limit=None,
    path="fabric_instances.c1.floating_ip",
)
PAIR = Pair(
    external="ext",
    rfp="rfp-blue",
    fpr="fpr-blue",
    rfp_mac="52:54:00:00:31:ee",
    fpr_mac="52:54:00:00:31:ef",
    rfp_address=IPAddress("169.254.31.238"),
    fpr_address=IPAddress("169.254.31.239"),
    mtu=1500,
    table=16,
    path="fabric_routers.blue.external",
)
BLUE = Router(
    name="blue",
    path="fabric_routers.blue",
    namespace="router-blue",
    legs=(LEG,),
    pairs=(PAIR,),
    redirects=(
        Redirect(
            subnet=IPNetwork("172.16.18.0/24"),
            via=IPAddress("172.16.18.254"),
            leg="qr-web",
            table=int(IPAddress("172.16.18.1")),
            path="fabric_routers.blue.snat",
        ),
    ),
    routes=(StaticRoute(IPNetwork("10.9.0.0/16"), IPAddress("172.16.18.50"), "fabric_routers.blue.routes[0]"),),
    floating_ips=(FLOATING,),
    routed=((IPAddress("2001:db8:18::100"), "fabric_instances.c1"),),
    routed_subnets=(IPNetwork("2001:db8:18::/64"),),
)
FIP = External(
    name="ext",
    path="fabric_external_networks.ext",
    network=EXT,
    namespace="fip-ext",
    device="fg-ext",
    port="vport-fip-ext",
    mac="52:54:00:00:64:fe",
    interfaces=("192.168.100.254/24",),
)
INSIDE = CentralLeg(
    network=WEB,
    device="sg-web",
    port="vsg-blue-web",
    mac="52:54:00:00:18:fe",
    interfaces=("172.16.18.254/24",),
    path="fabric_routers.blue.networks[0]",
)
SNAT = Snat(
    router="blue",
    path="fabric_routers.blue.snat",
    namespace="snat-blue",
    inside=(INSIDE,),
    outside=CentralLeg(
        network=EXT,
        device="qg-ext",
        port="vqg-blue",
        mac="52:54:00:00:64:14",
        interfaces=("192.168.100.20/24",),
        path="fabric_routers.blue.snat",
    ),
    address=IPAddress("192.168.100.20"),
    gateway=IPAddress("192.168.100.1"),
    routes=(),
    sync=False,
)
LOCAL_WEB = LocalNetwork(
    network=WEB,
    members=(
        Member(IPAddress("172.16.18.1"), GATEWAY_MAC, "fabric_routers.blue.networks[0]"),
        Member(IPAddress("172.16.18.100"), INSTANCE.mac, INSTANCE.path),
        Member(IPAddress("2001:db8:18::1"), GATEWAY_MAC, "fabric_routers.blue.networks[0]"),
        Member(IPAddress("2001:db8:18::100"), INSTANCE.mac, INSTANCE.path),
    ),
    stations=(Station("52:54:00:00:18:66", IPAddress("10.20.0.12"), "fabric_instances.c2"),),
    flood=(IPAddress("10.20.0.12"),),
)
COMPUTE = HostView(
    host=HOST,
    networks=(LOCAL_WEB,),
    externals=(FIP,),
    routers=(BLUE,),
    instances=(INSTANCE,),
    snats=(),
    gated=False,
)
CENTRAL = replace(COMPUTE, host=replace(HOST, name="network-01"), externals=(), routers=(), instances=(), snats=(SNAT,))
LIMIT = RateLimit(inbound=100_000_000, outbound=50_000_000, burst=None, path="fabric_instances.c1.bandwidth")
