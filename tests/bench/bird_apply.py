# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured process: a text brought live as the module bird does it, without Ansible around it.

bird_apply.py TEXT PATH SOCKET     TEXT is the file with what is wanted, PATH and SOCKET are BIRD's; writes as JSON
                                   whether something changed, and the seconds of each phase
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ansible_collections.hostnet.fabric.plugins.module_utils.bird.configurator import Configurator, Settings
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.present import as_data, headline


def main() -> None:
    wanted, path, socket = sys.argv[1:]
    outcome = Configurator(Settings(path, socket)).run(Path(wanted).read_text(encoding="utf-8"))
    summary = headline(outcome.plan, outcome.text_changes, outcome.mode) if outcome.changed else "nothing to change"
    answer = {"changed": outcome.changed, "summary": summary, "plan": as_data(outcome.plan), "phases": outcome.seconds}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
