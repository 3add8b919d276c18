# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the whole fleet: the variables that are not maps of objects."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import (
    Faults,
    Section,
    Variables,
    suggestion,
)

if TYPE_CHECKING:
    from netaddr import IPNetwork

DEFAULT_POOL = "169.254.64.0/18"
DEFAULT_MTU = 1500
datapath = values.choice("system", "netdev")
mtu = values.integer(68, 65535)
# What VXLAN, UDP, IP and the inner Ethernet header take.
_OVERHEAD = {4: 50, 6: 70}


@dataclass(frozen=True)
class Settings:
    """snat_named: how many SNAT hosts are named, be they right or not. pool: of the pairs' addresses.

    tunnel_family: 6 where the tunnels' addresses are IPv6 ones.
    """

    datapath: str
    snat_hosts: tuple[str, ...]
    snat_named: int
    pool: IPNetwork
    underlay_mtu: int
    tunnel_family: int

    @property
    def overlay_mtu(self) -> int:
        return self.underlay_mtu - _OVERHEAD[self.tunnel_family]

    @property
    def overhead(self) -> int:
        return _OVERHEAD[self.tunnel_family]


def parse_settings(intent: Mapping[str, Any], hosts: Mapping[str, Any], faults: Faults) -> Settings:
    """``hosts`` are the entries of ``fabric_hosts``."""
    section = Variables(intent, faults)
    snat_hosts = section.listed("fabric_snat_hosts", names.host_name)
    for host in snat_hosts:
        if host not in hosts:
            section.fault("fabric_snat_hosts", f"there is no {host} in fabric_hosts; {suggestion(host, hosts)}")
    return Settings(
        datapath=section.get("fabric_datapath", datapath, "system"),
        snat_hosts=tuple(host for host in snat_hosts if host in hosts),
        snat_named=len(snat_hosts),
        pool=section.get("fabric_link_local_pool", _pool, addresses.network(DEFAULT_POOL)),
        underlay_mtu=section.get("fabric_underlay_mtu", mtu, DEFAULT_MTU),
        tunnel_family=_tunnel_family(hosts.values()),
    )


def _tunnel_family(hosts: Iterable[Any]) -> int:
    tunnels = (raw.get("tunnel") for raw in hosts)
    return 6 if any(isinstance(tunnel, str) and ":" in tunnel for tunnel in tunnels) else 4


def _pool(value: Any) -> IPNetwork:
    pool = addresses.network(value)
    if pool.version != 4 or pool.first >> 16 != numbers.LINK_LOCAL >> 16 or pool.prefixlen > 31:
        raise ValueError(f"{pool} is no part of 169.254.0.0/16 with room for pairs; choose one, such as {DEFAULT_POOL}")
    if not numbers.next_pair(pool, 0, set()):
        raise ValueError(f"{pool} is used for connections between SNAT hosts; choose another, such as {DEFAULT_POOL}")
    return pool


def known(section: Section, key: str, name: str, there: Collection[str], variable: str) -> bool:
    """Whether a name is that of an entry of a variable; if not, a fault says so."""
    if name in there:
        return True
    section.fault(key, f"there is no {name} in {variable}; {suggestion(name, there)}")
    return False
