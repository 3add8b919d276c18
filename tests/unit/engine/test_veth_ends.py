# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ends of veths belong together, where the kernel gives only numbers."""

from __future__ import annotations

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.link import Link, joined


def end(namespace: str, name: str, numbers: tuple[int, int], label: str) -> Link:
    return Link(namespace=namespace, name=name, type="veth", label=label, index=numbers[0], peer_index=numbers[1])


ENDS = [
    end("router-blue", "rfp-blue", (5, 7), "blue ext"),
    end("router-green", "rfp-green", (5, 7), "green ext"),
    end("fip-ext", "fpr-green", (7, 5), "green ext"),
]


def test_of_several_ends_that_fit_the_one_with_the_same_label_is_taken() -> None:
    found = {link.name: link.peer for link in joined(ENDS)}
    assert found["fpr-green"] == ("router-green", "rfp-green")


def test_an_end_goes_before_any_namespace_that_its_other_end_may_be_in() -> None:
    (fpr,) = [link for link in joined(ENDS) if link.name == "fpr-green"]
    assert {key[2] for key in fpr.after()} == {"router-blue", "router-green"}
