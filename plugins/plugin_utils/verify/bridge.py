# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of the bridges of a host, derived from the same intent that they are built from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import Bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import Instance, Tap, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import BRIDGES, Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import (
    HOST,
    Check,
    Outside,
    Probe,
    Settings,
    Target,
    by_place,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.lies import lies
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.sender import (
    has_gateway,
    is_on_link,
    own_address,
    sent_by,
)

if TYPE_CHECKING:
    from netaddr import IPAddress

# The module's words for the address that the host itself would be seen as.
_SEEN_AS_HOST = "host"


def bridge_checks(intent: Any, host: str, settings: Settings) -> list[dict[str, Any]]:
    """The checks of one host, by the place they are made from; none when it has no bridges.

    :raises IntentError: with everything that is wrong with the intent of the hosts that are looked at.
    """
    fleet = Fleet(intent)
    own = fleet.host(host)
    joined = {bridge.name for bridge in own.bridges if bridge.takes_uplink}
    others = {other for name in joined for other in _hosts(intent, name)} - {host}
    remote = [i for other in sorted(others) for i in fleet.host(other).instances if i.bridge.name in joined]
    checks = _HostChecks(own.instances, remote, settings)
    places = [place for place in settings.outside if host in place.hosts]
    found = [check for instance in own.instances for check in checks.of(instance)]
    return by_place(host, found, [(place, checks.from_outside(place)) for place in places])


def _hosts(intent: Mapping[str, Any], bridge: str) -> Iterable[str]:
    """The hosts that have a bridge of this name."""
    return intent[BRIDGES][bridge].get("hosts") or ()


class _HostChecks:
    """The checks of one host's instances. remote: instances on bridges that uplinks join with this host's."""

    def __init__(self, instances: Sequence[Instance], remote: Sequence[Instance], settings: Settings) -> None:
        self._instances = instances
        self._settings = settings
        self._used = {a.ip for i in [*instances, *remote] for a in [*i.addresses, *i.bridge.addresses]}
        self._used |= {gateway for i in instances for gateway in [*i.gateways, *i.bridge.gateways]}
        self._links: dict[tuple[str, int | None], list[Instance]] = {}
        for instance in [*instances, *remote]:
            if _is_on_a_link(instance):
                self._links.setdefault((instance.bridge.name, instance.vlan), []).append(instance)

    def of(self, instance: Instance) -> Iterator[Check]:
        """Everything about one instance that can be seen from its host."""
        if not _is_on_a_link(instance):
            return
        yield from self._with_host(instance)
        yield from self._with_gateways(instance)
        yield from self._with_instances(instance)
        yield from self._with_other_vlans(instance)
        yield from self._with_other_bridges(instance)
        for target in self._settings.targets:
            yield from _with_target(instance, target)
        if instance.anti_spoofing:
            seen_at = self._observer(instance)
            if seen_at is not None:
                yield from lies(instance, seen_at, self._used)

    def from_outside(self, place: Outside) -> list[Check]:
        """Who of the instances is reached by a place that has routes to them all."""
        reaches = [Check(place.name, str(address), _from(place, "ping", address)) for address in place.reaches]
        return [*reaches, *(check for instance in self._instances for check in self._from_outside(place, instance))]

    def _from_outside(self, place: Outside, instance: Instance) -> Iterator[Check]:
        reachable = instance.bridge.forward in ("route", "bridge")
        for address in instance.addresses if _is_on_a_link(instance) else ():
            ping = {**_from(place, "ping", address.ip), "expect": {"reachable": reachable}}
            yield Check(place.name, instance.name, ping)
            if reachable and self._settings.port is not None:
                tcp = {**_from(place, "tcp", address.ip), "port": self._settings.port, "read_line": True}
                yield Check(place.name, instance.name, tcp)

    def _with_host(self, instance: Instance) -> Iterator[Check]:
        """Instance and host reach each other, each owns its addresses alone, and the MTU is that of the intent."""
        bridge = instance.bridge
        if not _hears(bridge, instance):
            return
        for own in instance.addresses:
            owner = {"kind": "arp", "interface": bridge.device, "address": str(own.ip), "expect": {"mac": instance.mac}}
            yield Check(HOST, instance.name, owner)
        for address in bridge.addresses:
            if not is_on_link(instance, address.ip):
                continue
            yield from _ping(instance, HOST, address.ip, reachable=True)
            if bridge.mac is not None:
                yield from _probe(instance, HOST, "arp", address.ip, expect={"mac": bridge.mac})
            if isinstance(instance.port, Veth):
                yield from _path_mtu(instance, HOST, address.ip, instance.mtu)
            else:
                yield from self._host_to_guest(instance, own_address(instance, address.ip))

    def _host_to_guest(self, instance: Instance, address: IPAddress | None) -> Iterator[Check]:
        """What only a socket can see is seen from the host, as no namespace here is the guest's."""
        expect: Probe = {} if instance.mtu is None else {"mtu": instance.mtu}
        yield Check(HOST, instance.name, {"kind": "ping", "address": str(address)})
        yield Check(HOST, instance.name, {"kind": "path_mtu", "address": str(address), "expect": expect})
        if self._settings.port is not None:
            tcp = {"kind": "tcp", "address": str(address), "port": self._settings.port}
            yield Check(HOST, instance.name, {**tcp, "expect": {"seen_as": _SEEN_AS_HOST}})

    def _with_gateways(self, instance: Instance) -> Iterator[Check]:
        """Gateways other than the host itself."""
        own = {address.ip for address in instance.bridge.addresses}
        for gateway in instance.gateways:
            if gateway not in own:
                yield from _ping(instance, "gateway", gateway, reachable=True)

    def _with_instances(self, instance: Instance) -> Iterator[Check]:
        """Others on the same link: all of them, or the next one by name where they are many."""
        for other in self._partners(instance):
            reachable = not _are_apart(instance, other)
            for address in other.addresses:
                if not is_on_link(instance, address.ip):
                    continue
                yield from _ping(instance, other.name, address.ip, reachable)
                if reachable and self._settings.port is not None:
                    yield from _seen_as_itself(instance, other.name, address.ip, self._settings.port)
                if reachable and not _hears(instance.bridge, instance):
                    yield from _as_the_host_would(instance, other, address.ip)

    def _with_other_vlans(self, instance: Instance) -> Iterator[Check]:
        """Nobody in another VLAN of the bridge hears the instance: one of each VLAN is asked for."""
        for (bridge, vlan), members in sorted(self._links.items(), key=str):
            if bridge != instance.bridge.name or vlan == instance.vlan:
                continue
            for address in members[0].addresses:
                expect = {"reachable": False}
                yield from _probe(instance, members[0].name, "arp", address.ip, expect=expect)

    def _with_other_bridges(self, instance: Instance) -> Iterator[Check]:
        """What the host forwards between its bridges: the first instance of each tries the first of the others."""
        first = self._first_of_bridges()
        if first.get(instance.bridge.name) is not instance:
            return
        for other in first.values():
            if other.bridge.name == instance.bridge.name or other.bridge.takes_uplink or instance.bridge.takes_uplink:
                continue
            reachable = instance.bridge.forward != "isolated" and other.bridge.forward == "route"
            for address in other.addresses:
                yield from _ping(instance, other.name, address.ip, reachable)

    def _first_of_bridges(self) -> dict[str, Instance]:
        return {i.bridge.name: i for i in reversed(self._instances) if i.addresses and _is_on_a_link(i)}

    def _partners(self, instance: Instance) -> list[Instance]:
        members = self._links[instance.bridge.name, instance.vlan]
        at = members.index(instance)
        others = [*members[at + 1 :], *members[:at]]
        return others if len(members) <= self._settings.full_mesh else others[:1]

    def _observer(self, instance: Instance) -> Probe | None:
        """Where the instance's frames would be seen: at the host, at another container, or on their way out."""
        if _hears(instance.bridge, instance):
            return {"interface": instance.bridge.device}
        for other in self._links[instance.bridge.name, instance.vlan]:
            if other is instance or other.bridge.host != instance.bridge.host or _are_apart(instance, other):
                continue
            if isinstance(other.port, Veth):
                return {"namespace": other.port.namespace, "interface": other.port.interface}
        return {"interface": instance.bridge.uplink, "leaving": True} if instance.bridge.takes_uplink else None


def _from(place: Outside, kind: str, address: IPAddress) -> Probe:
    return {"kind": kind, "namespace": place.namespace, "address": str(address)}


def _is_on_a_link(instance: Instance) -> bool:
    """Whether its frames without a tag get anywhere."""
    return instance.bridge.vlans is None or instance.vlan is not None


def _hears(bridge: Bridge, instance: Instance) -> bool:
    """Whether the bridge's own device is on the instance's link."""
    return bridge.vlans is None or bridge.vlan == instance.vlan


def _are_apart(one: Instance, other: Instance) -> bool:
    return one.isolated and other.isolated and one.bridge.host == other.bridge.host


def _with_target(instance: Instance, target: Target) -> Iterator[Check]:
    bridge = instance.bridge
    if target.hosts and bridge.host not in target.hosts:
        return
    has_way = is_on_link(instance, target.address) or has_gateway(instance, target.address)
    reachable = bridge.forward != "isolated"
    if reachable and not has_way:
        return
    yield from _ping(instance, target.name, target.address, reachable)
    if target.port is None or isinstance(instance.port, Tap) or not has_way:
        return
    expect: Probe = {"reachable": reachable}
    if reachable and target.says_address:
        own = own_address(instance, target.address)
        expect = {"seen_as": _SEEN_AS_HOST if bridge.forward == "nat" else str(own)}
    yield from _probe(instance, target.name, "tcp", target.address, port=target.port, expect=expect)


def _probe(instance: Instance, target: str, kind: str, address: IPAddress, **options: Any) -> Iterator[Check]:
    """A check from an instance, where it has an address for it."""
    probe = sent_by(instance, kind, address)
    if probe is not None:
        yield Check(instance.name, target, {**probe, **options})


def _ping(instance: Instance, target: str, address: IPAddress, reachable: bool) -> Iterator[Check]:
    yield from _probe(instance, target, "ping", address, expect={"reachable": reachable})


def _seen_as_itself(instance: Instance, target: str, address: IPAddress, port: int) -> Iterator[Check]:
    if isinstance(instance.port, Veth):
        expect = {"seen_as": str(own_address(instance, address))}
        yield from _probe(instance, target, "tcp", address, port=port, expect=expect)


def _as_the_host_would(instance: Instance, other: Instance, address: IPAddress) -> Iterator[Check]:
    """Owner and MTU, on a link that the host itself is not on."""
    yield from _probe(instance, other.name, "arp", address, expect={"mac": other.mac})
    if isinstance(instance.port, Veth) and instance.mtu is not None and other.mtu is not None:
        yield from _path_mtu(instance, other.name, address, min(instance.mtu, other.mtu))


def _path_mtu(instance: Instance, target: str, address: IPAddress, mtu: int | None) -> Iterator[Check]:
    if mtu is not None:
        yield from _probe(instance, target, "path_mtu", address, expect={"mtu": mtu})
