# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured tenants of distributed routing: each has a router, a network, VMs on taps, and floating IPs for some.

All tenants have the same subnet. Those without a floating IP are sent to a SNAT host, which is another one. VXLAN and
link-local numbers are given, as by whoever generates so many tenants: derived ones would meet now and then.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.document import dvr_document

from .subject import Subject

HOST = "host"
SNAT_HOST = "network"
# The device that leads to the external network, which a host must have before anything is declared.
DEVICE = "eth1"
# Every kernel does that one, and needs no module for it.
DATAPATH = "netdev"
_EXTERNAL = "100.64.0.0/10"
_FIRST_EXTERNAL = IPv4Address("100.65.0.0")
_FIRST_TUNNEL = IPv4Address("10.0.0.1")
_INSIDE = IPv4Address("172.16.0.10")
_FIRST_LINK_LOCAL = IPv4Address("169.254.64.0")

SHAPE = "tenants"


@dataclass(frozen=True)
class Tenants:
    """So many tenants on one host, and what each has; ``more`` is how many floating IPs the first has beyond that."""

    tenants: int
    instances: int = 10
    floating_ips: int = 5
    more: int = 0


def subject(tenants: int) -> Subject:
    """One floating IP comes; then it goes again, and with it a tenant."""
    usual, added, removed = Tenants(tenants), Tenants(tenants, more=1), Tenants(tenants - 1)
    return Subject(SHAPE, tenants, document(usual), document(added), document(removed), device=DEVICE, switch=True)


def document(tenants: Tenants) -> dict[str, Any]:
    return dvr_document(intent(tenants), HOST)


def intent(tenants: Tenants) -> dict[str, Any]:
    return _fleet([HOST], tenants)


def fleet(hosts: int, tenants: Tenants) -> dict[str, Any]:
    """As many tenants on each of the hosts, all others than those of the rest."""
    return _fleet([f"host{number:04}" for number in range(hosts)], tenants)


def _fleet(hosts: list[str], tenants: Tenants) -> dict[str, Any]:
    found: dict[str, Any] = {
        "fabric_hosts": {
            name: {"tunnel": str(_FIRST_TUNNEL + place)} for place, name in enumerate([*hosts, SNAT_HOST])
        },
        "fabric_datapath": DATAPATH,
        "fabric_snat_hosts": [SNAT_HOST],
        "fabric_providers": {"ext": {"device": DEVICE}},
        "fabric_external_networks": {
            "ext": {
                "provider": "ext",
                "subnets": [_EXTERNAL],
                "host_addresses": {name: f"100.64.{place >> 8}.{place & 255}" for place, name in enumerate(hosts, 2)},
            }
        },
        "fabric_networks": {},
        "fabric_routers": {},
        "fabric_instances": {},
        "fabric_security_groups": {"default": {"ingress": [{"protocol": "icmp"}, {"protocol": "tcp", "ports": [22]}]}},
    }
    for place, host in enumerate(hosts):
        for number in range(tenants.tenants):
            _add_tenant(found, host, place * tenants.tenants + number, tenants, number)
    return found


def _add_tenant(found: dict[str, Any], host: str, number: int, tenants: Tenants, place_on_host: int) -> None:
    name = f"t{number:05}"
    outside = _FIRST_EXTERNAL + number * (tenants.instances + 1)
    found["fabric_networks"][name] = {"subnets": ["172.16.0.0/24"], "vni": number + 1}
    found["fabric_routers"][name] = {
        "networks": [name],
        "external": "ext",
        "snat": str(outside),
        "link_local": str(_FIRST_LINK_LOCAL + 2 * place_on_host),
    }
    floating_ips = tenants.floating_ips + (0 if place_on_host else tenants.more)
    for place in range(tenants.instances):
        instance = {"host": host, "network": name, "attach": "tap", "addresses": [str(_INSIDE + place)]}
        if place < floating_ips:
            instance["floating_ip"] = str(outside + 1 + place)
        found["fabric_instances"][f"{name}-{place}"] = instance
