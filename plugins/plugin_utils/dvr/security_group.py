# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A security group of ``fabric_security_groups``: what it lets through, and to whom that applies."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Rule
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import known
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

if TYPE_CHECKING:
    from netaddr import IPNetwork

# The group of instances that name none.
DEFAULT = "default"
_WITH_PORTS = ("tcp", "udp", "sctp")
_FAMILY = {"icmp": 4, "icmpv6": 6}
_NUMBERS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}
# The addresses of a group's instances, as single ones.
MembersOf = Callable[[str], "Collection[IPNetwork]"]
Ports = tuple[int, int]


@dataclass(frozen=True)
class DeclaredRule:
    """families: those it can be about. anybody: whether nobody is named; else prefixes and groups are."""

    families: tuple[int, ...]
    protocol: str | None
    ports: tuple[Ports, ...]
    icmp_type: int | None
    icmp_code: int | None
    anybody: bool
    prefixes: tuple[IPNetwork, ...]
    groups: tuple[str, ...]
    path: str

    def resolved(self, families: Collection[int], members_of: MembersOf) -> Iterable[Rule]:
        """The rule in each of these families, with the members of groups; none where nobody is left."""
        remotes = {*self.prefixes}.union(*(members_of(group) for group in self.groups))
        for family in self.families:
            own = tuple(sorted(remote for remote in remotes if remote.version == family))
            everybody = self.anybody or any(remote.prefixlen == 0 for remote in own)
            if family in families and (everybody or own):
                yield Rule(
                    family=family,
                    protocol=self.protocol,
                    ports=self.ports,
                    icmp_type=self.icmp_type,
                    icmp_code=self.icmp_code,
                    remotes=None if everybody else own,
                    path=self.path,
                )


@dataclass(frozen=True)
class DeclaredGroup:
    """egress: None lets everything out."""

    name: str
    path: str
    ingress: tuple[DeclaredRule, ...]
    egress: tuple[DeclaredRule, ...] | None


def parse_group(section: Section, name: str, groups: Collection[str]) -> DeclaredGroup | None:
    """``groups`` are those that there are."""
    ingress = _rules(section, "ingress", "from", groups)
    egress = _rules(section, "egress", "to", groups) if "egress" in section else None
    section.raw("egress")
    section.close()
    return DeclaredGroup(name, section.path, ingress, egress) if section.sound else None


def resolved(rules: Iterable[DeclaredRule], families: Collection[int], members_of: MembersOf) -> tuple[Rule, ...]:
    return tuple(rule for declared in rules for rule in declared.resolved(families, members_of))


def _rules(section: Section, key: str, side: str, groups: Collection[str]) -> tuple[DeclaredRule, ...]:
    raw = section.raw(key)
    if raw is None:
        return ()
    if not isinstance(raw, (list, tuple)):
        section.fault(key, f"{raw!r} is not a list; write [{{protocol: tcp, ports: [80]}}]")
        return ()
    found = []
    for number, entry in enumerate(raw):
        rule = _rule(Section(f"{section.path}.{key}[{number}]", entry, section.faults), side, groups)
        if rule is None:
            section.spoil(key)
        else:
            found.append(rule)
    return tuple(found)


def _rule(section: Section, side: str, groups: Collection[str]) -> DeclaredRule | None:
    protocol = section.get("protocol", _protocol, None)
    ports = tuple(sorted(section.listed("ports", port_range)))
    icmp_type = section.get("icmp_type", values.integer(0, 255), None)
    icmp_code = section.get("icmp_code", values.integer(0, 255), None)
    family = section.get("family", _family, None)
    anybody = side not in section
    remotes = section.listed(side, lambda value: _remote(value, groups))
    section.close()
    if section.are_sound("protocol"):
        _check_ports(section, protocol, ports)
        _check_icmp(section, protocol, icmp_type, icmp_code)
    prefixes = tuple(remote for remote in remotes if not isinstance(remote, str))
    named = tuple(remote for remote in remotes if isinstance(remote, str))
    for group in named:
        known(section, side, group, groups, "fabric_security_groups")
    if not anybody and not remotes and section.are_sound(side):
        section.fault(side, "is empty, so that the rule is for nobody; leave it out for anybody")
    families = _families(section, protocol, family)
    _check_families(section, side, families, prefixes)
    if not section.sound:
        return None
    return DeclaredRule(families, protocol, ports, icmp_type, icmp_code, anybody, prefixes, named, section.path)


def _families(section: Section, protocol: str | None, family: int | None) -> tuple[int, ...]:
    own = _FAMILY.get(protocol or "")
    if own is not None and family is not None and own != family:
        section.fault("family", f"{family} has no {protocol}; leave it out")
    if own is not None or family is not None:
        return (own or family or 0,)
    return (4, 6)


def _check_ports(section: Section, protocol: str | None, ports: tuple[Ports, ...]) -> None:
    if "ports" not in section:
        return
    if protocol not in _WITH_PORTS:
        what = "any protocol" if protocol is None else protocol
        section.fault("ports", f"has no meaning for {what}; choose protocol: tcp, udp or sctp")
    elif not ports and section.are_sound("ports"):
        section.fault("ports", "is empty, so that the rule is for no port; leave it out for all")


def _check_icmp(section: Section, protocol: str | None, icmp_type: int | None, icmp_code: int | None) -> None:
    if protocol not in _FAMILY:
        why = "has no meaning without protocol: icmp or icmpv6; leave it out"
        section.meaningless(("icmp_type", "icmp_code"), why)
    elif icmp_code is not None and icmp_type is None and section.are_sound("icmp_type"):
        section.fault("icmp_code", f"{icmp_code} has no meaning without icmp_type; name the type, too")


def _check_families(section: Section, side: str, families: tuple[int, ...], prefixes: Iterable[IPNetwork]) -> None:
    for prefix in prefixes:
        if prefix.version not in families:
            text = f"{prefix} is of IPv{prefix.version}, and the rule of IPv{families[0]} only; name an address of that"
            section.fault(side, text)


def _protocol(value: Any) -> str | None:
    if value == "any":
        return None
    if isinstance(value, str) and value in (*_WITH_PORTS, *_FAMILY):
        return value
    try:
        number = values.integer(0, 255)(value)
    except ValueError:
        text = f"{value!r} is not known; choose tcp, udp, sctp, icmp, icmpv6, any, or a number from 0 to 255"
        raise ValueError(text) from None
    return _NUMBERS.get(number, str(number))


def _family(value: Any) -> int:
    if value not in (4, 6):
        raise ValueError(f"{value!r} is no family; choose 4 or 6")
    return int(value)


def port_range(value: Any) -> Ports:
    """``80``, or ``8000-8080``."""
    first, dash, last = str(value).partition("-")
    parse = values.integer(1, 65535)
    found = (parse(first), parse(last if dash else first))
    if found[1] < found[0]:
        raise ValueError(f"'{value}' ends before it begins; write {found[1]}-{found[0]}")
    return found


def _remote(value: Any, groups: Collection[str]) -> IPNetwork | str:
    """An address, a subnet, or the name of a group."""
    if isinstance(value, str) and value not in groups and (value[:1].isdigit() or ":" in value or "/" in value):
        return addresses.network(value) if "/" in value else addresses.prefix(value)
    if isinstance(value, Mapping):
        raise ValueError(f"{value!r} is neither a subnet nor the name of a group")
    return names.object_name(value)
