# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of single values: each takes what YAML gave and returns the normal form, or raises ValueError.

The text of the ValueError is the second half of a message whose first half names the variable:
``links[2].mtu: 99999 is too large; choose 68 to 65535``.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Any, Callable

MAX_NAME_BYTES = 15
MAX_LABEL_BYTES = 200
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]*")
_PROCESS = re.compile(r"pid:[1-9][0-9]*")
_WHOLE = re.compile(r"-?[0-9]{1,20}")
# What no device's name may have: the kernel, a batch of ip, or the language of nft or Open vSwitch reads more into it.
_NO_NAME = re.compile(r"^-|[\s/:%\"'#\\]")
_NO_NAMES = (".", "..", "all", "default")
_NO_LABEL = re.compile(r"[\"#\\]")

Parser = Callable[[Any], Any]


def text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a text")
    return str(value)


def device_name(value: Any) -> str:
    """A name that the kernel takes for a network device as it is, and that every tool takes for nothing else."""
    name = text(value)
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(f"'{name}' has {len(name.encode())} bytes; a device name has at most {MAX_NAME_BYTES}")
    if name in _NO_NAMES:
        raise ValueError(f"'{name}' is no device name, but has a meaning of its own; choose another")
    if _NO_NAME.search(name) or not name.isprintable():
        raise ValueError(
            f"{name!r} is no device name; leave out white space, quotes, '/', ':', '%', '#', '\\' and a leading '-'"
        )
    return name


def label(value: Any) -> str:
    """A long name that is kept in an alias, and goes there by a line of a batch."""
    words = text(value)
    if len(words.encode(errors="surrogateescape")) > MAX_LABEL_BYTES:
        raise ValueError(f"{words[:20]!r}… is longer than {MAX_LABEL_BYTES} bytes; shorten it")
    if not words.isprintable() or _NO_LABEL.search(words) or words != words.strip():
        raise ValueError(
            f"{words!r} is no label; leave out double quotes, '#', '\\', line breaks and blanks at its ends"
        )
    return words


def namespace_name(value: Any) -> str:
    """A namespace: a name below /run/netns, ``pid:NUMBER``, or nothing for the host's own."""
    if value in (None, ""):
        return ""
    name = text(value)
    if _PROCESS.fullmatch(name):
        return name
    if len(name) > 64 or not _WORD.fullmatch(name):
        raise ValueError(f"{name!r} is no namespace; use letters, digits, '_', '.', '-', at most 64, or pid:NUMBER")
    return name


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is neither true nor false")


def integer(low: int, high: int) -> Parser:
    def parse(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)) or not _WHOLE.fullmatch(str(value)):
            raise ValueError(f"{value!r} is not a whole number; choose {low} to {high}")
        number = int(value)
        if not low <= number <= high:
            raise ValueError(f"{number} is out of range; choose {low} to {high}")
        return number

    return parse


def choice(*words: str) -> Parser:
    def parse(value: Any) -> str:
        if value not in words:
            raise ValueError(f"{value!r} is not known; choose {', '.join(words)}")
        return str(value)

    return parse


def mac(value: Any) -> str:
    address = str(value).lower()
    if not _MAC.fullmatch(address):
        raise ValueError(f"{value!r} is no MAC address; write it as 52:54:00:12:34:56")
    if address == "00:00:00:00:00:00" or int(address[:2], 16) & 1:
        raise ValueError(f"{address} cannot be a device's address; its first byte must be even and not all may be zero")
    return address


def ip(value: Any) -> str:
    try:
        address = ipaddress.ip_address(text(value))
    except ValueError:
        raise ValueError(f"{value!r} is no IP address") from None
    _refuse_spelling(address)
    return str(address)


def interface(value: Any) -> str:
    """An address with its prefix length, as ``ip addr`` shows it: 192.0.2.1/24."""
    try:
        if "/" not in text(value):
            raise ValueError
        found = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError(f"{value!r} is no address with prefix length; write it as 192.0.2.1/24") from None
    _refuse_spelling(found)
    if found.ip.is_multicast or found.ip.is_unspecified:
        kind = "a multicast" if found.ip.is_multicast else "the unspecified"
        raise ValueError(f"{found.ip} is {kind} address; a device cannot have it")
    if found.network.prefixlen == 0:
        raise ValueError(f"{value!r} makes every address a neighbour; write the length of its subnet, as 192.0.2.1/24")
    return str(found)


def prefix(value: Any) -> str:
    """A destination: 192.0.2.0/24, a single address, or ``default`` where the caller has resolved its family."""
    try:
        network = ipaddress.ip_network(text(value))
    except ValueError as error:
        if "host bits" in str(error):
            network = ipaddress.ip_network(value, strict=False)
            raise ValueError(f"{value!r} has host bits set; write {network}") from None
        raise ValueError(f"{value!r} is no prefix; write it as 192.0.2.0/24") from None
    _refuse_spelling(network.network_address)
    return str(network)


def _refuse_spelling(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """An IPv4 address in IPv6 is shown in more ways than one, and a scope is no part of an address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            raise ValueError(f"{address} names a device; leave out what is behind the address, and name it beside")
        if address.ipv4_mapped is not None:
            raise ValueError(f"{address} is an IPv4 address in IPv6; write {address.ipv4_mapped}")


def mapping(value: Any) -> tuple[tuple[str, str], ...]:
    """A map of texts, as a sorted tuple of pairs (hashable, comparable)."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a map of keys and values")
    return tuple(sorted((text(k), _scalar(v)) for k, v in value.items()))


def listing(parse: Parser, ordered: bool = False) -> Parser:
    """A list of values; sorted and without doubles unless its order means something."""

    def parse_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, (list, tuple)):
            raise ValueError(f"{value!r} is not a list")
        items = [parse(item) for item in value]
        return tuple(items) if ordered else tuple(sorted(set(items)))

    return parse_all


def family(address: str) -> int:
    """4 or 6, from an address or prefix already in normal form."""
    return 6 if ":" in address else 4


def host_part(address: str) -> str:
    return address.split("/", 1)[0]


def prefix_length(address: str) -> int:
    return int(address.rpartition("/")[2])


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise ValueError(f"{value!r} is not a single value")
