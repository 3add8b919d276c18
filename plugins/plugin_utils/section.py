# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading intent: one map at a time, key by key, with every fault collected under the path it has in the inventory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

from ansible_collections.hostnet.fabric.plugins.plugin_utils import names

T = TypeVar("T")
D = TypeVar("D")


class IntentError(ValueError):
    """The intent cannot be right. Its text has every fault, one line each."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class Faults:
    """What is wrong with an intent: a path and a sentence each, every one once, sorted by path."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], None] = {}

    def add(self, path: str, text: str) -> None:
        self._found[path, text] = None

    def update(self, other: Faults) -> None:
        self._found.update(other._found)

    def items(self) -> list[tuple[str, str]]:
        return sorted(self._found)

    def __iter__(self) -> Iterator[str]:
        return (f"{path}: {text}" for path, text in sorted(self._found))

    def __len__(self) -> int:
        return len(self._found)


def suggestion(word: str, known: Iterable[str]) -> str:
    """What the writer may have meant, or what there is to choose from."""
    choices = sorted(known)
    close = get_close_matches(word, choices, 1)
    if close:
        return f"did you mean {close[0]}?"
    return f"choose {', '.join(choices)}" if choices else "there is none yet"


class Section:
    """One map of the intent. Each key is read once; what nobody has read in the end is not known.

    A key without a value counts as not given.
    """

    def __init__(self, path: str, raw: Any, faults: Faults) -> None:
        self.path = path
        self.faults = faults
        self._unsound: set[str] = set()
        self._given: dict[str, tuple[str, Any]] = {}
        self._known: set[str] = set()
        self.overlay(path, raw)

    def overlay(self, path: str, raw: Any) -> None:
        """Let the keys of another map, which has its own path, take precedence."""
        if raw is None:
            return
        if not isinstance(raw, Mapping):
            self._unsound.add("")
            self.faults.add(path, f"{raw!r} is not a map of keys and values")
            return
        for key, value in raw.items():
            if value is not None:
                self._given[str(key)] = (f"{path}.{key}", value)

    def short(self, key: str, value: Any) -> None:
        """Take what was written in place of the whole map for the value of a key."""
        self._given[key] = (self.path, value)

    @property
    def sound(self) -> bool:
        return not self._unsound

    def are_sound(self, *keys: str) -> bool:
        """Whether these keys hold what was meant, so that they may be compared with others."""
        return not self._unsound.intersection(keys)

    def __contains__(self, key: str) -> bool:
        return key in self._given

    def raw(self, key: str) -> Any:
        """The value as it was written, for a caller that reads it in its own way."""
        self._known.add(key)
        return self._given.get(key, ("", None))[1]

    def path_of(self, key: str) -> str:
        return self._given.get(key, (f"{self.path}.{key}", None))[0]

    def get(self, key: str, parse: Callable[[Any], T], default: D) -> T | D:
        value = self.raw(key)
        if value is None:
            return default
        try:
            return parse(value)
        except ValueError as error:
            self.fault(key, str(error))
            return default

    def listed(self, key: str, parse: Callable[[Any], T]) -> tuple[T, ...]:
        """A list; every bad item of it is a fault of its own."""
        value = self.raw(key)
        if value is None:
            return ()
        if not isinstance(value, (list, tuple)):
            self.fault(key, f"{value!r} is not a list; write [{value}]")
            return ()
        found: dict[T, None] = {}
        for item in value:
            try:
                parsed = parse(item)
            except ValueError as error:
                self.fault(key, str(error))
                continue
            if parsed in found:
                self.fault(key, f"{item} is named twice; name it once")
            found[parsed] = None
        return tuple(found)

    def required(self, key: str, parse: Callable[[Any], T], default: D, what: str) -> T | D:
        if key not in self:
            self._known.add(key)
            self.fault(key, f"is missing; {what}")
            return default
        return self.get(key, parse, default)

    def meaningless(self, keys: Iterable[str], why: str) -> None:
        """These keys have no meaning here, and must not be given."""
        for key in keys:
            self._known.add(key)
            if key in self:
                self.fault(key, why)

    def fault(self, key: str, text: str) -> None:
        self._unsound.add(key)
        self.faults.add(self.path_of(key), text)

    def spoil(self, key: str) -> None:
        """This key is not sound; the fault has been found elsewhere."""
        self._unsound.add(key)

    def close(self) -> None:
        """Everything has been read: the keys that are left over are not known. Each may have meant a known one."""
        for key in sorted(set(self._given) - self._known):
            self.fault(key, f"is not known; {suggestion(key, self._known)}")
            self._unsound.update(get_close_matches(key, sorted(self._known), 1))


class Variables(Section):
    """The variables themselves, which have no map above them."""

    def __init__(self, intent: Mapping[str, Any], faults: Faults) -> None:
        super().__init__("", intent, faults)
        self._given = {key: (key, value) for key, (_path, value) in self._given.items()}


def entries(
    intent: Mapping[str, Any], variable: str, faults: Faults, name_of: Callable[[Any], str] = names.object_name
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The entries of one of the intent's variables that have a usable name and content."""
    content = intent.get(variable) or {}
    if not isinstance(content, Mapping):
        faults.add(variable, f"{content!r} is not a map; write each entry as NAME: {{…}}")
        return
    for name, raw in content.items():
        try:
            usable = name_of(name)
        except ValueError as error:
            faults.add(variable, str(error))
            continue
        if isinstance(raw, (dict, Mapping)):
            yield usable, raw
        else:
            faults.add(f"{variable}.{usable}", f"{raw!r} is not a map of keys and values")
