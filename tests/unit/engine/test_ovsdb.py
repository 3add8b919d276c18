# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands for ovs-vsctl: one process for all, in words that it gets through fast."""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.module_utils import ovsdb

BRIDGE = ("add-br", "br0", "--", "set", "Bridge", "br0", "fail_mode=secure")


def _port(number: int) -> tuple[str, ...]:
    name = f"p{number}"
    return (
        "add-port",
        "br0",
        name,
        "--",
        "set",
        "Port",
        name,
        "tag=3",
        "--",
        "set",
        "Interface",
        name,
        "type=internal",
    )


def test_few_commands_stay_as_they_are() -> None:
    assert ovsdb.transaction([BRIDGE, _port(0)]) == ["--", *BRIDGE, "--", *_port(0)]


def test_many_ports_become_rows_that_join_their_bridge_together() -> None:
    count = 150
    words = ovsdb.transaction([BRIDGE, *(_port(number) for number in range(count)), ("del-port", "br0", "old")])
    assert "add-port" not in words
    commands = " ".join(words).split(" -- ")
    assert commands[0] == "-- add-br br0"
    assert commands.count("--id=@interface7 create Interface name=p6 type=internal") == 1
    assert commands.count("--id=@port7 create Port name=p6 interfaces=@interface7 tag=3") == 1
    assert commands[-2] == "del-port br0 old"
    assert commands[-1] == "add Bridge br0 ports " + " ".join(f"@port{number}" for number in range(1, count + 1))


def test_names_that_mean_something_to_the_database_are_quoted() -> None:
    ports = [("add-port", "br0", f"a:{number}") for number in range(150)]
    assert 'name="a:5"' in ovsdb.transaction(ports)
