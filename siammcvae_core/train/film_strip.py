# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The three tasks of imputation in one picture: given, predicted and true frames of a clip."""

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.sequence import pixels_seen
from siammcvae_core.model.pixels import denormalise

LOST = 0.5  # share of the patches that are lost where frames are imputed
SCALE, BORDER = 4, 6  # of the picture: px per px, px between the tasks


@torch.inference_mode()
def film_strip(network: Ode2FacVAE, times: Tensor, frames: Tensor, seed: int = 0) -> np.ndarray:
    """Show a clip, times (T,) and frames (T, 3, H, W) as of `impute`: uint8 (rows, T W 4, 3) BGR.

    Three rows per task: what is seen, what is predicted at all times, what is true. Extrapolation
    sees the first third, interpolation the first and the last fifth, imputation all frames with
    half of their patches lost.
    """
    count = len(times)
    height, width = network.profile.size
    patches = (height // network.profile.patch) * (width // network.profile.patch)
    place = torch.arange(count)
    ahead = place < max(1, count // 3)
    between = (place < max(1, count // 5)) | (place >= count - max(1, count // 5))
    generator = torch.Generator().manual_seed(seed)
    imputed = torch.rand(count, patches, generator=generator) >= LOST
    whole = torch.ones(1, patches, dtype=torch.bool)
    bands = []
    for seen in (ahead[:, None] & whole, between[:, None] & whole, imputed):
        predicted = network.impute(times[None], frames[None], seen[None], times[None], samples=0)
        given = denormalise(frames).masked_fill(~pixels_seen(seen, network.profile), 0)
        rows = given, denormalise(predicted.frames[0]), denormalise(frames)
        bands += [*map(_row, rows), np.full((BORDER, count * width * SCALE, 3), 255, np.uint8)]
    return np.concatenate(bands[:-1])


def _row(frames: Tensor) -> np.ndarray:
    row = np.concatenate(list(frames.permute(0, 2, 3, 1).flip(-1).numpy()), 1)  # (H, T W, 3)
    size = row.shape[1] * SCALE, row.shape[0] * SCALE
    return cv2.resize(row, size, interpolation=cv2.INTER_NEAREST)
