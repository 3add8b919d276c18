# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no bridge and no instance can see alone: clashes on a host, and on a network that several hosts share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import Bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

# The kernel gives a bridge 1024 port numbers, and does not use the first.
MAX_PORTS = 1023

Members = tuple[Sequence[Bridge], Sequence[Instance]]
# An address where it must be unique: the bridge, the VLAN on it, the address.
Place = tuple[str, int | None, "IPAddress"]


@dataclass(frozen=True)
class Holder:
    """Who has an address, and how a message calls it."""

    path: str
    host: str
    whose: str


def check_host(bridges: Sequence[Bridge], instances: Sequence[Instance], faults: Faults) -> None:
    """Everything that clashes on one host."""
    _check_devices(bridges, instances, faults)
    _check_uplinks(bridges, instances, faults)
    _check_subnets(bridges, faults)
    _check_ports(bridges, instances, faults)
    _check_interfaces(instances, faults)
    _check_segments([(bridges, instances)], faults)


def check_shared(hosts: Sequence[Members], faults: Faults) -> None:
    """What clashes on a network that reaches from host to host: that of a bridge which takes over its uplink."""
    shared: dict[str, list[Members]] = {}
    for bridges, instances in hosts:
        for bridge in bridges:
            if bridge.takes_uplink:
                own = [instance for instance in instances if instance.bridge is bridge]
                shared.setdefault(bridge.name, []).append(([bridge], own))
    for _name, members in sorted(shared.items()):
        _check_segments(members, faults)


def _check_devices(bridges: Iterable[Bridge], instances: Iterable[Instance], faults: Faults) -> None:
    holders: dict[str, Bridge | Instance] = {}
    everything: list[Bridge | Instance] = [*bridges, *instances]
    for one in everything:
        other = holders.setdefault(one.device, one)
        if other is not one:
            text = f"{one.device} is already the device of {other.path}; give one of them another device"
            faults.add(f"{one.path}.device", text)


def _check_uplinks(bridges: Sequence[Bridge], instances: Iterable[Instance], faults: Faults) -> None:
    """A device that becomes a port carries nothing else any more: neither another bridge nor another's routes."""
    ports = {instance.device: instance for instance in instances}
    taken: dict[str, Bridge] = {}
    for bridge in bridges:
        if bridge.takes_uplink and bridge.uplink is not None:
            taken.setdefault(bridge.uplink, bridge)
    for bridge in bridges:
        if bridge.uplink is None:
            continue
        owner = taken.get(bridge.uplink, bridge)
        if owner is not bridge:
            text = f"{bridge.uplink} is already a port of {owner.path}"
            cure = (
                "a device is a port of one bridge"
                if bridge.takes_uplink
                else f"name {owner.device}, the bridge it is in"
            )
            faults.add(f"{bridge.path}.uplink", f"{text}; {cure}")
        if bridge.uplink in ports:
            text = f"{bridge.uplink} is the port of {ports[bridge.uplink].path}; name the device that leads outside"
            faults.add(f"{bridge.path}.uplink", text)


def _check_subnets(bridges: Iterable[Bridge], faults: Faults) -> None:
    """Sorted by their first address, subnets overlap with one that came before, or with none."""
    by_address = sorted(((subnet, bridge) for bridge in bridges for subnet in bridge.subnets), key=lambda pair: pair[0])
    widest: tuple[IPNetwork, Bridge] | None = None
    for subnet, bridge in by_address:
        if widest is not None and subnet in widest[0]:
            if bridge is not widest[1]:
                text = f"{subnet} overlaps with {widest[0]} of {widest[1].path} on {bridge.host}; choose another subnet"
                faults.add(f"{bridge.path}.{_origin(bridge, subnet)}", text)
        else:
            widest = (subnet, bridge)


def _origin(bridge: Bridge, subnet: IPNetwork) -> str:
    return "addresses" if any(address.subnet == subnet for address in bridge.addresses) else "subnets"


def _check_ports(bridges: Iterable[Bridge], instances: Iterable[Instance], faults: Faults) -> None:
    ports: dict[str, int] = {bridge.name: int(bridge.takes_uplink) for bridge in bridges}
    for instance in instances:
        ports[instance.bridge.name] += 1
    for bridge in bridges:
        if ports[bridge.name] > MAX_PORTS:
            count = f"has {ports[bridge.name]} ports on {bridge.host}"
            faults.add(bridge.path, f"{count}, and the kernel allows {MAX_PORTS}; use a second bridge")


def _check_interfaces(instances: Iterable[Instance], faults: Faults) -> None:
    """Containers may share a namespace, but neither an interface nor a default gateway in it."""
    interfaces: dict[tuple[str, str], Instance] = {}
    gateways: dict[tuple[str, int], Instance] = {}
    for instance in instances:
        if not isinstance(instance.port, Veth):
            continue
        namespace = instance.port.namespace
        other = interfaces.setdefault((namespace, instance.port.interface), instance)
        if other is not instance:
            text = f"{instance.port.interface} in {namespace} is already that of {other.path}; choose another name"
            faults.add(f"{instance.path}.interface", text)
        for gateway in instance.gateways:
            other = gateways.setdefault((namespace, gateway.version), instance)
            if other is not instance:
                text = f"{gateway} would be the second default gateway in {namespace} ({other.path}); set gateways: []"
                faults.add(f"{instance.path}.gateways", text)


def _check_segments(members: Sequence[Members], faults: Faults) -> None:
    """No address and no MAC address twice where they would meet. The hosts' own come first, then the gateways."""
    addresses: dict[Place, Holder] = {}
    macs: dict[str, Holder] = {}
    bridges = [bridge for some, _instances in members for bridge in some]
    for bridge in bridges:
        holder = Holder(bridge.path, bridge.host, f"{bridge.host}'s own")
        _claim_mac(bridge.mac, holder, macs, faults)
        for address in bridge.addresses:
            _claim((bridge.name, bridge.vlan, address.ip), address.subnet, holder, addresses, faults)
    for bridge in bridges:
        for gateway in bridge.gateways:
            holder = Holder(bridge.path, bridge.host, "the gateway's")
            addresses.setdefault((bridge.name, bridge.vlan, gateway), holder)
    for instance in (instance for _bridges, some in members for instance in some):
        holder = Holder(instance.path, instance.bridge.host, f"{instance.name}'s")
        _claim_mac(instance.mac, holder, macs, faults)
        for address in instance.addresses:
            _claim((instance.bridge.name, instance.vlan, address.ip), address.subnet, holder, addresses, faults)


def _claim(
    place: Place, subnet: IPNetwork | None, holder: Holder, holders: dict[Place, Holder], faults: Faults
) -> None:
    other = holders.setdefault(place, holder)
    if other != holder:
        cure = f"choose another address of {subnet} or move it"
        text = f"{place[2]} is already {other.whose} ({other.path}); {cure}"
        faults.add(f"{holder.path}.addresses", text)


def _claim_mac(mac: str | None, holder: Holder, holders: dict[str, Holder], faults: Faults) -> None:
    if mac is not None and holders.setdefault(mac, holder) != holder:
        text = f"{mac} is already {holders[mac].whose} ({holders[mac].path}); give one of them another mac"
        faults.add(f"{holder.path}.mac", text)
