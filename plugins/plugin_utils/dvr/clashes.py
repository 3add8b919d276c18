# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no entry can see alone: clashes on a host, in an external network, in the whole fleet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers, snat_sync
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.claims import Claims, Holder
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import INTEGRATION
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Host, HostView, Network, Provider, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.router import DeclaredRouter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import Settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import listed
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.view import Surveyed
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

if TYPE_CHECKING:
    from netaddr import IPNetwork

# A device: its namespace, its name, the path of what has it, and what that is.
Device = tuple[str, str, str, str]


def check_host(surveyed: Surveyed, settings: Settings, outside: Claims, faults: Faults) -> None:
    """Everything that clashes on one host. ``outside``: what is known to be taken in external networks."""
    view = surveyed.view
    _check_devices(view, faults)
    _check_namespaces(view, faults)
    _check_default_routes(view, faults)
    _check_pairs(surveyed, settings.pool, faults)
    _check_externals(surveyed, faults)
    local = [network.network for network in view.networks]
    check_numbers(local, [external.network for external in view.externals], view.host.providers, faults)
    _claim_outside(surveyed, outside)


def check_hosts(hosts: Sequence[Host], faults: Faults) -> None:
    claims = Claims(faults)
    for host in hosts:
        holder = Holder(host.path, f"{host.name}'s")
        claims.claim(host.dvr_mac, holder, f"{host.path}.dvr_mac", host.dvr_mac, "set dvr_mac of one of them")
        if host.tunnel is not None:
            shown = str(host.tunnel)
            claims.claim(host.tunnel, holder, f"{host.path}.tunnel", shown, "choose the host's own address")


def check_numbers(
    networks: Sequence[Network], externals: Sequence[Network], providers: Sequence[Provider], faults: Faults
) -> None:
    """Networks that would be one on the wire, or in the flows."""
    claims = Claims(faults)
    vnis = {network.vni for network in networks if network.vni is not None}
    for network in networks:
        if network.vni is not None:
            holder = Holder(network.path, f"that of {network.name}")
            cure = f"set vni of one of them, to {numbers.next_vni(network.name, vnis)} for example"
            claims.claim(network.vni, holder, f"{network.path}.vni", f"VNI {network.vni}", cure)
    for network in (*externals, *networks):
        if network.provider is not None:
            shown = f"VLAN {network.vlan}" if network.vlan is not None else "what has no tag"
            place = (network.provider, network.vlan)
            holder = Holder(network.path, f"{network.name}'s")
            text = f"{shown} of provider {network.provider}"
            claims.claim(place, holder, f"{network.path}.vlan", text, "choose another VLAN for one of them")
    for provider in providers:
        number = numbers.provider_number(provider.name, None)
        holder = Holder(provider.path, f"that of {provider.name}")
        claims.claim(number, holder, provider.path, f"number {number:#x} in flows", "rename one of them")


def claim_gateways(external: Network, outside: Claims) -> None:
    path = f"{external.path}.gateways"
    for subnet in external.subnets:
        if subnet.gateway is not None:
            outside.claim((external.name, str(subnet.gateway)), Holder(path, "the gateway's"), path, "", "")


def claim_host_addresses(external: Network, host: str, addresses: Iterable[str], outside: Claims) -> None:
    path = f"{external.path}.host_addresses.{host}"
    for ip in addresses:
        outside.claim((external.name, ip), Holder(path, f"{host}'s own"), path, ip, "choose another address")


def claim_snat(router: DeclaredRouter, outside: Claims) -> None:
    if router.snat is not None:
        path, ip = f"{router.path}.snat", str(router.snat.address)
        holder = Holder(path, f"router {router.name}'s")
        cure = f"choose another address of {router.snat.subnet}"
        outside.claim((router.snat.external, ip), holder, path, ip, cure)


def _claim_outside(surveyed: Surveyed, outside: Claims) -> None:
    view = surveyed.view
    for external in view.externals:
        claim_gateways(external.network, outside)
        own = [interface.split("/")[0] for interface in external.interfaces]
        claim_host_addresses(external.network, view.host.name, own, outside)
    for declared in (*surveyed.routers, *surveyed.central):
        claim_snat(declared, outside)
    subnets = {external.name: external.network.subnets for external in view.externals}
    for router in view.routers:
        for floating in router.floating_ips:
            instance = floating.path.removesuffix(".floating_ip")
            subnet = next(one.network for one in subnets[floating.external] if floating.address in one.network)
            cure = f"choose another address of {subnet} or move it"
            _claim_for_instance(floating.external, str(floating.address), instance, floating.path, cure, outside)
        for address, instance in router.routed:
            first = router.pairs[0].external
            cure = f"{first} can reach one of them only: choose another subnet for one network"
            _claim_for_instance(first, str(address), instance, f"{instance}.addresses", cure, outside)


def _claim_for_instance(external: str, ip: str, instance: str, path: str, cure: str, outside: Claims) -> None:
    holder = Holder(instance, f"{instance.partition('.')[2]}'s")
    outside.claim((external, ip), holder, path, ip, cure)


def _check_devices(view: HostView, faults: Faults) -> None:
    claims = Claims(faults)
    for namespace, device, path, what in _devices(view):
        shown = f"{device} in {namespace}" if namespace else device
        cure = "give one of them another name"
        claims.claim((namespace, device), Holder(path, f"the device of {what}"), path, shown, cure)


def _devices(view: HostView) -> Iterator[Device]:
    """Every device on the host that has a name of ours or of the intent's."""
    yield "", INTEGRATION, "fabric_hosts", "all networks"
    for provider in view.host.providers:
        for key in ("bridge", "device", "integration_patch", "provider_patch", "host_leg", "host_port"):
            device = getattr(provider, key)
            if device is not None:
                yield "", device, f"{provider.path}.{key}", provider.name
    for network in (known.network for known in view.networks):
        if network.tunnel_device is not None:
            yield "", network.tunnel_device, f"{network.path}.tunnel_device", network.name
    for instance in view.instances:
        yield "", instance.device, f"{instance.path}.device", instance.name
        if isinstance(instance.port, Veth):
            yield instance.port.namespace, instance.port.interface, f"{instance.path}.interface", instance.name
    yield from _devices_of_routers(view)
    yield from _devices_of_snat(view)


def _devices_of_routers(view: HostView) -> Iterator[Device]:
    for external in view.externals:
        yield "", external.port, f"{external.path}.port", external.name
        yield external.namespace, external.device, f"{external.path}.device", external.name
    namespaces = {external.name: external.namespace for external in view.externals}
    for router in view.routers:
        for leg in router.legs:
            what = f"{router.name} in {leg.network.name}"
            yield "", leg.port, leg.path, what
            yield router.namespace, leg.device, leg.path, what
        for pair in router.pairs:
            what = f"{router.name} to {pair.external}"
            yield router.namespace, pair.rfp, pair.path, what
            yield namespaces[pair.external], pair.fpr, pair.path, what


def _devices_of_snat(view: HostView) -> Iterator[Device]:
    for snat in view.snats:
        for central in (*snat.inside, snat.outside):
            what = f"{snat.router}'s SNAT in {central.network.name}"
            yield "", central.port, central.path, what
            yield snat.namespace, central.device, central.path, what
    for end in snat_sync.syncs(view):
        yield "", snat_sync.TUNNEL, "fabric_snat_hosts", "the SNAT hosts' connections"
        yield "", end.port, end.path, f"{end.router}'s connections"


def _check_namespaces(view: HostView, faults: Faults) -> None:
    """Instances may share a namespace with each other, and with nothing else."""
    claims = Claims(faults)
    cure = "give one of them another namespace"
    for router in view.routers:
        path = f"{router.path}.namespace"
        claims.claim(router.namespace, Holder(path, f"router {router.name}'s"), path, router.namespace, cure)
    for external in view.externals:
        path = f"{external.path}.namespace"
        claims.claim(external.namespace, Holder(path, f"{external.name}'s"), path, external.namespace, cure)
    for snat in view.snats:
        path = f"fabric_routers.{snat.router}.snat_namespace"
        claims.claim(snat.namespace, Holder(path, f"router {snat.router}'s"), path, snat.namespace, cure)
    for instance in view.instances:
        if isinstance(instance.port, Veth):
            path = f"{instance.path}.namespace"
            everybody = Holder("fabric_instances", "an instance's")
            claims.claim(instance.port.namespace, everybody, path, instance.port.namespace, cure)


def _check_default_routes(view: HostView, faults: Faults) -> None:
    claims = Claims(faults)
    for instance in view.instances:
        if isinstance(instance.port, Veth):
            namespace = instance.port.namespace
            for gateway in instance.gateways:
                holder = Holder(instance.path, f"{instance.name}'s")
                shown = f"the default route of IPv{gateway.version} in {namespace}"
                claims.claim(
                    (namespace, gateway.version),
                    holder,
                    f"{instance.path}.gateways",
                    shown,
                    "set gateways: [] for one of them",
                )


def _check_pairs(surveyed: Surveyed, pool: IPNetwork, faults: Faults) -> None:
    """Routers that meet on a host must have pairs of their own. Nothing is given another number without being asked."""
    holders: dict[int, DeclaredRouter] = {}
    taken = {first for router in surveyed.routers for first in router.pairs}
    for router in surveyed.routers:
        for first, external in zip(router.pairs, router.externals):
            other = holders.setdefault(first, router)
            if other is router:
                continue
            free = numbers.next_pair(pool, (first - int(pool.first)) // 2, taken)
            taken.add(free)
            cure = f"set fabric_link_local_pool: none is free in {pool}"
            if free:
                pin = str(addresses.ipv4(free))
                cure = "set link_local of one of them to " + (
                    pin if external is router.externals[0] else f"{{{external.name}: {pin}}}"
                )
            text = f"{addresses.ipv4(first)} is already router {other.name}'s ({other.path})"
            faults.add(f"{router.path}.link_local", f"{text} on {surveyed.view.host.name}; {cure}")


def _check_externals(surveyed: Surveyed, faults: Faults) -> None:
    """Each host asks for its neighbours in an external network with an address of its own."""
    host = surveyed.view.host.name
    own = {external.name: external.interfaces for external in surveyed.view.externals}
    users = {external.name: (external, router) for router in surveyed.routers for external in router.externals}
    for name, (external, router) in sorted(users.items()):
        subnets = [subnet.network for subnet in external.network.subnets if subnet.family == 4]
        missing = subnets and not any(":" not in interface for interface in own[name])
        # One that cannot be right has been found already.
        if missing and (own[name] or not external.host_addresses.get(host)):
            text = f"has no IPv4 address of {host}, which has {router.path}"
            faults.add(f"{external.path}.host_addresses", f"{text}; choose a free one of {listed(subnets)}")
