#!/usr/bin/python
# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_probe
short_description: Check the data plane from the namespaces of a host
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Sends packets from network namespaces of a host and reports what came of them, as data.
  - A list of probes is one module call. Probes run at the same time, each in a thread of its own that enters its
    namespaces alone; no process is started.
  - Nothing on the host is changed.
requirements:
  - Python 3.9 or newer on the target
attributes:
  check_mode:
    support: full
    description: No packet is sent. The probes that would be made are returned, with V(null) as RV(results[].ok).
  diff_mode:
    support: none
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
    description: Needs to run as root.
extends_documentation_fragment:
  - hostnet.fabric.attributes
options:
  probes:
    description: The checks to make.
    type: list
    elements: dict
    required: true
    suboptions:
      kind:
        description:
          - V(ping) sends O(probes[].count) echo requests to O(probes[].address) and measures loss and round trips.
          - V(path_mtu) finds the largest packet that reaches O(probes[].address) unfragmented. Where routers on the
            way keep silent about what they drop, it is found by halving.
          - V(tcp) connects to O(probes[].port) of O(probes[].address). Where the other end answers with a line that is
            the address it saw, that is reported, too.
          - V(arp) asks on O(probes[].interface) who owns O(probes[].address), by ARP or, for IPv6, by neighbour
            solicitation. Everyone who answers is reported.
          - V(spoof) sends a frame that lies about its sender out of O(probes[].interface), between two that tell the
            truth, and looks whether they come by at O(probes[].seen_at).
        type: str
        required: true
        choices: [ping, path_mtu, tcp, arp, spoof]
      name:
        description: What the result is called. Made of kind, address and namespace when left out.
        type: str
      namespace:
        description:
          - The network namespace to probe from, by its name below C(/run/netns), or as C(pid:NUMBER) that of a process.
          - Left out, the one that the module runs in.
        type: str
      address:
        description:
          - The IPv4 or IPv6 address to reach, or to find the owner of.
          - With O(probes[].kind=spoof) the destination that the frames carry.
        type: str
        required: true
      interface:
        description: The interface to send on. Left out, routing decides, where the kind allows that.
        type: str
      source:
        description:
          - The address to send from. Left out, routing decides, where the kind allows that.
          - With O(probes[].kind=spoof) the sender's true address.
        type: str
      timeout:
        description: How many seconds to wait for an answer, or for what should not come.
        type: float
        default: 2.0
      count:
        description: How many echo requests to send.
        type: int
        default: 3
      interval:
        description: Seconds from one echo request to the next.
        type: float
        default: 0.1
      size:
        description: Bytes of the whole IP packet, so that 1500 fills a link with an MTU of 1500. Left out, 84 or 104.
        type: int
      dont_fragment:
        description: Forbid that echo requests are fragmented, here and on the way.
        type: bool
        default: false
      port:
        description: The TCP port to connect to.
        type: int
      read_line:
        description: Wait for a line after connecting. Implied by O(probes[].expect.seen_as).
        type: bool
        default: false
      frame:
        description:
          - V(echo) is an echo request whose sender is a lie.
          - V(announce) is an unasked ARP reply, or a neighbour advertisement for IPv6, that claims an address for a MAC
            address. Its Ethernet header tells the truth. With V(0.0.0.0) as O(probes[].claimed_source) it is an ARP
            request as of a host without an address, which no neighbour table takes up.
        type: str
        choices: [echo, announce]
        default: echo
      as_guest:
        description:
          - Stand in for the guest behind O(probes[].interface), a tap whose other end is in no namespace of the host.
            Frames come in on the interface as if the guest had sent them, and answers are read on their way to it.
          - Takes the guest's O(probes[].interface), O(probes[].source) and O(probes[].mac). Works for V(ping), V(arp)
            and V(spoof).
          - It uses the kernel's C(bpf) system call and attaches nothing.
        type: bool
        default: false
      via:
        description: The next hop, when standing in for a guest. Left out, O(probes[].address) is on its link.
        type: str
      mac:
        description: The sender's true MAC address. Left out, that of O(probes[].interface).
        type: str
      claimed_source:
        description: The IP address that the lie claims to be sent from.
        type: str
      claimed_mac:
        description: The MAC address that the lie claims to be sent from.
        type: str
      seen_at:
        description: Where to look for the frames, which are sent to this interface's MAC address.
        type: dict
        suboptions:
          namespace:
            description: The interface's namespace. Left out, the one that the module runs in.
            type: str
          interface:
            description: An interface on the same link, such as another instance's, or the bridge itself.
            type: str
            required: true
          leaving:
            description:
              - Look at what leaves by this interface, instead of what comes in. For a bridge's uplink.
              - The frames are then sent to a MAC address that nobody has.
            type: bool
            default: false
      expect:
        description: What must hold. A probe that could not be made at all never holds.
        type: dict
        suboptions:
          reachable:
            description: Whether an answer must come, or must not.
            type: bool
            default: true
          max_loss:
            description: The percentage of echo requests that may stay unanswered.
            type: float
            default: 0.0
          seen_as:
            description:
              - The address that the other end of a TCP connection must have seen.
              - V(host) stands for the address that the host itself has towards the target.
            type: str
          mtu:
            description: The path MTU there must be.
            type: int
          mac:
            description: The MAC address that must answer for the address, alone; or those of which exactly one must.
            type: list
            elements: str
          arrives:
            description: Whether the lie must arrive, or must not.
            type: bool
            default: false
  parallel:
    description: How many probes may run at the same time.
    type: int
    default: 32
  patience:
    description:
      - For how many seconds to make all probes again until all hold, as for a guest that is still booting.
      - The results are those of the last time.
    type: float
    default: 0.0
  fail:
    description: Whether the task fails when an expectation does not hold, with all of them in one message.
    type: bool
    default: true
notes:
  - V(spoof) with O(probes[].expect.arrives=false) holds only if the truthful frames do arrive.
seealso:
  - module: hostnet.fabric.host_network
"""

EXAMPLES = r"""
- name: A container reaches its gateway and the outside, seen there as the host
  hostnet.fabric.host_probe:
    probes:
      - kind: ping
        namespace: c1
        address: 192.168.9.1
      - kind: tcp
        namespace: c1
        address: 192.0.2.80
        port: 7777
        expect: {seen_as: host}

- name: The path between two sites takes 1450 bytes
  hostnet.fabric.host_probe:
    probes:
      - kind: path_mtu
        address: 2001:db8:2::10
        expect: {mtu: 1450}

- name: Only one machine owns the gateway's address
  hostnet.fabric.host_probe:
    probes:
      - kind: arp
        interface: br0
        address: 192.168.9.2
        expect: {mac: "52:54:00:12:34:56"}

- name: A guest's frames with another's address do not leave its tap
  hostnet.fabric.host_probe:
    probes:
      - kind: spoof
        interface: tap-vm1
        as_guest: true
        mac: "52:54:00:00:03:03"
        source: 192.168.3.3
        claimed_source: 192.168.3.4
        address: 192.168.3.1
        seen_at: {interface: br0}

- name: Measure, whatever the result
  hostnet.fabric.host_probe:
    probes:
      - {kind: ping, address: 192.0.2.1, count: 50, interval: 0.02}
    fail: false
  register: measured
"""

RETURN = r"""
results:
  description: What came of each probe, in their order. Fields of other kinds are left out.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The probe's name.
      type: str
      returned: always
    kind:
      description: The probe's kind.
      type: str
      returned: always
    namespace:
      description: The namespace it was made from, empty for the module's own.
      type: str
      returned: always
    address:
      description: The address it was about.
      type: str
      returned: always
    ok:
      description: Whether what was expected holds. V(null) in check mode.
      type: bool
      returned: always
    message:
      description: One line that says what was found, and where that is not what was expected, what it should be.
      type: str
      returned: always
    sent:
      description: Echo requests sent.
      type: int
      returned: for V(ping)
    received:
      description: Echo requests answered.
      type: int
      returned: for V(ping)
    loss:
      description: Percentage of echo requests that stayed unanswered.
      type: float
      returned: for V(ping)
    rtt:
      description: Round trip times V(min), V(avg) and V(max) in milliseconds; V(null) without an answer.
      type: dict
      returned: for V(ping)
    refusal:
      description: What the network or the other end said instead of answering, if anything.
      type: str
      returned: for V(ping), V(path_mtu) and V(tcp)
    mtu:
      description: The largest packet that passes unfragmented; V(null) without an answer.
      type: int
      returned: for V(path_mtu)
    connected:
      description: Whether the connection was made.
      type: bool
      returned: for V(tcp)
    ms:
      description: How many milliseconds it took to connect.
      type: float
      returned: for V(tcp)
    line:
      description: The line the other end sent.
      type: str
      returned: for V(tcp)
    seen_as:
      description: The line, when it is an IP address.
      type: str
      returned: for V(tcp)
    macs:
      description: The MAC addresses that answered for the address.
      type: list
      elements: str
      returned: for V(arp)
    control_arrived:
      description: Whether the truthful frames arrived.
      type: bool
      returned: for V(spoof)
    arrived:
      description: Whether the lie arrived.
      type: bool
      returned: for V(spoof)
  sample:
    - name: ping 192.168.9.1 from c1
      kind: ping
      namespace: c1
      address: 192.168.9.1
      ok: true
      message: 3 of 3 answered, 0.06 ms
      sent: 3
      received: 3
      loss: 0.0
      rtt: {min: 0.041, avg: 0.06, max: 0.092}
      refusal: null
failures:
  description: For each probe whose expectations do not hold a line with its name and message.
  returned: always
  type: list
  elements: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import FabricError
from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.model import Probe, Result, parse
from ansible_collections.hostnet.fabric.plugins.module_utils.probe.run import Runner

EXPECT = {
    "reachable": {"type": "bool", "default": True},
    "max_loss": {"type": "float", "default": 0.0},
    "seen_as": {"type": "str"},
    "mtu": {"type": "int"},
    "mac": {"type": "list", "elements": "str"},
    "arrives": {"type": "bool", "default": False},
}

PROBE = {
    "kind": {"type": "str", "required": True, "choices": ["ping", "path_mtu", "tcp", "arp", "spoof"]},
    "name": {"type": "str"},
    "namespace": {"type": "str"},
    "address": {"type": "str", "required": True},
    "interface": {"type": "str"},
    "source": {"type": "str"},
    "timeout": {"type": "float", "default": 2.0},
    "count": {"type": "int", "default": 3},
    "interval": {"type": "float", "default": 0.1},
    "size": {"type": "int"},
    "dont_fragment": {"type": "bool", "default": False},
    "port": {"type": "int"},
    "read_line": {"type": "bool", "default": False},
    "frame": {"type": "str", "choices": ["echo", "announce"], "default": "echo"},
    "as_guest": {"type": "bool", "default": False},
    "via": {"type": "str"},
    "mac": {"type": "str"},
    "claimed_source": {"type": "str"},
    "claimed_mac": {"type": "str"},
    "seen_at": {
        "type": "dict",
        "options": {
            "namespace": {"type": "str"},
            "interface": {"type": "str", "required": True},
            "leaving": {"type": "bool", "default": False},
        },
    },
    "expect": {"type": "dict", "options": EXPECT},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "probes": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": PROBE,
                "required_if": [
                    ("kind", "tcp", ["port"]),
                    ("kind", "arp", ["interface"]),
                    ("kind", "spoof", ["interface", "source", "seen_at"]),
                ],
            },
            "parallel": {"type": "int", "default": 32},
            "patience": {"type": "float", "default": 0.0},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        probes = parse(module.params["probes"])
        if module.check_mode:
            module.exit_json(changed=False, failures=[], results=[_planned(probe) for probe in probes])
        runner = Runner(Host(), max(1, module.params["parallel"]), module.params["patience"])
        results = runner.run(probes)
    except FabricError as error:
        module.fail_json(msg=str(error))
    failures = [f"{result.probe.name}: {result.message}" for result in results if not result.ok]
    report = {"results": [_shown(result) for result in results], "failures": failures}
    if failures and module.params["fail"]:
        module.fail_json(msg="\n".join([f"{len(failures)} of {len(results)} probes failed:", *failures]), **report)
    module.exit_json(changed=False, **report)


def _identity(probe: Probe) -> dict[str, Any]:
    return {
        "name": probe.name,
        "kind": probe.kind,
        "namespace": probe.namespace,
        "address": str(probe.address),
    }


def _planned(probe: Probe) -> dict[str, Any]:
    return {**_identity(probe), "ok": None, "message": "not made in check mode"}


def _shown(result: Result) -> dict[str, Any]:
    return {**_identity(result.probe), "ok": result.ok, "message": result.message, **result.measured}


if __name__ == "__main__":
    main()
