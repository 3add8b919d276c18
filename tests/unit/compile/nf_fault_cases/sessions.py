# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of BFD and BGP that cannot work."""

from __future__ import annotations

CASES = {
    "BFD so fast that it flaps": (
        {"fabric_bfd/interval": 20},
        [
            "fabric_bfd.interval: 20 ms is so short that sessions flap on a busy host; choose 50 or more, or "
            "say allow_fast: true",
        ],
    ),
    "BFD out of range": (
        {"fabric_bfd/interval": 5, "fabric_bfd/multiplier": 1},
        [
            "fabric_bfd.interval: 5 is out of range; choose 10 to 60000",
            "fabric_bfd.multiplier: 1 is out of range; choose 2 to 50",
        ],
    ),
    "BFD key unknown": (
        {"fabric_bfd/intervall": 100},
        [
            "fabric_bfd.intervall: is not known; did you mean interval?",
        ],
    ),
    "BFD with a key that not all have": (
        {"fabric_bfd/password": "secret"},
        [
            "fabric_bfd.password: needs BIRD at every end, and up2 has another daemon "
            "(fabric_user_planes.up2); leave it out",
        ],
    ),
    "BFD key too long": (
        {"fabric_bfd/password": "123456789012345678901"},
        [
            'fabric_bfd.password: is no key; use 1 to 20 letters, digits and signs of ASCII, without " and blanks',
        ],
    ),
    "BGP hold time too short": (
        {"fabric_bgp/hold_time": 2},
        [
            "fabric_bgp.hold_time: 2 is out of range; choose 3 to 65535",
        ],
    ),
    "BGP password with a quote": (
        {"fabric_bgp/password": 'say "please"'},
        [
            'fabric_bgp.password: is no key; use 1 to 80 letters, digits and signs of ASCII, without " and blanks',
        ],
    ),
    "TCP-AO without a key": (
        {"fabric_bgp": {"tcp_ao": True}},
        [
            "fabric_bgp.tcp_ao: needs a key; say password, too",
        ],
    ),
    "BGP as a text": (
        {"fabric_bgp": "fast"},
        [
            "fabric_bgp: 'fast' is not a map of keys and values",
        ],
    ),
}
