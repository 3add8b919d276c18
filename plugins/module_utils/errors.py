# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, in the order of a run: a bad document, a refused plan, a failed step, a wrong result."""

from __future__ import annotations

from collections.abc import Sequence


class FabricError(Exception):
    """Base of every error the engine reports to its user; the text is complete on its own."""


class DocumentError(FabricError):
    """The host document cannot be right. Carries every fault at once, one line each."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


class PlanRefused(FabricError):
    """The plan is known, and must not be carried out: foreign objects, guards, missing devices."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(self.reasons))


class HostError(FabricError):
    """The host could not be read, or lacks a tool the document needs."""


class StepFailed(HostError):
    """A tool refused; ``line`` is the number of the refused line of its batch, from 1, or None when it named none."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message)


class ApplyFailed(FabricError):
    """One step failed. What came before it holds; the next run goes on from there."""


class VerifyFailed(FabricError):
    """Everything was applied, and reading the host again still finds differences."""
