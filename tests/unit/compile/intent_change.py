# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An intent that is right, but for what a test is about."""

from __future__ import annotations

from copy import deepcopy


def changed(base, changes):
    """A copy of the base with each path set to a value, or removed where the value is ``...``."""
    intent = deepcopy(base)
    for path, value in changes.items():
        place = intent
        *parents, last = path.split("/")
        for key in parents:
            place = place[int(key)] if isinstance(place, list) else place.setdefault(key, {})
        last = int(last) if isinstance(place, list) else last
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return intent
