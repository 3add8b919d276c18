# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's objects as a document: what observing finds, in the words that a document uses."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from . import flowtext, ovsdb
from .host import Host
from .kinds.base import HOST, Resource, all_fields
from .kinds.link import Link
from .kinds.meter import Meter
from .kinds.namespace import Namespace
from .kinds.nft_table import NftTable, full_name
from .kinds.openflow import OpenFlow
from .kinds.ovs_port import OvsPort
from .kinds.registry import KINDS
from .ledger import Ledger, LedgerStore
from .observe import Observer
from .values import family

_MAPS = ("external_ids", "other_config", "interface_external_ids")


def gather(host: Host, scope: str | None, namespaces: Sequence[str] | None = None) -> dict[str, Any]:
    """What is on the host: the objects of one scope as its document, or all objects, each with its ``owner``.

    :raises HostError: when the host cannot be read.
    """
    with host.locked(), host.timed("observe"):
        store = LedgerStore(host.run_directory)
        ledger, owners = store.open(scope) if scope else (Ledger("", 0, others=store.addresses()), store.owners())
        observer = Observer(host, ledger, owners, {}, owned_only=scope is not None)
        known = ledger.namespaces if ledger.known else host.namespaces()
        observer.read([HOST, *(known if namespaces is None else namespaces)], {})
        changed = observer.restorable()
        document: dict[str, Any] = {"scope": scope} if scope else {}
        objects = observer.world().objects
        for resource in objects.values():
            earlier = changed.get(resource.key)
            ours = scope is None or earlier is not None or (resource.owner == scope and resource.marked)
            if ours and not _goes_without_saying(resource):
                entry = _entry(resource, earlier, host, scope)
                if isinstance(resource, OpenFlow):
                    entry["flows"] = flowtext.as_declared(resource.forms, *_names(resource.bridge, objects.values()))
                document.setdefault(resource.section, []).append(entry)
    order = {"scope": -1, **{cls.section: position for position, cls in enumerate(KINDS)}}
    return dict(sorted(document.items(), key=lambda item: order[item[0]]))


def _goes_without_saying(resource: Resource) -> bool:
    """A bridge's own port, and the namespace of a process: no document declares them."""
    if isinstance(resource, OvsPort):
        return resource.name == resource.bridge
    return isinstance(resource, Namespace) and resource.name.startswith("pid:")


def _names(bridge: str, objects: Iterable[Resource]) -> tuple[dict[int, str], dict[int, str]]:
    """The names behind the numbers of a bridge's ports, and of its meters that are ours."""
    ports: dict[int, str] = {}
    meters: dict[int, str] = {}
    for resource in objects:
        if isinstance(resource, OvsPort) and resource.bridge == bridge and resource.number:
            ports[resource.number] = resource.name
        elif isinstance(resource, Meter) and resource.bridge == bridge and resource.owner:
            meters[resource.number] = resource.name
    return ports, meters


def _entry(resource: Resource, earlier: Resource | None, host: Host, scope: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"namespace": resource.namespace} if resource.namespace else {}
    for name, value in _fields(resource, earlier).items():
        if value is not None:
            entry[name] = _plain(name, value)
    if isinstance(resource, NftTable):
        name = full_name(resource.owner, resource.name) if resource.owner else resource.name
        entry["body"] = _body(host.nft_text(resource.namespace, resource.family, name))
    if scope is None:
        entry["owner"] = resource.owner
    return entry


def _fields(resource: Resource, earlier: Resource | None) -> dict[str, Any]:
    """What a document would declare; of an object of others, with its ``earlier`` values, what we changed."""
    found = {name: getattr(resource, name) for name in all_fields(type(resource))}
    if earlier is not None:
        found = {name: value for name, value in found.items() if getattr(earlier, name) is not None}
    if isinstance(earlier, Link):
        found["type"] = earlier.type
    if family(found.get("address") or found.get("destination") or "") == 6:
        # The scope of what is IPv6 follows from its prefix; a document cannot choose it.
        found.pop("scope", None)
    return found


def _plain(name: str, value: Any) -> Any:
    if name == "peer" and isinstance(value, tuple):
        return {"namespace": value[0], "name": value[1]}
    if name in _MAPS:
        return {key: item for key, item in value if key not in (ovsdb.OWNER, ovsdb.LEG)}
    if isinstance(value, tuple):
        return [_plain("", item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {key: item for key, item in dataclasses.asdict(value).items() if item not in ("", False)}
    return value


def _body(text: str) -> str:
    """A table without its first and last line, which name it."""
    return "\n".join(line.strip() for line in text.strip().splitlines()[1:-1])
