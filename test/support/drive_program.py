# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The restoration program beside the engine in NumPy and OpenCV: the same frames for both."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from siammcvae_core.alignment.align import CONTEXT_MARGIN
from siammcvae_core.alignment.features import lost_patches, MARGIN, visible
from siammcvae_core.alignment.program.channels import Age
from siammcvae_core.faults.masks import make_mask
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.drive_program import KeepPair, RestoreFrame
from siammcvae_core.motion.flow import PATCH
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.simulation.drive import DriveSim

STAMP = 0.3
Case = tuple[References, np.ndarray, np.ndarray]
"""References, a damaged frame and its mask, bool (H, W)."""


def drive_case(size: tuple[int, int], mask: str, number: int, grey: bool = False) -> Case:
    """Damage a frame of the rendered drive, 0.1 s after the newest of its three references."""
    sim = DriveSim(size[::-1], seed=number)
    frames = [sim.render(20 * number + k) for k in range(4)]
    return _case(frames, size, mask, number, grey)


def noise_case(size: tuple[int, int], mask: str, number: int, grey: bool = False) -> Case:
    """Damage a frame of a random texture that turns and grows a little from frame to frame."""
    rng = np.random.default_rng(number)
    noise = cv2.GaussianBlur(rng.standard_normal((*size, 3)).astype(np.float32), (0, 0), 3)
    texture = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    centre = size[1] / 2, size[0] / 2
    frames = []
    for k in range(4):
        matrix = cv2.getRotationMatrix2D(centre, 0.3 * k * k, 1 + 0.01 * k)
        frames.append(cv2.warpAffine(texture, matrix, size[::-1], borderMode=cv2.BORDER_REFLECT))
    return _case(frames, size, mask, number, grey)


def run_program(model: DriveMCVAE, case: Case, restore: Callable[..., Any] | None = None) -> Any:
    """Restore a case by the program: its frame, uint8, and expected errors, float32 (H, W).

    `restore` is called instead of the program, with it and its inputs.
    """
    references, frame, mask = case
    size = mask.shape
    lost = lost_patches(visible(mask, references.frames[0].grey.shape[::-1]))
    window, context = (
        Rectangle.around(lost, margin).enlarged(PATCH) for margin in (MARGIN, CONTEXT_MARGIN)
    )
    newest, older = references.frames[:2]
    motion = references.motion
    assert motion is not None
    steps, share = motion.carried(STAMP)
    pixels = batch(newest.frame)
    program = RestoreFrame(model, size, window, context).eval()
    with torch.inference_mode():
        reference, tokens = KeepPair(model, size).eval()(
            pixels, planes(older.grey), planes(motion.flow), planes(motion.path(steps))
        )
        age = Age(torch.tensor([share]), torch.tensor([motion.age_ratio(STAMP)]))
        inputs = (
            batch(frame), torch.from_numpy(mask.view(np.uint8))[None], pixels, reference, tokens,
            Age(*(value.float() for value in age)),
        )  # fmt: skip
        restored, error = restore(program, inputs) if restore else program(*inputs)
    return restored[0].numpy().reshape(frame.shape), error[0].numpy()


def batch(frame: np.ndarray) -> Tensor:
    """Bring a frame (H, W, 3) or (H, W) to uint8 (1, H, W, C)."""
    return torch.from_numpy(np.atleast_3d(frame))[None]


def planes(image: np.ndarray) -> Tensor:
    """Bring an image or a field (h, w) or (h, w, C) to float32 (1, C, h, w)."""
    values = np.atleast_3d(image).astype(np.float32).transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(values))[None]


def _case(
    frames: list[np.ndarray], size: tuple[int, int], mask: str, number: int, grey: bool
) -> Case:
    if grey:
        frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
    lost = make_mask(mask, size, np.random.default_rng(number))
    damaged = frames[-1].copy()
    damaged[lost] = 0
    kept = [ReferenceFrame(frame, STAMP - 0.1 * age) for age, frame in enumerate(frames[-2::-1], 1)]
    return References(tuple(kept)), damaged, lost
