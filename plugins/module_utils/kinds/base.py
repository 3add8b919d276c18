# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every kind of object has in common: declared fields, identity, comparison, and the steps that change it.

A kind is one dataclass. Its fields are made by :func:`declared`; ``None`` in a field means that the document does
not mention it, and what is not mentioned is never compared nor changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import (
    Any,
    ClassVar,
    TypeVar,
)

from .. import values

Key = tuple[str, ...]
R = TypeVar("R", bound="Resource")

HOST = ""


@dataclass(frozen=True)
class FieldSpec:
    """How one field is parsed, and what may be done about a difference in it."""

    parse: values.Parser
    key: bool = False
    required: bool = False
    fixed: bool = False
    types: tuple[str, ...] = ()


def declared(
    parse: values.Parser,
    *,
    key: bool = False,
    required: bool = False,
    fixed: bool = False,
    types: tuple[str, ...] = (),
) -> Any:
    """A field of a kind.

    key: part of the object's identity. fixed: the kernel cannot change it in place, a difference means replacement.
    types: the values of the object's ``type`` for which the field has a meaning; empty for all.
    """
    # pylint: disable-next=invalid-field-call
    return field(default=None, metadata={"spec": FieldSpec(parse, key, required or key, fixed, types)})


@dataclass(frozen=True)
class Difference:
    """One field that is not as declared; ``before`` is None when the host has no value."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Step:
    """One line for one tool in one namespace: words of an ``ip`` or ``bridge`` batch line, of an ``ovs-vsctl``
    command, the text of an nft command, or name and value of a sysctl."""

    tool: str
    namespace: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Mark:
    """How this scope signs what it makes.

    protocol: the number that routes, rules, neighbours and (where ``ip`` can) addresses carry.
    """

    scope: str
    protocol: int = 0
    address_protocol: bool = False

    def alias(self, label: str) -> str:
        return f"hostnet:{self.scope} {label}"


def alias_owner(alias: str | None) -> str | None:
    """The scope that signed a link, or None when the alias is not one of ours."""
    if not alias or not alias.startswith("hostnet:"):
        return None
    return alias[len("hostnet:") :].split(" ", 1)[0] or None


def alias_label(alias: str | None) -> str | None:
    """The long name in the alias of a link of ours."""
    return None if alias_owner(alias) is None else str(alias).partition(" ")[2] or None


@dataclass
class Reading:
    """Everything the bulk reads of one namespace gave, undigested.

    Lists are the decoded JSON of ``ip -N -j -d`` and ``nft -j``; ``owners`` maps the protocol numbers in use on this
    host to scopes; ``address_owner`` knows the scope of addresses that cannot carry a protocol.
    """

    namespace: str
    links: list[dict[str, Any]] = field(default_factory=list)
    routes: list[dict[str, Any]] = field(default_factory=list)
    rules: list[dict[str, Any]] = field(default_factory=list)
    neighbours: list[dict[str, Any]] = field(default_factory=list)
    stations: list[dict[str, Any]] = field(default_factory=list)
    fdb: list[dict[str, Any]] = field(default_factory=list)
    vlans: list[dict[str, Any]] = field(default_factory=list)
    nft: list[dict[str, Any]] = field(default_factory=list)
    nft_declared: list[dict[str, Any]] = field(default_factory=list)
    sysctls: dict[str, str] = field(default_factory=dict)
    # Whether checksums are left to a device, by its name.
    offloads: dict[str, bool] = field(default_factory=dict)
    ovs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    owners: Mapping[int, str] = field(default_factory=dict)
    scope: str = ""
    pending: Iterable[Key] = ()
    # Flows as ovs-ofctl prints them and meters as (kbps, burst) by number, by bridge; the named groups and the numbers
    # of the meters that this scope has made.
    flows: dict[str, str] = field(default_factory=dict)
    meters: dict[str, dict[int, tuple[int, int]]] = field(default_factory=dict)
    groups: Iterable[Key] = ()
    meter_numbers: Mapping[Key, int] = field(default_factory=dict)
    address_owner: Callable[[Key], str | None] = lambda _key: None

    def protocol_owner(self, entry: Mapping[str, Any]) -> str | None:
        # ip prints the number of an address's protocol in hexadecimal, that of others in decimal.
        return self.owners.get(int(str(entry.get("protocol", 0)), 0))


@dataclass(frozen=True)
class Resource:
    """One object, as declared or as observed. Only observed objects have an ``owner`` (a scope's name, or None)."""

    kind: ClassVar[str]
    section: ClassVar[str]
    reads: ClassVar[tuple[str, ...]] = ()
    restorable: ClassVar[bool] = False
    # Parts of the identity that an entry may leave out.
    optional_keys: ClassVar[tuple[str, ...]] = ()
    # Whether others may go on once the first step is done, and need not wait for the signature.
    usable_at_once: ClassVar[bool] = False

    namespace: str = HOST
    because: str = ""
    adopt: bool = False
    owner: str | None = None
    # Observed only: ours by the ledger, and not yet signed (a run ended between making and signing it).
    unsigned: bool = False

    @property
    def marked(self) -> bool:
        """Whether the object can carry a mark. One that cannot is never removed, only given back its earlier values."""
        return True

    def signed_by(self) -> Key | None:
        """The object whose mark this one shares, None for one that carries its own."""
        return None

    @cached_property
    def key(self) -> Key:
        names = key_fields(type(self))
        return (self.kind, self.namespace, *(str(getattr(self, name)) for name in names))

    @cached_property
    def given(self) -> tuple[tuple[str, Any], ...]:
        """The fields that have a value, with it; but not those that name the object."""
        found = ((name, getattr(self, name)) for name, _spec in value_fields(type(self)))
        return tuple((name, value) for name, value in found if value is not None)

    @property
    def title(self) -> str:
        """How a reader calls the object, within its kind and namespace."""
        return " ".join(self.key[2:])

    @classmethod
    def spelled_out(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The raw entry with its short forms in full and its defaults filled in, before any field is parsed."""
        return raw

    def faults(self) -> Iterator[str]:
        """What is wrong with this object alone, each as ``field: text``."""
        return iter(())

    def implied(self) -> Iterator[Resource]:
        """Objects that exist whenever this one does, and that a document may leave out."""
        return iter(())

    def completed(self: R, others: Mapping[Key, Resource]) -> R:
        """This object with what it must know of the other objects of its document."""
        return self

    @classmethod
    def observe(cls: type[R], reading: Reading, wanted: Sequence[R]) -> Iterator[R]:
        """All objects of this kind in one namespace; ``wanted`` are the declared ones there."""
        raise NotImplementedError

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        """The declared fields in which ``seen`` is not what this object declares."""
        return tuple(
            Difference(name, getattr(seen, name), after) for name, after in self.given if after != getattr(seen, name)
        )

    def fixed(self, difference: Difference) -> bool:
        """Whether this difference needs a replacement."""
        return spec_of(type(self), difference.field).fixed

    def may_drift(self, difference: Difference) -> bool:
        """Whether the kernel makes such a difference by itself, so that it does not mean that a step has failed."""
        return False

    def parents(self) -> tuple[Key, ...]:
        """Objects this one cannot exist without: the kernel removes it along with them."""
        return (("namespace", HOST, self.namespace),) if self.namespace else ()

    def goes_along(self, removed: Container[Key]) -> bool:
        """Whether removing those objects removes this one too, so that it needs no step of its own."""
        return any(parent in removed for parent in self.parents())

    def after(self) -> tuple[Key, ...]:
        """Other objects, or whole groups of objects, whose changes come before the making of this one."""
        return ()

    def groups(self) -> tuple[Key, ...]:
        """The groups this object belongs to; a group has the form of a key, only shorter."""
        return ((self.kind, self.namespace),)

    def claims(self) -> tuple[Key, ...]:
        """What only one object may hold at a time, beyond its name; its old holder goes before the new one comes."""
        return ()

    def holds(self) -> tuple[Key, ...]:
        """The claims that are free only when this object is gone."""
        return self.claims()

    def add(self, mark: Mark) -> list[Step]:
        raise NotImplementedError

    def remade(self, mark: Mark) -> list[Step]:
        """Steps that make an object again which the kernel has taken along with another, or may have."""
        return self.add(mark)

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        """Steps that bring ``seen`` to this object in place; also those that put the mark of an adopted one."""
        raise NotImplementedError

    def remove(self, mark: Mark) -> list[Step]:
        raise NotImplementedError

    def pieces(self, seen: Resource | None) -> Iterator[str]:
        """What a reader of a diff sees below the object's line: the parts of it that come and go. ``seen`` is the
        object itself where it is removed."""
        return iter(())

    def details(self) -> str:
        """The declared attributes in a few words, for the line that announces the object."""
        shown = []
        for name, value in self.given:
            if value != () and value is not False:
                shown.append(word(name) if value is True else f"{word(name)} {show(value)}")
        return ", ".join(shown)


@dataclass(frozen=True)
class _Shape:
    """The declared fields of a kind, taken out of its dataclass once."""

    fields: Mapping[str, FieldSpec]
    keys: tuple[str, ...]
    required: tuple[str, ...]
    values: tuple[tuple[str, FieldSpec], ...]


_shapes: dict[str, _Shape] = {}


def _shape(cls: type[Resource]) -> _Shape:
    shape = _shapes.get(cls.kind)
    if shape is None:
        specs = {f.name: f.metadata["spec"] for f in dataclasses.fields(cls) if "spec" in f.metadata}
        keys = tuple(name for name, spec in specs.items() if spec.key)
        required = tuple(name for name, spec in specs.items() if spec.required)
        others = tuple((name, spec) for name, spec in specs.items() if not spec.key)
        shape = _shapes[cls.kind] = _Shape(specs, keys, required, others)
    return shape


def key_fields(cls: type[Resource]) -> tuple[str, ...]:
    return _shape(cls).keys


def required_fields(cls: type[Resource]) -> tuple[str, ...]:
    return _shape(cls).required


def value_fields(cls: type[Resource]) -> tuple[tuple[str, FieldSpec], ...]:
    return _shape(cls).values


def all_fields(cls: type[Resource]) -> Mapping[str, FieldSpec]:
    return _shape(cls).fields


def spec_of(cls: type[Resource], name: str) -> FieldSpec:
    return all_fields(cls)[name]


def narrowed(resource: Resource, cls: type[R]) -> R:
    """The resource as the kind that its key says it is."""
    if not isinstance(resource, cls):
        raise TypeError(f"{resource.key} is not a {cls.kind}")
    return resource


def word(name: str) -> str:
    return name.replace("_", " ")


def show(value: Any) -> str:
    """A value as a reader expects it in a plan line."""
    if value is None or value in ("", ()):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        if value and all(isinstance(item, tuple) and len(item) == 2 for item in value):
            return " ".join(f"{key}={item}" for key, item in value)
        return " ".join(show(item) for item in value if item != "")
    return str(value)


def device_claim(namespace: str, name: str) -> Key:
    """The name of a device in a namespace, free once the old one is gone, and no switch has it as a port any more."""
    return ("device", namespace, name)


def port_claim(name: str) -> Key:
    """The place of a device in one bridge of Open vSwitch."""
    return ("switched", name)


def ingress_claim(namespace: str) -> Key:
    """What looks first at all that comes in by the devices of a namespace."""
    return ("ingress", namespace)


def link_key(namespace: str, name: str) -> Key:
    return ("link", namespace, name)


def reason(resource: Resource, text: str) -> str:
    """Why a plan is refused, or what is wrong, with the object that it is about and the intent behind that."""
    place = resource.namespace or "host"
    return f"{resource.kind.replace('_', ' ')} {place} {resource.title}{because(resource)}: {text}"


def because(resource: Resource) -> str:
    return f" ({resource.because})" if resource.because else ""
