# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and proxy entries that are announced when they come, seen from the other end of the wire."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness import Machine, actions, tool, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError
from ansible_collections.hostnet.fabric.plugins.module_utils.host import NETNS_DIRECTORY, Host

IPV4, IPV6 = "192.0.2.9", "2001:db8::9"
MAC = "02:00:00:00:00:f9"
SOON = 0.8


def _document(*addresses: str, **link: Any) -> dict[str, Any]:
    home = {"namespace": "fip"}
    return {
        "namespaces": [{"name": "fip"}],
        "links": [
            {**home, "name": "fg", "type": "veth", "peer": {"name": "wire"}, "mac": MAC, "up": True, **link},
            {"name": "wire", "type": "veth", "peer": {**home, "name": "fg"}, "up": True},
        ],
        "neighbours": [
            {**home, "link": "fg", "address": address, "proxy": True, "announce": True} for address in addresses
        ],
    }


@pytest.fixture(autouse=True)
def _no_repetitions(host: Machine) -> Iterator[None]:
    """What repeats announcements goes by the name of the namespace, which the next test uses again."""
    yield
    _end_repetitions(host)


def _end_repetitions(host: Machine) -> None:
    for process in _processes_in(host):
        os.kill(process, signal.SIGKILL)


class Ear:
    """Hears who says on a device that an address is theirs."""

    def __init__(self, device: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._socket.bind((device, 0))
        self.started = time.monotonic()

    def heard(self, seconds: float) -> list[tuple[float, str]]:
        """Until so long after the start: when, and what was said."""
        found = []
        while (left := self.started + seconds - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame, (_device, _protocol, kind, *_rest) = self._socket.recvfrom(2048)
            except TimeoutError:
                break
            said = _said(frame) if kind != socket.PACKET_OUTGOING else None
            if said:
                found.append((time.monotonic() - self.started, said))
        return found

    def close(self) -> None:
        self._socket.close()


@contextmanager
def _listening(device: str = "wire") -> Iterator[Ear]:
    ear = Ear(device)
    try:
        yield ear
    finally:
        ear.close()


def _said(frame: bytes) -> str | None:
    (ethertype,) = struct.unpack_from("!H", frame, 12)
    target, source = frame[:6].hex(":"), frame[6:12].hex(":")
    if ethertype == 0x0806:
        operation = "request" if frame[21] == 1 else "reply"
        sender, asked = socket.inet_ntoa(frame[28:32]), socket.inet_ntoa(frame[38:42])
        return f"{operation} to {target}: {sender} is at {frame[22:28].hex(':')} ({source}), asked {asked}"
    if ethertype == 0x86DD and frame[20] == 58 and frame[54] == 136:
        claimed = socket.inet_ntop(socket.AF_INET6, frame[62:78])
        flags, option = frame[58] >> 5, frame[80:86].hex(":")
        return f"advertisement {flags} to {target}: {claimed} is at {option} ({source}), hops {frame[21]}"
    return None


BROADCAST = "ff:ff:ff:ff:ff:ff"
SAID = {
    IPV4: [
        f"request to {BROADCAST}: {IPV4} is at {MAC} ({MAC}), asked {IPV4}",
        f"reply to {BROADCAST}: {IPV4} is at {MAC} ({MAC}), asked {IPV4}",
    ],
    IPV6: [f"advertisement 1 to 33:33:00:00:00:01: {IPV6} is at {MAC} ({MAC}), hops 255"],
}


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_an_address_is_announced_three_times_without_holding_up_the_run(address: str, host: Machine) -> None:
    host.run(_document())
    with _listening() as ear:
        host.run(_document(address))
        lasted = time.monotonic() - ear.started
        heard = ear.heard(4.0)
    assert lasted < SOON
    assert [said for _moment, said in heard] == 3 * SAID[address]
    rounds = [moment for moment, _said in heard[:: len(SAID[address])]]
    assert rounds[0] < SOON
    assert [round(later - earlier) for earlier, later in zip(rounds, rounds[1:])] == [1, 1]


@pytest.mark.parametrize(("length", "address"), [(24, IPV4), (64, IPV6)])
def test_a_link_s_own_address_is_announced_likewise(length: int, address: str, host: Machine) -> None:
    entry = {"namespace": "fip", "link": "fg", "address": f"{address}/{length}", "announce": True}
    document = {**_document(), "addresses": [{**entry, **({"nodad": True} if ":" in address else {})}]}
    host.run(_document())
    with _listening() as ear:
        done = host.run(document)
        assert done.announced == {"fip": [("fg", address)]}
        assert [said for _moment, said in ear.heard(4.0)] == 3 * SAID[address]
    assert host.run(document, announce=[address]).announced == {"fip": [("fg", address)]}
    host.run(_document())
    plain = {**document, "addresses": [{**document["addresses"][0], "announce": False}]}
    assert host.apply(plain).announced == {}
    assert actions(host.run(document)) == {}


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_a_neighbour_follows_at_once(address: str, host: Machine) -> None:
    host.ip("netns add far")
    host.run(_document())
    host.ip("link set dev wire netns far")
    for line in ("link set dev wire up", "addr add 192.0.2.1/24 dev wire", "addr add 2001:db8::1/64 dev wire nodad"):
        host.ip(line, "far")
    host.ip(f"neigh add {address} dev wire lladdr 02:00:00:00:00:01 nud stale", "far")
    document = _document(address)
    document["links"] = [{**document["links"][0], "peer": {"namespace": "far", "name": "wire"}}]
    host.run(document)
    wait_for(lambda: MAC in host.ip(f"neigh show {address}", "far"), "the announcement")


def test_only_what_comes_is_announced(host: Machine) -> None:
    plain = _document(IPV4)
    del plain["neighbours"][0]["announce"]
    host.run(plain)
    with _listening() as ear:
        assert actions(host.apply(_document(IPV4))) == {}
        host.apply(_document(IPV4, txqueuelen=500))
        assert ear.heard(0.2) == []


def test_what_is_made_again_is_announced_again(host: Machine) -> None:
    """A link that is set down for a moment loses its neighbours."""
    host.run(_document(IPV4, up=False))
    with _listening() as ear:
        host.run(_document(up=True))
        host.run(_document(IPV4, up=True))
        assert [said for _moment, said in ear.heard(SOON)] == SAID[IPV4]


def test_what_was_withdrawn_is_not_announced_any_more(host: Machine) -> None:
    host.run(_document())
    with _listening() as ear:
        host.run(_document(IPV4, IPV6))
        host.run(_document(IPV6))
        heard = ear.heard(4.0)
    assert [said for _moment, said in heard if IPV4 in said] == SAID[IPV4]
    assert [said for _moment, said in heard if IPV6 in said] == 3 * SAID[IPV6]


def test_the_namespace_may_end_before_the_last_announcement(host: Machine) -> None:
    host.run(_document(IPV4))
    host.run({})
    assert host.link("wire") is None
    assert host.named_namespaces() == []
    host.apply(_document(IPV4))


def test_a_link_that_is_down_has_nobody_to_tell(host: Machine) -> None:
    host.apply(_document(IPV4, IPV6, up=False))


def test_the_repeating_process_holds_neither_pipes_nor_the_lock_and_ends(host: Machine) -> None:
    host.run(_document())
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            os.dup2(writer, 1)
            os.dup2(writer, 2)
            host.run(_document(IPV4))
        finally:
            os._exit(0)
    os.close(writer)
    started = time.monotonic()
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as stream:
        assert stream.read() == b""
    host.run(_document(IPV4))
    assert time.monotonic() - started < SOON
    repeating = _processes_in(host)
    assert len(repeating) == 1
    wait_for(lambda: not _processes_in(host), "the end of the repeating process")


def _processes_in(host: Machine) -> list[int]:
    """Other processes in the machine's namespaces."""
    named = [os.path.join(NETNS_DIRECTORY, name) for name in host.named_namespaces()]
    homes = {os.stat(path).st_ino for path in ("/proc/self/ns/net", *named)}
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and int(name) != os.getpid() and os.stat(f"/proc/{name}/ns/net").st_ino in homes:
                found.append(int(name))
        except OSError:
            continue
    return found


def test_a_killed_run_leaves_the_announcement_to_the_next(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(_document())
    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(Host, "announce", lambda *_words: os.kill(os.getpid(), signal.SIGKILL))
            host.run(_document(IPV4))
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    ledger = host.run_directory / "t.json"
    assert json.loads(ledger.read_text(encoding="ascii"))["owed"] == [["announce", "fip", ["fg", IPV4]]]
    with _listening() as ear:
        assert actions(host.check(_document(IPV4))) == {}
        assert ear.heard(0.2) == []
        assert actions(host.run(_document(IPV4))) == {}
        assert [said for _moment, said in ear.heard(SOON)] == SAID[IPV4]
    assert json.loads(ledger.read_text(encoding="ascii"))["owed"] == []
    host.assert_settled(_document(IPV4))


def test_what_a_killed_run_owes_and_nobody_wants_any_more_is_not_announced(host: Machine) -> None:
    host.run(_document(IPV4))
    ledger = host.run_directory / "t.json"
    entries = json.loads(ledger.read_text(encoding="ascii"))
    ledger.write_text(json.dumps({**entries, "owed": [["announce", "fip", ["fg", IPV4]]]}), encoding="ascii")
    plain = _document(IPV4)
    del plain["neighbours"][0]["announce"]
    assert host.run(plain).announced == {}
    assert json.loads(ledger.read_text(encoding="ascii"))["owed"] == []


def test_the_result_says_what_was_announced(host: Machine) -> None:
    assert host.check(_document(IPV4)).announced == {}
    assert host.run(_document(IPV4)).announced == {"fip": [("fg", IPV4)]}
    assert host.run(_document(IPV4, IPV6)).announced == {"fip": [("fg", IPV6)]}
    assert host.run(_document(IPV4, IPV6)).announced == {}
    assert host.run(_document(IPV4, IPV6), check=True, announce=[IPV4]).announced == {}
    assert host.run(_document(IPV4, IPV6), announce=[IPV4]).announced == {"fip": [("fg", IPV4)]}


def test_what_is_asked_for_is_announced_though_nothing_changes(host: Machine) -> None:
    host.run(_document(IPV4, IPV6))
    _end_repetitions(host)
    before = host.snapshot()
    with _listening() as ear:
        host.run(_document(IPV4, IPV6), check=True, announce=[IPV4])
        assert ear.heard(0.2) == []
    with _listening() as ear:
        done = host.run(_document(IPV4, IPV6), announce=[IPV6.upper()])
        assert (actions(done), done.commands) == ({}, [])
        assert [said for _moment, said in ear.heard(4.0)] == 3 * SAID[IPV6]
    host.assert_as(before)


def test_what_comes_and_is_asked_for_is_announced_once(host: Machine) -> None:
    host.run(_document())
    with _listening() as ear:
        host.run(_document(IPV4), announce=[IPV4])
        assert [said for _moment, said in ear.heard(SOON)] == SAID[IPV4]


@pytest.mark.parametrize(
    ("address", "fault"),
    [
        (IPV6, f"announce: {IPV6} is no address that the document announces; give it announce, as an "),
        ("192.0.2.0/24", "announce: '192.0.2.0/24' is no IP address"),
    ],
)
def test_what_cannot_be_announced_is_refused_before_anything_is_done(address: str, fault: str, host: Machine) -> None:
    with pytest.raises(DocumentError, match=re.escape(fault)):
        host.run(_document(IPV4), announce=[IPV4, address])
    assert host.named_namespaces() == []


OLD_MAC = "02:00:00:00:00:01"


def _link_of_hosts(host: Machine) -> None:
    """Three hosts on one link: the old one answers for others' addresses, the new one is too slow, a third asks."""
    host.ip("link add name lan type bridge mcast_snooping 0")
    host.ip("link set dev lan up")
    for name, mac in (("old", OLD_MAC), ("new", MAC), ("far", "02:00:00:00:00:03")):
        host.ip(f"netns add {name}")
        host.ip(f"link add name {name} type veth peer name eth0 address {mac} netns {name}")
        host.ip(f"link set dev {name} master lan up")
        host.ip("link set dev eth0 up", name)
    host.ip("address add 192.0.2.1/24 dev eth0", "far")
    for number, name in enumerate(("far", "old"), 1):
        host.ip(f"address add 2001:db8::{number}/64 dev eth0 nodad", name)
    # The kernel answers for an address that it would send on by another device.
    host.ip("link add name in type veth peer name behind", "old")
    for line in ("link set dev in up", "link set dev behind up", f"route add {IPV4} dev in"):
        host.ip(line, "old")
    settings = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding", "net.ipv6.conf.eth0.proxy_ndp")
    delays = (f"net.{family}.neigh.eth0.proxy_delay=0" for family in ("ipv4", "ipv6"))
    tool("sysctl", "-qw", *(f"{name}=1" for name in settings), *delays, namespace="old")


@pytest.mark.parametrize("address", [IPV4, IPV6])
def test_an_address_that_moves_while_its_old_host_answers(address: str, host: Machine) -> None:
    """Whoever asks in between believes the old host, until the address is announced once more."""
    _link_of_hosts(host)

    def run(name: str, *addresses: str, **options: Any) -> dict[str, str]:
        common = {"namespace": name, "link": "eth0", "proxy": True, "announce": True}
        neighbours = [{**common, "address": address} for address in addresses]
        return actions(host.run({"scope": name, "neighbours": neighbours}, **options))

    def known() -> str:
        return host.ip(f"neigh show {address} dev eth0", "far")

    def ask() -> None:
        host.ip("neigh flush dev eth0", "far")
        tool("ping", "-c1", "-W1", address, namespace="far", check=False)

    run("old", address)
    ask()
    assert OLD_MAC in known()
    run("new", address)
    wait_for(lambda: MAC in known(), "the announcement")
    _end_repetitions(host)
    ask()
    assert OLD_MAC in known()
    assert run("old") != {}
    assert run("new", address) == {}
    assert OLD_MAC in known()
    assert run("new", address, announce=[address]) == {}
    wait_for(lambda: MAC in known(), "the announcement")


def test_the_commands_are_those_of_a_person(host: Machine) -> None:
    commands = host.run(_document(IPV4, IPV6)).commands
    assert commands[-2:] == [
        f"ip netns exec fip arping -U -c 3 -I fg {IPV4}",
        f"ip netns exec fip ndptool -t na -U -i fg -T {IPV6} send",
    ]
    document = _document(IPV4)
    assert "announce" not in str(host.run(document).commands)


def test_a_permanent_neighbour_is_not_announced(host: Machine) -> None:
    document = _document()
    entry = {"namespace": "fip", "link": "fg", "address": IPV4, "mac": MAC, "announce": True}
    with pytest.raises(DocumentError, match=r"neighbours\[0\]\.announce: belongs to a proxy entry"):
        host.run({**document, "neighbours": [entry]})


def test_the_command_shown_says_the_same(host: Machine) -> None:
    command = host.run(_document(IPV4)).commands[-1].removeprefix("ip netns exec fip ").split()
    tool("sysctl", "-qw", "net.ipv4.ip_nonlocal_bind=1", namespace="fip")
    with _listening() as ear:
        tool(*command, "-w", "1", namespace="fip", check=False)
        assert SAID[IPV4][0] in [said for _moment, said in ear.heard(3.0)]
