# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gateway pair of ``fabric_gateways``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.function import asn
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Gateway, Gateways, Vlan
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.settings import Settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.vlan import parse_host
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.vrrp import MOST_GATEWAYS
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section, suggestion

if TYPE_CHECKING:
    from netaddr import IPAddress

VARIABLE = "fabric_gateways"


def parse_gateways(section: Section, vlans: Mapping[str, Vlan | None], settings: Settings) -> Gateways | None:
    """``vlans`` has None for one with faults of its own."""
    own_asn = section.required("asn", asn, 0, "say the AS number of the gateways, such as 65000")
    name = section.required("vlan", names.object_name, "", "name the VLAN that they route, one of fabric_vlans")
    shared = section.listed("addresses", addresses.ip)
    router_id = section.get("vrid", values.integer(1, 255), None)
    preferred = section.listed("preferred", names.host_name)
    hosts = section.required("hosts", _map_of_hosts, {}, "name the hosts, each with its addresses")
    section.close()
    if name and name not in vlans and section.are_sound("vlan"):
        section.fault("vlan", f"there is no {name} in fabric_vlans; {suggestion(name, vlans)}")
    vlan = vlans.get(name)
    if vlan is None:
        return None
    if section.are_sound("addresses"):
        _check(section, shared, vlan)
        if not shared:
            section.fault("addresses", f"is missing; name the shared address in each subnet of {vlan.path}")
    if len(hosts) > MOST_GATEWAYS:
        section.fault("hosts", f"has {len(hosts)}, and VRRP can choose among {MOST_GATEWAYS}; leave some out")
    for host in preferred if section.are_sound("hosts") else ():
        if host not in hosts:
            section.fault("preferred", f"there is no {host} in {VARIABLE}.hosts; {suggestion(host, hosts)}")
    order = sorted(hosts, key=lambda host: (preferred.index(host) if host in preferred else len(preferred), host))
    found = [_gateway(section, host, hosts[host], vlan, settings) for host in order]
    pair = tuple(gateway for gateway in found if gateway is not None)
    if len(pair) < len(found) or not section.sound:
        return None
    return Gateways(section.path, own_asn, vlan, _sorted(shared), router_id or (vlan.id - 1) % 255 + 1, pair)


def _map_of_hosts(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{value!r} is no map of hosts; write {{dcgw-01: {{addresses: [192.0.2.252]}}}}")
    return {names.host_name(host): details for host, details in value.items()}


def _gateway(above: Section, name: str, raw: Any, vlan: Vlan, settings: Settings) -> Gateway | None:
    section = Section(f"{VARIABLE}.hosts.{name}", raw, above.faults)
    own = section.listed("addresses", addresses.ip)
    host = parse_host(section, name, settings)
    section.close()
    if section.are_sound("addresses"):
        _check(section, own, vlan)
        if not own:
            section.fault("addresses", f"is missing; name the host's own address in each subnet of {vlan.path}")
    return Gateway(host, _sorted(own)) if host is not None and section.sound else None


def _check(section: Section, own: tuple[IPAddress, ...], vlan: Vlan) -> None:
    for ip in own:
        subnet = addresses.holding(ip, vlan.subnets)
        if subnet is None:
            there = ", ".join(map(str, vlan.subnets)) or "there are none"
            section.fault("addresses", f"{ip} is in no subnet of {vlan.path} ({there}); choose an address there")
            continue
        try:
            addresses.refuse_reserved(ip, subnet)
        except ValueError as error:
            section.fault("addresses", str(error))
    for family in (4, 6):
        if sum(ip.version == family for ip in own) > 1:
            section.fault("addresses", f"has more than one of IPv{family}; name one")


def _sorted(own: tuple[IPAddress, ...]) -> tuple[IPAddress, ...]:
    return tuple(sorted(own, key=lambda ip: (ip.version, ip)))
