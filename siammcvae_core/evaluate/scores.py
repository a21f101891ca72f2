# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""How good one restored frame is, by every metric of the report."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from siammcvae_core.metrics import (
    fsim,
    fsim_features,
    fsim_ism,
    fsimc,
    FsimFeatures,
    ism_features,
    IsmFeatures,
    mae,
    mse,
    psnr,
    ssim,
)
from siammcvae_core.perception import ObjectDetector, Objects

METRICS = (
    'mse', 'mae', 'psnr', 'ssim', 'fsim', 'fsimc', 'fsim_ism', 'mse_lost', 'mae_lost', 'psnr_lost'
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Truth:
    """An undamaged frame, uint8 (H, W, 3) or (H, W); what is in it is computed once."""

    frame: np.ndarray
    detector: ObjectDetector | None = None

    @cached_property
    def fsim_features(self) -> FsimFeatures:
        """What FSIM and FSIMc compare."""
        return fsim_features(self.frame)

    @cached_property
    def ism_features(self) -> IsmFeatures:
        """What the FSIM of image-similarity-measures compares."""
        return ism_features(self.frame)

    @cached_property
    def objects(self) -> Objects | None:
        """What the detector finds, if there is one."""
        return None if self.detector is None else self.detector.detect(self.frame)


def score(pasted: np.ndarray, truth: Truth, mask: np.ndarray) -> dict[str, float]:
    """Score a restored frame whose intact pixels are pasted, by the names of METRICS.

    `mask` is bool (H, W), True where lost: `*_lost` are over those pixels, all else over the frame.
    """
    expected = truth.frame
    features = fsim_features(pasted)
    return {
        'mse': mse(pasted, expected),
        'mae': mae(pasted, expected),
        'psnr': psnr(pasted, expected),
        'ssim': ssim(pasted, expected),
        'fsim': fsim(features, truth.fsim_features),
        'fsimc': fsimc(features, truth.fsim_features),
        'fsim_ism': fsim_ism(ism_features(pasted), truth.ism_features),
        'mse_lost': mse(pasted, expected, mask),
        'mae_lost': mae(pasted, expected, mask),
        'psnr_lost': psnr(pasted, expected, mask),
    }
