# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nft says of a table it refuses, as one line that a person can act on."""

from __future__ import annotations

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.nftables import message_of

JUMP = "/proc/self/fd/7:4:10-13: Error: Could not process rule: File exists\n    jump nowhere\n         ^^^^\n"
WORD = "/proc/self/fd/7:5:13-13: Error: syntax error, unexpected newline\n    nonsense\n            ^\n"
CACHE = "netlink: Error: cache initialization failed: Operation\nnot permitted\n"


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (JUMP, "Could not process rule: File exists in 'jump nowhere'"),
        (
            WORD + JUMP,
            "syntax error, unexpected newline in 'nonsense'; Could not process rule: File exists in 'jump nowhere'",
        ),
        (CACHE, "netlink: Error: cache initialization failed: Operation not permitted"),
        (WORD.replace("nonsense", "n" * 5000), f"syntax error, unexpected newline in '{'n' * 200}'"),
    ],
)
def test_the_refused_line_is_named(said, message):
    assert message_of(said) == message
