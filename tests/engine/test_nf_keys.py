# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of BFD and of TCP-AO: who has the key that the intent says is heard, and nobody else."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import Machine, tool, wait_for
from nf_fleet import CONTROL, INTENT, ON_WHICH, PLANES, text
from routers import Router, for_a_while, lan

from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.bird import daemons
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.fleet import Fleet

GATEWAY = {4: "192.0.2.252", 6: "2001:db8:2::252"}
ADDRESSES = {"dcgw-01": GATEWAY, **PLANES, "nf-cp1": CONTROL}
AO = {"hold_time": 9, "password": "between-us", "tcp_ao": True}
_TCP_AO_INFO = 40


def version() -> tuple[int, ...]:
    done = tool("bird", "--version")
    return tuple(int(number) for number in re.findall(r"\d+", done.stdout + done.stderr)[:2])


speaks_ao = pytest.mark.skipif("version() < (2, 17)", reason="BIRD has TCP-AO since 2.17")


def kernel_has_tcp_ao() -> bool:
    with closing(socket.socket()) as any_socket:
        try:
            any_socket.setsockopt(socket.IPPROTO_TCP, _TCP_AO_INFO, bytes(8))
        except OSError as error:
            return error.errno != errno.ENOPROTOOPT
    return True


def compiled(name: str, **settings: Mapping[str, Any]) -> str:
    """The text of one BIRD, whose device is ``eth0`` here in a gateway, too."""
    intent = {**deepcopy(INTENT), "fabric_nf_backend": "openvswitch", **settings}
    (found,) = daemons(Fleet(intent).view(ON_WHICH.get(name, name)))
    assert found.name == name
    return text(found.config).replace('"gw-100"', '"eth0"')


@dataclass
class Link:
    """Namespaces on one switch, and the BIRDs in them."""

    directory: Path
    stack: ExitStack

    def start(self, name: str, config: str) -> Router:
        return self.stack.enter_context(Router.started(self.directory / name, name, config))


@pytest.fixture
def link(host: Machine, tmp_path: Path) -> Iterator[Link]:
    lan({name: f"{own[4]}/24" for name, own in ADDRESSES.items()})
    for name, own in ADDRESSES.items():
        tool("ip", "-n", name, "address", "add", f"{own[6]}/64", "dev", "eth0", "nodad")
    with ExitStack() as stack:
        yield Link(tmp_path, stack)


def bfd_key(password: str | None) -> dict[str, dict[str, Any]]:
    return {"fabric_bfd": {**INTENT["fabric_bfd"], **({"password": password} if password else {})}}


def hears(gateway: Router, name: str, by: Router) -> list[bool]:
    """Whether the gateway and a user plane hear each other, in each family and by each end's own account."""
    return [
        end.bfd_up(address)
        for family in (4, 6)
        for end, address in ((gateway, ADDRESSES[name][family]), (by, GATEWAY[family]))
    ]


@pytest.mark.parametrize("other", ["guessed", None])
def test_bfd_hears_who_has_the_password_only(link: Link, other: str | None) -> None:
    """One user plane has it. The other has another one or none, is not heard, and is when it has the same."""
    assert 'password "between-us";' in compiled("dcgw-01", **bfd_key("between-us"))
    gateway = link.start("dcgw-01", compiled("dcgw-01", **bfd_key("between-us")))
    first = link.start("nf-up1", compiled("nf-up1", **bfd_key("between-us")))
    with Router.started(link.directory / "nf-up2", "nf-up2", compiled("nf-up2", **bfd_key(other))) as second:
        wait_for(lambda: all(hears(gateway, "nf-up1", first)), "who has the password")
        for _moment in for_a_while(3.0):
            assert not any(hears(gateway, "nf-up2", second))
    second = link.start("nf-up2", compiled("nf-up2", **bfd_key("between-us")))
    wait_for(lambda: all(hears(gateway, "nf-up2", second)), "who has learnt the password")
    assert all(hears(gateway, "nf-up1", first))


@speaks_ao
@pytest.mark.parametrize("name", ["dcgw-01", "nf-cp1"])
def test_bird_takes_what_is_written_for_tcp_ao(name: str, tmp_path: Path) -> None:
    """And no other algorithm in its place: it has read what is in the block."""
    config = compiled(name, fabric_bgp=AO)
    for words, taken in (("hmac sha256", True), ("hmac sha257", False)):
        assert "algorithm hmac sha256;" in config
        path = tmp_path / "bird.conf"
        path.write_text(config.replace("hmac sha256", words))
        done = tool("bird", "-p", "-c", str(path), check=False)
        assert (done.returncode == 0) == taken, done.stderr


@speaks_ao
def test_a_session_has_its_key_of_tcp_ao_or_is_not_there(link: Link) -> None:
    """A kernel that cannot sign has no session, rather than one that anybody could have. With TCP MD5 it has one."""
    sessions = ("nf_cp1_v4", "nf_cp1_v6")
    with ExitStack() as stack:
        ends = {name: compiled(name, fabric_bgp=AO) for name in ("dcgw-01", "nf-cp1")}
        gateway, _control = (
            stack.enter_context(Router.started(link.directory / name, name, config)) for name, config in ends.items()
        )
        if kernel_has_tcp_ao():
            wait_for(lambda: gateway.is_up(*sessions), "the sessions")
        else:
            assert "Kernel does not support TCP-AO" in gateway.log()
            for _moment in for_a_while(4.0):
                assert not any(map(gateway.is_up, sessions))
    md5 = {**AO, "tcp_ao": False}
    gateway, _control = (link.start(name, compiled(name, fabric_bgp=md5)) for name in ("dcgw-01", "nf-cp1"))
    wait_for(lambda: gateway.is_up(*sessions), "the sessions")
