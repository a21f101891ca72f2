# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The alignment features of training samples, computed as the node does, and the true motion."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
import os
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.alignment.features import extract_features
from siammcvae_core.motion.flow import dense_flow, working_grey
from siammcvae_core.motion.images import resize_area
from siammcvae_core.motion.references import ReferenceFrame, REFERENCES, References
from siammcvae_core.motion.warp import compose, warp
from siammcvae_core.train.system import Batch

TRUTH_ROUNDS = 2
UNTIMED = 0.04  # seconds between frames that all have one stamp


class DriveFeatures(NamedTuple):
    """What is computed of a batch without learning, as tensors.

    `channels` (B, C, h, w); `displacement` (B, 2, H, W) into the newest reference, as aligned;
    `correction` (B, 2, h, w) is what the flow from the undamaged frame adds to it; `source` long
    (B, N) the patch of the newest reference of each patch.
    """

    channels: Tensor
    displacement: Tensor
    correction: Tensor
    source: Tensor


def extract_batch(batch: Batch, lost: Tensor, cell: int) -> DriveFeatures:
    """Compute the features of every sample, side by side; `lost` bool (B, 1, H, W).

    `cell` is the side of a cell in pixels.
    """
    references = batch.references[:, :REFERENCES]
    frames = torch.cat([references, batch.target[:, None]], 1)  # (B, R + 1, 3, H, W) RGB
    images = frames.permute(0, 1, 3, 4, 2).flip(-1).cpu().numpy()
    masks = lost[:, 0].cpu().numpy()
    seconds = batch.seconds.cpu().numpy()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(partial(_extract_one, cell=cell), images, masks, seconds))
    return DriveFeatures(*(
        torch.from_numpy(np.stack(arrays)).to(batch.target.device)
        for arrays in zip(*parts, strict=True)
    ))  # fmt: skip


def _extract_one(
    images: np.ndarray, mask: np.ndarray, seconds: np.ndarray, cell: int
) -> tuple[np.ndarray, ...]:
    *frames, target = (np.ascontiguousarray(image) for image in images)
    ages = [float(age) for age in seconds[: len(frames)]]
    if ages[1] <= ages[0]:  # a clip may repeat a stamp; its frames then count as evenly spaced
        ages[1] = 2 * ages[0] or UNTIMED
    references = References(tuple(map(ReferenceFrame, frames, -np.array(ages))))
    damaged = cv2.copyTo(target, (~mask).view(np.uint8))
    features = extract_features(references, damaged, mask, 0.0, cell)
    grey = working_grey(target)
    displacement = aligned = cv2.resize(features.aligned, grey.shape[::-1])
    for _ in range(TRUTH_ROUNDS):
        warped = warp(references.frames[0].grey, displacement)
        displacement = compose(displacement, dense_flow(grey, warped))
    correction = resize_area(displacement - aligned, features.channels.shape[:0:-1])
    planes = aligned.transpose(2, 0, 1), correction.transpose(2, 0, 1)
    return features.channels, *planes, features.source
