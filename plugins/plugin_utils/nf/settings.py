# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for the whole fleet: timers, keys, and what hosts have where they do not say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.model import Bfd, Bgp
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, Section, Variables

BACKENDS = ("linux", "vlan_aware", "openvswitch")
DATAPATHS = ("system", "netdev")
DEFAULT_MTU = 1500
DEFAULT_BFD = Bfd(interval=300, multiplier=3, password=None)
DEFAULT_BGP = Bgp(hold_time=9, password=None, gtsm=True, tcp_ao=False)
FASTEST = 50
backend = values.choice(*BACKENDS)
datapath = values.choice(*DATAPATHS)
mtu = values.integer(68, 65535)


@dataclass(frozen=True)
class Settings:
    backend: str
    datapath: str
    uplink: str | None
    bfd: Bfd
    bgp: Bgp


def parse_settings(intent: Mapping[str, Any], faults: Faults) -> Settings:
    variables = Variables(intent, faults)
    return Settings(
        backend=variables.get("fabric_nf_backend", backend, "linux"),
        datapath=variables.get("fabric_datapath", datapath, "system"),
        uplink=variables.get("fabric_nf_uplink", names.device, None),
        bfd=_bfd(Section("fabric_bfd", variables.raw("fabric_bfd"), faults)),
        bgp=_bgp(Section("fabric_bgp", variables.raw("fabric_bgp"), faults)),
    )


def _bfd(section: Section) -> Bfd:
    fast = section.get("allow_fast", values.boolean, False)
    found = Bfd(
        interval=section.get("interval", values.integer(10, 60000), DEFAULT_BFD.interval),
        multiplier=section.get("multiplier", values.integer(2, 50), DEFAULT_BFD.multiplier),
        password=section.get("password", _key(20), None),
    )
    section.close()
    if found.interval < FASTEST and not fast and section.are_sound("interval", "allow_fast"):
        text = f"{found.interval} ms is so short that sessions flap on a busy host"
        section.fault("interval", f"{text}; choose {FASTEST} or more, or say allow_fast: true")
    return found


def _bgp(section: Section) -> Bgp:
    found = Bgp(
        hold_time=section.get("hold_time", values.integer(3, 65535), DEFAULT_BGP.hold_time),
        password=section.get("password", _key(80), None),
        gtsm=section.get("gtsm", values.boolean, DEFAULT_BGP.gtsm),
        tcp_ao=section.get("tcp_ao", values.boolean, DEFAULT_BGP.tcp_ao),
    )
    section.close()
    if found.tcp_ao and found.password is None and section.are_sound("password"):
        section.fault("tcp_ao", "needs a key; say password, too")
    return found


def _key(most: int) -> Any:
    def parse(value: Any) -> str:
        """The message does not have the value: it is a secret."""
        if (
            isinstance(value, str)
            and 0 < len(value) <= most
            and all(" " < sign <= "~" and sign != '"' for sign in value)
        ):
            return str(value)
        raise ValueError(f'is no key; use 1 to {most} letters, digits and signs of ASCII, without " and blanks')

    return parse
