# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have put on our objects, and would lose with them. Pure.

The kernel takes it along in silence, so that a plan that would cause it is refused. What the kernel, a router
advertisement or a routing protocol has put there is no casualty: it comes and goes with the object.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_interface

from .changes import CHANGE, REMOVE, REPLACE, Change, causes
from .fallout import Fallout
from .kinds.address import Address
from .kinds.base import HOST, Key, Mark, Resource, link_key, reason
from .kinds.link import Link
from .kinds.neighbour import Neighbour
from .kinds.ovs_port import OvsPort
from .kinds.route import Route
from .kinds.uplink import Uplink

# Routes that somebody has configured, by their protocol number: unspecified, boot, static, dhcp.
_CONFIGURED = (0, 3, 4, 16)
_NAMED_AT_MOST = 6
_DOING = {REMOVE: "removing it", REPLACE: "replacing it", CHANGE: "changing it"}


def casualties(
    changes: Sequence[Change],
    objects: Mapping[Key, Resource],
    wanted: Mapping[Key, Resource],
    consequences: Fallout,
    mark: Mark,
) -> list[str]:
    """The reasons against these changes, one for each change that would take along, or cut off, what is of others."""
    by_key = {change.key: change for change in changes}
    going = {change.key for change in changes if change.action in (REMOVE, REPLACE)}
    spared = _moved(changes) | _devices_of_switch(objects, {*going, *consequences.gone}) | set(wanted) | going
    lost: dict[Key, list[Resource]] = {}
    for key in consequences.gone:
        seen = objects.get(key)
        if seen is not None and key not in spared and seen.owner != mark.scope and _is_of_somebody(seen, going):
            for cause in causes(key, consequences.gone, by_key):
                lost.setdefault(cause, []).append(seen)
    unplugged: dict[Key, list[Resource]] = {}
    for key, left in consequences.altered.items():
        seen = objects[key]
        if isinstance(seen, Link) and isinstance(left, Link) and key not in spared and seen.owner != mark.scope:
            unplugged.setdefault(link_key(seen.namespace, str(seen.master)), []).append(seen)
    reasons = []
    for cause, taken in lost.items():
        change = by_key[cause]
        text = f"{_DOING[change.action]} would take along what is not ours: {_listed(taken)}; {_cure(change)}"
        reasons.append(reason(change.resource, text))
    for cause, ports in unplugged.items():
        for root in causes(cause, consequences.gone, by_key):
            change = by_key[root]
            text = f"{_DOING[change.action]} would cut off ports that are not ours: {_listed(ports)}"
            reasons.append(reason(change.resource, f"{text}; unplug them first (ip link set dev … nomaster)"))
    return reasons


def _moved(changes: Sequence[Change]) -> set[Key]:
    """What uplinks move out of the way, and the links they are about."""
    found: set[Key] = set()
    for change in changes:
        if isinstance(change.resource, Uplink):
            found |= {*change.resource.moved(change.seen), link_key(change.resource.namespace, change.resource.link)}
    return found


def _devices_of_switch(objects: Mapping[Key, Resource], going: Collection[Key]) -> set[Key]:
    """The devices that Open vSwitch takes away itself with its ports, whichever namespace they are in."""
    ports = {key[2] for key in going if getattr(objects.get(key), "type", None) == "internal" and key[0] == "ovs_port"}
    return {key for key in objects if key[0] == "link" and key[2] in ports} if ports else set()


def _is_of_somebody(seen: Resource, going: Collection[Key]) -> bool:
    """Whether somebody has made this who is not asked. A namespace of ours is ours with all that is configured in it;
    but not with the devices of others."""
    if seen.owner is not None:
        return True
    if isinstance(seen, Link):
        paired = seen.type == "veth" and seen.peer is not None and link_key(*seen.peer) in going
        return (seen.marked or bool(seen.lower)) and not paired
    if isinstance(seen, OvsPort):
        return seen.name != seen.bridge
    if ("namespace", HOST, seen.namespace) in going:
        return False
    if isinstance(seen, Address):
        own = ip_interface(seen.address)
        learned = own.version == 6 and (own.is_link_local or seen.lifetimes is not None)
        return not learned
    return isinstance(seen, Neighbour) or (isinstance(seen, Route) and seen.protocol in _CONFIGURED)


def _listed(taken: Sequence[Resource]) -> str:
    names = []
    for seen in taken[:_NAMED_AT_MOST]:
        place = f"{seen.namespace} " if seen.namespace else ""
        owner = f" (scope {seen.owner})" if seen.owner else ""
        names.append(f"{seen.kind.replace('_', ' ')} {place}{seen.title}{owner}")
    more = len(taken) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _cure(change: Change) -> str:
    if change.action == REMOVE:
        return "move or remove that first"
    return "declare that with adopt: true, so that it is made again, or move or remove it first"
