# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What checks have shown, as a table that a person reads and as data for a program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# A check's ends, and the result that the module gave for its probe.
Outcome = Mapping[str, Any]
Row = tuple[str, ...]

_COLUMNS: Row = ("from", "to", "IP", "reached", "seen as", "MTU", "answers alone")
# The kinds of probes that each column after the third tells of.
_KINDS = (("ping", "spoof"), ("tcp",), ("path_mtu",), ("arp",))
_NO = "no"


def table(found: Mapping[str, Sequence[Outcome]]) -> list[str]:
    """The lines for all hosts, and how many checks hold."""
    groups = {host: [_COLUMNS, *_rows(outcomes)] for host, outcomes in found.items() if outcomes}
    widths = [max((len(row[at]) for rows in groups.values() for row in rows), default=0) for at in range(len(_COLUMNS))]
    lines = []
    for host, rows in groups.items():
        lines += [f"{host}:", *(_line(row, widths) for row in rows), ""]
    everything = [outcome for outcomes in found.values() for outcome in outcomes]
    held = [outcome for outcome in everything if outcome["ok"]]
    return [*lines, f"{len(everything)} checks: {len(held)} hold, {len(everything) - len(held)} do not"]


def _rows(found: Iterable[Outcome]) -> list[Row]:
    """A row for each pair of ends and IP version, in the order in which they first come."""
    pairs: dict[tuple[str, str, str], list[Outcome]] = {}
    for outcome in found:
        version = "v6" if ":" in outcome["address"] else "v4"
        pairs.setdefault((outcome["source"], outcome["target"], version), []).append(outcome)
    return [(*ends, *_cells(many)) for ends, many in pairs.items()]


def _cells(many: Sequence[Outcome]) -> Iterable[str]:
    return (_cell([outcome for outcome in many if outcome["kind"] in kinds]) for kinds in _KINDS)


def _cell(found: Sequence[Outcome]) -> str:
    """What checks of one kind say of a pair."""
    failed = [outcome for outcome in found if not outcome["ok"]]
    if found and found[0]["kind"] == "spoof":
        return f"{len(found) - len(failed)} of {len(found)} lies dropped"
    if failed:
        return "FAILED"
    return ", ".join(dict.fromkeys(_word(outcome) for outcome in found))


def _word(outcome: Outcome) -> str:
    """One result that holds."""
    kind = outcome["kind"]
    if kind == "ping":
        return f"{outcome['rtt']['avg']:.2f} ms" if outcome["rtt"] else _NO
    if kind == "tcp":
        return (outcome["seen_as"] or "connected") if outcome["connected"] else _NO
    if kind == "path_mtu":
        return str(outcome["mtu"] or _NO)
    return "yes" if outcome["macs"] else _NO


def _line(row: Row, widths: Sequence[int]) -> str:
    return "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
