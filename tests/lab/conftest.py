# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab that the tests of this directory share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "molecule"))

from labtest import SCENARIO, Lab, eventually, make_lab


@pytest.fixture(scope="session")
def bare_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The scenario, not up."""
    if os.geteuid() != 0:
        pytest.fail("the lab needs root; run these tests as root")
    lab = make_lab(tmp_path_factory.mktemp("molecule"), "selftest", SCENARIO)
    yield lab
    lab("down", lab.scenario)


@pytest.fixture(scope="session")
def lab(bare_lab: Lab) -> Lab:
    """The scenario, up, with a bridge for its guest and a namespace for its container."""
    bare_lab.ok("up", bare_lab.scenario)
    bare_lab.output(
        "alpha",
        *("sh", "-ec"),
        "ip link add br0 type bridge; ip address add 10.79.0.1/24 dev br0; ip link set br0 up;"
        "ip address add 2001:db8:79::1/64 dev br0 nodad; ip tuntap add tap-guest mode tap;"
        "ip link set tap-guest master br0 up; sysctl -qw net.ipv4.ip_forward=1",
    )
    bare_lab.output("beta", "ip", "netns", "add", "boxed")
    eventually(lambda: "box" in bare_lab.ok("status", bare_lab.scenario))
    return bare_lab
