# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes that would cut the connection they come in by. Pure.

What carries a connection is its address, the link that has it, and all that this link cannot do without: the device it
stands on, its VRF, its other end, and the ports behind a bridge. And its answers must find their way back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from .changes import ADD, REMOVE, REPLACE, Change, causes
from .connection import Connection
from .fallout import Fallout
from .kinds.address import Address
from .kinds.base import HOST, Key, Resource, because, link_key, value_fields
from .kinds.link import Link
from .kinds.ovs_port import OvsPort
from .kinds.uplink import Uplink
from .routing import Routing
from .values import host_part

# What hangs on a bridge for guests and containers; a host is not reached through them where there is anything else.
_INWARD = ("tap", "veth")


def cuts(
    connection: Connection,
    changes: Sequence[Change],
    before: Mapping[Key, Resource],
    wanted: Mapping[Key, Resource],
    consequences: Fallout,
) -> list[str]:
    """The reasons against these changes, one for each that would cut the connection."""
    if not changes:
        return []
    return _Guard(connection, changes, before, wanted, consequences).reasons()


class _Guard:
    """after: the objects as they are once the changes are made. moves: the devices of the host that uplinks empty, each
    with the one that gets what they have. known: what has been found out about links. path: the links being asked
    about."""

    def __init__(
        self,
        connection: Connection,
        changes: Sequence[Change],
        before: Mapping[Key, Resource],
        wanted: Mapping[Key, Resource],
        consequences: Fallout,
    ) -> None:
        self.connection = connection
        self.before = before
        self.changes = {change.key: change for change in changes}
        self.gone = consequences.gone
        uplinks = [(c.resource, c.seen) for c in changes if isinstance(c.resource, Uplink)]
        self.moved = {key: new for uplink, seen in uplinks for key, new in uplink.moved(seen).items()}
        self.moves: dict[str, str] = {}
        for uplink, seen in uplinks:
            self.moves.update(uplink.moves(seen) if uplink.namespace == HOST else {})
        self.after = self._outcome(wanted, consequences)
        self.known: dict[Key, list[Key]] = {}
        self.path: set[Key] = set()

    def reasons(self) -> list[str]:
        found: dict[str, None] = {}
        for carrier in self._carriers():
            for text in (*self._cut_below(carrier), *self._cut_off(carrier)):
                found[
                    f"the plan would cut this connection, which comes in by {carrier.address} on {carrier.link}: "
                    f"{text}; set protect_connection: false if this is meant"
                ] = None
        return list(found)

    def _outcome(self, wanted: Mapping[Key, Resource], consequences: Fallout) -> dict[Key, Resource]:
        left = {
            key: seen
            for key, seen in consequences.applied(self.before).items()
            if self._action(key) not in (REMOVE, REPLACE) and key not in self.moved
        }
        left.update((new.key, new) for new in self.moved.values())
        for key, want in wanted.items():
            left[key] = _merged(want, left[key]) if key in left else want
        return left

    def _carriers(self) -> list[Address]:
        return [
            seen
            for seen in self.before.values()
            if isinstance(seen, Address)
            and seen.namespace == HOST
            and host_part(seen.address) == self.connection.address
            and self.connection.link in ("", seen.link)
        ]

    def _cut_below(self, carrier: Address) -> list[str]:
        """The address goes, be it for a moment, or what it stands on does."""
        if carrier.key in self.moved:
            return []
        lost = [carrier.key] if self._is_lost(carrier.key) else []
        lost += self._failing(link_key(HOST, carrier.link))
        return [self._named(change) for key in lost for change in self._behind(key)]

    def _cut_off(self, carrier: Address) -> list[str]:
        """Answers no longer find their way back, or leave by another device."""
        peer = self.connection.peer
        if not peer or self.connection.link or self._is_own(peer):
            return []
        old, new = Routing(self.before), Routing(self.after)
        home = getattr(self.moved.get(carrier.key), "link", carrier.link)
        was, will = old.decision(self.connection, carrier.link), new.decision(self.connection, home)
        leaving, left = old.devices(was), new.devices(will)
        if not leaving:
            return []
        if left & (leaving | {self.moves.get(device, device) for device in leaving}):
            failing = [self._failing(link_key(HOST, device)) for device in leaving if device not in self.moves]
            lost = [key for keys in failing for key in keys] if failing and all(failing) else []
            return [self._named(change) for key in lost for change in self._behind(key)]
        after = f"answers to {peer} would leave by {_either(left)}, not by {_either(leaving)}"
        after = after if left else f"nothing would lead back to {peer}"
        blamed = [change for part in (*will, *was) for change in self._behind(part.key)]
        return [f"{self._named(change)}, and {after}" for change in blamed[:1]] or [after]

    def _failing(self, key: Key) -> list[Key]:
        """The objects whose changes leave a link without packets, or cut it off for a moment."""
        if key not in self.known:
            self.path.add(key)
            self.known[key] = self._asked(key)
            self.path.discard(key)
        return self.known[key]

    def _asked(self, key: Key) -> list[Key]:
        old, new = self.before.get(key), self.after.get(key)
        if not isinstance(old, Link):
            return []
        if self._is_lost(key) or not isinstance(new, Link) or (old.up and new.up is False):
            return [key]
        if (new.master or "") != (old.master or "") and not self._is_moved(key):
            return [key] if key in self.changes else [link_key(old.namespace, str(old.master))]
        plugged = ("ovs_port", old.namespace, old.name)
        made_by_switch = getattr(self.before.get(plugged), "type", None) == "internal"
        if (made_by_switch and self._is_lost(plugged)) or (self._action(plugged) == ADD and not self._is_moved(key)):
            return [plugged]
        below = (self._failing(other) for other in self._below(old) if other not in self.path)
        return next(filter(None, below), None) or self._shut(old)

    def _below(self, link: Link) -> list[Key]:
        """What a link cannot do without: what it stands on, its VRF, its other end and the bridge of that."""
        found = [key for key in link.parents() if key[0] == "link"]
        master = self.before.get(link_key(link.namespace, str(link.master)))
        if isinstance(master, Link) and master.type == "vrf":
            found.append(master.key)
        peer = self.before.get(link_key(*link.peer)) if link.type == "veth" and link.peer else None
        if isinstance(peer, Link):
            found += [peer.key, *([link_key(peer.namespace, peer.master)] if peer.master else [])]
        return found

    def _shut(self, link: Link) -> list[Key]:
        """Behind a bridge, what closes all the ports that it can be reached by."""
        ports = [key for key in self._ports(link) if key not in self.path]
        outward = [key for key in ports if getattr(self.before.get(key), "type", None) not in _INWARD]
        failing = [self._closing(key) for key in outward or ports]
        return [key for keys in failing for key in keys] if failing and all(failing) else []

    def _closing(self, key: Key) -> list[Key]:
        plugged = ("ovs_port", HOST, key[2])
        if key[1] == HOST and plugged in self.before and self._is_lost(plugged):
            return [plugged]
        return self._failing(key)

    def _ports(self, link: Link) -> list[Key]:
        """The links that are ports of this one, or of the switch that it, or its other end, is a port of."""
        inside = [link.name, *([link.peer[1]] if link.peer and link.peer[0] == HOST else [])]
        switches = {
            port.bridge
            for port in (self.before.get(("ovs_port", HOST, name)) for name in inside)
            if isinstance(port, OvsPort) and (port.type == "internal" or port.name != link.name)
        }
        found = []
        for key, other in self.before.items():
            if isinstance(other, OvsPort) and other.bridge in switches and other.name not in inside:
                found += [link_key(HOST, other.name)] if other.type == "system" else []
            elif isinstance(other, Link) and (other.namespace, other.master) == (link.namespace, link.name):
                found += [key] if link.type != "vrf" else []
        return found

    def _is_lost(self, key: Key) -> bool:
        """Whether an object goes, be it that it is made again."""
        return key in self.gone or self._action(key) in (REMOVE, REPLACE)

    def _is_moved(self, key: Key) -> bool:
        """Whether a link of the host is made a port, or freed, together with all that it has."""
        return key[1] == HOST and any(
            isinstance(change.resource, Uplink) and change.key[1:] == key[1:] for change in self.changes.values()
        )

    def _is_own(self, address: str) -> bool:
        return any(isinstance(seen, Address) and host_part(seen.address) == address for seen in self.before.values())

    def _action(self, key: Key) -> str | None:
        change = self.changes.get(key)
        return change.action if change is not None else None

    def _behind(self, key: Key) -> list[Change]:
        added = self.changes.get(key)
        found = [self.changes[cause] for cause in causes(key, self.gone, self.changes)]
        return found or ([added] if added is not None else [])

    @staticmethod
    def _named(change: Change) -> str:
        kind = change.resource.kind
        return f"{change.action} {kind} {change.resource.title}{because(change.resource)}"


def _merged(want: Resource, seen: Resource) -> Resource:
    """What is declared, and of what is not, what is there."""
    left_open = [name for name, _spec in value_fields(type(want)) if getattr(want, name) is None]
    return replace(want, **{name: getattr(seen, name) for name in left_open})


def _either(devices: Collection[str]) -> str:
    return " or ".join(sorted(devices))
