# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services module netns_service restarts: their processes and namespaces are real, systemd is not."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from harness import Machine, inside, tool

from ansible_collections.hostnet.fabric.plugins.modules import netns_service

SYSTEMCTL = """#!/bin/sh
case "$1" in
show) shift 4; for service; do cat "$0.$service" 2>/dev/null || echo 0; echo; done;;
restart) shift 2; echo "$*" >> "$0.restarted";;
esac
"""


class Services:
    """A process for each service that runs."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._program, self._stack = directory / "systemctl", stack
        self._program.write_text(SYSTEMCTL)
        self._program.chmod(0o755)

    def start(self, service: str, namespace: str) -> None:
        with inside(namespace):
            process = subprocess.Popen(["sleep", "60"])
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        self._program.with_name(f"systemctl.{service}").write_text(f"{process.pid}\n")

    def restarts(self) -> list[str]:
        found = self._program.with_name("systemctl.restarted")
        return found.read_text().splitlines() if found.exists() else []


@pytest.fixture
def services(host: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with ExitStack() as stack:
        for name in ("nf-up1", "nf-up2"):
            tool("ip", "netns", "add", name)
        yield Services(tmp_path, stack)


def run(capsys: pytest.CaptureFixture[str], services: Mapping[str, str], check: bool = False) -> dict[str, Any]:
    with patch_module_args({"services": services, "_ansible_check_mode": check}), pytest.raises(SystemExit):
        netns_service.main()
    return json.loads(capsys.readouterr().out)


def test_who_runs_in_a_namespace_that_is_gone_is_restarted(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not who is where it should be, and not who does not run. Check mode tells it, and restarts nobody."""
    asked = {"bird@nf-up1": "nf-up1", "bird@nf-up2": "nf-up2", "bird@nf-up3": "nf-up3"}
    services.start("bird@nf-up1", "nf-up1")
    services.start("bird@nf-up2", "nf-up2")
    found = run(capsys, asked)
    assert (found["changed"], found["running"], found["restarted"]) == (False, ["bird@nf-up1", "bird@nf-up2"], [])
    tool("ip", "netns", "del", "nf-up2")
    assert run(capsys, asked, check=True)["restarted"] == ["bird@nf-up2"], "its namespace is about to be made"
    tool("ip", "netns", "add", "nf-up2")
    for check in (True, False):
        assert services.restarts() == []
        found = run(capsys, asked, check)
        assert (found["changed"], found["restarted"]) == (True, ["bird@nf-up2"])
    assert services.restarts() == ["bird@nf-up2"]


def test_without_services_nobody_is_asked(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, {})["changed"] is False
