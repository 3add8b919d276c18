# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A list of probes, made at the same time, each by a thread that enters namespaces alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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


def run(host: Host, probes: Sequence[Probe], parallel: int) -> list[Result]:
    """The results, in the order of the probes."""

    @contextmanager
    def enter(namespace: str) -> Iterator[None]:
        if not host.has_namespace(namespace):
            raise CannotProbe(f"there is no namespace {namespace} on this host")
        with host.inside(namespace):
            yield

    def one(probe: Probe) -> Result:
        try:
            measured = _KINDS[probe.kind](probe, enter)
        except CannotProbe as error:
            return Result(probe, False, f"could not be made: {error}", {})
        except OSError as error:
            return Result(probe, False, f"could not be made: {error.strerror or error}", {})
        ok, message = judge(probe, measured)
        return Result(probe, ok, message, measured)

    with ThreadPoolExecutor(max_workers=min(parallel, len(probes)) or 1) as pool:
        return list(pool.map(one, probes))
