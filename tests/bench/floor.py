# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor of a first apply: the engine's own batches written to files beforehand, carried out by the plain tools.

Nothing is read, compared, announced or verified: a shell script with one line, and so one process, for each batch.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ansible_collections.hostnet.fabric.plugins.module_utils import document as documents
from ansible_collections.hostnet.fabric.plugins.module_utils.batches import Batch, batches
from ansible_collections.hostnet.fabric.plugins.module_utils.engine import _given, _transactions
from ansible_collections.hostnet.fabric.plugins.module_utils.host import _line
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Mark, Step
from ansible_collections.hostnet.fabric.plugins.module_utils.ledger import LedgerStore
from ansible_collections.hostnet.fabric.plugins.module_utils.plan import Options, World, plan

from .subject import Document

_IP = {"ip": ["ip"], "ip6": ["ip", "-6"], "bridge": ["bridge"]}
_OFFLOADS = Path(__file__).resolve().parent / "offloads.py"


def write(raw: Document, flows: Mapping[str, str], ports: Mapping[str, int], directory: Path) -> Path:
    """Write the files that make a document's objects on an empty host, and return the script that runs them.

    ``flows`` are those of each bridge, with the numbers of ``ports``, which these therefore have to get.
    """
    directory.mkdir()
    for bridge, text in flows.items():
        (directory / bridge).write_text(text, encoding="utf-8")
    document = documents.parse(raw)
    ledger, _owners = LedgerStore(str(directory)).open(document.scope)
    given = World({resource.key: resource for resource in _given(document)})
    found = batches(plan(document.objects, given, Mark(document.scope, ledger.protocol), Options()))
    lines = ["set -e"]
    of_ethtool = [batch for batch in found if batch.tool == "ethtool"]
    offloads = [(batch.namespace, *step.words) for batch in of_ethtool for step, _number in batch.steps]
    for number, batch in enumerate(found):
        if batch.tool == "ovs":
            lines += _database_commands(batch, ports)
        elif batch.tool == "openflow":
            lines += _flow_commands(batch, directory)
        elif batch.tool not in ("announce", "ethtool"):
            path = directory / f"{number:05}.{batch.tool}"
            path.write_text(_text(batch), encoding="utf-8")
            lines.append(shlex.join(_command(batch, path)))
    if offloads:
        # ethtool takes one device a process.
        settings = directory / "offloads"
        settings.write_text("".join(f"{' '.join(words)}\n" for words in offloads), encoding="utf-8")
        lines.append(shlex.join(["/usr/bin/python3", str(_OFFLOADS), str(settings)]))
    script = directory / "floor.sh"
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return script


def _database_commands(batch: Batch, ports: Mapping[str, int]) -> list[str]:
    transactions = _transactions([_numbered(step, ports) for step, _change in batch.steps])
    return [shlex.join(["ovs-vsctl", *words]) + " >/dev/null" for words in transactions]


def _numbered(step: Step, ports: Mapping[str, int]) -> Step:
    if step.words[0] != "add-port":
        return step
    name = step.words[2]
    return replace(step, words=(*step.words, "--", "set", "Interface", name, f"ofport_request={ports[name]}"))


def _flow_commands(batch: Batch, directory: Path) -> list[str]:
    bridges = dict.fromkeys(step.words[0] for step, _change in batch.steps)
    call = ["ovs-ofctl", "-O", "OpenFlow14", "--bundle", "add-flows"]
    return [shlex.join([*call, bridge, str(directory / bridge)]) for bridge in bridges]


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
