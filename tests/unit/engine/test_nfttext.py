# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts in nft's language stay where they are put, name their devices, and are cut into the heads of what they list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils import nfttext
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.nft_table import (
    NftTable,
    parse_chain,
    parse_collection,
    table_name,
    tables,
)

# nft indents with tabs.
LISTING = """table inet hostnet.t.g {
    flags dormant
    comment "a # b {"

    limit l {
        rate 10/second
    }

    ct helper h {
        type "ftp" protocol tcp
        l3proto ip
    }

    set s {
        type ipv4_addr
        size 100    # count 3
        flags dynamic
    }

    chain c {
        comment "at a # device"
        type filter hook ingress device "eth0" priority filter; policy accept;
        jump {
            type ipv4_addr
        }
        comment "no head"
    }
}
# Warning: table ip nat is managed by iptables-nft, do not touch!
table netdev n { # progname nft
    chain d {
        drop
    }
}
""".replace("    ", "\t")


def test_the_heads_of_a_listing() -> None:
    place = ("inet", "hostnet.t.g")
    assert nfttext.heads(LISTING) == [
        nfttext.Head(*place, "table", "", 'flags dormant\ncomment "a # b {"'),
        nfttext.Head(*place, "limit", "l", "rate 10/second"),
        nfttext.Head(*place, "ct helper", "h", 'type "ftp" protocol tcp\nl3proto ip'),
        nfttext.Head(*place, "set", "s", "type ipv4_addr\nsize 100\nflags dynamic"),
        nfttext.Head(
            *place,
            "chain",
            "c",
            'comment "at a # device"\ntype filter hook ingress device "eth0" priority filter; policy accept;',
        ),
        nfttext.Head("netdev", "n", "table", "", ""),
        nfttext.Head("netdev", "n", "chain", "d", ""),
    ]


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("10/second", "999/second", "limit l"),
        ("flags dormant", "", "table"),
        ("protocol tcp", "protocol udp", "ct helper h"),
        ('"eth0"', '"eth1"', "chain c"),
        ("flags dynamic", "flags dynamic,timeout", "set s"),
    ],
)
def test_whatever_the_listing_says_is_compared(old: str, new: str, field: str) -> None:
    def table(listing: str) -> NftTable:
        found = tables({"head": head} for head in nfttext.heads(listing))
        return NftTable(family="inet", name="g", parts=found[("inet", "hostnet.t.g")])

    (difference,) = table(LISTING.replace(old, new)).differences(table(LISTING))
    assert difference.field == field
    assert difference.before != difference.after


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("chain c { type filter hook ingress device eth0 priority 0; }", ["eth0"]),
        ('chain c { type filter hook egress  device "eth0.5" priority 0; } chain d { }', ["eth0.5"]),
        ('chain c { type filter hook ingress devices = { eth1, "eth0" } priority 0; }', ["eth0", "eth1"]),
        ("flowtable f { hook ingress priority 0; devices = { eth0\n, eth1 }; }", ["eth0", "eth1"]),
        ('chain c { drop comment "hook ingress device eth0"; }', []),
        ("chain c { drop; } # hook ingress device eth0", []),
        ("define d = eth0\nflowtable f { hook ingress priority 0; devices = { $d }; }", []),
        ('chain c { type filter hook ingress device "a" priority 0; drop comment "devices = { x }"; }', ["a"]),
        ("chain c { iifname { eth0 } drop; }", []),
    ],
)
def test_the_devices_that_a_text_hooks_in_at(text: str, found: list[str]) -> None:
    assert nfttext.devices(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "chain c { }\n}\ntable inet evil {\nchain x { drop; }",
        "chain c {",
        '} flush ruleset; table inet g { chain c { drop comment "{"; }',
        "chain c { # }",
        'chain c { drop comment "x; }',
    ],
)
def test_a_text_that_leaves_its_braces_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"brace|quotation mark"):
        nfttext.block(text)


@pytest.mark.parametrize("text", ["accept; drop", "accept\ndrop", "accept # why", "accept } drop", "jump { accept"])
def test_more_than_one_statement_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"statement|brace"):
        nfttext.statement(text)


@pytest.mark.parametrize(
    "text", ['drop comment "a; b # }"', "tcp dport { 22, 80 } accept", "jump { accept; }", "drop\n"]
)
def test_one_statement_is_taken(text: str) -> None:
    assert nfttext.statement(text) == text.strip()


pieces = st.lists(st.sampled_from(['"', "{", "}", "#", "\n", ";", "x"]), max_size=12).map("".join)


def _depths(text: str) -> list[int]:
    """Read letter by letter how many braces are open, independently of how the parser does it."""
    found, state, depth = [], "", 0
    for letter in text:
        if state == "#":
            state = "" if letter == "\n" else "#"
        elif state == '"':
            state = "" if letter == '"' else '"'
        elif letter in '#"':
            state = letter
        else:
            depth += {"{": 1, "}": -1}.get(letter, 0)
            found.append(depth)
    return [*found, -1 if state == '"' else depth]


@given(pieces.filter(bool))
def test_a_block_is_taken_when_its_braces_are_its_own(text: str) -> None:
    depths = _depths(text)
    try:
        nfttext.block(text)
        taken = True
    except ValueError:
        taken = False
    assert taken == (min(depths) >= 0 and depths[-1] == 0)


@pytest.mark.parametrize("name", ["x { } ; table inet y", "a b", "a;b", "a\n", '"a"', "a#", "ä", "a" * 129])
def test_a_name_is_one_word(name: str) -> None:
    for parse in (
        nfttext.identifier,
        table_name,
        lambda text: parse_chain({"name": text}),
        lambda text: parse_collection({"name": text, "type": "ipv4_addr"}),
    ):
        with pytest.raises(ValueError, match="no name"):
            parse(name)


@pytest.mark.parametrize(
    "field",
    [
        {"type": "filter; }"},
        {"hook": "ingress }"},
        {"priority": "0; }"},
        {"policy": "drop; }"},
        {"device": 'eth0"'},
        {"rules": ["drop }"]},
    ],
)
def test_no_word_of_a_chain_ends_it(field: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        parse_chain({"name": "c", "type": "filter", "hook": "ingress", "priority": 0, **field})


@pytest.mark.parametrize("field", [{"type": "ipv4_addr; }"}, {"flags": ["interval; }"]}, {"elements": ["192.0.2.1 }"]}])
def test_no_word_of_a_set_ends_it(field: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        parse_collection({"name": "s", "type": "ipv4_addr", **field})
