# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of a document have in common: sections of entries, veth pairs, sysctls."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Entry = dict[str, Any]
Sections = dict[str, list[Entry]]

INTEGRATION = "br-int"


def declared(entry: Entry) -> Entry:
    """What is None is not mentioned."""
    return {key: value for key, value in entry.items() if value is not None}


def merged(parts: Iterable[Sections]) -> Sections:
    """All parts in one, each section's entries in the order of the parts."""
    found: Sections = {}
    for part in parts:
        for section, entries in part.items():
            found.setdefault(section, []).extend(entries)
    return found


def veth(inside: Entry, outside: Entry) -> list[Entry]:
    """Both ends of a pair; each entry says ``name``, ``because`` and, where it is not the host's, ``namespace``."""
    return [_end(inside, outside), _end(outside, inside)]


def _end(own: Entry, other: Entry) -> Entry:
    peer = declared({"name": other["name"], "namespace": other.get("namespace")})
    return declared({"namespace": None, "name": None, "type": "veth", "peer": peer, **own, "up": True})


def usable_at_once(namespace: str, link: str, interface: str, because: str) -> Entry:
    """An address without a test whether somebody else has it: the intent gives each one out once."""
    nodad = True if ":" in interface else None
    return declared({"namespace": namespace, "link": link, "address": interface, "nodad": nodad, "because": because})


def sysctls(namespace: str, values: dict[str, int], because: str) -> list[Entry]:
    return [
        {"namespace": namespace, "name": name, "value": value, "because": because} for name, value in values.items()
    ]


FORWARDING = {
    "net.ipv4.ip_forward": 1,
    "net.ipv6.conf.all.forwarding": 1,
    # A namespace starts with the host's own settings of IPv4, whatever they are.
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.arp_announce": 2,
    "net.ipv4.conf.all.arp_ignore": 1,
    # The fabric gives every address once: none needs to be tried out before it is used.
    "net.ipv6.conf.default.accept_dad": 0,
}
