# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Uniform cells grouped by their colour, and the borders of each group."""

from dataclasses import dataclass

import numpy as np

from siammcvae_core.detection.frame_statistics import FrameStatistics

HARD = 8.0  # grey levels across a border that has nothing of the scene's softness


@dataclass(frozen=True, eq=False)
class ColourGroups:
    """The uniform cells grouped by their n colours.

    keys: int32 (R, C), the colour of each uniform cell as one number, -1 elsewhere. index: int
    (R, C), which of the n colours it is, n elsewhere. colours, counts, brightness: (n,), the key of
    each colour, its number of cells and its mean brightness.
    """

    keys: np.ndarray
    index: np.ndarray
    colours: np.ndarray
    counts: np.ndarray
    brightness: np.ndarray


def colour_keys(colours: np.ndarray) -> np.ndarray:
    """Turn colours, uint8 (R, C, 3) or (R, C), into one number each: int32 (R, C)."""
    levels = colours.astype(np.int32)
    if levels.ndim == 2:
        return levels
    return levels[..., 0] | levels[..., 1] << 8 | levels[..., 2] << 16


def group_by_colour(now: FrameStatistics, keys: np.ndarray) -> ColourGroups:
    """Group the uniform cells, those of `keys` (R, C) >= 0, by their colour."""
    uniform = keys >= 0
    colours, which, counts = np.unique(keys[uniform], return_inverse=True, return_counts=True)
    index = np.full(keys.shape, colours.size)
    index[uniform] = which
    brightness = np.bincount(which, now.mean[uniform]) / counts
    return ColourGroups(keys, index, colours, counts, brightness)


def borders(
    now: FrameStatistics, groups: ColourGroups, against: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measure the border of each colour to the cells of `against`, bool (R, C).

    Returns (mean step s, hard sides h, sides m, mean difference in brightness of the cells on
    either side), (n,) each.
    """
    colours = groups.colours.size + 1
    total, hard, sides, contrast = np.zeros((4, colours))
    for step, one, other in (
        (now.border_right[:, :-1], np.s_[:, :-1], np.s_[:, 1:]),
        (now.border_below[:-1], np.s_[:-1], np.s_[1:]),
    ):
        apart = groups.index[one] != groups.index[other]
        for inner, outer in ((one, other), (other, one)):
            counted = apart & against[outer]
            steps, owner = step[counted], groups.index[inner][counted]
            total += np.bincount(owner, steps, colours)
            difference = np.abs(now.mean[inner][counted] - now.mean[outer][counted])
            contrast += np.bincount(owner, difference, colours)
            hard += np.bincount(owner, steps >= HARD, colours)
            sides += np.bincount(owner, minlength=colours)
    some = np.maximum(sides, 1)
    return (total / some)[:-1], hard[:-1], sides[:-1], (contrast / some)[:-1]
