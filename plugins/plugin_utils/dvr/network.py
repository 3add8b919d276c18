# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tenant's network of ``fabric_networks``: on VXLAN, or on a provider."""

from __future__ import annotations

from collections.abc import Callable, Collection

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import names, vlans
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Network, Provider
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import Settings, known, mtu
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.subnets import (
    check_mtu,
    parse_subnets,
    require_subnets,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

vni = values.integer(1, numbers.MAX_VNI)
FindProvider = Callable[[str], Provider | None]


def parse_network(
    section: Section, name: str, settings: Settings, find: FindProvider, providers: Collection[str]
) -> Network | None:
    """The network by itself: which MAC address its gateway has is known once its routers are."""
    subnets = parse_subnets(section, default_gateways=section.raw("gateways") != [])
    provider = section.get("provider", names.object_name, None)
    vlan = section.get("vlan", vlans.vlan_id, None)
    own_vni = section.get("vni", vni, None)
    own_mtu = section.get("mtu", mtu, None)
    tunnel_device = section.get("tunnel_device", names.switched_device, names.device_name(name, "vx-"))
    section.close()
    require_subnets(section)
    if "provider" in section:
        section.meaningless(("vni", "tunnel_device"), "has no meaning on a provider; leave it out, or provider")
        ceiling = provider_mtu(section, provider, find, providers)
        limit = f"the {ceiling} of fabric_providers.{provider}"
    else:
        section.meaningless(("vlan",), "has no meaning without provider; say which provider it is on, or leave it out")
        own_vni = numbers.vni(name) if own_vni is None else own_vni
        ceiling = settings.overlay_mtu
        limit = f"the {ceiling} that fit in VXLAN (fabric_underlay_mtu {settings.underlay_mtu} - {settings.overhead})"
    fitting = fit_mtu(section, own_mtu, ceiling, limit)
    check_mtu(section, fitting, subnets)
    if not section.sound:
        return None
    return Network(
        name=name,
        path=section.path,
        subnets=subnets,
        mtu=fitting,
        number=numbers.provider_number(provider, vlan) if provider is not None else own_vni or 0,
        vni=own_vni,
        provider=provider,
        vlan=vlan,
        tunnel_device=tunnel_device if provider is None else None,
    )


def provider_mtu(section: Section, provider: str | None, find: FindProvider, providers: Collection[str]) -> int | None:
    """The most that fits on the provider; None where it is not known, because something is wrong with that."""
    if provider is None or not known(section, "provider", provider, providers, "fabric_providers"):
        return None
    found = find(provider)
    return None if found is None else found.mtu


def fit_mtu(section: Section, own: int | None, ceiling: int | None, limit: str) -> int:
    if ceiling is None:
        return own or 1500
    if own is not None and own > ceiling:
        section.fault("mtu", f"{own} is more than {limit}; choose {ceiling} or less")
    return ceiling if own is None else own
