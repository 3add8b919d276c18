# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the intent by name: those that roles take, and those that none does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.filter.variable_faults import variable_faults
from ansible_collections.hostnet.fabric.plugins.plugin_utils import variables

ROLES = Path(__file__).resolve().parents[3] / "roles"


@pytest.mark.parametrize(
    ("role", "known"),
    [
        ("host_bridge", variables.BRIDGE),
        ("dvr_compute", variables.DVR),
        ("dvr_snat", variables.DVR),
        ("nf_node", variables.NF),
        ("nf_gateway", variables.NF),
    ],
)
def test_a_role_takes_what_is_known_of_its_intent(role: str, known: tuple[str, ...]) -> None:
    taken = re.findall(r"\bfabric_\w+", (ROLES / role / "vars" / "main.yml").read_text())
    assert sorted(set(taken)) == sorted(known)


def test_what_roles_are_documented_to_take_is_known() -> None:
    specs = [yaml.safe_load(path.read_text()) for path in ROLES.glob("*/meta/argument_specs.yml")]
    options = {name for spec in specs for entry in spec["argument_specs"].values() for name in entry.get("options", {})}
    assert {name for name in options if name.startswith("fabric_")} <= variables.KNOWN


def test_a_misspelt_variable_is_a_fault_that_says_what_may_have_been_meant() -> None:
    assert variable_faults(["fabric_instanes", "fabric_bridges", "fabric_drained", "fabric_hosts", "other"]) == [
        "fabric_instanes: is not known; did you mean fabric_instances?"
    ]
    assert variable_faults(variables.KNOWN) == []
