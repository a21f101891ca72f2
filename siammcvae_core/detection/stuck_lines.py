# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whole lines that went wrong: stuck at one level, or the line before held.

A line of the scene is never constant from end to end next to one that differs, and never equal to
the line before it.
"""

import numpy as np

CONSTANT = 0.02  # grey levels, mean step along a constant line
APART = 6.0  # grey levels from a stuck line to the lines beside it
TEXTURE = 0.3  # grey levels, mean step along a line that shows something
WILD = 30.0  # grey levels along a line: noise, which makes any line beside it look stuck
THICK = 8  # stuck lines side by side at most, but at the frame's edge; more are flat cells
RUN = 3  # lines alike in a row at least
LONG = 16  # lines alike in a row at least where there is little to show
EDGE = 8  # lines alike at the frame's edge that scaling and coding leave


def stuck(detail: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Find lines at one level that differ from the lines around them: bool (n,).

    detail: mean step along each line; step: from it to the next.
    """
    lost = np.zeros(detail.size, bool)
    constant = detail <= CONSTANT
    bounds = np.flatnonzero(np.diff(constant, prepend=False, append=False))
    within = np.flatnonzero(constant[:-1] & constant[1:] & (step[:-1] >= APART)) + 1
    bounds = np.sort(np.concatenate((bounds, within, within)))
    for start, end in zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True):
        ends = []
        if start:
            ends.append(0 if detail[start - 1] >= WILD else step[start - 1])
        if end < detail.size:
            ends.append(0 if detail[end] >= WILD else step[end - 1])
        inside = len(ends) == 2
        if ends and min(ends) >= APART and (end - start <= THICK or not inside):
            lost[start:end] = True
    return lost


def held(detail: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Find lines that show the line before them once more: bool (n,)."""
    lost = np.zeros(detail.size, bool)
    for start, end in _runs((step[:-1] <= CONSTANT) & (detail[:-1] > CONSTANT)):
        at_edge = start == 0 or end == detail.size - 1
        least = LONG if detail[start] <= TEXTURE else EDGE if at_edge else RUN
        if end - start >= least:
            lost[start + 1 : end + 1] = True
    return lost


def _runs(which: np.ndarray) -> list[tuple[int, int]]:
    """Give start and end of each run of True."""
    if not which.any():
        return []
    bounds = np.flatnonzero(np.diff(which, prepend=False, append=False))
    return list(zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True))
