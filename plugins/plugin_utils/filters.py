# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every filter that reads intent has around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ansible.errors import AnsibleFilterError

from ansible_collections.hostnet.fabric.plugins.plugin_utils.addresses import require_netaddr
from ansible_collections.hostnet.fabric.plugins.plugin_utils.section import IntentError

P = ParamSpec("P")
T = TypeVar("T")


def intent_filter(function: Callable[P, T]) -> Callable[P, T]:
    """The same function as a filter, which asks for netaddr first; wrong intent is its error, fault by fault."""

    @wraps(function)
    def filtered(*args: P.args, **options: P.kwargs) -> T:
        try:
            require_netaddr()
            return function(*args, **options)
        except (IntentError, ImportError) as error:
            raise AnsibleFilterError(str(error)) from None

    return filtered
