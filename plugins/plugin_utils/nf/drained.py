# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is taken out of service: the names of ``fabric_drained``, and those that the hosts remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from itertools import product
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.memory import drained_in, recalled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import (
    FAMILIES,
    ControlPlane,
    Drained,
    Function,
    Gateways,
    NextHop,
    PoolRange,
    UserPlane,
)
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section, suggestion

VARIABLE = "fabric_drained"
# No variable of a person's: what hosts remember of what playbooks were told. Who is no longer there is not drained.
REMEMBERED = "remembered_drained"


def parse_drained(
    section: Section, homes: Mapping[str, Any], hosts: Iterable[str], gateways: Iterable[str], remembered: Any
) -> Drained:
    """``homes`` are the hosts of NFs by the NFs' names."""
    pair, nodes = set(gateways), set(hosts)
    known = {*homes, *nodes, *pair}
    wanted = section.listed(VARIABLE, names.host_name)
    for name in wanted:
        if name not in known:
            section.fault(VARIABLE, f"there is no {name}; {suggestion(name, known)}")
        elif name in homes and name in nodes | pair:
            section.fault(VARIABLE, f"{name} is a host and a network function; rename one of them")
    told = drained_in(recalled(remembered if isinstance(remembered, (list, tuple)) else ()))
    chosen = {*wanted, *told} & known
    functions = {name for name, host in homes.items() if name in chosen or (isinstance(host, str) and host in chosen)}
    return Drained(tuple(sorted(chosen)), frozenset(functions), frozenset(pair & chosen))


def check_drained(
    drained: Drained,
    functions: Iterable[Function],
    gateways: Gateways | None,
    next_hops: Iterable[NextHop],
    ranges: Iterable[PoolRange],
    faults: Faults,
) -> None:
    """Enough are left of everything that somebody is taken from. Who of them lives, only the gateways know."""
    every = list(functions)
    for hop, family in product(next_hops, FAMILIES):
        planes = [one for one in every if isinstance(one, UserPlane) and one.address(family) in hop.members]
        left = [one.name for one in planes if one.name not in drained.functions]
        if len(left) < min(len(planes), hop.min_live):
            text = f"leaves {_listed(left)} of the IPv{family} user planes of {hop.path}"
            faults.add(VARIABLE, f"{text}, and its min_live is {hop.min_live}; take somebody out of it, or undrain")
    _check_speakers(drained.functions, [one for one in every if isinstance(one, ControlPlane)], ranges, faults)
    if gateways is not None and gateways.hosts and {one.host.name for one in gateways.hosts} <= drained.gateways:
        faults.add(VARIABLE, "leaves no gateway; take one out of it, or undrain")


def _check_speakers(
    drained: Set[str], speakers: list[ControlPlane], ranges: Iterable[PoolRange], faults: Faults
) -> None:
    announced = {found.family for found in ranges}
    for family in FAMILIES:
        able = [one for one in speakers if one.address(family) is not None]
        if family in announced and able and all(one.name in drained for one in able):
            text = f"leaves no control plane that announces IPv{family} pools"
            faults.add(VARIABLE, f"{text}; take one out of it, or undrain")


def _listed(left: list[str]) -> str:
    return f"{len(left)} ({', '.join(left)})" if left else "none"
