# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every test that asks for ``host`` gets a network namespace of its own, and for ``ovs`` an Open vSwitch in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("cases", "harness")

import features  # noqa: E402
from harness import Machine, OpenVSwitch, own_network, private_namespace_directory  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*features): skips where the running kernel cannot make them")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        for feature in marker.args:
            if not features.has(feature):
                pytest.skip(f"this kernel has no {feature}")


@pytest.fixture(scope="session")
def _namespace_directory() -> None:
    private_namespace_directory()


@pytest.fixture
def host(_namespace_directory: None, tmp_path: Path) -> Iterator[Machine]:
    with own_network():
        machine = Machine(tmp_path / "run")
        try:
            yield machine
        finally:
            machine.close()


@pytest.fixture
def ovs(host: Machine, tmp_path: Path) -> Iterator[OpenVSwitch]:
    """An Open vSwitch of its own beside ``host``, whose engine talks to it."""
    with OpenVSwitch.started(tmp_path / "ovs") as switch:
        host.ovs_database = switch.database
        yield switch


@pytest.fixture(params=["netdev", pytest.param("system", marks=pytest.mark.needs("openvswitch"))])
def datapath(request: pytest.FixtureRequest) -> str:
    """The type of a bridge's datapath: that of the switch itself, and the kernel's."""
    return str(request.param)
