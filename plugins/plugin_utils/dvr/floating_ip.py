# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's floating IP, which its router translates on the instance's host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.external import DeclaredExternal
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.limits import parse_limit
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import FloatingIp, RateLimit
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.router import DeclaredRouter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import listed
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section

if TYPE_CHECKING:
    from netaddr import IPAddress


@dataclass(frozen=True)
class DeclaredFloatingIp:
    """network: the external network, where it was named. fixed: the address of the instance that it stands for."""

    address: IPAddress
    network: str | None
    fixed: IPAddress
    limit: RateLimit | None
    path: str


def parse_floating_ip(section: Section, own: tuple[IPAddress, ...]) -> DeclaredFloatingIp | None:
    """The value of ``floating_ip`` in an instance's section: an address, or a map. ``own``: those of the instance."""
    raw = section.raw("floating_ip")
    if raw is None:
        return None
    path = section.path_of("floating_ip")
    inner = Section(path, {} if isinstance(raw, str) else raw, section.faults)
    if isinstance(raw, str):
        inner.short("address", raw)
    address = inner.required("address", addresses.ip, None, "choose an address of an external network")
    network = inner.get("network", names.object_name, None)
    fixed = inner.get("fixed", addresses.ip, None)
    limit = parse_limit(inner)
    inner.close()
    if address is not None and address.version == 6:
        text = f"{address} is IPv6, which is routed without translation; choose an IPv4 address, or leave it out"
        inner.fault("address", text)
    candidates = [ip for ip in own if ip.version == 4]
    choice = ", ".join(map(str, candidates))
    if fixed is not None and fixed not in candidates:
        inner.fault("fixed", f"{fixed} is no IPv4 address of the instance ({choice}); choose one")
    elif fixed is None and len(candidates) > 1:
        inner.fault("fixed", f"is missing; say which address it stands for: {choice}")
    elif not candidates and section.are_sound("addresses"):
        inner.fault("address", f"{address} needs an IPv4 address of the instance; add one to addresses")
    if not inner.sound or address is None or not candidates:
        section.spoil("floating_ip")
        return None
    return DeclaredFloatingIp(address, network, fixed or candidates[0], limit, path)


def placed(declared: DeclaredFloatingIp, router: DeclaredRouter, faults: Faults) -> FloatingIp | None:
    """The floating IP on its router, or None when it cannot be there."""
    there = router.externals
    if declared.network is not None:
        there = tuple(external for external in there if external.name == declared.network)
    if not there:
        what = declared.network or "network"
        text = (
            f"{declared.address} needs an external network, and {router.path} has no {what} in external; add it there"
        )
        faults.add(declared.path, text)
        return None
    external = next((one for one in there if _holds(one, declared.address)), None)
    if external is None:
        subnets = listed(s.network for one in there for s in one.network.subnets if s.family == 4)
        text = f"{declared.address} is in no external network of {router.path} ({subnets}); choose an address of those"
        faults.add(declared.path, text)
        return None
    subnet = next(s.network for s in external.network.subnets if declared.address in s.network)
    try:
        addresses.refuse_reserved(declared.address, subnet)
    except ValueError as error:
        faults.add(declared.path, str(error))
        return None
    return FloatingIp(
        address=declared.address,
        fixed=declared.fixed,
        external=external.name,
        router=router.name,
        limit=declared.limit,
        path=declared.path,
    )


def _holds(external: DeclaredExternal, address: IPAddress) -> bool:
    return any(address in subnet.network for subnet in external.network.subnets)
