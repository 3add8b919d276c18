# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Providers and external networks that cannot work."""

from __future__ import annotations

CASES = {
    "provider without a device": (
        {"fabric_providers/wan/device": ...},
        [
            "fabric_providers.wan.device: is missing on kvm-01, which has fabric_external_networks.ext; "
            "name the device that leads there",
            "fabric_providers.wan.device: is missing on kvm-02, which has fabric_external_networks.ext; "
            "name the device that leads there",
            "fabric_providers.wan.device: is missing on net-01, which has fabric_external_networks.ext; "
            "name the device that leads there",
        ],
    ),
    "provider key unknown": (
        {"fabric_providers/wan/devise": "eth1"},
        [
            "fabric_providers.wan.devise: is not known; did you mean device?",
        ],
    ),
    "provider with br-int": (
        {"fabric_providers/wan/bridge": "br-int"},
        [
            "fabric_providers.wan.bridge: br-int is already the device of all networks (fabric_hosts); give "
            "one of them another name",
        ],
    ),
    "two names of one device": (
        {"fabric_providers/wan/integration_patch": "peer", "fabric_providers/wan/provider_patch": "peer"},
        [
            "fabric_providers.wan.provider_patch: peer is already the device of wan "
            "(fabric_providers.wan.integration_patch); give one of them another name",
        ],
    ),
    "external network without a provider": (
        {"fabric_external_networks/ext/provider": ..., "fabric_external_networks/ext/vlan": 7},
        [
            "fabric_external_networks.ext.provider: is missing; name the physical network that it is on",
        ],
    ),
    "external network on an unknown provider": (
        {"fabric_external_networks/ext/provider": "wam"},
        [
            "fabric_external_networks.ext.provider: there is no wam in fabric_providers; did you mean wan?",
        ],
    ),
    "external network with the MTU of none": (
        {"fabric_external_networks/ext/mtu": 9000},
        [
            "fabric_external_networks.ext.mtu: 9000 is more than the 1500 of fabric_providers.wan; choose 1500 or less",
        ],
    ),
    "external network with an address that cannot be right": (
        {"fabric_external_networks/ext/host_addresses/kvm-01": "192.0.2.400"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: '192.0.2.400' is no IP address; write it "
            "as 192.0.2.1 or 2001:db8::1",
        ],
    ),
    "external network without an address for a host": (
        {"fabric_external_networks/ext/host_addresses": {"kvm-01": "192.0.2.254"}},
        [
            "fabric_external_networks.ext.host_addresses: has no IPv4 address of kvm-02, which has "
            "fabric_routers.blue; choose a free one of 192.0.2.0/24",
        ],
    ),
    "host address of an unknown host": (
        {"fabric_external_networks/ext/host_addresses/kvm-2": "192.0.2.252"},
        [
            "fabric_external_networks.ext.host_addresses: there is no kvm-2 in fabric_hosts; did you mean kvm-02?",
        ],
    ),
    "host address outside": (
        {"fabric_external_networks/ext/host_addresses/kvm-01": "192.0.3.254"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.3.254 is in no subnet of "
            "fabric_external_networks.ext (192.0.2.0/24, 2001:db8:e::/64); choose an address of those",
        ],
    ),
    "host address that is the broadcast address": (
        {"fabric_external_networks/ext/host_addresses/kvm-01": "192.0.2.255"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.2.255 is the broadcast address of "
            "192.0.2.0/24; choose another address of it",
        ],
    ),
    "host address that is the gateway": (
        {"fabric_external_networks/ext/host_addresses/kvm-01": "192.0.2.1"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.2.1 is already the gateway's "
            "(fabric_external_networks.ext.gateways); choose another address",
        ],
    ),
    "host addresses twice in one subnet": (
        {"fabric_external_networks/ext/host_addresses/kvm-01": ["192.0.2.254", "192.0.2.252"]},
        [
            "fabric_external_networks.ext.host_addresses.kvm-01: 192.0.2.254 and 192.0.2.252 are in one "
            "subnet; one of the host in each is enough",
        ],
    ),
    "host addresses the same": (
        {"fabric_external_networks/ext/host_addresses/kvm-02": "192.0.2.254"},
        [
            "fabric_external_networks.ext.host_addresses.kvm-02: 192.0.2.254 is already kvm-01's own "
            "(fabric_external_networks.ext.host_addresses.kvm-01); choose another address",
        ],
    ),
    "host addresses as a text": (
        {"fabric_external_networks/ext/host_addresses": "192.0.2.254"},
        [
            "fabric_external_networks.ext.host_addresses: '192.0.2.254' is not a map; write each host's own "
            "as HOST: ADDRESS",
        ],
    ),
    "external gateway outside": (
        {"fabric_external_networks/ext/gateways": ["192.0.3.1"]},
        [
            "fabric_external_networks.ext.gateways: 192.0.3.1 is in no subnet of the network (192.0.2.0/24, "
            "2001:db8:e::/64); choose one there",
        ],
    ),
    "external network named like a network": (
        {"fabric_networks/ext": {"subnets": ["10.3.0.0/24"]}},
        [
            "fabric_networks.ext: ext is already an external network (fabric_external_networks.ext); rename "
            "one of them",
        ],
    ),
}
