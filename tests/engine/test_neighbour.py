# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Permanent and proxy neighbours of both families."""

from __future__ import annotations

from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.neighbour import Neighbour

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")


def _document(entry: Entry) -> dict[str, Any]:
    return {"links": [{"name": "br0", "type": "bridge", "up": True}], "neighbours": [{"link": "br0", **entry}]}


def _mac(host: Machine) -> Any:
    (entry,) = host.ip_json("neigh show nud permanent dev br0")
    return entry["lladdr"]


CASES = tuple(
    Case("mac", {"address": address, "mac": MACS[0]}, {"address": address, "mac": MACS[1]}, _mac, MACS[1])
    for address in ("192.0.2.9", "2001:db8::9")
)


def test_every_field_has_a_case() -> None:
    assert_complete(Neighbour, CASES, unseen=["announce"])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _document)


@pytest.mark.parametrize("address", ["192.0.2.9", "2001:db8::9"])
def test_proxy_entries_come_and_go(address: str, host: Machine) -> None:
    clean = host.snapshot()
    host.apply(_document({"address": address, "proxy": True}))
    assert [entry["dst"] for entry in host.ip_json("neigh show proxy")] == [address]
    assert list(actions(host.apply({**_document({}), "neighbours": []})).values()) == ["remove"]
    assert host.ip_json("neigh show proxy") == []
    host.absent()
    host.assert_as(clean)


def test_an_address_may_be_permanent_and_proxied_at_once(host: Machine) -> None:
    document = _document({})
    document["neighbours"] = [
        {"link": "br0", "address": "192.0.2.9", "mac": MACS[0]},
        {"link": "br0", "address": "192.0.2.9", "proxy": True},
    ]
    host.apply(document)
    document["neighbours"].pop(0)
    host.apply(document)
    assert len(host.ip_json("neigh show proxy")) == 1
    assert host.ip_json("neigh show nud permanent dev br0") == []


def test_a_learned_neighbour_is_not_in_the_way(host: Machine) -> None:
    """Only permanent entries are configuration; one that the kernel has learned simply becomes permanent."""
    host.apply({**_document({}), "neighbours": []})
    host.ip(f"neigh add 192.0.2.9 dev br0 lladdr {MACS[1]} nud stale")
    host.apply(_document({"address": "192.0.2.9", "mac": MACS[0]}))
    assert _mac(host) == MACS[0]
