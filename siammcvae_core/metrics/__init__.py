# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Metrics of restored frames, and of the calibration of their expected error."""

from siammcvae_core.metrics.calibration import Calibration, Sparsification
from siammcvae_core.metrics.errors import mae, mse, psnr, PSNR_CAP
from siammcvae_core.metrics.fsim import fsim, fsim_features, fsimc, FsimFeatures
from siammcvae_core.metrics.fsim_ism import fsim_ism, ism_features, IsmFeatures
from siammcvae_core.metrics.ssim import ssim

__all__ = [
    'Calibration',
    'FsimFeatures',
    'fsim_features',
    'fsim',
    'fsim_ism',
    'fsimc',
    'ism_features',
    'IsmFeatures',
    'mae',
    'mse',
    'psnr',
    'PSNR_CAP',
    'Sparsification',
    'ssim',
]
