# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IP addresses of intent: parsed, normal, and able to say which subnet they are in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

try:
    from netaddr import EUI, AddrFormatError, IPAddress, IPNetwork, cidr_merge
except ImportError as error:
    MISSING: ImportError | None = error
    EUI = AddrFormatError = IPAddress = IPNetwork = cidr_merge = None
else:
    MISSING = None

# Others take what they need of netaddr from here, where its absence is dealt with.
__all__ = [
    "EUI",
    "MISSING",
    "Address",
    "IPAddress",
    "IPNetwork",
    "address",
    "cidr_merge",
    "everywhere",
    "holding",
    "interface",
    "ip",
    "ipv4",
    "network",
    "prefix",
    "refuse_reserved",
    "require_netaddr",
    "single",
    "whole",
]


@dataclass(frozen=True)
class Address:
    """An address of a host or an instance. ``subnet`` is None where nobody has said how long its prefix is."""

    ip: IPAddress
    subnet: IPNetwork | None = None

    @property
    def family(self) -> int:
        return int(self.ip.version)

    @property
    def interface(self) -> str:
        """The address as it is put on a device."""
        length = self.subnet.prefixlen if self.subnet is not None else _width(self.ip)
        return f"{self.ip}/{length}"

    def __str__(self) -> str:
        return str(self.ip) if self.subnet is None else self.interface


def require_netaddr() -> None:
    """
    :raises ImportError: which says what to do about it.
    """
    if MISSING is not None:
        text = "the controller lacks the Python library netaddr; install it beside Ansible: pip install netaddr"
        raise ImportError(text) from MISSING


def ip(value: Any) -> IPAddress:
    """A single address that a device can have."""
    try:
        address = IPAddress(_text(value))
    except (AddrFormatError, ValueError):
        raise ValueError(f"{value!r} is no IP address; write it as 192.0.2.1 or 2001:db8::1") from None
    _refuse_mapped(address)
    for what, is_it in (
        ("a multicast", address.is_multicast()),
        ("a loopback", address.is_loopback()),
        ("the unspecified", int(address) == 0),
        ("the broadcast", str(address) == "255.255.255.255"),
    ):
        if is_it:
            raise ValueError(f"{address} is {what} address; a device cannot have it")
    return address


def ipv4(number: int) -> IPAddress:
    return IPAddress(number, 4)


def single(own: IPAddress) -> IPNetwork:
    """An address as the subnet that has only it."""
    return IPNetwork(own)


def whole(destination: object) -> str:
    """An address as the route to it alone, 192.0.2.1/32; what has a length is left as it is."""
    text = str(destination)
    return text if "/" in text else f"{text}/{128 if ':' in text else 32}"


def everywhere(family: int) -> str:
    """The destination of a default route, of IPv4 or IPv6."""
    return "::/0" if family == 6 else "0.0.0.0/0"


def address(value: Any) -> Address:
    """An address with or without the length of its prefix."""
    if isinstance(value, str) and "/" in value:
        return interface(value)
    return Address(ip(value))


def interface(value: Any) -> Address:
    """An address with the length of its prefix: 192.0.2.1/24."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError(f"{value!r} has no prefix length; write it as 192.0.2.1/24")
    own = ip(value.split("/", 1)[0])
    try:
        subnet = IPNetwork(value).cidr
    except (AddrFormatError, ValueError):
        raise ValueError(f"{value!r} is no address with prefix length; write it as 192.0.2.1/24") from None
    if subnet.prefixlen == 0:
        raise ValueError(f"{value!r} makes every address a neighbour; write the length of its subnet, as 192.0.2.1/24")
    refuse_reserved(own, subnet)
    return Address(own, subnet)


def network(value: Any) -> IPNetwork:
    """A subnet: 192.0.2.0/24."""
    try:
        found = IPNetwork(_text(value))
    except (AddrFormatError, ValueError):
        raise ValueError(f"{value!r} is no subnet; write it as 192.0.2.0/24") from None
    if "/" not in value:
        raise ValueError(f"{value!r} has no prefix length; write it as 192.0.2.0/24")
    _refuse_mapped(found.ip)
    if found.ip != found.cidr.ip:
        raise ValueError(f"{value!r} has host bits set; write {found.cidr}")
    return found.cidr


def _refuse_mapped(own: IPAddress) -> None:
    if own.version == 6 and own.is_ipv4_mapped():
        raise ValueError(f"{own} is an IPv4 address in IPv6; write {own.ipv4()}")


def prefix(value: Any) -> IPNetwork:
    """A subnet, or a single address."""
    if isinstance(value, str) and "/" not in value:
        return IPNetwork(ip(value))
    return network(value)


def refuse_reserved(own: IPAddress, subnet: IPNetwork) -> None:
    """The first address of a subnet and, with IPv4, its last one are no device's."""
    if subnet.prefixlen >= _width(own) - 1:
        return
    if own == subnet.network:
        raise ValueError(f"{own} is the network address of {subnet}; choose another address of it")
    if own == subnet.broadcast:
        raise ValueError(f"{own} is the broadcast address of {subnet}; choose another address of it")


def holding(own: IPAddress, subnets: Iterable[IPNetwork]) -> IPNetwork | None:
    """The subnet that an address is in."""
    return next((subnet for subnet in subnets if own in subnet), None)


def _width(own: IPAddress) -> int:
    return 32 if own.version == 4 else 128


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return str(value)
