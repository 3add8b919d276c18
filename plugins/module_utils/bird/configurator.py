# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BIRD's configuration, brought live: looked at, checked, rehearsed, tried for a while, confirmed.

The file changes last, after BIRD has been told to keep what it runs. Until then BIRD goes back by itself.
"""

from __future__ import annotations

import fcntl
import glob
import hashlib
import math
import os
import shutil
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ApplyFailed, DocumentError, HostError, PlanRefused, VerifyFailed
from .control import Control, Unreachable
from .decide import Plan, Running, decide, decide_blindly
from .look import look
from .rehearse import CannotRehearse, Rehearsal, rehearse
from .replies import CONFIGURATION_OK, CONFIRMED, UNDO_SCHEDULED, Status, status
from .text import difference, expanded, has_secrets, statements, without_outlets

_SCRATCH = "/run/hostnet.fabric.bird"
_MODE = 0o640
# BIRD's clock and the file system's are read at slightly different moments.
_CLOCKS = 0.05
# BIRD waits longer for us than we for it, by more than the time that everything has to stay up.
_MARGIN, _PAUSE, _LONGEST_SETTLE = 5, 0.1, 3.0
_ECHO = "echo all 65536"


@dataclass(frozen=True)
class Settings:
    """await_sessions: whether BGP and BFD sessions that were up have to be up again before a change is confirmed."""

    path: str
    socket: str
    allow_session_reset: bool = False
    require_up: Sequence[str] = ()
    verify_timeout: float = 30.0
    await_sessions: bool = True


@dataclass
class Outcome:
    """mode: the file's mode before and after, when that is all that changes."""

    changed: bool
    plan: Plan = field(default_factory=Plan)
    text_changes: bool = False
    mode: str = ""
    difference: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


class Configurator:
    def __init__(self, settings: Settings, check: bool = False) -> None:
        if not os.path.isabs(settings.path) or any(letter in settings.path for letter in '"\n'):
            raise DocumentError([f"path: {settings.path!r} must be an absolute path without quotes"])
        if not 0 <= settings.verify_timeout < math.inf:
            raise DocumentError([f"verify_timeout: {settings.verify_timeout:g} must be a number of seconds, 0 or more"])
        self._settings = settings
        self._check = check
        self._outcome = Outcome(changed=False)
        directory, name = os.path.split(settings.path)
        self._trial = os.path.join(directory, f".{name}.trial")
        self._draft = os.path.join(directory, f".{name}.draft")

    def run(self, config: str) -> Outcome:
        """Make BIRD run this text, or in check mode say what that would do."""
        wanted = config if config.endswith("\n") else f"{config}\n"
        with self._locked():
            try:
                control = Control(self._settings.socket)
            except Unreachable:
                if not self._check:
                    raise
                return self._without_bird(wanted)
            try:
                return self._run(control, wanted)
            finally:
                control.close()

    def _run(self, control: Control, wanted: str) -> Outcome:
        self._take_back_unconfirmed(control)
        self._settle(control)
        now = status(control.tell("show status"), time.time())
        text, live = self._texts(now)
        outcome = self._outcome
        outcome.text_changes = text != wanted
        if text == live == wanted:
            self._keep_closed()
            return outcome
        with self._timed("check"):
            self._refuse_faults(control, wanted)
        with self._timed("rehearse"):
            running = look(control)
            outcome.plan, after = self._plan(control, running, now, live, wanted)
        outcome.changed = True
        outcome.difference = difference(text or "", wanted, self._settings.path)
        self._guard(outcome.plan, after)
        if not self._check:
            self._apply(control, running, wanted)
        return outcome

    def _without_bird(self, wanted: str) -> Outcome:
        """Check mode before BIRD is installed or started: the file can be compared, nothing else."""
        text = _read(self._settings.path)
        outcome = self._outcome
        outcome.changed = outcome.text_changes = text != wanted
        outcome.difference = difference(text or "", wanted, self._settings.path)
        outcome.warnings.append(f"BIRD does not answer on {self._settings.socket}: only the file was compared")
        return outcome

    def _take_back_unconfirmed(self, control: Control) -> None:
        """A run that was killed has left its change to BIRD, which undoes it soon; do not wait for that."""
        reply = control.tell("configure status")
        if not reply.has(UNDO_SCHEDULED):
            return
        if not os.path.exists(self._trial):
            left = next(line.text for line in reply.lines if line.code == UNDO_SCHEDULED)
            reason = f"somebody else tries a configuration of BIRD ({left}); confirm it, undo it, or wait"
            raise PlanRefused([reason])
        if self._check:
            self._outcome.warnings.append(
                "the change of a run that was cut off is not confirmed; a run undoes it first"
            )
        else:
            self._undo(control)

    def _texts(self, now: Status) -> tuple[str | None, str | None]:
        """The file's text and that which BIRD runs, None when there is none or nobody knows, because the file was
        written after BIRD had read it. A run that was killed when BIRD had confirmed its trial is brought to its end.
        """
        if self._runs_trial(now):
            text = _read(self._trial)
            if not self._check:
                os.replace(self._trial, self._settings.path)
            return text, text
        if not self._check:
            _unlink(self._trial)
        text, written = _read(self._settings.path), _modified(self._settings.path)
        stale = written is None or (now.loaded is not None and written > now.loaded + _CLOCKS)
        return text, None if stale else text

    def _runs_trial(self, now: Status) -> bool:
        tried = _modified(self._trial)
        if tried is None or now.started is None or now.loaded is None:
            return False
        return now.started < tried and -_CLOCKS < now.loaded - tried < _MARGIN

    def _refuse_faults(self, control: Control, wanted: str) -> None:
        self._write(self._draft, wanted)
        try:
            reply = self._ask(control, f'configure check "{self._draft}"')
        finally:
            _unlink(self._draft)
        if reply.code != CONFIGURATION_OK:
            raise DocumentError([f"BIRD refuses the configuration: {self._mapped(reply.text, self._draft)}"])

    def _mapped(self, message: str, path: str) -> str:
        """What BIRD says of the copy, said of the file."""
        return message.replace(path, self._settings.path)

    def _plan(
        self, control: Control, running: Running, now: Status, live: str | None, wanted: str
    ) -> tuple[Plan, Rehearsal | None]:
        """``live``: what BIRD runs, None when that is not known. A change from the new text to itself shows then what
        protocols there will be."""
        unknown = "the file was changed since BIRD read it, so what BIRD runs is not known"
        new = expanded(wanted, self._settings.path, _included)
        old = new if live is None else expanded(live, self._settings.path, _included)
        before, after = statements(old), statements(new)
        program = control.executable() or shutil.which("bird") or "bird"
        scratch = os.path.join(_SCRATCH, hashlib.sha256(self._settings.socket.encode()).hexdigest()[:16])
        try:
            played = rehearse(program, scratch, now.router_id, without_outlets(before), without_outlets(after))
        except CannotRehearse as error:
            return decide_blindly(running, after, f"what BIRD would do could not be found out ({error})"), None
        if live is None:
            blind = decide_blindly(running, after, unknown)
            known = decide(running, played, before, after)
            return replace(known, resets=blind.resets), played
        return decide(running, played, before, after), played

    def _guard(self, plan: Plan, after: Rehearsal | None) -> None:
        missing = [name for name in self._settings.require_up if after is not None and name not in after.after]
        if missing:
            raise DocumentError([f"require_up: the configuration has no protocol {name}" for name in missing])
        if plan.resets and not self._settings.allow_session_reset:
            raise PlanRefused(
                [
                    "this change interrupts what works now; allow_session_reset allows that:",
                    *(f"  {reset}" for reset in plan.resets),
                ]
            )

    def _apply(self, control: Control, running: Running, wanted: str) -> None:
        seconds = math.ceil(self._settings.verify_timeout) + _MARGIN
        self._write(self._trial, wanted)
        self._ask(control, _ECHO)
        try:
            with self._timed("configure"):
                reply = self._ask(control, f'configure "{self._trial}" timeout {seconds}')
                if reply.failed:
                    message = self._mapped(reply.text, self._trial)
                    raise ApplyFailed(f"BIRD does not take the configuration, the old one is live: {message}")
            with self._timed("verify"):
                self._verify(control, running)
            reply = self._ask(control, "configure confirm")
            if reply.code != CONFIRMED:
                raise ApplyFailed(f"BIRD has gone back to the old configuration by itself: {reply.text}")
        except BaseException as error:
            self._go_back(control, error)
            raise
        self._note_surprises(control, running)
        try:
            os.replace(self._trial, self._settings.path)
            _sync(os.path.dirname(self._settings.path))
        except OSError as error:
            what = f"BIRD runs the new configuration, but {self._settings.path} still has the old one"
            raise ApplyFailed(f"{what}: {error.strerror}; run this again") from error

    def _go_back(self, control: Control, error: BaseException) -> None:
        """Whatever went wrong, leave the old configuration. When BIRD does not listen any more, its own timer does."""
        try:
            self._undo(control)
            _unlink(self._trial)
        except HostError as second:
            by_itself = "the file has the old configuration, and BIRD goes back to it by itself in some seconds"
            raise ApplyFailed(f"{error}; {by_itself} ({second})") from error

    def _undo(self, control: Control) -> None:
        if control.tell("configure status").has(UNDO_SCHEDULED):
            self._outcome.commands.append("configure undo")
            control.tell("configure undo")
        self._settle(control)

    def _settle(self, control: Control) -> None:
        if not control.settle(self._settings.verify_timeout):
            raise HostError(f"BIRD is still reconfiguring after {self._settings.verify_timeout:g} s")

    def _verify(self, control: Control, running: Running) -> None:
        """Hold on until what worked before works again and has done so for as long as BFD needs to see that it does
        not.

        :raises VerifyFailed: with what is not up.
        """
        deadline = time.monotonic() + self._settings.verify_timeout
        running = running if self._settings.await_sessions else running.without_sessions()
        settle = max((session.timeout for session in running.sessions if session.up), default=0.0)
        good_since: float | None = None
        self._settle(control)
        while True:
            missing = self._missing(running, look(control))
            now = time.monotonic()
            good_since = None if missing else good_since or now
            if good_since is not None and now - good_since >= min(settle, _LONGEST_SETTLE):
                return
            if now > deadline and missing:
                when = f"after {self._settings.verify_timeout:g} s"
                raise VerifyFailed("\n".join([f"not up {when}; the old configuration is live again:", *missing]))
            time.sleep(_PAUSE)

    def _missing(self, before: Running, after: Running) -> list[str]:
        plan = self._outcome.plan
        heirs = dict(plan.successors)
        down_on_purpose = {name for name, _kind in plan.disabled}
        names = [heirs.get(name, name) for name, protocol in before.protocols.items() if protocol.up]
        names = [name for name in names if name in after.protocols and name not in down_on_purpose]
        expected = dict.fromkeys([*names, *self._settings.require_up])
        states = {name: after.protocols[name].state if name in after.protocols else "missing" for name in expected}
        missing = [f"  protocol {name} is {state}" for name, state in states.items() if state != "up"]
        were_up = {session.key for session in before.sessions if session.up}
        down = [session for session in after.sessions if session.key in were_up and not session.up]
        return missing + [f"  BFD session {session.title} is {session.state}" for session in down]

    def _note_surprises(self, control: Control, before: Running) -> None:
        """The rehearsal is BIRD's own word, but let nobody rely on that in silence."""
        planned = {reset.title for reset in self._outcome.plan.resets}
        for said in control.unasked():
            name = said.partition("Restarting protocol ")[2].strip()
            protocol = before.protocols.get(name)
            if protocol and protocol.up and not any(title.split()[1] == name for title in planned):
                self._outcome.warnings.append(f"BIRD has restarted protocol {name}, which was not foreseen")

    def _keep_closed(self) -> None:
        """Other users may not read what can hold passwords."""
        mode = stat.S_IMODE(os.stat(self._settings.path).st_mode)
        if mode & ~_MODE == 0 or not has_secrets(_read(self._settings.path) or ""):
            return
        self._outcome.changed = True
        self._outcome.mode = f"mode {mode:04o} → {mode & _MODE:04o}"
        if not self._check:
            os.chmod(self._settings.path, mode & _MODE)

    def _write(self, path: str, text: str) -> None:
        """A file that BIRD can read and others cannot, whoever owns the one beside it."""
        directory = os.path.dirname(path)
        try:
            model = os.stat(self._settings.path)
            mode = stat.S_IMODE(model.st_mode) & _MODE
        except FileNotFoundError:
            model, mode = os.stat(directory), _MODE
        _unlink(path)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as stream:
            os.fchown(descriptor, model.st_uid, model.st_gid)
            os.fchmod(descriptor, mode)
            stream.write(text)
            stream.flush()
            os.fsync(descriptor)

    def _ask(self, control: Control, command: str) -> Any:
        self._outcome.commands.append(command)
        return control.ask(command)

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self._outcome.seconds[phase] = time.monotonic() - started

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One run at a time for a configuration; others wait."""
        directory = os.path.dirname(self._settings.path)
        try:
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            if self._check:
                yield
                return
            raise HostError(f"path: there is no directory {directory}; is BIRD installed?") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def _modified(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except FileNotFoundError:
        return None


def _included(pattern: str, path: str) -> list[tuple[str, str]]:
    """The files that BIRD would read for an ``include`` of this file, in its order."""
    found = sorted(glob.glob(os.path.join(os.path.dirname(path), pattern)))
    return [(name, _read(name) or "") for name in found]


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _sync(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
