# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what host_network has changed in the first run of site.yml on a lab, or would have in its first check."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible import context
from ansible.plugins.callback import CallbackBase

DIRECTORY = "HOSTNET_CHANGES"


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "changes"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._playbook = ""
        self._found: dict[str, list[Any]] = {}

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._playbook = os.path.basename(playbook._file_name)

    def v2_runner_on_ok(self, result: Any) -> None:
        if self._playbook == "site.yml" and result._task.action.endswith("host_network"):
            self._found.setdefault(result._host.get_name(), []).extend(result._result["changes"])

    def v2_playbook_on_stats(self, stats: Any) -> None:
        run = "check" if context.CLIARGS["check"] else "run"
        path = Path(os.environ[DIRECTORY]) / f"changes-{run}.json"
        if self._playbook == "site.yml" and not path.exists():
            path.write_text(json.dumps(self._found))
