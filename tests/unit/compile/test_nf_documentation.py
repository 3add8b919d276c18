# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page about the intent for NF nodes, and the roles' specifications, hold what the compiler takes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from nf_intent import fleet

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf import settings
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.next_hop import MAX_MEMBERS
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.pool_range import MAX_POOLS
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "intent-nf.md").read_text()
ROLES = {name: ROOT / "roles" / name for name in ("nf_node", "nf_gateway", "nf_drain")}
SPECS = {
    name: yaml.safe_load((role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    for name, role in ROLES.items()
}
EXAMPLES = [block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "fabric_vlans" in block]
VARIABLES = {name for name in SPECS["nf_node"]["main"]["options"] if name.startswith("fabric_")}


def known(path):
    """Every key that may stand at a place of the small fleet, by what is offered instead of one that may not."""
    (offer,) = {
        fault.partition("; choose ")[2]
        for fault in Fleet(fleet({f"{path}/?": 1})).faults()
        if "?: is not known; choose " in fault
    }
    return set(offer.split(", "))


KEYS = {
    "fabric_vlans": known("fabric_vlans/n6"),
    "fabric_nf_hosts": known("fabric_nf_hosts/kvm-01"),
    # An NF has several interfaces, so that the key for the name of one is refused.
    "fabric_user_planes": known("fabric_user_planes/up1") - {"interface"},
    "fabric_control_planes": known("fabric_control_planes/cp1") - {"interface"},
    "fabric_gateways": known("fabric_gateways") | known("fabric_gateways/hosts/gw-01"),
    "fabric_next_hops": known("fabric_next_hops/planes"),
    "fabric_pools": known("fabric_pools/subs"),
    "fabric_bfd": known("fabric_bfd"),
    "fabric_bgp": known("fabric_bgp"),
}


def documented(heading):
    """The keys of the tables below a heading, up to the next one."""
    text = PAGE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`[^|]*) \|", text, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("The fleet", VARIABLES),
        ("VLANs", KEYS["fabric_vlans"]),
        ("Hosts", KEYS["fabric_nf_hosts"]),
        ("User planes", KEYS["fabric_user_planes"]),
        ("Control planes", {"asn", "bgp"}),
        ("Gateways", KEYS["fabric_gateways"]),
        ("Next hops", KEYS["fabric_next_hops"]),
        ("Pools", KEYS["fabric_pools"]),
        ("BFD", KEYS["fabric_bfd"]),
        ("BGP", KEYS["fabric_bgp"]),
    ],
)
def test_page_has_every_key(heading, keys):
    assert documented(heading) == keys


def test_control_planes_take_what_user_planes_take():
    common = KEYS["fabric_user_planes"] - {"bfd", "weight"}
    assert KEYS["fabric_control_planes"] == common | {"asn", "bgp"}
    sentence = next(line for line in PAGE.splitlines() if line.startswith("They take `host`"))
    assert set(re.findall(r"`(\w+)`", sentence)) == common


def test_specification_has_every_key():
    options = SPECS["nf_node"]["main"]["options"]
    for variable, keys in KEYS.items():
        description = options[variable]["description"]
        text = description if isinstance(description, str) else " ".join(description)
        assert set(re.findall(r"C\((\w+)\)", text)) == keys


@pytest.mark.parametrize("role", ROLES)
def test_specification_has_every_default(role):
    defaults = yaml.safe_load((ROLES[role] / "defaults" / "main.yml").read_text())
    options = SPECS[role]["main"]["options"]
    assert {name: option["default"] for name, option in options.items() if "default" in option} == defaults
    readme = (ROLES[role] / "README.md").read_text()
    assert set(re.findall(rf"^\| `({role}_\w+)` \|", readme, re.MULTILINE)) == set(defaults)


def test_entry_points_take_the_same_intent():
    for entry in ("check", "render"):
        assert {name for name in SPECS["nf_node"][entry]["options"] if name.startswith("fabric_")} == VARIABLES
    for role in ROLES.values():
        assert set(re.findall(r"'(fabric_\w+)'", (role / "vars" / "main.yml").read_text())) == VARIABLES


def test_page_has_the_defaults():
    found = settings.parse_settings({}, Faults())
    for value in (found.bfd.interval, found.bfd.multiplier, found.bgp.hold_time, settings.DEFAULT_MTU):
        assert f"| {value} |" in PAGE
    assert f"| `{found.backend}` |" in PAGE
    assert f"less than {settings.FASTEST} ms" in PAGE
    assert f"At most {MAX_MEMBERS} of a family" in PAGE
    assert f"At most {MAX_POOLS} in one entry" in PAGE


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_right(example):
    intent = yaml.safe_load(example)
    assert Fleet(intent).faults() == []
    assert all(Fleet(intent).view(host) for host in Fleet(intent).hosts)


def test_page_has_an_example():
    assert len(EXAMPLES) >= 1
