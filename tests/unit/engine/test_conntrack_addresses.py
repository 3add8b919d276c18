# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses are in the elements of sets, and what their loss makes a table's change forget."""

from __future__ import annotations

from typing import Any

import pytest
from planning import MARK

from ansible_collections.hostnet.fabric.plugins.module_utils.conntrack import addresses_in
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Step
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.nft_table import NftTable, Part, parse_collection

FORGETS = {"name": "m", "type": "ipv4_addr : ipv4_addr", "forget": True}


@pytest.mark.parametrize(
    ("entry", "addresses"),
    [
        ("192.0.2.1", ("192.0.2.1",)),
        ("192.0.2.1 : 10.0.0.1", ("10.0.0.1", "192.0.2.1")),
        ("2001:db8::1 : fd00::1", ("2001:db8::1", "fd00::1")),
        ("192.0.2.1 : accept", ("192.0.2.1",)),
        ('"eth0" . 192.0.2.1 . 80 : 10.0.0.1 . 8080', ("10.0.0.1", "192.0.2.1")),
        ("192.0.2.0/24", ("192.0.2.0/24",)),
        ("192.0.2.4-192.0.2.6", ("192.0.2.4/31", "192.0.2.6")),
        ("80-90", ()),
        ("1", ()),
        ('"face::b00k"', ()),
        ("52:54:00:00:00:01", ()),
        ('[{"elem":{"comment":"of vm1","timeout":60,"val":"192.0.2.1"}}]', ("192.0.2.1",)),
        ('[{"elem":{"timeout":60,"val":{"prefix":{"addr":"2001:db8::","len":64}}}}]', ("2001:db8::/64",)),
        ('[{"elem":{"timeout":60,"val":{"range":["192.0.2.4","192.0.2.5"]}}}]', ("192.0.2.4/31",)),
    ],
)
def test_addresses_of_an_element(entry: str, addresses: tuple[str, ...]) -> None:
    assert addresses_in([entry]) == addresses


def _table(elements: list[str], **fields: Any) -> NftTable:
    collection = parse_collection({**FORGETS, "elements": elements, **fields})
    part = Part(collection.head(), tuple(sorted(elements)), (), collection.forget)
    return NftTable(family="ip", name="nat", namespace="r", sets=(collection,), parts={("map", "m"): part})


def _forgotten(after: NftTable | None, before: NftTable) -> list[Step]:
    steps = before.remove(MARK) if after is None else after.change(before, after.differences(before), MARK)
    assert steps[0].tool == "nft"
    return steps[1:]


KEPT, OLD, NEW = "192.0.2.1 : 10.0.0.1", "192.0.2.2 : 10.0.0.2", "192.0.2.2 : 10.0.0.3"


def test_the_addresses_of_lost_and_changed_elements_are_forgotten() -> None:
    forgotten = [Step("conntrack", "r", ("10.0.0.2", "192.0.2.2"))]
    assert _forgotten(_table([KEPT, NEW]), _table([KEPT, OLD])) == forgotten
    assert _forgotten(_table([KEPT]), _table([KEPT, OLD])) == forgotten
    assert _forgotten(_table([KEPT], type="ipv4_addr : verdict"), _table([KEPT, OLD])) == forgotten
    assert _forgotten(_table([KEPT, OLD]), _table([KEPT])) == []


def test_the_addresses_of_a_lost_set_or_table_are_forgotten() -> None:
    every = [Step("conntrack", "r", ("10.0.0.1", "10.0.0.2", "192.0.2.1", "192.0.2.2"))]
    bare = NftTable(family="ip", name="nat", namespace="r", parts={})
    assert _forgotten(bare, _table([KEPT, OLD])) == every
    assert _forgotten(None, _table([KEPT, OLD])) == every


def test_what_does_not_forget_keeps_its_connections() -> None:
    assert _forgotten(None, _table([KEPT], forget=False)) == []
    assert _forgotten(_table([NEW]), _table([OLD], forget=False)) == []
