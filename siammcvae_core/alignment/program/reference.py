# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the reference frames alone decide, computed when they arrive; it stays on the device."""

from typing import NamedTuple

import torch
from torch import Tensor

from siammcvae_core.alignment.program.images import (
    box_mean,
    cut,
    gradients,
    reduce,
    round_levels,
    warp,
)
from siammcvae_core.motion.rectangle import Rectangle
from siammcvae_core.motion.references import ROUNDS, STRIDE


class ReferenceTensors(NamedTuple):
    """The newest two reference frames and their motion.

    `grey` (B, 1, h, w) is the newest frame in grey, `older` the one before it. `detail`
    (B, 7, h, w) is what is read at displaced places: grey, its gradients along x and y, its 3 x 3
    means, and the colours. `half`, `quarter`, `eighth` are the pyramid of grey, (B, 1, ..).
    `flow` (B, 2, h, w) leads from the newest to the older frame, `path` (B, 2, h / 2, w / 2) is the
    mean over STRIDE of the path that is carried on, see `Motion`.
    """

    grey: Tensor
    older: Tensor
    detail: Tensor
    half: Tensor
    quarter: Tensor
    eighth: Tensor
    flow: Tensor
    path: Tensor

    def level(self, scale: int) -> Tensor:
        """Return grey reduced by a scale of 2, 4 or 8."""
        return {2: self.half, 4: self.quarter, 8: self.eighth}[scale]


def reference_tensors(
    working: Tensor, grey: Tensor, older: Tensor, flow: Tensor, path: Tensor
) -> ReferenceTensors:
    """Compute them from the frames of working size, the flow and the path of all pixels.

    `working` (B, 3, h, w) is the newest frame, `grey` and `older` (B, 1, h, w) it and the one
    before in grey, all in whole grey levels; `flow` and `path` (B, 2, h, w) are in working pixels.
    """
    detail = torch.cat([grey, *gradients(grey), box_mean(grey, (3, 3)), working], 1)
    half = round_levels(reduce(grey, 2))
    quarter = reduce(half, 2)
    return ReferenceTensors(
        grey, older, detail, half, quarter, reduce(quarter, 2), flow, reduce(path, STRIDE)
    )


def start_displacement(path: Tensor, share: Tensor, window: Rectangle) -> Tensor:
    """Carry the motion on: displacements (B, 2, h / 2, w / 2) of a window, in working pixels.

    `path` as in `ReferenceTensors`; `share` (B,) is the age of the newest frame in units of the
    time that the path took; `window` in working pixels. See `Motion.displacement`.
    """
    coarse = window.reduced(STRIDE)
    step = path * (share / STRIDE).view(-1, 1, 1, 1)
    displacement = cut(step, coarse)
    for _ in range(ROUNDS):
        displacement = 0.5 * (displacement + warp(step, displacement, coarse))
    return displacement * STRIDE
