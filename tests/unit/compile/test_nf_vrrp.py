# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of keepalived that role nf_gateway writes."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, StrictUndefined
from nf_intent import fleet

from ansible_collections.hostnet.fabric.plugins.filter.nf_vrrp import nf_vrrp
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.vrrp import MOST_GATEWAYS

TEMPLATE = Path(__file__).resolve().parents[3] / "roles" / "nf_gateway" / "templates" / "keepalived.conf.j2"


def rendered(host, changes=None):
    # Ansible's way with line breaks.
    template = Environment(trim_blocks=True, undefined=StrictUndefined).from_string(TEMPLATE.read_text())
    return template.render(
        inventory_hostname=host,
        nf_gateway_interval=0.2,
        nf_gateway_preempt_delay=10,
        __nf_gateway_vrrp=nf_vrrp(fleet(changes), host),
    )


def blocks(text, head):
    """What is in the blocks with such a head, without white space around the lines."""
    found = re.findall(rf"^{head} (\w+) \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)
    return {name: [line.strip() for line in inside.splitlines()] for name, inside in found}


def test_both_families_move_together():
    text = rendered("gw-02")
    assert blocks(text, "vrrp_sync_group") == {"nf": ["group {", "nf_v4", "nf_v6", "}"]}
    own = blocks(text, "vrrp_instance")
    assert set(own) == {"nf_v4", "nf_v6"}
    assert own["nf_v4"][own["nf_v4"].index("virtual_ipaddress {") + 1] == "192.0.2.254/32 dev br-100"
    assert own["nf_v4"][own["nf_v4"].index("unicast_peer {") + 1] == "192.0.2.252 min_ttl 255 max_ttl 255"
    assert own["nf_v6"][own["nf_v6"].index("virtual_ipaddress {") + 1].startswith("fe80:")
    assert "2001:db8:2::254/128 dev br-100" in own["nf_v6"]


def test_who_is_preferred():
    assert "    priority 200\n" in rendered("gw-02")
    assert "    priority 190\n" in rendered("gw-01")


def test_who_is_drained_comes_last():
    drained = {"fabric_drained": ["gw-02"]}
    assert "    priority 2\n" in rendered("gw-02", drained)
    assert "    priority 190\n" in rendered("gw-01", drained)


def test_as_many_as_there_can_be():
    """The last one in service comes before all that are drained, and all of them are numbers that VRRP has."""
    names = [f"gw-{number:02}" for number in range(1, MOST_GATEWAYS + 1)]
    addresses = {name: {"addresses": [f"192.0.2.{200 + number}"]} for number, name in enumerate(names, 1)}
    only = {"fabric_gateways/hosts": addresses, "fabric_gateways/preferred": ...}
    drained = {**only, "fabric_drained": names[:-1]}
    last = nf_vrrp(fleet(drained), names[-1])["priority"]
    others = [nf_vrrp(fleet(drained), name)["priority"] for name in names[:-1]]
    assert 254 > nf_vrrp(fleet(only), names[0])["priority"] > last > max(others) > min(others) > 0


def test_one_family_and_one_gateway():
    only = {
        "fabric_gateways/addresses": ["192.0.2.254"],
        "fabric_gateways/hosts": {"gw-01": {"addresses": ["192.0.2.252"]}},
        "fabric_gateways/preferred": ...,
    }
    text = rendered("gw-01", only)
    assert blocks(text, "vrrp_sync_group") == {}
    (own,) = blocks(text, "vrrp_instance").values()
    assert not any(line.startswith(("unicast_peer", "check_unicast_src")) for line in own)


def test_every_brace_is_closed():
    for host in ("gw-01", "gw-02"):
        assert rendered(host).count("{") == rendered(host).count("}")
