# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Seeded patterns of lost pixels: a name and a ratio become a bool mask of the frame's size.

A pattern loses whole units (a 16 px cell, a row, a rectangle), as many as bring the lost share of
the pixels nearest to the ratio; at least one. `tube`, `motion` and `dual` are patterns of a clip
(clip_masks.py); in a single frame they are scattered cells like `random`.
"""

from collections.abc import Callable, Collection
import difflib

import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.faults.blobs import dirt

CELL = 16  # px, the model's patch and H.264's macroblock
SLICES = 8  # per frame; a 640x360 stream at 2 Mbit/s and 30 Hz fills about six packets per frame

Size = tuple[int, int]


def _dither(side: int) -> np.ndarray:
    """Build Bayer's matrix: each number from 0 on lies as far as possible from those before it."""
    if side == 1:
        return np.zeros((1, 1), int)
    quarter = 4 * _dither(side // 2)
    return np.block([[quarter, quarter + 2], [quarter + 3, quarter + 1]])


DITHER = _dither(64)


def cell_grid(size: Size) -> tuple[int, int]:
    """Count the rows and columns of 16 px cells, those cut off by the frame's edge included."""
    return -(-size[0] // CELL), -(-size[1] // CELL)


def choose_cells(order: np.ndarray, size: Size, ratio: float) -> np.ndarray:
    """Choose cells as `order` lists them (raster indices, all cells) up to `ratio` of the pixels.

    Returns bool (rows, columns), True = lost.
    """
    height, width = size
    rows, columns = cell_grid(size)
    tall = np.minimum(CELL, height - CELL * np.arange(rows))
    wide = np.minimum(CELL, width - CELL * np.arange(columns))
    lost_area = np.cumsum(np.outer(tall, wide).ravel()[order])
    count = 1 + int(np.argmin(np.abs(lost_area - ratio * height * width)))
    cells = np.zeros(rows * columns, bool)
    cells[order[:count]] = True
    return cells.reshape(rows, columns)


def lose_in_order(order: np.ndarray, size: Size, ratio: float) -> np.ndarray:
    """Lose the cells that `choose_cells` chooses: bool (height, width)."""
    mask = choose_cells(order, size, ratio).repeat(CELL, axis=1).repeat(CELL, axis=0)
    return np.ascontiguousarray(mask[: size[0], : size[1]])


def random_patches(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose scattered 16 px cells: the masks of the paper, and losses spread by interleaving."""
    rows, columns = cell_grid(size)
    return lose_in_order(rng.permutation(rows * columns), size, ratio)


def grid(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose cells evenly: at 0.75 one of each 2 x 2 is kept, the grid masks of SiamMAE.

    Cells go in the order of a dither matrix at a random shift, so that any ratio leaves a lattice
    or, in between, the next coarser lattice with some of its gaps filled.
    """
    rows, columns = cell_grid(size)
    row = (np.arange(rows) + rng.integers(DITHER.shape[0]))[:, None] % DITHER.shape[0]
    column = (np.arange(columns) + rng.integers(DITHER.shape[1]))[None] % DITHER.shape[1]
    return lose_in_order(np.argsort(DITHER[row, column].ravel(), kind='stable'), size, ratio)


def slices(size: Size, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """Lose runs of macroblocks in raster order, as lost H.264 slices do.

    The frame is cut into slices of uneven length; whole slices go, the last of them only from the
    point of damage to its end, since a decoder resumes at the next slice.
    """
    rows, columns = cell_grid(size)
    count = rows * columns
    pieces = min(SLICES, count)
    cuts = np.sort(rng.choice(np.arange(1, count), pieces - 1, replace=False))
    runs = np.split(np.arange(count), cuts)
    order = np.concatenate([runs[i][::-1] for i in rng.permutation(pieces)])
    return lose_in_order(order, size, ratio)


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
    'grid': grid,
    'tube': random_patches,
    'motion': random_patches,
    'dual': random_patches,
    'band': band,
    'slices': slices,
    'block': block,
    'dirt': dirt,
    'full': full,
}
WHOLE = ('full', 'freeze')  # always lose the whole frame and need no ratio
STATIC_PATTERNS = ('tube', 'dual', 'band', 'block', 'dirt')  # the same in all frames of a clip


def parse_fault(spec: str, known: Collection[str] = tuple(PATTERNS)) -> tuple[str, float]:
    """Split 'band:0.25' into its name, one of `known`, and its lost share in (0, 1].

    The share is of the frame, for `h264` of its packets. `full` and `freeze` stand alone and mean
    1. Raises InputError that names the valid choices.
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
