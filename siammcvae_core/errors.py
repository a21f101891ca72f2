# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that users can cause and correct; one line each, with what came and what was expected."""


class InputError(ValueError):
    """Bad input from outside; commands print its text as one line and exit with status 2."""

    def __str__(self) -> str:
        return ' '.join(super().__str__().splitlines())


class FrameError(InputError):
    """A frame or fault mask that cannot be used.

    `reason` is the snake_case name under which the frame is counted in diagnostics.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Let it pass from one process to another."""
        return type(self), (self.reason, self.args[0])


class OutputError(OSError):
    """Something cannot be written, as where the disk is full; no input is to blame."""


class SourceError(InputError):
    """A video, bag or folder that cannot be read."""


class WeightsError(InputError):
    """A weights file that is missing, damaged or of another profile."""
