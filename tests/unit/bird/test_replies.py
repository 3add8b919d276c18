# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""BIRD's answers as data."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.hostnet.fabric.plugins.module_utils.bird import replies
from ansible_collections.hostnet.fabric.plugins.module_utils.bird.replies import Line, Reply, ReplyReader
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import HostError

PROTOCOLS = """\
2002-Name       Proto      Table      State  Since         Info
1002-device1    Device     ---        up     15:27:11.516  ~
1006-
1002-kernel1    Kernel     master4    up     15:27:11.516  ~
1006-  Channel ipv4
     State:          UP
     Table:          master4
     Preference:     10
     Routes:         2 imported, 1 filtered, 5 exported, 2 preferred
     Route change stats:     received   rejected   filtered    ignored   accepted
       Import updates:              0          0          0          0          0
1006-
1002-a-name-longer-than-its-column BGP        ---        up     15:27:12.384  Established   ~
1006-  BGP state:          Established
     Neighbor address: fe80::2%eth0
     Neighbor AS:      65002
     Local capabilities
       Route refresh
     Neighbor capabilities
       Multiprotocol
         AF announced: ipv4
       Route refresh
   Channel ipv4
     State:          UP
     Table:          master4
   Channel ipv6
     State:          DOWN
     Table:          master6
1006-
1002-deaf       BGP        ---        up     2026-11-20  Established   ~
1006-  BGP state:          Established
     Neighbor address: 192.0.2.7
     Local capabilities
       Route refresh
     Neighbor capabilities
       4-octet AS numbers
   Channel ipv4
     State:          UP
     Table:          master4
1006-
1002-anyone     BGP        ---        start  15:27:12.384  Passive       ~
1006-  BGP state:          Passive
     Neighbor range:   192.0.2.0/24
1006-
1002-idle       BGP        ---        start  15:27:12.384  Active        Socket: Connection refused
1006-  BGP state:          Active
     Neighbor address: 192.0.2.8
1006-
0000 ~
"""
BFD = """\
1020-guard:
 IP address                Interface  State      Since         Interval  Timeout
 10.9.0.2                  to-right   Up         15:27:12.268    0.100    0.300
 2001:db8::2               ---        Down       2026-11-21 15:27:12    1.000    5.000
0000 ~
"""
STATUS = """\
1000-BIRD 2.0.12
1011-Router ID is 10.9.0.1
1011-Hostname is gw on the roof
1011-Current server time is 2026-11-21 15:27:12.393
1011-Last reboot on 2026-11-21 15:00:00.000
1011-Last reconfiguration on 2026-11-21 15:27:11.516
0013 Daemon is up and running
"""


def sent(text: str) -> bytes:
    """What BIRD sends; a tilde keeps the blanks before it at the end of a line."""
    return text.replace("~\n", "\n").encode()


def reply(text: str) -> Reply:
    (found,) = ReplyReader().feed(sent(text))
    return found


def test_lines_have_codes_and_the_last_one_the_verdict() -> None:
    found = reply("0002-Reading configuration from /etc/bird/x\n8002 /etc/bird/x:3:1 syntax error\n")
    assert found.lines[0] == Line(2, "Reading configuration from /etc/bird/x")
    assert (found.code, found.text, found.failed) == (8002, "/etc/bird/x:3:1 syntax error", True)
    assert found.has(2)
    assert not found.has(3)


@given(st.data())
def test_replies_do_not_depend_on_how_the_bytes_arrive(data: st.DataObject) -> None:
    stream = sent(f"0001 BIRD 2.0.12 ready.\n+Reconfiguring\n{PROTOCOLS}+Reconfigured\n{BFD}{STATUS}")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    whole, pieces = ReplyReader(), ReplyReader()
    expected = whole.feed(stream)
    found = [r for start, end in zip([0, *cuts], [*cuts, len(stream)]) for r in pieces.feed(stream[start:end])]
    assert found == expected
    assert [r.code for r in found] == [1, 0, 0, 13]
    assert pieces.unasked == whole.unasked == ["Reconfiguring", "Reconfigured"]


def test_something_else_on_the_socket_is_an_error() -> None:
    with pytest.raises(HostError, match="no reply"):
        ReplyReader().feed(b"HTTP/1.1 400 Bad Request\n")


def test_protocols() -> None:
    found = replies.protocols(reply(PROTOCOLS))
    assert {name: (p.kind, p.state) for name, p in found.items()} == {
        "device1": ("Device", "up"),
        "kernel1": ("Kernel", "up"),
        "a-name-longer-than-its-column": ("BGP", "up"),
        "deaf": ("BGP", "up"),
        "anyone": ("BGP", "start"),
        "idle": ("BGP", "start"),
    }
    long = found["a-name-longer-than-its-column"]
    assert long.neighbour == "fe80::2%eth0"
    assert long.channels == (("ipv4", "master4"), ("ipv6", "master6"))
    assert long.in_use == ("ipv4",)
    assert (found["anyone"].dynamic, found["anyone"].neighbour) == (True, "192.0.2.0/24")
    assert found["kernel1"].routes == 7
    assert found["kernel1"].channels == (("ipv4", "master4"),)


def test_only_an_established_session_whose_peer_says_nothing_of_it_cannot_refresh() -> None:
    assert [name for name, p in replies.protocols(reply(PROTOCOLS)).items() if not p.refreshes] == ["deaf"]


def test_what_works() -> None:
    found = replies.protocols(reply(PROTOCOLS))
    assert [name for name, p in found.items() if p.works] == [
        "device1",
        "kernel1",
        "a-name-longer-than-its-column",
        "deaf",
    ]
    empty = replies.protocols(reply(PROTOCOLS.replace("2 imported", "0 imported").replace("5 exported", "0 exported")))
    assert not empty["kernel1"].works


def test_bfd_sessions() -> None:
    first, second = replies.bfd_sessions("guard", reply(BFD))
    assert (first.title, first.up, first.timeout, first.protocol) == ("10.9.0.2 on to-right", True, 0.3, "guard")
    assert (second.title, second.up, second.timeout) == ("2001:db8::2", False, 5.0)


def local(text: str) -> float:
    return time.mktime(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def test_status() -> None:
    found = replies.status(reply(STATUS), local("2026-11-21 15:27:12") + 0.4)
    assert (found.version, found.router_id) == ("BIRD 2.0.12", "10.9.0.1")
    assert found.loaded == pytest.approx(local("2026-11-21 15:27:11") + 0.516)
    assert found.started == local("2026-11-21 15:00:00")


def test_status_of_a_bird_in_another_time_zone() -> None:
    found = replies.status(reply(STATUS), local("2026-11-21 15:27:12") + 0.4 + 9 * 3600)
    assert found.loaded == pytest.approx(local("2026-11-21 15:27:11") + 0.516 + 9 * 3600)


def test_status_with_times_of_another_format() -> None:
    assert replies.status(reply(STATUS.replace("2026-11-21", "Sat")), time.time()).loaded is None
