# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offloads of many devices in one process: a part of the floor.

offloads.py FILE     lines of a namespace, nothing for the host's own, and the words of ethtool: -K DEVICE tx on|off
"""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.hostnet.fabric.plugins.module_utils.host import Host


def main() -> None:
    host = Host()
    for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        namespace, *words = line.split(" ")
        host.set_tx_checksums(namespace, [words])


if __name__ == "__main__":
    main()
