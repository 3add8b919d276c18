# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How outcomes are shown."""

from __future__ import annotations

from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.verify.table import table


def outcome(source: str, target: str, kind: str, address: str, ok: bool = True, **measured: Any) -> dict[str, Any]:
    return {"source": source, "target": target, "kind": kind, "address": address, "ok": ok, "name": "n", **measured}


def test_a_pair_has_a_row_for_each_ip_version() -> None:
    found = [
        outcome("c1", "outside", "ping", "192.0.2.1", rtt={"avg": 0.123}),
        outcome("c1", "outside", "tcp", "192.0.2.1", connected=True, seen_as="198.51.100.7"),
        outcome("c1", "outside", "ping", "2001:db8::1", rtt=None),
        outcome("c1", "host", "path_mtu", "192.0.2.2", mtu=1450),
        outcome("c1", "host", "arp", "192.0.2.2", macs=["52:54:00:00:00:01"]),
        outcome("c1", "other", "tcp", "192.0.2.3", connected=False, seen_as=None),
        outcome("c1", "as somebody else", "spoof", "192.0.2.2"),
        outcome("c1", "as somebody else", "spoof", "192.0.2.2", ok=False),
    ]
    assert table({"h1": found}) == [
        "h1:",
        "  from  to                IP  reached              seen as       MTU   answers alone",
        "  c1    outside           v4  0.12 ms              198.51.100.7",
        "  c1    outside           v6  no",
        "  c1    host              v4                                     1450  yes",
        "  c1    other             v4                       no",
        "  c1    as somebody else  v4  1 of 2 lies dropped",
        "",
        "8 checks: 7 hold, 1 do not",
    ]


def test_what_does_not_hold_is_marked_where_it_belongs() -> None:
    found = [
        outcome("c1", "c2", "ping", "192.0.2.1", rtt={"avg": 1.0}),
        outcome("c1", "c2", "tcp", "192.0.2.1", ok=False, connected=True, seen_as="192.0.2.9"),
    ]
    (line,) = [line for line in table({"h1": found}) if "c2" in line]
    assert line.split() == ["c1", "c2", "v4", "1.00", "ms", "FAILED"]


def test_hosts_without_checks_are_left_out() -> None:
    assert table({"h1": [], "h2": []}) == ["0 checks: 0 hold, 0 do not"]
