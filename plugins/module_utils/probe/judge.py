# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether what a probe measured is what was expected of it, in one line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import HOST_ADDRESS, Probe

Verdict = tuple[bool, str]


def judge(probe: Probe, measured: Mapping[str, Any]) -> Verdict:
    return _JUDGES[probe.kind](probe, measured)


def _ping(probe: Probe, measured: Mapping[str, Any]) -> Verdict:
    received, sent = measured["received"], measured["sent"]
    why = f": {measured['refusal']}" if measured["refusal"] else ""
    if not probe.expect.reachable:
        if received:
            return False, f"{received} of {sent} answered, and none should"
        return True, f"no answer, as it should be{why}"
    if not received:
        return False, f"no answer from {probe.address}{why}"
    answered = f"{received} of {sent} answered, {measured['rtt']['avg']:.2f} ms"
    if measured["loss"] > probe.expect.max_loss:
        return False, f"{answered}; {measured['loss']:.0f} % lost, and {probe.expect.max_loss:g} % may be{why}"
    return True, answered


def _tcp(probe: Probe, measured: Mapping[str, Any]) -> Verdict:
    place = f"{probe.address} port {probe.port}"
    if not probe.expect.reachable:
        if measured["connected"]:
            return False, f"connected to {place}, and should not"
        return True, f"not connected, as it should be: {measured['refusal']}"
    if not measured["connected"]:
        return False, f"not connected to {place}: {measured['refusal']}"
    connected = f"connected, {measured['ms']:.2f} ms"
    wanted = measured["host_address"] if probe.expect.seen_as == HOST_ADDRESS else probe.expect.seen_as
    if probe.expect.seen_as is None:
        return True, connected
    if wanted is None:
        return False, f"{connected}; the host itself has no address towards {probe.address} to compare with"
    if measured["seen_as"] is None:
        return False, f"{connected}; the other end said {measured['line']!r}, not which address it saw"
    if measured["seen_as"] != wanted:
        return False, f"{connected}; seen as {measured['seen_as']}, and it should be {wanted}"
    return True, f"{connected}, seen as {wanted}"


def _arp(probe: Probe, measured: Mapping[str, Any]) -> Verdict:
    macs = measured["macs"]
    answered = f"{', '.join(macs)} answered for {probe.address}"
    if not probe.expect.reachable:
        return (False, f"{answered}, and nobody should") if macs else (True, "nobody answered, as it should be")
    if not macs:
        return False, f"nobody answered for {probe.address}"
    if probe.expect.mac is not None and not (len(macs) == 1 and macs[0] in probe.expect.mac):
        return False, f"{answered}, and it should be {' or '.join(probe.expect.mac)} alone"
    return True, answered


def _path_mtu(probe: Probe, measured: Mapping[str, Any]) -> Verdict:
    mtu = measured["mtu"]
    if mtu is None:
        why = f": {measured['refusal']}" if measured["refusal"] else ""
        if not probe.expect.reachable:
            return True, f"no answer, as it should be{why}"
        return False, f"no answer from {probe.address}{why}"
    if not probe.expect.reachable:
        return False, f"{probe.address} answered, and should not"
    if probe.expect.mtu is not None and mtu != probe.expect.mtu:
        return False, f"packets of up to {mtu} bytes pass, and it should be {probe.expect.mtu}"
    return True, f"packets of up to {mtu} bytes pass"


def _spoof(probe: Probe, measured: Mapping[str, Any]) -> Verdict:
    place = measured["seen_at"]
    lie = f"{_FRAMES[probe.frame]} that claims {measured['claimed']}"
    if measured["arrived"]:
        arrived = f"{lie} arrived at {place}"
        return (True, arrived) if probe.expect.arrives else (False, f"{arrived}, and should not")
    if not measured["control_arrived"]:
        return False, f"a truthful frame did not arrive at {place} either, so nothing is proven"
    missing = f"{lie} did not arrive at {place}, a truthful one did"
    return (False, f"{missing}; both should") if probe.expect.arrives else (True, missing)


_FRAMES = {"echo": "an echo request", "announce": "an announcement"}
_JUDGES = {"ping": _ping, "tcp": _tcp, "arp": _arp, "path_mtu": _path_mtu, "spoof": _spoof}
