# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of both families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.address import Address

V4, V6 = "192.0.2.1/24", "2001:db8::1/64"
P2P, P2P6 = "192.0.2.1/32", "2001:db8::1/128"
PEERS, PEERS6 = ("192.0.2.8/32", "192.0.2.9/32"), ("2001:db8::8/128", "2001:db8::9/128")


def _document(entry: Entry) -> dict[str, Any]:
    return {
        "links": [{"name": "br0", "type": "bridge", "up": True}],
        "addresses": [{"link": "br0", "address": V4, **entry}],
    }


def _shows(key: str) -> Callable[[Machine], Any]:
    def look(host: Machine) -> Any:
        link = host.link("br0")
        assert link is not None
        return next(a for a in link["addr_info"] if not a["local"].startswith("fe80")).get(key)

    return look


CASES = (
    Case(
        "peer",
        {"address": P2P, "peer": PEERS[0]},
        {"address": P2P, "peer": PEERS[1]},
        _shows("address"),
        "192.0.2.9",
        True,
    ),
    Case(
        "peer",
        {"address": P2P6, "peer": PEERS6[0]},
        {"address": P2P6, "peer": PEERS6[1]},
        _shows("address"),
        "2001:db8::9",
        True,
    ),
    Case("broadcast", {}, {"broadcast": "192.0.2.254"}, _shows("broadcast"), "192.0.2.254", True),
    Case("label", {}, {"label": "br0:a"}, _shows("label"), "br0:a", True),
    Case("scope", {"scope": "global"}, {"scope": "link"}, _shows("scope"), "253", True),
    Case("noprefixroute", {}, {"noprefixroute": True}, _shows("noprefixroute"), True, True),
    Case("noprefixroute", {"noprefixroute": True}, {"noprefixroute": False}, _shows("noprefixroute"), None, True),
    Case("noprefixroute", {"address": V6}, {"address": V6, "noprefixroute": True}, _shows("noprefixroute"), True),
    Case("nodad", {"address": V6}, {"address": V6, "nodad": True}, _shows("nodad"), True),
    Case("nodad", {"address": V6, "nodad": True}, {"address": V6, "nodad": False}, _shows("nodad"), None),
)


def test_every_field_has_a_case() -> None:
    assert_complete(Address, CASES, unseen=["announce"])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _document)


def test_addresses_come_and_go(host: Machine) -> None:
    clean = host.snapshot()
    both = {"addresses": [{"link": "br0", "address": a} for a in (V4, "198.51.100.1/32", V6, "2001:db8:1::1/128")]}
    host.apply({**_document({}), **both})
    assert host.addresses("br0") == {V4, "198.51.100.1/32", V6, "2001:db8:1::1/128"}

    done = host.apply(_document({"address": V6}))

    assert set(actions(done).values()) == {"remove"}
    assert host.addresses("br0") == {V6}
    host.absent()
    host.assert_as(clean)


def test_another_prefix_length_replaces_the_address(host: Machine) -> None:
    host.apply({**_document({}), "addresses": [{"link": "br0", "address": a} for a in (V4, V6)]})
    host.apply(
        {**_document({}), "addresses": [{"link": "br0", "address": a} for a in ("192.0.2.1/25", "2001:db8::1/96")]}
    )
    assert host.addresses("br0") == {"192.0.2.1/25", "2001:db8::1/96"}


def test_a_secondary_address_survives_its_primary(host: Machine) -> None:
    """With the kernel's default setting the secondary addresses of a subnet go along with the primary one."""
    host.apply({**_document({}), "addresses": [{"link": "br0", "address": f"192.0.2.{n}/24"} for n in (1, 2, 3)]})
    host.apply({**_document({}), "addresses": [{"link": "br0", "address": f"192.0.2.{n}/24"} for n in (2, 3, 4)]})
    assert host.addresses("br0") == {"192.0.2.2/24", "192.0.2.3/24", "192.0.2.4/24"}


@pytest.mark.parametrize("promote", [0, 1])
def test_removing_a_whole_subnet_works_with_and_without_promotion(promote: int, host: Machine) -> None:
    host.apply({**_document({}), "addresses": [{"link": "br0", "address": f"192.0.2.{n}/24"} for n in (1, 2, 3)]})
    with open("/proc/sys/net/ipv4/conf/br0/promote_secondaries", "w", encoding="ascii") as stream:
        stream.write(str(promote))
    host.apply({**_document({}), "addresses": []})
    assert host.addresses("br0") == set()


def test_lifetimes_are_neither_read_nor_set(host: Machine) -> None:
    document = _document({})
    host.apply(document)
    host.ip(f"addr change {V4} dev br0 valid_lft 1000 preferred_lft 500")
    host.assert_settled(document)
    assert _shows("valid_life_time")(host) in range(990, 1001)


def test_an_address_of_an_unknown_link_is_refused(host: Machine) -> None:
    before = host.snapshot()
    with pytest.raises(Exception, match=r"address host eth7 192\.0\.2\.1/24 \(a\.b\): needs link eth7") as refused:
        host.run({"addresses": [{"link": "eth7", "address": V4, "because": "a.b"}]})
    assert "which is neither declared nor on this host" in str(refused.value)
    host.assert_as(before)
