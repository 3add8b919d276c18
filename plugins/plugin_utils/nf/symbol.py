# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of protocols in BIRD's configuration."""

from __future__ import annotations

import re

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names


def symbol(name: str, family: int | None = None) -> str:
    """A name that BIRD takes: letters, digits and _, at most 64."""
    word = re.sub(r"[^A-Za-z0-9]", "_", names.namespace_name(name, ""))[:60]
    return word if family is None else f"{word}_v{family}"
