# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show, on the lab that is up, a user plane that dies and where the traffic of its pools goes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from drawing import (  # noqa: E402
    COVER,
    DETECTION,
    DRAWN,
    HOSTS,
    PLANES,
    POOLS,
    SUBSCRIBERS,
    PoolTraffic,
    await_plan,
    cut,
    family_of,
    mend,
    routes,
)
from fleet import Fleet  # noqa: E402

DEAD = "nf-up2"
NAMES = {address: name for name, own in PLANES.items() for address in own.values()}


def carriers(fleet: Fleet) -> dict[str, str]:
    """Who carries each pool, by the kernel of dcgw-01: its own user plane, or those of the covering prefix."""
    found = routes(fleet, "dcgw-01")

    def said(pool: str) -> str:
        ways = found.get(pool) or found.get(COVER[family_of(pool)], frozenset())
        names = sorted(NAMES[way] for way in ways)
        return ", ".join([*names[:1], *(name.removeprefix("nf-up") for name in names[1:])]) or "nobody"

    return {pool: said(pool) for pool in POOLS}


def main() -> None:
    fleet = Fleet("nf")
    await_plan(fleet)
    before = carriers(fleet)
    print(f"A packet goes from the client to a subscriber in each of {len(POOLS)} pools every 10 ms.", flush=True)
    traffic = PoolTraffic(fleet)
    print(f"The link of {DEAD} on {HOSTS[DEAD]} is cut. BFD takes it for dead after {DETECTION} ms.", flush=True)
    cut(fleet, HOSTS[DEAD])
    await_plan(fleet, [name for name in DRAWN if name != DEAD])
    meanwhile = carriers(fleet)
    time.sleep(1)
    print("Its pools are spread over those who live. The link is mended.\n", flush=True)
    mend(fleet, HOSTS[DEAD])
    await_plan(fleet)
    after = carriers(fleet)
    time.sleep(0.5)
    flows = traffic.end()
    columns = "{:<22}{:<10}{:<24}{:<10}{}".format
    print(columns("pool", "before", "while the link is cut", "after", "lost"))
    for pool, address in zip(POOLS, SUBSCRIBERS, strict=True):
        flow = flows[address]
        lost = f"{flow.lost} of {flow.sent} packets" + (f", nothing for {flow.outage} ms" if flow.lost else "")
        print(columns(pool, before[pool], meanwhile[pool], after[pool], lost))


if __name__ == "__main__":
    main()
