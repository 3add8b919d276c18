# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host itself cannot remember for us, one file per scope below /run.

/run is emptied when the kernel state it speaks of is: at a reboot. The file is written before the first change of a
run, so that a run that was killed is finished by the next one.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import HostError
from .kinds.base import Key, Step

VERSION = 1
FIRST_PROTOCOL, PROTOCOLS = 200, 50


@dataclass(frozen=True)
class Before:
    """The values an object of others had before any scope first changed them.

    Each scope that declares such a value keeps it, so that the last one can give it back.
    """

    kind: str
    namespace: str
    fields: Mapping[str, Any]

    def identity(self, names: tuple[str, ...]) -> Key:
        return (self.kind, self.namespace, *(str(self.fields.get(name)) for name in names))


@dataclass
class Ledger:
    """protocol: the number this scope signs with. namespaces: where it has made something.

    pending: what the run under way makes, and may not have signed yet. addresses: those that could not be signed.
    before: what to give back. owed: what is to be announced, and which connections to forget, once the run under
    way has made its changes. groups: the groups of flows, whose cookies do not say their names. meters: the numbers
    of the meters. signed: whether anything carries the scope's mark; as long as it does the number must not be
    forgotten. others: the addresses that other scopes could not sign, each with its scope. held: what other scopes
    have to give back. known: whether the host had this ledger already.
    """

    scope: str
    protocol: int
    namespaces: list[str] = field(default_factory=list)
    pending: set[Key] = field(default_factory=set)
    addresses: set[Key] = field(default_factory=set)
    before: list[Before] = field(default_factory=list)
    owed: list[Step] = field(default_factory=list)
    groups: set[Key] = field(default_factory=set)
    meters: dict[Key, int] = field(default_factory=dict)
    signed: bool = True
    others: Mapping[Key, str] = field(default_factory=dict)
    held: Sequence[Before] = ()
    known: bool = False

    def is_empty(self) -> bool:
        return not (self.signed or self.namespaces or self.pending or self.addresses or self.before or self.owed)

    def address_owner(self, key: Key) -> str | None:
        """The scope that has added an address which does not say so itself."""
        return self.scope if key in self.addresses else self.others.get(key)

    def encoded(self) -> str:
        content = {
            "version": VERSION,
            "scope": self.scope,
            "protocol": self.protocol,
            "namespaces": sorted(set(self.namespaces)),
            "pending": sorted(self.pending),
            "addresses": sorted(self.addresses),
            "groups": sorted(self.groups),
            "meters": [[*key, number] for key, number in sorted(self.meters.items())],
            "before": [asdict(entry) for entry in self.before],
            "owed": [[step.tool, step.namespace, list(step.words)] for step in self.owed],
        }
        return json.dumps(content, default=_plain, separators=(",", ":"))


class LedgerStore:
    """The directory that holds the ledgers of all scopes of this host."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def open(self, scope: str) -> tuple[Ledger, dict[int, str]]:
        """This scope's ledger, and the scopes that own the protocol numbers in use on this host."""
        owners = self.owners()
        own = next((content for content in self._contents() if content["scope"] == scope), None)
        ledger = _decoded(own) if own else Ledger(scope, free_protocol(scope, owners))
        ledger.others = self.addresses(scope)
        ledger.held = [entry for content in self._contents() if content["scope"] != scope for entry in _before(content)]
        owners[ledger.protocol] = scope
        return ledger, owners

    def owners(self) -> dict[int, str]:
        """The scope behind each protocol number."""
        return {content["protocol"]: content["scope"] for content in self._contents()}

    def addresses(self, besides: str | None = None) -> dict[Key, str]:
        """The addresses that no scope, but for one, could sign, each with its scope."""
        contents = [content for content in self._contents() if content["scope"] != besides]
        return {tuple(key): content["scope"] for content in contents for key in content["addresses"]}

    def write(self, ledger: Ledger) -> None:
        """Replace the scope's file in one step; remove it when it says nothing."""
        path = os.path.join(self.directory, f"{ledger.scope}.json")
        if ledger.is_empty():
            if os.path.exists(path):
                os.unlink(path)
            return
        os.makedirs(self.directory, mode=0o755, exist_ok=True)
        temporary = path + ".new"
        with open(temporary, "w", encoding="utf-8", opener=_private) as stream:
            stream.write(ledger.encoded())
        os.replace(temporary, path)

    def _contents(self) -> Iterator[dict[str, Any]]:
        names = sorted(os.listdir(self.directory)) if os.path.isdir(self.directory) else []
        for name in names:
            if name.endswith(".json"):
                yield _read(os.path.join(self.directory, name))


def free_protocol(scope: str, owners: Mapping[int, str]) -> int:
    """A protocol number without a name, the same for a scope on every host unless two scopes of a host meet."""
    wanted = zlib.crc32(scope.encode()) % PROTOCOLS
    for step in range(PROTOCOLS):
        number = FIRST_PROTOCOL + (wanted + step) % PROTOCOLS
        if owners.get(number, scope) == scope:
            return number
    raise HostError(
        f"scope: {scope} would be one more than the {PROTOCOLS} scopes that a host can have, each with a protocol "
        f"number of its own; take one of these away first (state: absent): {', '.join(sorted(set(owners.values())))}"
    )


def _read(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as stream:
            content: dict[str, Any] = json.load(stream)
        version = int(content["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise HostError(f"{path}: is no ledger of this collection ({error}); somebody has changed it") from None
    if version > VERSION:
        raise HostError(
            f"{path}: has version {version}, written by a newer hostnet.fabric; "
            f"this one knows {VERSION}, use the newer one"
        )
    return content


def _decoded(content: Mapping[str, Any]) -> Ledger:
    return Ledger(
        content["scope"],
        content["protocol"],
        list(content["namespaces"]),
        {tuple(key) for key in content["pending"]},
        {tuple(key) for key in content["addresses"]},
        _before(content),
        [Step(tool, namespace, tuple(words)) for tool, namespace, words in content.get("owed", ())],
        {tuple(key) for key in content.get("groups", ())},
        {tuple(key): number for *key, number in content.get("meters", ())},
        known=True,
    )


def _before(content: Mapping[str, Any]) -> list[Before]:
    return [Before(entry["kind"], entry["namespace"], entry["fields"]) for entry in content["before"]]


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{value!r} has no place in a ledger")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
