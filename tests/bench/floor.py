# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of a first apply: the engine's own batches written to files beforehand, carried out by the plain tools.

Nothing is read, compared or verified: a shell script with one line, and so one process, for each batch.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.module_utils.batches import Batch, batches
from ansible_collections.hostnet.fabric.plugins.module_utils.host import _line
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Mark
from ansible_collections.hostnet.fabric.plugins.module_utils.ledger import LedgerStore
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options, World, plan

_IP = {"ip": ["ip"], "ip6": ["ip", "-6"], "bridge": ["bridge"]}


def write(raw: Mapping[str, Any], directory: Path) -> Path:
    """Write the files that make a document's objects on an empty host, and return the script that runs them."""
    directory.mkdir()
    document = documents.parse(raw)
    ledger, _owners = LedgerStore(str(directory)).open(document.scope)
    found = plan(document.objects, World({}), Mark(document.scope, ledger.protocol), Options())
    lines = ["set -e"]
    for number, batch in enumerate(batches(found)):
        path = directory / f"{number:05}.{batch.tool}"
        path.write_text(_text(batch), encoding="utf-8")
        lines.append(shlex.join(_command(batch, path)))
    script = directory / "floor.sh"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script


def _text(batch: Batch) -> str:
    if batch.tool == "nft":
        lines = [step.words[0] for step, _change in batch.steps]
    elif batch.tool == "sysctl":
        lines = [" = ".join(step.words) for step, _change in batch.steps]
    else:
        lines = [_line(step.words) for step, _change in batch.steps]
    return "\n".join(lines) + "\n"


def _command(batch: Batch, path: Path) -> list[str]:
    if batch.tool in _IP:
        return [*_IP[batch.tool], *(["-n", batch.namespace] if batch.namespace else []), "-batch", str(path)]
    inside = ["nsenter", f"--net=/run/netns/{batch.namespace}"] if batch.namespace else []
    if batch.tool == "nft":
        return [*inside, "nft", "-f", str(path)]
    if batch.tool == "sysctl":
        return [*inside, "sysctl", "--quiet", "--load", str(path)]
    raise ValueError(f"{batch.tool}: the measured documents hold nothing for it")
