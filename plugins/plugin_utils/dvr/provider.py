# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A physical network of ``fabric_providers``, as it is on one host."""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Provider
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.settings import DEFAULT_MTU, mtu
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section


def parse_provider(section: Section, name: str) -> Provider | None:
    """The provider; what one host has otherwise has been laid over the section."""
    bridge = section.get("bridge", names.switched_device, names.device_name(name, "br-"))
    provider = Provider(
        name=name,
        path=f"fabric_providers.{name}",
        bridge=bridge,
        device=section.get("device", names.switched_device, None),
        mtu=section.get("mtu", mtu, DEFAULT_MTU),
        integration_patch=section.get("integration_patch", names.switched_device, names.device_name(bridge, "int-")),
        provider_patch=section.get("provider_patch", names.switched_device, names.device_name(bridge, "phy-")),
        host_leg=section.get("host_leg", names.switched_device, names.device_name(bridge, "host-")),
        host_port=section.get("host_port", names.switched_device, names.device_name(bridge, "vhost-")),
    )
    section.close()
    if section.path_of("mtu").startswith("fabric_hosts."):
        section.fault("mtu", f"is the same on all hosts; set {provider.path}.mtu")
    return provider if section.sound else None
