# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespaces with a name, and the namespaces of processes."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cases import assert_complete
from harness import Machine, actions, inside

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.host import NETNS_DIRECTORY, Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.namespace import Namespace


def test_a_namespace_has_nothing_that_can_change() -> None:
    assert_complete(Namespace, ())


def test_it_comes_with_its_loopback_up_and_goes_with_all_that_is_in_it(host: Machine) -> None:
    clean = host.snapshot()
    host.apply({"namespaces": [{"name": "c1"}, {"name": "c2.x-y_z"}]})
    loopback = host.link("lo", "c1")
    assert loopback is not None
    assert "UP" in loopback["flags"]
    assert loopback["ifalias"] == "hostnet:t c1"
    host.apply({"namespaces": [{"name": "c1"}], "links": [{"namespace": "c1", "name": "br0", "type": "bridge"}]})
    assert host.named_namespaces() == ["c1"]
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_links_between_namespaces_end_with_either(host: Machine) -> None:
    def document(*names: str) -> dict[str, Any]:
        pairs = [(a, b) for a, b in (("c1", "c2"), ("c2", "c3"), ("c3", "c1")) if a in names and b in names]
        links = [
            {"namespace": a, "name": f"to-{b}", "type": "veth", "up": True, "peer": {"namespace": b, "name": f"to-{a}"}}
            for a, b in pairs
        ]
        return {"namespaces": [{"name": name} for name in names], "links": links}

    clean = host.snapshot()
    host.apply(document("c1", "c2", "c3"))
    host.apply(document("c1", "c3"))
    assert host.link("to-c2", "c1") is None
    assert host.link("to-c3", "c1") is not None
    host.apply(document("c2"))
    host.absent()
    host.assert_as(clean)


def test_what_a_killed_ip_netns_left_is_no_namespace_and_no_obstacle(host: Machine) -> None:
    """``ip netns add`` makes the file first and mounts the namespace on it afterwards."""
    host.ip("netns add c0")
    with open(os.path.join(NETNS_DIRECTORY, "c1"), "w", encoding="ascii"):
        pass
    assert actions(host.check({"namespaces": [{"name": "c1"}]})) == {"namespace c1": "add"}
    host.run({"namespaces": [{"name": "c1"}]})
    assert host.link("lo", "c1") is not None
    host.run({})
    assert host.named_namespaces() == ["c0"]


def test_objects_in_an_undeclared_namespace_that_nobody_made_are_refused(host: Machine) -> None:
    with pytest.raises(
        PlanRefused, match="link c9 br0: needs namespace c9, which is neither declared nor on this host"
    ):
        host.run({"links": [{"namespace": "c9", "name": "br0", "type": "bridge"}]})


def test_objects_in_a_foreign_namespace(host: Machine) -> None:
    host.ip("netns add c1")
    before = host.snapshot()
    host.apply(
        {
            "links": [{"name": "v0", "type": "veth", "peer": {"namespace": "c1", "name": "eth0"}, "up": True}],
            "addresses": [{"namespace": "c1", "link": "eth0", "address": "192.0.2.1/24"}],
            "sysctls": [{"namespace": "c1", "name": "net.ipv4.ip_forward", "value": 1}],
            "nft_tables": [{"namespace": "c1", "family": "inet", "name": "f", "chains": [{"name": "c"}]}],
        }
    )
    host.absent()
    host.assert_as(before)
    assert host.ledgers() == []


def test_a_namespace_of_others_that_ends_while_it_is_read_is_no_fault(
    host: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.ip("netns add theirs")
    real = Host.has_namespace

    def late(self: Host, name: str) -> bool:
        found = real(self, name)
        if name == "theirs" and found:
            host.ip("netns del theirs")
        return found

    monkeypatch.setattr(Host, "has_namespace", late)
    host.run({"links": [{"name": "br0", "type": "bridge"}]})
    assert host.link("br0") is not None


@pytest.fixture
def container(host: Machine) -> Iterator[str]:
    """The namespace of a process, by its number."""
    process = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    try:
        home = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{process.pid}/ns/net") == home:
            os.sched_yield()
        yield f"pid:{process.pid}"
    finally:
        process.kill()
        process.wait()


def test_objects_in_the_namespace_of_a_process(host: Machine, container: str) -> None:
    clean = host.snapshot()
    document = {
        "links": [
            {"name": "v0", "type": "veth", "peer": {"namespace": container, "name": "eth0"}, "up": True},
            {"namespace": container, "name": "eth0", "type": "veth", "peer": {"name": "v0"}, "up": True},
        ],
        "addresses": [{"namespace": container, "link": "eth0", "address": "192.0.2.1/24"}],
        "routes": [{"namespace": container, "destination": "default", "via": "192.0.2.254"}],
    }
    host.apply(document)
    document["addresses"][0]["address"] = "192.0.2.2/24"
    host.apply(document)
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_a_process_that_has_ended_takes_its_objects_with_it(host: Machine, container: str) -> None:
    document = {
        "links": [{"name": "v0", "type": "veth", "peer": {"namespace": container, "name": "eth0"}}],
        "addresses": [{"namespace": container, "link": "eth0", "address": "192.0.2.1/24"}],
    }
    host.apply(document)
    os.kill(int(container[4:]), 9)
    while host.link("v0") is not None:
        os.sched_yield()
    with pytest.raises(PlanRefused, match=f"needs namespace {container}, which is neither declared nor on this host"):
        host.run(document)
    host.run({})
    assert host.ledgers() == []


def test_runs_do_not_leave_the_namespace_they_started_in(host: Machine) -> None:
    home = os.readlink("/proc/self/ns/net")
    host.apply(
        {"namespaces": [{"name": "c1"}], "sysctls": [{"namespace": "c1", "name": "net.ipv4.ip_forward", "value": 1}]}
    )
    assert os.readlink("/proc/self/ns/net") == home
    with inside("c1"):
        assert os.readlink("/proc/self/ns/net") != home
