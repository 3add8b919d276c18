# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes `ansible_collections.hostnet.fabric` importable, as Ansible would find it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

COLLECTIONS = Path(__file__).resolve().parent.parent / ".collections"

if not (COLLECTIONS / "ansible_collections" / "hostnet" / "fabric" / "galaxy.yml").exists():
    raise pytest.UsageError(f"{COLLECTIONS} does not hold this checkout yet; run `make collections` first")

sys.path.insert(0, str(COLLECTIONS))
os.environ.setdefault("ANSIBLE_COLLECTIONS_PATH", str(COLLECTIONS))
