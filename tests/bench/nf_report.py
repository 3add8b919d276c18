# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures of NF nodes as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from .markdown import duration, longest, share, table
from .results import LOSS_RATIO, Configured, Convergence, NfResults, PoolTimes

_SECTION = """\
A gateway, a control plane and user planes are a network namespace each, on one switch; BIRD runs in each with the text
that the collection compiles for it. There is no document of a host in this, and IPv4 only.

### A user plane is cut off

{convergence}

{cuts} cuts of a user plane's cable, three user planes in turn, neither end seeing its carrier go. BFD gives up after
{detection} of silence. Ratios are to that; they are below 1 where the last packet of BFD had come some time before the
cut.

- **pool gone**: from the cut until the kernel of the gateway says that the pool's route is gone.
- **packets lost**: from the first lost packet of a probe to an address of that pool to the next that arrives, by when
  they were sent: one every {probe}.
- **others**: the same for a pool of another user plane.

### Many pools

{pools}

Times are medians.

- **compile**: the gateway's text from the intent, its filter and all; the control plane's.
- **floor**: as many routes written by one `ip -batch` that was ready.
- **appear**: from `birdc configure` at the control plane, whose plan had one pool before, until the kernel of the
  gateway has all.
- **move**: from `birdc configure` until all pools lead to another user plane.
- **first gone**, **all gone**: from the cut of the user plane that has all pools. BFD has {detection} of it at most.

### A configuration brought live

{configured}

The module is a new `/usr/bin/python3` that does what the module `bird` does, its start and its imports included;
`birdc` is `birdc configure` alone, on the same text. Beyond that the module has BIRD check the text, rehearses the
change in an empty namespace to find out which sessions it would reset, and watches for {detection} whether BFD loses
somebody by it: nearly all of verify is waiting. **Again** is with the text that BIRD has.
"""


def section(results: NfResults) -> str:
    return _SECTION.format(
        convergence=_convergence(results.convergence),
        cuts=len(results.convergence.cuts),
        detection=duration(results.convergence.detection),
        probe=duration(results.convergence.probe),
        pools=_pools(results.pools),
        configured=_configured(results.configured),
    )


def tables(results: NfResults) -> str:
    """Those alone, for a person who measures a part."""
    found = [_convergence(results.convergence), _pools(results.pools), _configured(results.configured)]
    return "\n\n".join([*found, table(["aim", "measured", "reached"], aims(results))])


def aims(results: NfResults) -> list[list[str]]:
    found = results.convergence
    return [
        [
            "a dead user plane's pools leave the kernel within the detection time of BFD",
            _middle_and_worst(found.gone_ratios),
            share([ratio <= 1 for ratio in found.gone_ratios]),
        ],
        [
            f"packets to them are lost for at most {LOSS_RATIO} × detection time",
            _middle_and_worst(found.lost_ratios),
            share([ratio <= LOSS_RATIO for ratio in found.lost_ratios]),
        ],
        [
            "pools of other user planes lose no packet",
            f"{sum(cut.others for cut in found.cuts)} lost in {len(found.cuts)} cuts",
            share([cut.others == 0 for cut in found.cuts]),
        ],
    ]


def _middle_and_worst(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} × (worst {max(ratios):.2f} ×)"


def _convergence(found: Convergence) -> str:
    gone = [cut.gone for cut in found.cuts]
    lost = [cut.lost for cut in found.cuts]
    packets = [float(cut.packets) for cut in found.cuts]
    others = [float(cut.others) for cut in found.cuts]
    head = ["", "median", "ratio", "worst", "ratio"]
    return table(
        head,
        [
            ["pool gone", *_timed(gone, found.detection)],
            ["packets lost for", *_timed(lost, found.detection)],
            ["packets lost", f"{median(packets):g}", "", f"{max(packets):g}", ""],
            ["others' packets lost", f"{median(others):g}", "", f"{max(others):g}", ""],
        ],
    )


def _timed(seconds: Sequence[float], detection: float) -> list[str]:
    middle, worst = median(seconds), max(seconds)
    return [duration(middle), f"{middle / detection:.2f}", duration(worst), f"{worst / detection:.2f}"]


def _pools(found: Sequence[PoolTimes]) -> str:
    head = ["pools", "rounds", "compile gateway", "control plane", "floor", "appear", "× floor", "move", "× floor"]
    head += ["first gone", "all gone", "× detection", "first to last"]
    return table(head, [_pool_row(one) for one in found])


def _pool_row(one: PoolTimes) -> list[str]:
    return [
        f"{one.pools:,}",
        str(one.rounds),
        duration(one.compiled_gateway),
        duration(one.compiled_control),
        duration(one.floor),
        duration(one.appeared),
        f"{one.appeared / one.floor:.2f}",
        duration(one.moved),
        f"{one.moved / one.floor:.2f}",
        duration(one.first),
        duration(one.last),
        f"{one.last / one.detection:.2f}",
        duration(one.last - one.first),
    ]


def _configured(found: Sequence[Configured]) -> str:
    head = [
        "change",
        "pools",
        "`birdc`",
        "module",
        "ratio",
        "but for verify",
        "of which",
        "`birdc` again",
        "module again",
        "ratio",
    ]
    return table(head, [_configured_row(one) for one in found])


def _configured_row(one: Configured) -> list[str]:
    return [
        one.what,
        f"{one.pools:,}",
        duration(one.birdc),
        duration(one.module),
        f"{one.ratio:.0f}",
        f"{one.ratio_without('verify'):.0f}",
        longest(one.phases),
        duration(one.birdc_again),
        duration(one.module_again),
        f"{one.again_ratio:.0f}",
    ]
