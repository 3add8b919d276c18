# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The intent of a whole fleet for distributed routing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr import clashes
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.catalogue import HOSTS, Catalogue
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.claims import Claims
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.external import host_addresses
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.model import HostView
from ansible_collections.hostnet.fabric.plugins.plugin_utils.dvr.view import survey
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import Faults, IntentError, suggestion


class Fleet:
    """What there is, by host.

    :param intent: a map with ``fabric_hosts``, ``fabric_networks``, ``fabric_routers``, ``fabric_instances``…
    """

    def __init__(self, intent: Any) -> None:
        if not isinstance(intent, Mapping):
            raise IntentError([f"intent: {intent!r} is not a map with {HOSTS}, fabric_networks, fabric_routers…"])
        self._catalogue = Catalogue(intent)

    @property
    def hosts(self) -> list[str]:
        return sorted(self._catalogue.hosts)

    def view(self, host: str) -> HostView:
        """What concerns this host. One that the intent does not have has nothing.

        :raises IntentError: with everything that is wrong with it.
        """
        faults = Faults()
        faults.update(self._catalogue.setting_faults)
        surveyed = survey(self._catalogue, host, faults)
        if surveyed is not None:
            clashes.check_host(surveyed, self._catalogue.settings, Claims(faults), faults)
        if faults or surveyed is None:
            raise IntentError(faults)
        return surveyed.view

    def faults(self, inventory: Iterable[str] = ()) -> list[str]:
        """Everything that is wrong with the fleet's intent; ``inventory`` are the hosts there are, if known."""
        found, known = Faults(), set(inventory)
        found.update(self._catalogue.faults)
        found.update(self._catalogue.setting_faults)
        self._look_at_all(found)
        outside = Claims(found)
        self._claim_outside(outside, found)
        for host in self.hosts:
            surveyed = survey(self._catalogue, host, found)
            if surveyed is not None:
                clashes.check_host(surveyed, self._catalogue.settings, outside, found)
        for host in self.hosts if known else ():
            if host not in known:
                found.add(f"{HOSTS}.{host}", f"{host} is not in the inventory; {suggestion(host, known)}")
        return list(found)

    def _look_at_all(self, faults: Faults) -> None:
        """Every entry by itself, and what must be unique in the whole fleet."""
        catalogue = self._catalogue
        for name in catalogue.groups:
            catalogue.group(name, faults)
        for name in catalogue.instances:
            catalogue.instance(name, faults)
        for name in catalogue.routers:
            catalogue.router(name, faults)
        for name in catalogue.networks:
            catalogue.segment(name, faults)
        for name in sorted(catalogue.networks.keys() & catalogue.externals.keys()):
            text = f"{name} is already an external network (fabric_external_networks.{name}); rename one of them"
            faults.add(f"fabric_networks.{name}", text)
        hosts = [host for name in self.hosts if (host := catalogue.host(name, faults)) is not None]
        networks = [catalogue.network(name, faults) for name in sorted(catalogue.networks)]
        externals = [catalogue.external(name, faults) for name in sorted(catalogue.externals)]
        providers = [catalogue.provider(name, faults) for name in sorted(catalogue.providers)]
        clashes.check_hosts(hosts, faults)
        clashes.check_numbers(
            [one for one in networks if one is not None],
            [one.network for one in externals if one is not None],
            [one for one in providers if one is not None],
            faults,
        )

    def _claim_outside(self, outside: Claims, faults: Faults) -> None:
        """What the hosts and routers themselves have in external networks."""
        catalogue = self._catalogue
        for name in sorted(catalogue.externals):
            external = catalogue.external(name, faults)
            if external is None:
                continue
            clashes.claim_gateways(external.network, outside)
            for host in sorted(external.host_addresses):
                if host not in catalogue.hosts:
                    text = f"there is no {host} in {HOSTS}; {suggestion(host, catalogue.hosts)}"
                    faults.add(f"{external.path}.host_addresses", text)
                found = host_addresses(external, host, faults)
                clashes.claim_host_addresses(external.network, host, [str(ip) for ip, _subnet in found], outside)
        for name in catalogue.snat_routers():
            router = catalogue.router(name, faults)
            if router is not None:
                clashes.claim_snat(router, outside)
