# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of ``fabric_hosts``: one that has instances on routers' networks, or does the fleet's SNAT."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses, names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import numbers
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Host
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import Settings, datapath, known
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section


def parse_host(section: Section, name: str, settings: Settings, providers: Collection[str]) -> Host | None:
    """The host, without its providers: those depend on what else is on it. ``providers`` are those that there are."""
    host = Host(
        name=name,
        path=section.path,
        datapath=section.get("datapath", datapath, settings.datapath),
        tunnel=section.get("tunnel", addresses.ip, None),
        tunnel_device=section.get("tunnel_device", names.switched_device, None),
        dvr_mac=section.get("dvr_mac", _dvr_mac, numbers.dvr_mac(name)),
        providers=(),
    )
    for provider in section.get("providers", _providers, {}):
        known(section, "providers", provider, providers, "fabric_providers")
    section.close()
    if host.tunnel is not None and host.tunnel.version != settings.tunnel_family:
        text = f"{host.tunnel} is of IPv4, and other hosts have tunnels over IPv6"
        section.fault("tunnel", f"{text}; choose one family for all hosts")
    if len(settings.snat_hosts) > 1 and name in settings.snat_hosts:
        for key, what in (("tunnel", "address"), ("tunnel_device", "device of the tunnel's address")):
            if key not in section:
                section.fault(key, f"is missing; name the {what}, by which SNAT hosts see whether the others live")
    return host if section.sound else None


def _providers(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(
            f"{value!r} is not a map; write what is different here, such as {{PROVIDER: {{device: eth1}}}}"
        )
    return value


def _dvr_mac(value: Any) -> str:
    mac = names.mac(value)
    if not mac.startswith(numbers.DVR_MAC_PREFIX):
        raise ValueError(
            f"{mac} does not begin with {numbers.DVR_MAC_PREFIX}, by which other hosts know it; choose one"
        )
    return mac


def instance_mac(value: Any) -> str:
    """A MAC address that is not taken for a host's."""
    mac = names.mac(value)
    if mac.startswith(numbers.DVR_MAC_PREFIX):
        text = f"{mac} begins with {numbers.DVR_MAC_PREFIX[:-1]}, as hosts' addresses for routed frames do"
        raise ValueError(f"{text}; choose another, such as 52:54{mac[5:]}")
    return mac
