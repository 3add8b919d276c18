# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From random documents to random documents in real namespaces. The model of the unit tests sees hundreds of pairs;
these few say whether the model is right."""

from __future__ import annotations

import random
from typing import Any

import pytest
from harness import Machine
from random_documents import document

PAIRS = 25


@pytest.mark.parametrize("seed", range(PAIRS))
def test_any_document_leads_to_any_other(seed: int, host: Machine) -> None:
    first, second = document(random.Random(2 * seed)), document(random.Random(2 * seed + 1))
    clean = host.snapshot()
    host.apply(first)
    host.apply(second)
    by_change = _content(host, second)
    host.apply({})
    host.assert_as(clean)
    assert host.ledgers() == []
    host.run(second)
    assert _content(host, second) == by_change


def _content(host: Machine, declared: dict[str, Any]) -> set[tuple[Any, ...]]:
    """What is ours, and where routes lead."""
    hops = "next_hops"
    return {(*key, *map(str, getattr(found, hops, None) or ())) for key, found in host.owned(declared).items()}
