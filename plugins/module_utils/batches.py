# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a plan to few large batches: one run of one tool in one namespace takes every step it can. Pure."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

from .changes import Plan
from .kinds.base import HOST, Step

# Filters stand before the ports they guard; the host's own batch makes what other namespaces wait for. Connections are
# forgotten right behind the filter that no longer lets them through, and nothing is announced before it has its routes.
_ORDER = (
    "conntrack",
    "nft",
    "sysctl",
    "ip",
    "ip6",
    "ovs",
    "bridge",
    "ethtool",
    "tap",
    "meter",
    "openflow",
    "announce",
)
_RANK = {tool: rank for rank, tool in enumerate(_ORDER)}

Group = tuple[str, str]


@dataclass(frozen=True)
class Batch:
    """Steps for one tool in one namespace, each with the number of the change it belongs to."""

    tool: str
    namespace: str
    steps: tuple[tuple[Step, int], ...]


def batches(plan: Plan) -> list[Batch]:
    """Group the steps of a plan, each behind everything it waits for."""
    nodes = _Nodes(plan)
    ready = _Ready()
    ready.sort_in(deque(node for node, count in enumerate(nodes.pending) if count == 0), nodes)
    found: list[Batch] = []
    while ready.queues:
        group = ready.first()
        steps: list[tuple[Step, int]] = []
        while group in ready.queues:
            free: deque[int] = deque()
            for node in ready.queues.pop(group):
                steps += nodes.steps[node]
                free.extend(nodes.done(node))
            ready.sort_in(free, nodes)
        found.append(Batch(group[0], group[1], tuple(steps)))
    return found


class _Ready:
    """The nodes that wait for nothing any more, by their group, and the order of the groups."""

    def __init__(self) -> None:
        self.queues: dict[Group, list[int]] = {}
        self._order: list[tuple[bool, str, int, Group]] = []

    def sort_in(self, free: deque[int], nodes: _Nodes) -> None:
        """Put nodes into the queue of their group; those without steps, like barriers, are done at once."""
        while free:
            node = free.popleft()
            if not nodes.steps[node]:
                free.extend(nodes.done(node))
                continue
            step = nodes.steps[node][0][0]
            group = (step.tool, step.namespace)
            if group not in self.queues:
                self.queues[group] = []
                heapq.heappush(self._order, (step.namespace != HOST, step.namespace, _RANK[step.tool], group))
            self.queues[group].append(node)

    def first(self) -> Group:
        """The first group that has a queue; groups whose queue has been emptied since are left behind."""
        while True:
            group = heapq.heappop(self._order)[-1]
            if group in self.queues:
                return group


class _Nodes:
    """The plan's graph, with each change split where its steps go from one tool or namespace to another."""

    def __init__(self, plan: Plan) -> None:
        self.steps: list[list[tuple[Step, int]]] = []
        self.followers: list[list[int]] = []
        self.pending: list[int] = []
        first: list[int] = []
        last: list[int] = []
        for part in plan.nodes:
            runs: list[list[tuple[Step, int]]] = [[]]
            for step in part.steps:
                if runs[-1] and (runs[-1][0][0].tool, runs[-1][0][0].namespace) != (step.tool, step.namespace):
                    runs.append([])
                runs[-1].append((step, part.change or 0))
            first.append(len(self.steps))
            for run in runs:
                self._append(run)
            last.append(len(self.steps) - 1)
            for node in range(first[-1], last[-1]):
                self._wait(node + 1, node)
        for number, part in enumerate(plan.nodes):
            for other in part.waits:
                change = plan.nodes[other].change
                at_once = change is not None and plan.changes[change].resource.usable_at_once
                self._wait(first[number], first[other] if at_once else last[other])

    def done(self, node: int) -> list[int]:
        """The nodes that waited for this one only."""
        freed = []
        for follower in self.followers[node]:
            self.pending[follower] -= 1
            if self.pending[follower] == 0:
                freed.append(follower)
        return freed

    def _append(self, run: list[tuple[Step, int]]) -> None:
        self.steps.append(run)
        self.followers.append([])
        self.pending.append(0)

    def _wait(self, node: int, other: int) -> None:
        self.followers[other].append(node)
        self.pending[node] += 1
