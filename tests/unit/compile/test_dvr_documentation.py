# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the intent for routers, and the role's specification, hold what the compiler takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from dvr_intent import fleet

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "intent-dvr.md").read_text()
ROLE = ROOT / "roles" / "dvr_compute"
SPECS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
EXAMPLES = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "fabric_hosts" in block]


def known(path, *also):
    """Every key that may stand at a place of the small fleet, by what is offered instead of one that may not."""
    (offer,) = {
        fault.partition("; choose ")[2]
        for change in also or ({},)
        for fault in Fleet(fleet({**change, f"{path}/?": 1})).faults()
        if "?: is not known; choose " in fault
    }
    return set(offer.split(", "))


LEG = {"fabric_routers/red/networks": [{"network": "lan"}]}
LIMIT = {"fabric_instances/vm1/bandwidth": {"in": "1mbit"}}
FLOATING = {"fabric_instances/vm1/floating_ip": {"address": "192.0.2.150"}}
RULES = known("fabric_security_groups/web/ingress/0") | {"to"}
KEYS = {
    "fabric_hosts": known("fabric_hosts/kvm-01"),
    "fabric_providers": known("fabric_providers/wan"),
    "fabric_external_networks": known("fabric_external_networks/ext"),
    "fabric_networks": known("fabric_networks/web"),
    "fabric_routers": known("fabric_routers/blue"),
    "fabric_security_groups": known("fabric_security_groups/web"),
    "fabric_instances": known("fabric_instances/c1"),
}
BELOW = {
    "fabric_routers": known("fabric_routers/red/networks/0", LEG) | {"to", "via"},
    "fabric_security_groups": RULES,
}


def documented(heading):
    """The keys of the tables below a heading, up to the next one of its level."""
    level, _blank, _title = heading.partition(" ")
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    text = re.split(rf"\n{level} ", text, maxsplit=1)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("## Hosts", KEYS["fabric_hosts"]),
        ("## Providers", KEYS["fabric_providers"]),
        ("## External networks", KEYS["fabric_external_networks"]),
        ("## Networks", KEYS["fabric_networks"]),
        ("## Routers", KEYS["fabric_routers"] | BELOW["fabric_routers"] - {"to", "via"}),
        ("## Security groups", {"ingress", "egress"} | RULES),
        ("## Instances", KEYS["fabric_instances"]),
        ("## Floating IPs", known("fabric_instances/vm1/floating_ip", FLOATING)),
        ("## Bandwidth", known("fabric_instances/vm1/bandwidth", LIMIT)),
        ("## The fleet", {name for name in SPECS["main"]["options"] if name.startswith("fabric_")}),
    ],
)
def test_page_has_every_key(heading, keys):
    assert documented(heading) == keys


def test_specification_has_every_key():
    options = SPECS["main"]["options"]
    for variable, keys in KEYS.items():
        described = set(re.findall(r"C\((\w+)\)", " ".join(options[variable]["description"])))
        assert described - {"bridge"} == keys - {"bridge"} | BELOW.get(variable, set())


def test_specification_has_every_default():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    options = SPECS["main"]["options"]
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults


def test_entry_points_take_the_same_intent():
    variables = {name for name in SPECS["main"]["options"] if name.startswith("fabric_")}
    for entry in ("check", "render"):
        assert {name for name in SPECS[entry]["options"] if name.startswith("fabric_")} == variables
    listed = re.findall(r"'(fabric_\w+)'", (ROLE / "vars" / "main.yml").read_text())
    assert set(listed) == variables


def test_page_has_the_defaults():
    found = settings.parse_settings({}, {}, Faults())
    assert f"| {found.pool} |" in PAGE
    assert f"| {found.underlay_mtu} |" in PAGE
    assert f"| `{found.datapath}` |" in PAGE


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_right(example):
    intent = yaml.safe_load(example)
    assert Fleet(intent).faults() == []
    assert all(Fleet(intent).view(host) for host in Fleet(intent).hosts)


def test_page_has_examples():
    assert len(EXAMPLES) >= 3
