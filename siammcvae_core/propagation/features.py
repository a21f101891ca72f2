# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Features of whole frames on a grid of patches, from the weights of any trained system."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.baselines.catalogue import load_baseline
from siammcvae_core.engines.torch import resize, Size
from siammcvae_core.model.checkpoint import load_checkpoint, stored_system
from siammcvae_core.model.patches import Grid
from siammcvae_core.model.pixels import normalise
from siammcvae_core.model.profiles import Profile

Describe = Callable[[Tensor], Tensor]
"""From RGB grey levels (1, 3, H, W), whole patches, to features (1, N, D)."""


class FrameEncoder:
    """Describes frames with `describe`, at a working size whose shorter side is near `side` px."""

    def __init__(
        self, describe: Describe, patch: int, side: int, device: torch.device | str = 'cpu'
    ) -> None:
        self._describe = describe
        self._patch = patch
        self._side = side
        self._device = device

    def grid(self, size: Size) -> Grid:
        """Count the patches of a frame of `size` (height, width) at its working size."""
        scale = self._side / min(size)
        height, width = (max(1, round(side * scale / self._patch)) for side in size)
        return height, width

    @torch.inference_mode()
    def __call__(self, frame: np.ndarray) -> Tensor:
        """Describe a frame, uint8 (H, W, 3) BGR: (h * w, D) on its `grid`."""
        rows, columns = self.grid((frame.shape[0], frame.shape[1]))
        working = resize(frame, (rows * self._patch, columns * self._patch))
        rgb = torch.from_numpy(cv2.cvtColor(working, cv2.COLOR_BGR2RGB)).to(self._device)
        return self._describe(rgb.permute(2, 0, 1)[None])[0]


def load_features(weights: Path, side: int, device: str = 'cpu') -> FrameEncoder:
    """Take the encoder out of a weights file; raises `WeightsError` for one that cannot serve.

    Features are the encoder's last layer; those of SiamMCVAE are its tokens U1.
    """
    if stored_system(weights) == Profile.system:
        model = load_checkpoint(weights).to(device)
        patch = model.profile.patch

        def describe(frames: Tensor) -> Tensor:
            return model.encode_reference(normalise(frames))[:, 1:]

        return FrameEncoder(describe, patch, side, device)
    baseline = load_baseline(weights).to(device)
    return FrameEncoder(
        lambda frames: baseline.features(normalise(frames)), baseline.profile.patch, side, device
    )
