# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy rules. All of a rule is its identity, so that each selector is made, kept and taken away by itself."""

from __future__ import annotations

import pytest
from cases import Entry
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import all_fields, value_fields
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.rule import Rule

LOOKUP = {"priority": 100, "table": 100}
# An entry, and the line that `ip rule` shows for it.
RULES: dict[str, tuple[Entry, str]] = {
    "priority": ({"priority": 7, "table": 100}, "7: from all lookup 100 proto N"),
    "table": ({"priority": 100, "table": 70000}, "100: from all lookup 70000 proto N"),
    "action": ({"priority": 100, "action": "blackhole"}, "100: from all blackhole proto N"),
    "action-2": ({"priority": 100, "action": "prohibit", "family": 6}, "100: from all prohibit proto N"),
    "action-3": ({"priority": 100, "action": "unreachable"}, "100: from all unreachable proto N"),
    "family": ({**LOOKUP, "family": 6}, "100: from all lookup 100 proto N"),
    "source": ({**LOOKUP, "source": "192.0.2.0/24"}, "100: from 192.0.2.0/24 lookup 100 proto N"),
    "source-6": ({**LOOKUP, "source": "2001:db8::/32"}, "100: from 2001:db8::/32 lookup 100 proto N"),
    "destination": ({**LOOKUP, "destination": "192.0.2.1/32"}, "100: from all to 192.0.2.1 lookup 100 proto N"),
    "destination-6": ({**LOOKUP, "destination": "2001:db8::1/128"}, "100: from all to 2001:db8::1 lookup 100 proto N"),
    "iif": ({**LOOKUP, "iif": "t0"}, "100: from all iif t0 [detached] lookup 100 proto N"),
    "oif": ({**LOOKUP, "oif": "t0"}, "100: from all oif t0 [detached] lookup 100 proto N"),
    "fwmark": ({**LOOKUP, "fwmark": 16}, "100: from all fwmark 0x10 lookup 100 proto N"),
    "fwmark-2": ({**LOOKUP, "fwmark": "0x10/0xff"}, "100: from all fwmark 0x10/0xff lookup 100 proto N"),
    "ip_protocol": ({**LOOKUP, "ip_protocol": "tcp"}, "100: from all ipproto tcp lookup 100 proto N"),
    "source_port": (
        {**LOOKUP, "ip_protocol": "udp", "source_port": "1000-2000"},
        "100: from all ipproto udp sport 1000-2000 lookup 100 proto N",
    ),
    "destination_port": (
        {**LOOKUP, "ip_protocol": "udp", "destination_port": 53},
        "100: from all ipproto udp dport 53 lookup 100 proto N",
    ),
    "inverted": (
        {**LOOKUP, "source": "192.0.2.0/24", "inverted": True},
        "100: not from 192.0.2.0/24 lookup 100 proto N",
    ),
}


def test_every_selector_has_a_case() -> None:
    assert set(all_fields(Rule)) == {name.partition("-")[0] for name in RULES}
    assert not value_fields(Rule), "a rule has nothing that can change"


def _shown(host: Machine) -> list[str]:
    lines = (host.ip("-d rule show") + host.ip("-d -6 rule show")).splitlines()
    words = [" ".join(line.replace(":\t", ": ").split()).split(" proto ") for line in lines]
    return [f"{line} proto N" for line, protocol in words if protocol.isdigit()]


@pytest.mark.parametrize("name", RULES)
def test_each_selector_is_made_kept_and_taken_away(name: str, host: Machine) -> None:
    entry, shown = RULES[name]
    clean = host.snapshot()
    host.apply({"rules": [entry]})
    assert _shown(host) == [shown]
    host.apply({"rules": [LOOKUP]} if entry != LOOKUP else {})
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_rules_that_differ_in_one_selector_live_side_by_side(host: Machine) -> None:
    """They share their priority, so that removing one must not hit the other."""
    entries = [entry for name, (entry, _shown) in RULES.items() if name not in ("inverted", "family")]
    host.apply({"rules": entries})
    assert len(_shown(host)) == len(entries)
    for gone in range(0, len(entries), 3):
        left = entries[:gone] + entries[gone + 1 :]
        done = host.apply({"rules": left})
        assert sorted(set(actions(done).values())) in (["remove"], ["add", "remove"])
        assert len(_shown(host)) == len(left)


def test_a_rule_can_be_turned_around(host: Machine) -> None:
    """To the kernel a rule and its inversion are the same: the old one must go before the new one comes."""
    plain, inverted = RULES["source"][0], RULES["inverted"][0]
    for entry in (plain, inverted, plain):
        host.apply({"rules": [entry]})
    assert _shown(host) == [RULES["source"][1]]


@pytest.mark.parametrize("name", ["source", "destination-6", "iif", "fwmark", "ip_protocol"])
def test_a_rule_can_give_way_to_a_wider_one_and_back(name: str, host: Machine) -> None:
    """The kernel takes no wider rule beside a narrower one, and deletes whichever it finds first."""
    narrow = RULES[name][0]
    wide = {**LOOKUP, "family": 6} if name.endswith("-6") else LOOKUP
    for entry in (narrow, wide, narrow, wide):
        host.apply({"rules": [entry]})
        assert len(_shown(host)) == 1


def test_a_rule_beside_a_wider_one_of_the_same_priority_is_refused(host: Machine) -> None:
    with pytest.raises(DocumentError) as refused:
        host.run({"rules": [{**LOOKUP, "because": "a.b"}, {**LOOKUP, "source": "192.0.2.0/24", "because": "a.c"}]})
    assert refused.value.faults == (
        "rule host 100 from 192.0.2.0/24 lookup 100 (a.c): the kernel cannot tell it from rule 100 lookup 100 (a.b), "
        "which selects the same and more; give them different priorities",
    )


def test_a_table_is_filled_before_packets_are_sent_to_it(host: Machine) -> None:
    document = {
        "links": [{"name": "br0", "type": "bridge", "up": True}],
        "rules": [LOOKUP],
        "routes": [{"destination": "198.51.100.0/24", "dev": "br0", "table": 100}],
    }
    done = host.apply(document)
    kinds = [change.resource.kind for change in done.plan.changes]
    assert kinds.index("route") < kinds.index("rule")
