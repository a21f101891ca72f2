# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Stuck lines: whole rows or columns at one level, and rows that repeat the one before.

With a(i) the mean step along line i and s(i) the mean step from it to line i + 1 (see
`frame_statistics`), in grey levels,

    constant:  a(i) <= 0.02  and  s >= 6 to the lines on either side
    repeated:  s(i) <= 0.02  in a row of 3 and more, while a(i) > 0.02

A scene has no line that is constant from end to end beside others, and none that equals the last.
"""

import numpy as np

CONSTANT = 0.02  # grey levels, mean step along a constant line
APART = 6.0  # grey levels from a constant line to the lines beside it
TEXTURE = 0.3  # grey levels, mean step along a line that shows something
NOISY = 30.0  # grey levels along a line: noise, beside which any line looks stuck
THICK = 8  # constant lines side by side at most, but at the frame's edge; more are uniform blocks
RUN = 3  # repeated lines in a row at least
LONG = 16  # the same where there is little texture
EDGE = 8  # the same at the frame's edge, where scaling and coding repeat lines


def constant_lines(detail: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Find lines at one level that differ from the lines around them: bool (n,).

    detail: a(i), mean step along each line; step: s(i), from it to the next; float32 (n,).
    """
    lost = np.zeros(detail.size, bool)
    constant = detail <= CONSTANT
    bounds = np.flatnonzero(np.diff(constant, prepend=False, append=False))
    # Two runs at different levels lie side by side where the step between them is large.
    within = np.flatnonzero(constant[:-1] & constant[1:] & (step[:-1] >= APART)) + 1
    bounds = np.sort(np.concatenate((bounds, within, within)))
    for start, end in zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True):
        sides = []
        if start:
            sides.append(0 if detail[start - 1] >= NOISY else step[start - 1])
        if end < detail.size:
            sides.append(0 if detail[end] >= NOISY else step[end - 1])
        inside = len(sides) == 2
        if sides and min(sides) >= APART and (end - start <= THICK or not inside):
            lost[start:end] = True
    return lost


def repeated_lines(detail: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Find lines that show the line before them once more: bool (n,); see `constant_lines`."""
    lost = np.zeros(detail.size, bool)
    for start, end in _runs((step[:-1] <= CONSTANT) & (detail[:-1] > CONSTANT)):
        at_edge = start == 0 or end == detail.size - 1
        least = LONG if detail[start] <= TEXTURE else EDGE if at_edge else RUN
        if end - start >= least:
            lost[start + 1 : end + 1] = True
    return lost


def _runs(which: np.ndarray) -> list[tuple[int, int]]:
    """List the start and end of each run of True."""
    if not which.any():
        return []
    bounds = np.flatnonzero(np.diff(which, prepend=False, append=False))
    return list(zip(bounds[::2].tolist(), bounds[1::2].tolist(), strict=True))
