# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network devices: bridges, veths, taps, VLANs, VXLANs, VRFs, dummies, and devices made by others.

``type: physical`` is any device that someone else makes (a NIC, a bond, a hypervisor's port): it must exist, its
attributes can be set, and they get their earlier values back when it is no longer declared. ``type: ovs`` is a port
that Open vSwitch makes. The mark of the others is their alias.
"""

from __future__ import annotations

import grp
import ipaddress
import pwd
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable, ClassVar

from .. import values
from .base import (
    HOST,
    Difference,
    Key,
    Mark,
    Reading,
    Resource,
    Step,
    alias_label,
    alias_owner,
    all_fields,
    declared,
    device_claim,
    link_key,
    narrowed,
    show,
    spec_of,
    word,
)

TYPES = ("bridge", "veth", "tap", "vlan", "vxlan", "dummy", "vrf", "ovs", "physical")
_PORT = ("veth", "tap", "vlan", "vxlan", "dummy", "ovs", "physical")
_TUNNEL_FAMILY = "tunnel over"
# Devices that end with the one they stand on, and that no document declares.
_STACKED = ("macvlan", "macvtap", "ipvlan", "ipvtap", "macsec")
_MADE_BY_US = ("bridge", "veth", "tap", "vlan", "vxlan", "dummy", "vrf")
SMALLEST_MTU = 68
# What a VRF has from the start; other devices take less.
LARGEST_MTU = 65575
_ON_OFF = {True: "on", False: "off"}
# As `ip -N` of iproute2 6.15 prints them.
_VLAN_PROTOCOLS = {"[33024]": "802.1Q", "[34984]": "802.1ad"}

# Our field, iproute2's word, and the key in its JSON, for what `ip link set type bridge` takes.
_BRIDGE = (
    ("vlan_filtering", "vlan_filtering", "vlan_filtering"),
    ("vlan_default_pvid", "vlan_default_pvid", "vlan_default_pvid"),
    ("stp", "stp_state", "stp_state"),
    ("priority", "priority", "priority"),
    ("forward_delay", "forward_delay", "forward_delay"),
    ("ageing_time", "ageing_time", "ageing_time"),
    ("mcast_snooping", "mcast_snooping", "mcast_snooping"),
    ("mcast_querier", "mcast_querier", "mcast_querier"),
)
# The same for `ip link set type bridge_slave`.
_BRIDGE_PORT = (
    ("isolated", "isolated", "isolated"),
    ("hairpin", "hairpin", "hairpin"),
    ("learning", "learning", "learning"),
    ("flood", "flood", "flood"),
    ("mcast_flood", "mcast_flood", "mcast_flood"),
    ("bcast_flood", "bcast_flood", "bcast_flood"),
    ("neigh_suppress", "neigh_suppress", "neigh_suppress"),
    ("bpdu_guard", "guard", "guard"),
    ("root_block", "root_block", "root_block"),
)
_VXLAN = (
    ("local", "local", "local"),
    ("remote", "remote", "remote"),
    ("fdb_learning", "learning", "learning"),
    ("ttl", "ttl", "ttl"),
    ("ageing", "ageing", "ageing"),
)


@dataclass(frozen=True, order=True)
class Vlan:
    """One VLAN of a port of a VLAN-aware bridge."""

    vid: int
    pvid: bool = False
    untagged: bool = False

    def __str__(self) -> str:
        flags = "".join([" pvid" if self.pvid else "", " untagged" if self.untagged else ""])
        return f"{self.vid}{flags}"


def parse_vlan(value: Any) -> Vlan:
    """``100`` for a tagged VLAN, or ``{vid: 100, pvid: true, untagged: true}``."""
    if not isinstance(value, Mapping):
        return Vlan(values.integer(1, 4094)(value))
    unknown = sorted(set(value) - {"vid", "pvid", "untagged"})
    if unknown or "vid" not in value:
        raise ValueError(f"{dict(value)!r} is no VLAN; write 100 or {{vid: 100, pvid: true, untagged: true}}")
    return Vlan(
        values.integer(1, 4094)(value["vid"]),
        values.boolean(value.get("pvid", False)),
        values.boolean(value.get("untagged", False)),
    )


def parse_peer(value: Any) -> tuple[str, str]:
    """The other end of a veth as (namespace, name)."""
    if not isinstance(value, Mapping) or set(value) - {"namespace", "name"} or "name" not in value:
        raise ValueError(f"{value!r} is no peer; write {{name: eth0, namespace: c1}}")
    return (values.namespace_name(value.get("namespace")), values.device_name(value["name"]))


def parse_master(value: Any) -> str:
    return "" if value in (None, "") else str(values.device_name(value))


def parse_account(value: Any) -> str:
    """A user or group, by name or number."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    return values.text(value)


@dataclass(frozen=True)
class Link(Resource):
    kind: ClassVar[str] = "link"
    section: ClassVar[str] = "links"
    reads: ClassVar[tuple[str, ...]] = ("links",)
    restorable: ClassVar[bool] = True

    name: str = declared(values.device_name, key=True)
    type: str = declared(values.choice(*TYPES), required=True, fixed=True)
    label: str | None = declared(values.label, types=_MADE_BY_US)
    mac: str | None = declared(values.mac)
    mtu: int | None = declared(values.integer(SMALLEST_MTU, LARGEST_MTU))
    up: bool | None = declared(values.boolean)
    master: str | None = declared(parse_master)
    txqueuelen: int | None = declared(values.integer(0, 1_000_000))

    vlan_filtering: bool | None = declared(values.boolean, types=("bridge",))
    vlan_default_pvid: int | None = declared(values.integer(0, 4094), types=("bridge",))
    stp: bool | None = declared(values.boolean, types=("bridge",))
    priority: int | None = declared(values.integer(0, 65535), types=("bridge",))
    forward_delay: int | None = declared(values.integer(0, 3000), types=("bridge",))
    ageing_time: int | None = declared(values.integer(0, 100_000_000), types=("bridge",))
    mcast_snooping: bool | None = declared(values.boolean, types=("bridge",))
    mcast_querier: bool | None = declared(values.boolean, types=("bridge",))

    vlans: tuple[Vlan, ...] | None = declared(values.listing(parse_vlan), types=("bridge", *_PORT))
    isolated: bool | None = declared(values.boolean, types=_PORT)
    hairpin: bool | None = declared(values.boolean, types=_PORT)
    learning: bool | None = declared(values.boolean, types=_PORT)
    flood: bool | None = declared(values.boolean, types=_PORT)
    mcast_flood: bool | None = declared(values.boolean, types=_PORT)
    bcast_flood: bool | None = declared(values.boolean, types=_PORT)
    neigh_suppress: bool | None = declared(values.boolean, types=_PORT)
    bpdu_guard: bool | None = declared(values.boolean, types=_PORT)
    root_block: bool | None = declared(values.boolean, types=_PORT)

    peer: tuple[str, str] | None = declared(parse_peer, fixed=True, types=("veth",))

    user: str | None = declared(parse_account, types=("tap",))
    group: str | None = declared(parse_account, types=("tap",))
    multi_queue: bool | None = declared(values.boolean, fixed=True, types=("tap",))
    vnet_hdr: bool | None = declared(values.boolean, fixed=True, types=("tap",))

    parent: str | None = declared(values.device_name, fixed=True, types=("vlan", "vxlan"))
    id: int | None = declared(values.integer(0, 16_777_215), fixed=True, types=("vlan", "vxlan"))
    protocol: str | None = declared(values.choice("802.1Q", "802.1ad"), fixed=True, types=("vlan",))

    local: str | None = declared(values.ip, types=("vxlan",))
    remote: str | None = declared(values.ip, types=("vxlan",))
    port: int | None = declared(values.integer(1, 65535), fixed=True, types=("vxlan",))
    fdb_learning: bool | None = declared(values.boolean, types=("vxlan",))
    ttl: int | None = declared(values.integer(0, 255), types=("vxlan",))
    ageing: int | None = declared(values.integer(0, 100_000_000), types=("vxlan",))

    table: int | None = declared(values.integer(1, 4_294_967_295), fixed=True, types=("vrf",))

    # Observed only: how the kernel numbers the device and its veth peer.
    index: int = 0
    peer_index: int = 0
    fitting: tuple[tuple[str, str], ...] = ()
    # Observed only: the device that a device of others stands on, such as a macvlan, and that takes it along.
    lower: str = ""

    def faults(self) -> Iterator[str]:
        for name, _value in self.given:
            types = spec_of(type(self), name).types
            if types and self.type not in types:
                yield f"{name}: has no meaning for type {self.type}; it belongs to {', '.join(types)}"
        required = {"veth": ("peer",), "vlan": ("parent", "id"), "vxlan": ("id",), "vrf": ("table",)}
        for name in required.get(self.type, ()):
            if getattr(self, name) is None:
                yield f"{name}: is missing; a {self.type} needs it"
        if self.type == "vlan" and self.id is not None and not 1 <= self.id <= 4094:
            yield f"id: {self.id} is out of range; choose 1 to 4094"
        if self.peer == (self.namespace, self.name):
            yield "peer: a veth cannot be its own peer"
        if self.master == self.name:
            yield f"master: {self.name} cannot be its own master"
        if self.parent == self.name:
            yield f"parent: {self.name} cannot be its own parent"
        if self.master == "":
            for name in ("vlans", *(field for field, _option, _json in _BRIDGE_PORT)):
                if getattr(self, name) not in (None, ()) and self.type != "bridge":
                    yield f"{name}: belongs to the port of a bridge, and this link is to have no master"
        yield from self._vxlan_faults()
        yield from self._vlan_faults()

    def _vxlan_faults(self) -> Iterator[str]:
        if self.remote and ipaddress.ip_address(self.remote).is_multicast:
            yield f"remote: {self.remote} is a multicast address; name one other end"
        if self.remote and self.local and values.family(self.remote) != values.family(self.local):
            yield f"remote: {self.remote} and {self.local} are of different families"

    def _vlan_faults(self) -> Iterator[str]:
        if len({vlan.vid for vlan in self.vlans or ()}) < len(self.vlans or ()):
            yield "vlans: one VLAN is named twice; name each once"
        if sum(vlan.pvid for vlan in self.vlans or ()) > 1:
            yield "vlans: more than one has pvid; a port has one"

    def implied(self) -> Iterator[Link]:
        if self.type == "veth" and self.peer is not None:
            namespace, name = self.peer
            yield Link(
                namespace=namespace,
                name=name,
                type="veth",
                peer=(self.namespace, self.name),
                because=self.because,
                adopt=self.adopt,
            )

    @classmethod
    def observe(cls, reading: Reading, wanted: Sequence[Link]) -> Iterator[Link]:
        vlans = {entry["ifname"]: _observed_vlans(entry) for entry in reading.vlans}
        physical = {link.name for link in wanted if link.type in ("physical", "ovs")}
        for raw in reading.links:
            yield _observed(raw, reading, vlans, raw["ifname"] in physical)

    def differences(self, seen: Resource) -> tuple[Difference, ...]:
        seen = narrowed(seen, Link)
        found = [d for d in super().differences(seen) if not self._agrees(d, seen)]
        want, have = self._tunnel_family(), seen._tunnel_family() or 4
        if self.type == seen.type == "vxlan" and want not in (None, have):
            found.append(Difference(_TUNNEL_FAMILY, f"IPv{have}", f"IPv{want}"))
        return tuple(found)

    def fixed(self, difference: Difference) -> bool:
        return difference.field == _TUNNEL_FAMILY or super().fixed(difference)

    def _tunnel_family(self) -> int | None:
        ends = [end for end in (self.local, self.remote) if end]
        return values.family(ends[0]) if ends else None

    def _agrees(self, difference: Difference, seen: Link) -> bool:
        """Whether what differs in its spelling means the same."""
        if difference.field == "type":
            return self.type in ("physical", "ovs")
        if difference.field == "peer":
            return self.peer in seen.fitting
        if difference.field in ("user", "group"):
            return _same(difference.after, difference.before, _uid if difference.field == "user" else _gid)
        return False

    def parents(self) -> tuple[Key, ...]:
        parents = list(super().parents())
        ground = (self.parent if self.type in ("vlan", "vxlan") else None) or self.lower
        if ground:
            parents.append(link_key(self.namespace, ground))
        if self.type == "veth" and self.peer and not self.creates_peer():
            parents.append(link_key(*self.peer))
        if self.type == "ovs":
            parents.append(("ovs_port", HOST, self.name))
        return tuple(parents)

    @property
    def marked(self) -> bool:
        return self.type in _MADE_BY_US

    def goes_along(self, removed: Container[Key]) -> bool:
        """A namespace's veths end some time after it; where the other end stays, they are removed by themselves."""
        if self.type == "veth" and self.peer:
            here, there = (("namespace", HOST, namespace) in removed for namespace in (self.namespace, self.peer[0]))
            if here != there:
                return here
        return super().goes_along(removed)

    def after(self) -> tuple[Key, ...]:
        others = [self.master, self.parent]
        keys = [link_key(self.namespace, name) for name in others if name]
        if self.type == "veth":
            ends = self.fitting or ((self.peer,) if self.peer else ())
            keys += [("namespace", HOST, namespace) for namespace, _name in ends if namespace]
        return tuple(keys)

    def claims(self) -> tuple[Key, ...]:
        if self.type == "vxlan":
            number = ("vni", self.namespace, str(self.id), str(self.port or 4789), str(self.parent))
            return (number, device_claim(self.namespace, self.name))
        if self.type == "vlan":
            return (("vlan", self.namespace, str(self.parent), str(self.id), str(self.protocol or "802.1Q")),)
        if self.type == "veth" and self.peer:
            return (device_claim(self.namespace, self.name), device_claim(*self.peer))
        return (device_claim(self.namespace, self.name),) if self.type == "tap" else ()

    def holds(self) -> tuple[Key, ...]:
        own = device_claim(self.namespace, self.name)
        # The other end of a veth goes with it, and may be another one's by now.
        return (own,) if self.type == "veth" else tuple(dict.fromkeys((*self.claims(), own)))

    def unknown_accounts(self) -> Iterator[str]:
        """The user and the group that this machine does not have."""
        if self.user is not None and _uid(self.user) is None:
            yield f"user {self.user}"
        if self.group is not None and _gid(self.group) is None:
            yield f"group {self.group}"

    def creates_peer(self) -> bool:
        """Of the two ends of a veth one makes both: the one in the host's namespace, else the first by name."""
        return self.peer is not None and (self.namespace, self.name) < self.peer

    def add(self, mark: Mark) -> list[Step]:
        if self.type == "physical":
            return []
        steps = self._made()
        steps += self._set(dict(self.given), mark)
        return steps

    def change(self, seen: Resource, differences: Sequence[Difference], mark: Mark) -> list[Step]:
        seen = narrowed(seen, Link)
        wanted = {d.field: d.after for d in differences}
        steps: list[Step] = []
        if {"user", "group"} & set(wanted):
            owners = {name: value for name, value in wanted.items() if name in ("user", "group")}
            steps.append(Step("tap", self.namespace, (self.name, *replace(seen, **owners)._tap_words())))
        if wanted.get("master"):
            # A port that joins a bridge starts with the defaults of that bridge.
            wanted.update(self._declared_as_port())
        return steps + self._set(wanted, mark, seen)

    def remove(self, mark: Mark) -> list[Step]:
        return [self._step("link", "del", "dev", self.name)]

    def details(self) -> str:
        shown = [self.type]
        if self.master:
            shown.append(f"on {self.master}")
        if self.peer:
            shown.append("peer " + " ".join(part for part in self.peer if part))
        if self.index:
            return ", ".join(shown)
        for name, value in self.given:
            if name in ("type", "label", "up", "master", "peer") or value in ((), False, ""):
                continue
            shown.append(word(name) if value is True else f"{word(name)} {show(value)}")
        return ", ".join(shown)

    def _step(self, *words: str) -> Step:
        return Step("ip", self.namespace, words)

    def _made(self) -> list[Step]:
        """The lines that bring the device into being, without its attributes."""
        if self.type == "ovs":
            return (
                [Step("ip", HOST, ("link", "set", "dev", self.name, "netns", self.namespace))] if self.namespace else []
            )
        if self.type == "veth":
            return self._made_veth()
        if self.type == "tap":
            return [self._step("tuntap", "add", "dev", self.name, "mode", "tap", *self._tap_words())]
        words = ["link", "add", "name", self.name]
        if self.parent:
            words += ["link", self.parent] if self.type == "vlan" else []
        if self.type == "bridge" and self.mtu is not None:
            # A bridge follows the smallest of its ports until its mtu has been changed once: make it with another one.
            words += ["mtu", str(self.mtu - 1 if self.mtu > SMALLEST_MTU else self.mtu + 1)]
        words += ["type", self.type]
        if self.type == "vlan":
            words += ["protocol", self.protocol or "802.1Q", "id", str(self.id)]
        elif self.type == "vrf":
            words += ["table", str(self.table)]
        elif self.type == "vxlan":
            words += ["id", str(self.id), "dstport", str(self.port or 4789)]
            words += ["dev", self.parent] if self.parent else []
            words += _typed(_VXLAN, dict(self.given), on_off=False)
        return [self._step(*words)]

    def _made_veth(self) -> list[Step]:
        if self.peer is None or not self.creates_peer():
            return []
        peer_namespace, peer_name = self.peer
        words = ["link", "add", "name", self.name, "type", "veth", "peer", "name", peer_name]
        # From inside its namespace: from elsewhere the name must also be free there.
        return [self._step(*words, *(_netns(peer_namespace) if peer_namespace != self.namespace else ()))]

    def _tap_words(self) -> list[str]:
        words = ["user", self.user] if self.user else []
        words += ["group", self.group] if self.group else []
        words += ["multi_queue"] if self.multi_queue else []
        return words + (["vnet_hdr"] if self.vnet_hdr else [])

    def _declared_as_port(self) -> dict[str, Any]:
        names = ("vlans", *(name for name, _option, _json in _BRIDGE_PORT))
        return {name: value for name, value in self.given if name in names}

    def _set(self, wanted: Mapping[str, Any], mark: Mark, seen: Link | None = None) -> list[Step]:
        """The lines that set attributes of an existing device, ``up`` after everything else."""
        words: list[str] = []
        if self.marked and (seen is None or {"mark", "label"} & set(wanted)):
            words += ["alias", mark.alias(self.label or self.name)]
        if "mac" in wanted:
            words += ["address", wanted["mac"]]
        if "mtu" in wanted:
            words += ["mtu", str(wanted["mtu"])]
        if "txqueuelen" in wanted:
            words += ["txqueuelen", str(wanted["txqueuelen"])]
        if "master" in wanted:
            words += ["master", wanted["master"]] if wanted["master"] else ["nomaster"]
        steps = [self._step("link", "set", "dev", self.name, *words)] if words else []
        if self.type == "bridge":
            steps += self._set_typed("bridge", _typed(_BRIDGE, wanted, on_off=False))
        if self.type == "vxlan" and seen is not None:
            typed = _typed(_VXLAN, wanted, on_off=False)
            steps += self._set_typed("vxlan", ["id", str(self.id), *typed] if typed else [])
        steps += self._set_typed("bridge_slave", _typed(_BRIDGE_PORT, wanted, on_off=True))
        steps += self._set_vlans(wanted, seen)
        if "up" in wanted:
            steps.append(self._step("link", "set", "dev", self.name, "up" if wanted["up"] else "down"))
        return steps

    def _set_typed(self, kind: str, words: Sequence[str]) -> list[Step]:
        return [self._step("link", "set", "dev", self.name, "type", kind, *words)] if words else []

    def _set_vlans(self, wanted: Mapping[str, Any], seen: Link | None) -> list[Step]:
        """VLANs of a port: new and changed ones first, then those that go."""
        if "vlans" not in wanted:
            return []
        target = ["self"] if self.type == "bridge" else []
        steps = []
        before: dict[int, Vlan] = {}
        if seen is None or "master" in wanted:
            # A port that joins a bridge starts with the bridge's default VLAN, whichever that is.
            steps.append(Step("bridge", self.namespace, ("vlan", "del", "dev", self.name, "vid", "1-4094", *target)))
        else:
            before = {vlan.vid: vlan for vlan in seen.vlans or ()}
        for vlan in wanted["vlans"]:
            if before.get(vlan.vid) != vlan:
                flags = (["pvid"] if vlan.pvid else []) + (["untagged"] if vlan.untagged else [])
                words = ("vlan", "add", "dev", self.name, "vid", str(vlan.vid), *flags, *target)
                steps.append(Step("bridge", self.namespace, words))
        for vid in sorted(set(before) - {vlan.vid for vlan in wanted["vlans"]}):
            steps.append(Step("bridge", self.namespace, ("vlan", "del", "dev", self.name, "vid", str(vid), *target)))
        return steps


def joined(links: Sequence[Link]) -> list[Link]:
    """Give each veth end its peer.

    The kernel shows a peer in another namespace by its number only; two ends belong together when each has
    the other's number. Numbers repeat from namespace to namespace, so that more than one end may fit; one with the
    same label then comes first.
    """
    ends: dict[tuple[int, int], list[Link]] = {}
    for link in links:
        if link.type == "veth" and link.peer is None:
            ends.setdefault((link.index, link.peer_index), []).append(link)
    return [_with_peer(link, ends.get((link.peer_index, link.index), ())) for link in links]


def _with_peer(link: Link, others: Sequence[Link]) -> Link:
    if link.type != "veth" or link.peer is not None:
        return link
    alike = sorted(others, key=lambda other: other.label != link.label)
    fitting = tuple((o.namespace, o.name) for o in alike if o.namespace != link.namespace)
    return replace(link, peer=fitting[0] if fitting else None, fitting=fitting)


def _uid(name: str) -> int | None:
    try:
        return int(name) if name.isdigit() else pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _gid(name: str) -> int | None:
    try:
        return int(name) if name.isdigit() else grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _same(want: str, seen: str | None, number: Callable[[str], int | None]) -> bool:
    """Whether two spellings of a tap's owner mean one account."""
    return seen is not None and number(want) is not None and number(want) == number(seen)


def _netns(namespace: str) -> list[str]:
    if not namespace:
        return []
    return ["netns", namespace[len("pid:") :] if namespace.startswith("pid:") else namespace]


def _typed(table: Sequence[tuple[str, str, str]], wanted: Mapping[str, Any], on_off: bool) -> list[str]:
    words: list[str] = []
    for name, option, _json in table:
        value = wanted.get(name)
        if value is None:
            continue
        if name == "fdb_learning":
            words.append(option if value else "no" + option)
        elif isinstance(value, bool):
            words += [option, _ON_OFF[value] if on_off else str(int(value))]
        else:
            words += [option, str(value)]
    return words


def _observed(
    raw: Mapping[str, Any], reading: Reading, vlans: Mapping[str, tuple[Vlan, ...]], declared_as_is: bool
) -> Link:
    info = raw.get("linkinfo", {})
    data = info.get("info_data", {})
    kind = _observed_type(info, data)
    name = raw["ifname"]
    owner = alias_owner(raw.get("ifalias"))
    unsigned = owner is None and link_key(reading.namespace, name) in reading.pending
    found: dict[str, Any] = {
        "namespace": reading.namespace,
        "name": name,
        "type": kind,
        "owner": reading.scope if unsigned else owner,
        "unsigned": unsigned,
        "label": alias_label(raw.get("ifalias")),
        "mac": raw.get("address"),
        "mtu": raw["mtu"],
        "up": "UP" in raw["flags"],
        "master": raw.get("master", ""),
        "txqueuelen": raw.get("txqlen"),
        "index": raw["ifindex"],
        "vlans": vlans.get(name, () if reading.vlans else None),
        "lower": raw.get("link", "") if info.get("info_kind") in _STACKED else "",
    }
    if info.get("info_slave_kind") == "bridge":
        found.update(_from_json(_BRIDGE_PORT, info["info_slave_data"]))
    if kind == "bridge":
        found.update(_from_json(_BRIDGE, data))
    elif kind == "vxlan":
        found.update(_from_json(_VXLAN, data), id=data.get("id"), port=data.get("port"), parent=data.get("link"))
    elif kind == "vlan":
        protocol = _VLAN_PROTOCOLS.get(data.get("protocol"), data.get("protocol"))
        found.update(id=data.get("id"), protocol=protocol, parent=raw.get("link"))
    elif kind == "vrf":
        found["table"] = int(data["table"])
    elif kind == "tap":
        found.update({key: data.get(key) for key in ("multi_queue", "vnet_hdr")})
        found.update({key: str(data[key]) for key in ("user", "group") if key in data})
    elif kind == "veth":
        found["peer"] = (reading.namespace, raw["link"]) if "link" in raw else None
        found["peer_index"] = raw.get("link_index", 0)
    return Link(**found)


def _observed_type(info: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    kind = info.get("info_kind", "")
    if kind == "tun":
        return "tap" if data.get("type") == "tap" else "physical"
    return kind if kind in TYPES else "physical"


def _from_json(table: Sequence[tuple[str, str, str]], data: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, _option, plain in table:
        # IPv6 values of a VXLAN stand under their own key.
        key = plain if plain in data else f"{plain}6"
        if key in data:
            parse = all_fields(Link)[name].parse
            found[name] = bool(data[key]) if parse is values.boolean else data[key]
    return found


def _observed_vlans(entry: Mapping[str, Any]) -> tuple[Vlan, ...]:
    found = []
    for vlan in entry.get("vlans", ()):
        flags = vlan.get("flags", ())
        for vid in range(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]) + 1):
            found.append(Vlan(vid, "PVID" in flags, "Egress Untagged" in flags))
    return tuple(sorted(found))
