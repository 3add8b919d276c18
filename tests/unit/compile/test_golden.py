# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped inventories, compiled: what they give is kept in golden/, as playbooks/render.yml writes it.

After an intended change write them anew: ``HOSTNET_WRITE_GOLDEN=1 pytest tests/unit/compile/test_golden.py``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.filter.bridge_document import bridge_document
from ansible_collections.hostnet.fabric.plugins.filter.bridge_faults import bridge_faults
from ansible_collections.hostnet.fabric.plugins.filter.document_commands import document_commands
from ansible_collections.hostnet.fabric.plugins.filter.document_yaml import document_yaml
from ansible_collections.hostnet.fabric.plugins.filter.dvr_document import dvr_document
from ansible_collections.hostnet.fabric.plugins.filter.dvr_faults import dvr_faults
from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_document import nf_document
from ansible_collections.hostnet.fabric.plugins.filter.nf_faults import nf_faults

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = Path(__file__).resolve().parent / "golden"


class Inventory(NamedTuple):
    group: str
    document: Callable[[Any, str], dict[str, Any]]
    faults: Callable[[Any, list[str]], list[str]]
    bird: Callable[[Any, str], list[dict[str, str]]] | None = None


INVENTORIES = {
    "bridge": Inventory("bridged_hosts", bridge_document, bridge_faults),
    "dvr": Inventory("dvr", dvr_document, dvr_faults),
    "nf": Inventory("nf", nf_document, nf_faults, nf_bird),
    "vlan": Inventory("bridged_hosts", bridge_document, bridge_faults),
}


def intent_of(inventory):
    name = f"{INVENTORIES[inventory].group}.yml"
    return yaml.safe_load((ROOT / "inventory" / inventory / "group_vars" / name).read_text())


def hosts_of(inventory):
    """The hosts of the inventory's group and of the groups in it."""
    content = yaml.safe_load((ROOT / "inventory" / inventory / "hosts.yml").read_text())
    groups = [content["all"]["children"][INVENTORIES[inventory].group]]
    found = set()
    while groups:
        group = groups.pop()
        groups.extend(group.get("children", {}).values())
        found.update(group.get("hosts", {}))
    return sorted(found)


def reversed_keys(value):
    """The same intent, with the keys of every map in the opposite order."""
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


def rendered(inventory, intent, host):
    document = INVENTORIES[inventory].document(intent, host)
    bird = INVENTORIES[inventory].bird
    return {
        f"{host}.document.yml": document_yaml(document),
        f"{host}.commands.txt": "\n".join(document_commands(document)) + "\n",
        **{f"{host}.{daemon['name']}.bird.conf": daemon["config"] for daemon in (bird(intent, host) if bird else ())},
    }


HOSTS = [(inventory, host) for inventory in INVENTORIES for host in hosts_of(inventory)]


@pytest.mark.parametrize("inventory", INVENTORIES)
def test_inventory_is_right(inventory):
    assert INVENTORIES[inventory].faults(intent_of(inventory), hosts_of(inventory)) == []


@pytest.mark.parametrize(("inventory", "host"), HOSTS)
def test_golden(inventory, host):
    directory = GOLDEN / inventory
    found = rendered(inventory, intent_of(inventory), host)
    if os.environ.get("HOSTNET_WRITE_GOLDEN"):
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in found.items():
            (directory / name).write_text(text)
    assert found == {name: (directory / name).read_text() for name in found}


@pytest.mark.parametrize(("inventory", "host"), HOSTS)
def test_order_of_keys_means_nothing(inventory, host):
    intent = intent_of(inventory)
    assert rendered(inventory, reversed_keys(intent), host) == rendered(inventory, intent, host)


def test_no_stale_golden_file():
    expected = {
        Path(inventory) / name for inventory, host in HOSTS for name in rendered(inventory, intent_of(inventory), host)
    }
    assert {path.relative_to(GOLDEN) for path in GOLDEN.rglob("*.*")} == expected


@pytest.mark.parametrize(("inventory", "host"), HOSTS)
def test_rendered_document_reads_back(inventory, host):
    document = INVENTORIES[inventory].document(intent_of(inventory), host)
    assert yaml.safe_load(document_yaml(document)) == document
