# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values: what is taken has one spelling and goes through every tool as it is; whatever comes, a fault is a
fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils import document, host, values
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, StepFailed
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import all_fields
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.registry import KINDS


@pytest.mark.parametrize(
    "name",
    ["tap%d", 'a"b', "a b", "a/b", "a\n", "a\x1b", "a:b", "a'b", "a#b", "a\\", "--", "-x", "all", "default", "."],
)
def test_a_name_that_a_tool_reads_more_into_is_none_of_a_device(name: str) -> None:
    with pytest.raises(ValueError, match="no device name"):
        values.device_name(name)


@pytest.mark.parametrize("name", ["eth0.100", "wlan0", "veth-a_b", "a,b", "x@y", "5", "ü"])
def test_other_names_are_taken(name: str) -> None:
    assert values.device_name(name) == name


@pytest.mark.parametrize("value", ['x"\nlink set dev lo mtu 1400 #', "a#b", "a\tb", "a\\", " a", "x" * 201, "a\x85b"])
def test_a_label_is_one_word_of_a_batch(value: str) -> None:
    with pytest.raises(ValueError, match=r"label|longer"):
        values.label(value)


@given(st.text(min_size=1))
def test_whatever_is_a_label_comes_through_a_batch(text: str) -> None:
    try:
        label = values.label(text)
    except ValueError:
        return
    assert _read(host._line(("alias", f"hostnet:t {label}"))) == ["alias", f"hostnet:t {label}"]


@given(st.lists(st.text(alphabet="ab \"'#\n\\", max_size=6), min_size=1, max_size=4))
def test_a_line_of_a_batch_is_read_as_it_was_meant_or_not_written(words: list[str]) -> None:
    try:
        line = host._line(words)
    except StepFailed:
        return
    assert _read(line) == words


def _read(line: str) -> list[str]:
    """A line as iproute2 takes it apart: a comment to its end, then words between blanks or quotes."""
    line = line.partition("#")[0]
    assert "\n" not in line
    assert not line.endswith("\\")
    found, rest = [], line.lstrip(" \t")
    while rest:
        if rest[0] in "\"'":
            word, closed, rest = rest[1:].partition(rest[0])
            assert closed
            rest = rest[1:]
        else:
            word, _blank, rest = rest.partition(" ")
        found.append(word)
        rest = rest.lstrip(" \t")
    return found


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (values.mac, "52:54:00:00:00:01\n"),
        (values.namespace_name, "web\n"),
        (values.namespace_name, "pid:7\n"),
        (values.integer(0, 9), "5\n"),
        (values.integer(0, 9), "9" * 5000),
        (values.ip, "::ffff:192.0.2.1"),
        (values.ip, "fe80::1%lo"),
        (values.interface, "::ffff:192.0.2.1/96"),
        (values.interface, "fe80::1%lo/64"),
        (values.interface, "224.0.0.1/24"),
        (values.interface, "ff02::1/64"),
        (values.interface, "0.0.0.0/24"),
        (values.interface, "192.0.2.1/0"),
        (values.interface, "2001:db8::1/0"),
        (values.prefix, "::ffff:10.0.0.0/104"),
        (values.prefix, "fe80::%lo/64"),
    ],
)
def test_a_value_that_would_be_shown_otherwise_is_refused(parse: values.Parser, value: str) -> None:
    with pytest.raises(ValueError, match=r"^(?!Exceeds)."):
        parse(value)


@pytest.mark.parametrize("scope", ["lab\n", "", None, 5, "Lab"])
def test_a_scope_is_one_word(scope: object) -> None:
    with pytest.raises(DocumentError, match="scope:"):
        document.parse({"scope": scope})


@given(st.integers(0, 2**128 - 1) | st.integers(0, 2**32 - 1))
def test_an_address_that_ip_shows_with_dots_is_read_in_the_spelling_of_a_document(number: int) -> None:
    import socket

    shown = socket.inet_ntop(socket.AF_INET6, number.to_bytes(16, "big"))
    if number >> 32 == 0xFFFF:
        return
    (found,) = host._decoded(f'[{{"local":"{shown}","dst":"{shown}/128"}}]'.encode())
    assert found == {"local": values.ip(shown), "dst": f"{values.ip(shown)}/128"}


def test_an_alias_is_bytes_of_any_kind() -> None:
    (found,) = host._decoded(b'[{"ifalias":"caf\xe9"}]')
    assert found["ifalias"].encode(errors="surrogateescape") == b"caf\xe9"


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=2)
yaml = st.recursive(
    scalars
    | st.sampled_from(["lo", "192.0.2.1", "2001:db8::/32", "192.0.2.1/24", "52:54:00:00:00:01", "veth", "{", "1-"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "namespace", "vid", "via", "dev", "type", "rules", "hook"]) | scalars,
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def _entries(section: str, fields: list[str]) -> st.SearchStrategy[Any]:
    entry = st.dictionaries(st.sampled_from(fields), yaml) | st.dictionaries(scalars, yaml, max_size=2)
    return st.tuples(st.just(section), st.lists(entry, max_size=2) | yaml)


sections = st.one_of([_entries(cls.section, [*all_fields(cls), "namespace", "because", "adopt"]) for cls in KINDS])


@given(st.lists(sections, max_size=3).map(dict) | st.dictionaries(scalars, yaml, max_size=2) | yaml)
def test_whatever_a_document_is_its_faults_are_told(raw: Any) -> None:
    if isinstance(raw, dict):
        raw.setdefault("scope", "t")
    try:
        document.parse(raw)
    except DocumentError as error:
        assert error.faults


_ODD: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    1.5,
    "",
    "x\n",
    "é",
    b"x",
    [],
    ["tcp"],
    [[1]],
    [{}],
    {},
    {"name": []},
    {1: 2},
    {"vid": {}},
)


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.section)
def test_whatever_stands_in_a_field_its_faults_are_told(cls: Any) -> None:
    for name in (*all_fields(cls), "namespace", "because", "adopt"):
        for value in _ODD:
            try:
                document.parse({"scope": "t", cls.section: [{name: value}]})
            except DocumentError as error:
                assert error.faults


@pytest.mark.parametrize(
    ("database", "there"),
    [("tcp:192.0.2.1:6640", True), ("ssl:192.0.2.1:6640", True), ("unix:/nonexistent/db.sock", False)],
)
def test_a_database_of_another_machine_has_no_file(database: str, there: bool) -> None:
    assert host.Host(ovs_database=database).has_ovs() == there
