# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and network functions that cannot be drained."""

from __future__ import annotations

CASES = {
    "somebody drained who is not there": (
        {"fabric_drained": ["up3", "kvm-02", "kvm-02"]},
        [
            "fabric_drained: kvm-02 is named twice; name it once",
            "fabric_drained: there is no up3; did you mean up2?",
        ],
    ),
    "a drained name that two have": (
        {
            "fabric_user_planes/kvm-03": {"host": "kvm-02", "attach": "veth", "addresses": ["192.0.2.3"]},
            "fabric_drained": ["kvm-03"],
        },
        [
            "fabric_drained: kvm-03 is a host and a network function; rename one of them",
        ],
    ),
    "too many drained": (
        {"fabric_drained": ["kvm-01", "gw-01", "gw-02"]},
        [
            "fabric_drained: leaves no control plane that announces IPv4 pools; take one out of it, or undrain",
            "fabric_drained: leaves no control plane that announces IPv6 pools; take one out of it, or undrain",
            "fabric_drained: leaves no gateway; take one out of it, or undrain",
            "fabric_drained: leaves none of the IPv6 user planes of fabric_next_hops.planes, and its min_live is 1; "
            "take somebody out of it, or undrain",
        ],
    ),
}
