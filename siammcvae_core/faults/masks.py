# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Seeded patterns of lost pixels: a name and a ratio become a bool mask of the frame's size.

A pattern loses whole units (a 16 px cell, a row, a rectangle), as many as bring the lost share of
the pixels nearest to the ratio; at least one.
"""

from collections.abc import Callable, Collection
import difflib

import numpy as np

from siammcvae_core.errors import InputError

CELL = 16  # px, the model's patch and H.264's macroblock
SLICES = 8  # per frame; a 640x360 stream at 2 Mbit/s and 30 Hz fills about six packets per frame

Size = tuple[int, int]


def _lose_in_order(order: np.ndarray, size: Size, ratio: float) -> np.ndarray:
    """Lose the cells `order` lists (raster indices, all cells) up to `ratio` of the pixels."""
    height, width = size
    rows, columns = _grid(size)
    tall = np.minimum(CELL, height - CELL * np.arange(rows))
    wide = np.minimum(CELL, width - CELL * np.arange(columns))
    lost_area = np.cumsum(np.outer(tall, wide).ravel()[order])
    count = 1 + int(np.argmin(np.abs(lost_area - ratio * height * width)))
    cells = np.zeros(rows * columns, bool)
    cells[order[:count]] = True
    mask = cells.reshape(rows, columns).repeat(CELL, axis=1).repeat(CELL, axis=0)
    return np.ascontiguousarray(mask[:height, :width])


def _grid(size: Size) -> tuple[int, int]:
    return -(-size[0] // CELL), -(-size[1] // CELL)


def random_patches(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose scattered 16 px cells: the masks of the paper, and losses spread by interleaving."""
    rows, columns = _grid(size)
    return _lose_in_order(rng.permutation(rows * columns), size, ratio)


def slices(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose runs of macroblocks in raster order, as lost H.264 slices do.

    The frame is cut into slices of uneven length; whole slices go, the last of them only from the
    point of damage to its end, since a decoder resumes at the next slice.
    """
    rows, columns = _grid(size)
    count = rows * columns
    pieces = min(SLICES, count)
    cuts = np.sort(rng.choice(np.arange(1, count), pieces - 1, replace=False))
    runs = np.split(np.arange(count), cuts)
    order = np.concatenate([runs[i][::-1] for i in rng.permutation(pieces)])
    return _lose_in_order(order, size, ratio)


def band(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose one run of whole rows, as a readout or transfer that missed lines does."""
    height, width = size
    rows = min(max(round(ratio * height), 1), height)
    top = int(rng.integers(height - rows + 1))
    mask = np.zeros((height, width), bool)
    mask[top : top + rows] = True
    return mask


def block(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose one rectangle anywhere, its sides in a ratio of 1:2 to 2:1 where that fits."""
    height, width = size
    area = ratio * height * width
    shape = 2.0 ** rng.uniform(-1, 1)
    tall = int(np.clip(round((area * shape) ** 0.5), np.ceil(area / width), height))
    wide = min(max(round(area / tall), 1), width)
    top = int(rng.integers(height - tall + 1))
    left = int(rng.integers(width - wide + 1))
    mask = np.zeros((height, width), bool)
    mask[top : top + tall, left : left + wide] = True
    return mask


def full(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose the whole frame."""
    return np.ones(size, bool)


PATTERNS: dict[str, Callable[[Size, float, np.random.Generator], np.ndarray]] = {
    'random': random_patches,
    'band': band,
    'slices': slices,
    'block': block,
    'full': full,
}
WHOLE = ('full', 'freeze')  # these always lose the whole frame and need no ratio


def parse_fault(spec: str, known: Collection[str] = tuple(PATTERNS)) -> tuple[str, float]:
    """Split 'band:0.25' into its name, one of `known`, and its lost share of the frame in (0, 1].

    `full` and `freeze` stand alone and mean 1. Raises InputError that names the valid choices.
    """
    name, colon, text = str(spec).strip().partition(':')
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f', did you mean {near[0]!r}?' if near else ''
        raise InputError(f'unknown fault {name!r} (valid: {", ".join(known)}){hint}')
    if not colon and name in WHOLE:
        return name, 1.0
    try:
        ratio = float(text)
    except ValueError:
        raise InputError(
            f'fault {spec!r}: expected a ratio in (0, 1] after the colon, such as {name}:0.25'
        ) from None
    if not 0 < ratio <= 1:
        raise InputError(f'fault {spec!r}: ratio must be in (0, 1], got {text}')
    if name in WHOLE and ratio != 1:
        raise InputError(f'fault {spec!r}: {name} loses the whole frame and takes no ratio below 1')
    return name, ratio


def make_mask(spec: str, size: Size, rng: np.random.Generator) -> np.ndarray:
    """Draw the mask of a spec such as 'random:0.75' for a frame of `size` (height, width).

    Returns bool (height, width), C-contiguous, True = lost. Raises InputError for an unknown
    pattern, a ratio outside (0, 1] or an empty size.
    """
    name, ratio = parse_fault(spec)
    height, width = size
    if height < 1 or width < 1:
        raise InputError(f'mask size must be at least 1x1, got {width}x{height}')
    return PATTERNS[name]((height, width), ratio, rng)
