# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be meant is refused before BIRD is asked anything."""

from __future__ import annotations

import pytest

from ansible_collections.hostnet.fabric.plugins.module_utils.bird.configurator import Configurator, Settings
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError


@pytest.mark.parametrize("seconds", [-1.0, -0.1, float("nan"), float("inf")])
def test_nobody_waits_for_less_than_nothing_or_forever(seconds):
    with pytest.raises(DocumentError, match=r"verify_timeout: \S+ must be a number of seconds, 0 or more"):
        Configurator(Settings("/etc/bird/bird.conf", "/run/bird/bird.ctl", verify_timeout=seconds))


@pytest.mark.parametrize("path", ["bird.conf", '/etc/"bird".conf'])
def test_a_path_is_absolute_and_has_no_quotes(path):
    with pytest.raises(DocumentError, match=r"path: .* must be an absolute path without quotes"):
        Configurator(Settings(path, "/run/bird/bird.ctl"))


def test_not_to_wait_can_be_meant():
    Configurator(Settings("/etc/bird/bird.conf", "/run/bird/bird.ctl", verify_timeout=0.0))
