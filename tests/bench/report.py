# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as Markdown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from . import nf_report
from .markdown import duration, longest, share, table
from .results import (
    ADDED_RATIO,
    FIRST_RATIO,
    FLAT_FROM,
    FLAT_WITHIN,
    NOOP_RATIO,
    NOOP_START,
    PEAK_MB,
    TENANT_SECONDS,
    TIMES_FASTER,
    Compiled,
    Playbook,
    Playbooks,
    Results,
    Size,
)

_PAGE = """\
<!--
Copyright: hostnet.fabric contributors
GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
SPDX-License-Identifier: GPL-3.0-or-later

Written by `make bench`. Changes made by hand are lost.
-->

# Benchmarks

`make bench` wrote this page on {date}, all numbers in one run.
Other work on the machine stretches seconds more than it does ratios.

{facts}

## Aims

{aims}

{misses}

## A host

{sizes}

A host is a network namespace of its own, thrown away after each round; times are medians of {rounds} rounds.
A VM is a tap, a container is a namespace at the end of a veth pair; each has an IPv4 and an IPv6 address, is guarded
against spoofing, and shares a routed bridge with at most {per_bridge} others.
Each run of the engine is a new `/usr/bin/python3`, its start and its imports included.

- **floor**: the same objects by `ip -batch`, `nft -f` and `sysctl --load`, a process for each batch, from files written
  beforehand. Nothing is read, planned or verified. The engine, asked afterwards, finds nothing to do.
- **first apply**: the document applied to an empty host, read again and compared again.
- **each**: first apply, for each object.
- **read floor**: the engine's bulk reads alone, in the same processes, the answers thrown away undecoded. The start of
  the interpreter is not counted.
- **no-op**: the engine on a host that is as it should be.
- **+1** and **-1**: one instance added to the full host, and removed from it.
- **processes**: what the first apply started.
- **peak**: the highest resident memory of the engine's process in any of these runs.

### Where the time goes

{phases}

"start and end" is the interpreter, its imports, the document read from a file, what the engine keeps for its next run,
and the result as JSON. Compile checks the document. Observe reads the host, and finds out the normal form of the
nftables rules. Verify is observe and plan once more.

## Distributed routing

{tenants}

A tenant has a router, a VXLAN network with ten VMs on taps, floating IPs for five of them, security groups, and SNAT on
another host for the others. Everything is on one host; Open vSwitch has its userspace datapath, and 12 ports a tenant.
What grows faster than the number of tenants is Open vSwitch's: its userspace datapath goes through all ports for each
one that is added, and again after every 50 flows that come over a connection. The engine fills a bridge that has no
flows over several connections, the floor by one bundle.

The columns are those above, but for these:

- **floor**: also `ovs-vsctl`, `ovs-ofctl --bundle add-flows` with the flows ready in the numbers of their ports, and
  one process for all offloads. Nothing is announced.
- **each router**: first apply, for each tenant. For the agent of OpenStack Neutron 3.1 to 12 s for a router are
  published.
- **+1 floating IP** and **-1 tenant**: a floating IP added to the full host, and a tenant removed from it.

{tenant_phases}

### A fleet's intent compiled

{fleets}

Each host has {fleet_tenants} tenants of its own. **Index** is what it takes to sort the whole intent by host;
**one host** is a host's view and document after that.

- **alone**: both. That is what a playbook pays for each host: the filter `dvr_document` sorts the whole intent in every
  call, and this part grows with the fleet.
- **for each of all**: both, where one process sorts the intent once and compiles all hosts from that, each host having
  its share of the index. No playbook does so.

The check of the whole intent by the filter `dvr_faults`, which roles make before, is in neither.

## NF nodes

{nf}
## A task for each object

{playbooks}

Both run by `ansible-playbook` with a local connection, on VMs on taps; what it needs to start, {start}, is taken off.
[tasks.yml](../tests/bench/playbooks/tasks.yml) is the host as one writes it with stock modules: a template for
nftables, and for the rest a loop over the instances with `ansible.builtin.command`. The role's time holds everything:
the intent of the host checked and compiled, the module sent, its result brought back.
"""


def page(results: Results) -> str:
    return _PAGE.format(
        date=results.date,
        facts="\n".join(f"- {name}: {value}" for name, value in results.facts.items()),
        aims=_aims(results),
        misses=_misses([*results.sizes, *results.tenants]),
        sizes=tables(results.sizes),
        rounds=_rounds([*results.sizes, *results.tenants]),
        per_bridge=results.per_bridge - 1,
        phases=_phases(results.sizes),
        tenants=_tenant_table(results.tenants),
        tenant_phases=_phases(results.tenants),
        fleets=_fleet_table(results.fleets),
        fleet_tenants=results.fleets[0].tenants,
        nf=nf_report.section(results.nf),
        playbooks=_playbooks(results.playbooks),
        start=duration(results.playbooks.start),
    )


def _rounds(sizes: Sequence[Size]) -> str:
    *first, last = [str(rounds) for rounds in sorted({size.rounds for size in sizes})]
    return f"{', '.join(first)} or {last}" if first else last


def progress(size: Size) -> str:
    """One line for a person who waits."""
    return (
        f"{size.name}: first apply {duration(size.first)}, {size.first_ratio:.2f} × floor; "
        f"no-op {duration(size.noop)}, aim {duration(size.noop_aim)}; peak {size.peak_mb:.0f} MB"
    )


def tables(sizes: Sequence[Size]) -> str:
    """One table for each shape."""
    head = ["instances", "objects", "floor", "first apply", "ratio", "each"]
    head += ["read floor", "no-op", "aim", "+1", "-1", "processes", "peak"]
    shapes = dict.fromkeys(size.shape for size in sizes)
    rows = {shape: [_row(size) for size in sizes if size.shape == shape] for shape in shapes}
    return "\n\n".join(f"{shape}:\n\n{table(head, rows[shape])}" for shape in shapes)


def _row(size: Size) -> list[str]:
    return [
        f"{size.count:,}",
        f"{size.objects:,}",
        duration(size.floor),
        duration(size.first),
        f"{size.first_ratio:.2f}",
        duration(size.each),
        duration(size.reads),
        duration(size.noop),
        duration(size.noop_aim),
        duration(size.added),
        duration(size.removed),
        f"{size.processes:,}",
        f"{size.peak_mb:.0f} MB",
    ]


def tenant_tables(sizes: Sequence[Size], fleets: Sequence[Compiled]) -> str:
    return "\n\n".join([_tenant_table(sizes), _fleet_table(fleets)])


def _tenant_table(sizes: Sequence[Size]) -> str:
    head = ["tenants", "objects", "floor", "first apply", "ratio", "each router"]
    head += ["read floor", "no-op", "aim", "+1 floating IP", "-1 tenant", "processes", "peak"]
    return table(head, [_tenant_row(size) for size in sizes])


def _tenant_row(size: Size) -> list[str]:
    row = _row(size)
    row[5] = duration(size.first / size.count)
    return row


def _fleet_table(fleets: Sequence[Compiled]) -> str:
    head = ["hosts", "index", "one host", "for each of all", "alone"]
    times = [(fleet.hosts, fleet.index, fleet.each, fleet.per_host, fleet.alone) for fleet in fleets]
    return table(head, [[f"{hosts:,}", *map(duration, seconds)] for hosts, *seconds in times])


def _aims(results: Results) -> str:
    sizes = [*results.sizes, *results.tenants]
    peak = max(sizes, key=lambda size: size.peak_mb)
    faster = results.playbooks.times_faster
    rows = [
        [
            f"first apply at most {FIRST_RATIO} × floor",
            ", ".join(f"{size.first_ratio:.2f} ({size.name})" for size in sizes),
            share([size.first_ratio <= FIRST_RATIO for size in sizes]),
        ],
        [
            f"no-op at most {NOOP_RATIO} × read floor + {NOOP_START} s",
            ", ".join(f"{duration(size.noop)} of {duration(size.noop_aim)} ({size.name})" for size in sizes),
            share([size.noop <= size.noop_aim for size in sizes]),
        ],
        *_flatness(results.sizes),
        [f"{TIMES_FASTER} × faster than a task for each object", f"{faster:.0f} ×", share([faster >= TIMES_FASTER])],
        [f"less than {PEAK_MB} MB", f"{peak.peak_mb:.0f} MB ({peak.name})", share([peak.peak_mb < PEAK_MB])],
        *_tenant_aims(results.tenants),
        _fleet_aim(results.fleets),
        *nf_report.aims(results.nf),
    ]
    return table(["aim", "measured", "reached"], rows)


def _tenant_aims(sizes: Sequence[Size]) -> list[list[str]]:
    largest = max(sizes, key=lambda size: size.count)
    ratios = [size.added / size.noop for size in sizes]
    return [
        [
            f"{largest.name} in less than {TENANT_SECONDS} s",
            f"{duration(largest.first)} (the floor: {duration(largest.floor)})",
            share([largest.first < TENANT_SECONDS]),
        ],
        [
            f"one floating IP more at most {ADDED_RATIO} × no-op",
            ", ".join(f"{ratio:.2f} ({size.name})" for ratio, size in zip(ratios, sizes)),
            share([ratio <= ADDED_RATIO for ratio in ratios]),
        ],
    ]


def _fleet_aim(fleets: Sequence[Compiled]) -> list[str]:
    """That of the index is in it, shared by the hosts; what it is for a host alone is said beside it."""
    small, large = min(fleets, key=lambda fleet: fleet.hosts), max(fleets, key=lambda fleet: fleet.hosts)
    change = large.per_host / small.per_host - 1
    aim = (
        f"a host compiled in a fleet of {large.hosts:,} as in one of {small.hosts:,}, the index shared by all hosts, "
        f"within {FLAT_WITHIN:.0%}"
    )
    alone = f"alone {duration(small.alone)} and {duration(large.alone)}"
    times = f"{duration(small.per_host)} and {duration(large.per_host)} ({change:+.0%}); {alone}"
    return [aim, times, share([change <= FLAT_WITHIN])]


def _flatness(sizes: Sequence[Size]) -> list[list[str]]:
    """How the cost of an object grows from a middling host to the largest of its shape, and that of the floor."""
    rows = []
    for shape in dict.fromkeys(size.shape for size in sizes):
        small = next(size for size in sizes if size.shape == shape and size.count == FLAT_FROM)
        large = max((size for size in sizes if size.shape == shape), key=lambda size: size.count)
        change = large.each / small.each - 1
        floor = (large.floor / large.objects) / (small.floor / small.objects) - 1
        aim = f"cost of an object flat within {FLAT_WITHIN:.0%} from {small.count:,} to {large.name}"
        rows.append([aim, f"{change:+.0%} (the floor's: {floor:+.0%})", share([abs(change) <= FLAT_WITHIN])])
    return rows


def _misses(sizes: Sequence[Size]) -> str:
    """By how much an aim was missed, and what took longest beyond the floor."""
    lines = []
    for size in sizes:
        excess = size.first - FIRST_RATIO * size.floor
        if excess > 0:
            beyond = {name: seconds for name, seconds in size.first_phases.items() if name != "apply"}
            lines.append(f"- First apply of {size.name}: {duration(excess)} too long. Beside apply: {longest(beyond)}.")
    for size in sizes:
        excess = size.noop - size.noop_aim
        if excess > 0:
            lines.append(
                f"- No-op with {size.name}: {duration(excess)} too long. It takes {longest(size.noop_phases)}."
            )
    return "\n".join(["Where an aim was missed:", "", *lines]) if lines else "Every aim was reached at every size."


def _phases(sizes: Sequence[Size]) -> str:
    names = list(sizes[0].first_phases)
    rows = []
    for size in sizes:
        for run, phases in (("first apply", size.first_phases), ("no-op", size.noop_phases)):
            rows.append([size.name, run, *(duration(phases[name]) if name in phases else "" for name in names)])
    return table(["host", "run", *names], rows)


def _playbooks(playbooks: Playbooks) -> str:
    head = ["", "instances", "objects", "first run", "each object", "second run"]
    return table(head, [_playbook_row(run) for run in (playbooks.tasks, *playbooks.roles)])


def _playbook_row(run: Playbook) -> list[str]:
    return [
        run.name,
        f"{run.instances:,}",
        f"{run.objects:,}",
        duration(run.first),
        duration(run.each),
        duration(run.again),
    ]
