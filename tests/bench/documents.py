# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured hosts: so many VMs or containers on bridges, compiled from intent as any other host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.bridge.document import SCOPE, bridge_document

from .subject import Subject

HOST = "host"
# A Linux bridge has at most 1,023 ports; flooding makes hundreds a sensible size.
PER_BRIDGE = 250

__all__ = ["CONTAINERS", "HOST", "PER_BRIDGE", "SCOPE", "TAPS", "Shape", "document", "intent", "subject"]


@dataclass(frozen=True)
class Shape:
    """What hangs on the bridges, in the words of the intent and of a reader."""

    attach: str
    title: str


TAPS = Shape("tap", "VMs on taps")
CONTAINERS = Shape("veth", "containers on veths")


def intent(shape: Shape, instances: int) -> dict[str, Any]:
    """Bridges with IPv4 and IPv6 that the host routes for, and guarded instances with an address of each."""
    bridges = {
        f"net{number}": {
            "host": HOST,
            "forward": "route",
            "addresses": [f"10.{number}.0.1/16", f"2001:db8:{number:x}::1/64"],
        }
        for number in range(-(-instances // PER_BRIDGE))
    }
    return {
        "fabric_bridges": bridges,
        "fabric_instances": dict(_instance(shape, number) for number in range(instances)),
    }


def _instance(shape: Shape, number: int) -> tuple[str, dict[str, Any]]:
    bridge, place = divmod(number, PER_BRIDGE)
    addresses = [f"10.{bridge}.1.{place}", f"2001:db8:{bridge:x}::1:{place:x}"]
    return f"i{number:05}", {"bridge": f"net{bridge}", "attach": shape.attach, "addresses": addresses}


def document(shape: Shape, instances: int) -> dict[str, Any]:
    return bridge_document(intent(shape, instances), HOST)


def subject(shape: Shape, instances: int) -> Subject:
    """One instance comes, and goes again."""
    usual = document(shape, instances)
    return Subject(shape.title, instances, usual, document(shape, instances + 1), usual)
