# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a plan, as a person would type them; values as a person reads them."""

from __future__ import annotations

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.engine import empty_host_commands
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import show


@pytest.mark.parametrize(
    ("namespace", "words"),
    [
        ("", ("ip", "ip -6", "sysctl -w", "nft")),
        ("c1", ("ip -n c1", "ip -6 -n c1", "ip netns exec c1 sysctl -w", "ip netns exec c1 nft")),
        ("pid:42", tuple(f"nsenter --net=/proc/42/ns/net {tool}" for tool in ("ip", "ip -6", "sysctl -w", "nft"))),
    ],
)
def test_a_command_enters_the_namespace_it_is_for(namespace: str, words: tuple[str, ...]) -> None:
    place = {"namespace": namespace}
    commands = empty_host_commands(
        {
            "scope": "t",
            "namespaces": [{"name": "c1"}],
            "links": [{**place, "name": "br0", "type": "bridge"}],
            "addresses": [{**place, "link": "lo", "address": "192.0.2.1/32"}],
            "sysctls": [{**place, "name": "net.ipv4.ip_forward", "value": 1}],
            "nft_tables": [{**place, "family": "inet", "name": "f", "chains": [{"name": "c"}]}],
            "rules": [{**place, "priority": 7, "action": "prohibit", "family": 6}],
        }
    )
    ip, ip6, sysctl, nft = words
    assert f"{ip} link add name br0 type bridge" in commands
    assert f"{ip} addr replace 192.0.2.1/32 dev lo" in commands
    assert any(command.startswith(f"{ip6} rule add priority 7 prohibit") for command in commands)
    assert f"{sysctl} net/ipv4/ip_forward=1" in commands
    assert f"{nft} -f - <<END" in commands


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (("", "veth0"), "veth0"),
        (("c1", "eth0"), "c1 eth0"),
        ((), "none"),
        (None, "none"),
        ((("iface-id", "vm1"),), "iface-id=vm1"),
        (True, "yes"),
        ((100, 200), "100 200"),
    ],
)
def test_a_value_reads_as_a_person_expects(value: object, text: str) -> None:
    assert show(value) == text
