# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host cannot remember for us, in one file for each scope."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import HostError
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Step
from ansible_collections.hostnet.fabric.plugins.module_utils.ledger import Before, Ledger, LedgerStore


@pytest.fixture
def store(tmp_path: Path) -> LedgerStore:
    return LedgerStore(str(tmp_path / "run"))


def test_what_is_written_is_read_again(store: LedgerStore) -> None:
    ledger, _owners = store.open("web")
    ledger.namespaces = ["c2", "c1", "c2"]
    ledger.pending = {("link", "", "x0"), ("namespace", "", "c1")}
    ledger.addresses = {("address", "c1", "eth0", "192.0.2.1/24")}
    ledger.before = [Before("link", "", {"name": "eth0", "type": "physical", "mtu": 1500, "isolated": None})]
    ledger.owed = [Step("announce", "c1", ("fg", "192.0.2.9")), Step("conntrack", "", ("192.0.2.9",))]
    store.write(ledger)

    again, owners = LedgerStore(store.directory).open("web")
    assert again.known
    assert again.namespaces == ["c1", "c2"]
    assert (again.pending, again.addresses) == (ledger.pending, ledger.addresses)
    assert again.before == ledger.before
    assert again.owed == ledger.owed
    assert again.before[0].identity(("name",)) == ("link", "", "eth0")
    assert owners == {ledger.protocol: "web"}
    assert again.encoded() == ledger.encoded()


def test_a_ledger_that_says_nothing_leaves_no_file(store: LedgerStore) -> None:
    ledger, _owners = store.open("web")
    assert not ledger.known
    store.write(ledger)
    assert os.listdir(store.directory) == ["web.json"]
    ledger.signed = False
    store.write(ledger)
    assert os.listdir(store.directory) == []
    store.write(ledger)


@pytest.mark.parametrize("field", ["namespaces", "pending", "addresses", "before", "owed", "signed"])
def test_each_thing_worth_remembering_keeps_the_file(field: str, store: LedgerStore) -> None:
    ledger = Ledger("web", 201, signed=False)
    worth = {"namespaces": ["c1"], "signed": True, "before": [Before("sysctl", "", {"name": "a", "value": "1"})]}
    worth["owed"] = [Step("announce", "c1", ("fg", "192.0.2.9"))]
    setattr(ledger, field, worth.get(field, {("link", "", "x0")}))
    store.write(ledger)
    assert os.listdir(store.directory) == ["web.json"]


def test_a_scope_keeps_its_number_and_shares_it_with_nobody(store: LedgerStore) -> None:
    numbers: dict[str, int] = {}
    for scope in (f"scope{n}" for n in range(50)):
        ledger, _owners = store.open(scope)
        store.write(ledger)
        numbers[scope] = ledger.protocol
    assert len(set(numbers.values())) == 50
    assert set(numbers.values()) == set(range(200, 250))
    assert {scope: store.open(scope)[0].protocol for scope in numbers} == numbers
    assert store.owners() == {number: scope for scope, number in numbers.items()}


def test_one_scope_too_many_is_refused(store: LedgerStore) -> None:
    for scope in (f"scope{n}" for n in range(50)):
        store.write(store.open(scope)[0])
    with pytest.raises(
        HostError, match=r"scope: more would be one more than the 50 scopes .*: scope0, scope1, scope10"
    ):
        store.open("more")
    assert store.open("scope7")[0].known


@pytest.mark.parametrize("scope", ["web", "db"])
def test_a_ledger_of_a_newer_collection_is_refused(scope: str, store: LedgerStore) -> None:
    """Whoever's it is: what it says could be about an object of this scope."""
    store.write(store.open("web")[0])
    path = Path(store.directory, "web.json")
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="ascii")), "version": 2}), encoding="ascii")
    with pytest.raises(HostError, match=r"web\.json: has version 2, written by a newer hostnet\.fabric"):
        store.open(scope)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "x"}'])
def test_what_is_no_ledger_is_refused(text: str, store: LedgerStore) -> None:
    os.makedirs(store.directory)
    Path(store.directory, "web.json").write_text(text, encoding="ascii")
    with pytest.raises(HostError, match=r"web\.json: is no ledger of this collection"):
        store.open("db")


def test_the_number_of_a_scope_is_the_same_on_every_host(tmp_path: Path) -> None:
    numbers = {LedgerStore(str(tmp_path / str(n))).open("dvr_compute")[0].protocol for n in range(3)}
    assert len(numbers) == 1


def test_addresses_of_other_scopes_have_their_owner(store: LedgerStore) -> None:
    key = ("address", "", "br0", "192.0.2.1/24")
    for scope in ("web", "db"):
        ledger, _owners = store.open(scope)
        ledger.addresses = {key} if scope == "web" else set()
        store.write(ledger)
    assert store.open("db")[0].address_owner(key) == "web"
    assert store.open("web")[0].address_owner(key) == "web"
    assert store.open("web")[0].address_owner(("address", "", "br0", "192.0.2.2/24")) is None
    assert store.addresses() == {key: "web"}


def test_the_file_is_replaced_in_one_step_and_is_private(store: LedgerStore, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, _owners = store.open("web")
    store.write(ledger)
    path = Path(store.directory, "web.json")
    before = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def fail(*_paths: str) -> None:
        raise OSError("the disk is full")

    ledger.namespaces = ["c1"]
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        store.write(ledger)
    assert path.read_bytes() == before


def test_a_half_written_file_beside_it_is_no_ledger(store: LedgerStore) -> None:
    ledger, _owners = store.open("web")
    store.write(ledger)
    Path(store.directory, "web.json.new").write_text('{"scope": "we', encoding="ascii")
    Path(store.directory, "lock").touch()
    assert store.open("web")[0].known
    store.write(ledger)
    assert sorted(os.listdir(store.directory)) == ["lock", "web.json"]


def test_the_file_can_be_read_by_people() -> None:
    content = json.loads(Ledger("web", 201, namespaces=["c1"]).encoded())
    assert content["scope"] == "web"
    assert content["protocol"] == 201
    assert content["version"] == 1
