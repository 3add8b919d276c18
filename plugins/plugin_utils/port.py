# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an instance of ``fabric_instances`` hangs on a switch: a VM by its tap, a container by a veth pair."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.hostnet.fabric.plugins.module_utils import values
from ansible_collections.hostnet.fabric.plugins.plugin_utils import names
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Section

_OF_TAPS = ("user", "group", "multi_queue")
_OF_VETHS = ("namespace", "namespace_exists", "pid", "interface")


@dataclass(frozen=True)
class Tap:
    """The host's end of a VM's port, which the hypervisor opens."""

    user: str | None
    group: str | None
    multi_queue: bool


@dataclass(frozen=True)
class Veth:
    """The container's end of a veth pair. ``namespace`` is a name, or pid:NUMBER."""

    namespace: str
    namespace_exists: bool
    interface: str


def parse_attach(section: Section) -> str | None:
    return section.required("attach", values.choice("tap", "veth"), None, "choose tap for a VM, veth for a container")


def parse_port(section: Section, name: str, attach: str | None) -> Tap | Veth:
    """The port of the instance with this name; what only the other kind of port has must not be said."""
    if attach == "tap":
        tap = _tap(section)
        section.meaningless(_OF_VETHS, "has no meaning for a tap; leave it out or choose attach: veth")
        return tap
    veth = _veth(section, name)
    if attach == "veth":
        section.meaningless(_OF_TAPS, "has no meaning for a veth; leave it out or choose attach: tap")
    return veth


def _tap(section: Section) -> Tap:
    return Tap(
        user=section.get("user", _account, None),
        group=section.get("group", _account, None),
        multi_queue=section.get("multi_queue", values.boolean, False),
    )


def _veth(section: Section, name: str) -> Veth:
    pid = section.get("pid", values.integer(1, 4_194_304), None)
    exists = section.get("namespace_exists", values.boolean, False)
    namespace = section.get("namespace", parse_namespace, name)
    if pid is not None:
        for key in ("namespace", "namespace_exists"):
            if key in section:
                section.fault(key, "excludes pid; name the namespace or one of its processes")
        namespace = f"pid:{pid}"
    return Veth(namespace, exists or pid is not None, section.get("interface", names.device, "eth0"))


def parse_namespace(value: object) -> str:
    namespace = values.namespace_name(value)
    if namespace.startswith("pid:"):
        raise ValueError(f"'{namespace}' is a process; write pid: {namespace[len('pid:') :]}")
    return namespace


def _account(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return values.text(value)
