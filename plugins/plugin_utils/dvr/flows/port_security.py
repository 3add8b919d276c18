# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Table 10: an instance sends from its own addresses only, and is no router."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import IPAddress, IPNetwork
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.flows.text import (
    FIREWALL_OUT,
    FORWARD,
    PORT_SECURITY,
    RESPONDER,
    flow,
    goto,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.link_local import link_local
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Instance

_NOBODY = "00:00:00:00:00:00"
# Solicitation, advertisement, router advertisement, redirect.
_DISCOVERY = (135, 136, 134, 137)


def base() -> Iterator[str]:
    """Neighbour discovery passes as a port's own flows say, and never as any other IPv6."""
    yield from (flow(PORT_SECURITY, 95, f"icmp6,icmp_type={kind}", "drop") for kind in _DISCOVERY)


def instance(own: Instance) -> Iterator[str]:
    if not own.port_security:
        return
    sender = f"in_port={own.device},dl_src={own.mac}"
    ipv4 = [address for address in own.addresses if address.version == 4]
    ipv6 = [address for address in own.addresses if address.version == 6]
    may_send = [*(IPNetwork(address) for address in own.addresses), *own.allowed]
    # RARP, by which a hypervisor announces a VM that has moved here.
    yield flow(PORT_SECURITY, 100, f"rarp,{sender},arp_spa=0.0.0.0,arp_op=3,arp_sha={own.mac}", goto(FORWARD))
    yield from _arp(own, sender, ipv4, [prefix for prefix in may_send if prefix.version == 4])
    for prefix in may_send:
        if prefix.version == 4:
            yield flow(PORT_SECURITY, 90, f"ip,{sender},nw_src={short(prefix)}", goto(FIREWALL_OUT))
    if any(prefix.version == 6 for prefix in may_send):
        own_link = IPNetwork(link_local(own.mac))
        sources = [own_link, *(prefix for prefix in may_send if prefix.version == 6)]
        yield from _discovery(own, sender, [own_link.ip, *ipv6], sources)
        for prefix in sources:
            yield flow(PORT_SECURITY, 90, f"ipv6,{sender},ipv6_src={short(prefix)}", goto(FIREWALL_OUT))


def _arp(own: Instance, sender: str, ipv4: list[IPAddress], prefixes: list[IPNetwork]) -> Iterator[str]:
    if not prefixes:
        return
    for address in ipv4:
        # Nobody else has the address, so that there is nobody to answer a probe for it; an announcement is for all.
        yield flow(PORT_SECURITY, 110, f"arp,in_port={own.device},arp_spa=0.0.0.0,arp_tpa={address}", "drop")
        announcement = f"arp,{sender},arp_spa={address},arp_tpa={address},arp_sha={own.mac}"
        yield flow(PORT_SECURITY, 110, announcement, goto(FORWARD))
    for prefix in (IPNetwork("0.0.0.0/32"), *prefixes):
        yield flow(PORT_SECURITY, 100, f"arp,{sender},arp_spa={short(prefix)},arp_sha={own.mac}", goto(RESPONDER))


def _discovery(own: Instance, sender: str, ipv6: list[IPAddress], sources: list[IPNetwork]) -> Iterator[str]:
    for address in ipv6:
        probe = f"icmp6,in_port={own.device},ipv6_src=::,icmp_type=135,icmp_code=0,nd_target={address}"
        yield flow(PORT_SECURITY, 110, probe, "drop")
    for prefix in sources:
        # The link-layer address is optional where the receiver must know it already.
        for mac in (own.mac, _NOBODY):
            asked = f"icmp6,{sender},ipv6_src={short(prefix)},icmp_type=135,icmp_code=0,nd_sll={mac}"
            yield flow(PORT_SECURITY, 100, asked, goto(RESPONDER))
            told = f"icmp6,{sender},icmp_type=136,icmp_code=0,nd_target={short(prefix)},nd_tll={mac}"
            yield flow(PORT_SECURITY, 100, told, goto(FORWARD))


def short(prefix: IPNetwork) -> str:
    """A single address without the length of its prefix."""
    full = 32 if prefix.version == 4 else 128
    return str(prefix.ip) if prefix.prefixlen == full else str(prefix)
