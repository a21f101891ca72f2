# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The engine of the drive model: evidence and blending in NumPy, the network in any library."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from siammcvae_core.engines import Made
from siammcvae_core.engines.damage import damaged_part, Part, whole_frame
from siammcvae_core.engines.drive_torch import TorchNetwork
from siammcvae_core.engines.network import Network
from siammcvae_core.evidence.blending import blend, expected_error
from siammcvae_core.evidence.gather import CELL, Evidence, gather
from siammcvae_core.model.drive import patch_sources
from siammcvae_core.model.pixels import MEAN, STD
from siammcvae_core.motion import PATCH, References, to_working


class DriveEngine:
    """The drive model from a weights file, computed by what `network` makes of that file.

    It works at the working size of `motion`; its answer is carried out at native size. Raises
    `WeightsError` for a file that cannot serve.
    """

    references = 2

    def __init__(self, weights: Path, network: Callable[[Path], Network] = TorchNetwork) -> None:
        self.network = network(weights)
        self.patch = self.network.patch
        self.eager = self.describe()['device'].lower() != 'cpu'

    def describe(self) -> dict[str, str]:
        """Name the engine, its weights and where it runs."""
        return self.network.describe()

    def encode_reference(self, frame: np.ndarray) -> Any:
        """Encode an intact frame to tokens."""
        picture = to_network(to_working(frame))
        return self.network.encode(whole_frame(picture, self.patch))

    def restore(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> Made:
        """Restore a frame; raises ValueError without two kept frames of different stamps."""
        known = gather(references, frame, mask, stamp)
        newest = references.frames[0]
        encoded = newest.encoded_by(self.encode_reference)
        part = self.part(known, frame, mask)
        answer = part.place(self.network.restore(encoded, part.inputs))
        error = partial(expected_error, known, answer, mask, newest.error)
        return Made(blend(references, known, answer, mask), error)

    def part(self, known: Evidence, frame: np.ndarray, mask: np.ndarray) -> Part:
        """Prepare what the network is asked about a damaged frame."""
        visible = cv2.copyTo(frame, (~mask).view(np.uint8))  # zero where lost
        offset = torch.from_numpy(known.offset).permute(2, 0, 1)[None]  # (1, 2, h, w)
        return damaged_part(
            to_network(to_working(visible)),
            known.channels,
            patch_sources(offset, self.patch)[0].numpy(),
            lost_patches(mask, known.offset.shape[:2]),
        )


def to_network(frame: np.ndarray) -> np.ndarray:
    """Bring a frame, uint8 (H, W, 3) BGR or (H, W), to `pixels.normalise`'s scale, (H, W, 3)."""
    code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
    return cv2.LUT(cv2.cvtColor(frame, code), _SCALE)


def lost_patches(mask: np.ndarray, cells: tuple[int, ...]) -> np.ndarray:
    """Tell which patches of whole cells a lost pixel, bool (H, W), reaches; bool (rows, columns).

    `cells` counts the rows and columns of cells.
    """
    rows, columns = CELL * cells[0] // PATCH, CELL * cells[1] // PATCH
    size = PATCH * columns, PATCH * rows
    reached = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    patches: np.ndarray = (reached > 0).reshape(rows, PATCH, columns, PATCH).any((1, 3))
    return patches


_LEVELS = np.arange(256, dtype=np.float32)[None, :, None] / 255
_MEAN, _STD = np.array([MEAN, STD], np.float32)
_SCALE = (_LEVELS - _MEAN) / _STD  # (1, 256, 3): a table for each colour
