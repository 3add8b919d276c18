# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables tables: declared whole, compared rule by rule and element by element, changed in one transaction.

The kernel shows a rule in its own normal form, which no parser of ours could predict. So the declared table is first
loaded into an empty scratch namespace and read back there: what comes out is compared with what the host has. A
rule or set that nft would refuse is found that way too, before the host is touched. Elements that the host shows in the
words in which they are declared are spared the detour, and so are chains that are like another one at another device.

A changed chain gets only its changed rules deleted and added, by handle, so that the counters of the others go on.
The mark is the table's name, ``hostnet.SCOPE.NAME``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Any, ClassVar

from .. import nfttext, values
from ..conntrack import addresses_in
from .base import Difference, Key, Mark, Reading, Resource, Step, declared, ingress_claim, link_key, narrowed

FAMILIES = ("ip", "ip6", "inet", "arp", "bridge", "netdev")
_PREFIX = "hostnet."
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))
_BARE = re.compile(r"[0-9a-fA-F:./*]*|0x[0-9a-f]{16,}")
_DEVICE = re.compile(r' device "[^"]*"')
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_WORD = re.compile(r"[a-z][a-z-]*")
_PRIORITY = re.compile(r"[A-Za-z0-9_ +-]+")
_DYNAMIC = re.compile(r"\b(?:set|map)\s+(\S+)\s*\{[^}]*\bflags\b[^;\n]*\bdynamic\b")
_BY_ADDRESS = re.compile(r"\b(?:ipv[46]_addr|ip6? [sd]addr)\b")
# The comment of a set whose lost elements end the connections that they have translated or let through.
_FORGETS = "forgets connections"
_WITH_ENTRIES = ("chain", "set", "map")


@dataclass(frozen=True)
class Chain:
    """A chain: its rules in nft's words, and for a base chain where it hooks in."""

    name: str
    rules: tuple[str, ...] = ()
    type: str | None = None
    hook: str | None = None
    priority: str | None = None
    policy: str | None = None
    device: str | None = None

    def head(self) -> str:
        if not self.hook:
            return ""
        device = f' device "{self.device}"' if self.device else ""
        policy = f" policy {self.policy};" if self.policy else ""
        return f"type {self.type} hook {self.hook}{device} priority {self.priority};{policy}"


@dataclass(frozen=True)
class Collection:
    """A set, or a map when its type has a colon; elements in nft's words.

    forget: whether connections of an address end when the element that has it goes or changes.
    """

    name: str
    type: str
    flags: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    forget: bool = False

    @property
    def word(self) -> str:
        return "map" if ":" in self.type else "set"

    def head(self) -> str:
        typed = "typeof" if " " in self.type.replace(" . ", ".").replace(" : ", ":") else "type"
        flags = f" flags {', '.join(self.flags)};" if self.flags else ""
        forgets = f' comment "{_FORGETS}";' if self.forget else ""
        return f"{typed} {self.type};{flags}{forgets}"


@dataclass(frozen=True)
class Part:
    """A chain, a set or another thing of a table as the kernel shows it: what it is in nft's words, and the rules or
    elements that it has in their normal form."""

    head: str
    entries: tuple[str, ...]
    handles: tuple[int, ...] = ()
    forgets: bool = False


Parts = Mapping[tuple[str, str], Part]


def table_name(value: Any) -> str:
    """It stands behind the scope, and so may begin with a digit."""
    name = values.text(value)
    if not _NAME.fullmatch(name):
        raise ValueError(f"{value!r} is no name of a table; use letters, digits, '_', '.', '/' and '-', at most 128")
    return name


def parse_chain(value: Any) -> Chain:
    known = {"name", "rules", "type", "hook", "priority", "policy", "device"}
    if not isinstance(value, Mapping) or set(value) - known or not value.get("name"):
        raise ValueError(
            f"{value!r} is no chain; write {{name: forward, type: filter, hook: forward, priority: 0, rules: []}}"
        )
    name = nfttext.identifier(value["name"])
    if value.get("hook") and ("priority" not in value or not value.get("type")):
        raise ValueError(f"chain {name} hooks into {value['hook']} and needs type and priority")
    words = {
        field: _matching(_WORD, value[field], f"{field} of chain {name}")
        for field in ("type", "hook", "policy")
        if value.get(field) is not None
    }
    if value.get("priority") is not None:
        words["priority"] = _matching(_PRIORITY, value["priority"], f"priority of chain {name}")
    if value.get("device") is not None:
        words["device"] = values.device_name(value["device"])
    return Chain(name, values.listing(nfttext.statement, ordered=True)(value.get("rules", ())), **words)


def parse_collection(value: Any) -> Collection:
    known = {"name", "type", "flags", "elements", "forget"}
    if not isinstance(value, Mapping) or set(value) - known or not value.get("name") or not value.get("type"):
        raise ValueError(f"{value!r} is no set; write {{name: ports, type: ifname . ether_addr, elements: []}}")
    name, kind = nfttext.identifier(value["name"]), nfttext.statement(value["type"])
    forget = values.boolean(value.get("forget", False))
    if forget and not _BY_ADDRESS.search(kind.partition(":")[0]):
        raise ValueError(f"set {name} cannot forget: its key {kind} has no address")
    flags = values.listing(lambda flag: _matching(_WORD, flag, f"flag of set {name}"))(value.get("flags", ()))
    elements = values.listing(nfttext.statement)(value.get("elements", ()))
    return Collection(name, kind, flags, elements, forget)


def _matching(pattern: re.Pattern[str], value: Any, what: str) -> str:
    if not pattern.fullmatch(str(value)):
        raise ValueError(f"{value!r} is no {what}")
    return str(value)


@dataclass(frozen=True)
class NftTable(Resource):
    kind: ClassVar[str] = "nft_table"
    section: ClassVar[str] = "nft_tables"
    reads: ClassVar[tuple[str, ...]] = ("nft",)

    family: str = declared(values.choice(*FAMILIES), key=True)
    name: str = declared(table_name, key=True)
    sets: tuple[Collection, ...] | None = declared(values.listing(parse_collection, ordered=True))
    chains: tuple[Chain, ...] | None = declared(values.listing(parse_chain, ordered=True))
    body: str | None = declared(nfttext.block)

    # The table's normal form: the host's for an observed table, that of the scratch namespace for a declared one.
    parts: Parts | None = None

    @property
    def title(self) -> str:
        return f"{self.family} {self.name}"

    def faults(self) -> Iterator[str]:
        if self.body is not None and (self.sets or self.chains):
            yield "body: is the whole table in nft's words; leave out sets and chains beside it"
        names = [part.name for part in self.sets or ()] + [part.name for part in self.chains or ()]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"chains: {name} is named twice; a table's chains and sets have different names"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[NftTable]) -> Iterator[NftTable]:
        """Tables of other scopes keep their full names, so that every scope may use any short one."""
        for (family, full_name), parts in tables(reading.nft).items():
            owner, name = split_name(full_name)
            if reading.scope and owner != reading.scope:
                name = full_name
            yield cls(namespace=reading.namespace, family=family, name=name, owner=owner, parts=parts)

    def parents(self) -> tuple[Key, ...]:
        return (*super().parents(), *(link_key(self.namespace, device) for device in self._devices()))

    def after(self) -> tuple[Key, ...]:
        """What drops frames at a device that becomes an uplink waits until the bridge gets them."""
        return tuple(("uplink", self.namespace, device) for device in self._devices())

    def holds(self) -> tuple[Key, ...]:
        return (ingress_claim(self.namespace),) if self.family == "netdev" else ()

    def _devices(self) -> list[str]:
        """The devices that chains and flowtables hook in at, as declared."""
        named = [chain.device for chain in self.chains or () if chain.device]
        return sorted({*named, *nfttext.devices(self.body or "")})

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        """One difference per chain, set or other thing that is not as declared; ``table`` holds for all."""
        seen = narrowed(seen, NftTable)
        want, have = self._compared(self._parts()), self._compared(seen._parts())
        found = []
        for kind, name in sorted({*want, *have}):
            after, before = want.get((kind, name)), have.get((kind, name))
            if after is None or before is None or (after.head, after.entries) != (before.head, before.entries):
                found.append(Difference(f"{kind} {name}".strip(), _summary(before, after), _summary(after, before)))
        return tuple(found)

    def fixed(self, difference: Difference) -> bool:
        return False

    def add(self, mark: Mark) -> list[Step]:
        return [Step("nft", self.namespace, (self.text(full_name(mark.scope, self.name)),))]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        """One transaction: changed rules by handle, changed elements, and what cannot be edited made anew."""
        seen = narrowed(seen, NftTable)
        place = f"{self.family} {full_name(mark.scope, self.name)}"
        want, have = self._compared(self._parts()), self._compared(seen._parts())
        if self.body is not None or any(_must_rebuild(want.get(part), have.get(part)) for part in {*want, *have}):
            text = f"delete table {place}\n{self.text(full_name(mark.scope, self.name))}"
            return [Step("nft", self.namespace, (text,)), *self._forgotten(want, have)]
        lines = [
            f"add chain {place} {chain.name} {{ {chain.head()} }}"
            for chain in self.chains or ()
            if ("chain", chain.name) not in have
        ]
        for collection in self.sets or ():
            lines += _edited_set(place, collection, want, have)
        for chain in self.chains or ():
            lines += _edited_chain(place, chain, want[("chain", chain.name)], have.get(("chain", chain.name)))
        gone = sorted(set(have) - set(want))
        lines += [f"flush {kind} {place} {name}" for kind, name in gone if kind in _WITH_ENTRIES]
        lines += [f"delete {kind} {place} {name}" for kind, name in gone]
        return [Step("nft", self.namespace, ("\n".join(lines),)), *self._forgotten(want, have)]

    def remove(self, mark: Mark) -> list[Step]:
        gone = Step("nft", self.namespace, (f"delete table {self.family} {full_name(mark.scope, self.name)}",))
        return [gone, *self._forgotten({}, self._compared(self._parts()))]

    def _forgotten(self, want: Parts, have: Parts) -> list[Step]:
        """Deletes the connections of addresses whose elements go or change, where the set was made to do so."""
        lost: set[str] = set()
        for key, part in have.items():
            if part.forgets:
                lost |= {*part.entries} - {*(want[key].entries if key in want else ())}
        addresses = addresses_in(lost)
        return [Step("conntrack", self.namespace, addresses)] if addresses else []

    def details(self) -> str:
        if self.body is not None:
            return f"{len(self.body.splitlines())} lines"
        rules = sum(len(chain.rules) for chain in self.chains or ())
        elements = sum(len(collection.elements) for collection in self.sets or ())
        parts = [f"{len(self.chains or ())} chains", f"{rules} rules", f"{elements} elements"]
        return ", ".join(part for part in parts if not part.startswith("0 "))

    def text(self, name: str) -> str:
        """The whole table in nft's language."""
        if self.body is not None:
            return f"table {self.family} {name} {{\n{self.body}\n}}\n"
        lines = [f"table {self.family} {name} {{"]
        for collection in self.sets or ():
            elements = f" elements = {{ {', '.join(collection.elements)} }};" if collection.elements else ""
            lines.append(f"  {collection.word} {collection.name} {{ {collection.head()}{elements} }}")
        # Chains first without their rules, so that a rule may jump to any of them.
        lines += [f"  chain {chain.name} {{ {chain.head()} }}" for chain in self.chains or ()]
        for chain in self.chains or ():
            if chain.rules:
                lines += [f"  chain {chain.name} {{", *(f"    {rule}" for rule in chain.rules), "  }"]
        return "\n".join([*lines, "}"]) + "\n"

    def abridged(self, seen: Parts) -> NftTable:
        """This table less what need not be asked for: elements that the host shows in the very words in which they are
        declared, and chains that differ from another one in name and device alone."""
        sets = tuple(replace(c, elements=tuple(sorted({*c.elements} - _known(c, seen)))) for c in self.sets or ())
        first = self._first_alike()
        chains = tuple(chain for chain in self.chains or () if first.get(chain.name, chain.name) == chain.name)
        return replace(self, sets=sets or self.sets, chains=chains or self.chains)

    def unabridged(self, parts: Parts, seen: Parts) -> Parts | None:
        """The normal form of this table from that of :meth:`abridged`; None where a set is of another type now."""
        full = dict(parts)
        first = self._first_alike()
        for chain in self.chains or ():
            if first.get(chain.name, chain.name) != chain.name:
                alike = parts[("chain", first[chain.name])]
                full[("chain", chain.name)] = replace(alike, head=_moved(alike.head, chain.device))
        for collection in self.sets or ():
            known = _known(collection, seen)
            key = (collection.word, collection.name)
            if known and seen[key].head != parts[key].head:
                return None
            full[key] = replace(parts[key], entries=tuple(sorted({*parts[key].entries, *known})))
        return full

    def _first_alike(self) -> dict[str, str]:
        """For each chain at a device, to which no rule can jump, the first that differs in name and device alone."""
        found: dict[Chain, str] = {}
        at_devices = [chain for chain in self.chains or () if chain.hook and chain.device]
        return {chain.name: found.setdefault(replace(chain, name="", device=None), chain.name) for chain in at_devices}

    def _compared(self, parts: Parts) -> Parts:
        """The parts without the elements that packets put into dynamic sets."""
        dynamic = {collection.name for collection in self.sets or () if "dynamic" in collection.flags}
        dynamic |= set(_DYNAMIC.findall(self.body or ""))
        return {key: replace(part, entries=()) if key[1] in dynamic else part for key, part in parts.items()}

    def _parts(self) -> Parts:
        return self.parts if self.parts is not None else {}


def full_name(scope: str, name: str) -> str:
    return f"{_PREFIX}{scope}.{name}"


def split_name(name: str) -> tuple[str | None, str]:
    """Owner and short name of a table; a foreign table has no owner and keeps its name."""
    if name.startswith(_PREFIX) and name.count(".") >= 2:
        _prefix, scope, short = name.split(".", 2)
        return scope, short
    return None, name


def tables(objects: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], dict[tuple[str, str], Part]]:
    """The tables in what the host lists, each as its parts in normal form: what each part is in nft's words, and its
    rules or elements out of nft's JSON."""
    found: dict[tuple[str, str], dict[tuple[str, str], Part]] = {}
    rules: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    for entry in objects:
        kind, body = next(iter(entry.items()))
        if kind == "head":
            parts = found.setdefault((body.family, body.table), {})
            parts[(body.kind, body.name)] = Part(body.words, ())
        elif kind in ("set", "map"):
            elements = tuple(sorted(map(_element, body.get("elem", ()))))
            more = {"entries": elements, "forgets": body.get("comment") == _FORGETS}
            _complete(found, (body["family"], body["table"]), (kind, body["name"]), more)
        elif kind == "rule":
            content = {"expr": _without_counters(body["expr"]), "comment": body.get("comment")}
            place = (body["family"], body["table"], body["chain"])
            rules.setdefault(place, []).append((_normal(content), body["handle"]))
    for (family, table, chain), listed in rules.items():
        entries, handles = zip(*listed)
        _complete(found, (family, table), ("chain", chain), {"entries": entries, "handles": handles})
    return found


def _complete(
    found: Mapping[tuple[str, str], dict[tuple[str, str], Part]],
    place: tuple[str, str],
    key: tuple[str, str],
    more: Mapping[str, Any],
) -> None:
    """Others may have made what was not there yet when the heads were listed."""
    parts = found.get(place, {})
    if key in parts:
        parts[key] = replace(parts[key], **more)


def _element(value: Any) -> str:
    """An element's normal form: in nft's words, or as JSON in brackets where there is more to it than values."""
    text = _value_text(value)
    return _normal([_without_counters(value)]) if text is None else text


def _moved(head: str, device: str | None) -> str:
    """The head of a chain at another device."""
    return _DEVICE.sub(f' device "{device}"', head, count=1)


def _normal(value: Any) -> str:
    return _ENCODER.encode(value)


def _without_counters(value: Any) -> Any:
    """The same expression with its counters at nothing: how often a rule matched is no part of what it is."""
    if isinstance(value, list):
        return [item if isinstance(item, str) else _without_counters(item) for item in value]
    if not isinstance(value, dict):
        return value
    volatile = ("packets", "bytes", "used", "expires")
    return {
        key: {k: v for k, v in item.items() if k not in volatile}
        if key in ("counter", "quota") and isinstance(item, dict)
        else _without_counters(item)
        for key, item in value.items()
        if key != "expires"
    }


def _summary(part: Part | None, other: Part | None) -> str | None:
    """How many rules or elements a part has, and how many of them the other has not; what it is where these agree."""
    if part is None:
        return None
    if other is not None and part.entries == other.entries:
        return part.head.replace("\n", "; ") or "nothing"
    own = len(set(part.entries) - set(other.entries if other else ()))
    return f"{len(part.entries)} entries ({own} of its own)" if own else f"{len(part.entries)} entries"


def _must_rebuild(want: Part | None, have: Part | None) -> bool:
    """A chain's hook, a set's type and the like cannot be edited."""
    return want is not None and have is not None and want.head != have.head


def _known(collection: Collection, seen: Parts) -> set[str]:
    """The elements that the host shows as they are declared; those of an interval set depend on each other."""
    part = seen.get((collection.word, collection.name))
    return set() if part is None or "interval" in collection.flags else {*part.entries} & {*collection.elements}


def _edited_set(place: str, collection: Collection, want: Parts, have: Parts) -> list[str]:
    part = (collection.word, collection.name)
    if part not in have:
        elements = f" elements = {{ {', '.join(collection.elements)} }};" if collection.elements else ""
        return [f"add {collection.word} {place} {collection.name} {{ {collection.head()}{elements} }}"]
    if want[part].entries == have[part].entries:
        return []
    gone = [_element_text(entry) for entry in sorted(set(have[part].entries) - set(want[part].entries))]
    new = [_element_text(entry) for entry in sorted(set(want[part].entries) - set(have[part].entries))]
    name = f"{place} {collection.name}"
    if None in gone or None in new:
        flushed = [f"flush {collection.word} {name}"]
        return flushed + ([f"add element {name} {{ {', '.join(collection.elements)} }}"] if collection.elements else [])
    lines = [f"delete element {name} {{ {', '.join(str(e) for e in gone)} }}"] if gone else []
    return lines + ([f"add element {name} {{ {', '.join(str(e) for e in new)} }}"] if new else [])


def _element_text(entry: str) -> str | None:
    """An element in nft's words, or None where there is more to it than values."""
    return None if entry.startswith("[") else entry


def _value_text(value: Any) -> str | None:
    if isinstance(value, str):
        return value if _is_bare(value) else f'"{value}"'
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and len(value) == 2:
        return _joined(" : ", value)
    if isinstance(value, dict) and len(value) == 1:
        (word, body), *_rest = value.items()
        if word == "concat":
            return _joined(" . ", body)
        if word == "range":
            return _joined("-", body)
        if word == "prefix":
            return f"{body['addr']}/{body['len']}"
    return None


def _joined(separator: str, items: Sequence[Any]) -> str | None:
    texts = [_value_text(item) for item in items]
    return None if None in texts else separator.join(str(text) for text in texts)


def _is_bare(text: str) -> bool:
    """Addresses and numbers stand as they are; names are quoted. A number with 0x is longer than any device's name."""
    return _BARE.fullmatch(text) is not None


def _edited_chain(place: str, chain: Chain, want: Part, have: Part | None) -> list[str]:
    """Delete and add the rules that differ; the others stay, and with them their counters."""
    if have is None:
        return [f"add rule {place} {chain.name} {rule}" for rule in chain.rules]
    lines: list[str] = []
    name = f"{place} {chain.name}"
    for tag, first, last, start, end in SequenceMatcher(None, have.entries, want.entries, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        new = chain.rules[start:end]
        if first == 0:
            lines += [f"insert rule {name} {rule}" for rule in reversed(new)]
        else:
            # Each rule is put right behind the same kept one, so the last comes first.
            lines += [f"add rule {name} position {have.handles[first - 1]} {rule}" for rule in reversed(new)]
        lines += [f"delete rule {name} handle {handle}" for handle in have.handles[first:last]]
    return lines
