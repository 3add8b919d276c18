# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and MAC addresses derived from intent: the same intent always gives the same ones, on any host."""

from __future__ import annotations

import re
from base64 import b32encode
from hashlib import sha256
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils import flowtext, values

_TAIL = 6
_MAX_NAMESPACE = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_MAX_NAME, _MAX_HOST_NAME = 63, 253
# The prefix of QEMU's addresses, less one byte, so that thousands of derived addresses do not meet by chance.
_MAC_PREFIX = "52:54"
HOST_END = "fe:"


def object_name(value: Any) -> str:
    """The name of a bridge, an instance and the like: what a person calls it."""
    return _name(value, _MAX_NAME)


def host_name(value: Any) -> str:
    """The name of a host in the inventory, which may be a fully qualified one."""
    return _name(value, _MAX_HOST_NAME)


def _name(value: Any, most: int) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text; put the name in quotes")
    if len(value) > most or not _NAME.fullmatch(value):
        raise ValueError(
            f"{value!r} is no name; use letters, digits, '_', '.' and '-', at most {most}, a letter or digit first"
        )
    return str(value)


def device(value: Any) -> str:
    """A device's name as somebody wrote it."""
    name = values.device_name(value)
    if name == "lo":
        raise ValueError("lo is the loopback device; choose another name")
    return str(name)


def switched_device(value: Any) -> str:
    """A device's name that flows of Open vSwitch can have as it is."""
    name = device(value)
    if not flowtext.is_bare(name):
        raise ValueError(f"'{name}' is a number, a word or more than a name to Open vSwitch; choose another name")
    return name


def device_name(name: str, prefix: str = "") -> str:
    """A name of at most 15 bytes; a longer one keeps its beginning and gets a tail that depends on all of it."""
    return _shortened(prefix + name, values.MAX_NAME_BYTES)


def namespace_name(name: str, prefix: str) -> str:
    """A namespace's name, which is shortened in the same way."""
    return _shortened(prefix + name, _MAX_NAMESPACE)


def _shortened(full: str, most: int) -> str:
    if len(full) <= most:
        return full
    tail = b32encode(sha256(full.encode()).digest()).decode().lower()[:_TAIL]
    return f"{full[: most - _TAIL - 1]}-{tail}"


def derived_mac(*words: str) -> str:
    """A MAC address that depends on these words only."""
    digest = sha256("\0".join(words).encode()).digest()
    return ":".join([_MAC_PREFIX, *(f"{byte:02x}" for byte in digest[:4])])


def host_end_mac(mac: str) -> str:
    """The address of the host's end of an instance's port.

    It is higher than that of any network card: a bridge without an address of its own takes the lowest of its ports',
    and must not change it because an instance comes or goes.
    """
    return HOST_END + mac[len(HOST_END) :]


def mac(value: Any) -> str:
    if isinstance(value, int):
        raise ValueError(f"{value} is a number to YAML; put the MAC address in quotes")
    address = values.mac(value)
    if address.startswith(HOST_END):
        raise ValueError(
            f"{address} begins with fe, as the host's ends of ports do; choose another, such as 52{address[2:]}"
        )
    return address
