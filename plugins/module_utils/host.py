# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that touches the host: enters namespaces, runs ``ip``, ``bridge`` and ``ovs-vsctl``, calls nftables
through its library, reads and writes sysctls. Decides nothing."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import grp
import ipaddress
import json
import os
import pwd
import re
import socket
import struct
import subprocess
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Callable

from . import flowtext, nftables, nfttext
from .announce import Entry, announce, repeat_detached
from .conntrack import forget
from .errors import HostError, StepFailed
from .ethtool import set_tx_checksums, tx_checksums
from .lock import acquire
from .netlink import read_rules
from .nftables import Nftables, NftablesMissing
from .openflow_wire import MeterChange, WireError, change_meters, read_meters

NETNS_DIRECTORY = "/run/netns"
LOCK_TIMEOUT = 60
_CLONE_NEWNET = 0x40000000
_TAP_IN_USE = "a running program holds it; end that first"
_TUNSETIFF, _TUNSETOWNER, _TUNSETGROUP = 0x400454CA, 0x400454CC, 0x400454CE
_TAP_FLAGS = {"multi_queue": 0x0100, "vnet_hdr": 0x4000}
_TAP, _NO_PACKET_INFORMATION = 0x0002, 0x1000
_FAILED_LINE = re.compile(r"^Command failed .*:(\d+)$", re.MULTILINE)
_REFUSED_FLOW = re.compile(r"^ovs-ofctl: -:(\d+): (.*)$", re.MULTILINE)
_LEFT_OUT = re.compile(r"normalization changed ofp_match.*?\| pre: (\S*)\n.*?\|post: (\S*)\n", re.DOTALL)
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
# A batch of ip has words between blanks, and knows no way to write these: quotes end at the next of their kind, '#'
# begins a comment even within them, and a backslash joins two lines.
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f#]|\\\Z")
# How ip shows an IPv6 address that could hold one of IPv4.
_MIXED = re.compile(r'(?<=")[0-9a-f:]*:\d+\.\d+\.\d+\.\d+(?=["/])')
_SYSCTL_BYTES = 65536
_SWITCH_SECONDS = 10.0
_USED_AT_MOST = 64
_OVS_DATABASE = "unix:/var/run/openvswitch/db.sock"
_OFCTL_SECONDS, _FLOWS_PER_SECOND = 60, 200
# Open vSwitch takes 50 messages of each connection and then looks after all its ports: with thousands of ports, more
# connections are as many times faster.
_MANY_FLOWS, _FLOWS_PER_CONNECTION, _CONNECTIONS_AT_MOST = 2000, 1000, 64
_NO_FLOWS = re.compile(r"\bflow_count=0\b")


class NamespaceGone(HostError):
    """A namespace has ended since it was seen."""


class ToolMissing(HostError):
    """A program is not installed."""


class Host:
    """The machine this runs on, seen from the network namespace it was started in.

    ovs_database: where ovs-vsctl finds its database, None for its default. lock_timeout: how many seconds a run waits
    for another one to end. Counts processes and seconds as it goes.
    """

    def __init__(
        self,
        ovs_database: str | None = None,
        run_directory: str = "/run/hostnet.fabric",
        lock_timeout: float = LOCK_TIMEOUT,
    ) -> None:
        self.ovs_database = ovs_database
        self.run_directory = run_directory
        self.lock_timeout = lock_timeout
        self.processes = 0
        self.seconds: dict[str, float] = {}
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._lock: int | None = None
        self._used: deque[Nftables] = deque()

    @contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[phase] = self.seconds.get(phase, 0.0) + time.monotonic() - started

    def stats(self) -> dict[str, Any]:
        """Processes started so far, and milliseconds spent in each phase."""
        milliseconds = {phase: round(seconds * 1000, 1) for phase, seconds in self.seconds.items()}
        return {"processes": self.processes, "milliseconds": milliseconds}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One run at a time. Children inherit the lock, so that those of a killed run end before the next begins.

        :raises HostError: when this is not root, who alone can read what namespaces hold and change it, or when another
            run does not end.
        """
        if os.geteuid() != 0:
            raise HostError("only root can read and change a host's network; run this as root (become: true)")
        os.makedirs(self.run_directory, mode=0o755, exist_ok=True)
        path = os.path.join(self.run_directory, "lock")
        self._lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            acquire(self._lock, path, self.lock_timeout)
            yield
        finally:
            self._free_used(0)
            os.close(self._lock)
            self._lock = None

    def namespaces(self) -> list[str]:
        """The namespaces that have a name."""
        if not os.path.isdir(NETNS_DIRECTORY):
            return []
        return sorted(name for name in os.listdir(NETNS_DIRECTORY) if self._is_namespace(name))

    def has_namespace(self, name: str) -> bool:
        return not name or (self._is_process(name) if name.startswith("pid:") else self._is_namespace(name))

    def clear_dead_names(self, names: Sequence[str]) -> None:
        """Remove what a killed ``ip netns add`` left: a file that is no namespace, and keeps its name taken."""
        for name in names:
            path = os.path.join(NETNS_DIRECTORY, name)
            if os.path.exists(path) and not self._is_namespace(name):
                os.unlink(path)

    @contextmanager
    def inside(self, namespace: str) -> Iterator[None]:
        """Run the body in a namespace: this process, and what it starts, are in it."""
        if not namespace:
            yield
            return
        try:
            with open(_path(namespace), "rb") as stream:
                self._enter(stream.fileno())
        except FileNotFoundError:
            raise NamespaceGone(f"namespace {namespace} has ended in the meantime; run again") from None
        try:
            yield
        finally:
            self._enter(self._home)

    @contextmanager
    def scratch(self) -> Iterator[None]:
        """Run the body in a new, empty namespace that is gone afterwards."""
        if self._libc.unshare(_CLONE_NEWNET) != 0:
            raise HostError(f"cannot make a scratch namespace: {os.strerror(ctypes.get_errno())}; run this as root")
        try:
            yield
        finally:
            self._enter(self._home)

    def ask_ip(self, namespace: str, lines: Sequence[str]) -> Callable[[], list[list[dict[str, Any]]]]:
        """Start one process that answers several ``ip … show`` lines; calling what this returns waits for it."""
        with _lines(lines) as stdin:
            started = self._start(["ip", "-N", "-j", "-d", "-batch", "-"], namespace, stdin)

        def answers() -> list[list[dict[str, Any]]]:
            return [_decoded(line) for line in started.completed().stdout.split(b"\n") if line.strip()]

        return answers

    def bridge_table(self, table: str, namespace: str) -> list[dict[str, Any]]:
        """What ``bridge`` shows of a table, ``vlan`` or ``fdb``; nothing at all where there is no bridge."""
        output = self._completed(["bridge", "-j", table, "show"], namespace).stdout.strip()
        found: list[dict[str, Any]] = _decoded(output) if output else []
        return found

    def batch(self, tool: str, namespace: str, lines: Sequence[Sequence[str]]) -> None:
        """Run the lines of one ``ip`` or ``bridge`` batch.

        :raises StepFailed: at the first line refused; the ones before it hold.
        """
        if not namespace:
            self._free_used(0)
        command = {"ip": ["ip"], "ip6": ["ip", "-6"], "bridge": ["bridge"]}[tool]
        self._batch([*command, "-batch", "-"], namespace, list(map(_line, lines)))

    def announce(self, namespace: str, entries: Sequence[Entry]) -> None:
        with self.inside(namespace):
            announce(entries)

    def announce_again(self, entries: Mapping[str, Sequence[Entry]]) -> None:
        """Twice more, from a process of its own that nobody waits for."""
        self.processes += 1
        repeat_detached(entries, self.inside, [self._home])

    def forget_connections(self, namespace: str, prefixes: Sequence[str]) -> None:
        with self.inside(namespace):
            try:
                forget(prefixes)
            except OSError as error:
                raise StepFailed(f"the kernel does not delete connections: {error.strerror}") from None

    def rules(self, namespace: str) -> list[dict[str, Any]]:
        with self.inside(namespace):
            return read_rules()

    def ovs_vsctl(self, words: Sequence[str]) -> str:
        """One ovs-vsctl process, one transaction."""
        database = [f"--db={self.ovs_database}"] if self.ovs_database else []
        # A switch takes its time for thousands of ports, and ovs-vsctl waits until it has them.
        seconds = 60 + words.count("--") // 20
        return self._run(["ovs-vsctl", f"--timeout={seconds}", *database, *words], "")

    def has_ovs(self) -> bool:
        """Whether there is a database; one of another machine, tcp:ADDRESS:PORT, is taken to be."""
        path = self._ovs_socket()
        return path is None or os.path.exists(path)

    def answers_for_ovs(self) -> bool:
        """Whether the database takes connections; one of another machine is believed to."""
        path = self._ovs_socket()
        if path is None:
            return True
        with socket.socket(socket.AF_UNIX) as caller:
            return caller.connect_ex(path) == 0

    def _ovs_socket(self) -> str | None:
        """The path of the database's socket, None when it is not one of this machine."""
        method, _colon, path = (self.ovs_database or _OVS_DATABASE).partition(":")
        return path if method == "unix" else None

    def has_management(self, bridge: str) -> bool:
        """Whether the switch has opened the socket by which a bridge takes flows."""
        return os.path.exists(self._management(bridge))

    def dump_flows(self, bridge: str) -> str:
        return self._ofctl(["--no-names", "--no-stats", "dump-flows", f"unix:{self._management(bridge)}"])

    def parse_flows(self, flows: Sequence[str]) -> str:
        """What ovs-ofctl makes of flows, a line each; asks no switch.

        :raises StepFailed: with the first flow that it does not take, or of which it would leave something out.
        """
        with _lines(flows) as stdin:
            done = self._completed(_ovs_ofctl("parse-flows", "-"), "", stdin)
        left_out = _LEFT_OUT.search(done.stderr.decode(errors="replace"))
        if left_out:
            match = left_out[1].split(",")
            line = next((n for n, flow in enumerate(flows, 1) if all(word in flow for word in match)), None)
            raise StepFailed(f"of the match {left_out[1]} only '{left_out[2]}' would hold; say the protocol too", line)
        return done.stdout.decode()

    def flow_bundle(self, bridge: str, lines: Sequence[str]) -> None:
        """Delete and add flows, all or nothing, between two packets."""
        target = f"unix:{self._opened(bridge)}"
        try:
            if len(lines) >= _MANY_FLOWS and _NO_FLOWS.search(self._ofctl(["dump-aggregate", target])):
                self._fill(target, lines)
            else:
                self._start_bundle(target, lines)()
        except StepFailed as error:
            # A line of the bundle is not a step: a step has all lines of a group.
            raise StepFailed(f"bridge {bridge}: {error}") from None

    def _fill(self, target: str, lines: Sequence[str]) -> None:
        """Many flows for a bridge without any, table 0 last: before that no packet comes to the tables behind it."""
        first = [line for line in lines if flowtext.enters(line)]
        behind = [line for line in lines if not flowtext.enters(line)]
        connections = min(1 + len(behind) // _FLOWS_PER_CONNECTION, _CONNECTIONS_AT_MOST)
        try:
            _all_of([self._start_bundle(target, behind[place::connections]) for place in range(connections)])
            self._start_bundle(target, first)()
        except StepFailed:
            self._ofctl(["del-flows", target])
            raise

    def _start_bundle(self, target: str, lines: Sequence[str]) -> Callable[[], None]:
        """Send a bundle; what is returned waits until the switch has it, or says which line it has refused."""
        seconds = _OFCTL_SECONDS + len(lines) // _FLOWS_PER_SECOND
        command = _ovs_ofctl("--bundle", "--no-names", "add-flows", target, "-", seconds=seconds)
        with _lines(lines) as stdin:
            started = self._start(command, "", stdin)

        def finish() -> None:
            try:
                started.completed()
            except StepFailed as error:
                place = f"'{lines[error.line - 1]}': " if error.line else ""
                raise StepFailed(f"{place}{error}") from None

        return finish

    def meters(self, bridge: str) -> dict[int, tuple[int, int]]:
        try:
            return read_meters(self._management(bridge))
        except WireError as error:
            raise HostError(f"meters of {bridge}: {error}") from None

    def change_meters(self, bridge: str, changes: Sequence[MeterChange]) -> None:
        try:
            change_meters(self._opened(bridge), changes)
        except WireError as error:
            raise StepFailed(str(error), error.number) from None

    def port_numbers(self, names: Collection[str]) -> dict[str, int]:
        """The OpenFlow numbers of ports, waiting a while for the switch to give them.

        :raises StepFailed: when a port has none.
        """
        deadline = time.monotonic() + _SWITCH_SECONDS
        while True:
            answer = json.loads(self.ovs_vsctl(["--format=json", "--columns=name,ofport,error", "list", "Interface"]))
            rows = {name: (number, error) for name, number, error in answer["data"] if name in names}
            found = {name: number for name, (number, _error) in rows.items() if isinstance(number, int) and number > 0}
            missing = sorted(set(names) - set(found))
            if not missing:
                return found
            if time.monotonic() > deadline:
                error = rows.get(missing[0], (None, "it is not there"))[1]
                known = error if isinstance(error, str) else "the switch does not say why"
                raise StepFailed(f"port {missing[0]} has no OpenFlow number: {known}")
            time.sleep(0.05)

    def _ofctl(self, words: Sequence[str], lines: Sequence[str] = ()) -> str:
        return self._batch(_ovs_ofctl(*words), "", lines)

    def _management(self, bridge: str) -> str:
        """The socket is where that of the database is, or in its usual place where the database has none."""
        database = self.ovs_database or ""
        path = database if database.startswith("unix:") else _OVS_DATABASE
        return os.path.join(os.path.dirname(path.partition(":")[2]), f"{bridge}.mgmt")

    def _opened(self, bridge: str) -> str:
        """The same once the switch has opened it: a run that was killed may not have waited for the bridge."""
        deadline = time.monotonic() + _SWITCH_SECONDS
        while not self.has_management(bridge) and time.monotonic() < deadline:
            time.sleep(0.05)
        return self._management(bridge)

    def nft_list(self, namespace: str, prefix: str = "") -> list[dict[str, Any]]:
        """The tables whose names begin so: a ``head`` for each thing in them, and what nft has as JSON."""
        return _nft_entries(*self._nft_texts(namespace, prefix))

    def _nft_texts(self, namespace: str, prefix: str) -> tuple[list[nfttext.Head], list[str]]:
        """Nothing where nftables is not installed."""
        try:
            with self.inside(namespace), Nftables(0) as nft:
                return _nft_listed(nft, prefix)
        except NftablesMissing:
            return [], []

    def nft_text(self, namespace: str, family: str, table: str) -> str:
        """One table in nft's own words, without counters."""
        with self.inside(namespace), Nftables(nftables.STATELESS) as nft:
            return nft.run(f"list table {family} {table}")

    def nft_normal_form(self, text: str) -> list[dict[str, Any]]:
        """What the kernel makes of a ruleset, found out in a scratch namespace; devices it hooks to are stood in for.

        :raises StepFailed: with nft's message when it does not take the text.
        """
        with self.scratch():
            devices = [name for name in nfttext.devices(text) if name != "lo"]
            if devices:
                self.batch("ip", "", [("tuntap", "add", "dev", name, "mode", "tap") for name in devices])
            with Nftables(0) as nft:
                nft.run(text)
                return _nft_entries(*_nft_listed(nft))

    def nft_apply(self, namespace: str, text: str) -> None:
        nft = Nftables(0)
        with self.inside(namespace), nft:
            nft.run(text)
            # Right behind a transaction, the kernel lets the end of its socket wait until nothing refers to what went.
            nft.keep()
        self._used.append(nft)
        self._free_used(_USED_AT_MOST)

    def _free_used(self, left: int) -> None:
        while len(self._used) > left:
            self._used.popleft().free()

    def read_sysctls(self, namespace: str, names: Iterable[str]) -> dict[str, str]:
        """The values of those that exist.

        :raises HostError: at one that exists and does not tell its value.
        """
        found = {}
        with self.inside(namespace):
            for name in names:
                try:
                    descriptor = os.open(f"/proc/sys/{name}", os.O_RDONLY | os.O_CLOEXEC)
                    try:
                        value = os.read(descriptor, _SYSCTL_BYTES)
                    finally:
                        os.close(descriptor)
                except FileNotFoundError:
                    continue
                except OSError as error:
                    raise HostError(
                        f"sysctl {name} in {namespace or 'host'} cannot be read ({error.strerror}): it could not be "
                        "compared, nor given back later; leave it out"
                    ) from None
                found[name] = value.decode(errors="surrogateescape").strip()
        return found

    def write_sysctls(self, namespace: str, pairs: Sequence[tuple[str, str]]) -> None:
        with self.inside(namespace):
            for number, (name, value) in enumerate(pairs, 1):
                try:
                    descriptor = os.open(f"/proc/sys/{name}", os.O_WRONLY | os.O_CLOEXEC)
                    try:
                        os.write(descriptor, value.encode())
                    finally:
                        os.close(descriptor)
                except OSError as error:
                    raise StepFailed(f"{name} = {value}: {error.strerror}", number) from None

    def read_tx_checksums(self, namespace: str, devices: Iterable[str]) -> dict[str, bool]:
        """Whether checksums are left to these devices when they send; without those that are not there."""
        found = {}
        with self.inside(namespace):
            for device in devices:
                with suppress(OSError):
                    found[device] = tx_checksums(device)
        return found

    def set_tx_checksums(self, namespace: str, settings: Sequence[Sequence[str]]) -> None:
        """In the words of ``ethtool``: ``-K eth0 tx off``."""
        with self.inside(namespace):
            for number, (_option, device, _feature, value) in enumerate(settings, 1):
                try:
                    set_tx_checksums(device, value == "on")
                except OSError as error:
                    raise StepFailed(f"{device}: {error.strerror}", number) from None

    def set_tap_owners(self, namespace: str, taps: Sequence[Sequence[str]]) -> None:
        """Give existing taps another user or group, which ``ip`` cannot; in the words of ``ip tuntap add``."""
        with self.inside(namespace):
            for number, (name, *words) in enumerate(taps, 1):
                try:
                    _set_tap_owner(name, words)
                except (OSError, KeyError) as error:
                    in_use = isinstance(error, OSError) and error.errno == errno.EBUSY
                    text = _TAP_IN_USE if in_use else getattr(error, "strerror", None) or str(error.args[0])
                    raise StepFailed(text, number) from None

    def supports_address_protocol(self) -> bool:
        """Whether ``ip`` can sign addresses: from iproute2 6.3 on."""
        version = re.search(r"iproute2-(\d+)\.(\d+)", self._run(["ip", "-V"], ""))
        return bool(version) and (int(version[1]), int(version[2])) >= (6, 3) if version else False

    def _batch(self, command: list[str], namespace: str, lines: Sequence[str]) -> str:
        with _lines(lines) as stdin:
            return self._run(command, namespace, stdin)

    def _run(self, command: list[str], namespace: str, stdin: int = subprocess.DEVNULL) -> str:
        return self._completed(command, namespace, stdin).stdout.decode(errors="surrogateescape")

    def _completed(
        self, command: list[str], namespace: str, stdin: int = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[bytes]:
        return self._start(command, namespace, stdin).completed()

    def _start(self, command: list[str], namespace: str, stdin: int = subprocess.DEVNULL) -> _Started:
        self.processes += 1
        # Not pipes: nobody may be listening when the process has much to say.
        output, errors = (os.fdopen(os.memfd_create(name), "w+b") for name in ("output", "errors"))
        try:
            with self.inside(namespace):
                process = subprocess.Popen(
                    command,
                    stdin=stdin,
                    stdout=output,
                    stderr=errors,
                    pass_fds=() if self._lock is None else (self._lock,),
                    env={"PATH": _PATH, "LC_ALL": "C"},
                )
        except FileNotFoundError:
            package = {"ovs-vsctl": "openvswitch-switch", "ovs-ofctl": "openvswitch-switch"}.get(command[0], "iproute2")
            raise ToolMissing(f"{command[0]} is not installed on this host; install {package}") from None
        return _Started(command, process, output, errors)

    def _enter(self, descriptor: int) -> None:
        if self._libc.setns(descriptor, _CLONE_NEWNET) != 0:
            raise HostError(f"cannot enter a namespace: {os.strerror(ctypes.get_errno())}; run this as root")

    def _is_namespace(self, name: str) -> bool:
        """A file below /run/netns that something is mounted on; ``ip netns`` leaves plain files behind when killed."""
        path = os.path.join(NETNS_DIRECTORY, name)
        return os.path.exists(path) and os.stat(path).st_dev != os.stat(NETNS_DIRECTORY).st_dev

    def _is_process(self, name: str) -> bool:
        return os.path.exists(_path(name))


@dataclass(frozen=True)
class _Started:
    """A process that runs, and the files that it writes into."""

    command: Sequence[str]
    process: subprocess.Popen[bytes]
    output: BinaryIO
    errors: BinaryIO

    def completed(self) -> subprocess.CompletedProcess[bytes]:
        """Wait for its end.

        :raises StepFailed: when it did not succeed.
        """
        status = self.process.wait()
        said = []
        for stream in (self.output, self.errors):
            with stream:
                stream.seek(0)
                said.append(stream.read())
        if status != 0:
            raise _refused(said[1].decode(errors="replace"), self.command)
        return subprocess.CompletedProcess(self.command, status, *said)


def _nft_listed(nft: Nftables, prefix: str = "") -> tuple[list[nfttext.Head], list[str]]:
    """The heads of what is in tables whose names begin so, and JSON texts that have all its rules and elements."""
    # Terse, because nft would fetch all elements of all sets to list no more than names.
    nft.set_flags(nftables.TERSE | nftables.STATELESS)
    heads = [head for head in nfttext.heads(nft.run("list ruleset")) if head.table.startswith(prefix)]
    nft.set_flags(nftables.JSON | nftables.HANDLE)
    # For the flags of a table, the JSON of nft 1.0 reads memory that it has freed: such a table is asked for in parts.
    flagged = {(head.family, head.table) for head in heads if head.kind == "table" and head.words}
    if not prefix and not flagged:
        return heads, [nft.run("list ruleset")]
    texts = []
    for head in heads:
        if head.kind == "table" and not head.words:
            texts.append(nft.run(f"list table {head.family} {head.table}"))
        elif head.kind in ("chain", "set", "map") and (head.family, head.table) in flagged:
            texts.append(nft.run(f"list {head.kind} {head.family} {head.table} {head.name}"))
    return heads, texts


def _nft_entries(heads: Iterable[nfttext.Head], texts: Iterable[str]) -> list[dict[str, Any]]:
    listed = [entry for text in texts for entry in json.loads(text)["nftables"]]
    return [*({"head": head} for head in heads), *listed]


def _set_tap_owner(name: str, words: Sequence[str]) -> None:
    flags = _TAP | _NO_PACKET_INFORMATION
    for word, flag in _TAP_FLAGS.items():
        flags |= flag if word in words else 0
    values = dict(zip(words, words[1:]))
    with open("/dev/net/tun", "r+b", buffering=0) as device:
        fcntl.ioctl(device, _TUNSETIFF, struct.pack("=16sH22x", name.encode(), flags))
        if "user" in values:
            user = values["user"]
            fcntl.ioctl(device, _TUNSETOWNER, int(user) if user.isdigit() else pwd.getpwnam(user).pw_uid)
        if "group" in values:
            group = values["group"]
            fcntl.ioctl(device, _TUNSETGROUP, int(group) if group.isdigit() else grp.getgrnam(group).gr_gid)


def _path(namespace: str) -> str:
    if namespace.startswith("pid:"):
        return f"/proc/{namespace[len('pid:') :]}/ns/net"
    return os.path.join(NETNS_DIRECTORY, namespace)


def _ovs_ofctl(*words: str, seconds: int = _OFCTL_SECONDS) -> list[str]:
    return ["ovs-ofctl", "-O", "OpenFlow14", f"--timeout={seconds}", *words]


def _all_of(waits: Iterable[Callable[[], None]]) -> None:
    """Wait for every one; then fail with the first that failed.

    :raises StepFailed: as they do.
    """
    failed = []
    for wait in waits:
        try:
            wait()
        except StepFailed as error:
            failed.append(error)
    if failed:
        raise failed[0]


@contextmanager
def _lines(lines: Sequence[str]) -> Iterator[int]:
    """The lines as a file, not a pipe: a process whose parent is killed must not take half a line for a whole one."""
    with os.fdopen(os.memfd_create("batch"), "w+b") as stream:
        stream.write(("\n".join(lines) + "\n").encode(errors="surrogateescape"))
        stream.seek(0)
        yield stream.fileno()


def _line(words: Sequence[str]) -> str:
    """One line of a batch; most need no quotes, which the whole line shows at once.

    :raises StepFailed: at a word that would not come out as it is; the parsers of documents let none through.
    """
    line = " ".join(words)
    if _NOT_IN_A_LINE.search(line):
        raise StepFailed(f"{line!r} cannot be a line of a batch")
    bare = all(words) and line.count(" ") == len(words) - 1 and "'" not in line and '"' not in line
    return line if bare else " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if word and " " not in word and word[0] not in "\"'":
        return word
    mark = next((mark for mark in "\"'" if mark not in word), None)
    if mark is None:
        raise StepFailed(f"{word!r} has both kinds of quotes and a blank, which no line of a batch can have")
    return f"{mark}{word}{mark}"


def _decoded(output: bytes) -> Any:
    """The JSON of ``ip`` or ``bridge``; aliases are bytes of any kind, and an IPv6 address has one spelling."""
    text = output.decode(errors="surrogateescape")
    return json.loads(_MIXED.sub(_respelled, text) if "." in text else text)


def _respelled(found: re.Match[str]) -> str:
    try:
        return str(ipaddress.IPv6Address(found[0]))
    except ValueError:
        return found[0]


def _refused(stderr: str, command: Sequence[str]) -> StepFailed:
    """The tool's message, and the line it stopped at, out of what it wrote."""
    flow = _REFUSED_FLOW.search(stderr)
    if flow:
        return StepFailed(flow[2], int(flow[1]))
    lines = _FAILED_LINE.findall(stderr)
    message = " ".join(_FAILED_LINE.sub("", stderr).split()) or f"{command[0]} failed"
    return StepFailed(message, int(lines[-1]) if lines else None)
