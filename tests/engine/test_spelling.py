# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools show in words of their own, or not at all, neither stops a run nor is taken for a difference."""

from __future__ import annotations

import os
import subprocess

import pytest
from harness import Machine, actions

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError, HostError


def test_ipv6_addresses_that_ip_shows_with_dots(host: Machine) -> None:
    """They could hold an IPv4 address, and so the C library writes them like one."""
    clean = host.snapshot()
    links = [
        {"name": "br0", "type": "bridge", "up": True},
        {"name": "vx0", "type": "vxlan", "id": 7, "local": "::5:6", "remote": "::7:8"},
    ]
    document = {
        "links": links,
        "addresses": [{"link": "br0", "address": "::5:6/112", "nodad": True}],
        "routes": [{"destination": "::9:0/112", "via": "::5:7", "source": "::5:6"}],
        "neighbours": [{"link": "br0", "address": "::5:7", "mac": "52:54:00:00:00:07"}],
        "rules": [{"priority": 10, "table": 100, "source": "::5:0/112"}],
        "fdb": [{"link": "vx0", "mac": "52:54:00:00:00:09", "dst": "::9:9"}],
    }
    host.apply(document)
    assert "::0.5.0.6/112" in host.ip("addr show dev br0")
    host.absent()
    host.assert_as(clean)


def test_an_alias_and_a_comment_of_others_are_bytes_of_any_kind(host: Machine) -> None:
    host.ip("tuntap add dev theirs mode tap")
    for command in (
        [b"ip", b"link", b"set", b"dev", b"theirs", b"alias", b"caf\xe9"],
        [b"nft", b'add table inet hostnet.other.x; add chain inet hostnet.other.x c { comment "caf\xe9"; }'],
    ):
        subprocess.run(command, check=True)
    document = {"nft_tables": [{"family": "inet", "name": "g", "body": "chain c { drop; }"}]}
    assert actions(host.run(document)) == {"nft_table inet g": "add"}
    assert actions(host.run(document)) == {}


@pytest.mark.parametrize("name", ["net.ipv6.conf.lo.stable_secret", "net.ipv4.route.flush"])
def test_a_sysctl_that_does_not_tell_its_value_is_refused(name: str, host: Machine) -> None:
    document = {"sysctls": [{"name": name, "value": 1}]}
    with pytest.raises(HostError, match=r"cannot be read .* leave it out"):
        host.run(document)


def test_no_text_of_a_document_is_a_line_of_its_own(host: Machine) -> None:
    before = host.snapshot()
    with pytest.raises(DocumentError, match="is no label"):
        host.run({"links": [{"name": "t0", "type": "tap", "label": 'x"\nlink set dev lo mtu 1400 #'}]})
    host.assert_as(before)


def test_the_longest_label_fits_the_alias(host: Machine) -> None:
    label = "ä" * 99 + "'x"
    host.apply({"scope": "s" * 32, "links": [{"name": "t0", "type": "tap", "label": label}]})
    host.absent({"scope": "s" * 32})


def test_whoever_is_not_root_is_told_so(host: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(HostError, match="run this as root"):
        host.run({"links": [{"name": "t0", "type": "tap"}]})
