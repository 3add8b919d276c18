# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that fails: the error names the object and repeats the tool's message, and the next run goes on from there."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import time
from typing import Any

import pytest
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils import engine as engine_module
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import (
    ApplyFailed,
    FabricError,
    HostError,
    PlanRefused,
    VerifyFailed,
)

GOOD: dict[str, Any] = {
    "links": [
        {"name": "br0", "type": "bridge", "up": True, "because": "fabric.br0"},
        {"name": "t0", "type": "tap", "master": "br0", "because": "fabric.t0"},
    ],
    "addresses": [{"link": "br0", "address": "192.0.2.1/24"}],
}
# What the kernel refuses although nothing in the document is wrong by itself, and what the error has to say.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "route": (
        {"routes": [{"destination": "10.0.0.0/8", "via": "198.51.100.9", "because": "fabric.r"}]},
        r"route host 10\.0\.0\.0/8 \(fabric\.r\): ip refused 'route add 10\.0\.0\.0/8 .* via 198\.51\.100\.9'"
        r": Error: Nexthop has invalid gateway\.",
    ),
    "route's source": (
        {"routes": [{"destination": "10.0.0.0/8", "via": "192.0.2.9", "source": "192.0.2.7", "because": "fabric.r"}]},
        r"route host 10\.0\.0\.0/8 \(fabric\.r\): ip refused .*: .*[Ii]nvalid",
    ),
    "mtu": (
        {"links": [{"name": "t1", "type": "tap", "mtu": 65535, "because": "fabric.t1"}]},
        r"link host t1 \(fabric\.t1\): ip refused 'link set .* mtu 65535.*': Error: mtu greater than device maximum\.",
    ),
    "sysctl": (
        {"sysctls": [{"name": "net.ipv4.conf.br0.nonsense", "value": 1, "because": "fabric.s"}]},
        r"sysctl host net\.ipv4\.conf\.br0\.nonsense \(fabric\.s\): .*No such file",
    ),
    "neighbour": (
        {
            "links": [{"name": "br1", "type": "bridge", "mtu": 1000}],
            "neighbours": [
                {"link": "br1", "address": "2001:db8::7", "mac": "02:00:00:00:00:01", "because": "fabric.n"}
            ],
        },
        r"neighbour host br1 2001:db8::7 \(fabric\.n\): ip refused",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_failed_step_names_object_and_message_and_the_next_run_goes_on(name: str, host: Machine) -> None:
    broken, message = REFUSED[name]
    clean = host.snapshot()
    merged = {section: [*GOOD.get(section, ()), *broken.get(section, ())] for section in {*GOOD, *broken}}
    with pytest.raises(ApplyFailed) as failed:
        host.run(merged)
    assert re.search(message, str(failed.value)), str(failed.value)
    assert "\n" not in str(failed.value)
    host.apply(GOOD)
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_accounts_that_the_host_does_not_have_are_refused_before_anything_is_done(host: Machine) -> None:
    tap = {"name": "t1", "type": "tap", "user": "no-such-user", "group": "no-such-group", "because": "fabric.t1"}
    before = host.snapshot()
    with pytest.raises(PlanRefused) as refused:
        host.run({"links": [*GOOD["links"], tap]})
    assert refused.value.reasons == (
        "link host t1 (fabric.t1): user no-such-user is not known on this host",
        "link host t1 (fabric.t1): group no-such-group is not known on this host",
    )
    host.assert_as(before)


def test_what_was_made_before_the_failure_counts_as_ours(host: Machine) -> None:
    """The bridge was made, but not yet signed when its tap failed; it is neither foreign nor forgotten."""
    document = {"links": [*GOOD["links"], {"name": "t1", "type": "tap", "mtu": 65535}]}
    with pytest.raises(ApplyFailed):
        host.run(document)
    assert actions(host.run({})) != {}
    assert host.link("br0") is None


def test_a_foreign_object_that_appears_in_the_meantime_is_not_overwritten(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = engine_module.batches

    def late(plan: Any) -> Any:
        host.ip("route add 10.0.0.0/8 via 192.0.2.7 proto static")
        return real(plan)

    host.apply(GOOD)
    monkeypatch.setattr(engine_module, "batches", late)
    with pytest.raises(ApplyFailed, match="File exists"):
        host.run({**GOOD, "routes": [{"destination": "10.0.0.0/8", "via": "192.0.2.9"}]})
    assert "via 192.0.2.7" in host.ip("route show 10.0.0.0/8")


def test_what_does_not_hold_is_named(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = engine_module.Engine._verified

    def meddled(engine: Any, *arguments: Any) -> Any:
        host.ip("link set dev br0 mtu 1111")
        return real(engine, *arguments)

    document = {"links": [{"name": "br0", "type": "bridge", "mtu": 1400, "because": "fabric.br0"}]}
    monkeypatch.setattr(engine_module.Engine, "_verified", meddled)
    with pytest.raises(VerifyFailed) as failed:
        host.run(document)
    first, second = str(failed.value).splitlines()
    assert first == "applied, and yet these do not hold:"
    assert "mtu 1111 → 1400" in second
    assert "fabric.br0" in second
    monkeypatch.undo()
    host.apply(document)


@pytest.mark.parametrize(("name", "package"), [("ip", "iproute2"), ("ovs-vsctl", "openvswitch-switch")])
def test_a_missing_tool_is_named_with_its_package(
    name: str, package: str, host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ansible_collections.hostnet.fabric.plugins.module_utils import host as host_module

    real = host_module.subprocess.Popen

    def without(command: list[str], **options: Any) -> Any:
        return real(["/nonexistent/" + name, *command[1:]] if command[0] == name else command, **options)

    monkeypatch.setattr(host_module.subprocess, "Popen", without)
    before = host.snapshot() if name != "ip" else {}
    with pytest.raises(HostError, match=f"{name} is not installed on this host; install {package}"):
        host.run({**GOOD, "ovs_bridges": [{"name": "ovs0"}]} if name != "ip" else GOOD)
    monkeypatch.undo()
    if before:
        host.assert_as(before)


def test_a_tap_that_a_program_holds_keeps_its_owner_and_the_error_says_why(host: Machine) -> None:
    def document(user: int) -> dict[str, Any]:
        return {"links": [{"name": "t0", "type": "tap", "user": user, "because": "fabric.t0"}]}

    host.apply(document(1000))
    with open("/dev/net/tun", "r+b", buffering=0) as program:
        fcntl.ioctl(program, 0x400454CA, struct.pack("=16sH22x", b"t0", 0x1002))
        with pytest.raises(ApplyFailed, match=r"link host t0 \(fabric\.t0\): .*a running program holds it"):
            host.run(document(1001))
    host.apply(document(1001))


def test_runs_wait_for_each_other(host: Machine) -> None:
    host.run({})
    lock = os.open(host.run_directory / "lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    child = os.fork()
    if child == 0:
        try:
            host.run(GOOD)
        finally:
            os._exit(0)
    time.sleep(0.3)
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    assert host.link("br0") is None
    fcntl.flock(lock, fcntl.LOCK_UN)
    os.waitpid(child, 0)
    os.close(lock)
    assert host.link("br0") is not None


def test_every_error_is_one_of_ours() -> None:
    assert issubclass(ApplyFailed, FabricError)
    assert issubclass(HostError, FabricError)
