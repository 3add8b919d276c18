# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ports of br-int, and the instances behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ansible_collections.hostnet.fabric.plugins.plugin_utils import addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.entries import (
    INTEGRATION,
    Entry,
    Sections,
    declared,
    usable_at_once,
    veth,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.local_segment import LocalSegment
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import Host, Instance, Tap, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.names import host_end_mac


class OnSwitch(Protocol):
    """A host with Open vSwitch."""

    @property
    def path(self) -> str: ...

    @property
    def datapath(self) -> str: ...


def instances(own: tuple[Instance, ...]) -> Sections:
    return {
        "namespaces": list(_namespaces(own)),
        "links": [entry for instance in own for entry in _links(instance)],
        "addresses": [entry for instance in own for entry in _addresses(instance)],
        "routes": [entry for instance in own for entry in _routes(instance)],
        "meters": [entry for instance in own for entry in _meters(instance)],
    }


def integration_ports(host: Host, segments: list[LocalSegment]) -> Sections:
    devices = [port for segment in segments for port in _devices(segment)]
    return {
        "ovs_ports": [
            {"name": name, "bridge": INTEGRATION, "type": "system", "because": path} for name, path in devices
        ],
        "sysctls": [no_ipv6(name, path) for name, path in devices],
        "nft_tables": silence(host, "ports", [name for name, _path in devices]),
    }


def whole_checksums(sections: Sections) -> list[Entry]:
    """Open vSwitch in userspace passes frames on as they are. What is sent into a port of it must be complete."""
    ports = {port["name"] for port in sections["ovs_ports"]}
    senders = [link for link in sections["links"] if link["type"] == "veth" and link["name"] not in ports]
    return [
        declared(
            {
                "namespace": link.get("namespace"),
                "link": link["name"],
                "tx_checksums": False,
                "because": link["because"],
            }
        )
        for link in senders
        if link["peer"]["name"] in ports and "namespace" not in link["peer"]
    ]


def _devices(segment: LocalSegment) -> Iterator[tuple[str, str]]:
    yield from ((instance.device, instance.path) for instance in segment.instances)
    yield from ((leg.port, leg.path) for _router, leg in segment.legs)
    yield from ((external.port, external.path) for external in segment.externals)
    yield from ((central.port, central.path) for _snat, central in segment.centrals)
    if segment.network.vni is not None and segment.uplink is not None:
        yield segment.uplink, segment.network.path


def no_ipv6(device: str, because: str) -> Entry:
    """A port of a bridge is no interface of the host's own."""
    return {"name": f"net/ipv6/conf/{device}/disable_ipv6", "value": 1, "because": because}


def silence(host: OnSwitch, name: str, devices: list[str]) -> list[Entry]:
    """Open vSwitch in userspace gets a copy of what comes in by a port. The host must not answer to its own."""
    if host.datapath != "netdev" or not devices:
        return []
    chains = [
        {"name": device, "type": "filter", "hook": "ingress", "device": device, "priority": 0, "rules": ["drop"]}
        for device in devices
    ]
    return [{"family": "netdev", "name": name, "chains": chains, "because": f"{host.path}.datapath"}]


def _namespaces(own: tuple[Instance, ...]) -> Iterator[Entry]:
    """The namespaces that we make: each once, and not those that somebody else has made."""
    veths = [(instance, instance.port) for instance in own if isinstance(instance.port, Veth)]
    existing = {port.namespace for _instance, port in veths if port.namespace_exists}
    made: set[str] = set()
    for instance, port in veths:
        if port.namespace not in existing | made:
            made.add(port.namespace)
            yield {"name": port.namespace, "because": instance.path}


def _links(instance: Instance) -> list[Entry]:
    port = instance.port
    own = {
        "name": instance.device,
        "label": instance.name,
        "mac": host_end_mac(instance.mac),
        "mtu": instance.mtu,
        "because": instance.path,
    }
    if isinstance(port, Tap):
        kind = {"type": "tap", "user": port.user, "group": port.group, "multi_queue": port.multi_queue, "up": True}
        return [declared({**own, **kind})]
    inside = {**own, "namespace": port.namespace, "name": port.interface, "mac": instance.mac}
    return veth(own, inside)


def _addresses(instance: Instance) -> Iterator[Entry]:
    port = instance.port
    if not isinstance(port, Veth):
        return
    for address in instance.addresses:
        lengths = [s.network.prefixlen for s in instance.network.subnets if address in s.network]
        interface = f"{address}/{lengths[0]}"
        entry = usable_at_once(port.namespace, port.interface, interface, f"{instance.path}.addresses")
        # It may have been on another host before, and not all others are told at once where it is now.
        yield {**entry, "announce": True}


def _routes(instance: Instance) -> Iterator[Entry]:
    port = instance.port
    if not isinstance(port, Veth):
        return
    for gateway in instance.gateways:
        yield {
            "namespace": port.namespace,
            "destination": addresses.everywhere(gateway.version),
            "via": str(gateway),
            "dev": port.interface,
            "because": f"{instance.network.path}.gateways",
        }


def meter_name(instance: Instance, direction: str) -> str:
    return f"{instance.name}:{direction}"


def _meters(instance: Instance) -> Iterator[Entry]:
    limit = instance.limit
    if limit is None:
        return
    for direction, rate in (("in", limit.inbound), ("out", limit.outbound)):
        if rate is not None:
            yield {
                "bridge": INTEGRATION,
                "name": meter_name(instance, direction),
                "kbps": _kilo(rate),
                "burst_kb": _kilo(limit.burst or _default_burst(rate)),
                "because": limit.path,
            }


def _default_burst(rate: int) -> int:
    """Bits that may come at once where nobody has said how many: what flows in a fifth of a second."""
    return max(rate // 5, 200_000)


def _kilo(bits: int) -> int:
    return max(1, -(-bits // 1000))
