# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Camera faults as a frame and its exact mask; what stands in the lost pixels never leaks truth.

| fault  | cause                             | what the camera delivers for the lost pixels       |
|--------|-----------------------------------|----------------------------------------------------|
| random | tiles of an uncompressed transfer | black, the cleared buffer                          |
| band   | lines that never came             | the last line that came, held; black if none did   |
| slices | H.264 packets lost                | the decoder's empty macroblocks, mid grey or green |
| block  | a leaf or mud on the lens         | one dark earth tone                                |
| full   | the frame never came              | black                                              |
| freeze | the pipeline repeats its buffer   | the frame delivered before                         |

Each fill is a constant or made of intact pixels and earlier frames, so nothing of the lost content
remains.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from siammcvae_core.errors import InputError
from siammcvae_core.faults.masks import make_mask, parse_fault, PATTERNS

FAULTS = (*PATTERNS, 'freeze')
STAYS = ('band', 'block')  # dead lines and dirt keep their place; packet losses hit anew

Colour = tuple[int, int, int]
BLACK: Colour = (0, 0, 0)
EMPTY_MACROBLOCKS: tuple[Colour, ...] = ((128, 128, 128), (0, 135, 0))  # YUV 128,128,128 and 0,0,0
MUD: Colour = (28, 40, 52)


@dataclass(frozen=True)
class Damaged:
    """A frame as the camera delivered it.

    frame: uint8, the input's shape; the very input object when intact.
    mask: bool (H, W), True where the content is lost.
    fault: the spec that struck, such as 'band:0.25', or None.
    """

    frame: np.ndarray
    mask: np.ndarray
    fault: str | None


def damage(frame: np.ndarray, mask: np.ndarray, fault: str, rng: np.random.Generator) -> np.ndarray:
    """Put what `fault` delivers into the lost pixels of a copy of `frame`.

    frame: uint8 (H, W, 3) BGR or (H, W); mask: bool (H, W), True = lost; fault: a name of PATTERNS.
    Pixels outside the mask are bit-identical to the input.
    """
    if fault == 'band':
        damaged = frame.copy()
        top = int(mask[:, 0].argmax())
        rows = int(mask[:, 0].sum())
        damaged[top : top + rows] = frame[top - 1] if top else 0
        return damaged
    colour = BLACK
    if fault == 'slices':
        colour = EMPTY_MACROBLOCKS[int(rng.integers(2))]
    elif fault == 'block':
        colour = MUD
    filled = np.empty_like(frame)
    filled[0] = colour if frame.ndim == 3 else _luma(colour)
    filled[1:] = filled[0]  # row by row is ten times as fast as pixel by pixel
    return cv2.copyTo(frame, (~mask).view(np.uint8), filled)


def _luma(colour: Colour) -> int:
    """Give what a grey camera shows for the colour (an empty luma plane is black, not green)."""
    return 0 if colour == EMPTY_MACROBLOCKS[1] else round(float(np.dot(colour, (0.11, 0.59, 0.3))))


class FaultInjector:
    """Strikes frames with faults, reproducibly by seed and frame index.

    specs: faults to choose from with equal chance, such as ['random:0.75', 'freeze'].
    probability: share of the frames that are damaged, in [0, 1].
    seed: non-negative; the same seed gives the same faults.
    burst: frames a fault lasts. Time is cut into windows of this length (the first may be shorter)
    and each window is damaged as a whole or not at all. Bands and blocks keep their place in it.

    Whether, how and where index i is damaged depends on (seed, i) and the frame size alone, in
    whatever order frames are injected. Only the picture a freeze shows needs the past: it is the
    frame delivered last with a lower index, held by reference (callers must not write to frames
    they injected); without one of the same size it is black. Raises InputError for bad arguments.
    """

    def __init__(self, specs: Sequence[str], probability: float, seed: int, burst: int = 1) -> None:
        self._faults = [(spec, parse_fault(spec, FAULTS)[0]) for spec in specs]
        if not 0 <= probability <= 1:
            raise InputError(f'fault probability must be in [0, 1], got {probability}')
        if not specs and probability > 0:
            raise InputError(f'no fault to choose from, give one of: {", ".join(FAULTS)}')
        if seed < 0:
            raise InputError(f'fault seed must be 0 or more, got {seed}')
        if burst < 1:
            raise InputError(f'fault burst must be at least 1 frame, got {burst}')
        self._probability = probability
        self._seed = seed
        self._burst = burst
        self._phase = int(np.random.default_rng(seed).integers(burst))
        self._delivered: tuple[int, np.ndarray] | None = None

    def inject(self, index: int, frame: np.ndarray) -> Damaged:
        """Deliver frame number `index` (0, 1, …): damaged, or the same object when intact.

        frame: uint8 (H, W, 3) BGR or (H, W); it is not written to.
        """
        if index < 0:
            raise InputError(f'frame index must be 0 or more, got {index}')
        size = (frame.shape[0], frame.shape[1])
        window = (index + self._phase) // self._burst
        rng = np.random.default_rng([self._seed, window])
        if rng.random() >= self._probability:
            result = Damaged(frame, np.zeros(size, bool), None)
        else:
            spec, name = self._faults[int(rng.integers(len(self._faults)))]
            if name not in STAYS:
                rng = np.random.default_rng([self._seed, window, index])
            if name == 'freeze':
                result = Damaged(self._frozen(index, frame), np.ones(size, bool), spec)
            else:
                mask = make_mask(spec, size, rng)
                result = Damaged(damage(frame, mask, name, rng), mask, spec)
        self._delivered = (index, result.frame)
        return result

    def _frozen(self, index: int, frame: np.ndarray) -> np.ndarray:
        if self._delivered is not None:
            last_index, last = self._delivered
            if last_index < index and last.shape == frame.shape:
                return last
        return np.zeros_like(frame)
