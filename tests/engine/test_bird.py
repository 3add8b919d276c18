# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two BIRD daemons with a BGP session and BFD between them, and changes of configuration on one of them."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, tool, wait_for
from routers import HEAD, Router, for_a_while, joined, shown

from ansible_collections.hostnet.fabric.plugins.module_utils.bird import configurator, rehearse, replies
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import (
    ApplyFailed,
    DocumentError,
    HostError,
    PlanRefused,
    VerifyFailed,
)

ROOT = Path(__file__).resolve().parents[2]
PEER = "10.9.0.2"
LONELY = "protocol bgp lonely { local as 65001; neighbor 10.9.0.77 as 65003; ipv4 { import none; export none; }; }\n"
POOL, OTHER_POOL = "203.0.113.0/28", "198.51.100.0/28"

# Short waits, so that a session that is reset comes back within a test.
FAST = "connect delay time 1; connect retry time 2; error wait time 1, 2; error forget time 2;"
LEFT = f"""{HEAD}
router id 10.9.0.1;
filter pools {{ if net ~ [203.0.113.0/24+] then accept; reject; }}
protocol kernel {{ ipv4 {{ export all; }}; }}
protocol bfd guard {{ interface "to-right" {{ interval 100 ms; multiplier 3; }}; }}
protocol bgp right {{
  local 10.9.0.1 as 65001;
  neighbor {PEER} as 65002;
  {FAST}
  bfd on;
  ipv4 {{ import filter pools; export none; }};
}}
"""
RIGHT = f"""{HEAD}
router id {PEER};
protocol bfd {{ interface "to-left" {{ interval 100 ms; multiplier 3; }}; }}
protocol static {{ ipv4; route {POOL} blackhole; route {OTHER_POOL} blackhole; }}
protocol bgp left {{
  local {PEER} as 65002;
  neighbor 10.9.0.1 as 65001;
  {FAST}
  bfd on;
  ipv4 {{ import none; export all; }};
}}
"""


@dataclass
class Pair:
    left: Router
    right: Router

    def is_settled(self) -> bool:
        return self.left.is_up("right") and self.left.bfd_up(PEER) and POOL in self.left.routes()


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(configurator, "_SCRATCH", str(tmp_path / "scratch"))
    return tmp_path / "scratch"


@pytest.fixture
def pair(host: Machine, tmp_path: Path, scratch: Path) -> Iterator[Pair]:
    joined(["left", "right"])
    with (
        Router.started(tmp_path / "left", "left", LEFT) as left,
        Router.started(tmp_path / "right", "right", RIGHT) as right,
    ):
        found = Pair(left, right)
        wait_for(found.is_settled, "the BGP and BFD sessions")
        yield found


def changed(*pairs: tuple[str, str], text: str = LEFT) -> str:
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    return text


def test_nothing_to_do(pair: Pair) -> None:
    pair.left.assert_settled(LEFT)


def test_text_without_its_last_newline_is_the_same(pair: Pair) -> None:
    pair.left.assert_settled(LEFT.rstrip("\n"))


def test_comment_is_a_change_that_interrupts_nothing(pair: Pair) -> None:
    before = pair.left.state()
    done = pair.left.apply(f"# hello\n{LEFT}")
    assert shown(done).splitlines()[0] == "configuration changes, no running session or protocol is interrupted"
    assert "+# hello" in done.difference
    assert pair.left.state()["since"] == before["since"]


def test_filter_changes_in_place(pair: Pair) -> None:
    before = pair.left.state()
    done = pair.left.apply(changed(("203.0.113.0/24+", "198.51.100.0/24+")))
    wait_for(lambda: OTHER_POOL in pair.left.routes() and POOL not in pair.left.routes(), "the other pool")
    after = pair.left.state()
    assert (after["since"], after["bfd"]) == (before["since"], before["bfd"])
    assert done.plan.resets == ()


def test_own_text_of_a_session_changes_in_place(pair: Pair) -> None:
    before = pair.left.state()
    done = pair.left.apply(changed(("export none;", "export none; import limit 100 action restart;")))
    assert "~ protocol right  BGP, in place" in shown(done).splitlines()
    assert pair.left.state()["since"] == before["since"]


def test_neighbour_is_added_and_has_to_come_up(pair: Pair, tmp_path: Path) -> None:
    joined_third(pair)
    third = changed(
        ("10.9.0.1", "10.9.8.1"), (PEER, "10.9.8.2"), ("65002", "65003"), ("to-left", "to-first"), text=RIGHT
    )
    before = pair.left.state()
    added = changed(("local 10.9.0.1", "local 10.9.8.1"), (PEER, "10.9.8.2"), ("65002", "65003"))
    block = added[added.index("protocol bgp") :].replace("bgp right", "bgp third").replace("bfd on;", "")
    with Router.started(tmp_path / "third", "third", third):
        done = pair.left.apply(LEFT + block, require_up=["third"])
        assert done.plan.added == (("third", "BGP"),)
        assert pair.left.is_up("third")
        assert pair.left.since("right") == before["since"]["right"]
        gone = pair.left.apply(LEFT)
        assert gone.plan.removed == (("third", "BGP"),)
        assert "- protocol third  BGP" in shown(gone)
    assert pair.left.bfd_since() == before["bfd"]


def joined_third(pair: Pair) -> None:
    tool("ip", "netns", "add", "third")
    tool("ip", "link", "add", "to-third", "netns", "left", "type", "veth", "peer", "name", "to-first", "netns", "third")
    for name, device, address in (("left", "to-third", "10.9.8.1/30"), ("third", "to-first", "10.9.8.2/30")):
        tool("ip", "-n", name, "addr", "add", address, "dev", device)
        tool("ip", "-n", name, "link", "set", device, "up")


RESETTING = {
    "hold time": (("bfd on;", "bfd on; hold time 90;"), "BIRD has to restart it"),
    "peer's number": (("as 65002", "as 65009"), "BIRD has to restart it"),
    "ttl": (("bfd on;", "bfd on; ttl security on;"), "BIRD has to restart it"),
    "channel added": (
        ("export none; };", "export none; };\n  ipv6 { import none; export none; };"),
        "BIRD has to restart it",
    ),
    "renamed": (("bgp right", "bgp dexter"), "dexter takes its place"),
    "router id": (("router id 10.9.0.1", "router id 10.9.0.9"), "BIRD has to restart it"),
    "password": (("bfd on;", 'bfd on; password "secret-1";'), "BIRD has to restart it"),
}


def test_change_that_resets_the_session_is_refused(pair: Pair) -> None:
    before = pair.left.state()
    for name, (change, why) in RESETTING.items():
        for check in (True, False):
            with pytest.raises(PlanRefused, match="allow_session_reset") as refused:
                pair.left.run(changed(change), check=check)
            assert f"BGP right with {PEER}: {why}" in str(refused.value), name
            assert "secret-1" not in str(refused.value)
    assert pair.left.state() == before
    assert not any(said in pair.left.log() for said in ("Reconfiguring", "Restarting"))


def test_resets_are_refused_for_nothing_but_resets(pair: Pair) -> None:
    """What the rehearsal says is what BIRD then does: of every change that is refused, BIRD restarts the session."""
    for name in ("hold time", "ttl", "channel added", "router id"):
        restarts = pair.left.log().count("Restarting protocol right")
        pair.left.path.write_text(changed(RESETTING[name][0]))
        pair.left.ask("configure")
        wait_for(lambda: pair.left.ask("configure status").lines[0].code == replies.RECONFIGURED, "the new text")
        assert pair.left.log().count("Restarting protocol right") == restarts + 1, name
        pair.left.path.write_text(LEFT)
        pair.left.ask("configure")
        wait_for(pair.is_settled, "the session")


@pytest.mark.parametrize(
    "change",
    [
        ("import filter", "next hop address 10.9.0.1; import filter"),
        ("export none", "preference 50; export none"),
        ("export none", "gateway recursive; export none"),
    ],
)
def test_whether_it_resets_is_up_to_this_version_of_bird(pair: Pair, change: tuple[str, str]) -> None:
    restarts = pair.left.log().count("Restarting protocol right")
    done = pair.left.apply(changed(change), allow_session_reset=True)
    assert pair.left.log().count("Restarting protocol right") == restarts + len(done.plan.resets)


def test_channel_that_goes_away_resets_the_session(pair: Pair) -> None:
    """But not one that the peer does not know, which is down."""
    both = changed(("export none; };", "export none; };\n  ipv6 { import none; export none; };"))
    pair.left.apply(both, allow_session_reset=True)
    wait_for(pair.is_settled, "the session")
    before = pair.left.state()
    pair.left.apply(LEFT)
    assert pair.left.state()["since"] == before["since"]
    old = before["since"]["right"]
    pair.right.path.write_text(
        changed(("export all; };", "export all; };\n  ipv6 { import none; export none; };"), text=RIGHT)
    )
    pair.right.ask("configure")
    wait_for(lambda: pair.left.state()["since"].get("right", old) != old, "the session's return")
    pair.left.apply(both, allow_session_reset=True)
    wait_for(lambda: "ipv6" in pair.left.protocol("right").in_use, "the IPv6 channel")
    with pytest.raises(PlanRefused, match="its channel ipv6 goes away"):
        pair.left.run(LEFT)
    pair.left.apply(LEFT, allow_session_reset=True)


def test_allowed_reset_waits_for_the_session(pair: Pair) -> None:
    before = pair.left.state()
    done = pair.left.apply(changed(RESETTING["hold time"][0]), allow_session_reset=True)
    assert [reset.title for reset in done.plan.resets] == [f"BGP right with {PEER}"]
    assert f"± BGP right with {PEER}  reset: BIRD has to restart it" in shown(done)
    assert pair.left.is_up("right")
    assert pair.left.since("right") != before["since"]["right"]


KEYS = {
    "BGP": ("bfd on;", 'bfd on; password "secret-1";'),
    "BFD": ("interval 100 ms;", 'interval 100 ms; authentication meticulous keyed sha1; password "secret-1";'),
}


@pytest.mark.parametrize("key", list(KEYS.values()), ids=list(KEYS))
def test_a_key_is_changed_at_both_ends(pair: Pair, key: tuple[str, str]) -> None:
    """The first end does not wait for what cannot come up; the second one does not have to know."""
    left, right = changed(key), changed(key, text=RIGHT)
    with pytest.raises(VerifyFailed, match="not up after"):
        pair.left.run(left, allow_session_reset=True, verify_timeout=2.0)
    assert pair.left.path.read_text() == LEFT
    wait_for(pair.is_settled, "the sessions with the old key")
    assert pair.left.run(left, allow_session_reset=True, await_sessions=False).changed
    assert pair.left.path.read_text() == left
    assert "undo" not in str(pair.left.ask("configure status"))
    wait_for(lambda: not pair.right.is_up("left"), "the loss of the session")
    assert pair.right.run(right, allow_session_reset=True).changed
    wait_for(pair.is_settled, "the sessions with the new key")
    pair.left.assert_settled(left)


def test_what_needs_no_neighbour_is_awaited_all_the_same(pair: Pair) -> None:
    third = LEFT[LEFT.index("protocol bgp") :].replace("bgp right", "bgp third").replace(PEER, "10.9.0.77")
    with pytest.raises(VerifyFailed, match="protocol third is start"):
        pair.left.run(LEFT + third, require_up=["third"], await_sessions=False, verify_timeout=2.0)
    assert pair.left.path.read_text() == LEFT


def test_renamed_protocol_has_to_come_up(pair: Pair) -> None:
    done = pair.left.apply(changed(RESETTING["renamed"][0]), allow_session_reset=True)
    assert pair.left.is_up("dexter")
    assert (done.plan.added, done.plan.removed) == ((("dexter", "BGP"),), (("right", "BGP"),))


def test_disabled_protocol_is_no_reset(pair: Pair) -> None:
    done = pair.left.apply(changed(("bfd on;", "bfd on; disabled yes;")))
    assert done.plan.disabled == (("right", "BGP"),)
    assert pair.left.protocol("right").state == "down"
    assert pair.left.apply(LEFT, require_up=["right"]).plan.enabled == ("right",)
    assert pair.left.is_up("right")


def test_protocol_disabled_by_hand_is_named(pair: Pair) -> None:
    pair.left.ask("disable right")
    wait_for(lambda: pair.left.protocol("right").state == "down", "the session's end")
    pair.left.assert_settled(LEFT)
    assert pair.left.run(f"# hello\n{LEFT}", check=True).plan.enabled == ("right",)


FAULTS = (
    (("import filter pools", "import fliter pools"), r"bird\.conf:13:\d+ syntax error"),
    (("import filter pools", "import filter pots"), r"bird\.conf:13:\d+ "),
    (("export none; };\n}", "export none; };"), r"bird\.conf:\d+:\d+ syntax error"),
)


def test_fault_in_the_text(pair: Pair) -> None:
    before = pair.left.state()
    for change, fault in FAULTS:
        for check in (True, False):
            with pytest.raises(DocumentError, match=fault) as refused:
                pair.left.run(changed(change), check=check)
            assert "\n" not in str(refused.value)
            assert "draft" not in str(refused.value)
    assert pair.left.state() == before


def test_included_files_count(pair: Pair) -> None:
    included = pair.left.directory / "more.inc"
    included.write_text(
        "protocol bgp extra { local as 65001; neighbor 10.9.0.77 as 65003;\n ipv4 { import none; export none; }; }\n"
    )
    done = pair.left.apply(f'{LEFT}include "more.inc";\n')
    assert done.plan.added == (("extra", "BGP"),)
    included.write_text("protocol bgp { nonsense; }\n")
    with pytest.raises(DocumentError, match=r"more\.inc:1:\d+ "):
        pair.left.run(f'# again\n{LEFT}include "more.inc";\n')


def test_what_never_comes_up_is_taken_back(pair: Pair) -> None:
    before = pair.left.state()
    with pytest.raises(VerifyFailed, match="the old configuration is live again") as failed:
        pair.left.run(LEFT + LONELY, require_up=["lonely"], verify_timeout=0.5)
    assert "protocol lonely is start" in str(failed.value)
    assert "lonely" not in pair.left.state()["since"]
    assert pair.left.state() == before
    pair.left.assert_settled(LEFT)


def test_bfd_that_goes_down_is_seen_and_taken_back(pair: Pair) -> None:
    """BIRD takes a new key of BFD in place, and only silence tells that the peer does not have it."""
    keyed = changed(("multiplier 3;", 'multiplier 3; authentication meticulous keyed sha1; password "bfd-secret";'))
    with pytest.raises(VerifyFailed, match=rf"BFD session {PEER} on to-right is (Down|Init)") as failed:
        pair.left.run(keyed, verify_timeout=3.0)
    assert "bfd-secret" not in str(failed.value)
    assert pair.left.path.read_text() == LEFT
    wait_for(pair.is_settled, "the sessions as they were")


def test_protocol_that_has_to_be_up_must_be_there(pair: Pair) -> None:
    with pytest.raises(DocumentError, match="require_up: the configuration has no protocol rihgt"):
        pair.left.run(f"# hello\n{LEFT}", require_up=["rihgt"])


def test_bfd_changes_in_place(pair: Pair) -> None:
    before = pair.left.state()
    pair.left.apply(changed(("multiplier 3", "multiplier 4"), ("interval 100 ms", "interval 150 ms")))
    after = pair.left.state()
    assert (after["since"], after["bfd"]) == (before["since"], before["bfd"])


def test_restart_of_bfd_names_its_sessions(pair: Pair) -> None:
    accepting = changed(("protocol bfd guard {", "protocol bfd guard { accept direct;"))
    with pytest.raises(PlanRefused) as refused:
        pair.left.run(accepting)
    assert "BFD guard: BIRD has to restart it" in str(refused.value)
    assert f"BFD session {PEER} on to-right" in str(refused.value)
    pair.left.apply(accepting, allow_session_reset=True)
    assert pair.left.bfd_up(PEER)


def test_renamed_kernel_protocol_would_take_the_routes_away(pair: Pair) -> None:
    with pytest.raises(PlanRefused, match="Kernel kernel1: main takes its place"):
        pair.left.run(changed(("protocol kernel", "protocol kernel main")))


def test_file_that_bird_has_not_read_is_loaded(pair: Pair) -> None:
    """Somebody has written the wanted text and forgot to tell BIRD."""
    pair.left.path.write_text(f"# by hand\n{LEFT}")
    with pytest.raises(PlanRefused, match="what BIRD runs is not known"):
        pair.left.run(f"# by hand\n{LEFT}")
    done = pair.left.apply(f"# by hand\n{LEFT}", allow_session_reset=True)
    assert (done.text_changes, done.changed) == (False, True)
    assert shown(done).startswith("configuration to load again")


def test_file_that_bird_could_not_read_is_replaced(pair: Pair) -> None:
    pair.left.path.write_text("nonsense\n")
    pair.left.apply(f"# well\n{LEFT}", allow_session_reset=True)


def test_missing_file_is_written(pair: Pair) -> None:
    pair.left.path.unlink()
    pair.left.apply(LEFT, allow_session_reset=True)
    assert pair.left.path.stat().st_mode & 0o777 == 0o640


def test_another_time_zone(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """When BIRD has read its file is told in its own time zone."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        pair.left.assert_settled(LEFT)
        pair.left.path.write_text(f"# by hand\n{LEFT}")
        with pytest.raises(PlanRefused, match="what BIRD runs is not known"):
            pair.left.run(LEFT)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_passwords_are_masked_and_kept_from_others(pair: Pair) -> None:
    pair.right.path.write_text(changed(("bfd on;", 'bfd on; password "first-secret";'), text=RIGHT))
    pair.right.ask("configure")
    wait_for(lambda: not pair.left.is_up("right"), "the session's end")
    pair.left.path.chmod(0o644)
    done = pair.left.apply(changed(("bfd on;", 'bfd on; password "first-secret";')), require_up=["right"])
    assert pair.left.path.stat().st_mode & 0o777 == 0o640
    assert any(line.startswith("+") and 'password "********"' in line for line in done.difference)
    assert "first-secret" not in shown(done)
    pair.left.path.chmod(0o604)
    done = pair.left.run(changed(("bfd on;", 'bfd on; password "first-secret";')))
    assert (done.changed, done.mode, done.commands) == (True, "mode 0604 → 0600", [])
    pair.left.assert_settled(changed(("bfd on;", 'bfd on; password "first-secret";')))
    with pytest.raises(PlanRefused):
        pair.left.run(changed(("bfd on;", 'bfd on; password "second-secret";')))


CHILD = """
import sys
sys.path[:0] = {paths!r}
from ansible_collections.hostnet.fabric.plugins.module_utils.bird import configurator
configurator._SCRATCH = {scratch!r}
settings = configurator.Settings(path={path!r}, socket={socket!r}, require_up=["lonely"], verify_timeout=1.5)
configurator.Configurator(settings).run(sys.stdin.read())
"""


def in_child(router: Router, scratch: Path, config: str) -> subprocess.Popen[bytes]:
    """The module's work in a process that can be killed."""
    values = {"paths": sys.path, "scratch": str(scratch), "path": str(router.path), "socket": str(router.socket)}
    child = subprocess.Popen([sys.executable, "-c", CHILD.format(**values)], stdin=subprocess.PIPE)
    assert child.stdin is not None
    child.stdin.write(config.encode())
    child.stdin.close()
    return child


def test_killed_before_it_confirms(pair: Pair, scratch: Path) -> None:
    """BIRD goes back by itself, and nothing is left that a later run minds."""
    before = pair.left.state()
    child = in_child(pair.left, scratch, LEFT + LONELY)
    try:
        wait_for(lambda: "lonely" in pair.left.ask("show protocols").lines[-2].text, "the new configuration")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert "undo in" in pair.left.ask("configure status").lines[1].text
    assert pair.left.path.read_text() == LEFT
    wait_for(lambda: "Config timeout expired" in pair.left.log(), "the undo", seconds=15)
    after = pair.left.state()
    assert (after["text"], after["since"], after["bfd"]) == (before["text"], before["since"], before["bfd"])
    assert not pair.left.run(LEFT).changed
    assert pair.left.state() == before


def test_killed_and_run_again_at_once(pair: Pair, scratch: Path) -> None:
    child = in_child(pair.left, scratch, LEFT + LONELY)
    try:
        wait_for(lambda: "lonely" in pair.left.ask("show protocols").lines[-2].text, "the new configuration")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert "not confirmed" in pair.left.run(LEFT + LONELY, check=True).warnings[0]
    done = pair.left.run(LEFT + LONELY)
    assert done.plan.added == (("lonely", "BGP"),)
    pair.left.assert_settled(LEFT + LONELY)
    for _moment in for_a_while(1.0):
        assert "undo" not in str(pair.left.ask("configure status"))
    assert pair.left.path.read_text() == LEFT + LONELY


def test_killed_after_bird_has_confirmed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """BIRD runs the new text and the file has the old one: the next run knows, whichever of them is wanted."""
    new = changed(("203.0.113.0/24+", "198.51.100.0/24+"))
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", lambda *_paths: (never for never in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pair.left.run(new)
    wait_for(lambda: OTHER_POOL in pair.left.routes(), "the new text's routes")
    assert pair.left.path.read_text() == LEFT
    with pytest.raises(PlanRefused):
        pair.left.run(changed(RESETTING["hold time"][0]))
    assert pair.left.path.read_text() == new
    done = pair.left.run(LEFT)
    assert (done.changed, done.text_changes) == (True, True)
    wait_for(lambda: POOL in pair.left.routes() and OTHER_POOL not in pair.left.routes(), "the old text's routes")
    pair.left.assert_settled(LEFT)


def test_killed_in_its_rehearsal(pair: Pair, scratch: Path, tmp_path: Path) -> None:
    """The second BIRD ends with the process that has started it."""
    big = "".join(
        f"protocol static s{n} {{ ipv4; route 10.{n // 256}.{n % 256}.0/24 blackhole; }}\n" for n in range(3000)
    )
    child = in_child(pair.left, scratch, LEFT + big + LONELY)
    try:
        wait_for(lambda: rehearsals(scratch), "the rehearsal")
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    wait_for(lambda: not rehearsals(scratch), "the rehearsal's end")
    pair.left.apply(f"# hello\n{LEFT}")
    assert not list(scratch.iterdir())


def test_killed_before_its_rehearsal_starts() -> None:
    """Then the signal that would end the second BIRD never comes: it must not start."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    first = partial(rehearse.end_with, gone.pid, ctypes.CDLL(None))
    late = subprocess.Popen(["sleep", "60"], preexec_fn=first)  # noqa: PLW1509
    try:
        assert late.wait(10) == 1
    finally:
        late.kill()


def rehearsals(scratch: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if b"-s" in words and any(word.startswith(str(scratch).encode()) for word in words):
            found.append(entry.name)
    return found


def test_somebody_else_tries_a_configuration(pair: Pair) -> None:
    other = pair.left.directory / "other.conf"
    other.write_text(f"# other\n{LEFT}")
    pair.left.ask(f'configure "{other}" timeout 60')
    with pytest.raises(PlanRefused, match="somebody else tries a configuration"):
        pair.left.run(f"# hello\n{LEFT}")
    pair.left.ask("configure confirm")
    pair.left.apply(f"# hello\n{LEFT}")


def test_rehearsal_does_not_write_where_bird_logs(pair: Pair) -> None:
    text = changed(("log stderr all;", f'log stderr all;\nlog "{pair.left.directory}/messages" all;'))
    messages = pair.left.directory / "messages"
    messages.touch()
    pair.left.apply(text)
    logged = messages.read_text()
    with pytest.raises(PlanRefused):
        pair.left.run(changed(RESETTING["hold time"][0], text=text))
    assert messages.read_text() == logged


def test_bird_that_cannot_be_rehearsed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then everything that is up counts as interrupted."""
    monkeypatch.setattr(configurator.Control, "executable", lambda _self: "/bin/false")
    with pytest.raises(PlanRefused, match="could not be found out") as refused:
        pair.left.run(f"# hello\n{LEFT}")
    assert f"BGP right with {PEER}" in str(refused.value)
    pair.left.apply(f"# hello\n{LEFT}", allow_session_reset=True)


def test_bird_dies_during_the_trial(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new BIRD starts with is the old text, and the next run is not misled by what the trial has left."""

    def die(*_arguments: Any) -> list[str]:
        pair.left.process.kill()
        pair.left.process.wait()
        return []

    with monkeypatch.context() as patched:
        patched.setattr(configurator.Configurator, "_missing", die)
        with pytest.raises(ApplyFailed, match=r"BIRD has left during .* the file has the old configuration"):
            pair.left.run(f"# hello\n{LEFT}")
    assert pair.left.path.read_text() == LEFT
    with Router.started(pair.left.directory, "left", LEFT) as again:
        assert not again.run(LEFT).changed
        again.assert_settled(LEFT)


def test_two_runs_at_a_time_take_turns(pair: Pair, scratch: Path) -> None:
    texts = [f"# {number}\n{LEFT}" for number in range(4)]
    with ThreadPoolExecutor(len(texts)) as pool:
        outcomes = list(pool.map(pair.left.run, texts))
    assert all(outcome.changed for outcome in outcomes)
    assert pair.left.path.read_text() in texts
    assert not list(scratch.iterdir())
    pair.left.assert_settled(pair.left.path.read_text())


def test_no_bird(host: Machine, tmp_path: Path, scratch: Path) -> None:
    settings = configurator.Settings(str(tmp_path / "bird.conf"), str(tmp_path / "bird.ctl"))
    with pytest.raises(HostError, match="is it running"):
        configurator.Configurator(settings).run(LEFT)
    outcome = configurator.Configurator(settings, check=True).run(LEFT)
    assert outcome.changed
    assert "only the file was compared" in outcome.warnings[0]
    (tmp_path / "bird.conf").write_text(LEFT)
    assert not configurator.Configurator(settings, check=True).run(LEFT).changed


def module(router: Router, config: str, **options: Any) -> tuple[dict[str, Any], str]:
    """The module as Ansible calls it: its result, and all that it said."""
    arguments = {"config": config, "path": str(router.path), "socket": str(router.socket), **options}
    given = json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_diff": True, "_ansible_verbosity": 3, **arguments}})
    code = textwrap.dedent(
        f"""
        import sys
        sys.path[:0] = {sys.path!r}
        from ansible.module_utils import basic
        from ansible_collections.hostnet.fabric.plugins.modules import bird
        bird.main()
        """
    )
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=False)
    return json.loads(done.stdout), done.stdout + done.stderr


def test_module(pair: Pair) -> None:
    wanted = changed(("bfd on;", 'bfd on; password "first-secret";'))
    refused, said = module(pair.left, wanted)
    assert refused["failed"]
    assert "BGP right" in refused["msg"]
    assert "first-secret" not in said
    soft = f"# hello\n{LEFT}"
    done, said = module(pair.left, soft)
    assert (done["changed"], done["plan"]["resets"]) == (True, [])
    assert "+# hello" in done["diff"]["prepared"]
    assert done["commands"][-1] == "configure confirm"
    again, said = module(pair.left, soft)
    assert (again["changed"], again["summary"]) == (False, "nothing to change")
