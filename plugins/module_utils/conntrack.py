# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making the kernel forget connections, which would otherwise be translated as before for as long as they last.

Numbers are those of linux/netfilter/nfnetlink.h and linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import json
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network, summarize_address_range
from typing import Any, Union

from .netlink import Channel, attribute, attributes

_NETLINK_NETFILTER = 12
_GET, _DELETE = 0x0101, 0x0102
_HEADER = 4
_ORIGINAL, _REPLY, _ID, _ZONE = 1, 2, 12, 18
_NESTED = 0x8000
_ADDRESSES = 1
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
# How an element joins a key and a value, and the parts of either.
_BETWEEN = re.compile(r" [:.] ")

Network = Union[IPv4Network, IPv6Network]


@dataclass(frozen=True)
class Connection:
    """ends: source and destination as the first packet had them, then those of the answers. name: what deletes it."""

    ends: tuple[bytes, ...]
    name: bytes


def forget(prefixes: Iterable[str]) -> int:
    """Delete the connections of the calling thread's namespace that have one of these addresses at any of their ends.

    :raises OSError: when the kernel does not list or delete connections.
    :returns: how many there were.
    """
    networks = [ip_network(prefix) for prefix in prefixes]
    count = 0
    with Channel(_NETLINK_NETFILTER) as channel:
        for version, family in _FAMILIES.items():
            wanted = _Wanted([network for network in networks if network.version == version])
            if not wanted:
                continue
            header = struct.pack("=BBH", family, 0, 0)
            # The list is read to its end before the first deletion: both use the one channel.
            found = [c for c in map(connection, channel.dump(_GET, header)) if any(end in wanted for end in c.ends)]
            for gone in found:
                count += _delete(channel, header + gone.name)
    return count


def connection(body: bytes) -> Connection:
    """One connection as the kernel shows it."""
    found = attributes(body, _HEADER)
    ends = [end for side in (_ORIGINAL, _REPLY) for end in attributes(attributes(found[side])[_ADDRESSES]).values()]
    name = attribute(_ORIGINAL | _NESTED, found[_ORIGINAL])
    name += b"".join(attribute(kind, found[kind]) for kind in (_ID, _ZONE) if kind in found)
    return Connection(tuple(ends), name)


def addresses_in(entries: Iterable[str]) -> tuple[str, ...]:
    """The addresses and prefixes in the elements of an nftables set or map, in their normal form."""
    found = {network for entry in entries for word in _words(entry) for network in _networks(word)}
    return tuple(sorted(str(network[0]) if network.num_addresses == 1 else str(network) for network in found))


class _Wanted:
    """Addresses by their bytes; prefixes are looked through one by one, and there are few."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._hosts = {network[0].packed for network in networks if network.num_addresses == 1}
        self._wide = [network for network in networks if network.num_addresses > 1]

    def __bool__(self) -> bool:
        return bool(self._hosts or self._wide)

    def __contains__(self, end: bytes) -> bool:
        return end in self._hosts or any(ip_address(end) in network for network in self._wide)


def _delete(channel: Channel, name: bytes) -> int:
    try:
        channel.command(_DELETE, name)
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        return 0
    return 1


def _words(entry: str) -> Iterator[str]:
    """The single values of an element; one that has more than values stands there as JSON."""
    return _words_of(json.loads(entry)) if entry.startswith("[") else iter(_BETWEEN.split(entry))


def _words_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict) and set(value) == {"prefix"}:
        yield f"{value['prefix']['addr']}/{value['prefix']['len']}"
    elif isinstance(value, dict) and set(value) == {"range"}:
        yield "-".join(map(str, value["range"]))
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _words_of(item)


def _networks(word: str) -> Iterable[Network]:
    """An address, a prefix or a range as prefixes; nothing for what is none, as a verdict or a port."""
    first, _dash, last = word.partition("-")
    try:
        if last:
            return list(summarize_address_range(ip_address(first), ip_address(last)))
        return [ip_network(word)] if not word.isdigit() else []
    except (ValueError, TypeError):
        return []
