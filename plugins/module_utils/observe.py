# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the host to the objects on it: bulk reads per namespace, and what the kinds make of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from . import ovsdb
from .document import restored
from .errors import DocumentError, StepFailed
from .host import Host, NamespaceGone
from .kinds.base import HOST, Key, Reading, Resource, key_fields, required_fields
from .kinds.fdb import Fdb, tunnel_remotes
from .kinds.link import Link, joined
from .kinds.meter import Meter
from .kinds.nft_table import NftTable, Parts, full_name, tables
from .kinds.offload import Offload
from .kinds.openflow import OpenFlow
from .kinds.registry import KINDS
from .kinds.sysctl import Sysctl
from .kinds.uplink import Uplink
from .ledger import Ledger
from .plan import World

_IP_LINES = {
    "links": ("addr show",),
    "routes": ("route show table all",),
    "neighbours": ("neigh show nud permanent", "neigh show proxy"),
    "stations": ("neigh show",),
}
ALL_READS = frozenset(
    ("links", "routes", "rules", "neighbours", "stations", "fdb", "vlans", "nft", "sysctls", "offloads", "ovs")
)
_OURS = "hostnet."
# The kernel takes 1024 chains at one hook.
_TABLES_AT_ONCE = 100
# So many processes are at work while the answers of another are looked at.
_AHEAD = 2

# Objects by the namespace they are in and their kind.
Places = Mapping[tuple[str, type[Resource]], Sequence[Resource]]


@dataclass(frozen=True)
class _Asked:
    """A namespace that is being read: ``names`` are the parts of its reading that ``ip`` will have answered."""

    namespace: str
    reads: Collection[str]
    names: Sequence[str]
    answers: Callable[[], list[list[dict[str, Any]]]]


@dataclass
class Observer:
    """Reads a host, namespace by namespace, and remembers what it read.

    owned_only: leave out the nft tables of others, which no document can clash with. check: take a host without Open
    vSwitch for one with an empty switch, which is what it will be once Open vSwitch is installed and runs.
    """

    host: Host
    ledger: Ledger
    owners: Mapping[int, str]
    wanted: Mapping[Key, Resource]
    owned_only: bool = True
    check: bool = False
    readings: dict[str, Reading] = field(default_factory=dict)
    # The objects of each namespace as it was read last.
    _seen: dict[str, list[Resource]] = field(default_factory=dict, init=False)

    def read(self, namespaces: Iterable[str], reads: Mapping[str, set[str]]) -> None:
        """Read these namespaces again: what ``reads`` names for each, everything where it names nothing."""
        declared = self._declared()
        waiting: deque[_Asked] = deque()
        for namespace in namespaces:
            self._seen.pop(namespace, None)
            asked = self._ask(namespace, reads.get(namespace) or ALL_READS, declared)
            if asked is not None:
                waiting.append(asked)
            if len(waiting) > _AHEAD:
                self._fill(waiting.popleft(), declared)
        for asked in waiting:
            self._fill(asked, declared)

    def world(self) -> World:
        objects: dict[Key, Resource] = {}
        links: list[Link] = []
        declared = self._declared()
        for namespace, reading in self.readings.items():
            if namespace not in self._seen:
                kinds = (cls.observe(reading, declared.get((namespace, cls), ())) for cls in KINDS)
                self._seen[namespace] = [resource for found in kinds for resource in found]
            for resource in self._seen[namespace]:
                if isinstance(resource, Link):
                    links.append(resource)
                else:
                    objects.setdefault(resource.key, resource)
        for link in joined(links):
            objects[link.key] = link
        return World(objects, self._to_give_back(), self._unknown_sysctls(objects))

    def _unknown_sysctls(self, objects: Mapping[Key, Resource]) -> list[Key]:
        """Declared, and not there, although nothing that it belongs to is still to be made."""
        return [
            key
            for key, want in self.wanted.items()
            if isinstance(want, Sysctl) and key not in objects and all(parent in objects for parent in want.parents())
        ]

    def restorable(self) -> dict[Key, Resource]:
        """Objects of others that this scope has changed, with their earlier values."""
        kinds = {cls.kind: cls for cls in KINDS}
        found = (restored(kinds[b.kind], b.namespace, b.fields, self.ledger.scope) for b in self.ledger.before)
        return {resource.key: resource for resource in found}

    def _to_give_back(self) -> dict[Key, Resource]:
        """Of what this scope has changed, what no other scope declares as well: the last one gives it back."""
        kinds = {cls.kind: cls for cls in KINDS}
        held: dict[Key, set[str]] = {}
        for entry in self.ledger.held:
            held.setdefault(entry.identity(key_fields(kinds[entry.kind])), set()).update(entry.fields)
        found: dict[Key, Resource] = {}
        for entry in self.ledger.before:
            cls = kinds[entry.kind]
            naming = {*key_fields(cls), "type"}
            shared = held.get(entry.identity(key_fields(cls)), set()) - naming
            left = {name: value for name, value in entry.fields.items() if name not in shared}
            if set(left) - naming and not shared & set(required_fields(cls)):
                resource = restored(cls, entry.namespace, left, self.ledger.scope)
                found[resource.key] = resource
        return found

    def _declared(self) -> Places:
        """What is to be compared with the host: the declared objects, and those to give back."""
        found: dict[tuple[str, type[Resource]], list[Resource]] = {}
        for resource in (*self.wanted.values(), *self.restorable().values()):
            found.setdefault((resource.namespace, type(resource)), []).append(resource)
        return found

    def _ask(self, namespace: str, reads: Collection[str], declared: Places) -> _Asked | None:
        """Begin to read a namespace, if it is there."""
        try:
            if self.host.has_namespace(namespace):
                names = [name for name in _IP_LINES if name in reads]
                if "stations" in names and not declared.get((namespace, Uplink)):
                    names.remove("stations")
                lines = [line for name in names for line in _IP_LINES[name]]
                return _Asked(namespace, reads, names, self.host.ask_ip(namespace, lines) if names else list)
        except NamespaceGone:
            pass
        self.readings.pop(namespace, None)
        return None

    def _fill(self, asked: _Asked, declared: Places) -> None:
        reading = self.readings.setdefault(asked.namespace, Reading(asked.namespace))
        reading.owners, reading.scope = self.owners, self.ledger.scope
        reading.pending, reading.address_owner = self.ledger.pending, self.ledger.address_owner
        reading.groups, reading.meter_numbers = self.ledger.groups, self.ledger.meters
        answers = iter(asked.answers())
        for name in asked.names:
            setattr(reading, name, [entry for _line in _IP_LINES[name] for entry in next(answers, [])])
        try:
            self._fill_rest(reading, asked.reads, declared)
        except NamespaceGone:
            del self.readings[asked.namespace]

    def _fill_rest(self, reading: Reading, reads: Collection[str], declared: Places) -> None:
        """What is read without ``ip``."""
        namespace = reading.namespace
        if "rules" in reads:
            reading.rules = self.host.rules(namespace)
        if "vlans" in reads and self._needs_vlans(declared.get((namespace, Link), ())):
            reading.vlans = self.host.bridge_table("vlan", namespace)
        if "fdb" in reads:
            reading.fdb = self.host.bridge_table("fdb", namespace) if self._needs_fdb(reading, declared) else []
        if "nft" in reads:
            reading.nft = self.host.nft_list(namespace, _OURS if self.owned_only else "")
        if "sysctls" in reads:
            sysctls = dict.fromkeys(resource.key[2] for resource in declared.get((namespace, Sysctl), ()))
            reading.sysctls = self.host.read_sysctls(namespace, sysctls)
        if "offloads" in reads:
            devices = dict.fromkeys(resource.key[2] for resource in declared.get((namespace, Offload), ()))
            reading.offloads = self.host.read_tx_checksums(namespace, devices) if devices else {}
        if "ovs" in reads and namespace == HOST and self._needs_ovs():
            reading.ovs = ovsdb.decode(self.host.ovs_vsctl(ovsdb.list_words()))
            there = [row["name"] for row in reading.ovs.get("Bridge", ()) if self.host.has_management(row["name"])]
            reading.flows = {bridge: self.host.dump_flows(bridge) for bridge in self._needed(OpenFlow.kind, there)}
            reading.meters = {bridge: self.host.meters(bridge) for bridge in self._needed(Meter.kind, there)}

    def _needs_vlans(self, links: Iterable[Resource]) -> bool:
        return not self.owned_only or any(isinstance(link, Link) and link.vlans is not None for link in links)

    def _needs_fdb(self, reading: Reading, declared: Places) -> bool:
        """Where a tunnel is ours, or is to have declared entries."""
        tunnels = tunnel_remotes(reading)
        named = {entry.key[2] for entry in declared.get((reading.namespace, Fdb), ())}
        return any(
            not self.owned_only or owner == self.ledger.scope or link in named
            for link, (owner, _remote) in tunnels.items()
        )

    def _needs_ovs(self) -> bool:
        if self.check and not self.host.answers_for_ovs():
            return False
        kinds = ("ovs_bridge", "ovs_port", OpenFlow.kind, Meter.kind)
        return self.host.has_ovs() or any(key[0] in kinds for key in self.wanted)

    def _needed(self, kind: str, bridges: Sequence[str]) -> list[str]:
        """The bridges on which objects of a kind are declared or ours; all, where nobody knows what is ours."""
        known = {key[2] for key in (*self.wanted, *self.ledger.groups, *self.ledger.meters) if key[0] == kind}
        return [bridge for bridge in bridges if bridge in known or not (self.ledger.known and self.owned_only)]


def with_normal_forms(objects: Mapping[Key, Resource], world: World, host: Host, scope: str) -> dict[Key, Resource]:
    """The declared objects, their nft tables with the normal form that the kernel gives them.

    :raises DocumentError: when nft does not take a table.
    """
    loader = _Loader(host, scope)
    result = dict(objects)
    faults = []
    declared = [table for table in objects.values() if isinstance(table, NftTable)]
    there = {key: seen.parts or {} for key, seen in world.objects.items() if isinstance(seen, NftTable)}
    asked = {table.key: table.abridged(there.get(table.key, {})) for table in declared}
    loader.learn(asked.values())
    for table in declared:
        key, have = table.key, there.get(table.key, {})
        try:
            parts = table.unabridged(loader.parts(asked[key]), have)
            result[key] = replace(table, parts=loader.parts(table) if parts is None else parts)
        except StepFailed as error:
            origin = f" ({table.because})" if table.because else ""
            faults.append(f"nft table {table.namespace or 'host'} {table.title}{origin}: nft refuses it: {error}")
    if faults:
        raise DocumentError(faults)
    return result


class _Loader:
    """Asks the kernel for the normal form of tables, once for each text."""

    def __init__(self, host: Host, scope: str) -> None:
        self._host = host
        self._scope = scope
        self._known: dict[str, Parts] = {}

    def learn(self, wanted: Iterable[NftTable]) -> None:
        """Ask for many tables at once. Where nft refuses one of them, or makes others of them, each is left to be
        asked for by itself."""
        texts = {table.text(full_name(self._scope, table.name)): table for table in wanted}
        listed = list(texts.items())
        for first in range(0, len(listed), _TABLES_AT_ONCE):
            some = {f"t{number}": entry for number, entry in enumerate(listed[first : first + _TABLES_AT_ONCE])}
            try:
                answer = self._host.nft_normal_form("".join(table.text(name) for name, (_text, table) in some.items()))
            except StepFailed:
                continue
            found = tables(answer)
            if set(found) != {(table.family, name) for name, (_text, table) in some.items()}:
                continue
            self._known.update((text, found[(table.family, name)]) for name, (text, table) in some.items())

    def parts(self, table: NftTable) -> Parts:
        """:raises StepFailed: when nft does not take the table."""
        name = full_name(self._scope, table.name)
        text = table.text(name)
        if text not in self._known:
            found = tables(self._host.nft_normal_form(text))
            if set(found) != {(table.family, name)}:
                raise StepFailed("the text is to be the inside of one table, and makes others, too")
            self._known[text] = found[(table.family, name)]
        return self._known[text]


def identity(resource: Resource) -> dict[str, object]:
    """The fields that name an object, for the ledger."""
    return {name: getattr(resource, name) for name in key_fields(type(resource))}
