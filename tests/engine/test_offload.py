# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether frames leave a veth with their checksums filled in."""

from __future__ import annotations

import socket
import struct
from contextlib import closing
from copy import deepcopy
from typing import Any

import pytest
from harness import Machine, actions, inside

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError
from ansible_collections.hostnet.fabric.plugins.module_utils.probe import wire

IPV4, UDP = 0x0800, 17


def container() -> dict[str, Any]:
    return {
        "namespaces": [{"name": "c1"}],
        "links": [
            {"name": "v1", "type": "veth", "peer": {"namespace": "c1", "name": "eth0"}, "up": True},
            {"namespace": "c1", "name": "eth0", "type": "veth", "peer": {"name": "v1"}, "up": True},
        ],
        "addresses": [
            {"link": "v1", "address": "10.0.1.1/24"},
            {"namespace": "c1", "link": "eth0", "address": "10.0.1.2/24"},
        ],
        "offloads": [{"namespace": "c1", "link": "eth0", "tx_checksums": False}],
    }


def arrives_complete() -> bool:
    """Whether the checksum of a datagram from the container is right as a program sees it that reads frames."""
    with closing(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(IPV4))) as reader:
        reader.bind(("v1", IPV4))
        reader.settimeout(2)
        with inside("c1"), closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.sendto(b"odd", ("10.0.1.1", 9))
        while True:
            packet = reader.recv(2000)[14:]
            if packet[9] == UDP:
                datagram = packet[20 : 20 + struct.unpack("!H", packet[24:26])[0]]
                pseudo = packet[12:20] + struct.pack("!HH", UDP, len(datagram))
                return wire.checksum(pseudo + datagram) == 0


def without(document: dict[str, Any]) -> dict[str, Any]:
    return {section: entries for section, entries in document.items() if section != "offloads"}


def test_checksums_are_filled_in_while_declared(host: Machine) -> None:
    document = container()
    host.apply(without(document))
    assert not arrives_complete()

    done = host.apply(document)
    assert actions(done) == {"offload c1 eth0": "change"}
    assert done.commands == ["ip netns exec c1 ethtool -K eth0 tx off"]
    assert arrives_complete()


def test_a_device_of_others_gets_it_back(host: Machine) -> None:
    for line in ("netns add c1", "link add v1 type veth peer eth0 netns c1", "address add 10.0.1.1/24 dev v1"):
        host.ip(line)
    for line in ("address add 10.0.1.2/24 dev eth0", "link set dev eth0 up"):
        host.ip(line, "c1")
    host.ip("link set dev v1 up")
    assert not arrives_complete()
    host.apply({"offloads": container()["offloads"]})
    assert arrives_complete()
    host.absent()
    assert not arrives_complete()


def test_a_device_that_is_made_has_it_from_the_start(host: Machine) -> None:
    assert "offload c1 eth0" in actions(host.apply(container()))
    assert arrives_complete()
    replaced = deepcopy(container())
    host.ip("link del dev v1")
    host.apply(replaced)
    assert arrives_complete()


def test_a_device_that_is_not_there(host: Machine) -> None:
    with pytest.raises(FabricError, match="nowhere"):
        host.run({"offloads": [{"link": "nowhere", "tx_checksums": False}]})
