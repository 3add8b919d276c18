# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What need not be loaded to know its normal form: elements in the host's own words, and chains like another one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.nft_table import (
    Chain,
    Collection,
    NftTable,
    Part,
    Parts,
    tables,
)
from ansible_collections.hostnet.fabric.plugins.module_utils.nfttext import Head

PORTS = ("set", "ports")


def listed(elements: list[Any], kind: str = "ifname") -> Parts:
    """What nft shows of a table with one set."""
    found = {"family": "bridge", "table": "guard", "name": "ports", "type": kind, "handle": 2, "elem": elements}
    head = Head("bridge", "guard", "set", "ports", f"type {kind}")
    return tables([{"head": head}, {"set": found}])[("bridge", "guard")]


def declared(*elements: str, flags: tuple[str, ...] = ()) -> NftTable:
    return NftTable(family="bridge", name="guard", sets=(Collection("ports", "ifname", flags, elements),))


@pytest.mark.parametrize(
    ("element", "words"),
    [
        ("tap0", '"tap0"'),
        ({"concat": ["tap0", "10.0.0.1"]}, '"tap0" . 10.0.0.1'),
        ({"concat": ["tap0", "2001:db8::1"]}, '"tap0" . 2001:db8::1'),
        ({"concat": ["tap0", "0x20010db8000000000000000000000001"]}, '"tap0" . 0x20010db8000000000000000000000001'),
        ("0xab", '"0xab"'),
        (80, "80"),
        (["10.0.0.1", "tap0"], '10.0.0.1 : "tap0"'),
        ({"prefix": {"addr": "10.0.0.0", "len": 8}}, "10.0.0.0/8"),
        ({"elem": {"val": "tap0", "timeout": 60, "expires": 12}}, '[{"elem":{"timeout":60,"val":"tap0"}}]'),
        (True, "[true]"),
    ],
)
def test_an_element_is_written_in_nfts_words_where_there_are_any(element, words):
    assert listed([element])[PORTS].entries == (words,)


def test_only_what_the_host_does_not_show_is_loaded():
    seen = listed(["tap0", "tap1"])
    table = declared('"tap0"', '"tap2"', "tap1")
    asked = table.abridged(seen)
    assert asked.sets == (Collection("ports", "ifname", (), ('"tap2"', "tap1")),)
    parts = table.unabridged(listed(["tap1", "tap2"]), seen)
    assert parts is not None
    assert parts[PORTS].entries == ('"tap0"', '"tap1"', '"tap2"')


def test_an_interval_set_is_loaded_whole():
    table = declared('"tap0"', flags=("interval",))
    assert table.abridged(listed(["tap0"])) == table


def test_a_set_of_another_type_is_loaded_whole():
    table = declared("80")
    assert table.unabridged(listed([], "inet_service"), listed([80], "mark")) is None
    assert table.unabridged(listed([80], "inet_service"), {}) == {
        PORTS: Part(listed([], "inet_service")[PORTS].head, ("80",))
    }


def at(device: str | None, name: str | None = None, *rules: str, priority: str = "0") -> Chain:
    return Chain(name or str(device), rules or ("drop",), "filter", "ingress", priority, None, device)


def test_of_chains_alike_at_many_devices_one_is_loaded():
    chains = (
        at("tap0"),
        at("tap1"),
        at("tap2", priority="5"),
        at("tap3", "guard"),
        at("tap4", priority="5"),
        at(None, "hook"),
        Chain("plain"),
    )
    table = NftTable(family="netdev", name="ports", chains=chains)
    asked = table.abridged({})
    assert [chain.name for chain in asked.chains or ()] == ["tap0", "tap2", "hook", "plain"]
    heads = {
        "tap0": 'type filter hook ingress device "tap0" priority filter; policy accept;',
        "tap2": 'type filter hook ingress device "tap2" priority 5; policy accept;',
        "hook": "type filter hook ingress priority filter; policy accept;",
        "plain": "",
    }
    parts = table.unabridged({("chain", name): Part(head, ("drop",), (7,)) for name, head in heads.items()}, {})
    assert parts is not None
    assert {name: part.head for (_kind, name), part in parts.items()} == {
        **heads,
        "tap1": 'type filter hook ingress device "tap1" priority filter; policy accept;',
        "guard": 'type filter hook ingress device "tap3" priority filter; policy accept;',
        "tap4": 'type filter hook ingress device "tap4" priority 5; policy accept;',
    }
    assert {part.entries for part in parts.values()} == {("drop",)}


def test_a_chain_that_hooks_in_nowhere_is_like_no_other():
    chains = (Chain("a", ("drop",), device="tap0"), Chain("b", ("drop",), device="tap1"))
    table = NftTable(family="netdev", name="ports", chains=chains)
    assert table.abridged({}) == table
