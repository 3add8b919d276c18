# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A table that nft refuses is a fault of the document, which names the line; the host is left as it is."""

from __future__ import annotations

import pytest
from harness import Machine

from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError


@pytest.mark.parametrize("rule", ["nonsense", "jump nowhere", "ip saddr 1.2.3.4.5 drop"])
def test_the_rule_that_nft_refuses_is_named(rule: str, host: Machine) -> None:
    chain = {"name": "c", "rules": ["accept", rule]}
    table = {"family": "inet", "name": "f", "because": "guards.f", "chains": [chain]}
    before = host.snapshot()
    with pytest.raises(DocumentError) as refused:
        host.run({"nft_tables": [table]})
    assert str(refused.value).startswith("nft table host inet f (guards.f): nft refuses it: ")
    assert str(refused.value).endswith(f" in '{rule}'")
    host.assert_as(before)
