# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts with Open vSwitch on one machine, on a common underlay and a common external network.

Each host is a process with a network namespace, a /run/netns and an Open vSwitch of its own, so that hosts may use the
same names. The segments between them are bridges in the test's own namespace, where frames can be captured.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import socket
import struct
import traceback
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from select import select
from typing import Any

from harness import (
    Document,
    Machine,
    OpenVSwitch,
    inside,
    lines,
    own_network,
    private_namespace_directory,
    tool,
    wait_for,
)

from ansible_collections.hostnet.fabric.plugins.module_utils.counters import read_counters
from ansible_collections.hostnet.fabric.plugins.module_utils.gather import gather
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host

UNDERLAY, EXTERNAL = "underlay", "external"
OUTSIDE = "outside"
PORT = 7777
_ALL_FRAMES, _AUXDATA = 3, 8


@dataclass
class Node:
    """A host: its process, to which the engine's work is given."""

    name: str
    process: Any
    orders: Connection
    directory: Path

    @property
    def home(self) -> str:
        """Its own network namespace, as :func:`harness.tool` and :func:`harness.inside` take it."""
        return f"/proc/{self.process.pid}/ns/net"

    def namespace(self, name: str) -> str:
        return f"/proc/{self.process.pid}/root/run/netns/{name}"

    def apply(self, document: Document) -> list[str]:
        """The lines of the plan."""
        return self._order("apply", document)

    def run(self, document: Document) -> list[str]:
        return self._order("run", document)

    def check(self, document: Document) -> list[str]:
        return self._order("check", document)

    def restart_switch(self) -> None:
        """Its bridges come up without flows: nobody here restores them."""
        self._order("restart", None)

    def found(self, scope: str | None = None) -> dict[str, Any]:
        """What the module host_network_info finds there, with counters."""
        return self._order("found", scope)

    def _order(self, verb: str, document: Any) -> Any:
        self.orders.send((verb, document))
        done, answer = self.orders.recv()
        assert done, answer
        return answer

    def ofctl(self, *words: str) -> str:
        command, *rest = words
        management = f"unix:{self.directory / 'ovs' / 'br-int.mgmt'}"
        return tool("ovs-ofctl", "-O", "OpenFlow14", command, management, *rest).stdout

    def appctl(self, *words: str) -> str:
        return tool("ovs-appctl", "-t", str(self.directory / "ovs" / "ovs.ctl"), *words).stdout


def _serve(directory: Path, orders: Connection) -> None:
    """A host's process: its namespaces, its Open vSwitch, and then what it is told to do."""
    private_namespace_directory()
    with own_network(), OpenVSwitch.started(directory / "ovs") as switch:
        machine = Machine(directory / "run", switch.database)
        orders.send(True)
        for verb, document in iter(orders.recv, None):
            try:
                if verb == "found":
                    orders.send((True, _found(machine, document)))
                    continue
                if verb == "restart":
                    switch.stop("ovs-vswitchd")
                    switch.start_daemon()
                    wait_for((switch.directory / "br-int.mgmt").exists, "br-int")
                    orders.send((True, None))
                    continue
                outcome = getattr(machine, verb)(document)
                orders.send((True, lines(outcome.plan)))
            except BaseException:
                orders.send((False, traceback.format_exc()))
        machine.close()


def _found(machine: Machine, scope: str | None) -> dict[str, Any]:
    host = Host(ovs_database=machine.ovs_database, run_directory=str(machine.run_directory))
    machine.hosts.append(host)
    return {"document": gather(host, scope, []), "counters": read_counters(host, scope, [])}


@contextmanager
def node(name: str, directory: Path) -> Iterator[Node]:
    directory.mkdir()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(directory, theirs), name=name)
    process.start()
    theirs.close()
    try:
        assert ours.poll(20)
        assert ours.recv()
        yield Node(name, process, ours, directory)
    finally:
        ours.send(None)
        process.join(20)
        if process.is_alive():
            process.kill()


@contextmanager
def fleet(directory: Path, hosts: Mapping[str, str], outside: Iterable[str]) -> Iterator[dict[str, Node]]:
    """Hosts with their underlay addresses; ``outside`` are lines of ``ip`` for the machine on the external network."""
    with own_network(), ExitStack() as stack:
        for name in (UNDERLAY, EXTERNAL):
            segment(name)
        nodes = {}
        for index, (name, address) in enumerate(hosts.items()):
            own = nodes[name] = stack.enter_context(node(name, directory / name))
            connect(own, "eth0", UNDERLAY, f"under{index}")
            connect(own, "enp7s0", EXTERNAL, f"ext{index}")
            tool("ip", "link", "set", "dev", "eth0", "mtu", "1600", "up", namespace=own.home)
            tool("ip", "address", "add", f"{address}/24", "dev", "eth0", namespace=own.home)
        tool("ip", "netns", "add", OUTSIDE)
        stack.callback(tool, "ip", "netns", "del", OUTSIDE)
        tool("ip", "link", "add", "outside", "type", "veth", "peer", "eth0", "netns", OUTSIDE)
        tool("ip", "link", "set", "dev", "outside", "master", EXTERNAL, "up")
        for line in ("link set dev lo up", "link set dev eth0 up", *outside):
            tool("ip", *line.split(), namespace=OUTSIDE)
        yield nodes


def segment(name: str) -> None:
    """A wire to which several can be connected."""
    tool("ip", "link", "add", "name", name, "type", "bridge", "mcast_snooping", "0")
    tool("ip", "link", "set", "dev", name, "mtu", "1600", "up")


def connect(own: Node, device: str, wire: str, port: str) -> None:
    """A host's card on a segment, where what it sends comes out of the port."""
    tool("ip", "link", "add", port, "mtu", "1600", "type", "veth", "peer", device, "netns", str(own.process.pid))
    tool("ip", "link", "set", "dev", port, "master", wire, "up")


def whole_checksums(namespace: str, device: str) -> None:
    """Have the kernel finish checksums before a frame leaves: Open vSwitch in userspace passes them on as they are."""
    set_tx_checksums, ioctl = 0x17, 0x8946
    with inside(namespace), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        order = array("B", struct.pack("II", set_tx_checksums, 0))
        fcntl.ioctl(any_socket, ioctl, struct.pack("16sP", device.encode(), order.buffer_info()[0]))


def pings(source: str, address: str, *options: str) -> bool:
    """Whether one of three answers, the first of which may have to wait for a neighbour to be found."""
    return tool("ping", "-c1", "-W1", *options, address, namespace=source, check=False).returncode == 0


def seen_as(source: str, target: str, address: str, port: int = PORT, seconds: float = 1.0) -> str | None:
    """As whom the target sees a TCP connection from the source; None when there is none. It carries some data too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with inside(target):
        listener = socket.socket(family, socket.SOCK_STREAM)
    with closing(listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::" if ":" in address else "0.0.0.0", port))
        listener.listen(1)
        listener.settimeout(seconds)
        with inside(source):
            client = socket.socket(family, socket.SOCK_STREAM)
        with closing(client):
            client.settimeout(seconds)
            try:
                client.connect((address, port))
                server, sender = listener.accept()
            except OSError:
                return None
            with closing(server):
                server.settimeout(10 * seconds)
                _exchange(client, server)
            return str(sender[0])


# Source, target, and the address by which the source tries to reach it; and as whom it is seen there, None for nobody.
Meetings = dict[tuple[str, str, str], str | None]


def unexpected(places: Mapping[str, str], expected: Meetings) -> Meetings:
    """What comes of the attempts that do not end as expected."""
    found: Meetings = {}
    for (source, target, address), expected_as in expected.items():
        # Who is to come through gets the time that an emulated machine may need for a first packet.
        seen = seen_as(places[source], places[target], address, seconds=5 if expected_as else 1)
        if seen != expected_as:
            found[source, target, address] = seen
    return found


def _exchange(client: socket.socket, server: socket.socket, size: int = 200_000) -> None:
    """More than fits into one segment, in both directions."""
    for sender, receiver in ((client, server), (server, client)):
        sender.setblocking(False)
        sent = got = 0
        while got < size:
            # A sender may have to wait for acknowledgements when everything has been received already.
            readable, writable, _none = select([receiver], [sender] if sent < size else [], [], 10)
            if not readable and not writable:
                raise TimeoutError(f"of {sent} bytes that were sent {got} have come")
            if writable:
                with suppress(BlockingIOError):
                    sent += sender.send(b"x" * min(20_000, size - sent))
            if readable:
                got += len(receiver.recv(65536))
        sender.settimeout(10)


@dataclass
class Frame:
    """A captured frame: on which port of a segment, with which tag, and its bytes."""

    port: str
    vlan: int | None
    data: bytes

    @property
    def destination(self) -> str:
        return mac_text(self.data[:6])

    @property
    def source(self) -> str:
        return mac_text(self.data[6:12])

    @property
    def ethertype(self) -> int:
        return int(struct.unpack("!H", self.data[12:14])[0])

    @property
    def tunnelled(self) -> tuple[int, Frame] | None:
        """The VNI and the frame within a VXLAN packet."""
        header = self.data[14:]
        if self.ethertype != 0x0800 or header[9] != 17:
            return None
        datagram = header[(header[0] & 15) * 4 :]
        if struct.unpack("!H", datagram[2:4])[0] != 4789:
            return None
        return struct.unpack("!I", datagram[12:16])[0] >> 8, Frame(self.port, None, datagram[16:])


def mac_text(data: bytes) -> str:
    return ":".join(f"{byte:02x}" for byte in data)


@contextmanager
def captured(ports: Sequence[str], namespace: str = "") -> Iterator[list[Frame]]:
    """What these devices receive during the body: on the port of a segment that is what a host sends."""
    frames: list[Frame] = []
    with ExitStack() as stack, inside(namespace):
        sockets = {}
        for port in ports:
            own = stack.enter_context(
                closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_FRAMES)))
            )
            own.setsockopt(263, _AUXDATA, 1)
            own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 20)
            own.bind((port, _ALL_FRAMES))
            own.setblocking(False)
            sockets[port] = own
        yield frames
        for port, own in sockets.items():
            frames.extend(_received(port, own))


def _received(port: str, own: socket.socket) -> Iterator[Frame]:
    while True:
        try:
            data, ancillary, _flags, sender = own.recvmsg(65536, 256)
        except BlockingIOError:
            return
        if sender[2] == socket.PACKET_OUTGOING:
            continue
        vlan = None
        for _level, _kind, value in ancillary:
            status, *_rest, tag, _protocol = struct.unpack("IIIHHHH", value[:20])
            vlan = tag & 0xFFF if status & 0x10 else None
        yield Frame(port, vlan, data)
