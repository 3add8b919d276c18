# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds the engine knows, in the order in which a reader meets them."""

from __future__ import annotations

from .address import Address
from .base import Resource
from .fdb import Fdb
from .link import Link
from .meter import Meter
from .namespace import Namespace
from .neighbour import Neighbour
from .nft_table import NftTable
from .offload import Offload
from .openflow import OpenFlow
from .ovs_bridge import OvsBridge
from .ovs_port import OvsPort
from .route import Route
from .rule import Rule
from .sysctl import Sysctl
from .uplink import Uplink

KINDS: tuple[type[Resource], ...] = (
    Namespace,
    OvsBridge,
    OvsPort,
    Meter,
    OpenFlow,
    Link,
    Fdb,
    Sysctl,
    Offload,
    NftTable,
    Address,
    Uplink,
    Route,
    Rule,
    Neighbour,
)
