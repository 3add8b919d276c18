# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private host for the engine: a network namespace of its own, its own /run/netns, its own ledger directory.

The test process itself goes into the namespace. /run/netns is a private mount of the test process, so that nothing of
this machine is seen and nothing is left on it, however the process ends.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.module_utils.changes import ADD, CHANGE, REMOVE, REPLACE
from ansible_collections.hostnet.fabric.plugins.module_utils.connection import Connection
from ansible_collections.hostnet.fabric.plugins.module_utils.engine import Engine, Outcome
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError
from ansible_collections.hostnet.fabric.plugins.module_utils.host import NETNS_DIRECTORY, Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import HOST, Key, Resource
from ansible_collections.hostnet.fabric.plugins.module_utils.ledger import LedgerStore
from ansible_collections.hostnet.fabric.plugins.module_utils.observe import Observer
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options
from ansible_collections.hostnet.fabric.plugins.module_utils.present import as_data, lines

SCOPE = "t"
_NEW_MOUNTS, _NEW_NETWORK = 0x00020000, 0x40000000
_RECURSIVE, _PRIVATE, _DETACH = 0x4000, 1 << 18, 2
_libc = ctypes.CDLL(None, use_errno=True)

Document = Mapping[str, Any]


def _call(result: int, what: str) -> None:
    if result != 0:
        pytest.fail(f"{what}: {os.strerror(ctypes.get_errno())}; the engine tests need root and namespaces")


def private_namespace_directory() -> None:
    """Give this process an empty /run/netns that nobody else sees."""
    _call(_libc.unshare(_NEW_MOUNTS), "unshare mounts")
    _call(_libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None), "make mounts private")
    os.makedirs(NETNS_DIRECTORY, exist_ok=True)
    _call(_libc.mount(b"netns", NETNS_DIRECTORY.encode(), b"tmpfs", 0, None), "mount /run/netns")


@contextmanager
def own_network() -> Iterator[None]:
    """Run the body in a new network namespace with its loopback up; named namespaces made by it end with it."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call(_libc.unshare(_NEW_NETWORK), "unshare network")
        tool("ip", "link", "set", "dev", "lo", "up")
        yield
    finally:
        _call(_libc.setns(home, _NEW_NETWORK), "go home")
        os.close(home)


def tool(*command: str, check: bool = True, namespace: str = "") -> subprocess.CompletedProcess[str]:
    """Run a tool, in a named namespace where one is given."""
    with inside(namespace):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        pytest.fail(f"{' '.join(command)}: {done.stderr.strip()}")
    return done


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """The calling thread, in a named namespace; sockets made there stay there."""
    if not namespace:
        yield
        return
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        with open(os.path.join(NETNS_DIRECTORY, namespace), "rb") as stream:
            _call(_libc.setns(stream.fileno(), _NEW_NETWORK), f"enter {namespace}")
        yield
    finally:
        _call(_libc.setns(home, _NEW_NETWORK), "go home")
        os.close(home)


@dataclass
class Machine:
    """The private host, the engine on it, and an independent look at it."""

    run_directory: Path
    ovs_database: str = "unix:/nonexistent/db.sock"
    hosts: list[Host] = field(default_factory=list)

    def run(
        self,
        document: Document,
        *,
        check: bool = False,
        absent: bool = False,
        announce: Sequence[str] = (),
        **options: Any,
    ) -> Outcome:
        """One bare run of the engine. ``protected`` may be the connection or just the address it comes in by."""
        if isinstance(options.get("protected"), str):
            options["protected"] = Connection(options["protected"])
        host = Host(ovs_database=self.ovs_database, run_directory=str(self.run_directory))
        self.hosts.append(host)
        engine = Engine(host, Options(**options), check=check, absent=absent, announce=announce)
        return engine.run({"scope": SCOPE, **document})

    def check(self, document: Document, **options: Any) -> Outcome:
        return self.run(document, check=True, **options)

    def apply(self, document: Document, **options: Any) -> Outcome:
        """Apply a document, and hold it to what every run promises: check mode changes nothing and predicts exactly
        what is done, what is done is what appears and disappears, and a second run has nothing to do."""
        before, owned_before = self.snapshot(), self.owned(document)
        predicted = self.check(document, **options)
        self.assert_as(before)
        done = self.run(document, **options)
        assert data(done) == data(predicted)
        assert lines(done.plan) == lines(predicted.plan)
        _assert_made(done, owned_before, self.owned(document))
        self.assert_settled(document, **options)
        return done

    def assert_settled(self, document: Document, **options: Any) -> None:
        before = self.snapshot()
        again = self.run(document, **options)
        assert lines(again.plan) == []
        assert again.commands == []
        self.assert_as(before)

    def assert_as(self, before: Mapping[str, Any]) -> None:
        """The host is as it was in an earlier snapshot; on failure say where it is not."""
        assert list(unlike(before, self.snapshot())) == []

    def absent(self, document: Document | None = None, **options: Any) -> Outcome:
        return self.apply(document or {}, absent=True, **options)

    def owned(self, document: Document) -> dict[Key, Resource]:
        """The objects that carry the mark of the document's scope."""
        raw = {"scope": SCOPE, **document}
        host = Host(ovs_database=self.ovs_database, run_directory=str(self.run_directory))
        self.hosts.append(host)
        ledger, owners = LedgerStore(host.run_directory).open(raw["scope"])
        try:
            parsed = documents.parse(raw)
        except FabricError:
            return {}
        observer = Observer(host, ledger, owners, parsed.objects)
        observer.read([HOST, *sorted({*host.namespaces(), *parsed.namespaces(), *ledger.namespaces})], {})
        return {k: r for k, r in observer.world().objects.items() if r.owner == raw["scope"] and r.marked}

    def ip(self, line: str, namespace: str = "") -> str:
        return tool("ip", *line.split(), namespace=namespace).stdout

    def ip_json(self, line: str, namespace: str = "") -> list[dict[str, Any]]:
        output = tool("ip", "-N", "-j", "-d", *line.split(), namespace=namespace).stdout
        return json.loads(output) if output.strip() else []

    def link(self, name: str, namespace: str = "") -> dict[str, Any] | None:
        """A device as ``ip`` shows it, None when there is none."""
        found = [link for link in self.ip_json("addr show", namespace) if link["ifname"] == name]
        return found[0] if found else None

    def addresses(self, name: str, namespace: str = "") -> set[str]:
        link = self.link(name, namespace)
        assert link is not None
        return {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] in ("0", "global")}

    def named_namespaces(self) -> list[str]:
        return sorted(os.listdir(NETNS_DIRECTORY))

    def ledgers(self) -> list[str]:
        names = os.listdir(self.run_directory) if self.run_directory.exists() else []
        return sorted(name for name in names if name != "lock")

    def snapshot(self, sysctls: bool = True) -> dict[str, Any]:
        """Everything the engine could touch, without what changes by itself."""
        names = ("", *self.named_namespaces())
        found: dict[str, Any] = {name or "host": _snapshot_of(name, sysctls) for name in names}
        found["ovs"] = self._ovs_snapshot()
        return found

    def _ovs_snapshot(self) -> list[Any]:
        if not os.path.exists(self.ovs_database.partition(":")[2]):
            return []
        columns = {"Bridge": "name,datapath_type,fail_mode,external_ids,other_config,ports", "Port": PORT_COLUMNS}
        columns["Interface"] = "name,type,options,external_ids,mtu_request,mac,_uuid"
        words = [word for table, names in columns.items() for word in ("--", f"--columns={names}", "list", table)]
        output = tool("ovs-vsctl", f"--db={self.ovs_database}", "--format=json", *words).stdout
        return [
            *(sorted(map(json.dumps, json.loads(line)["data"])) for line in output.splitlines()),
            *(sorted(self.of(bridge, what)) for bridge in self.ovs_bridges() for what in ("flows", "meters")),
        ]

    def ovs_bridges(self) -> list[str]:
        return tool("ovs-vsctl", f"--db={self.ovs_database}", "list-br").stdout.split()

    def of(self, bridge: str, what: str, *options: str) -> list[str]:
        """The flows or the meters of a bridge as the switch shows them, without what it counts."""
        options = options or (("--no-stats",) if what == "flows" else ())
        target = f"{self.ovs_database.rpartition('/')[0]}/{bridge}.mgmt"
        if not os.path.exists(target.partition(":")[2]):
            return []
        output = tool("ovs-ofctl", "-O", "OpenFlow14", "--names", *options, f"dump-{what}", target).stdout
        return [line.strip() for line in output.splitlines() if line.strip() and not line.startswith("OFPST")]

    def close(self) -> None:
        for name in self.named_namespaces():
            path = os.path.join(NETNS_DIRECTORY, name)
            _libc.umount2(path.encode(), _DETACH)
            os.unlink(path)
        for host in self.hosts:
            # The engine's process ends with its run; here it does not, and an open descriptor keeps a namespace alive.
            os.close(host._home)


PORT_COLUMNS = "name,tag,trunks,vlan_mode,external_ids,other_config,interfaces,_uuid"


def data(outcome: Outcome) -> list[dict[str, Any]]:
    return [as_data(change) for change in outcome.plan.changes]


def actions(outcome: Outcome) -> dict[str, str]:
    """``{"link br0": "add"}``: what was done with which object; the namespace comes before the name."""
    return {
        " ".join(filter(None, (c.resource.kind, c.resource.namespace, c.resource.title))): c.action
        for c in outcome.plan.changes
    }


def changed_fields(outcome: Outcome) -> dict[str, list[str]]:
    return {change.resource.title: [d.field for d in change.differences] for change in outcome.plan.changes}


def unlike(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """Where two snapshots are not the same."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from unlike(before.get(key), after.get(key), f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list):
        yield from (f"{path}: only before: {item}" for item in before if item not in after)
        yield from (f"{path}: only after: {item}" for item in after if item not in before)
    elif before != after:
        yield f"{path}: {before!r} -> {after!r}"


def _assert_made(done: Outcome, before: Mapping[Key, Resource], after: Mapping[Key, Resource]) -> None:
    """The marked objects that appeared and disappeared are those the plan names, no more and no fewer."""
    by_action: dict[str, set[Key]] = {action: set() for action in (ADD, CHANGE, REPLACE, REMOVE)}
    for change in done.plan.changes:
        if change.resource.marked:
            by_action[change.action].add(change.key)
    adopted = {c.key for c in done.plan.changes if any(d.field == "mark" for d in c.differences)}
    appeared, disappeared = set(after) - set(before), set(before) - set(after)
    assert appeared - adopted == (by_action[ADD] | by_action[REPLACE]) - set(before)
    assert disappeared == by_action[REMOVE]


_VOLATILE = re.compile(
    r"(stats(64)?|operstate|state|tentative|used|expires|qdisc|\w+_timer|\w+_life_time|root_path_cost|topology_change\w*"
    r"|fdb_n_learned)$"
)
_VOLATILE_FLAGS = ("LOWER_UP", "NO-CARRIER", "RUNNING", "linkdown", "dead")


def _stable(value: Any) -> Any:
    """Without what the kernel counts, times and makes by itself, and without the order it happens to show things in."""
    if isinstance(value, list):
        kept = [_stable(item) for item in value if not _is_volatile(item)]
        return sorted(kept, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, dict):
        return {key: _stable(item) for key, item in value.items() if not _VOLATILE.match(key)}
    return value


def _is_volatile(item: Any) -> bool:
    """Flags of a carrier, the link-local address that a device gets with one, and the kernel's own routes to it."""
    if not isinstance(item, dict):
        return item in _VOLATILE_FLAGS
    # The kernel adds its rule for VRFs with the first one of a namespace, and keeps it.
    if "l3mdev" in item:
        return True
    # The kernel makes the local route of an IPv6 address once it has found out that nobody else has the address.
    own_route = item.get("protocol") == "2" and (item.get("table") == "255" or item.get("dst", "").startswith("fe80:"))
    return own_route or (str(item.get("local", "")).startswith("fe80:") and item.get("prefixlen") == 64)


_READS = ("addr show", "route show table all", "rule show", "neigh show nud permanent", "neigh show proxy")


def _snapshot_of(namespace: str, with_sysctls: bool) -> dict[str, Any]:
    found = dict(zip(_READS, map(_stable, ip_batch(namespace, _READS))))
    found["-6 rule show"] = _stable(ip_batch(namespace, ("rule show",), "-6"))
    entries = json.loads(tool("bridge", "-j", "fdb", "show", namespace=namespace).stdout)
    found["fdb"] = _stable([entry for entry in entries if "dst" in entry and entry["state"] == "permanent"])
    found["nft"] = tool("nft", "-s", "-a", "list", "ruleset", namespace=namespace).stdout
    if with_sysctls:
        found["sysctls"] = sysctls(namespace)
    return found


def ip_batch(namespace: str, reads: Sequence[str], *options: str) -> list[Any]:
    with inside(namespace):
        command = ["ip", "-N", "-j", "-d", *options, "-batch", "-"]
        done = subprocess.run(command, input="\n".join(reads), capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]


_SYSCTL_NOISE = re.compile(r"(stable_secret|flush|_count|_current|mem|_hash\w*)$|/net/core/|/gc_")


def sysctls(namespace: str = "") -> dict[str, str]:
    """Every network sysctl of a namespace, but for those that count or act."""
    found = {}
    with inside(namespace):
        for directory, _subdirectories, names in os.walk("/proc/sys/net"):
            for name in names:
                path = f"{directory}/{name}"
                if _SYSCTL_NOISE.search(path):
                    continue
                try:
                    descriptor = os.open(path, os.O_RDONLY)
                except OSError:
                    continue
                try:
                    found[path] = os.read(descriptor, 4096).decode(errors="replace")
                except OSError:
                    continue
                finally:
                    os.close(descriptor)
    return found


@dataclass
class OpenVSwitch:
    """A database server and a switch daemon of their own, with sockets and files in one directory."""

    directory: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def database(self) -> str:
        return f"unix:{self.directory / 'db.sock'}"

    @classmethod
    @contextmanager
    def started(cls, directory: Path) -> Iterator[OpenVSwitch]:
        directory.mkdir()
        tool("ovsdb-tool", "create", str(directory / "conf.db"), "/usr/share/openvswitch/vswitch.ovsschema")
        switch = cls(directory)
        try:
            switch.start("ovsdb-server", str(directory / "conf.db"), f"--remote=p{switch.database}")
            switch.start_daemon()
            init = ("ovs-vsctl", f"--db={switch.database}", "--no-wait", "init")
            wait_for(lambda: tool(*init, check=False).returncode == 0, "ovsdb-server")
            yield switch
        finally:
            for name in reversed(list(switch.processes)):
                switch.stop(name)

    def start(self, name: str, *words: str) -> None:
        names = ("RUN", "LOG", "DB", "SYSCONF")
        environment = {**os.environ, **{f"OVS_{each}DIR": str(self.directory) for each in names}}
        command = [name, *words, f"--unixctl={self.directory / name.partition('-')[0]}.ctl"]
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(command, env=environment, stdout=log, stderr=log)

    def start_daemon(self) -> None:
        self.start("ovs-vswitchd", self.database)

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        process.wait(10)

    def wait_until_done(self) -> None:
        """Until the daemon has done what the database says, which a killed ovs-vsctl has not waited for."""

        def is_done() -> bool:
            asked, done = self.vsctl("get", "Open_vSwitch", ".", "next_cfg", "cur_cfg").split()
            return asked == done

        wait_for(is_done, "ovs-vswitchd")

    def vsctl(self, *words: str) -> str:
        return tool("ovs-vsctl", f"--db={self.database}", "--timeout=10", *words).stdout

    def appctl(self, *words: str) -> str:
        return tool("ovs-appctl", f"--target={self.directory / 'ovs.ctl'}", *words).stdout


def wait_for(condition: Any, what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.01)
