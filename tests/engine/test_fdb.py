# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Static forwarding entries of VXLAN tunnels."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from typing import Any

import pytest
from cases import Case, Entry, assert_complete, walk
from harness import Machine, actions, data, lines, tool, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, PlanRefused, VerifyFailed
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.fdb import Fdb

FLOOD = "00:00:00:00:00:00"
MAC = "02:00:00:00:00:01"
OTHER = "02:00:00:00:00:02"


def _document(*entries: Entry, **link: Any) -> dict[str, Any]:
    tunnel = {"name": "vx0", "type": "vxlan", "id": 100, "local": "192.0.2.1", "up": True, **link}
    return {"links": [tunnel], "fdb": [{"link": "vx0", **entry} for entry in entries]}


def _shown(namespace: str = "", state: str = "permanent") -> set[str]:
    """Entries with another end, as ``bridge`` shows them."""
    output = tool("bridge", "fdb", "show", "dev", "vx0", namespace=namespace).stdout
    found = (line.split() for line in output.splitlines())
    return {f"{words[0]} {words[2]}" for words in found if "dst" in words and (state in words) == bool(state)}


def _movable() -> set[str]:
    return _shown(state="extern_learn")


HERE, THERE = ({"mac": MAC, "dst": dst} for dst in ("192.0.2.8", "192.0.2.9"))
CASES = (
    Case("dst", HERE, THERE, lambda host: _shown(), {f"{MAC} 192.0.2.9"}),
    Case("dst", {**HERE, "movable": True}, {**THERE, "movable": True}, lambda host: _movable(), {f"{MAC} 192.0.2.9"}),
    Case("dst", {**HERE, "movable": True}, THERE, lambda host: _movable(), {f"{MAC} 192.0.2.9"}),
    Case("movable", HERE, {**HERE, "movable": True}, lambda host: _movable(), {f"{MAC} 192.0.2.8"}),
    Case("movable", {**HERE, "movable": True}, {**HERE, "movable": False}, lambda host: _shown(), {f"{MAC} 192.0.2.8"}),
)


def test_every_field_has_a_case() -> None:
    assert_complete(Fdb, CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_each_field_can_be_set_and_changed(case: Case, host: Machine) -> None:
    walk(host, case, _document)


def test_entries_come_change_and_go(host: Machine) -> None:
    clean = host.snapshot()
    ends = [{"mac": FLOOD, "dst": f"192.0.2.{n}"} for n in (2, 3)]
    host.apply(_document(*ends, {"mac": MAC, "dst": "192.0.2.2"}))
    assert _shown() == {f"{FLOOD} 192.0.2.2", f"{FLOOD} 192.0.2.3", f"{MAC} 192.0.2.2"}
    done = host.apply(_document({"mac": FLOOD, "dst": "192.0.2.4"}, ends[0], {"mac": MAC, "dst": "192.0.2.4"}))
    assert actions(done) == {
        f"fdb vx0 {FLOOD} 192.0.2.4": "add",
        f"fdb vx0 {FLOOD} 192.0.2.3": "remove",
        f"fdb vx0 {MAC}": "change",
    }
    assert f"~ fdb  host  vx0 {MAC}" in "\n".join(lines(done.plan))
    assert "bridge fdb replace 02:00:00:00:00:01 dev vx0 dst 192.0.2.4 self permanent" in done.commands
    assert _shown() == {f"{FLOOD} 192.0.2.2", f"{FLOOD} 192.0.2.4", f"{MAC} 192.0.2.4"}
    host.apply(_document())
    assert _shown() == set()
    host.absent()
    host.assert_as(clean)


def test_entries_go_along_with_their_tunnel_and_come_back_with_it(host: Machine) -> None:
    entries = ({"mac": FLOOD, "dst": "192.0.2.2"}, {"mac": MAC, "dst": "192.0.2.2"})
    host.apply(_document(*entries))
    done = host.apply(_document(*entries, id=101))
    assert actions(done)["link vx0"] == "replace"
    assert _shown() == {f"{FLOOD} 192.0.2.2", f"{MAC} 192.0.2.2"}
    done = host.apply({})
    assert [command.split()[0] for command in done.commands] == ["ip"]


def test_a_tunnel_over_ipv6_in_a_namespace(host: Machine) -> None:
    document = _document({"mac": MAC, "dst": "2001:db8::2", "namespace": "c1"}, local="2001:db8::1", namespace="c1")
    host.apply({"namespaces": [{"name": "c1"}], **document})
    assert _shown("c1") == {f"{MAC} 2001:db8::2"}
    host.absent()


def test_what_was_learned_stays_and_gives_way_to_what_is_declared(host: Machine) -> None:
    host.apply(_document(fdb_learning=True))
    for mac in (MAC, OTHER):
        host_entry = ("bridge", "fdb", "append", mac, "dev", "vx0", "dst", "192.0.2.7", "self", "dynamic")
        tool(*host_entry)
    host.apply(_document({"mac": MAC, "dst": "192.0.2.8"}))
    assert _shown() == {f"{MAC} 192.0.2.8"}
    host.apply(_document())
    assert _shown(state="") == {f"{OTHER} 192.0.2.7"}


def test_what_others_put_into_our_tunnel_is_removed_and_into_theirs_is_not(host: Machine) -> None:
    host.apply(_document())
    host.ip("link add vx1 type vxlan id 7 dstport 4790")
    for link in ("vx0", "vx1"):
        tool("bridge", "fdb", "append", MAC, "dev", link, "dst", "192.0.2.7", "self", "permanent")
    assert actions(host.run(_document())) == {f"fdb vx0 {MAC}": "remove"}
    assert "192.0.2.7" in tool("bridge", "fdb", "show", "dev", "vx1").stdout


def test_a_tunnel_is_adopted_with_its_entries(host: Machine) -> None:
    host.ip("link add vx0 up type vxlan id 100 dstport 4789 local 192.0.2.1")
    for mac in (MAC, OTHER):
        tool("bridge", "fdb", "append", mac, "dev", "vx0", "dst", "192.0.2.7", "self", "permanent")
    document = _document({"mac": MAC, "dst": "192.0.2.7"})
    with pytest.raises(PlanRefused, match="link host vx0: is already there and not ours") as refused:
        host.run(document)
    assert "fdb" not in str(refused.value)
    done = host.run(document, adopt=True)
    assert actions(done) == {"link vx0": "change", f"fdb vx0 {MAC}": "change", f"fdb vx0 {OTHER}": "remove"}
    assert _shown() == {f"{MAC} 192.0.2.7"}
    host.assert_settled(document)


def _hear(mac: str, end: str) -> None:
    """The tunnel hears a MAC address from another end: what that sends."""
    inner = b"\xff" * 6 + bytes.fromhex(mac.replace(":", "")) + b"\x08\x06" + bytes(46)
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind((end, 0))
        other.sendto(struct.pack("!II", 1 << 27, 100 << 8) + inner, ("192.0.2.1", 4789))


def test_a_movable_entry_follows_its_mac_address_and_a_permanent_one_does_not(host: Machine) -> None:
    for end in ("192.0.2.1", "192.0.2.8", "192.0.2.9"):
        host.ip(f"addr add {end}/32 dev lo")
    clean = host.snapshot()
    ends = [{"mac": mac, "dst": "192.0.2.8", "movable": mac == MAC} for mac in (MAC, OTHER)]
    host.apply(_document(*ends, fdb_learning=True, port=4789))
    for mac in (MAC, OTHER):
        _hear(mac, "192.0.2.9")
    wait_for(lambda: _movable() == {f"{MAC} 192.0.2.9"}, "the entry that follows")
    assert _shown() == {f"{OTHER} 192.0.2.8"}
    # Where it is said to be there by now nothing is left to do; where it is not it comes back.
    moved = _document({**ends[0], "dst": "192.0.2.9"}, ends[1], fdb_learning=True, port=4789)
    assert data(host.run(moved)) == []
    assert actions(host.apply(_document(*ends, fdb_learning=True, port=4789))) == {f"fdb vx0 {MAC}": "change"}
    assert _movable() == {f"{MAC} 192.0.2.8"}
    host.apply(_document(fdb_learning=True, port=4789))
    assert _movable() == _shown() == set()
    host.absent()
    host.assert_as(clean)


def test_an_entry_that_moves_during_the_run_is_no_fault_of_it(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def batch(self: Host, tool_name: str, *arguments: Any) -> None:
        send(self, tool_name, *arguments)
        if tool_name == "bridge":
            tool("bridge", "fdb", "replace", MAC, "dev", "vx0", "dst", "192.0.2.9", "self", "dynamic", "extern_learn")

    send = Host.batch
    monkeypatch.setattr(Host, "batch", batch)
    host.run(_document({**HERE, "movable": True}))
    with pytest.raises(VerifyFailed, match=MAC):
        host.run(_document({**HERE, "movable": False}))


def test_what_a_routing_daemon_writes_into_a_tunnel_that_does_not_learn_stays(host: Machine) -> None:
    host.apply(_document(fdb_learning=False))
    tool("bridge", "fdb", "append", MAC, "dev", "vx0", "dst", "192.0.2.7", "self", "dynamic", "extern_learn")
    assert data(host.run(_document(fdb_learning=False))) == []


def test_the_remote_of_a_tunnel_is_no_entry_of_its_own(host: Machine) -> None:
    host.apply(_document({"mac": MAC, "dst": "192.0.2.2"}, remote="192.0.2.9"))
    done = host.apply(_document(remote="192.0.2.8"))
    assert actions(done) == {"link vx0": "change", f"fdb vx0 {MAC}": "remove"}
    assert _shown() == {f"{FLOOD} 192.0.2.8"}


def test_a_reading_gives_the_entries_as_a_document(host: Machine) -> None:
    entries = (
        {"mac": FLOOD, "dst": "192.0.2.2"},
        {"mac": MAC, "dst": "192.0.2.2", "movable": False},
        {"mac": OTHER, "dst": "192.0.2.2", "movable": True},
    )
    host.apply(_document(*entries))
    reader = Host(ovs_database=host.ovs_database, run_directory=str(host.run_directory))
    host.hosts.append(reader)
    read = gather(reader, "t")
    assert sorted(read["fdb"], key=lambda entry: entry["mac"]) == [{"link": "vx0", **entry} for entry in entries]
    assert data(host.run(read)) == []


def test_hosts_without_tunnels_are_not_asked_for_entries(host: Machine) -> None:
    started = []
    for document in ({"links": [{"name": "br0", "type": "bridge"}]}, _document()):
        host.apply(document)
        started.append(host.run(document).stats["processes"])
    assert started[1] == started[0] + 1


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (_document({"mac": MAC, "dst": "2001:db8::2"}), r"dst 2001:db8::2 is not of the tunnel's family, IPv4"),
        (_document({"mac": FLOOD, "dst": "192.0.2.2"}, remote="192.0.2.2"), "192.0.2.2 is the remote of vx0"),
        (_document({"mac": FLOOD, "dst": "192.0.2.2", "movable": True}), r"movable: belongs to a MAC address"),
        (_document({**HERE, "movable": True}, fdb_learning=False), "movable needs a tunnel that learns"),
        (_document({"mac": "01:00:5e:00:00:01", "dst": "192.0.2.2"}), r"fdb\[0\]\.mac: 01:00:5e:00:00:01 cannot"),
        ({"fdb": [{"link": "vx0", "mac": MAC, "dst": "192.0.2.2"}]}, "needs vx0 as a link of type vxlan"),
        (_document(*[{"mac": MAC, "dst": f"192.0.2.{n}"} for n in (2, 3)]), "fdb host vx0 .* is declared twice"),
    ],
)
def test_faults(document: dict[str, Any], fault: str, host: Machine) -> None:
    with pytest.raises(DocumentError, match=fault):
        host.run(document)
