# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ip addr change`` makes an address last for ever unless it is told its lifetimes again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.address import Address
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import Difference, Mark

MARK = Mark("t", 202, address_protocol=True)


@pytest.mark.parametrize(("address", "field"), [("192.0.2.1/24", "mark"), ("2001:db8::1/64", "nodad")])
@pytest.mark.parametrize("lifetimes", [None, (1000, 900)])
def test_an_address_that_is_changed_keeps_its_lifetimes(address, field, lifetimes):
    want = Address(link="br0", address=address)
    (step,) = want.change(replace(want, lifetimes=lifetimes), [Difference(field, None, True)], MARK)
    words = " ".join(step.words)
    assert ("valid_lft 1000 preferred_lft 900" in words) == (lifetimes is not None)
    assert ("lft" in words) == (lifetimes is not None)
