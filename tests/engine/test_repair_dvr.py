# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is deleted underneath is made again, and nothing else is touched, on a compute host and on a SNAT host of two.

All objects of one kind in one place are deleted at once; a place is a namespace, but those of the instances are one.
Before that, one object of the kind is deleted alone: every bridge, the first namespace of each place, the first link
and the first port of all whose names begin alike, and of the other kinds the first. What cannot be deleted is altered:
sysctls and checksum offloads. The card in the external network is not ours, and a bridge's own port goes with its
bridge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pytest
from dvr_alone import COMPUTE, SNAT_HOST, content, furnish, load_card
from dvr_shipped import INSTANCES, Document, document, intent, with_two_snat_hosts
from harness import SCOPE, Machine, OpenVSwitch, unlike, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.module_utils.batches import Batch
from ansible_collections.hostnet.fabric.plugins.module_utils.changes import Plan
from ansible_collections.hostnet.fabric.plugins.module_utils.engine import Engine
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.address import Address
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import HOST, Key, Mark, Resource, Step
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.fdb import Fdb
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.link import Link
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.meter import Meter
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.neighbour import Neighbour
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.nft_table import NftTable
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.offload import Offload
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.openflow import OpenFlow
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.ovs_port import OvsPort
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.route import Route
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.sysctl import Sysctl
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.uplink import Uplink
from ansible_collections.hostnet.fabric.plugins.module_utils.ledger import LedgerStore
from ansible_collections.hostnet.fabric.plugins.module_utils.values import family

Objects = Mapping[Key, Resource]


def _groups(objects: Objects, instances: Collection[str]) -> list[list[Key]]:
    alone: dict[tuple[str, ...], list[Key]] = {}
    together: dict[tuple[str, str], list[Key]] = {}
    for key, resource in objects.items():
        if _is_left_out(resource):
            continue
        home = key[2] if resource.kind == "namespace" else resource.namespace
        place = "instances" if home in instances else home
        alone.setdefault((resource.kind, _sort(key, place)), [key])
        together.setdefault((resource.kind, place), []).append(key)
    singles = list(alone.values())
    return [*singles, *(keys for keys in together.values() if keys not in singles)]


def _sort(key: Key, place: str) -> str:
    if key[0] in ("link", "ovs_port"):
        return key[2].partition("-")[0]
    return {"namespace": place, "ovs_bridge": key[2]}.get(key[0], "")


def _is_left_out(resource: Resource) -> bool:
    if isinstance(resource, Link):
        return not resource.marked
    return isinstance(resource, OvsPort) and resource.name == resource.bridge


@dataclass
class Built:
    """A host as its document says, and what it looks like."""

    machine: Machine
    ovs: OpenVSwitch
    document: Document
    objects: Objects
    before: Mapping[str, Any]
    own_address: bool

    @property
    def leg(self) -> str:
        return str(self.document["uplinks"][0]["leg"])


@pytest.mark.parametrize("name", [COMPUTE, SNAT_HOST])
def test_what_is_deleted_is_made_again_and_nothing_else_is_touched(
    name: str, host: Machine, ovs: OpenVSwitch, datapath: str
) -> None:
    furnish(host, ovs, name, datapath)
    own = intent(datapath)
    wanted = document(with_two_snat_hosts(own, SNAT_HOST, "network-02") if name == SNAT_HOST else own, name)
    objects = documents.parse(wanted).objects
    groups = _groups(objects, INSTANCES)
    left = set(objects) - {key for keys in groups for key in keys}
    assert left == {("link", HOST, "enp7s0"), *(("ovs_port", HOST, bridge) for bridge in ("br-int", "br-ex"))}
    host.run(wanted)
    built = Built(host, ovs, wanted, objects, content(host, wanted), name == COMPUTE)
    for keys in groups:
        faults = list(_repaired(built, keys))
        assert faults == [], f"after {len(keys)} were deleted: {', '.join(map(str, keys[:3]))}"


def _repaired(built: Built, keys: list[Key]) -> Iterator[str]:
    """Delete and run; what is wrong afterwards."""
    machine, hanging = built.machine, _hanging(built.objects, keys)
    _delete(built, keys)
    wait_for(lambda: not _devices_left(built, keys, hanging), "the devices to go")
    done = machine.run(built.document)
    changed = {change.key for change in done.plan.changes}
    yield from (f"not in the plan: {key}" for key in set(keys) - changed)
    yield from (f"in the plan: {key}" for key in changed - hanging)
    if built.own_address and ("link", HOST, built.leg) in hanging:
        # What others had put on a device is gone with it, and theirs to put back.
        load_card(machine, built.leg)
    again = machine.run(built.document)
    yield from (f"not done: {change.key}" for change in again.plan.changes)
    yield from again.commands
    yield from unlike(built.before, content(machine, built.document))


def _delete(built: Built, keys: list[Key]) -> None:
    """By the steps that remove each object when it is no longer declared, but behind the back of the ledger."""
    host = Host(ovs_database=built.machine.ovs_database, run_directory=str(built.machine.run_directory))
    built.machine.hosts.append(host)
    ledger, _owners = LedgerStore(host.run_directory).open(SCOPE)
    mark = Mark(SCOPE, ledger.protocol, host.supports_address_protocol())
    owned = built.machine.owned(built.document)
    engine, steps = (
        Engine(host),
        [step for key in _to_delete(built, keys) for step in _deletion(built, key, owned, mark)],
    )
    for (tool, namespace), some in groupby(steps, key=lambda step: (step.tool, step.namespace)):
        engine._send(Batch(tool, namespace, tuple((step, 0) for step in some)), Plan((), ()))


def _to_delete(built: Built, keys: list[Key]) -> Iterator[Key]:
    """Without the second end of a pair, which goes with the first."""
    done: set[Key] = set()
    for key in keys:
        want = built.objects[key]
        if not (isinstance(want, Link) and want.peer and ("link", *want.peer) in done):
            done.add(key)
            yield key


def _deletion(built: Built, key: Key, owned: Objects, mark: Mark) -> Sequence[Step]:
    want = built.objects[key]
    if isinstance(want, Sysctl):
        return replace(want, value="1" if want.value == "0" else "0").add(mark)
    if isinstance(want, Offload):
        return replace(want, tx_checksums=not want.tx_checksums).add(mark)
    return owned[("ovs_port", HOST, want.link) if isinstance(want, Uplink) else key].remove(mark)


def _devices_left(built: Built, keys: list[Key], hanging: Collection[Key]) -> list[Key]:
    """The ends of pairs that have gone with a namespace: the kernel takes its time."""
    if not any(key[0] == "namespace" for key in keys):
        return []
    there = built.machine.named_namespaces()
    gone = [key for key in hanging if key[0] == "link" and key[1] in ("", *there)]
    return [key for key in gone if built.machine.link(key[2], key[1]) is not None]


def _hanging(objects: Objects, keys: list[Key]) -> set[Key]:
    """These objects, and whatever the kernel or the switch takes along with them or alters."""
    gone = set(keys)
    while True:
        more = {key for key, resource in objects.items() if key not in gone and _hangs(resource, gone)}
        if not more:
            return gone
        gone |= more


def _hangs(resource: Resource, gone: Collection[Key]) -> bool:
    if ("namespace", HOST, resource.namespace) in gone:
        return True
    if any(("link", resource.namespace, device) in gone for device in _devices(resource)):
        return True
    if isinstance(resource, Link):
        return bool(resource.peer) and ("link", *resource.peer) in gone
    if isinstance(resource, (Route, Neighbour)):
        return any(_is_needed(resource, key) for key in gone)
    if isinstance(resource, (OvsPort, Meter, OpenFlow, Uplink)):
        return _hangs_on_switch(resource, gone)
    return False


def _hangs_on_switch(resource: OvsPort | Meter | OpenFlow | Uplink, gone: Collection[Key]) -> bool:
    if ("ovs_bridge", HOST, resource.bridge) in gone:
        return True
    if isinstance(resource, OpenFlow):
        return any(("ovs_port", HOST, port) in gone for port in resource.ports) or any(
            ("meter", HOST, resource.bridge, meter) in gone for meter in resource.meters
        )
    if isinstance(resource, Uplink):
        return ("ovs_port", HOST, resource.link) in gone
    return isinstance(resource, OvsPort) and ("uplink", HOST, resource.name) in gone


def _is_needed(resource: Route | Neighbour, key: Key) -> bool:
    """Whether an IPv4 address is what keeps a route or a neighbour on its link."""
    if key[:2] != (Address.kind, resource.namespace) or family(key[3]) != 4 or key[2] not in _devices(resource):
        return False
    return family(resource.address) == 4 if isinstance(resource, Neighbour) else resource.family == 4


def _devices(resource: Resource) -> list[str]:
    """The devices of its namespace without which there is no such object."""
    if isinstance(resource, (Address, Neighbour, Fdb, Offload)):
        return [resource.link]
    if isinstance(resource, Route):
        return [hop.dev for hop in resource.next_hops or ()]
    if isinstance(resource, NftTable):
        return [chain.device for chain in resource.chains or () if chain.device]
    if isinstance(resource, OvsPort):
        return [resource.name]
    if isinstance(resource, Uplink):
        return [str(resource.leg)]
    return [resource.link] if isinstance(resource, Sysctl) and resource.link else []
