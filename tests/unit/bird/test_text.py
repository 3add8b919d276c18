# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils.bird.text import (
    difference,
    expanded,
    has_secrets,
    protocol_texts,
    statements,
    what_concerns,
    without_outlets,
)

CONFIG = """
log syslog all;  # not "this";
log "/var/log/bird.log" { warning, error };
router id 192.0.2.1;
/* protocol bgp ghost { } */
define pool = [ 203.0.113.0/24{28,28}, 198.51.100.0/24 ];
function odd(int x) int y;
{
  if x = 1 then { print "a ; b } {"; return 1; }
  return 0;
}
filter in { if net ~ pool then accept; reject; }
protocol device { }
protocol kernel kernel4 { ipv4 { export all; }; };
protocol bgp cp1 from peers { neighbor 192.0.2.9 as 65100; }
protocol bgp 'cp-2' { neighbor 192.0.2.10 as 65100; }
mrtdump "/tmp/x";
"""


def test_statements() -> None:
    found = statements(CONFIG)
    assert found[:4] == [
        "log syslog all;",
        'log "/var/log/bird.log" { warning, error } ;',
        "router id 192.0.2.1;",
        "define pool = [ 203.0.113.0/24{28,28}, 198.51.100.0/24 ];",
    ]
    assert found[4].startswith("function odd(int x) int y; { if x = 1 then")
    assert found[4].endswith("return 0; }")
    assert found[5] == "filter in { if net ~ pool then accept; reject; }"
    assert found[7] == "protocol kernel kernel4 { ipv4 { export all; }; } ;"
    assert len(found) == 11


def test_protocols_by_name() -> None:
    found = protocol_texts(statements(CONFIG))
    assert list(found) == ["kernel4", "cp1", "cp-2"]
    assert found["cp1"] == "protocol bgp cp1 from peers { neighbor 192.0.2.9 as 65100; }"


def test_protocol_without_a_name() -> None:
    assert protocol_texts(["protocol device { }", "protocol bgp from peers { }"]) == {}


def test_what_concerns_a_protocol() -> None:
    found = what_concerns("cp1", statements(CONFIG))
    assert any(statement.startswith("protocol bgp cp1") for statement in found)
    assert any(statement.startswith("filter in") for statement in found)
    assert not any("'cp-2'" in statement for statement in found)


def test_outlets_are_left_out() -> None:
    text = without_outlets(statements(f'{CONFIG}\ncli "/run/other.ctl" {{ restrict }};\ndebug protocols all;'))
    assert not any(word in text for word in ("syslog", "bird.log", "/tmp/x", "other.ctl", "debug"))
    assert "router id" in text
    assert "protocol bgp cp1" in text


def test_space_counts_within_strings_and_nowhere_else() -> None:
    assert statements('a  "b  c"\t\n d;') == ['a "b  c" d;']


def test_string_without_its_end() -> None:
    assert statements('a "b;\nc;') == ['a "b;', "c;"]


def test_no_text_has_no_statements() -> None:
    assert statements("") == statements("# nothing\n/* at all */") == []


WORDS = st.sampled_from(['"a;b"', "'c}d'", "# e;\n", "/* f } */", "x", "{", "}", "(", ")", "[", "]", ";", "\n", " "])


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_text_can_be_cut_and_cutting_again_changes_nothing(text: str) -> None:
    found = statements(text)
    assert statements("\n".join(found)) == found


@given(
    st.lists(st.sampled_from(statements(CONFIG)), max_size=6), st.sampled_from(["\n", " ", "\n# c ; {\n", " /* } */ "])
)
def test_statements_do_not_depend_on_comments_and_space(parts: list[str], between: str) -> None:
    assert statements(between.join(parts)) == parts


FILES = {
    "/etc/bird/bird.conf": 'include "peers/*.conf";\n# include "no.conf";\nx "include \\"no.conf";\n',
    "/etc/bird/peers/a.conf": 'protocol bgp a {\n  include "common.inc";\n}\n',
    "/etc/bird/peers/b.conf": "protocol bgp b { }",
    "/etc/bird/peers/common.inc": "hold time 9;",
}


def read(pattern: str, path: str) -> list[tuple[str, str]]:
    directory = path.rpartition("/")[0]
    names = {
        "peers/*.conf": ["/etc/bird/peers/a.conf", "/etc/bird/peers/b.conf"],
        "common.inc": [f"{directory}/common.inc"],
        "itself.conf": ["/itself.conf"],
    }
    return [(name, FILES.get(name, 'include "itself.conf";')) for name in names[pattern]]


def test_included_files_take_their_place() -> None:
    text = expanded(FILES["/etc/bird/bird.conf"], "/etc/bird/bird.conf", read)
    assert list(protocol_texts(statements(text))) == ["a", "b"]
    assert "hold time 9;" in text
    assert '# include "no.conf";' in text


def test_file_that_includes_itself_comes_to_an_end() -> None:
    assert "itself.conf" in expanded('include "itself.conf";', "/itself.conf", read)


SECRETS = [
    'password "hunter2";',
    'password "hunter2" { id 1; algorithm hmac sha256; };',
    'keys { key { send id 1; recv id 1; secret "hunter2"; algorithm hmac sha1; }; };',
    'define its_key = "hunter2";\npassword its_key;',
    "password hex:6875:6e74:6572:32;",
    "password 68:75:6e:74:65:72:32:68:75:6e:74:65:72:32:68:75;",
    "password 68756e7465723268756e7465723268756e74;",
    '# the old password "hunter2"',
]


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_masked(secret: str) -> None:
    assert has_secrets(secret)
    shown = "\n".join(difference("", secret, "/etc/bird/bird.conf"))
    assert "********" in shown
    assert not any(word in shown for word in ("hunter2", "6875", "68:75"))


@pytest.mark.parametrize(
    "harmless", ['include "password.conf"', "keys { };", 'bird private key "/etc/ssh/key";', "key { id 1; };"]
)
def test_what_is_no_secret(harmless: str) -> None:
    assert not has_secrets(harmless)


def test_new_secret_is_a_change_that_shows_nothing() -> None:
    lines = difference('a;\npassword "one";\n', 'a;\npassword "two";\n', "f")
    assert lines[-2:] == ['-password "********";', '+password "********";']


@given(st.text(alphabet=st.characters(codec="ascii", exclude_characters='"\n\x00'), min_size=8, max_size=20))
def test_no_secret_is_ever_shown(secret: str) -> None:
    shown = "\n".join(difference("x;\n", f'x;\nneighbor 1; password "{secret}";\n', "f")[3:])
    assert shown == ' x;\n+neighbor 1; password "********";'


def test_same_text_has_no_difference() -> None:
    assert difference(CONFIG, CONFIG, "f") == []
