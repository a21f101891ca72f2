# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Weights of a small drive model, for tests that need one quickly."""

from pathlib import Path
from typing import Any


def write_small_drive(path: Path, **changes: Any) -> Path:
    """Write random weights whose predictions differ from place to place; imports torch.

    `changes` are fields of the profile to set otherwise.
    """
    import torch

    from siammcvae_core.model.checkpoint import save_checkpoint
    from siammcvae_core.model.drive import DriveMCVAE
    from siammcvae_core.model.profiles import DriveProfile

    torch.manual_seed(0)
    model = DriveMCVAE(
        DriveProfile('small', 32, 2, 2, 16, decoder_width=32, decoder_depth=2, decoder_heads=2,
                     cells=8, size=(64, 96), **changes)
    )  # fmt: skip
    torch.nn.init.normal_(model.answer.weight, std=0.3)
    save_checkpoint(path, model)
    return path
