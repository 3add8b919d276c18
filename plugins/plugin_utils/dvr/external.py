# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An external network of ``fabric_external_networks``: where floating IPs are, and the way out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names, vlans
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import External, Network, Subnet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.network import FindProvider, fit_mtu, provider_mtu
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import mtu
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import (
    check_mtu,
    listed,
    parse_subnets,
    require_subnets,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.port import parse_namespace
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section

if TYPE_CHECKING:
    from netaddr import IPAddress


@dataclass(frozen=True)
class DeclaredExternal:
    """What is the same on all hosts. host_addresses: as they were written, by host."""

    network: Network
    namespace: str
    device: str
    port: str
    host_addresses: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.network.name

    @property
    def path(self) -> str:
        return self.network.path


def parse_external(
    section: Section, name: str, find: FindProvider, providers: Collection[str]
) -> DeclaredExternal | None:
    subnets = parse_subnets(section, default_gateways=section.raw("gateways") != [])
    provider = section.required("provider", names.object_name, None, "name the physical network that it is on")
    vlan = section.get("vlan", vlans.vlan_id, None)
    own_mtu = section.get("mtu", mtu, None)
    host_addresses = section.get("host_addresses", _by_host, {})
    namespace = section.get("namespace", parse_namespace, names.namespace_name(name, "fip-"))
    device = section.get("device", names.switched_device, names.device_name(name, "fg-"))
    port = section.get("port", names.switched_device, names.device_name(name, "vport-fip-"))
    section.close()
    require_subnets(section)
    ceiling = provider_mtu(section, provider, find, providers)
    fitting = fit_mtu(section, own_mtu, ceiling, f"the {ceiling} of fabric_providers.{provider}")
    check_mtu(section, fitting, subnets)
    if not section.sound or provider is None:
        return None
    number = numbers.provider_number(provider, vlan)
    network = Network(name, section.path, subnets, fitting, number, provider=provider, vlan=vlan)
    return DeclaredExternal(network, namespace, device, port, host_addresses)


def on_host(declared: DeclaredExternal, host: str, faults: Faults) -> External:
    """The external network on a host that has routers connected with it."""
    return External(
        name=declared.name,
        path=declared.path,
        network=declared.network,
        namespace=declared.namespace,
        device=declared.device,
        port=declared.port,
        mac=names.derived_mac("fip", declared.name, host),
        interfaces=tuple(f"{ip}/{subnet.network.prefixlen}" for ip, subnet in host_addresses(declared, host, faults)),
    )


def host_addresses(declared: DeclaredExternal, host: str, faults: Faults) -> list[tuple[IPAddress, Subnet]]:
    """The addresses that a host has for itself, at most one in each subnet."""
    section = Section(f"{declared.path}.host_addresses", {}, faults)
    raw = declared.host_addresses.get(host)
    if raw is None:
        return []
    section.overlay(section.path, {host: raw if isinstance(raw, list) else [raw]})
    found: dict[Subnet, IPAddress] = {}
    for ip in section.listed(host, addresses.ip):
        subnet = next((subnet for subnet in declared.network.subnets if ip in subnet.network), None)
        if subnet is None:
            there = listed(one.network for one in declared.network.subnets)
            section.fault(host, f"{ip} is in no subnet of {declared.path} ({there}); choose an address of those")
            continue
        try:
            addresses.refuse_reserved(ip, subnet.network)
        except ValueError as error:
            section.fault(host, str(error))
        if found.setdefault(subnet, ip) != ip:
            section.fault(host, f"{found[subnet]} and {ip} are in one subnet; one of the host in each is enough")
    return [(ip, subnet) for subnet, ip in sorted(found.items(), key=lambda item: item[1])]


def _by_host(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a map; write each host's own as HOST: ADDRESS")
    return {names.host_name(host): own for host, own in value.items()}
