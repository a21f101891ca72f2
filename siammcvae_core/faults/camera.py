# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera faults by name, and the injector that damages a stream with them, with exact masks.

docs/faults.md shows each. Outside the mask every pixel is bit-identical to the input. Inside stand
a constant, noise, intact pixels or earlier frames, so nothing of the lost content remains, except
where the real fault lets it through: the soft edges of `dirt`, `droplets` and `burn`,
the blur in `droplets`, and `glare`, which adds light.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.faults import fills, lens, readout
from siammcvae_core.faults.blobs import drops, sun
from siammcvae_core.faults.clip_masks import MovingCells
from siammcvae_core.faults.h264 import lose_packets
from siammcvae_core.faults.history import CameraHistory
from siammcvae_core.faults.masks import parse_fault, PATTERNS, Size, STATIC_PATTERNS

Pattern = Callable[[Size, float, np.random.Generator], np.ndarray]
Fill = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]
FaultFunction = Callable[
    [np.ndarray, float, np.random.Generator, CameraHistory], tuple[np.ndarray, np.ndarray]
]  # (frame, ratio, rng, history) -> (damaged frame, mask)


@dataclass(frozen=True)
class Damaged:
    """A frame as the camera delivered it.

    frame: uint8, the input's shape; the very input object when intact.
    mask: bool (H, W), True where the content is lost.
    fault: the spec of the fault, such as 'band:0.25', or None.
    """

    frame: np.ndarray
    mask: np.ndarray
    fault: str | None


FILLS: dict[str, Fill] = {
    'random': fills.black,
    'grid': fills.black,
    'tube': fills.black,
    'motion': fills.black,
    'dual': fills.black,
    'band': readout.hold_line,
    'slices': fills.empty_macroblocks,
    'block': fills.mud,
    'dirt': lens.smear,
    'full': fills.black,
}


def damage(frame: np.ndarray, mask: np.ndarray, fault: str, rng: np.random.Generator) -> np.ndarray:
    """Copy `frame` with what `fault` delivers in the lost pixels.

    frame: uint8 (H, W, 3) BGR or (H, W); mask: bool (H, W), True = lost; fault: a name of PATTERNS.
    Pixels outside the mask are bit-identical to the input.
    """
    return FILLS[fault](frame, mask, rng)


def _painted(pattern: Pattern, fill: Fill) -> FaultFunction:
    """Make a fault of a pattern of lost pixels and what fills them."""

    def damaged_and_mask(
        frame: np.ndarray, ratio: float, rng: np.random.Generator, history: CameraHistory
    ) -> tuple[np.ndarray, np.ndarray]:
        mask = pattern((frame.shape[0], frame.shape[1]), ratio, rng)
        return fill(frame, mask, rng), mask

    return damaged_and_mask


def _along_the_motion(
    frame: np.ndarray, ratio: float, rng: np.random.Generator, history: CameraHistory
) -> tuple[np.ndarray, np.ndarray]:
    if history.state is None:
        history.state = MovingCells(frame, ratio, rng)
        mask = history.state.mask()
    else:
        mask = history.state.advance(frame)
    return fills.black(frame, mask, rng), mask


FAULTS: dict[str, FaultFunction] = {
    **{name: _painted(pattern, FILLS[name]) for name, pattern in PATTERNS.items()},
    'motion': _along_the_motion,
    'dead_rows': _painted(readout.dead_rows, readout.stick_rows),
    'dead_columns': _painted(readout.dead_columns, readout.stick_columns),
    'noise': _painted(readout.noise_runs, readout.randomise),
    'tearing': readout.tear,
    'freeze': readout.freeze,
    'droplets': _painted(drops, lens.refract),
    'glare': _painted(sun, lens.dazzle),
    'burn': lens.burn,
    'h264': lose_packets,
}
STATIC_FAULTS = (*STATIC_PATTERNS, 'dead_rows', 'dead_columns', 'droplets', 'glare')


class FaultInjector:
    """Damages frames with faults, reproducibly by seed and frame index.

    specs: faults to choose from with equal chance, such as ['random:0.75', 'freeze'].
    probability: share of the frames that are damaged, in [0, 1].
    seed: non-negative; the same seed makes the same faults.
    burst: frames a fault lasts. Time is cut into windows of this length (the first may be shorter)
    and each window is damaged as a whole or not at all. In it STATIC_FAULTS keep their place.

    Whether and how index i is damaged depends on (seed, i) and the frame alone, in whatever order
    frames are injected, except for what a camera takes from the frames before: the picture of a
    `freeze`, the stale rows of `tearing`, the cells of `motion`, the stream of `h264`. For these
    inject frames in order. What counts as before is the frame injected last if its index is lower
    and its size the same (a source that loops starts over), held by reference: callers must not
    write to frames they injected. Raises InputError for bad arguments.
    """

    def __init__(self, specs: Sequence[str], probability: float, seed: int, burst: int = 1) -> None:
        self._faults = [(spec, *parse_fault(spec, FAULTS)) for spec in specs]
        if not 0 <= probability <= 1:
            raise InputError(f'fault probability must be in [0, 1], got {probability}')
        if not specs and probability > 0:
            raise InputError(f'no fault to choose from, name one of: {", ".join(FAULTS)}')
        if seed < 0:
            raise InputError(f'fault seed must be 0 or more, got {seed}')
        if burst < 1:
            raise InputError(f'fault burst must be at least 1 frame, got {burst}')
        self._probability = probability
        self._seed = seed
        self._burst = burst
        self._phase = int(np.random.default_rng(seed).integers(burst))
        self._last = -1
        self._history = CameraHistory()

    def inject(self, index: int, frame: np.ndarray) -> Damaged:
        """Deliver frame number `index` (0, 1, …): damaged, or the same object when intact.

        frame: uint8 (H, W, 3) BGR or (H, W); it is not written to.
        """
        if index < 0:
            raise InputError(f'frame index must be 0 or more, got {index}')
        window = (index + self._phase) // self._burst
        history = self._recall(index, window, frame)
        rng = np.random.default_rng([self._seed, window])
        result = Damaged(frame, np.zeros(frame.shape[:2], bool), None)
        if rng.random() < self._probability:
            spec, name, ratio = self._faults[int(rng.integers(len(self._faults)))]
            if name not in STATIC_FAULTS:
                rng = np.random.default_rng([self._seed, window, index])
            damaged, mask = FAULTS[name](frame, ratio, rng, history)
            if mask.any():  # a lost packet may have held nothing new
                result = Damaged(damaged, mask, spec)
        self._last = index
        self._history = CameraHistory(frame, result.frame, history.state)
        return result

    def _recall(self, index: int, window: int, frame: np.ndarray) -> CameraHistory:
        """Return the camera's history before the next frame, which may be empty."""
        history = self._history
        if index <= self._last or history.captured is None or history.captured.shape != frame.shape:
            return CameraHistory()
        if (self._last + self._phase) // self._burst != window:
            history.state = None
        return history
