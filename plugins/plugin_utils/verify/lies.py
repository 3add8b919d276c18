# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lies that an instance must not get away with: another's IP address, another's MAC address, in packets and in ARP.

What is claimed belongs to nobody, so that a host without protection is not harmed by being checked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import LIES, Check, Probe

if TYPE_CHECKING:
    from netaddr import IPAddress, IPNetwork

# Kept for documentation, so in nobody's use.
_NOBODY = {4: "192.0.2.254", 6: "2001:db8:ffff:ffff::fe"}


def lies(instance: Instance, seen_at: Probe, used: Set[IPAddress]) -> Iterator[Check]:
    """The lies of one instance, looked for at another place on its link. used: the addresses that somebody has."""
    for family in (4, 6):
        truth = _truth(instance, family)
        if truth is None:
            continue
        common = {**_sender(instance), "kind": "spoof", "source": str(truth), "seen_at": seen_at}
        common["address"] = str(_destination(instance, family))
        for lie in _claims(instance, family, used):
            yield Check(instance.name, LIES, {**common, **lie})


def _claims(instance: Instance, family: int, used: Set[IPAddress]) -> Iterator[Probe]:
    if not _may_use_any(instance):
        claimed = str(_unused(instance, family, used))
        yield {"frame": "echo", "claimed_source": claimed}
        yield {"frame": "announce", "claimed_source": claimed}
    claimed_mac = names.derived_mac("lie", instance.name)
    yield {"frame": "echo", "claimed_mac": claimed_mac}
    if family == 4:
        # Without an address, so that it stays out of the neighbour tables of a host that lets it through.
        yield {"frame": "announce", "claimed_source": "0.0.0.0", "claimed_mac": claimed_mac}


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
        return addresses.ip(_NOBODY[family])
    own = [address.ip for address in instance.addresses]
    allowed = [prefix[-2] if prefix.size > 2 else prefix[-1] for prefix in instance.allowed]
    return next((address for address in [*own, *allowed] if address.version == family), None)


def _destination(instance: Instance, family: int) -> IPAddress:
    known = [*(address.ip for address in instance.bridge.addresses), *instance.gateways]
    return next((address for address in known if address.version == family), addresses.ip(_NOBODY[family]))


def _unused(instance: Instance, family: int, used: Set[IPAddress]) -> IPAddress:
    """An address beside the instance's that nobody has, and that it may not use."""
    for subnet in (address.subnet for address in instance.addresses if address.family == family):
        if subnet is not None:
            for candidate in _from_the_end(subnet):
                if candidate not in used and addresses.holding(candidate, instance.allowed) is None:
                    return candidate
    return addresses.ip(_NOBODY[family])


def _from_the_end(subnet: IPNetwork) -> Iterable[IPAddress]:
    """Addresses that a device could have, the last ones first."""
    return (subnet[-number] for number in range(2, min(int(subnet.size), 258)))
