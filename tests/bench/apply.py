# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured process: one document applied as the module does it, without Ansible around it.

apply.py DOCUMENT [--check]     writes the run's statistics and the process's own peak memory as JSON
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from ansible_collections.hostnet.fabric.plugins.module_utils.engine import Engine
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options
from ansible_collections.hostnet.fabric.plugins.module_utils.present import as_data, headline


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as stream:
        document = json.load(stream)
    outcome = Engine(Host(), Options(), check="--check" in sys.argv).run(document)
    changes = [as_data(change) for change in outcome.plan.changes]
    result = {"changes": changes, "summary": headline(outcome.plan), "stats": outcome.stats}
    result_bytes = len(json.dumps(result))
    peak = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert peak is not None
    answer = {"changes": len(changes), "stats": outcome.stats, "peak_kib": int(peak[1]), "result_bytes": result_bytes}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
