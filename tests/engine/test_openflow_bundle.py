# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How flows are sent to a bridge: in one bundle, or in several at once where many go to an empty bridge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest
from bridge_flows import FLOWS, add_foreign, flow_document, flows_of, group, many, shown_flows
from harness import Machine

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import ApplyFailed
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host

pytestmark = pytest.mark.usefixtures("ovs")


def test_one_bundle_for_each_bridge(host: Machine) -> None:
    bridges = [{"name": name, "datapath_type": "netdev", "fail_mode": "secure"} for name in ("br", "br2")]
    groups = [group(f"g{n}", f"table={n},actions=drop", bridge=bridge) for n in range(5) for bridge in ("br", "br2")]
    host.run({"ovs_bridges": bridges})
    done = host.run({"ovs_bridges": bridges, "openflow": groups})
    # Reading twice is two ip, two ovs-vsctl and four dumps at most; one process parses, two send.
    assert done.stats["processes"] <= 11
    assert len(flows_of(host)) == 5


def test_a_refused_bundle_changes_nothing_and_names_the_flow(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.apply(flow_document())
    monkeypatch.setattr(Host, "port_numbers", lambda _host, names: dict.fromkeys(names, 70000))
    changed = [*FLOWS[1:], "table=5,in_port=ta,actions=drop"]
    with pytest.raises(ApplyFailed, match=r"br web: openflow refused: bridge br: 'add cookie=0x68e3.*in_port=70000,"):
        host.run(flow_document(changed))
    assert flows_of(host) == shown_flows(host)
    monkeypatch.undo()
    host.apply(flow_document(changed))


def test_an_empty_bridge_gets_many_flows_over_several_connections(host: Machine) -> None:
    host.run(flow_document(openflow=[]))
    done = host.run(flow_document(many()))
    assert len(flows_of(host)) == 3000
    # One process counts the flows, three send what is behind table 0, one that.
    assert done.stats["processes"] <= 12
    host.assert_settled(flow_document(many()))


def test_table_0_gets_its_flows_when_the_others_have_theirs(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(flow_document(openflow=[]))
    sent: list[tuple[set[str], int]] = []
    start = Host._start_bundle

    def watched(self: Host, target: str, lines: Sequence[str]) -> Any:
        sent.append(({re.findall(r"table=(\d+),", line)[0] for line in lines}, len(flows_of(host))))
        return start(self, target, lines)

    monkeypatch.setattr(Host, "_start_bundle", watched)
    host.run(flow_document(many()))
    assert sent[-1] == ({"0"}, 2250)
    assert all("0" not in tables for tables, _there in sent[:-1])


def test_a_bridge_with_flows_gets_many_more_in_one_bundle(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    host.run(flow_document(openflow=[]))
    add_foreign(host, "table=9,actions=drop")
    monkeypatch.setattr(Host, "_fill", lambda *_words: pytest.fail("a packet may be on its way through table 9"))
    host.run(flow_document(many()))
    assert len(flows_of(host)) == 3001


@pytest.mark.parametrize("table", [0, 3])
def test_a_refused_flow_of_many_leaves_the_bridge_empty(
    host: Machine, table: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.apply(flow_document(openflow=[]))
    monkeypatch.setattr(Host, "port_numbers", lambda _host, names: dict.fromkeys(names, 70000))
    flows = [*many(), f"table={table},in_port=ta,actions=drop"]
    with pytest.raises(ApplyFailed, match=rf"br web: openflow refused: bridge br: 'add .*table={table},in_port=70000,"):
        host.run(flow_document(flows))
    assert flows_of(host) == set()
    monkeypatch.undo()
    host.apply(flow_document(flows))
