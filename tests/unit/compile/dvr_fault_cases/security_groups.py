# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Security groups that cannot work."""

from __future__ import annotations

CASES = {
    "group key unknown": (
        {"fabric_security_groups/web/ingres": []},
        [
            "fabric_security_groups.web.ingres: is not known; did you mean ingress?",
        ],
    ),
    "rule key unknown": (
        {"fabric_security_groups/web/ingress/0/port": 80},
        [
            "fabric_security_groups.web.ingress[0].port: is not known; did you mean ports?",
        ],
    ),
    "rule with the other side": (
        {"fabric_security_groups/web/ingress/0/to": ["web"]},
        [
            "fabric_security_groups.web.ingress[0].to: is not known; choose family, from, icmp_code, "
            "icmp_type, ports, protocol",
        ],
    ),
    "rule with ports and no protocol": (
        {"fabric_security_groups/web/ingress/0/protocol": ...},
        [
            "fabric_security_groups.web.ingress[0].ports: has no meaning for any protocol; choose protocol: "
            "tcp, udp or sctp",
        ],
    ),
    "rule with ports of ICMP": (
        {"fabric_security_groups/web/ingress": [{"protocol": "icmp", "ports": [80]}]},
        [
            "fabric_security_groups.web.ingress[0].ports: has no meaning for icmp; choose protocol: tcp, udp or sctp",
        ],
    ),
    "rule with a port out of range": (
        {"fabric_security_groups/web/ingress/0/ports": [70000]},
        [
            "fabric_security_groups.web.ingress[0].ports: 70000 is out of range; choose 1 to 65535",
        ],
    ),
    "rule with a range backwards": (
        {"fabric_security_groups/web/ingress/0/ports": ["90-80"]},
        [
            "fabric_security_groups.web.ingress[0].ports: '90-80' ends before it begins; write 80-90",
        ],
    ),
    "rule with a port that is none": (
        {"fabric_security_groups/web/ingress/0/ports": ["http"]},
        [
            "fabric_security_groups.web.ingress[0].ports: 'http' is not a whole number; choose 1 to 65535",
        ],
    ),
    "rule for no port": (
        {"fabric_security_groups/web/ingress/0/ports": []},
        [
            "fabric_security_groups.web.ingress[0].ports: is empty, so that the rule is for no port; leave "
            "it out for all",
        ],
    ),
    "rule for nobody": (
        {"fabric_security_groups/web/ingress/0/from": []},
        [
            "fabric_security_groups.web.ingress[0].from: is empty, so that the rule is for nobody; leave it "
            "out for anybody",
        ],
    ),
    "rule with an unknown group": (
        {"fabric_security_groups/web/ingress/0/from": ["wbe"]},
        [
            "fabric_security_groups.web.ingress[0].from: there is no wbe in fabric_security_groups; did you mean web?",
        ],
    ),
    "rule with a bad subnet": (
        {"fabric_security_groups/web/ingress/0/from": ["10.1.0.1/24"]},
        [
            "fabric_security_groups.web.ingress[0].from: '10.1.0.1/24' has host bits set; write 10.1.0.0/24",
        ],
    ),
    "rule with an unknown protocol": (
        {"fabric_security_groups/web/ingress/0/protocol": "tpc"},
        [
            "fabric_security_groups.web.ingress[0].protocol: 'tpc' is not known; choose tcp, udp, sctp, "
            "icmp, icmpv6, any, or a number from 0 to 255",
        ],
    ),
    "rule with a type of ICMP for TCP": (
        {"fabric_security_groups/web/ingress/0/icmp_type": 8},
        [
            "fabric_security_groups.web.ingress[0].icmp_type: has no meaning without protocol: icmp or "
            "icmpv6; leave it out",
        ],
    ),
    "rule with a code and no type": (
        {"fabric_security_groups/web/ingress": [{"protocol": "icmp", "icmp_code": 0}]},
        [
            "fabric_security_groups.web.ingress[0].icmp_code: 0 has no meaning without icmp_type; name the type, too",
        ],
    ),
    "rule of two families": (
        {"fabric_security_groups/web/ingress": [{"protocol": "icmp", "from": ["2001:db8::/32"]}]},
        [
            "fabric_security_groups.web.ingress[0].from: 2001:db8::/32 is of IPv6, and the rule of IPv4 "
            "only; name an address of that",
        ],
    ),
    "rule of a family without its protocol": (
        {"fabric_security_groups/web/ingress": [{"protocol": "icmpv6", "family": 4}]},
        [
            "fabric_security_groups.web.ingress[0].family: 4 has no icmpv6; leave it out",
        ],
    ),
    "rules as a map": (
        {"fabric_security_groups/web/egress": {"protocol": "tcp"}},
        [
            "fabric_security_groups.web.egress: {'protocol': 'tcp'} is not a list; write [{protocol: tcp, "
            "ports: [80]}]",
        ],
    ),
}
