# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open vSwitch ports with their one interface: system devices, internal ports, patch ports.

The mark is ``external_ids:hostnet-scope`` of the port.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from .. import ovsdb, values
from .base import (
    HOST,
    Difference,
    Key,
    Mark,
    Reading,
    Resource,
    Step,
    all_fields,
    declared,
    device_claim,
    link_key,
    port_claim,
)

_MAPS = {"external_ids": "Port", "other_config": "Port", "interface_external_ids": "Interface"}


def parse_tag(value: Any) -> str:
    """An access VLAN, or nothing for none."""
    return "" if value == "" else str(values.integer(0, 4095)(value))


@dataclass(frozen=True)
class OvsPort(Resource):
    kind: ClassVar[str] = "ovs_port"
    section: ClassVar[str] = "ovs_ports"
    reads: ClassVar[tuple[str, ...]] = ("ovs", "links")

    name: str = declared(values.device_name, key=True)
    bridge: str = declared(values.device_name, required=True, fixed=True)
    type: str | None = declared(values.choice("system", "internal", "patch"), fixed=True)
    peer: str | None = declared(values.device_name, types=("patch",))
    tag: str | None = declared(parse_tag)
    trunks: tuple[int, ...] | None = declared(values.listing(values.integer(0, 4095)))
    vlan_mode: str | None = declared(
        values.choice("access", "trunk", "native-tagged", "native-untagged", "dot1q-tunnel")
    )
    external_ids: ovsdb.Pairs | None = declared(values.mapping)
    other_config: ovsdb.Pairs | None = declared(values.mapping)
    interface_external_ids: ovsdb.Pairs | None = declared(values.mapping)
    mac: str | None = declared(values.mac)
    mtu: int | None = declared(values.integer(68, 65535))

    # Declared only: whether an uplink makes it a port, at the right moment.
    uplink: bool = False
    # Declared only: whether the document has its device, too.
    with_device: bool = False
    # Observed only: its OpenFlow port number, None as long as the switch has given it none.
    number: int | None = None
    # Observed only: whether its device is gone. The switch would not take up another one of the same name.
    gone: bool = False

    def faults(self) -> Iterator[str]:
        if self.namespace:
            yield "namespace: a port is the host's; declare a link of type ovs to move its device"
        if (self.type == "patch") != (self.peer is not None):
            yield "peer: goes with type patch, and only with it"

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[OvsPort]) -> Iterator[OvsPort]:
        bridges = {port: row["name"] for row in reading.ovs.get("Bridge", ()) for port in ovsdb.many(row["ports"])}
        interfaces = {row["_uuid"]: row for row in reading.ovs.get("Interface", ())}
        devices = {link["ifname"] for link in reading.links}
        for row in reading.ovs.get("Port", ()):
            members = ovsdb.many(row["interfaces"])
            if len(members) == 1 and row["_uuid"] in bridges:
                port = _observed(row, interfaces[members[0]], bridges[row["_uuid"]])
                is_gone = port.type == "system" and bool(devices) and port.name not in devices
                yield replace(port, gone=True, number=None) if is_gone else port

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        found = tuple(
            d
            for d in super().differences(seen)
            if d.field not in _MAPS or ovsdb.missing(d.after, d.before or ()) is not None
        )
        remade = self.with_device and getattr(seen, "gone", False)
        return (*found, Difference("type", "without its device", "system")) if remade else found

    def parents(self) -> tuple[Key, ...]:
        return (("ovs_bridge", HOST, self.bridge),)

    def completed(self, others: Mapping[Key, Resource]) -> OvsPort:
        uplink = bool(getattr(others.get(self._uplink()), "leg", None))
        return replace(self, uplink=uplink, with_device=link_key(HOST, self.name) in others)

    def after(self) -> tuple[Key, ...]:
        device = (link_key(HOST, self.name),) if self.type in (None, "system") and self.name != self.bridge else ()
        leg = dict(self.external_ids or ()).get(ovsdb.LEG)
        return (*device, *([self._uplink()] if self.uplink else []), *([link_key(HOST, leg)] if leg else []))

    def goes_along(self, removed: Container[Key]) -> bool:
        """The port of an uplink goes by itself, before the leg by which its frames have reached the host."""
        return ovsdb.LEG not in dict(self.external_ids or ()) and super().goes_along(removed)

    def holds(self) -> tuple[Key, ...]:
        return (port_claim(self.name), *((device_claim(HOST, self.name),) if self.gone else ()))

    def _uplink(self) -> Key:
        return ("uplink", HOST, self.name)

    def add(self, mark: Mark) -> list[Step]:
        return [] if self.uplink else self._added(mark)

    def plugged_in(self, mark: Mark) -> tuple[str, ...]:
        """The command that makes the device a port where it is none, and the port as declared."""
        (step,) = self._added(mark)
        return ("--may-exist", *step.words)

    def _added(self, mark: Mark) -> list[Step]:
        wanted = {name: getattr(self, name) for name in all_fields(type(self)) if getattr(self, name) is not None}
        made = [] if self.name == self.bridge else ["--", "add-port", self.bridge, self.name]
        return [Step("ovs", HOST, tuple([*made, *self._set(wanted, mark)][1:]))]

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        return [Step("ovs", HOST, tuple(self._set({d.field: d.after for d in differences}, mark)[1:]))]

    def remove(self, mark: Mark) -> list[Step]:
        return [] if self.name == self.bridge else [Step("ovs", HOST, ("del-port", self.bridge, self.name))]

    def _set(self, wanted: Mapping[str, Any], mark: Mark) -> list[str]:
        ids = (*wanted.get("external_ids", ()), (ovsdb.OWNER, mark.scope))
        port = ovsdb.assignments("external_ids", ids)
        port += ovsdb.assignments("other_config", wanted.get("other_config", ()))
        if "trunks" in wanted:
            port.append(f"trunks=[{','.join(map(str, wanted['trunks']))}]")
        port += [f"{name}={wanted[name] or '[]'}" for name in ("tag", "vlan_mode") if name in wanted]
        interface = ovsdb.assignments("external_ids", wanted.get("interface_external_ids", ()))
        if wanted.get("type") in ("internal", "patch"):
            interface.append(f"type={wanted['type']}")
        if "peer" in wanted:
            interface.append(f"options:peer={ovsdb.quoted(wanted['peer'])}")
        if "mac" in wanted:
            interface.append(f"mac={ovsdb.quoted(wanted['mac'])}")
        if "mtu" in wanted:
            interface.append(f"mtu_request={wanted['mtu']}")
        return ovsdb.set_words("Port", self.name, port) + ovsdb.set_words("Interface", self.name, interface)


def _observed(port: Mapping[str, Any], interface: Mapping[str, Any], bridge: str) -> OvsPort:
    options: dict[str, str] = dict(interface["options"])
    number = ovsdb.single(interface["ofport"])
    return OvsPort(
        name=port["name"],
        bridge=bridge,
        type=interface["type"] or "system",
        peer=options.get("peer"),
        tag=str(ovsdb.single(port["tag"]) if ovsdb.single(port["tag"]) is not None else ""),
        trunks=tuple(sorted(ovsdb.many(port["trunks"]))),
        vlan_mode=ovsdb.single(port["vlan_mode"]),
        external_ids=port["external_ids"],
        other_config=port["other_config"],
        interface_external_ids=interface["external_ids"],
        mac=ovsdb.single(interface["mac"]),
        mtu=ovsdb.single(interface["mtu_request"]),
        owner=ovsdb.owner(port["external_ids"]),
        number=number if number is not None and number > 0 else None,
    )
