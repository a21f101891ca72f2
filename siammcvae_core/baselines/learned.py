# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trained baselines as restorers, called as the classical ones are."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.baselines.catalogue import load_baseline
from siammcvae_core.engines.torch import lost_patches, resize, working_size
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.motion.references import References


class TrainedBaseline:
    """A baseline from a weights file, on `device`, with mixed precision unless `dtype` is float32.

    Works at whole patches that keep the frame's aspect, the longer side that of the size the
    weights were trained at. With fewer references than the baseline uses, the oldest is
    repeated. `name` is that of its system. Raises `WeightsError` for a file that cannot be used.
    """

    def __init__(
        self, weights: Path, device: str = 'cpu', dtype: torch.dtype = torch.float32
    ) -> None:
        self._baseline = load_baseline(weights).to(device)
        profile = self._baseline.profile
        if profile.norm_pix:
            raise WeightsError(
                f'{weights}: profile {profile.name!r} was trained for features (norm_pix), it '
                'cannot restore'
            )
        self.name = profile.system
        self._device = torch.device(device)
        self._dtype = dtype

    @torch.inference_mode()
    def __call__(
        self, references: References, frame: np.ndarray, mask: np.ndarray, stamp: float
    ) -> np.ndarray:
        """Restore `frame`; see `classical` for the arguments. Returns a new frame of its size.

        Raises ValueError without a reference, for a baseline that needs one.
        """
        profile, count = self._baseline.profile, self._baseline.references
        newest = [reference.frame for reference in references.frames[:count]]
        if count and not newest:
            raise ValueError(f'{self.name} needs a reference')
        newest += newest[-1:] * (count - len(newest))
        size = frame.shape[0], frame.shape[1]
        working = working_size(size, max(profile.size), profile.patch)
        visible = cv2.copyTo(frame, (~mask).view(np.uint8))  # zero where lost
        frames = [_rgb(resize(image, working)) for image in (*newest, visible)]
        pixels = normalise(torch.stack(frames).to(self._device))  # (R + 1, 3, H, W)
        lost = torch.from_numpy(lost_patches(mask, working, profile.patch)).to(self._device)
        half = self._dtype != torch.float32
        with torch.autocast(self._device.type, self._dtype if half else None, enabled=half):
            restored = self._baseline.restore(pixels[None, :-1], pixels[-1:], lost.reshape(1, -1))
        rgb = denormalise(restored)[0].permute(1, 2, 0).cpu().numpy()  # (H, W, 3)
        if frame.ndim == 2:
            return resize(rgb.mean(-1).round().astype(np.uint8), size)
        return resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), size)


def _rgb(frame: np.ndarray) -> Tensor:
    """Convert a frame, uint8 (H, W, 3) BGR or (H, W), to uint8 (3, H, W) RGB."""
    code = cv2.COLOR_GRAY2RGB if frame.ndim == 2 else cv2.COLOR_BGR2RGB
    return torch.from_numpy(cv2.cvtColor(frame, code)).permute(2, 0, 1)
