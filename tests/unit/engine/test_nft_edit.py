# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of nftables tables on a model of one: any rules become any others, and a rule that stays keeps its handle."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Mark
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.nft_table import (
    Chain,
    Collection,
    NftTable,
    Part,
    full_name,
    split_name,
    tables,
)
from ansible_collections.hostnet.fabric.plugins.module_utils.nfttext import Head

PLACE = "inet hostnet.t.g"
rules = st.lists(st.sampled_from("abcdef"), max_size=12).map(tuple)
elements = st.sets(st.integers(1, 12).map(lambda n: f"192.0.2.{n}"), max_size=8).map(lambda found: tuple(sorted(found)))


def _table(chain_rules: tuple[str, ...], set_elements: tuple[str, ...], handles: tuple[int, ...] = ()) -> NftTable:
    parts = {
        ("chain", "c"): Part("{}", chain_rules, handles),
        ("set", "s"): Part("{}", set_elements),
    }
    sets = (Collection("s", "ipv4_addr", elements=set_elements),)
    return NftTable(family="inet", name="g", chains=(Chain("c", chain_rules),), sets=sets, parts=parts)


class Model:
    """One chain and one set, edited by the lines of a transaction."""

    def __init__(self, chain: list[tuple[int, str]], found: set[str]) -> None:
        self.chain = chain
        self.elements = found
        self._handles = 1000

    def run(self, line: str) -> None:
        match = re.fullmatch(
            rf"(?P<verb>add|insert|delete|flush) (?P<what>rule|element|set) {PLACE} \w+ ?(?P<rest>.*)", line
        )
        assert match, line
        verb, what, rest = match["verb"], match["what"], match["rest"]
        if what == "rule":
            self._edit_chain(verb, rest)
        elif verb == "flush":
            self.elements = set()
        else:
            words = set(rest.strip("{ }").split(", "))
            assert words <= self.elements if verb == "delete" else not words & self.elements
            self.elements = self.elements - words if verb == "delete" else self.elements | words

    def _edit_chain(self, verb: str, rest: str) -> None:
        self._handles += 1
        handles = [handle for handle, _rule in self.chain]
        if verb == "delete":
            del self.chain[handles.index(int(rest.split()[1]))]
        elif verb == "insert":
            self.chain.insert(0, (self._handles, rest))
        else:
            _position, after, rule = rest.split(" ", 2)
            self.chain.insert(handles.index(int(after)) + 1, (self._handles, rule))


@given(rules, rules, elements, elements)
def test_any_table_becomes_any_other(
    before: tuple[str, ...], after: tuple[str, ...], old: tuple[str, ...], new: tuple[str, ...]
) -> None:
    handles = tuple(range(10, 10 + len(before)))
    want, seen = _table(after, new), _table(before, old, handles)
    differences = want.differences(seen)
    model = Model(list(zip(handles, before)), set(old))
    for step in want.change(seen, differences, Mark("t")) if differences else ():
        for line in filter(None, step.words[0].splitlines()):
            model.run(line)
    assert [rule for _handle, rule in model.chain] == list(after)
    assert model.elements == set(new)
    assert bool(differences) == (before != after or old != new)
    if before == after:
        assert [handle for handle, _rule in model.chain] == list(handles)


@given(st.lists(st.sampled_from("abcdef"), max_size=6, unique=True).map(tuple))
def test_one_rule_more_leaves_every_other_handle(before: tuple[str, ...]) -> None:
    for place in range(len(before) + 1):
        after = (*before[:place], "new", *before[place:])
        handles = tuple(range(10, 10 + len(before)))
        want, seen = _table(after, ()), _table(before, (), handles)
        model = Model(list(zip(handles, before)), set())
        (step,) = want.change(seen, want.differences(seen), Mark("t"))
        model.run(step.words[0])
        assert [handle for handle, rule in model.chain if rule != "new"] == list(handles)


def _listed(*entries: dict[str, Any]) -> Any:
    heads = [{"head": Head("inet", "g", "chain", "c", "")}, {"head": Head("inet", "g", "set", "s", "type ipv4_addr")}]
    return tables([*heads, {"metainfo": {}}, *entries])[("inet", "g")]


def _rule(handle: int, *expressions: dict[str, Any], **more: Any) -> dict[str, Any]:
    place = {"family": "inet", "table": "g", "chain": "c", "handle": handle}
    return {"rule": {**place, "expr": list(expressions), **more}}


def test_counters_and_handles_are_no_part_of_what_a_rule_is() -> None:
    one = _listed(_rule(5, {"counter": {"packets": 7, "bytes": 700}}, {"accept": None}))
    two = _listed(_rule(9, {"counter": {"packets": 0, "bytes": 0}}, {"accept": None}))
    assert one["chain", "c"].entries == two["chain", "c"].entries
    assert (one["chain", "c"].handles, two["chain", "c"].handles) == ((5,), (9,))


def test_a_rule_without_its_counter_or_with_a_comment_is_another_rule() -> None:
    counted = _listed(_rule(5, {"counter": {"packets": 7, "bytes": 700}}, {"accept": None}))
    plain = _listed(_rule(5, {"accept": None}))
    commented = _listed(_rule(5, {"accept": None}, comment="why"))
    assert len({found["chain", "c"].entries for found in (counted, plain, commented)}) == 3


def test_the_order_of_elements_means_nothing() -> None:
    def listed(*found: str) -> Any:
        body = {"family": "inet", "table": "g", "name": "s", "handle": 2, "type": "ipv4_addr", "elem": list(found)}
        return _listed({"set": body})["set", "s"]

    assert listed("192.0.2.1", "192.0.2.2") == listed("192.0.2.2", "192.0.2.1")


def test_the_name_of_a_table_holds_its_owner() -> None:
    assert split_name(full_name("web", "guard.v4")) == ("web", "guard.v4")
    for foreign in ("guard", "hostnet", "hostnet.web", "filter.hostnet.web"):
        assert split_name(foreign) == (None, foreign)


def test_chains_come_before_their_rules_so_that_any_may_jump_to_any() -> None:
    chains = (Chain("first", ("jump second",)), Chain("second", ("jump third",)), Chain("third"))
    text = NftTable(family="inet", name="g", chains=chains).text("g")
    assert text.index("chain third {") < text.index("jump second")
