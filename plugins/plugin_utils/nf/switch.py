# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What brings the VLANs from the uplink to the ports on a host: one class for each kind of switch."""

from __future__ import annotations

from typing import Protocol

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import Entry, Sections, veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.ports import no_ipv6, silence, whole_checksums
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import derived_mac, device_name, host_end_mac
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Host, HostView, Vlan
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.settings import DEFAULT_MTU

BRIDGE = "br-nf"


class Switch(Protocol):
    def trunk(self) -> Sections:
        """The uplink and the bridges, with every VLAN, whether anybody is there or not."""

    def port(self, link: Entry, vlan: Vlan) -> Sections:
        """A device of the host as the place where an NF is in a VLAN; ``link`` is all the rest of it."""

    def routed_device(self, vlan: Vlan) -> str:
        """The device by which the host itself is in a VLAN."""

    def routed(self, vlan: Vlan) -> Sections:
        """What that device needs to be there."""

    def unrouted(self, but: Vlan | None) -> list[str]:
        """Devices on which a host could take part in a VLAN and must not; ``but`` is the VLAN that it routes."""

    def completed(self, sections: Sections) -> Sections:
        """The whole document, with what depends on all of it."""


def switch_of(view: HostView) -> Switch:
    routed = view.gateways.vlan if view.gateway is not None and view.gateways is not None else None
    return _switch(view.host, view.vlans, routed)


def devices_of(host: Host, vlans: tuple[Vlan, ...], routed: Vlan | None) -> dict[str, str]:
    """The devices that a host gets with its VLANs, each with the path in the intent that it is there for."""
    switch = _switch(host, vlans, routed)
    parts = [switch.trunk(), *([switch.routed(routed)] if routed is not None else [])]
    entries = [entry for part in parts for kind in ("links", "ovs_bridges") for entry in part.get(kind, ())]
    return {str(entry["name"]): str(entry["because"]) for entry in entries if entry.get("type") != "physical"}


def _switch(host: Host, vlans: tuple[Vlan, ...], routed: Vlan | None) -> Switch:
    kinds: dict[str, type[LinuxBridges | VlanAwareBridge | OpenVSwitch]] = {
        "linux": LinuxBridges,
        "vlan_aware": VlanAwareBridge,
        "openvswitch": OpenVSwitch,
    }
    return kinds[host.backend](host, vlans, routed)


class _Base:
    def __init__(self, host: Host, vlans: tuple[Vlan, ...], routed: Vlan | None) -> None:
        self.host = host
        self.vlans = vlans
        self.routed_vlan = routed

    @property
    def mtu(self) -> int:
        """The largest of all VLANs; a tag comes on top of it."""
        return max((vlan.mtu for vlan in self.vlans), default=DEFAULT_MTU)

    @property
    def because(self) -> str:
        return f"{self.host.path}.uplink"

    def uplink(self, **more: object) -> Entry:
        """Its MTU is left alone where it need not be more than any device has."""
        mtu = {"mtu": self.mtu} if self.mtu > DEFAULT_MTU else {}
        return {"name": self.host.uplink, "type": "physical", **mtu, "up": True, **more, "because": self.because}

    def completed(self, sections: Sections) -> Sections:
        return sections


class LinuxBridges(_Base):
    """A VLAN link and a bridge for each VLAN."""

    def trunk(self) -> Sections:
        links = [self.uplink()]
        for vlan in self.vlans:
            bridge = {"name": _bridge(vlan), "type": "bridge", "label": f"VLAN {vlan.name}", "mac": self._mac(vlan)}
            links += [
                {**bridge, "mtu": vlan.mtu, "stp": False, "up": True, "because": vlan.path},
                {
                    "name": self._tagged(vlan),
                    "type": "vlan",
                    "parent": self.host.uplink,
                    "id": vlan.id,
                    "mtu": vlan.mtu,
                    "master": _bridge(vlan),
                    "up": True,
                    "because": vlan.path,
                },
            ]
        return {"links": links, "sysctls": [no_ipv6(self._tagged(vlan), vlan.path) for vlan in self.vlans]}

    def port(self, link: Entry, vlan: Vlan) -> Sections:
        because = str(link["because"])
        return {"links": [{**link, "master": _bridge(vlan)}], "sysctls": [no_ipv6(str(link["name"]), because)]}

    def routed_device(self, vlan: Vlan) -> str:
        return _bridge(vlan)

    def routed(self, vlan: Vlan) -> Sections:
        return {}

    def unrouted(self, but: Vlan | None) -> list[str]:
        return [_bridge(vlan) for vlan in self.vlans if vlan != but]

    def _tagged(self, vlan: Vlan) -> str:
        return device_name(f"{self.host.uplink}.{vlan.id}")

    def _mac(self, vlan: Vlan) -> str:
        """Of its own: else it would be the lowest of the ports', and change when one comes."""
        return derived_mac("nf bridge", self.host.name, vlan.name)


def _bridge(vlan: Vlan) -> str:
    return f"br-{vlan.id}"


class VlanAwareBridge(_Base):
    """One bridge that knows VLANs. The host takes part in the VLAN that it routes, and in no other."""

    def trunk(self) -> Sections:
        bridge = {
            "name": BRIDGE,
            "type": "bridge",
            "mac": derived_mac("nf bridge", self.host.name),
            "mtu": self.mtu,
            "stp": False,
            "vlan_filtering": True,
            "vlan_default_pvid": 0,
            "vlans": [self.routed_vlan.id] if self.routed_vlan is not None else [],
            "up": True,
            "because": self.host.path,
        }
        uplink = self.uplink(master=BRIDGE, vlans=[vlan.id for vlan in self.vlans])
        return {"links": [bridge, uplink], "sysctls": [no_ipv6(self.host.uplink, self.because)]}

    def port(self, link: Entry, vlan: Vlan) -> Sections:
        place = {"master": BRIDGE, "vlans": [{"vid": vlan.id, "pvid": True, "untagged": True}]}
        return {"links": [{**link, **place}], "sysctls": [no_ipv6(str(link["name"]), str(link["because"]))]}

    def routed_device(self, vlan: Vlan) -> str:
        return f"{BRIDGE}.{vlan.id}"

    def routed(self, vlan: Vlan) -> Sections:
        link = {"name": self.routed_device(vlan), "type": "vlan", "parent": BRIDGE, "id": vlan.id, "mtu": vlan.mtu}
        return {"links": [{**link, "up": True, "because": vlan.path}]}

    def unrouted(self, but: Vlan | None) -> list[str]:
        return [BRIDGE]


class OpenVSwitch(_Base):
    """One bridge of Open vSwitch that learns by itself. Ports have tags; the host is in it by a veth pair."""

    def trunk(self) -> Sections:
        bridge = {
            "name": BRIDGE,
            "datapath_type": self.host.datapath,
            "fail_mode": "standalone",
            "because": self.host.path,
        }
        uplink = {
            "name": self.host.uplink,
            "bridge": BRIDGE,
            "type": "system",
            "vlan_mode": "trunk",
            "trunks": [vlan.id for vlan in self.vlans],
            "because": self.because,
        }
        return {
            "ovs_bridges": [bridge],
            "ovs_ports": [uplink],
            "links": [self.uplink()],
            "sysctls": [no_ipv6(self.host.uplink, self.because)],
        }

    def port(self, link: Entry, vlan: Vlan) -> Sections:
        because = str(link["because"])
        return {
            "ovs_ports": [self._access(str(link["name"]), vlan, because)],
            "links": [link],
            "sysctls": [no_ipv6(str(link["name"]), because)],
        }

    def routed_device(self, vlan: Vlan) -> str:
        return f"gw-{vlan.id}"

    def routed(self, vlan: Vlan) -> Sections:
        mac = derived_mac("nf gateway", self.host.name, vlan.name)
        inside = {"name": self.routed_device(vlan), "mac": mac, "mtu": vlan.mtu, "because": vlan.path}
        outside = {**inside, "name": f"vgw-{vlan.id}", "mac": host_end_mac(mac)}
        return {
            "links": veth(inside, outside),
            "ovs_ports": [self._access(f"vgw-{vlan.id}", vlan, vlan.path)],
            "sysctls": [no_ipv6(f"vgw-{vlan.id}", vlan.path)],
        }

    def unrouted(self, but: Vlan | None) -> list[str]:
        return []

    def completed(self, sections: Sections) -> Sections:
        if self.host.datapath != "netdev":
            return sections
        ports = [str(port["name"]) for port in sections["ovs_ports"]]
        tables = [*sections.get("nft_tables", []), *silence(self.host, "ports", ports)]
        return {**sections, "nft_tables": tables, "offloads": whole_checksums(sections)}

    def _access(self, name: str, vlan: Vlan, because: str) -> Entry:
        return {
            "name": name,
            "bridge": BRIDGE,
            "type": "system",
            "vlan_mode": "access",
            "tag": vlan.id,
            "because": because,
        }
