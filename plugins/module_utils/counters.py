# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rules of nftables have counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from .host import Host
from .kinds.base import HOST
from .kinds.nft_table import full_name, split_name


def read_counters(host: Host, scope: str | None, namespaces: Sequence[str] | None) -> list[dict[str, Any]]:
    """Those of one scope's tables, or of all; in these namespaces beside the host's own, or in those with a name."""
    prefix = full_name(scope, "") if scope else ""
    with host.timed("count"):
        places = [HOST, *(host.namespaces() if namespaces is None else namespaces)]
        return [found for place in places for found in counters(place, host.nft_list(place, prefix))]


def counters(namespace: str, objects: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The rules that count, out of the output of ``nft -j list table``; ``rule`` is a rule's place in its chain."""
    places: dict[tuple[str, str, str], int] = {}
    for entry in objects:
        rule = entry.get("rule")
        if rule is None:
            continue
        chain = (rule["family"], rule["table"], rule["chain"])
        number = places[chain] = places.get(chain, -1) + 1
        # A reference to a counter that has a name is that name.
        counted = next((part["counter"] for part in rule["expr"] if isinstance(part.get("counter"), dict)), None)
        if counted is not None:
            owner, table = split_name(rule["table"])
            yield {
                **({"namespace": namespace} if namespace else {}),
                **({"owner": owner} if owner else {}),
                "family": rule["family"],
                "table": table,
                "chain": rule["chain"],
                "rule": number,
                "packets": counted["packets"],
                "bytes": counted["bytes"],
            }
