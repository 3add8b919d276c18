# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change does to what runs, from what BIRD says of itself and of the rehearsal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils.bird.decide import Plan, Running, decide, decide_blindly
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.present import as_data, headline, lines
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.rehearse import Rehearsal
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.replies import BfdSession, Protocol

CHANNEL = (("ipv4", "master4"),)
BGP = Protocol("cp1", "BGP", "up", "192.0.2.9", channels=CHANNEL, in_use=("ipv4",))
KERNEL = Protocol("kernel1", "Kernel", "up", channels=CHANNEL, in_use=("ipv4",), routes=3)
GUARD = Protocol("guard", "BFD", "up")
SESSION = BfdSession("guard", "192.0.2.1", "vlan100", "Up", 0.3)
TEXT = ["protocol bgp cp1 { neighbor 192.0.2.9 as 65100; }"]


def by_name(*protocols: Protocol) -> dict[str, Protocol]:
    return {protocol.name: protocol for protocol in protocols}


def alone(protocol: Protocol) -> Protocol:
    """The same where it has no neighbours."""
    return replace(protocol, state="start" if protocol.kind == "BGP" else "up", in_use=(), refreshes=True)


def plan(
    running: list[Protocol],
    after: list[Protocol],
    restarted: tuple[str, ...] = (),
    unsure: tuple[str, ...] = (),
    sessions: tuple[BfdSession, ...] = (),
    texts: tuple[list[str], list[str]] = (TEXT, TEXT),
    before: list[Protocol] | None = None,
) -> Plan:
    there = [alone(protocol) for protocol in (running if before is None else before)]
    rehearsal = Rehearsal(by_name(*there), by_name(*map(alone, after)), frozenset(restarted), frozenset(unsure))
    return decide(Running(by_name(*running), sessions), rehearsal, *texts)


def resets(found: Plan) -> list[str]:
    return [str(reset) for reset in found.resets]


def test_nothing_happens() -> None:
    assert plan([BGP, KERNEL], [BGP, KERNEL]) == Plan()


def test_restart_of_what_is_up() -> None:
    assert resets(plan([BGP], [BGP], restarted=("cp1",))) == ["BGP cp1 with 192.0.2.9: BIRD has to restart it"]


def test_restart_of_what_is_not_up_interrupts_nothing() -> None:
    idle = replace(BGP, state="start", in_use=())
    assert plan([idle], [idle], restarted=("cp1",)).resets == ()


def test_restart_of_bfd_takes_its_sessions() -> None:
    found = plan([GUARD], [GUARD], restarted=("guard",), sessions=(SESSION, replace(SESSION, state="Down")))
    assert [reset.title for reset in found.resets] == ["BFD guard", "BFD session 192.0.2.1 on vlan100"]


def test_new_and_old_protocols() -> None:
    other = replace(BGP, name="cp2", neighbour="192.0.2.10")
    found = plan([BGP, KERNEL], [KERNEL, other])
    assert (found.added, found.removed, found.resets) == ((("cp2", "BGP"),), (("cp1", "BGP"),), ())


def test_another_name_for_the_same_peer_is_a_reset() -> None:
    found = plan([BGP], [replace(BGP, name="core")])
    assert found.successors == (("cp1", "core"),)
    assert resets(found) == ["BGP cp1 with 192.0.2.9: core takes its place"]
    assert "- protocol cp1            BGP, core takes its place" in lines(found)


def test_another_name_for_the_same_table_is_a_reset() -> None:
    assert resets(plan([KERNEL], [replace(KERNEL, name="k4")])) == ["Kernel kernel1: k4 takes its place"]


def test_protocol_that_carries_no_routes_is_not_interrupted() -> None:
    assert plan([replace(KERNEL, routes=0)], [replace(KERNEL, name="k4")]).resets == ()


def test_kernel_of_another_table_is_no_successor() -> None:
    other = replace(KERNEL, name="k6", channels=(("ipv6", "master6"),))
    assert plan([KERNEL], [other]).resets == ()


def test_channel_in_use_that_leaves() -> None:
    both = replace(BGP, channels=(*CHANNEL, ("ipv6", "master6")), in_use=("ipv4", "ipv6"))
    assert resets(plan([both], [BGP])) == ["BGP cp1 with 192.0.2.9: its channel ipv6 goes away"]
    assert plan([replace(both, in_use=("ipv4",))], [BGP]).resets == ()


DEAF = replace(BGP, refreshes=False)


@pytest.mark.parametrize(
    ("old", "new", "reset"),
    [
        (["filter f { accept; }"], ["filter f { reject; }"], True),
        (["protocol bgp cp2 { hold time 9; }"], ["protocol bgp cp2 { hold time 10; }"], False),
        (["protocol bgp cp1 { hold time 9; }"], ["protocol bgp cp1 { hold time 10; }"], True),
        (["filter f { accept; }"], ["filter f { accept; }"], False),
    ],
)
def test_peer_that_cannot_send_routes_again(old: list[str], new: list[str], reset: bool) -> None:
    assert bool(plan([DEAF], [DEAF], texts=(old, new)).resets) is reset
    assert plan([BGP], [BGP], texts=(old, new)).resets == ()


def test_protocol_that_no_rehearsal_tells_about() -> None:
    changed = (TEXT, ["protocol bgp cp1 { neighbor 192.0.2.9 as 65100; hold time 9; }"])
    assert plan([BGP], [BGP], unsure=("cp1",)).resets == ()
    filters = (["filter f { accept; }", *TEXT], ["filter f { reject; }", *TEXT])
    assert plan([BGP], [BGP], unsure=("cp1",), texts=filters).resets == ()
    assert resets(plan([BGP], [BGP], unsure=("cp1",), texts=changed)) == [
        "BGP cp1 with 192.0.2.9: BIRD may have to restart it"
    ]


RANGE = Protocol("anyone", "BGP", "start", "192.0.2.0/24", dynamic=True, channels=CHANNEL)
SPAWNED = replace(BGP, name="dynbgp1")


def test_session_made_from_a_range() -> None:
    assert plan([RANGE, SPAWNED], [RANGE], before=[RANGE]) == Plan()
    restarted = plan([RANGE, SPAWNED], [RANGE], restarted=("anyone",), before=[RANGE])
    assert resets(restarted) == ["BGP dynbgp1 with 192.0.2.9: BIRD restarts what it was made from"]
    removed = plan([RANGE, SPAWNED], [], before=[RANGE])
    assert removed.removed == (("anyone", "BGP"),)
    assert [reset.title for reset in removed.resets] == ["BGP dynbgp1 with 192.0.2.9"]


def test_disabled_and_enabled() -> None:
    down = replace(BGP, state="down", in_use=())
    rehearsed = Rehearsal(by_name(alone(BGP)), by_name(down), frozenset(), disabled=frozenset({"cp1"}))
    found = decide(Running(by_name(BGP)), rehearsed, TEXT, TEXT)
    assert (found.disabled, found.resets) == ((("cp1", "BGP"),), ())
    by_hand = plan([down], [BGP], restarted=(), before=[BGP])
    assert (by_hand.enabled, by_hand.resets) == (("cp1",), ())


def test_changed_in_place() -> None:
    texts = (TEXT, ["protocol bgp cp1 { neighbor 192.0.2.9 as 65100; bfd on; }"])
    assert plan([BGP], [BGP], texts=texts).changed == (("cp1", "BGP"),)
    assert plan([BGP], [BGP], restarted=("cp1",), texts=texts).changed == ()


def test_without_a_rehearsal_everything_is_at_risk() -> None:
    idle = replace(BGP, name="cp2", state="start")
    running = Running(by_name(BGP, KERNEL, GUARD, idle), (SESSION,))
    found = decide_blindly(running, ["protocol bgp cp9 { }"], "nobody knows")
    assert found.added == (("cp9", "bgp"),)
    assert [reset.title for reset in found.resets] == [
        "BGP cp1 with 192.0.2.9",
        "Kernel kernel1",
        "BFD guard",
        "BFD session 192.0.2.1 on vlan100",
    ]


NAMES = st.sampled_from(["a", "b", "c", "d"])
PROTOCOLS = st.builds(
    Protocol,
    name=NAMES,
    kind=st.sampled_from(["BGP", "Kernel", "BFD", "Static"]),
    state=st.sampled_from(["up", "start", "down"]),
    neighbour=st.sampled_from(["192.0.2.1", "192.0.2.2"]),
    refreshes=st.booleans(),
    channels=st.sampled_from([(), CHANNEL, (*CHANNEL, ("ipv6", "master6"))]),
    in_use=st.sampled_from([(), ("ipv4",), ("ipv4", "ipv6")]),
    routes=st.integers(0, 2),
)
LISTS = st.lists(PROTOCOLS, max_size=4, unique_by=lambda protocol: protocol.name)


@given(LISTS, LISTS, st.frozensets(NAMES), st.frozensets(NAMES))
def test_any_plan_is_consistent(
    running: list[Protocol], after: list[Protocol], restarted: frozenset[str], unsure: frozenset[str]
) -> None:
    found = plan(running, after, tuple(restarted), tuple(unsure))
    now, then = by_name(*running), by_name(*after)
    assert {name for name, _kind in found.added} == set(then) - set(now)
    assert {name for name, _kind in found.removed} == set(now) - set(then)
    reset = {title.split()[1] for title in (r.title for r in found.resets)}
    assert reset <= {name for name, protocol in now.items() if protocol.works}
    untouched = {name for name, protocol in now.items() if protocol.up and then.get(name) == protocol}
    assert not reset & (untouched - restarted - unsure) - {
        p.name for p in running if set(p.in_use) - set(dict(p.channels))
    }
    assert not {name for name, _kind in found.changed} & reset
    assert len(lines(found)) == sum(
        map(len, (found.added, found.removed, found.disabled, found.changed, found.enabled, found.resets))
    )
    assert as_data(found)["added"] == [name for name, _kind in found.added]


def test_headline() -> None:
    found = plan([BGP], [BGP], restarted=("cp1",))
    assert headline(found, True, "") == "configuration changes, 1 to reset"
    assert headline(Plan(), True, "") == "configuration changes, no running session or protocol is interrupted"
    assert headline(Plan(), False, "").startswith("configuration to load again, ")
    assert headline(Plan(), False, "mode 0644 → 0640") == "file mode 0644 → 0640"
