# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intent of a whole fleet compiled: what sorting it takes, and what each host's document takes then."""

from __future__ import annotations

import time
from statistics import mean

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.document import compiled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet

from .results import Compiled
from .tenants import SNAT_HOST, Tenants, fleet

TENANTS = 20
_SAMPLED = 50


def measure(hosts: int) -> Compiled:
    intent = fleet(hosts, Tenants(TENANTS))
    started = time.perf_counter()
    known = Fleet(intent)
    index = time.perf_counter() - started
    names = [name for name in known.hosts if name != SNAT_HOST]
    each = [_seconds(known, name) for name in names[:: max(1, hosts // _SAMPLED)]]
    return Compiled(hosts, TENANTS, index, mean(each))


def _seconds(fleet_: Fleet, host: str) -> float:
    started = time.perf_counter()
    compiled(fleet_.view(host))
    return time.perf_counter() - started
