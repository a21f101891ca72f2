# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Faults of the readout: dead lines, repeated lines, noise, stale rows, repeated frames."""

import numpy as np

from siammcvae_core.faults.history import CameraHistory

RUNS = 6  # of noise in a frame: how often a camera link loses its lock

Size = tuple[int, int]


def dead_rows(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose single rows anywhere."""
    mask = np.zeros(size, bool)
    mask[_lines(size[0], ratio, rng)] = True
    return mask


def dead_columns(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose single columns anywhere."""
    mask = np.zeros(size, bool)
    mask[:, _lines(size[1], ratio, rng)] = True
    return mask


def noise_runs(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose runs of pixels in reading order, up to `RUNS` of them."""
    pixels = size[0] * size[1]
    lost = min(max(round(ratio * pixels), 1), pixels)
    ends = np.sort(rng.integers(0, lost + 1, RUNS - 1))
    gaps = np.sort(rng.integers(0, pixels - lost + 1, RUNS))
    mask = np.zeros(pixels, bool)
    for gap, start, end in zip(gaps, [0, *ends], [*ends, lost], strict=True):
        mask[gap + start : gap + end] = True
    return mask.reshape(size)


def hold_line(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill a band of lost rows with the row above it; black if there is none."""
    damaged = frame.copy()
    top = int(mask[:, 0].argmax())
    rows = int(mask[:, 0].sum())
    damaged[top : top + rows] = frame[top - 1] if top else 0
    return damaged


def stick_rows(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill each lost row with black or white."""
    damaged = frame.copy()
    _stick(damaged, mask[:, 0], rng)
    return damaged


def stick_columns(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill each lost column with black or white."""
    damaged = frame.copy()
    _stick(damaged.swapaxes(0, 1), mask[0], rng)
    return damaged


def randomise(frame: np.ndarray, mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill the lost pixels with random bytes."""
    damaged = frame.copy()
    bounds = np.flatnonzero(np.diff(mask.ravel(), prepend=False, append=False))
    pixels = damaged.reshape(mask.size, -1)
    for start, end in zip(bounds[::2], bounds[1::2], strict=True):
        pixels[start:end] = rng.integers(256, size=(end - start, pixels.shape[1]), dtype=np.uint8)
    return damaged


def tear(
    frame: np.ndarray, ratio: float, rng: np.random.Generator, history: CameraHistory
) -> tuple[np.ndarray, np.ndarray]:
    """Show the lowest `ratio` of the rows as captured a frame before: (frame, mask).

    Black where there is no frame before. The stale rows are lost, also where nothing moved.
    """
    height = frame.shape[0]
    top = height - min(max(round(ratio * height), 1), height)
    damaged = frame.copy()
    damaged[top:] = 0 if history.captured is None else history.captured[top:]
    mask = np.zeros(frame.shape[:2], bool)
    mask[top:] = True
    return damaged, mask


def freeze(
    frame: np.ndarray, ratio: float, rng: np.random.Generator, history: CameraHistory
) -> tuple[np.ndarray, np.ndarray]:
    """Show the frame delivered before, the same object, all through a burst: (frame, mask).

    After an all-black frame (a lost link) that is the one captured then.
    Black where there is no frame before.
    """
    if history.state is None:
        black = history.delivered is None or not history.delivered.any()
        stale = history.captured if black else history.delivered
        history.state = np.zeros_like(frame) if stale is None else stale
    return history.state, np.ones(frame.shape[:2], bool)


def _lines(count: int, ratio: float, rng: np.random.Generator) -> np.ndarray:
    return rng.choice(count, min(max(round(ratio * count), 1), count), replace=False)


def _stick(lines: np.ndarray, lost: np.ndarray, rng: np.random.Generator) -> None:
    levels = rng.choice(np.array((0, 255), np.uint8), int(lost.sum()))
    lines[lost] = levels.reshape(-1, *[1] * (lines.ndim - 1))
