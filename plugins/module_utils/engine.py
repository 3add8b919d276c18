# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host made equal to its document: observe, plan, apply, verify. Knows nothing of Ansible."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from . import document as documents
from . import flowtext, ovsdb
from .announce import Entry
from .batches import Batch, batches
from .changes import ADD, CHANGE, REMOVE, REPLACE, Change, Plan
from .errors import ApplyFailed, DocumentError, PlanRefused, StepFailed, VerifyFailed
from .flows import RestoreFiles, with_flow_forms, with_meter_numbers
from .host import Host, NamespaceGone
from .kinds.address import Address
from .kinds.base import HOST, Key, Mark, Resource, Step, all_fields, key_fields, reason
from .kinds.link import Link
from .kinds.meter import Meter, meter_words
from .kinds.namespace import Namespace
from .kinds.neighbour import Neighbour
from .kinds.openflow import OpenFlow
from .kinds.registry import KINDS
from .kinds.uplink import Uplink
from .ledger import Before, Ledger, LedgerStore, free_protocol
from .observe import ALL_READS, Observer, identity, with_normal_forms
from .openflow_wire import MeterChange
from .plan import Options, World, plan
from .present import line
from .values import family, ip

# One argument list of the kernel's holds 2 MiB with the environment; a transaction stays well below.
_TRANSACTION_BYTES = 800_000
# The kinds whose changes are to be found in the files that restore flows.
_RESTORED = ("openflow", "meter", "ovs_port")
# The tools that enter a namespace by an option of their own.
_NAMESPACE_OPTION = ("ip", "ip -6", "bridge")
# What tells others of a change, or makes them forget, and cannot be seen afterwards to have been done.
_UNSEEN = ("announce", "conntrack")


@dataclass(frozen=True)
class Outcome:
    """What a run did, or in check mode would do. stats: processes started, milliseconds per phase, objects.

    announced: by namespace what was announced, which in check mode is nothing.
    """

    plan: Plan
    commands: Sequence[str]
    stats: Mapping[str, Any]
    announced: Mapping[str, Sequence[Entry]]


@dataclass
class Engine:
    """Applies documents to one host.

    check: plan only. absent: remove everything of the document's scope instead of building it; nothing else of the
    document is looked at.
    announce: of the addresses that the document announces when they come, those to announce now in any case.
    """

    host: Host = field(default_factory=Host)
    options: Options = field(default_factory=Options)
    check: bool = False
    absent: bool = False
    announce: Sequence[str] = ()
    _announced: dict[str, list[Entry]] = field(default_factory=dict, init=False)

    def run(self, raw: Mapping[str, Any]) -> Outcome:
        """Make the host equal to the document.

        :raises DocumentError: before anything is read, when the document cannot be right.
        :raises PlanRefused: before anything is changed, when the plan must not be carried out.
        :raises ApplyFailed: when a step failed.
        :raises VerifyFailed: when the host is not as declared in the end.
        """
        with _uncollected():
            with self.host.timed("compile"):
                document = documents.scope_only(raw) if self.absent else documents.parse(raw)
                asked = _asked(self.announce, document.objects)
            with self.host.locked():
                return self._run(document, asked)

    def _run(self, document: documents.Document, asked: Sequence[Step]) -> Outcome:
        host = self.host
        with host.timed("observe"):
            store = LedgerStore(host.run_directory)
            ledger, owners = store.open(document.scope)
            declared = document.objects
            observer = Observer(host, ledger, owners, declared, check=self.check)
            named = set() if ledger.known else set(host.namespaces())
            observer.read([HOST, *sorted(named | set(document.namespaces()) | set(ledger.namespaces))], {})
            world = observer.world()
            formed = with_normal_forms(declared, world, host, document.scope)
            wanted: Mapping[Key, Resource]
            wanted, world = with_flow_forms(formed, world, host, ledger, owners.values(), self.check)
            signs = any(key[0] == "address" for key in wanted) and host.supports_address_protocol()
            mark = Mark(document.scope, ledger.protocol, signs)
        with host.timed("plan"):
            _refuse_unknown_accounts(wanted)
            found = plan(wanted, world, mark, self.options)
            steps = batches(found)
        if not self.check:
            try:
                owed = tuple(ledger.owed)
                if found.changes:
                    self._apply(found, steps, ledger, store, world, document, mark)
                self._pay(owed, _announcements(declared))
                for step in asked:
                    if step.words not in self._announced.get(step.namespace, ()):
                        self._tell(step.tool, step.namespace, [step])
            finally:
                if self._announced:
                    host.announce_again(self._announced)
            if found.changes:
                wanted, world = self._verified(found, observer, wanted, mark)
            self._settle(ledger, store, observer, world, wanted, document)
        stats = {**host.stats(), "declared": len(wanted), "observed": len(world.objects)}
        return Outcome(found, _commands(steps), stats, self._announced)

    def _apply(
        self,
        found: Plan,
        steps: Sequence[Batch],
        ledger: Ledger,
        store: LedgerStore,
        world: World,
        document: documents.Document,
        mark: Mark,
    ) -> None:
        with self.host.timed("apply"):
            _note(found, ledger, world, document, mark)
            store.write(ledger)
            self.host.clear_dead_names([c.key[2] for c in found.changes if c.action == ADD and c.key[0] == "namespace"])
            for batch in steps:
                self._send(batch, found)

    def _send(self, batch: Batch, found: Plan) -> None:
        """Run one batch; on failure say which object it was."""
        steps = [step for step, _change in batch.steps]
        try:
            if batch.tool == "ovs":
                for words in _transactions(steps):
                    self.host.ovs_vsctl(words)
            elif batch.tool == "nft":
                self.host.nft_apply(batch.namespace, "\n".join(step.words[0] for step in steps))
            elif batch.tool == "sysctl":
                self.host.write_sysctls(batch.namespace, [(step.words[0], step.words[1]) for step in steps])
            elif batch.tool == "openflow":
                self._send_flows(steps)
            elif batch.tool == "meter":
                self._send_meters(batch)
            elif batch.tool in _UNSEEN:
                self._tell(batch.tool, batch.namespace, steps)
            elif batch.tool == "tap":
                self.host.set_tap_owners(batch.namespace, [step.words for step in steps])
            elif batch.tool == "ethtool":
                self.host.set_tx_checksums(batch.namespace, [step.words for step in steps])
            else:
                self.host.batch(batch.tool, batch.namespace, [step.words for step in steps])
        except StepFailed as error:
            raise ApplyFailed(_failure(batch, found, error)) from None

    def _tell(self, tool: str, namespace: str, steps: Sequence[Step]) -> None:
        if tool == "conntrack":
            self.host.forget_connections(namespace, [word for step in steps for word in step.words])
        else:
            entries = [(step.words[0], step.words[1]) for step in steps]
            self.host.announce(namespace, entries)
            self._announced.setdefault(namespace, []).extend(entries)

    def _pay(self, owed: Sequence[Step], announcements: Sequence[Step]) -> None:
        """What an earlier run has not come to, because it ended before. Not what the document no longer announces."""
        for step in owed:
            if step.tool == "announce" and step not in announcements:
                continue
            try:
                self._tell(step.tool, step.namespace, [step])
            except NamespaceGone:
                continue
            except StepFailed as error:
                raise ApplyFailed(f"{step.tool} {step.namespace or 'host'} {' '.join(step.words)}: {error}") from None

    def _send_flows(self, steps: Sequence[Step]) -> None:
        """One bundle for each bridge, with the numbers that ports have now."""
        bundles: dict[str, list[str]] = {}
        for step in steps:
            bundles.setdefault(step.words[0], []).extend(step.words[1:])
        cut = {bridge: flowtext.Template(lines) for bridge, lines in bundles.items()}
        names = {name for bridge, lines in cut.items() for name in lines.ports if name != bridge}
        numbers = self.host.port_numbers(names) if names else {}
        for bridge, lines in cut.items():
            here = {**numbers, bridge: flowtext.LOCAL}
            self.host.flow_bundle(bridge, lines.filled(here.__getitem__))

    def _send_meters(self, batch: Batch) -> None:
        bridges = list(dict.fromkeys(step.words[0] for step, _change in batch.steps))
        for bridge in bridges:
            places = [place for place, (step, _change) in enumerate(batch.steps) if step.words[0] == bridge]
            words = [batch.steps[place][0].words for place in places]
            changes = [MeterChange(command, *map(int, limits)) for _bridge, command, *limits in words]
            try:
                self.host.change_meters(bridge, changes)
            except StepFailed as error:
                raise StepFailed(str(error), places[error.line - 1] + 1 if error.line else None) from None

    def _verified(
        self, found: Plan, observer: Observer, wanted: Mapping[Key, Resource], mark: Mark
    ) -> tuple[Mapping[Key, Resource], World]:
        """Read again what the plan touched, and plan again: nothing may be left to do. Flows get the numbers that new
        ports have by then."""
        with self.host.timed("verify"):
            touched = _touched(found)
            observer.read(sorted(touched), touched)
            world = observer.world()
            if "ovs" in touched.get(HOST, ()):
                wanted, world = with_flow_forms(wanted, world, self.host, observer.ledger, observer.owners.values())
            left = plan(wanted, world, mark, Options(purge=self.options.purge, adopt=self.options.adopt))
            failed = [change for change in left.changes if not _may_drift(change)]
            if failed:
                raise VerifyFailed("\n".join(["applied, and yet these do not hold:", *map(line, failed)]))
            return wanted, world

    def _settle(
        self,
        ledger: Ledger,
        store: LedgerStore,
        observer: Observer,
        world: World,
        wanted: Mapping[Key, Resource],
        document: documents.Document,
    ) -> None:
        """The run is over: nothing is pending, and what was given back is forgotten."""
        files = RestoreFiles(self.host.run_directory, ledger.scope)
        flows = any(isinstance(resource, (Meter, OpenFlow)) for resource in wanted.values())
        if bool(files.names()) != flows or any(key[0] in _RESTORED for key in ledger.pending):
            files.write(wanted, world)
        before = ledger.encoded() if ledger.known else None
        names = {cls.kind: key_fields(cls) for cls in KINDS}
        ledger.pending = set()
        ledger.owed = []
        ledger.addresses &= set(world.objects)
        ledger.groups &= set(world.objects)
        ledger.meters = {key: number for key, number in ledger.meters.items() if key in world.objects}
        ledger.before = [entry for entry in ledger.before if entry.identity(names[entry.kind]) in wanted]
        _share(ledger, wanted)
        owned = [resource for resource in world.objects.values() if resource.owner == ledger.scope]
        ledger.signed = bool(owned)
        homes = {resource.namespace or resource.key[2] for resource in owned if _is_in_one(resource)}
        ledger.namespaces = sorted(homes | ({key[1] for key in wanted} - {HOST}))
        if ledger.encoded() != before or ledger.is_empty():
            store.write(ledger)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Do not look for cycles in the body: a run has few, and many objects that stay, which would be searched again and
    again."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _may_drift(change: Change) -> bool:
    return change.action == CHANGE and all(map(change.resource.may_drift, change.differences))


def _is_in_one(resource: Resource) -> bool:
    return bool(resource.namespace) or resource.kind == "namespace"


def _note(found: Plan, ledger: Ledger, world: World, document: documents.Document, mark: Mark) -> None:
    """Write down what the kernel will not remember, before the first step."""
    ledger.namespaces = sorted({*ledger.namespaces, *document.namespaces()})
    _share(ledger, document.objects)
    unseen = [step for change in found.changes for step in change.steps if step.tool in _UNSEEN]
    ledger.owed = list(dict.fromkeys([*ledger.owed, *unseen]))
    for change in found.changes:
        kind = change.resource.kind
        if kind in _RESTORED or (kind in ("namespace", "link") and change.action in (ADD, REPLACE)):
            ledger.pending.add(change.key)
        if kind == "openflow" and change.action != REMOVE:
            ledger.groups.add(change.key)
        if isinstance(change.resource, Meter) and change.action != REMOVE:
            ledger.meters[change.key] = change.resource.number
        if kind == "address" and change.action != REMOVE and not mark.address_protocol:
            ledger.addresses.add(change.key)
        if (change.action == CHANGE and change.key not in world.restore and _is_of_others(change, world, mark)) or (
            change.action == CHANGE and change.key in world.restore and change.key in document.objects
        ):
            _remember(ledger, change)


def _is_of_others(change: Change, world: World, mark: Mark) -> bool:
    """Whether the object stays when this scope goes: it carries no mark, nor does what it belongs to."""
    if not change.resource.restorable or change.resource.marked:
        return False
    parents = [world.objects.get(parent) for parent in change.resource.parents()]
    return not any(parent is not None and parent.owner == mark.scope for parent in parents)


def _share(ledger: Ledger, declared: Mapping[Key, Resource]) -> None:
    """What another scope has changed before, and this one declares too, has the same earlier value for both."""
    names = {cls.kind: key_fields(cls) for cls in KINDS}
    for entry in ledger.held:
        want = declared.get(entry.identity(names[entry.kind]))
        if (
            want is None
            or want.marked
            or any(parent in declared and declared[parent].marked for parent in want.parents())
        ):
            continue
        given = {name for name, _value in want.given}
        _keep(ledger, want, {name: value for name, value in entry.fields.items() if name in given})


def _remember(ledger: Ledger, change: Change) -> None:
    specs = all_fields(type(change.resource))
    _keep(ledger, change.resource, {d.field: d.before for d in change.differences if d.field in specs})


def _keep(ledger: Ledger, resource: Resource, values: Mapping[str, Any]) -> None:
    """Keep the first values seen; a later run must not take our own for the earlier ones."""
    names = key_fields(type(resource))
    place = next((n for n, b in enumerate(ledger.before) if b.identity(names) == resource.key), None)
    named = {**identity(resource), **_required(resource)}
    kept = named if place is None else dict(ledger.before[place].fields)
    for name, value in values.items():
        kept.setdefault(name, value)
    entry = Before(resource.kind, resource.namespace, kept)
    if place is not None:
        ledger.before[place] = entry
    elif set(values) - set(identity(resource)) - {"type"}:
        ledger.before.append(entry)


def _required(resource: Resource) -> dict[str, Any]:
    """The type of a link and its like, without which an object cannot be written down."""
    specs = all_fields(type(resource))
    return {name: getattr(resource, name) for name in ("type",) if name in specs}


def _touched(found: Plan) -> dict[str, set[str]]:
    """The namespaces a plan changed, with what must be read again there."""
    touched: dict[str, set[str]] = {}
    for change in found.changes:
        reads = set(change.resource.reads)
        if change.action in (REMOVE, REPLACE) and change.resource.kind in ("link", "namespace", "ovs_bridge"):
            reads = set(ALL_READS)
        if change.resource.kind == "link":
            reads |= {"vlans", "fdb"}
        if change.resource.kind == "address" and change.action == REMOVE:
            reads.add("routes")
        home = change.key[2] if change.resource.kind == "namespace" else change.resource.namespace
        for namespace in {home, *(step.namespace for step in change.steps)}:
            touched.setdefault(namespace, set()).update(reads)
    return touched


def _transactions(steps: Sequence[Step]) -> list[list[str]]:
    """One ovs-vsctl command for all steps, or a few where one would not fit."""
    parts: list[list[Step]] = [[]]
    size = 0
    for step in steps:
        length = sum(len(word) + 9 for word in step.words) + 3
        if size + length > _TRANSACTION_BYTES and parts[-1]:
            parts.append([])
            size = 0
        parts[-1].append(step)
        size += length
    return [ovsdb.transaction([step.words for step in part]) for part in parts]


def _announcements(declared: Mapping[Key, Resource]) -> list[Step]:
    able = [resource for resource in declared.values() if isinstance(resource, (Address, Neighbour))]
    return [resource.announcement() for resource in able if resource.announce]


def _asked(addresses: Sequence[str], declared: Mapping[Key, Resource]) -> list[Step]:
    """The announcements of these addresses, wherever the document declares them."""
    ours = _announcements(declared)
    found: list[Step] = []
    faults = []
    for text in addresses:
        try:
            address = ip(text)
        except ValueError as error:
            faults.append(f"announce: {error}")
            continue
        steps = [step for step in ours if step.words[1] == address]
        if not steps:
            cure = "give it announce, as an address or as a neighbour with proxy, or leave it out"
            faults.append(f"announce: {address} is no address that the document announces; {cure}")
        found += steps
    if faults:
        raise DocumentError(faults)
    return found


def _refuse_unknown_accounts(wanted: Mapping[Key, Resource]) -> None:
    """What only the host itself can know; a plan is also made where the accounts of another host are unknown."""
    taps = [want for want in wanted.values() if isinstance(want, Link) and want.type == "tap"]
    unknown = [
        reason(tap, f"{account} is not known on this host") for tap in taps for account in tap.unknown_accounts()
    ]
    if unknown:
        raise PlanRefused(unknown)


def _failure(batch: Batch, found: Plan, error: StepFailed) -> str:
    """Which object, which tool, what it said, and the refused line."""
    step, number = _refused_step(batch, error) or (None, 0)
    if step is not None:
        resource = found.changes[number].resource
        return reason(resource, f"{step.tool} refused '{' '.join(step.words)}': {error}")
    objects = sorted({found.changes[number].resource.title for _step, number in batch.steps})
    named = ", ".join(objects[:5]) + (f" and {len(objects) - 5} more" if len(objects) > 5 else "")
    return f"{named}: {batch.tool} refused: {error}"


def _refused_step(batch: Batch, error: StepFailed) -> tuple[Step, int] | None:
    """The step at the line that the tool named.

    ``ip`` names none when it dislikes a word, which it quotes, nor when the kernel refuses a neighbour. Then the step
    is known if it is the only one.
    """
    if error.line is not None and 1 <= error.line <= len(batch.steps):
        return batch.steps[error.line - 1]
    quoted = set(re.findall(r'"([^"]+)"', str(error)))
    suspects = [entry for entry in batch.steps if quoted & set(entry[0].words)]
    suspects = suspects or [entry for entry in batch.steps if entry[0].words[0] == "neigh"]
    return suspects[0] if len({number for _step, number in suspects}) == 1 else None


def _commands(steps: Sequence[Batch]) -> list[str]:
    """The batches as a person would type them, a line each."""
    lines = []
    for batch in steps:
        call = _call(batch)
        for step, _change in batch.steps:
            if batch.tool == "openflow":
                bridge, *flows = step.words
                lines += [f"ovs-ofctl -O OpenFlow14 --bundle add-flows {bridge} - <<END", *flows, "END"]
            elif batch.tool == "meter":
                lines.append(f"ovs-ofctl -O OpenFlow13 {meter_words(step.words)}")
            elif batch.tool in _UNSEEN:
                lines += [_in(batch.namespace, text) for text in _told(step)]
            elif batch.tool == "nft":
                lines += [f"{call} -f - <<END", *step.words[0].rstrip().splitlines(), "END"]
            elif batch.tool == "sysctl":
                lines.append(f"{call} {'='.join(step.words)}")
            elif batch.tool == "tap":
                lines.append(" ".join(["# no command: ioctl on tap", *step.words]))
            else:
                lines.append(" ".join([call, *step.words]))
    return lines


def _told(step: Step) -> list[str]:
    """Commands that do what a step does which no tool is started for."""
    if step.tool == "conntrack":
        ends = ("--orig-src", "--orig-dst", "--reply-src", "--reply-dst")
        return [f"conntrack -D {end} {address}" for address in step.words for end in ends]
    link, address = step.words
    if family(address) == 4:
        return [f"arping -U -c 3 -I {link} {address}"]
    return [f"ndptool -t na -U -i {link} -T {address} send"]


def _call(batch: Batch) -> str:
    """The tool of a batch as a person would call it for the batch's namespace."""
    tool = {"ip6": "ip -6", "ovs": "ovs-vsctl", "sysctl": "sysctl -w"}.get(batch.tool, batch.tool)
    if tool in _NAMESPACE_OPTION and batch.namespace and not batch.namespace.startswith("pid:"):
        return f"{tool} -n {batch.namespace}"
    return _in(batch.namespace, tool)


def _in(namespace: str, command: str) -> str:
    if not namespace:
        return command
    if namespace.startswith("pid:"):
        return f"nsenter --net=/proc/{namespace[len('pid:') :]}/ns/net {command}"
    return f"ip netns exec {namespace} {command}"


def empty_host_commands(raw: Mapping[str, Any]) -> list[str]:
    """The commands that a document would cause on a host without any of its objects. Nothing is read."""
    document = documents.parse(raw)
    there = {resource.key: resource for resource in _given(document)}
    mark = Mark(document.scope, free_protocol(document.scope, {}))
    found = plan(with_meter_numbers(document.objects, {}), World(there), mark, Options())
    return _commands(batches(found))


def _given(document: documents.Document) -> Iterator[Resource]:
    """What a host has before anything is done to it: loopbacks, the devices of others, namespaces of processes."""
    for namespace in (HOST, *document.namespaces()):
        yield Link(namespace=namespace, name="lo", type="physical")
        if namespace.startswith("pid:"):
            yield Namespace(name=namespace)
    for resource in document.objects.values():
        if isinstance(resource, Link) and resource.type == "physical":
            yield Link(namespace=resource.namespace, name=resource.name, type=resource.type)
        if isinstance(resource, Uplink):
            yield Uplink(namespace=resource.namespace, link=resource.link, bridge="", leg="")
