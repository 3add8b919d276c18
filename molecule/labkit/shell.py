# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command, say what is being done, and turn a failure into one line."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class LabError(Exception):
    """Something the user can read and act on; printed as one line."""


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


def attempt(args: Sequence[str], stdin: str = "", env: Mapping[str, str] | None = None) -> Result:
    """Run a command and return what came of it; only a missing program is an error."""
    try:
        done = subprocess.run(args, input=stdin, capture_output=True, text=True, env=env, check=False)
    except FileNotFoundError as error:
        raise LabError(f"{args[0]} is not installed; run `molecule/lab deps`") from error
    return Result(done.returncode, done.stdout, done.stderr)


def run(args: Sequence[str], stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """Run a command that has to succeed and return its output."""
    result = attempt(args, stdin, env)
    if result.status != 0:
        lines = (result.err.strip() or result.out.strip() or "no message").splitlines()
        raise LabError(f"`{shlex.join(args)}` failed with {result.status}: {'; '.join(lines[-3:])}")
    return result.out
