# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a host's instances behind distributed routers, derived from the intent they are built from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import holding
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import External, Tap, Veth
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify import lies
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.check import (
    Check,
    Outside,
    Probe,
    Settings,
    Target,
    by_place,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.dvr_end import End
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.dvr_fleet import Surroundings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.permission import (
    ECHO,
    Kind,
    lets_anybody_in,
    lets_in,
    lets_out,
)

if TYPE_CHECKING:
    from netaddr import IPAddress

_GATEWAY = "gateway"
# A guest may be emulated, and has many connections at once to answer.
_PATIENCE_WITH_GUESTS = {"timeout": 10.0}


def dvr_checks(intent: Any, host: str, settings: Settings) -> list[dict[str, Any]]:
    """The checks of one host, by the place they are made from; none when it does not route.

    :raises IntentError: with everything that is wrong with the intent of the hosts that are looked at.
    """
    around = Surroundings(intent, host, settings.full_mesh)
    if not around.routes:
        return []
    checks = _HostChecks(around, settings)
    own = [check for end in around.own for check in checks.of(end)]
    own += [check for external in around.view.externals for check in _with_external_gateways(external)]
    places = [place for place in settings.outside if host in place.hosts]
    return by_place(host, own, [(place, checks.from_outside(place)) for place in places])


class _HostChecks:
    """The checks of one host's instances, with those others that :class:`Surroundings` chooses."""

    def __init__(self, around: Surroundings, settings: Settings) -> None:
        self._around = around
        self._settings = settings
        self._kinds = [ECHO] if settings.port is None else [ECHO, Kind(settings.port)]

    def of(self, end: End) -> Iterator[Check]:
        """Everything about one instance that can be seen from its host."""
        yield from _with_gateways(end)
        yield from self._from_router(end)
        for other in chain(self._around.neighbours(end), self._around.routed(end)):
            yield from self._by_own_address(end, other)
        for other in chain([end], self._around.known_outside(end)):
            yield from self._by_public_address(end, other)
        for other in self._around.strangers(end):
            yield from self._as_a_stranger(end, other)
        for target in self._settings.targets:
            yield from _with_target(end, target)
        yield from self._lies(end)

    def from_outside(self, place: Outside) -> list[Check]:
        """Who of the instances is reached by a place outside, and whom they see."""
        reaches = [Check(place.name, str(address), _from(place, "ping", address)) for address in place.reaches]
        return [*reaches, *(check for end in self._around.own for check in self._from_outside(place, end))]

    def _from_outside(self, place: Outside, end: End) -> Iterator[Check]:
        for public in end.public.values():
            sources = [each for each in place.addresses if each.version == public.address.version]
            for kind in self._kinds:
                expect = _from_a_place(end, kind, sources, public.address.version)
                if expect is None:
                    continue
                if kind is not ECHO and expect["reachable"] and len(sources) == 1:
                    expect["seen_as"] = str(sources[0])
                options = _tcp(end, kind, expect["reachable"])
                probe = {**_from(place, _probe_of(kind), public.address), **options, "expect": expect}
                yield Check(place.name, _by(end.name, public.address), probe)

    def _by_own_address(self, end: End, other: End) -> Iterator[Check]:
        """East-west: on the link, or by the router that both have."""
        is_neighbour = other.instance.network.name == end.instance.network.name
        if not is_neighbour and not end.shares_router(other):
            return
        mtu = min(end.instance.mtu, other.instance.mtu)
        for address in other.instance.addresses:
            own = end.own_address(address)
            if own is None:
                continue
            yield from self._tried(end, other, other.name, address, own, mtu)
            if is_neighbour:
                yield from _probe(end, other.name, "arp", address, expect={"mac": other.instance.mac})

    def _by_public_address(self, end: End, other: End) -> Iterator[Check]:
        """By a floating IP, or by a routed address of somebody that no router of this instance knows."""
        for public in other.public.values():
            own = end.own_address(public.address)
            if own is None or (public.address.version == 6 and other.instance.network.name in end.networks):
                continue
            seen = end.outward(own)
            if seen is not None and seen.external != public.external:
                continue
            mtu = min(end.instance.mtu, public.mtu, other.instance.mtu)
            name = _by("itself" if other is end else other.name, public.address)
            yield from self._tried(end, other, name, public.address, None if seen is None else seen.address, mtu)

    def _tried(
        self, end: End, other: End, name: str, address: IPAddress, seen_as: IPAddress | None, mtu: int
    ) -> Iterator[Check]:
        """One address of another instance, by all means. seen_as: whom it would see; None when there is no way."""
        for kind in self._kinds:
            reachable = seen_as is not None and lets_out(end.instance, kind, address)
            reachable = reachable and lets_in(other.instance, kind, seen_as)
            if kind is ECHO:
                yield from _probe(end, name, "ping", address, expect={"reachable": reachable})
                if reachable and isinstance(end.instance.port, Veth):
                    yield from _probe(end, name, "path_mtu", address, expect={"mtu": mtu})
            elif isinstance(end.instance.port, Veth):
                expect = {"seen_as": str(seen_as)} if reachable else {"reachable": False}
                yield from _probe(end, name, "tcp", address, **_tcp(other, kind, reachable), expect=expect)

    def _as_a_stranger(self, end: End, other: End) -> Iterator[Check]:
        """Somebody of another router's networks: not on the link, and by no router under its own address."""
        subnets = [subnet.network for each in self._around.networks(end) for subnet in each.network.subnets]
        for address in other.instance.addresses:
            owner = self._around.owner(end, address)
            # For its own address, nobody has to answer an instance either.
            is_nobodys = owner is None or address in end.instance.addresses
            expect: Probe = {"reachable": False} if is_nobodys else {"mac": owner}
            yield from _probe(end, other.name, "arp", address, expect=expect)
            is_public = any(public.address == address for public in other.public.values())
            if holding(address, subnets) is None and not is_public:
                yield from _probe(end, other.name, "ping", address, expect={"reachable": False})

    def _from_router(self, end: End) -> Iterator[Check]:
        """What only a socket can see of a VM is seen from its router, as no namespace here is the VM's."""
        instance, leg = end.instance, end.leg
        if not isinstance(instance.port, Tap) or leg is None or end.router is None:
            return
        for address in instance.addresses:
            gateway = end.gateway(address)
            if gateway is None:
                continue
            probe: Probe = {"namespace": end.router.namespace, "address": str(address), "source": str(gateway)}
            for kind in self._kinds:
                expect: Probe = {"reachable": lets_in(instance, kind, gateway)}
                if kind is not ECHO and expect["reachable"]:
                    expect["seen_as"] = str(gateway)
                options = _tcp(end, kind, expect["reachable"])
                yield Check(_GATEWAY, end.name, {"kind": _probe_of(kind), **probe, **options, "expect": expect})
            if lets_in(instance, ECHO, gateway):
                yield Check(_GATEWAY, end.name, {"kind": "path_mtu", **probe, "expect": {"mtu": instance.mtu}})

    def _lies(self, end: End) -> Iterator[Check]:
        """What the instance says of itself, looked for at its router's leg."""
        leg = end.leg
        if not end.instance.port_security or leg is None or end.router is None:
            return
        seen_at = {"namespace": end.router.namespace, "interface": leg.device}
        used = self._around.used(end)
        found = []
        for family in (4, 6):
            truth = next((own for own in end.instance.addresses if own.version == family), None)
            gateway = None if truth is None else end.gateway(truth)
            if truth is None or gateway is None:
                continue
            subnet = holding(truth, [each.network for each in end.instance.network.subnets])
            claimed = lies.unused(subnet, used, end.instance.allowed) or lies.nobodys(family)
            found.append(lies.Lie(truth, gateway, claimed, echoes=lets_out(end.instance, ECHO, gateway)))
        yield from lies.told(end.name, end.sender, seen_at, found)


def _with_gateways(end: End) -> Iterator[Check]:
    """The router answers at its address, and nobody else claims that."""
    leg = end.leg
    for own in end.instance.addresses:
        gateway = end.gateway(own)
        if leg is None or gateway is None:
            continue
        expect = {"reachable": lets_out(end.instance, ECHO, gateway)}
        yield from _probe(end, _GATEWAY, "ping", gateway, expect=expect)
        yield from _probe(end, _GATEWAY, "arp", gateway, expect={"mac": leg.mac})


def _with_external_gateways(external: External) -> Iterator[Check]:
    """The physical router, and that it is one, as seen from the host's own address in the external network."""
    families = {4 if "." in interface else 6 for interface in external.interfaces}
    for subnet in external.network.subnets:
        if subnet.gateway is not None and subnet.family in families:
            probe = {"kind": "arp", "namespace": external.namespace, "interface": external.device}
            yield Check(external.namespace, _GATEWAY, {**probe, "address": str(subnet.gateway)})


def _with_target(end: End, target: Target) -> Iterator[Check]:
    if target.hosts and end.host not in target.hosts:
        return
    own = end.own_address(target.address)
    if own is None:
        return
    seen = end.outward(own)
    reachable = seen is not None and lets_out(end.instance, ECHO, target.address)
    yield from _probe(end, target.name, "ping", target.address, expect={"reachable": reachable})
    if target.port is None or isinstance(end.instance.port, Tap):
        return
    reachable = seen is not None and lets_out(end.instance, Kind(target.port), target.address)
    expect: Probe = {"reachable": reachable}
    if reachable and seen is not None and target.says_address:
        expect = {"seen_as": str(seen.address)}
    yield from _probe(end, target.name, "tcp", target.address, port=target.port, expect=expect)


def _from_a_place(end: End, kind: Kind, sources: Sequence[IPAddress], family: int) -> Probe | None:
    """What a place outside must find; None when that depends on who it is, and nobody has said."""
    if sources:
        verdicts = {lets_in(end.instance, kind, source) for source in sources}
        return {"reachable": verdicts.pop()} if len(verdicts) == 1 else None
    reachable = lets_anybody_in(end.instance, kind, family)
    return None if reachable is None else {"reachable": reachable}


def _by(name: str, address: IPAddress) -> str:
    """What a row calls somebody by one of several addresses."""
    return f"{name} by {address}"


def _from(place: Outside, kind: str, address: IPAddress) -> Probe:
    return {"kind": kind, "namespace": place.namespace, "address": str(address)}


def _probe_of(kind: Kind) -> str:
    return "ping" if kind is ECHO else "tcp"


def _tcp(to: End, kind: Kind, reachable: bool) -> Probe:
    """What a connection takes beside its ends; nothing for an echo request."""
    if kind.port is None:
        return {}
    return {"port": kind.port, **(_PATIENCE_WITH_GUESTS if reachable and isinstance(to.instance.port, Tap) else {})}


def _probe(end: End, target: str, kind: str, address: IPAddress, **options: Any) -> Iterator[Check]:
    """A check from an instance, where it has an address and a way for it."""
    probe = end.sent(kind, address)
    if probe is not None:
        yield Check(end.name, target, {**probe, **options})
