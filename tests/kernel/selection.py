# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pytest plugin that keeps the tests which the running kernel has to skip.

Their names go, one a line, into the file that HOSTNET_SELECTION names.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# What Open vSwitch decides alike for both datapaths, and what differs from other tests of packets in the intent only.
FILES_LEFT_OUT = ("test_dvr_trace.py", "test_dvr_externals.py")
EACH_FIELD = "test_each_field_can_be_set_and_changed["
# What every kind of link has, and every port of a bridge: tried on any kernel, with the kinds of link that it has.
OF_EVERY_LINK = ("mac]", "mtu]", "txqueuelen]", "label]", "master]")
OF_EVERY_PORT = ("isolated]", "hairpin]", "learning]", "flood]", "neigh_suppress]", "bpdu_guard]", "root_block]")
LEFT_OUT = (
    # They count lost packets, and an emulated machine loses some of its own.
    "test_nothing_is_lost_on_the_way[",
    "test_a_whole_build_and_teardown_keep_the_connection[system]",
    # They apply whole documents a hundred times, which has nothing to do with the datapath.
    "test_a_killed_run_and_a_killed_teardown_are_finished_by_the_next[",
    "test_what_is_deleted_is_made_again_and_nothing_else_is_touched[",
    "test_a_killed_run_with_open_vswitch_is_finished_by_the_next[",
    "test_a_killed_move_leaves_the_host_reachable_and_is_finished_by_the_next[",
    # They read back what the engine writes alike for both datapaths, in the words of this machine's tools.
    "test_addresses_macs_and_mtus[",
    "test_rules_and_routes[",
    "test_neighbours_are_known_for_good[",
    "test_filters[",
    "test_sysctls[",
    "test_flows[",
    "test_namespaces[",
    "test_bridges_and_ports[",
    "test_devices_of_the_namespaces[",
    "test_every_documented_table_has_flows_and_no_other_has[",
    "test_nft_tables[",
    # Tried with Open vSwitch's own datapath only so far, and on a kernel with flowtables not yet.
    "test_nothing_gets_from_wire_to_wire_without_flows[",
    "test_an_ingress_rule_for_",
    "test_a_port_without_security_sends_",
    "test_twins_of_two_tenants_",
    "test_whatever_a_body_changes_is_changed[flowtable]",
)


def repeats(name: str) -> bool:
    """Whether it would try once more what does not depend on the kind of link."""
    return name.startswith(EACH_FIELD) and name.endswith((*OF_EVERY_LINK, *OF_EVERY_PORT))


def needed(item: pytest.Item) -> set[str]:
    return {feature for marker in item.iter_markers("needs") for feature in marker.args}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    import features

    items[:] = [
        item
        for item in items
        if not item.name.startswith(LEFT_OUT)
        and item.path.name not in FILES_LEFT_OUT
        and not repeats(item.name)
        and any(not features.has(need) for need in needed(item))
    ]
    names = "".join(f"{item.nodeid}\n" for item in items)
    Path(os.environ["HOSTNET_SELECTION"]).write_text(names)
