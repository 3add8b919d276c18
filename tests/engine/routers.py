# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real BIRD daemons in namespaces, and the module's work on them."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import inside, tool, wait_for

from ansible_collections.hostnet.fabric.plugins.module_utils.bird import present, replies
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.configurator import Configurator, Outcome, Settings
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.control import Control

HEAD = """log stderr all;
protocol device { scan time 1; }
"""


class Moment(float):
    """A time of day. BIRD keeps another clock and may be some milliseconds off when it tells the same moment again."""

    @classmethod
    def of(cls, text: str) -> Moment:
        hours, minutes, seconds = text.split(":")
        return cls(int(hours) * 3600 + int(minutes) * 60 + float(seconds))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Moment) and abs(float(self) - float(other)) < 0.02

    __hash__ = None


@dataclass
class Router:
    """A daemon with its files in one directory."""

    directory: Path
    namespace: str
    process: subprocess.Popen[bytes]

    @property
    def path(self) -> Path:
        return self.directory / "bird.conf"

    @property
    def socket(self) -> Path:
        return self.directory / "bird.ctl"

    @classmethod
    @contextmanager
    def started(cls, directory: Path, namespace: str, config: str) -> Iterator[Router]:
        directory.mkdir(mode=0o750, exist_ok=True)
        (directory / "bird.conf").write_text(config)
        (directory / "bird.conf").chmod(0o640)
        command = ["bird", "-f", "-c", str(directory / "bird.conf"), "-s", str(directory / "bird.ctl")]
        with (directory / "log").open("ab") as log, inside(namespace):
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        router = cls(directory, namespace, process)
        try:
            wait_for(lambda: router.answers() or process.poll() is not None, f"BIRD in {namespace}")
            if process.poll() is not None:
                pytest.fail(f"BIRD in {namespace} has ended: {router.log()}")
            yield router
        finally:
            process.terminate()
            process.wait(10)

    def answers(self) -> bool:
        try:
            Control(str(self.socket)).close()
        except Exception:
            return False
        return True

    def settings(self, **options: Any) -> Settings:
        return Settings(**{"path": str(self.path), "socket": str(self.socket), "verify_timeout": 15.0, **options})

    def run(self, config: str, check: bool = False, **options: Any) -> Outcome:
        """One bare run of the module's work."""
        return Configurator(self.settings(**options), check=check).run(config)

    def apply(self, config: str, **options: Any) -> Outcome:
        """Bring a text live, and hold it to what every run promises: check mode changes nothing and predicts what is
        done, BIRD restarts nothing else, a second run tells BIRD nothing."""
        before = self.state()
        predicted = self.run(config, check=True, **options)
        assert self.state() == before
        logged = self.log()
        done = self.run(config, **options)
        assert (done.changed, done.plan, done.difference) == (predicted.changed, predicted.plan, predicted.difference)
        assert done.warnings == []
        restarted = set(re.findall(r"Restarting protocol (\S+)$", self.log()[len(logged) :], re.MULTILINE))
        assert restarted & before["up"] <= {reset.title.split()[1] for reset in done.plan.resets}
        self.assert_settled(config, **options)
        return done

    def assert_settled(self, config: str, **options: Any) -> None:
        before = self.state()
        again = self.run(config, **options)
        assert (again.changed, again.commands, again.plan.resets) == (False, [], ())
        assert self.state() == before

    def state(self) -> dict[str, Any]:
        """What a run must not touch: the directory, the text, the sessions and since when they are what they are."""
        lines = [line.text.split()[:5] for line in self.ask("show protocols").lines if line.code == replies.PROTOCOL]
        return {
            "files": sorted(p.name for p in self.directory.iterdir()),
            "text": self.path.read_text() if self.path.exists() else None,
            "since": {line[0]: (line[3], Moment.of(line[4])) for line in lines if line[3] in ("up", "down")},
            "up": {line[0] for line in lines if line[3] == "up"},
            "bfd": self.bfd_since(),
        }

    def since(self, protocol: str) -> tuple[str, Moment]:
        return self.state()["since"][protocol]

    def ask(self, command: str) -> replies.Reply:
        control = Control(str(self.socket))
        try:
            return control.ask(command)
        finally:
            control.close()

    def protocol(self, name: str) -> replies.Protocol:
        return replies.protocols(self.ask("show protocols all"))[name]

    def is_up(self, *names: str) -> bool:
        found = replies.protocols(self.ask("show protocols all"))
        return all(name in found and found[name].up for name in names)

    def bfd_since(self) -> dict[str, tuple[str, Moment]]:
        """State and beginning of each BFD session, by the address of its peer."""
        reply = self.ask("show bfd sessions")
        rows = [line.text.split() for line in reply.lines if line.code == replies.BFD_SESSION]
        return {row[0]: (row[2], Moment.of(row[3])) for row in rows if len(row) >= 6 and row[0] != "IP"}

    def bfd_up(self, address: str) -> bool:
        return self.bfd_since().get(address, ("?",))[0] == "Up"

    def log(self) -> str:
        return (self.directory / "log").read_text()

    def routes(self, *words: str) -> str:
        return tool("ip", "route", "show", *words, namespace=self.namespace).stdout


def shown(outcome: Outcome) -> str:
    """What a person sees of it."""
    headline = present.headline(outcome.plan, outcome.text_changes, outcome.mode)
    return "\n".join([headline, *present.lines(outcome.plan), *outcome.difference])


def joined(names: Sequence[str], subnet: str = "10.9.0") -> None:
    """Namespaces with a veth pair between the first and each of the others; the n-th pair has addresses n*4+1 and
    n*4+2 of the subnet, and devices ``to-NAME``."""
    first, *others = names
    for name in names:
        tool("ip", "netns", "add", name)
        tool("ip", "-n", name, "link", "set", "lo", "up")
    for number, other in enumerate(others):
        here, there = f"to-{other}", f"to-{first}"
        tool("ip", "link", "add", here, "netns", first, "type", "veth", "peer", "name", there, "netns", other)
        for name, device, host in ((first, here, 1), (other, there, 2)):
            address = f"{subnet}.{4 * number + host}/30"
            tool("ip", "-n", name, "addr", "add", address, "dev", device)
            tool("ip", "-n", name, "link", "set", device, "up")


def lan(addresses: Mapping[str, str]) -> None:
    """Namespaces on one switch, each with an address on its device ``eth0``; its cable's other end is ``to-NAME`` in
    the namespace ``switch``."""
    tool("ip", "netns", "add", "switch")
    tool("ip", "-n", "switch", "link", "add", "name", "lan", "up", "type", "bridge")
    for name, address in addresses.items():
        tool("ip", "netns", "add", name)
        tool("ip", "-n", name, "link", "set", "lo", "up")
        cable = ("type", "veth", "peer", "name", f"to-{name}", "netns", "switch")
        tool("ip", "link", "add", "eth0", "netns", name, *cable)
        tool("ip", "-n", "switch", "link", "set", f"to-{name}", "master", "lan", "up")
        tool("ip", "-n", name, "addr", "add", address, "dev", "eth0")
        tool("ip", "-n", name, "link", "set", "eth0", "up")


def cut(name: str) -> None:
    """Frames to and from a namespace of the switch are lost from now on, and neither side sees its carrier go."""
    tool("ip", "-n", "switch", "link", "set", f"to-{name}", "nomaster")


def mend(name: str) -> None:
    tool("ip", "-n", "switch", "link", "set", f"to-{name}", "master", "lan")


def for_a_while(seconds: float) -> Iterator[None]:
    """Again and again, until the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)
