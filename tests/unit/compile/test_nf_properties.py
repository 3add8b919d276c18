# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for any intent of NF nodes: whatever somebody writes, and in whatever order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nf_intent import BASE, HOSTS, fleet

from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_document import nf_document
from ansible_collections.hostnet.fabric.plugins.filter.nf_faults import nf_faults
from ansible_collections.hostnet.fabric.plugins.filter.nf_pools import nf_pools
from ansible_collections.hostnet.fabric.plugins.filter.nf_vrrp import nf_vrrp

ANYTHING = (
    None,
    True,
    0,
    -1,
    3.5,
    "",
    "x",
    "a-b",
    "10.0.0.1",
    "10.0.0.0/8",
    "::/0",
    "2001:db8::/32",
    [],
    [None],
    [[]],
    {},
    {"x": 1},
    {1: None},
)


def places(value, path=()):
    """Every place of the small fleet, by its path."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, str(key))
        yield from places(inner, (*path, str(key)))


PLACES = [path for path in places(BASE) if not any("/" in key for key in path)]


@pytest.mark.parametrize("path", PLACES, ids="/".join)
def test_whatever_is_written_is_taken_or_refused(path):
    """And what the check takes, every host's part is made of."""
    for value in ANYTHING:
        intent = fleet({"/".join(path): value})
        if nf_faults(intent) == []:
            nf_pools(intent)
            for host in HOSTS:
                nf_document(intent, host)
                nf_bird(intent, host)
                nf_vrrp(intent, host)


@pytest.mark.parametrize("path", PLACES, ids="/".join)
def test_whatever_is_left_out_is_taken_or_refused(path):
    intent = fleet({"/".join(path): ...})
    if nf_faults(intent) == []:
        for host in HOSTS:
            nf_document(intent, host)
            nf_bird(intent, host)


def everything(intent):
    found = {host: (nf_document(intent, host), nf_bird(intent, host), nf_vrrp(intent, host)) for host in HOSTS}
    return found, nf_pools(intent)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_order_of_keys_means_nothing(chance):
    def shuffled(value):
        if not isinstance(value, dict):
            return value
        return {key: shuffled(value[key]) for key in chance.sample(list(value), len(value))}

    assert everything(shuffled(fleet())) == everything(fleet())
