# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of a run that changes nothing: the engine's bulk reads, with every answer thrown away undecoded.

read.py DOCUMENT     writes the seconds the reads alone took
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import HOST
from ansible_collections.hostnet.fabric.plugins.module_utils.ledger import LedgerStore
from ansible_collections.hostnet.fabric.plugins.module_utils.observe import Observer


class DeafHost(Host):
    """Starts the same processes and asks the library the same questions, and listens to none of the answers."""

    def ask_ip(self, namespace: str, lines: Sequence[str]) -> Callable[[], list[list[dict[str, Any]]]]:
        self._batch(["ip", "-N", "-j", "-d", "-batch", "-"], namespace, lines)
        return list

    def nft_list(self, namespace: str, prefix: str = "") -> list[dict[str, Any]]:
        self._nft_texts(namespace, prefix)
        return []

    def _run(self, command: list[str], namespace: str, stdin: int = subprocess.DEVNULL) -> str:
        self.processes += 1
        with self.inside(namespace):
            subprocess.run(command, stdin=stdin, stdout=subprocess.DEVNULL, check=True)
        return ""


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as stream:
        document = documents.parse(json.load(stream))
    host = DeafHost()
    ledger, owners = LedgerStore(host.run_directory).open(document.scope)
    observer = Observer(host, ledger, owners, document.objects)
    namespaces = sorted(set(document.namespaces()) | set(ledger.namespaces))
    bridges = {key[2] for key in document.objects if key[0] == "openflow"}
    tunnels = {key[1] for key in document.objects if key[0] == "fdb"}
    started = time.perf_counter()
    observer.read([HOST, *namespaces], {})
    # What is read after an answer to something else has been heard.
    for bridge in sorted(bridges):
        host.dump_flows(bridge)
    for namespace in sorted(tunnels):
        host.bridge_table("fdb", namespace)
    print(json.dumps({"seconds": time.perf_counter() - started, "processes": host.processes}))


if __name__ == "__main__":
    main()
