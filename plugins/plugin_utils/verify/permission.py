# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What security groups let through, as far as a check's packets are concerned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Instance, Rule

if TYPE_CHECKING:
    from netaddr import IPAddress

_NAMES = {"1": "icmp", "6": "tcp", "58": "icmpv6"}
_ECHO_PROTOCOL = {4: "icmp", 6: "icmpv6"}
_ECHO_REQUEST = {4: 8, 6: 128}


@dataclass(frozen=True)
class Kind:
    """An echo request, or a TCP connection to ``port``."""

    port: int | None = None


ECHO = Kind()


def lets_in(instance: Instance, kind: Kind, source: IPAddress) -> bool:
    """Whether packets from this address, as the instance sees it, get to the instance."""
    return not instance.port_security or _passes(instance.ingress, kind, source)


def lets_out(instance: Instance, kind: Kind, target: IPAddress) -> bool:
    """Whether packets of the instance to this address leave its port."""
    return not instance.port_security or instance.egress is None or _passes(instance.egress, kind, target)


def lets_anybody_in(instance: Instance, kind: Kind, family: int) -> bool | None:
    """The same for a sender whose address is not known; None when that decides."""
    if not instance.port_security:
        return True
    rules = [rule for rule in instance.ingress if _is_about(rule, kind, family)]
    if any(rule.remotes is None or any(remote.prefixlen == 0 for remote in rule.remotes) for rule in rules):
        return True
    return None if rules else False


def _passes(rules: Iterable[Rule], kind: Kind, remote: IPAddress) -> bool:
    return any(
        _is_about(rule, kind, remote.version) and (rule.remotes is None or any(remote in each for each in rule.remotes))
        for rule in rules
    )


def _is_about(rule: Rule, kind: Kind, family: int) -> bool:
    if rule.family != family:
        return False
    if rule.protocol is None:
        return True
    protocol = _NAMES.get(str(rule.protocol), str(rule.protocol))
    if kind.port is not None:
        return protocol == "tcp" and (not rule.ports or any(low <= kind.port <= high for low, high in rule.ports))
    is_echo = rule.icmp_type in (None, _ECHO_REQUEST[family]) and rule.icmp_code in (None, 0)
    return protocol == _ECHO_PROTOCOL[family] and is_echo
