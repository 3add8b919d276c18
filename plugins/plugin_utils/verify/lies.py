# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lies that an instance must not get away with: another's IP address, another's MAC address, in packets and in ARP.

What is claimed belongs to nobody, so that a host without protection is not harmed by being checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import LIES, Check, Probe

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

# Kept for documentation, so in nobody's use.
_NOBODY = {4: "192.0.2.254", 6: "2001:db8:ffff:ffff::fe"}


@dataclass(frozen=True)
class Lie:
    """One IP version of a liar: an address it may send from, where to, and an address that is not its own.

    claimed: None where it may use any address. echoes: whether it may send echo requests there at all.
    """

    truth: IPAddress
    destination: IPAddress
    claimed: IPAddress | None
    echoes: bool = True


def told(name: str, sender: Probe, seen_at: Probe, lies: Iterable[Lie]) -> Iterator[Check]:
    """The checks of one instance's lies. sender: how frames are sent as it. seen_at: where they would be seen."""
    for lie in lies:
        common = {**sender, "kind": "spoof", "source": str(lie.truth), "seen_at": seen_at}
        common["address"] = str(lie.destination)
        for claim in _claims(name, lie):
            if lie.echoes or claim["frame"] != "echo":
                yield Check(name, LIES, {**common, **claim})


def _claims(name: str, lie: Lie) -> Iterator[Probe]:
    if lie.claimed is not None:
        yield {"frame": "echo", "claimed_source": str(lie.claimed)}
        yield {"frame": "announce", "claimed_source": str(lie.claimed)}
    claimed_mac = names.derived_mac("lie", name)
    yield {"frame": "echo", "claimed_mac": claimed_mac}
    if lie.truth.version == 4:
        # Without an address, so that it stays out of the neighbour tables of a host that lets it through.
        yield {"frame": "announce", "claimed_source": "0.0.0.0", "claimed_mac": claimed_mac}


def lies(instance: Instance, seen_at: Probe, used: Set[IPAddress]) -> Iterator[Check]:
    """The lies of one instance on a bridge, looked for at another place on its link. used: what somebody has."""
    found = (_lie(instance, family, used) for family in (4, 6))
    yield from told(instance.name, _sender(instance), seen_at, [lie for lie in found if lie is not None])


def unused(subnet: IPNetwork | None, used: Set[IPAddress], allowed: Iterable[IPNetwork]) -> IPAddress | None:
    """An address of a subnet that nobody has, and that is not allowed either: one of the last."""
    taken = tuple(allowed)
    for candidate in () if subnet is None else _from_the_end(subnet):
        if candidate not in used and addresses.holding(candidate, taken) is None:
            return candidate
    return None


def nobodys(family: int) -> IPAddress:
    return addresses.ip(_NOBODY[family])


def _lie(instance: Instance, family: int, used: Set[IPAddress]) -> Lie | None:
    truth = _truth(instance, family)
    if truth is None:
        return None
    claimed = None if _may_use_any(instance) else _unused(instance, family, used)
    return Lie(truth, _destination(instance, family), claimed)


def _sender(instance: Instance) -> Probe:
    if isinstance(instance.port, Veth):
        return {"namespace": instance.port.namespace, "interface": instance.port.interface, "mac": instance.mac}
    return {"interface": instance.device, "as_guest": True, "mac": instance.mac}


def _may_use_any(instance: Instance) -> bool:
    """Whether anti-spoofing leaves the instance's IP addresses alone, because nobody has declared them."""
    return not instance.addresses and not instance.allowed


def _truth(instance: Instance, family: int) -> IPAddress | None:
    """An address that the instance may send from."""
    if _may_use_any(instance):
        return nobodys(family)
    own = [address.ip for address in instance.addresses]
    allowed = [prefix[-2] if prefix.size > 2 else prefix[-1] for prefix in instance.allowed]
    return next((address for address in [*own, *allowed] if address.version == family), None)


def _destination(instance: Instance, family: int) -> IPAddress:
    known = [*(address.ip for address in instance.bridge.addresses), *instance.gateways]
    return next((address for address in known if address.version == family), nobodys(family))


def _unused(instance: Instance, family: int, used: Set[IPAddress]) -> IPAddress:
    """An address beside the instance's that nobody has, and that it may not use."""
    subnets = (address.subnet for address in instance.addresses if address.family == family)
    found = (unused(subnet, used, instance.allowed) for subnet in subnets)
    return next((address for address in found if address is not None), nobodys(family))


def _from_the_end(subnet: IPNetwork) -> Iterable[IPAddress]:
    """Addresses that a device could have, the last ones first."""
    return (subnet[-number] for number in range(2, min(int(subnet.size), 258)))
