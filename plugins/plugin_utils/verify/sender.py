# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a probe is sent from an instance: out of a container's namespace, or in the place of a VM at its port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import holding
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import Probe

if TYPE_CHECKING:
    from netaddr import IPAddress


def is_on_link(instance: Instance, address: IPAddress) -> bool:
    return holding(address, [own.subnet for own in instance.addresses if own.subnet is not None]) is not None


def own_address(instance: Instance, target: IPAddress) -> IPAddress | None:
    """The instance's address for this target: one of the target's subnet, else its first of that family."""
    same_family = [own for own in instance.addresses if own.family == target.version]
    near = [own.ip for own in same_family if own.subnet is not None and target in own.subnet]
    return next(iter([*near, *(own.ip for own in same_family)]), None)


def has_gateway(instance: Instance, target: IPAddress) -> bool:
    return any(gateway.version == target.version for gateway in instance.gateways)


def next_hop(instance: Instance, target: IPAddress) -> IPAddress | None:
    """Who takes a packet from the instance to a target off its link: its gateway, else the host's address there."""
    hosts = [address.ip for address in instance.bridge.addresses if is_on_link(instance, address.ip)]
    return next((hop for hop in [*instance.gateways, *hosts] if hop.version == target.version), None)


def sent_by(instance: Instance, kind: str, target: IPAddress) -> Probe | None:
    """The beginning of a probe from an instance to a target; None when the instance has no address or way for it.

    A container without a gateway would not even try; its part is taken at its port, as that of a VM.
    """
    source = own_address(instance, target)
    if source is None:
        return None
    needs_no_hop = kind == "arp" or is_on_link(instance, target)
    probe: Probe = {"kind": kind, "address": str(target), "source": str(source)}
    if isinstance(instance.port, Veth) and (needs_no_hop or has_gateway(instance, target)):
        probe["namespace"] = instance.port.namespace
        return {**probe, "interface": instance.port.interface} if kind == "arp" else probe
    probe |= {"interface": instance.device, "as_guest": True, "mac": instance.mac}
    if needs_no_hop:
        return probe
    hop = next_hop(instance, target)
    return None if hop is None else {**probe, "via": str(hop)}
