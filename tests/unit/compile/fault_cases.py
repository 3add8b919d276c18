# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of intent that cannot work, one for each kind of object, as one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path


def cases_of(package):
    """The CASES of all modules of a package; a name that two of them have is refused, as one would hide the other."""
    cases = {}
    for path in sorted((Path(__file__).parent / package).glob("*.py")):
        own = import_module(f"{package}.{path.stem}").CASES
        twice = cases.keys() & own.keys()
        if twice:
            raise ValueError(f"{path}: another table has a case {min(twice)!r}; choose another name")
        cases |= own
    return cases
