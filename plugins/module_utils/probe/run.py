# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of probes, made at the same time, each by a thread that enters namespaces alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable

from ..host import Host
from .judge import judge
from .model import CannotProbe, Probe, Result
from .owner import owner
from .ping import path_mtu, ping
from .sockets import Enter
from .spoof import spoof
from .tcp import tcp

_KINDS: Mapping[str, Callable[[Probe, Enter], Mapping[str, Any]]] = {
    "ping": ping,
    "path_mtu": path_mtu,
    "tcp": tcp,
    "arp": owner,
    "spoof": spoof,
}


_PAUSE = 0.5


@dataclass(frozen=True)
class Runner:
    """parallel: how many probes at a time. patience: seconds for which the probes are made again until all hold."""

    host: Host
    parallel: int = 32
    patience: float = 0.0

    def run(self, probes: Sequence[Probe]) -> list[Result]:
        """The results, in the order of the probes, all of one round: what must not be answered holds too while
        nothing is up yet."""
        deadline = time.monotonic() + self.patience
        results = self._all(probes)
        while time.monotonic() < deadline and not all(result.ok for result in results):
            time.sleep(_PAUSE)
            results = self._all(probes)
        return results

    def _all(self, probes: Sequence[Probe]) -> list[Result]:
        with ThreadPoolExecutor(max_workers=min(self.parallel, len(probes)) or 1) as pool:
            return list(pool.map(self._one, probes))

    def _one(self, probe: Probe) -> Result:
        try:
            measured = _KINDS[probe.kind](probe, self._enter)
        except CannotProbe as error:
            return Result(probe, False, f"could not be made: {error}", {})
        except OSError as error:
            return Result(probe, False, f"could not be made: {error.strerror or error}", {})
        ok, message = judge(probe, measured)
        return Result(probe, ok, message, measured)

    @contextmanager
    def _enter(self, namespace: str) -> Iterator[None]:
        if not self.host.has_namespace(namespace):
            raise CannotProbe(f"there is no namespace {namespace} on this host")
        with self.host.inside(namespace):
            yield
