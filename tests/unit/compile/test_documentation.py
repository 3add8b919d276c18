# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the intent, and the role's specification, hold what the compiler takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.bridge import parse_bridge
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.instance import parse_instance
from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.intent import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "intent-bridge.md").read_text()
ROLE = ROOT / "roles" / "host_bridge"
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
EXAMPLES = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "fabric_bridges" in block]


def known_keys(parse, raw, *arguments):
    """Every key that a parser knows, by what it offers instead of one that it does not."""
    faults = Faults()
    parse(Section("x", {"?": 1, **raw}, faults), "x", *arguments)
    (offer,) = [text for path, text in faults.items() if path == "x.?"]
    return set(offer.removeprefix("is not known; choose ").split(", "))


BRIDGE_KEYS = known_keys(parse_bridge, {}, "h") | {"host", "hosts"}
BRIDGE = parse_bridge(Section("b", {}, Faults()), "b", "h")
INSTANCE_KEYS = known_keys(parse_instance, {"attach": "tap"}, BRIDGE) | {"bridge", "host"}


def documented(heading):
    """The keys of the tables below a heading, up to the next one of its level."""
    level, _blank, _title = heading.partition(" ")
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    text = re.split(rf"\n{level} ", text, maxsplit=1)[0]
    rows = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_page_has_every_key():
    assert documented("## Bridges") == BRIDGE_KEYS
    assert documented("## Instances") == INSTANCE_KEYS


def test_specification_has_every_key():
    options = SPECS["main"]["options"]
    for variable, keys in (("fabric_bridges", BRIDGE_KEYS), ("fabric_instances", INSTANCE_KEYS)):
        assert keys == set(re.findall(r"C\((\w+)\)", " ".join(options[variable]["description"])))


def test_specification_has_every_default():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    options = SPECS["main"]["options"]
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_right(example):
    intent = yaml.safe_load(example)
    assert Fleet(intent).faults() == []
    assert all(Fleet(intent).host(host) for host in Fleet(intent).hosts)


def test_page_has_examples():
    assert len(EXAMPLES) >= 3


@pytest.mark.parametrize("page", ["README.md", "docs/intent-bridge.md"])
def test_shown_fault_is_what_the_compiler_says(page):
    intent = yaml.safe_load((ROOT / "inventory/bridge/group_vars/bridged_hosts.yml").read_text())
    intent["fabric_instances"]["vm2"]["addresses"] = ["192.168.3.3"]
    (fault,) = Fleet(intent).faults()
    assert fault in " ".join((ROOT / page).read_text().split())
