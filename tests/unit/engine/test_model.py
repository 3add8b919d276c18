# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any document to any other on a model of the kernel: the steps are possible in their order, and lead there."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kernel_model import Kernel, Refused
from random_documents import document

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.module_utils.batches import batches
from ansible_collections.hostnet.fabric.plugins.module_utils.changes import REMOVE, Plan
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Key, Mark
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options, World, plan
from ansible_collections.hostnet.fabric.plugins.module_utils.present import lines

NUMBER = 202
seeds = st.integers(0, 2**32)
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Simulated:
    """The engine's run on the model: observe, plan, apply, verify."""

    def __init__(self, kernel: Kernel, signs: bool = False) -> None:
        self.kernel = kernel
        self.mark = Mark("t", NUMBER, signs)
        self.unsigned: set[Key] = set()

    def plan(self, raw: dict[str, Any]) -> Plan:
        wanted = documents.parse(raw).objects
        return plan(wanted, World(self.kernel.observed("t", NUMBER, self.unsigned)), self.mark, Options())

    def apply(self, raw: dict[str, Any]) -> Plan:
        found = self.plan(raw)
        self.unsigned |= {c.key for c in found.changes if c.key[0] == "address" and c.action != REMOVE}
        done = []
        for batch in batches(found):
            for step, number in batch.steps:
                done.append(f"{batch.namespace or 'host'}: {' '.join(step.words)}")
                try:
                    self.kernel.run(step)
                except Refused as refused:
                    trail = "\n".join([*lines(found), "-- steps", *done])
                    raise AssertionError(f"{found.changes[number].key}: {refused}\n{trail}") from None
        return found


def _empty() -> dict[str, Any]:
    return {"scope": "t"}


@given(st.lists(seeds, min_size=1, max_size=4), st.booleans(), st.booleans())
@many
def test_any_document_leads_to_any_other(numbers: list[int], promote: bool, signs: bool) -> None:
    machine = Simulated(Kernel(promote), signs)
    clean = machine.kernel.content()
    for number in numbers:
        raw = document(random.Random(number))
        found = machine.apply(raw)
        left = machine.plan(raw)
        assert lines(left) == [], "\n".join(["after", *lines(found), "there is left", *lines(left)])
        fresh = Simulated(Kernel(promote), signs)
        fresh.apply(raw)
        assert _declared(machine.kernel, raw) == _declared(fresh.kernel, raw)
    machine.apply(_empty())
    assert machine.kernel.content() == clean


def _declared(kernel: Kernel, raw: dict[str, Any]) -> dict[str, Any]:
    """What is on the kernel, without the values of fields that the document does not mention."""
    content = kernel.content()
    entries = {(entry.get("namespace", ""), entry["name"]): entry for entry in raw["links"]}
    for place, (kind, alias, master, mtu, up, peer, mac, addresses) in content["devices"].items():
        entry = entries.get(place, {})
        said = {"master": master, "mtu": mtu, "up": up, "mac": mac}
        kept = tuple(value for name, value in said.items() if name in entry)
        content["devices"][place] = (kind, alias, peer, addresses, kept)
    content["routes"] = {key: (path.hops, path.type, path.protocol) for key, path in content["routes"].items()}
    return content


@given(seeds, seeds)
@many
def test_the_order_of_entries_means_nothing(number: int, other: int) -> None:
    raw = document(random.Random(number))
    shuffled = copy.deepcopy(raw)
    for section in shuffled.values():
        if isinstance(section, list):
            random.Random(other).shuffle(section)
    one, two = Simulated(Kernel()), Simulated(Kernel())
    assert sorted(lines(one.apply(raw))) == sorted(lines(two.apply(shuffled)))
    assert one.kernel.content() == two.kernel.content()


@given(seeds, seeds)
@many
def test_the_same_input_gives_the_same_plan(first: int, second: int) -> None:
    machine = Simulated(Kernel())
    machine.apply(document(random.Random(first)))
    raw = document(random.Random(second))
    one, two = machine.plan(raw), machine.plan(copy.deepcopy(raw))
    assert lines(one) == lines(two)
    assert batches(one) == batches(two)


@given(seeds, seeds, st.data())
@many
def test_a_run_that_ends_anywhere_is_finished_by_the_next(first: int, second: int, data: st.DataObject) -> None:
    """Everything up to some step is done and then nothing more. What is not yet signed is known from the ledger."""
    machine = Simulated(Kernel())
    machine.apply(document(random.Random(first)))
    raw = document(random.Random(second))
    found = machine.plan(raw)
    steps = [step for batch in batches(found) for step, _number in batch.steps]
    machine.unsigned |= {c.key for c in found.changes if c.key[0] == "address" and c.action != REMOVE}
    for step in steps[: data.draw(st.integers(0, len(steps)))]:
        machine.kernel.run(step)
    _sign_pending(machine.kernel, found)
    machine.apply(raw)
    assert lines(machine.plan(raw)) == []


def _sign_pending(kernel: Kernel, found: Plan) -> None:
    """What the ledger calls pending counts as ours although it has no mark yet."""
    for change in found.changes:
        if change.key[0] == "link" and change.action != REMOVE:
            device = kernel.namespaces.get(change.key[1], {}).get(change.key[2])
        elif change.key[0] == "namespace" and change.action != REMOVE:
            device = kernel.namespaces.get(change.key[2], {}).get("lo")
        else:
            continue
        if device is not None and device.alias is None:
            device.alias = f"hostnet:t {change.key[2]}"


@given(seeds, seeds)
@example(818, 63)  # a route whose source is a secondary address, which goes with its primary and is made again
@many
def test_foreign_objects_outlive_every_change_around_them(first: int, second: int) -> None:
    kernel = Kernel()
    machine = Simulated(kernel)
    _foreign(kernel)
    foreign = copy.deepcopy(kernel.content())
    for number in (first, second):
        machine.apply(document(random.Random(number)))
        assert kernel.content()["devices"]["", "eth0"] == foreign["devices"]["", "eth0"]
        assert {key: path for key, path in kernel.routes.items() if path.protocol == 4} == foreign["routes"]
        assert {rule for rule in kernel.rules if rule[2] == 0} == set(foreign["rules"])
    machine.apply(_empty())
    assert kernel.content() == foreign


def _foreign(kernel: Kernel) -> None:
    from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Step

    for line in (
        "tuntap add dev eth0 mode tap",
        "link set dev eth0 up",
        "addr replace 192.0.2.1/24 dev eth0",
        "route add 10.8.0.0/16 table 254 proto 4 via 192.0.2.9",
        "route add 10.7.0.0/16 table 101 proto 4 dev eth0",
        "rule add priority 100 lookup 101",
        "neigh replace 192.0.2.7 dev eth0 lladdr 02:00:00:00:00:07 protocol 0",
    ):
        kernel.run(Step("ip", "", tuple(line.split())))
