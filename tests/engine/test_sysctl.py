# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sysctls of the host's namespace and of named ones: set while declared, given back afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, actions, inside

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import ApplyFailed, PlanRefused
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.sysctl import Sysctl

FORWARD = "net.ipv4.ip_forward"


def _read(name: str, namespace: str = "") -> str:
    with inside(namespace):
        return " ".join(Path("/proc/sys", name.replace(".", "/")).read_text(encoding="ascii").split())


def _document(entry: Entry) -> dict[str, Any]:
    return {"sysctls": [{"name": FORWARD, **entry}]}


CASES = (
    Case("value", {"value": 1}, {"value": 0}, lambda _host: _read(FORWARD), "0"),
    Case(
        "value",
        {"name": "net.ipv4.ip_local_port_range", "value": "2000 3000"},
        {"name": "net/ipv4/ip_local_port_range", "value": "2000\t4000"},
        lambda _host: _read("net.ipv4.ip_local_port_range"),
        "2000 4000",
    ),
)


def test_every_field_has_a_case() -> None:
    assert_complete(Sysctl, CASES)


@pytest.mark.parametrize("case", CASES, ids=["number", "two-numbers"])
def test_each_field_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _document)


def test_the_value_from_before_the_first_run_comes_back(host: Machine) -> None:
    Path("/proc/sys/net/ipv4/ip_default_ttl").write_text("77", encoding="ascii")
    for value in (10, 20, 30):
        host.apply({"sysctls": [{"name": "net.ipv4.ip_default_ttl", "value": value}]})
    host.apply({})
    assert _read("net.ipv4.ip_default_ttl") == "77"
    assert host.ledgers() == []


def test_a_value_that_two_scopes_declare_comes_back_with_the_last_of_them(host: Machine) -> None:
    """A host that is bridge and gateway goes on to forward when it is no bridge any more."""
    forward = {"sysctls": [{"name": FORWARD, "value": 1}]}
    for first, last in (("host_bridge", "nf"), ("nf", "host_bridge")):
        assert _read(FORWARD) == "0"
        host.apply({"scope": "host_bridge", **forward})
        assert actions(host.apply({"scope": "nf", **forward})) == {}
        host.absent({"scope": first})
        assert _read(FORWARD) == "1"
        host.assert_settled({"scope": last, **forward})
        host.absent({"scope": last})
    assert _read(FORWARD) == "0"
    assert host.ledgers() == []


@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")])
def test_the_value_from_before_all_scopes_comes_back(order: tuple[str, str], host: Machine) -> None:
    name = "net.ipv4.ip_default_ttl"
    for scope, value in (("a", 70), ("b", 80)):
        host.apply({"scope": scope, "sysctls": [{"name": name, "value": value}]})
    for scope in order:
        assert _read(name) == "80"
        host.apply({"scope": scope})
    assert _read(name) == "64"
    assert host.ledgers() == []


def test_scopes_that_change_different_fields_of_a_link_give_back_their_own(host: Machine) -> None:
    host.ip("tuntap add dev eth7 mode tap")
    host.ip("link set dev eth7 mtu 1400 txqueuelen 99")

    def attributes() -> tuple[int, int]:
        link = host.link("eth7")
        assert link is not None
        return link["mtu"], link["txqlen"]

    host.apply({"scope": "a", "links": [{"name": "eth7", "type": "physical", "mtu": 1300, "txqueuelen": 50}]})
    host.apply({"scope": "b", "links": [{"name": "eth7", "type": "physical", "mtu": 1300}]})
    host.absent({"scope": "a"})
    assert attributes() == (1300, 99)
    host.absent({"scope": "b"})
    assert attributes() == (1400, 99)


def test_a_sysctl_that_is_already_right_is_neither_changed_nor_given_back(host: Machine) -> None:
    document = {"sysctls": [{"name": FORWARD, "value": _read(FORWARD)}]}
    assert actions(host.apply(document)) == {}
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1", encoding="ascii")
    host.apply({})
    assert _read(FORWARD) == "1"


def test_sysctls_of_links_and_namespaces_go_with_them(host: Machine) -> None:
    clean = host.snapshot()
    document = {
        "namespaces": [{"name": "c1"}],
        "links": [
            {"name": "br0", "type": "bridge"},
            {"name": "v.0", "type": "veth", "peer": {"namespace": "c1", "name": "eth0"}},
        ],
        "sysctls": [
            {"name": "net.ipv4.conf.br0.arp_ignore", "value": 2},
            {"name": "net/ipv4/conf/v.0/arp_ignore", "value": 1},
            {"name": "net.ipv6.conf.eth0.accept_ra", "value": 0, "namespace": "c1"},
            {"name": FORWARD, "value": 1, "namespace": "c1"},
        ],
    }
    host.apply(document)
    assert Path("/proc/sys/net/ipv4/conf/v.0/arp_ignore").read_text(encoding="ascii") == "1\n"
    assert (_read(FORWARD), _read(FORWARD, "c1")) == ("0", "1")
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_what_holds_for_all_links_is_written_before_the_single_ones(host: Machine) -> None:
    """Writing ``all/forwarding`` or ``ip_forward`` resets the value of every link."""
    document = {
        "links": [{"name": "br0", "type": "bridge"}],
        "sysctls": [
            {"name": "net.ipv4.conf.br0.forwarding", "value": 0},
            {"name": "net.ipv4.conf.all.forwarding", "value": 1},
            {"name": "net.ipv6.conf.br0.forwarding", "value": 0},
            {"name": "net.ipv6.conf.all.forwarding", "value": 1},
        ],
    }
    host.apply(document)
    assert _read("net.ipv4.conf.br0.forwarding") == _read("net.ipv6.conf.br0.forwarding") == "0"


def test_a_sysctl_comes_back_with_a_replaced_link(host: Machine) -> None:
    def document(identity: int) -> dict[str, Any]:
        return {
            "links": [{"name": "vx0", "type": "vxlan", "id": identity}],
            "sysctls": [{"name": "net.ipv4.conf.vx0.arp_ignore", "value": 2}],
        }

    host.apply(document(1))
    host.apply(document(2))
    assert _read("net.ipv4.conf.vx0.arp_ignore") == "2"


def test_a_value_that_the_kernel_refuses_names_the_sysctl(host: Machine) -> None:
    with pytest.raises(ApplyFailed, match=r"sysctl host net\.ipv4\.ip_default_ttl \(a\.b\)") as failed:
        host.run({"sysctls": [{"name": "net.ipv4.ip_default_ttl", "value": 4000, "because": "a.b"}]})
    assert "net/ipv4/ip_default_ttl = 4000: Invalid argument" in str(failed.value)


def test_a_sysctl_that_this_host_does_not_have_is_refused_before_anything_changes(host: Machine) -> None:
    document = {
        "scope": "t",
        "links": [{"name": "br0", "type": "bridge"}],
        "sysctls": [{"name": "net.ipv4.ip_foward", "value": 1, "because": "my.intent"}],
    }

    with pytest.raises(
        PlanRefused, match=r"sysctl host net\.ipv4\.ip_foward \(my\.intent\): this host has no such sysctl"
    ):
        host.apply(document)

    assert host.link("br0") is None
