# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers that follow from names alone, so that whatever else comes or goes changes none of them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netaddr import IPNetwork

FIRST_TABLE = 16
MAX_VNI = (1 << 24) - 1
# Small numbers are left to those who choose their own.
_FIRST_VNI = 1 << 20
_PROVIDER_BIT = 1 << 31
_VLAN_BITS = 12
DVR_MAC_PREFIX = "5a:d0:"

LINK_LOCAL = 0xA9FE0000
# The address that clouds keep for metadata, and the addresses of the connections between SNAT hosts.
_METADATA = LINK_LOCAL | (169 << 8) | 254
_SYNC_FIRST, _SYNC_LAST = LINK_LOCAL | (192 << 8), LINK_LOCAL | 0xFFFF


def _digest(*words: str) -> int:
    return int.from_bytes(sha256("\0".join(words).encode()).digest()[:8], "big")


def vni(network: str) -> int:
    return _FIRST_VNI + _digest("vni", network) % (MAX_VNI + 1 - _FIRST_VNI)


def provider_number(provider: str, vlan: int | None) -> int:
    """What flows call a network on a provider; VNIs are below all of these."""
    return _PROVIDER_BIT | (_digest("provider", provider) % (1 << 19)) << _VLAN_BITS | (vlan or 0)


def dvr_mac(host: str) -> str:
    digest = sha256(f"dvr\0{host}".encode()).digest()
    return DVR_MAC_PREFIX + ":".join(f"{byte:02x}" for byte in digest[:4])


def is_reserved(first: int) -> bool:
    """Whether a pair that begins with this address is used otherwise."""
    return first == _METADATA or _SYNC_FIRST <= first <= _SYNC_LAST


def pair(pool: IPNetwork, router: str, external: str) -> int:
    """The first address of the pair that a router has with an external network, or 0 where the pool has none."""
    return next_pair(pool, _digest("pair", router, external), set())


def next_pair(pool: IPNetwork, start: int, taken: set[int]) -> int:
    """The first pair of the pool, counted from ``start`` and round, that is free; 0 where none is."""
    count = int(pool.size) // 2
    for step in range(count):
        first = int(pool.first) + 2 * ((start + step) % count)
        if first not in taken and not is_reserved(first):
            return first
    return 0


def next_vni(network: str, taken: set[int]) -> int:
    candidate = vni(network)
    while candidate in taken:
        candidate = _FIRST_VNI + (candidate + 1 - _FIRST_VNI) % (MAX_VNI + 1 - _FIRST_VNI)
    return candidate
