# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables tables: edited in place so that counters go on, rebuilt where they must be, refused when nft would."""

from __future__ import annotations

import copy
import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from features import TRIALS
from harness import Machine, actions, inside, tool

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import value_fields
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.nft_table import FAMILIES, NftTable

PLACE = "inet hostnet.t.guard"
TABLE: dict[str, Any] = {
    "family": "inet",
    "name": "guard",
    "sets": [
        {"name": "hosts", "type": "ipv4_addr", "elements": ["192.0.2.1", "192.0.2.2"]},
        {
            "name": "nets",
            "type": "ipv4_addr",
            "flags": ["interval"],
            "elements": ["198.51.100.0/24", "203.0.113.1-203.0.113.9"],
        },
        {
            "name": "ports",
            "type": "ifname . ether_addr . ipv4_addr",
            "elements": ["tap0 . 02:00:00:00:00:01 . 192.0.2.1"],
        },
        {"name": "marks", "type": "ipv4_addr : mark", "elements": ["192.0.2.1 : 0x1", "192.0.2.2 : 0x2"]},
        {
            "name": "verdicts",
            "type": "ifname : verdict",
            "elements": ["tap0 : jump extra", "eth* : drop"],
            "flags": ["interval"],
        },
    ],
    "chains": [
        {"name": "extra", "rules": ['udp dport { 53, 67 } counter accept comment "names and leases"']},
        {
            "name": "out",
            "type": "filter",
            "hook": "output",
            "priority": 0,
            "policy": "accept",
            "rules": [
                "ip daddr 127.0.0.1 udp dport 9 counter accept",
                "ip daddr @hosts counter",
                'ip6 daddr 2001:db8::/32 tcp flags syn / syn,ack limit rate 10/second counter log prefix "x: "',
                "meta mark set ip saddr map @marks",
            ],
        },
        {
            "name": "nat",
            "type": "nat",
            "hook": "postrouting",
            "priority": "srcnat",
            "rules": ["ip saddr 192.0.2.0/24 masquerade"],
        },
    ],
}


def _with(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    table = copy.deepcopy(TABLE)
    change(table)
    return {"nft_tables": [table]}


def _chain(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(chain for chain in table["chains"] if chain["name"] == name)


def _set(table: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in table["sets"] if each["name"] == name)


def _rules(host: Machine, chain: str) -> str:
    return tool("nft", "-s", "list", "chain", *PLACE.split(), chain).stdout


def _send(count: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _packet in range(count):
            sender.sendto(b"x", ("127.0.0.1", 9))


def _counted() -> int:
    listed = json.loads(tool("nft", "-j", "list", "chain", *PLACE.split(), "out").stdout)["nftables"]
    rule = next(entry["rule"] for entry in listed if "rule" in entry and "127.0.0.1" in json.dumps(entry))
    return next(part["counter"]["packets"] for part in rule["expr"] if "counter" in part)


# What is edited, and whether the counters of all other rules survive it.
EDITS: dict[str, tuple[Callable[[dict[str, Any]], None], bool]] = {
    "sets: element added": (lambda t: _set(t, "hosts")["elements"].append("192.0.2.3"), True),
    "sets: element removed": (lambda t: _set(t, "hosts")["elements"].pop(), True),
    "sets: all elements replaced": (lambda t: _set(t, "hosts").update(elements=["192.0.2.7"]), True),
    "sets: emptied": (lambda t: _set(t, "hosts").update(elements=[]), True),
    "sets: interval changed": (
        lambda t: _set(t, "nets").update(elements=["198.51.100.0/25", "203.0.113.5-203.0.113.20"]),
        True,
    ),
    "sets: concatenation changed": (
        lambda t: _set(t, "ports").update(
            elements=["tap1 . 02:00:00:00:00:02 . 192.0.2.2", "tap0 . 02:00:00:00:00:01 . 192.0.2.9"]
        ),
        True,
    ),
    "sets: map value changed": (
        lambda t: _set(t, "marks").update(elements=["192.0.2.1 : 0x7", "192.0.2.9 : 0x2"]),
        True,
    ),
    "sets: verdict changed": (
        lambda t: _set(t, "verdicts").update(elements=["tap0 : accept", "tap1 : jump extra"]),
        True,
    ),
    "sets: added": (lambda t: t["sets"].append({"name": "more", "type": "inet_service", "elements": ["22"]}), True),
    "sets: removed": (lambda t: t["sets"].pop(1), True),
    "sets: type changed": (lambda t: _set(t, "nets").update(type="ipv6_addr", elements=["2001:db8::/32"]), False),
    "chains: rule appended": (lambda t: _chain(t, "out")["rules"].append("counter"), True),
    "chains: rule put first": (lambda t: _chain(t, "out")["rules"].insert(0, "ip daddr 192.0.2.9 drop"), True),
    "chains: rules put first": (
        lambda t: _chain(t, "out")["rules"].__setitem__(slice(0, 0), ["udp dport 1 drop", "udp dport 2 drop"]),
        True,
    ),
    "chains: rules put between": (
        lambda t: _chain(t, "out")["rules"].__setitem__(slice(1, 2), ["udp dport 1", "udp dport 2"]),
        True,
    ),
    "chains: rule removed": (lambda t: _chain(t, "out")["rules"].pop(1), True),
    "chains: order turned": (lambda t: _chain(t, "out")["rules"].reverse(), True),
    "chains: emptied": (lambda t: _chain(t, "nat").update(rules=[]), True),
    "chains: added": (lambda t: t["chains"].append({"name": "more", "rules": ["drop"]}), True),
    "chains: added and jumped to": (
        lambda t: (
            t["chains"].append({"name": "more", "rules": ["drop"]}),
            _chain(t, "out")["rules"].insert(1, "udp dport 5 jump more"),
        ),  # type: ignore[func-returns-value]
        True,
    ),
    "chains: removed": (lambda t: t["chains"].pop(2), True),
    "chains: policy changed": (lambda t: _chain(t, "out").update(policy="drop"), False),
    "chains: priority changed": (lambda t: _chain(t, "out").update(priority=10), False),
    "body: instead of the parts": (
        lambda t: (t.pop("sets"), t.pop("chains"), t.update(body="chain c { counter; }")),
        False,
    ),  # type: ignore[func-returns-value]
}


def test_every_field_is_edited() -> None:
    assert {name for name, _spec in value_fields(NftTable)} == {name.partition(":")[0] for name in EDITS}


@pytest.mark.parametrize("name", EDITS)
def test_a_table_is_edited_there_and_back(name: str, host: Machine) -> None:
    edit, keeps_counters = EDITS[name]
    clean = host.snapshot()
    host.apply({"nft_tables": [TABLE]})
    made = tool("nft", "-s", "list", "table", *PLACE.split()).stdout
    _send(3)
    counted = _counted()
    assert counted >= 3

    done = host.apply(_with(edit))
    assert actions(done) == {"nft_table inet guard": "change"}
    if keeps_counters and "order" not in name:
        assert _counted() == counted, "a rule that did not change lost its counter"

    host.apply({"nft_tables": [TABLE]})
    assert sorted(tool("nft", "-s", "list", "table", *PLACE.split()).stdout.split()) == sorted(made.split())
    host.absent()
    host.assert_as(clean)
    assert host.ledgers() == []


def test_an_edit_between_other_edits_lands_in_its_place(host: Machine) -> None:
    """Any sequence of rules becomes any other one, in the declared order."""

    def document(ports: str) -> dict[str, Any]:
        rules = [f"udp dport {ord(port)} counter" for port in ports]
        return {"nft_tables": [{"family": "inet", "name": "g", "chains": [{"name": "c", "rules": rules}]}]}

    for ports in ("abcdef", "axcdyf", "fedcba", "b", "", "aab", "aaab", "abab", "ba", "xyzabc", "zabcxy"):
        host.apply(document(ports))
        shown = tool("nft", "-s", "list", "chain", "inet", "hostnet.t.g", "c").stdout
        assert "".join(chr(int(line.split()[2])) for line in shown.splitlines() if "dport" in line) == ports


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family(family: str, host: Machine) -> None:
    hooks = {"netdev": ("ingress", {"device": "t0"}), "arp": ("input", {}), "bridge": ("forward", {})}
    hook, more = hooks.get(family, ("forward", {}))
    chain = {"name": "c", "type": "filter", "hook": hook, "priority": 0, "rules": ["counter accept"], **more}
    document = {
        "links": [{"name": "t0", "type": "tap"}],
        "nft_tables": [{"family": family, "name": "g", "chains": [chain]}],
    }
    clean = host.snapshot()
    host.apply(document)
    chain["rules"] = ["counter drop"]
    host.apply(document)
    assert "drop" in tool("nft", "list", "table", family, "hostnet.t.g").stdout
    host.absent()
    host.assert_as(clean)


def test_chains_alike_at_many_devices(host: Machine) -> None:
    """Each is compared with what it would be, although the kernel is asked for one of them."""
    taps = ("t0", "t1", "t2")

    def document(**rules: str) -> dict[str, Any]:
        hook = {"type": "filter", "hook": "ingress", "priority": 0}
        chains = [{"name": tap, "device": tap, "rules": [rules.get(tap, "drop")], **hook} for tap in taps]
        links = [{"name": tap, "type": "tap"} for tap in taps]
        return {"links": links, "nft_tables": [{"family": "netdev", "name": "g", "chains": chains}]}

    def shown() -> list[tuple[str, str]]:
        return re.findall(r'device "(t\d)".*\n\s+(\w+)', tool("nft", "list", "table", "netdev", "hostnet.t.g").stdout)

    host.apply(document())
    assert shown() == [("t0", "drop"), ("t1", "drop"), ("t2", "drop")]
    host.apply(document(t1="accept"))
    assert shown() == [("t0", "drop"), ("t1", "accept"), ("t2", "drop")]
    tool("nft", "flush", "chain", "netdev", "hostnet.t.g", "t2")
    done = host.apply(document(t1="accept"))
    assert [change.key[0] for change in done.plan.changes] == ["nft_table"]
    assert shown() == [("t0", "drop"), ("t1", "accept"), ("t2", "drop")]


def test_a_table_hooked_to_a_device_comes_back_with_it(host: Machine) -> None:
    def document(identity: int) -> dict[str, Any]:
        chain = {"name": "c", "type": "filter", "hook": "ingress", "device": "vx0", "priority": 0, "rules": ["accept"]}
        other = {"name": "d", "rules": ["drop"]}
        return {
            "links": [{"name": "vx0", "type": "vxlan", "id": identity}],
            "nft_tables": [{"family": "netdev", "name": "g", "chains": [chain, other]}],
        }

    host.apply(document(1))
    host.apply(document(2))
    assert tool("nft", "list", "table", "netdev", "hostnet.t.g").stdout.count("drop") == 1


def test_tables_in_a_namespace(host: Machine) -> None:
    clean = host.snapshot()
    document = {"namespaces": [{"name": "c1"}], "nft_tables": [{**TABLE, "namespace": "c1"}]}
    host.apply(document)
    assert tool("nft", "list", "tables").stdout == ""
    document["nft_tables"][0] = {**TABLE, "namespace": "c1", "chains": TABLE["chains"][:1], "sets": []}
    host.apply(document)
    with inside("c1"):
        assert "masquerade" not in tool("nft", "list", "ruleset").stdout
    host.absent()
    host.assert_as(clean)


def test_tables_of_others_stay_byte_by_byte_with_their_counters(host: Machine) -> None:
    foreign = "table inet filter {\nchain c {\ntype filter hook output priority 0\nudp dport 9 counter\n}\n}"
    tool("nft", foreign)
    tool("nft", "add table inet hostnet.other.guard; add table inet hostnet.tt.guard; add table inet hostnet")
    _send(2)
    before = tool("nft", "-a", "list", "ruleset").stdout
    assert "packets 2" in before
    host.apply({"nft_tables": [TABLE]})
    host.apply(_with(lambda table: table["chains"].pop()))
    host.absent()
    assert tool("nft", "-a", "list", "ruleset").stdout == before


def test_a_foreign_table_of_the_same_name_is_not_in_the_way(host: Machine) -> None:
    """Our tables have names of their own, which say whose they are."""
    tool("nft", "add table inet guard; add chain inet guard c")
    before = host.snapshot()
    host.apply({"nft_tables": [TABLE]})
    host.absent()
    host.assert_as(before)


def test_two_scopes_have_a_table_of_one_name_each(host: Machine) -> None:
    host.apply({"nft_tables": [TABLE]})
    before = host.snapshot()
    host.apply({"scope": "other", "nft_tables": [{"family": "inet", "name": "guard", "body": "chain c { drop; }"}]})
    host.absent({"scope": "other"})
    host.assert_as(before)


def test_what_someone_changed_in_our_table_by_hand_is_put_right(host: Machine) -> None:
    host.apply({"nft_tables": [TABLE]})
    tool("nft", f"add rule {PLACE} out drop; insert rule {PLACE} out accept")
    tool("nft", f"add element {PLACE} hosts {{ 9.9.9.9 }}; add chain {PLACE} theirs")
    done = host.apply({"nft_tables": [TABLE]})
    assert actions(done) == {"nft_table inet guard": "change"}
    assert "9.9.9.9" not in tool("nft", "list", "ruleset").stdout


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"chains": [{"name": "c", "rules": ["tcp dort 5 accept"]}]}, "nft refuses it: .*syntax error"),
        ({"chains": [{"name": "c", "rules": ["jump nowhere"]}]}, "nft refuses it"),
        ({"chains": [{"name": "c", "rules": ["ip saddr @nobody drop"]}]}, "nft refuses it"),
        ({"sets": [{"name": "s", "type": "ipv4_addr", "elements": ["2001:db8::1"]}]}, "nft refuses it"),
        ({"body": "chain c { type filter hook nowhere priority 0; }"}, "nft refuses it"),
    ],
)
def test_what_nft_would_refuse_is_refused_before_anything_is_done(
    table: dict[str, Any], message: str, host: Machine
) -> None:
    before = host.snapshot()
    document = {
        "links": [{"name": "br0", "type": "bridge"}],
        "nft_tables": [{"family": "inet", "name": "bad", "because": "fabric.guard", **table}],
    }
    with pytest.raises(DocumentError, match=r"nft table host inet bad \(fabric\.guard\): " + message):
        host.run(document)
    host.assert_as(before)


_SEEN = {"name": "seen", "type": "ipv4_addr", "flags": ["dynamic"]}
_NOTES = {"name": "c", "type": "filter", "hook": "output", "priority": 0, "rules": ["add @seen { ip daddr counter }"]}
_BODY = """set seen { type ipv4_addr; flags dynamic, timeout; timeout 1h; }
chain c { type filter hook output priority 0; update @seen { ip daddr }; }"""


@pytest.mark.parametrize("table", [{"sets": [_SEEN], "chains": [_NOTES]}, {"body": _BODY}], ids=["parts", "body"])
def test_what_packets_put_into_a_dynamic_set_is_no_difference(table: dict[str, Any], host: Machine) -> None:
    document = {"nft_tables": [{"family": "inet", "name": "g", **table}]}
    host.apply(document)
    _send(1)
    assert "127.0.0.1" in tool("nft", "list", "ruleset").stdout
    assert actions(host.run(document)) == {}


def test_the_time_that_an_element_has_left_is_no_difference(host: Machine) -> None:
    guests = {"name": "guests", "type": "ipv4_addr", "flags": ["timeout"], "elements": ["192.0.2.1 timeout 1h"]}
    document = {"nft_tables": [{"family": "inet", "name": "g", "sets": [guests]}]}
    host.apply(document)
    time.sleep(1.1)
    host.assert_settled(document)


# What nft has beside chains and sets, each before and after a change; names of what a kernel may lack are features.
_OBJECTS = {
    "limit": ("limit l { rate 10/second; }", "limit l { rate 999/second; }"),
    "quota": ("quota q { over 10 mbytes; }", "quota q { over 20 mbytes; }"),
    "counter": ("counter n { }", 'counter n { comment "more"; }'),
    "set": ("set s { type ipv4_addr; flags interval; }", "set s { type ipv4_addr; flags interval; auto-merge; }"),
    "comment of a chain": ("chain d { }", 'chain d { comment "why"; }'),
    "table": ('comment "old";', 'comment "new";'),
    "ct timeout": (
        "ct timeout t { protocol tcp; l3proto ip; policy = { established : 100 }; }",
        "ct timeout t { protocol tcp; l3proto ip; policy = { established : 200 }; }",
    ),
    "synproxy": ("synproxy p { mss 1460; wscale 7; }", "synproxy p { mss 1400; wscale 7; }"),
    "flowtable": (
        "flowtable f { hook ingress priority 0; devices = { t0 }; }",
        'flowtable f { hook ingress priority 0; devices = { t0, "t1" }; }',
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs(name) if name in TRIALS else ()) for name in _OBJECTS]
)
def test_whatever_a_body_changes_is_changed(name: str, host: Machine) -> None:
    def document(words: str) -> dict[str, Any]:
        body = f"{words}\nchain c {{ type filter hook output priority 0; accept; }}"
        taps = [{"name": tap, "type": "tap"} for tap in ("t0", "t1")]
        return {"links": taps, "nft_tables": [{"family": "inet", "name": "g", "body": body}]}

    def shown() -> str:
        return tool("nft", "-s", "list", "table", "inet", "hostnet.t.g").stdout

    clean = host.snapshot()
    before, after = _OBJECTS[name]
    host.apply(document(before))
    old = shown()
    assert actions(host.apply(document(after))) == {"nft_table inet g": "change"}
    assert shown() != old
    assert actions(host.apply(document(before))) == {"nft_table inet g": "change"}
    assert shown() == old
    host.absent()
    host.assert_as(clean)


@pytest.mark.parametrize("written", ["device {}", 'device "{}"', "devices = {{ {} }}"])
def test_a_chain_moves_to_another_device(written: str, host: Machine) -> None:
    def document(tap: str) -> dict[str, Any]:
        body = f"chain c {{ type filter hook ingress {written.format(tap)} priority 0; drop; }}"
        taps = [{"name": name, "type": "tap"} for name in ("t0", "t1")]
        return {"links": taps, "nft_tables": [{"family": "netdev", "name": "g", "body": body}]}

    host.apply(document("t0"))
    assert actions(host.apply(document("t1"))) == {"nft_table netdev g": "change"}
    assert "t1" in tool("nft", "list", "table", "netdev", "hostnet.t.g").stdout


def test_a_table_that_somebody_has_put_to_sleep_or_added_to_is_put_right(host: Machine) -> None:
    made = host.apply({"nft_tables": [TABLE]})
    assert actions(made) == {"nft_table inet guard": "add"}
    tool("nft", f"add table {PLACE} {{ flags dormant; }}")
    assert actions(host.apply({"nft_tables": [TABLE]})) == {"nft_table inet guard": "change"}
    assert "dormant" not in tool("nft", "list", "table", *PLACE.split()).stdout
    tool("nft", f"add limit {PLACE} theirs {{ rate 1/second; }}; add counter {PLACE} theirs")
    tool("nft", f'insert rule {PLACE} out limit name "theirs" counter name "theirs" drop')
    assert actions(host.apply({"nft_tables": [TABLE]})) == {"nft_table inet guard": "change"}
    assert "theirs" not in tool("nft", "list", "table", *PLACE.split()).stdout


def test_a_table_that_is_to_sleep_does(host: Machine) -> None:
    chain = "chain c { type filter hook output priority 0; drop; }"
    host.apply({"nft_tables": [{"family": "inet", "name": "g", "body": f"flags dormant;\n{chain}"}]})
    assert tool("ping", "-c1", "-W1", "127.0.0.1", check=False).returncode == 0
    host.apply({"nft_tables": [{"family": "inet", "name": "g", "body": chain}]})
    assert tool("ping", "-c1", "-W1", "127.0.0.1", check=False).returncode != 0


@pytest.mark.parametrize(
    "body",
    [
        "chain c { }\n}\ntable inet evil { chain x { }",
        "chain c { }\n}\nflush ruleset; table inet hostnet.t.g { chain c { }",
    ],
)
def test_a_body_stays_in_its_table(body: str, host: Machine) -> None:
    tool("nft", "add table inet theirs")
    before = host.snapshot()
    with pytest.raises(DocumentError, match="closes a brace"):
        host.run({"nft_tables": [{"family": "inet", "name": "g", "body": body}]})
    host.assert_as(before)


def test_a_file_that_a_body_includes_makes_no_table_of_its_own(host: Machine, tmp_path: Path) -> None:
    included = tmp_path / "more.nft"
    included.write_text("}\ntable inet evil {\n")
    before = host.snapshot()
    with pytest.raises(DocumentError, match="the inside of one table"):
        host.run({"nft_tables": [{"family": "inet", "name": "g", "body": f'include "{included}"'}]})
    host.assert_as(before)
