# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NF nodes: how soon routes follow who lives, and a changed plan; and what bringing a configuration live costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from .machine import CommandFailed
from .nf_network import CLIENT, COMPUTE, CONTROL, GATEWAY, Network, Router, configs, intent, network
from .probes import INTERVAL, prober
from .results import Configured, Convergence, Cut, PoolTimes
from .routes import RouteWatch

PYTHON = "/usr/bin/python3"
ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(__file__).resolve().parent / "bird_apply.py"
_BFD_INTERVAL, _BFD_MULTIPLIER = 100, 3
_BFD = {"interval": _BFD_INTERVAL, "multiplier": _BFD_MULTIPLIER}
_PLANES = {"nf-up1": "192.0.2.1", "nf-up2": "192.0.2.2", "nf-up3": "192.0.2.3"}
_FIRST, _SECOND = "nf-up1", "nf-up2"
_MEMBERS = "192.0.2.1-192.0.2.3"
_FEW, _MANY, _LENGTH = "203.0.113.0/24", "100.64.0.0/16", 28
# No cut begins at the same moment between two packets of BFD as the one before.
_PHASES, _STEP = 0.1, 0.037
_SETTLED = 0.3
_FLOOR_TABLE = "7777"


def _pools(prefix: str, count: int) -> list[str]:
    return [str(pool) for pool in islice(ip_network(prefix).subnets(new_prefix=_LENGTH), count)]


def _range(prefix: str, count: int) -> dict[str, Any]:
    return {"prefix": prefix, "length": _LENGTH, "count": count}


def convergence(cuts: int, directory: Path) -> Convergence:
    """Each user plane's cable cut in turn, with probes to its own pool and to another's."""
    own = intent(_PLANES, _MEMBERS, _range(_FEW, len(_PLANES)), _BFD)
    pools = _pools(_FEW, len(_PLANES))
    routes: dict[str, str | None] = dict(zip(pools, _PLANES.values()))
    places = list(zip(_PLANES, pools, pools[1:] + pools[:1]))
    found = []
    with network(directory, _PLANES, _FEW) as net, RouteWatch(net.namespace(GATEWAY)) as watch:
        for name, config in {**configs(own, COMPUTE), **configs(own, GATEWAY)}.items():
            net.start(name, config)
        with prober(net.namespace(CLIENT), [net.namespace(name) for name in _PLANES]) as ends:
            for number in range(cuts):
                watch.when(routes)
                name, pool, other = places[number % len(places)]
                probes = ends.start([_first_host(pool), _first_host(other)])
                time.sleep(_SETTLED + number * _STEP % _PHASES)
                started = net.cut(name)
                (gone,) = watch.when({pool: None})
                time.sleep(_SETTLED)
                loss, others = probes.stop()
                net.mend(name)
                found.append(Cut(gone - started, loss.seconds, loss.packets, others.packets))
    return Convergence(_BFD_INTERVAL / 1000 * _BFD_MULTIPLIER, INTERVAL, tuple(found))


def _first_host(pool: str) -> str:
    return str(ip_network(pool)[1])


@dataclass(frozen=True)
class Plans:
    """Two user planes live, and the plan gives all pools to one of them."""

    count: int

    @property
    def pools(self) -> list[str]:
        return _pools(_MANY, self.count)

    def intent(self, plane: str, count: int | None = None) -> dict[str, Any]:
        pools = _range(_MANY, self.count if count is None else count)
        return intent({plane: _PLANES[plane]}, _MEMBERS, pools, _BFD)

    def control(self, plane: str, count: int | None = None) -> str:
        return configs(self.intent(plane, count), COMPUTE)[CONTROL]

    def gateway(self) -> str:
        return configs(self.intent(_FIRST), GATEWAY)[GATEWAY]

    def routes(self, plane: str) -> dict[str, str | None]:
        return dict.fromkeys(self.pools, _PLANES[plane])


@contextmanager
def _many(plans: Plans, directory: Path) -> Iterator[tuple[Network, RouteWatch]]:
    """All pools are the first user plane's, and in the gateway's kernel."""
    planes = {name: _PLANES[name] for name in (_FIRST, _SECOND)}
    with network(directory, planes, _MANY) as net, RouteWatch(net.namespace(GATEWAY)) as watch:
        for name in planes:
            net.start(name, configs(plans.intent(name), COMPUTE)[name])
        net.start(CONTROL, plans.control(_FIRST))
        net.start(GATEWAY, plans.gateway())
        watch.when(plans.routes(_FIRST))
        yield net, watch


def pool_times(count: int, rounds: int, directory: Path) -> PoolTimes:
    plans = Plans(count)
    samples: dict[str, list[float]] = {name: [] for name in ("appeared", "moved", "first", "last", "floor")}
    with _many(plans, directory) as (net, watch):
        control = net.routers[CONTROL]
        one, here, there = plans.control(_FIRST, 1), plans.control(_FIRST), plans.control(_SECOND)
        for _round in range(rounds):
            _live(control, one)
            watch.when(dict.fromkeys(plans.pools[1:]))
            samples["appeared"].append(_until(watch, plans.routes(_FIRST), lambda: _live(control, here)))
            samples["moved"].append(_until(watch, plans.routes(_SECOND), lambda: _live(control, there)))
            _until(watch, plans.routes(_FIRST), lambda: _live(control, here))
            started = net.cut(_FIRST)
            gone = watch.when(dict.fromkeys(plans.pools))
            samples["first"].append(min(gone) - started)
            samples["last"].append(max(gone) - started)
            net.mend(_FIRST)
            watch.when(plans.routes(_FIRST))
            samples["floor"].append(_floor(net, plans))
    compiled = [_seconds(lambda host=host: configs(plans.intent(_FIRST), host)) for host in (GATEWAY, COMPUTE)]
    return PoolTimes(
        pools=count,
        rounds=rounds,
        detection=_BFD_INTERVAL / 1000 * _BFD_MULTIPLIER,
        compiled_gateway=compiled[0],
        compiled_control=compiled[1],
        **{name: median(values) for name, values in samples.items()},
    )


def _live(router: Router, config: str) -> float:
    router.write(config)
    return router.configure()


def _until(watch: RouteWatch, routes: Mapping[str, str | None], change: Callable[[], object]) -> float:
    """Seconds from before the change until the last of the routes is as wanted."""
    started = time.perf_counter()
    change()
    return max(watch.when(routes)) - started


def _floor(net: Network, plans: Plans) -> float:
    """The same routes written by one ``ip -batch`` that was ready."""
    lines = [f"route add {pool} via {_PLANES[_FIRST]} table {_FLOOR_TABLE}" for pool in plans.pools]
    batch = net.directory / "routes.batch"
    batch.write_text("\n".join([*lines, ""]), encoding="utf-8")
    seconds = net.machine.run(["ip", "-n", GATEWAY, "-batch", batch]).seconds
    net.machine.run(["ip", "-n", GATEWAY, "route", "flush", "table", _FLOOR_TABLE])
    return seconds


def _seconds(work: Callable[[], object], rounds: int = 5) -> float:
    found = []
    for _round in range(rounds):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return median(found)


@dataclass(frozen=True)
class _Applied:
    seconds: float
    phases: dict[str, float]


def configured(count: int, rounds: int, directory: Path) -> list[Configured]:
    """The gateway's plan gains and loses one pool, which is not announced yet; the control plane gives all pools to
    another user plane."""
    plans = Plans(count)
    with _many(plans, directory) as (net, watch):
        all_there = {plans.control(name): plans.routes(name) for name in (_FIRST, _SECOND)}
        control = _compared(net, watch, CONTROL, rounds, all_there)
        fewer = Plans(count - 1)
        _live(net.routers[CONTROL], fewer.control(_FIRST))
        watch.when({plans.pools[-1]: None})
        same = fewer.routes(_FIRST)
        gateway = _compared(net, watch, GATEWAY, rounds, {plans.gateway(): same, fewer.gateway(): same})
    return [
        _configured("gateway, one pool more or less", count, gateway),
        _configured("control plane, every pool to another user plane", count, control),
    ]


def _compared(
    net: Network, watch: RouteWatch, name: str, rounds: int, states: Mapping[str, Mapping[str, str | None]]
) -> dict[str, list[_Applied]]:
    """Two texts and the routes of each: there by the module, and back by ``birdc`` alone."""
    router = net.routers[name]
    (here, before), (there, after) = states.items()
    samples: dict[str, list[_Applied]] = {each: [] for each in ("module", "module again", "birdc", "birdc again")}
    for _round in range(rounds):
        samples["module"].append(_by_module(net, router, there, changes=True))
        watch.when(after)
        samples["module again"].append(_by_module(net, router, there, changes=False))
        samples["birdc"].append(_Applied(_live(router, here), {}))
        watch.when(before)
        samples["birdc again"].append(_Applied(router.configure(), {}))
        time.sleep(_SETTLED)
    return samples


def _by_module(net: Network, router: Router, config: str, changes: bool) -> _Applied:
    wanted = net.directory / "wanted.conf"
    wanted.write_text(router.text(config), encoding="utf-8")
    environment = {"PYTHONPATH": str(ROOT / ".collections")}
    finished = net.machine.run([PYTHON, PROGRAM, wanted, router.path, router.socket], environment)
    answer = json.loads(finished.output)
    if answer["changed"] != changes:
        raise CommandFailed(f"the module bird: {answer['summary']}, which was not expected")
    phases = answer["phases"]
    return _Applied(finished.seconds, {"start and end": finished.seconds - sum(phases.values()), **phases})


def _configured(what: str, count: int, samples: Mapping[str, list[_Applied]]) -> Configured:
    middle = {name: median(one.seconds for one in runs) for name, runs in samples.items()}
    changed = samples["module"]
    return Configured(
        what=what,
        pools=count,
        rounds=len(changed),
        birdc=middle["birdc"],
        birdc_again=middle["birdc again"],
        module=middle["module"],
        module_again=middle["module again"],
        phases={phase: median(run.phases[phase] for run in changed) for phase in changed[0].phases},
    )
