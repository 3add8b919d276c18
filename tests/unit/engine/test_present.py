# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reader of a plan sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from planning import made, planned

from ansible_collections.hostnet.fabric.plugins.module_utils.present import as_data, headline, line, lines

BEFORE: dict[str, Any] = {
    "links": [
        {"name": "br-int", "type": "bridge", "up": True},
        {"name": "tap-vm1", "type": "tap", "mtu": 1500, "master": "br-int"},
        {"name": "vx0", "type": "vxlan", "id": 5},
    ],
    "routes": [{"destination": "192.168.100.151/32", "dev": "br-int"}],
}
AFTER: dict[str, Any] = {
    "links": [
        {"name": "br-int", "type": "bridge", "up": True},
        {"name": "tap-vm1", "type": "tap", "mtu": 1450, "master": "", "because": "networks.web.mtu"},
        {"name": "vx0", "type": "vxlan", "id": 6, "because": "networks.web.vni"},
    ],
    "addresses": [{"link": "br-int", "address": "172.16.18.1/24", "because": "networks.web.subnet"}],
    "namespaces": [{"name": "router-blue", "because": "routers.blue"}],
    "rules": [{"priority": 100, "source": "10.0.0.0/8", "table": 7, "because": "routers.blue"}],
}


def test_a_line_for_each_change_in_columns() -> None:
    assert lines(planned(AFTER, made(BEFORE))) == [
        "+ namespace  host  router-blue                                                          routers.blue",
        "~ link       host  tap-vm1                       mtu 1500 → 1450, master br-int → none  networks.web.mtu",
        "± link       host  vx0                           id 5 → 6                               networks.web.vni",
        "+ address    host  br-int 172.16.18.1/24                                                networks.web.subnet",
        "+ rule       host  100 from 10.0.0.0/8 lookup 7                                         routers.blue",
        "- route      host  192.168.100.151/32            dev br-int                             no longer declared",
    ]


def test_the_headline_counts() -> None:
    assert headline(planned(AFTER, made(BEFORE))) == "3 to add, 1 to change, 1 to replace, 1 to remove"
    assert headline(planned({"links": BEFORE["links"]}, made({"links": BEFORE["links"]}))) == "nothing to do"


def test_a_single_line_needs_no_columns() -> None:
    (change,) = planned({"links": [{"name": "t0", "type": "tap", "mtu": 1400, "because": "a.b"}]}).changes
    assert line(change) == "+ link  host  t0  tap, mtu 1400  a.b"


def test_adoption_is_a_change_of_the_mark() -> None:
    seen = made({"links": [{"name": "t0", "type": "tap"}]}, owner=None)
    (change,) = planned({"links": [{"name": "t0", "type": "tap", "adopt": True}]}, seen).changes
    assert line(change) == "~ link  host  t0  mark none → t"


def test_the_data_of_a_change() -> None:
    found = planned(AFTER, made(BEFORE))
    (data,) = (as_data(change) for change in found.changes if change.resource.title == "tap-vm1")
    assert data == {
        "action": "change",
        "kind": "link",
        "namespace": "",
        "name": "tap-vm1",
        "because": "networks.web.mtu",
        "details": "tap, mtu 1450",
        "differences": [
            {"field": "mtu", "before": 1500, "after": 1450},
            {"field": "master", "before": "br-int", "after": ""},
        ],
    }


def test_structured_values_are_plain_in_the_data() -> None:
    import json

    before = {"routes": [{"destination": "10.0.0.0/8", "next_hops": [{"via": "192.0.2.1"}, {"via": "192.0.2.2"}]}]}
    after = {"routes": [{"destination": "10.0.0.0/8", "via": "192.0.2.3", "source": "192.0.2.9"}]}
    (change,) = planned(after, made(before)).changes
    data = as_data(change)
    assert json.loads(json.dumps(data)) == data
    assert data["differences"][0] == {
        "field": "next_hops",
        "before": ["via 192.0.2.1", "via 192.0.2.2"],
        "after": ["via 192.0.2.3"],
    }


def test_a_removed_object_tells_what_it_was() -> None:
    seen = made({"links": [{"name": "t0", "type": "tap", "because": "the old intent"}]})
    seen = {key: replace(resource, because="") for key, resource in seen.items()}
    (change,) = planned({}, seen).changes
    assert line(change) == "- link  host  t0  tap  no longer declared"
