# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to drain somebody of inventory/nf, in which order, and what is refused. What comes of it is tested with
real daemons (tests/engine/test_nf_drain.py)."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.hostnet.fabric.plugins.filter.nf_bird import nf_bird
from ansible_collections.hostnet.fabric.plugins.filter.nf_drain import nf_drain
from ansible_collections.hostnet.fabric.plugins.filter.nf_memory import nf_memory
from ansible_collections.hostnet.fabric.plugins.filter.nf_pools import nf_pools

ROOT = Path(__file__).resolve().parents[3]
INTENT = yaml.safe_load((ROOT / "inventory/nf/group_vars/nf.yml").read_text())
GATEWAYS = ("dcgw-01", "dcgw-02")
COVERS = ("203.0.113.0/24", "2001:db8:cb00::/40")
ALL = range(1, 7)


def intent(**changes):
    return {**deepcopy(INTENT), **changes}


def gateway(planes=ALL, routes=8):
    """What is read on a gateway that these user planes answer to, and which hears so many routes of each session."""
    ways = {"198.51.100.100/32": "192.0.2.{}", "2001:db8:c6::100/128": "2001:db8:2::{}"}
    network = {
        "routes": [
            {"destination": destination, "next_hops": [{"via": way.format(number)} for number in planes]}
            for destination, way in ways.items()
        ]
        + [{"destination": cover, "next_hops": [{"via": "192.0.2.1"}]} for cover in COVERS if routes]
    }
    heard = routes if isinstance(routes, dict) else dict.fromkeys(("nf_cp1", "nf_cp2"), routes)
    routing = {
        "bfd_sessions": [{"address": way.format(number), "up": True} for way in ways.values() for number in planes]
        + [{"address": "192.0.2.8", "up": False}],
        "protocols": [
            {"name": f"{name}_v{family}", "type": "BGP", "up": bool(count), "routes": count}
            for name, count in heard.items()
            for family in (4, 6)
        ],
    }
    return network, routing


def asked(names, state="drained", told=(), without=(), found=None, play=None, **changes):
    live = found if found is not None else {name: gateway() for name in GATEWAYS}
    networks = {host: network for host, (network, _routing) in live.items()}
    routings = {host: routing for host, (_network, routing) in live.items()}
    return nf_drain(intent(**changes), names, state, told, without, networks, routings, **(play or {}))


def moved(moves):
    return [(move["host"], move["name"]) for move in moves]


def test_a_user_plane_leaves_when_nobody_sends_to_it():
    work = asked(["nf-up3"])
    assert work["refusals"] == work["first"] == work["last"] == work["gateways"] == []
    assert moved(work["then"]) == [
        ("compute-09", "nf-cp1"),
        ("dcgw-01", "dcgw-01"),
        ("dcgw-02", "dcgw-02"),
        ("compute-03", "nf-up3"),
    ]
    speaker, gate, _other, plane = (move["config"] for move in work["then"])
    assert "bgp_next_hop = 192.0.2.3;" not in speaker
    assert "via 192.0.2.3 bfd" not in gate and "via 192.0.2.4 bfd" in gate
    assert "protocol bfd guard {\n  disabled;" in plane
    assert work["told"] == ["nf-up3"]
    assert work["remember_on"] == ["compute-03", "compute-09", "compute-10", "dcgw-01", "dcgw-02"]


def test_a_user_plane_is_back_when_it_answers():
    work = asked(["nf-up3"], "live", told=["nf-up1", "nf-up3"])
    assert moved(work["then"]) == [("compute-03", "nf-up3"), ("dcgw-01", "dcgw-01"), ("dcgw-02", "dcgw-02")]
    assert work["awaited"] == {name: ["192.0.2.3", "2001:db8:2::3"] for name in GATEWAYS}
    assert moved(work["last"]) == [("compute-09", "nf-cp1")]
    assert work["sessions"] == {}, "no control plane comes back"
    assert work["told"] == ["nf-up1"]
    assert "via 192.0.2.1 bfd" not in work["then"][1]["config"], "another one is still drained"


def test_a_control_plane_is_back_when_it_is_heard():
    by_host, by_name = asked(["compute-09"], "live", told=["compute-09"]), asked(["nf-cp2"], "live", told=["nf-cp2"])
    assert by_host["sessions"] == {name: ["nf_cp1_v4", "nf_cp1_v6"] for name in GATEWAYS}
    assert by_name["sessions"] == {name: ["nf_cp2_v4", "nf_cp2_v6"] for name in GATEWAYS}
    reached = asked(["nf-cp2"], "live", told=["nf-cp2"], without=["dcgw-02"])
    assert list(reached["sessions"]) == ["dcgw-01"]


def test_a_drained_user_plane_moves_no_pools_but_its_own():
    def homes(**changes):
        found = nf_pools(intent(**changes))
        return {pool["prefix"]: pool["user_plane"] for one in found for pool in one["pools"]}

    before, after = homes(), homes(fabric_drained=["nf-up3"])
    assert {pool for pool in before if before[pool] != after[pool]} == {p for p in before if before[p] == "nf-up3"}
    assert "nf-up3" not in after.values()


def test_a_control_plane_says_first_that_it_leaves():
    work = asked(["nf-cp1"])
    assert moved(work["first"]) == [("compute-09", "nf-cp1")]
    assert "bgp_community.add((65535, 0));" in work["first"][0]["config"]
    assert moved(work["then"]) == [("compute-09", "nf-cp1"), ("dcgw-01", "dcgw-01"), ("dcgw-02", "dcgw-02")]
    withdrawn = work["then"][0]["config"]
    assert withdrawn.count("export none;") == 4 and "65535" not in withdrawn
    again = asked(["nf-cp1"], told=["nf-cp1"], found={name: gateway(routes={"nf_cp2": 8}) for name in GATEWAYS})
    assert (again["refusals"], again["first"]) == ([], []), "who is not heard any more has nothing to say"


def test_gateways_leave_a_foreign_control_plane():
    work = asked(["nf-cp2"])
    assert moved(work["first"]) == [("dcgw-01", "dcgw-01"), ("dcgw-02", "dcgw-02")]
    assert 'if proto = "nf_cp2_v4" then bgp_local_pref = 0;' in work["first"][0]["config"]
    ready = next(move["config"] for move in work["then"] if move["name"] == "dcgw-01")
    own = ready.split("protocol bgp nf_cp2_v4", 1)[1].split("\n}", 1)[0]
    assert "import none;" in own and "bgp_local_pref = 0;\n  if net" in ready


def test_a_host_is_all_that_is_on_it():
    work = asked(["compute-09"], fabric_user_planes={**INTENT["fabric_user_planes"], "nf-up7": UP7})
    assert moved(work["first"]) == [("compute-09", "nf-cp1")]
    assert moved(work["then"]) == [
        ("compute-09", "nf-cp1"),
        ("dcgw-01", "dcgw-01"),
        ("dcgw-02", "dcgw-02"),
        ("compute-09", "nf-up7"),
    ]
    assert asked(["compute-08"])["refusals"] == [], "nobody is there"


UP7 = {"host": "compute-09", "attach": "veth", "addresses": ["192.0.2.7", "2001:db8:2::7"]}


def test_a_gateway_is_left_to_itself():
    """Its text comes last, on its own host: it routes until no packet passes it."""
    work = asked(["dcgw-01"])
    assert (work["refusals"], work["gateways"]) == ([], ["dcgw-01"])
    assert moved(work["then"]) == [("compute-09", "nf-cp1"), ("dcgw-02", "dcgw-02")]
    (own,) = nf_bird(intent(fabric_drained=["dcgw-01"]), "dcgw-01")
    assert own["config"].count("from fabric {\n  disabled;") == 4
    back = asked(["dcgw-01"], "live", told=["dcgw-01"])
    assert (back["gateways"], back["awaited"]) == (["dcgw-01"], {})


def said(at, drained=True, **more):
    return {"drained": drained, "at": at, **more}


def test_who_was_put_back_is_remembered():
    """A host that was away then knows less, and is not believed."""
    first = asked(["nf-up3"], play={"at": 100})
    assert first["memory"] == {"nf-up3": said(100)}
    back = asked(["nf-up3"], "live", told=[first["memory"]], without=["dcgw-02"], play={"at": 90})
    assert (back["told"], back["memory"]) == ([], {"nf-up3": said(101, False)}), "later, whatever the clock says"
    both = [first["memory"], back["memory"]]
    for memories in (both, both[::-1]):
        other = asked(["nf-up5"], told=memories, play={"at": 200})
        assert other["told"] == ["nf-up5"]
        assert "via 192.0.2.3 bfd" in next(move["config"] for move in other["then"] if move["name"] == "dcgw-02")
        assert other["memory"] == {"nf-up3": said(101, False), "nf-up5": said(200)}
        assert nf_bird(intent(remembered_drained=memories), "dcgw-02") == nf_bird(intent(), "dcgw-02")
    assert asked(["nf-up3"], told=both, play={"at": 300})["memory"] == {"nf-up3": said(300)}


def test_gateways_that_were_away_in_turn_know_different_things():
    one, other = asked(["nf-up3"], play={"at": 1})["memory"], asked(["nf-up5"], play={"at": 2})["memory"]
    assert asked([], told=[one, other])["told"] == ["nf-up3", "nf-up5"]
    assert nf_memory([one, other]) == nf_memory([other, one]) == {**one, **other}


def test_what_is_known_is_not_said_again():
    memory = {"nf-up3": said(5), "nf-up5": said(6, False)}
    assert asked(["nf-up3"], told=[memory], play={"at": 9})["memory"] == memory
    assert asked(["nf-up5"], "live", told=[memory], play={"at": 9})["memory"] == memory


def test_names_that_an_older_release_has_written():
    assert nf_memory(["nf-up3", "nf-up5", {"nf-up3": said(1, False)}]) == {"nf-up3": said(1, False), "nf-up5": said(0)}
    assert asked(["nf-up3"], "live", told=["nf-up3"])["memory"] == {"nf-up3": said(1, False)}


def test_a_drain_that_passes_is_no_drain_before():
    passing = asked(["compute-03"], told=["nf-up5"], play={"at": 1, "passing": True}, fabric_drained=["nf-up1"])
    assert passing["before"] == ["nf-up1", "nf-up5"]
    assert passing["memory"]["compute-03"] == said(1, passing=True)
    again = asked(["compute-03"], told=[passing["memory"]], play={"at": 2, "passing": True})
    assert (again["before"], again["memory"]) == (["nf-up5"], passing["memory"])
    meant = asked(["compute-03"], told=[passing["memory"]], play={"at": 3})
    assert meant["memory"]["compute-03"] == said(3), "somebody wants it drained"
    rolled = asked(["compute-03"], told=[meant["memory"]], play={"at": 4, "passing": True})
    assert (rolled["before"], rolled["memory"]) == (["compute-03", "nf-up5"], meant["memory"])


@pytest.mark.parametrize(("state", "told"), [("drained", []), ("live", ["dcgw-01"])])
def test_a_gateway_has_to_be_a_host_of_the_play(state, told):
    line = "dcgw-01 has to act, and is no host of this play; leave --limit out, or name it there, too"
    work = asked(["dcgw-01"], state, told=told, play={"here": ["dcgw-02"]})
    assert work["refusals"] == [line]
    assert asked(["dcgw-01"], state, told=told, play={"here": ["dcgw-01"]})["refusals"] == []
    assert asked(["dcgw-01"], state, told=told, without=["dcgw-01"], play={"here": []})["refusals"] == []


def test_gateways_of_the_intent_have_to_act_when_nobody_is_named():
    elsewhere = {"here": ["compute-03"]}
    assert len(asked([], play=elsewhere, fabric_drained=["dcgw-01"])["refusals"]) == 1
    assert asked(["nf-up3"], play=elsewhere, fabric_drained=["dcgw-01"])["refusals"] == [], "it has left before"


def test_who_is_remembered_and_gone_is_nobody():
    assert nf_bird(intent(remembered_drained=["nf-up99"]), "dcgw-01") == nf_bird(intent(), "dcgw-01")


REFUSED = {
    "too few would live": (
        {"names": ["nf-up3"], "found": {"dcgw-01": gateway(), "dcgw-02": gateway(planes=[3, 5])}},
        [
            "nf-up3: dcgw-02 would have 1 (192.0.2.5) left of user-planes that live in IPv4, "
            "and fabric_next_hops.user-planes.min_live is 2",
            "nf-up3: dcgw-02 would have 1 (2001:db8:2::5) left of user-planes that live in IPv6, "
            "and fabric_next_hops.user-planes.min_live is 2",
        ],
    ),
    "the other control plane is not heard as much": (
        {"names": ["nf-cp2"], "found": {name: gateway(routes={"nf_cp1": 7, "nf_cp2": 8}) for name in GATEWAYS}},
        [
            f"nf-cp2: {gate} hears 8 IPv{family} routes of it, and as many of no control plane that is left"
            for gate in GATEWAYS
            for family in (4, 6)
        ],
    ),
    "the other gateway has no routes": (
        {"names": ["dcgw-01"], "found": {"dcgw-01": gateway(), "dcgw-02": gateway(routes=0)}},
        ["dcgw-01: dcgw-02 would have to take over and has no route to 2001:db8:cb00::/40, 203.0.113.0/24"],
    ),
    "a gateway does not answer": (
        {"names": ["nf-up3"], "found": {"dcgw-01": gateway()}},
        ["dcgw-02 does not answer; name it in nf_drain_without to go on without it"],
    ),
    "no gateway answers": (
        {"names": ["nf-up3"], "found": {}, "without": GATEWAYS},
        ["no gateway that is left answers, so nobody knows who lives; drain nothing"],
    ),
    "nobody of that name": (
        {"names": ["nf-up33"]},
        ["there is no nf-up33 to be drained or put back; did you mean nf-up3?"],
    ),
    "put back nobody": (
        {"names": [], "state": "live", "told": ["nf-up3"]},
        ["undrain: name who is put back; told to be drained are nf-up3"],
    ),
    "put back who is drained by intent": (
        {"names": ["nf-up3"], "state": "live", "fabric_drained": ["nf-up3"]},
        ["fabric_drained: drains nf-up3; take it out there first"],
    ),
    "put back who is drained with its host": (
        {"names": ["nf-up3"], "state": "live", "told": ["compute-03"]},
        ["nf-up3 is drained with compute-03; put that back"],
    ),
    "by intent alone there are too few": (
        {"names": [f"nf-up{number}" for number in range(1, 6)]},
        [
            f"fabric_drained: leaves 1 (nf-up6) of the IPv{family} user planes of fabric_next_hops.user-planes, "
            "and its min_live is 2; take somebody out of it, or undrain"
            for family in (4, 6)
        ],
    ),
}


@pytest.mark.parametrize(("asking", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(asking, words):
    work = asked(**asking)
    assert work["refusals"] == words
    assert not any(content for key, content in work.items() if key != "refusals")


def test_who_does_not_live_can_always_be_drained():
    found = {name: gateway(planes=[3, 5]) for name in GATEWAYS}
    assert asked(["nf-up2"], found=found)["refusals"] == []


def test_without_hosts_that_cannot_be_reached():
    work = asked(["nf-up3"], without=["dcgw-02", "compute-03"], found={"dcgw-01": gateway()})
    assert moved(work["then"]) == [("compute-09", "nf-cp1"), ("dcgw-01", "dcgw-01")]
    assert work["remember_on"] == ["compute-09", "compute-10", "dcgw-01"]


def test_no_such_state():
    with pytest.raises(AnsibleFilterError, match="'gone' is no state; choose drained or live"):
        asked(["nf-up3"], "gone")
