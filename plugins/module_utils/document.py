# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host document: the raw dict that a compiler or a person wrote, parsed into typed objects, or refused as a whole.

Shape: ``scope`` and one list for each kind (``links``, ``addresses`` …). Every entry may say its ``namespace`` (the
host's own when left out), ``because`` (the intent path that caused it) and ``adopt``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import values
from .errors import DocumentError
from .flowtext import group_number
from .kinds.address import Address
from .kinds.base import HOST, Key, Resource, all_fields, link_key, required_fields
from .kinds.fdb import FLOOD, Fdb
from .kinds.link import Link
from .kinds.openflow import OpenFlow
from .kinds.ovs_port import OvsPort
from .kinds.registry import KINDS
from .kinds.route import Route
from .kinds.rule import Rule
from .kinds.uplink import Uplink

_COMMON: Mapping[str, values.Parser] = {
    "namespace": values.namespace_name,
    "because": str,
    "adopt": values.boolean,
}
IPV6_MINIMUM_MTU = 1280


@dataclass(frozen=True)
class Document:
    """What must exist on one host, by key."""

    scope: str
    objects: Mapping[Key, Resource]

    def namespaces(self) -> list[str]:
        """Every namespace an object lives in, refers to, or is; the host's own not counted."""
        named = {resource.namespace for resource in self.objects.values()}
        named |= {key[2] for key in self.objects if key[0] == "namespace"}
        return sorted(named - {""})


def parse(raw: Any) -> Document:
    """Parse a document.

    :raises DocumentError: with every fault of the document, one line each.
    """
    scope, faults = _scope(raw)
    sections = {cls.section: cls for cls in KINDS}
    for name in sorted(set(raw) - set(sections) - {"scope"}, key=str):
        faults.append(f"{name}: is not known; a document has scope, {', '.join(sections)}")
    objects: dict[Key, Resource] = {}
    for section, cls in sections.items():
        entries = raw.get(section) or []
        if not isinstance(entries, (list, tuple)):
            faults.append(f"{section}: {entries!r} is not a list")
            continue
        for index, entry in enumerate(entries):
            _collect(cls, entry, f"{section}[{index}]", objects, faults)
    if not faults:
        _add_implied(objects)
        faults += _faults_between(objects)
    if faults:
        raise DocumentError(faults)
    return Document(scope, {key: resource.completed(objects) for key, resource in objects.items()})


def scope_only(raw: Any) -> Document:
    """A document's scope with nothing in it, whatever the rest says.

    :raises DocumentError: when it has none.
    """
    scope, faults = _scope(raw)
    if faults:
        raise DocumentError(faults)
    return Document(scope, {})


def _scope(raw: Any) -> tuple[str, list[str]]:
    if not isinstance(raw, Mapping):
        raise DocumentError([f"document: {raw!r} is not a map; it needs scope and lists of objects"])
    scope = raw.get("scope")
    if isinstance(scope, str) and re.fullmatch(r"[a-z][a-z0-9_]{0,31}", scope):
        return scope, []
    return "", [f"scope: {scope!r} is no scope; use lower-case letters, digits and '_', at most 32"]


def resource_from(cls: type[Resource], raw: Any, path: str, faults: list[str]) -> Resource | None:
    """One object from its raw entry; faults are appended with the path and the intent that caused the entry."""
    if not isinstance(raw, Mapping):
        faults.append(f"{path}: {raw!r} is not a map of fields")
        return None
    because = str(raw.get("because") or "")
    origin = f" ({because})" if because else ""
    try:
        full = cls.spelled_out({name: value for name, value in raw.items() if value is not None})
    except ValueError as error:
        faults.append(f"{path}{origin}: {error}")
        return None
    given, found = _parsed(cls, full)
    if not found:
        resource = cls(**{**given, "because": because})
        found = list(resource.faults())
    for fault in found:
        field, _colon, text = fault.partition(":")
        faults.append(f"{path}.{field}{origin}:{text}")
    return None if found else resource


def _parsed(cls: type[Resource], full: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of an entry by field, and its faults as ``field: text``."""
    fields = all_fields(cls)
    given: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in full.items():
        parse = fields[name].parse if name in fields else _COMMON.get(name)
        if parse is None:
            faults.append(f"{name}: is not known; {_suggestion(name, [*_COMMON, *fields])}")
            continue
        try:
            given[name] = parse(value)
        except ValueError as error:
            faults.append(f"{name}: {error}")
    for name in required_fields(cls):
        if name not in full and name not in cls.optional_keys:
            faults.append(f"{name}: is missing; a {cls.kind.replace('_', ' ')} needs it")
    return given, faults


def _collect(cls: type[Resource], entry: Any, path: str, objects: dict[Key, Resource], faults: list[str]) -> None:
    resource = resource_from(cls, entry, path, faults)
    if resource is None:
        return
    twin = objects.get(resource.key)
    if twin is not None:
        causes = " and ".join(sorted({r.because or "no intent named" for r in (twin, resource)}))
        faults.append(f"{path}: {resource.kind} {_place(resource)} is declared twice ({causes}); declare it once")
    else:
        objects[resource.key] = resource


def _add_implied(objects: dict[Key, Resource]) -> None:
    for resource in list(objects.values()):
        for implied in resource.implied():
            objects.setdefault(implied.key, implied)


def _faults_between(objects: Mapping[Key, Resource]) -> Iterator[str]:
    """What no object can see alone."""
    holders: dict[Key, Resource] = {}
    for resource in objects.values():
        origin = f" ({resource.because})" if resource.because else ""
        for text in (*_beside(resource, objects), *_held_twice(resource, holders)):
            yield f"{resource.kind.replace('_', ' ')} {_place(resource)}{origin}: {text}"


def _beside(resource: Resource, objects: Mapping[Key, Resource]) -> Iterator[str]:
    if isinstance(resource, Link):
        yield from _link_faults(resource, objects)
    if isinstance(resource, Address) and values.family(resource.address) == 6:
        link = objects.get(link_key(resource.namespace, resource.link))
        mtu = getattr(link, "mtu", None)
        if mtu is not None and mtu < IPV6_MINIMUM_MTU:
            yield f"IPv6 needs an mtu of at least {IPV6_MINIMUM_MTU}, the link has {mtu}"
    if isinstance(resource, Route):
        for hop in resource.next_hops or ():
            if getattr(objects.get(link_key(resource.namespace, hop.dev)), "up", None) is False:
                yield f"leads over {hop.dev}, which is declared down; say up: true there"
    if isinstance(resource, Rule):
        wider = next((objects[key] for key in resource.holds() if key in objects and key != resource.key), None)
        if wider is not None:
            beside = f"{wider.title} ({wider.because})" if wider.because else wider.title
            yield (
                f"the kernel cannot tell it from rule {beside}, "
                "which selects the same and more; give them different priorities"
            )
    if isinstance(resource, Fdb):
        yield from _fdb_faults(resource, objects.get(link_key(resource.namespace, resource.link)))
    if isinstance(resource, Uplink):
        yield from _uplink_faults(resource, objects)
    named_alike = isinstance(resource, OvsPort) and resource.name != resource.bridge
    if named_alike and ("ovs_bridge", HOST, resource.title) in objects:
        yield "is called like a bridge, which has a port of that name itself; rename one of them"


def _link_faults(link: Link, objects: Mapping[Key, Resource]) -> Iterator[str]:
    if link.peer:
        other = objects[link_key(*link.peer)]
        if getattr(other, "peer", None) != (link.namespace, link.name):
            yield f"its peer {' '.join(filter(None, link.peer))} is not a veth back to it"
    master = getattr(objects.get(link_key(link.namespace, link.master or "")), "type", None)
    if master not in (None, "bridge", "vrf", "physical"):
        yield f"its master {link.master} is a {master}; name a bridge or a vrf"
    elif master == link.type == "bridge":
        yield f"a bridge cannot be a port of a bridge; join it to {link.master} by a veth"


def _uplink_faults(uplink: Uplink, objects: Mapping[Key, Resource]) -> Iterator[str]:
    if uplink.leg:
        yield from _leg_faults(uplink, objects)
    elif uplink.bridge:
        kind = getattr(objects.get(link_key(uplink.namespace, uplink.bridge)), "type", "bridge")
        if kind != "bridge":
            yield f"{uplink.bridge} is a {kind}, not a bridge"
        elif ("ovs_bridge", HOST, uplink.bridge) in objects:
            yield f"{uplink.bridge} is a bridge of Open vSwitch; name the leg that is to have the link's addresses"


def _leg_faults(uplink: Uplink, objects: Mapping[Key, Resource]) -> Iterator[str]:
    leg = objects.get(link_key(HOST, str(uplink.leg)))
    if not isinstance(leg, Link) or leg.type != "veth" or not leg.peer or leg.peer[0]:
        yield f"needs {uplink.leg} as a link of type veth with its peer on the host too; declare it"
        return
    for name in (uplink.link, leg.peer[1]):
        if getattr(objects.get(("ovs_port", HOST, name)), "bridge", None) != uplink.bridge:
            yield f"needs {name} as an Open vSwitch port of {uplink.bridge}; declare it"


def _fdb_faults(entry: Fdb, link: Resource | None) -> Iterator[str]:
    if not isinstance(link, Link) or link.type != "vxlan":
        yield f"needs {entry.link} as a link of type vxlan in the same document; declare it there"
        return
    if entry.movable and link.fdb_learning is False:
        yield f"movable needs a tunnel that learns; {entry.link} has fdb_learning: false"
    ends = [end for end in (link.local, link.remote) if end]
    family = values.family(ends[0]) if ends else 4
    if values.family(entry.dst) != family:
        yield f"dst {entry.dst} is not of the tunnel's family, IPv{family}; that follows from the link's local address"
    if (entry.mac, entry.dst) == (FLOOD, link.remote):
        yield f"{entry.dst} is the remote of {entry.link}, to which it floods anyway; leave out one of the two"


def _held_twice(resource: Resource, holders: dict[Key, Resource]) -> Iterator[str]:
    """Two tunnels of one identity, or two links of one VLAN, which the kernel does not take; two groups of flows that
    could not be told apart."""
    if isinstance(resource, Link) and resource.type in ("vlan", "vxlan"):
        for claim in resource.claims():
            other = holders.setdefault(claim, resource)
            if other is not resource:
                yield f"has the id {resource.id} of {other.title}; choose another"
    if isinstance(resource, OpenFlow):
        other = holders.setdefault(("cookie", resource.bridge, str(group_number(resource.name))), resource)
        if other is not resource:
            yield f"has the cookie of {other.title}; give it another name"


def _place(resource: Resource) -> str:
    return f"{resource.namespace or 'host'} {resource.title}"


def _suggestion(name: object, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(str(name), known, 1)
    return f"did you mean {close[0]}?" if close else f"choose {', '.join(sorted(known))}"


def restored(cls: type[Resource], namespace: str, fields: Mapping[str, Any], scope: str) -> Resource:
    """An object with the values it had before this scope changed it, as the ledger keeps them."""
    specs = all_fields(cls)
    typed = {name: specs[name].parse(value) for name, value in fields.items() if value is not None}
    return cls(namespace=namespace, because=f"as it was before {scope}", **typed)
