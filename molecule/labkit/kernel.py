# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the running kernel has what a scenario needs, found out by making such an object."""

from __future__ import annotations

from collections.abc import Sequence

from labkit.shell import attempt

PROBES = {
    "8021q": "link add a type veth peer b\nlink add link a name probe type vlan id 5\n",
    "bridge_vlan": "link add probe type bridge vlan_filtering 1\n",
    "dummy": "link add probe type dummy\n",
    "vrf": "link add probe type vrf table 10\n",
    "vxlan": "link add probe type vxlan id 5 dstport 4789\n",
}


def missing(needs: Sequence[str]) -> list[str]:
    """The needs that fail when tried in a network namespace that ends with the attempt."""
    command = ["unshare", "--net", "ip", "-batch", "-"]
    return [need for need in needs if attempt(command, PROBES[need]).status != 0]
