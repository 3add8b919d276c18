# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: nf_drain
short_description: What to do to take NFs and gateways out of service, or to put them back
version_added: 1.0.0
author:
  - hostnet.fabric contributors (@hostnet)
description:
  - Finds out whether enough is left when somebody is drained, from what lives on the gateways, and which
    configurations of BIRD have to be brought live in which order so that no packet is lost.
  - Pure. It is what the role P(hostnet.fabric.nf_drain#role) does.
options:
  names:
    description: User planes, control planes, gateways, and hosts, which stand for all NFs on them.
    type: list
    elements: str
    required: true
  state:
    description: V(drained) takes out of service, V(live) puts back.
    type: str
    choices: [drained, live]
    default: drained
  remembered:
    description:
      - What hosts remember from before, a map each as RV(_value.memory). Of two statements about a name the later
        one counts. A name alone is drained, and any statement is later.
    type: list
    elements: raw
    default: []
  without:
    description: Hosts that cannot be reached.
    type: list
    elements: str
    default: []
  networks:
    description: The document that M(hostnet.fabric.host_network_info) gives of each gateway that answers, by its name.
    type: dict
    default: {}
  routings:
    description: The result of M(hostnet.fabric.bird_info) on each of them.
    type: dict
    default: {}
  here:
    description: The hosts of the play, which gateways that are drained or put back have to be. Left out, they are.
    type: list
    elements: str
  at:
    description: The time, in seconds, by which this order is known to be later than others.
    type: int
    default: 0
  passing:
    description: Whether the drain is part of a change whose play puts back.
    type: bool
    default: false
positional: names
extends_documentation_fragment:
  - hostnet.fabric.intent.nf
seealso:
  - module: hostnet.fabric.bird
  - module: hostnet.fabric.bird_info
  - plugin: hostnet.fabric.nf_bird
    plugin_type: filter
"""

EXAMPLES = r"""
- name: See what would be refused
  ansible.builtin.debug:
    msg: "{{ (intent | hostnet.fabric.nf_drain(['nf-up3'], networks=networks, routings=routings)).refusals }}"
"""

RETURN = r"""
_value:
  description: What to do.
  type: dict
  contains:
    refusals:
      description:
        - Why nothing may be done, a line each - what would be missing, and what is wrong with the intent or the names.
        - Everything else is empty then.
      type: list
      elements: str
    before:
      description: Who was drained before, but for those whose drain only passes. With O(state=drained) only.
      type: list
      elements: str
    told:
      description: Who is drained from now on because a playbook was told so.
      type: list
      elements: str
    memory:
      description:
        - What the hosts have to remember from now on. By name, C(drained), C(at) which time that was said, and
          C(passing) where it only passes.
      type: dict
    remember_on:
      description: The hosts that have to.
      type: list
      elements: str
    first:
      description: Configurations to bring live before all others, so that routes of who leaves are used last.
      type: list
      elements: dict
      contains:
        host:
          description: The inventory host.
          type: str
        name:
          description: The gateway's name, or the NF's.
          type: str
        namespace:
          description: The network namespace of the BIRD; empty for the host's own.
          type: str
        config:
          description: The text. It has the passwords of the intent.
          type: str
    then:
      description: Configurations to bring live after that, in this order.
      type: list
      elements: dict
    awaited:
      description: The addresses that have to answer to each gateway after that.
      type: dict
    last:
      description: Configurations to bring live when they do.
      type: list
      elements: dict
    sessions:
      description: The BGP sessions, by name, that have to be up on each gateway in the end.
      type: dict
    gateways:
      description: Gateways that give the shared addresses away, or may have them again.
      type: list
      elements: str
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.hostnet.fabric.plugins.plugin_utils.filters import intent_filter
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.drain import Drain, Order, drain, undrain
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.live import parse_live
from ansible_collections.hostnet.fabric.plugins.plugin_utils.nf.memory import recalled
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError


@intent_filter
def nf_drain(
    given: Any,
    names: Iterable[str],
    state: str = "drained",
    remembered: Iterable[Any] = (),
    without: Iterable[str] = (),
    networks: Mapping[str, Mapping[str, Any]] | None = None,
    routings: Mapping[str, Mapping[str, Any]] | None = None,
    here: Iterable[str] | None = None,
    at: int = 0,
    passing: bool = False,
) -> dict[str, Any]:
    """What has to be done, as data."""
    work = {"drained": drain, "live": undrain}.get(state)
    if work is None:
        raise AnsibleFilterError(f"nf_drain: {state!r} is no state; choose drained or live")
    try:
        play = tuple(here) if here is not None else None
        order = Order(tuple(names), recalled(remembered), tuple(without), play, at, passing)
        live = {host: parse_live(found, (routings or {})[host]) for host, found in (networks or {}).items()}
        return work(given, order, live).as_data()
    except IntentError as error:
        return Drain(refusals=list(error.faults)).as_data()


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"nf_drain": nf_drain}
