# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The whole restoration as two modules, for GPUs: a frame goes up once and comes down once.

`KeepPair` runs when an intact frame arrives, `RestoreFrame` when a damaged one does: alignment,
features, network, composite and pasting, nothing of which leaves the device. Shapes are static, one
program for a size of frames and a window; the batch is that of several cameras. Each is made of the
parts that the engines on CPUs use: `alignment.program` computes what `alignment` does in NumPy,
`DriveMCVAE` is the network.

Frames are uint8 (B, H, W, C), BGR or grey, masks uint8 (B, H, W), 0 where intact, as they come in
messages.
"""

import torch
from torch import nn, Tensor

from siammcvae_core.alignment.program.channels import Age, extract_features
from siammcvae_core.alignment.program.composite import composite, expected_error
from siammcvae_core.alignment.program.images import resize_area, round_levels, Size, to_grey
from siammcvae_core.alignment.program.reference import reference_tensors, ReferenceTensors
from siammcvae_core.model.drive import DriveMCVAE
from siammcvae_core.model.pixels import CHANNELS, normalise
from siammcvae_core.motion.flow import working_size
from siammcvae_core.motion.rectangle import Rectangle


class KeepPair(nn.Module):
    """Computes what the newest two intact frames alone decide."""

    def __init__(self, model: DriveMCVAE, size: Size) -> None:
        super().__init__()
        self.model = model
        self.working = working_shape(size)

    def forward(
        self, newest: Tensor, older: Tensor, flow: Tensor, path: Tensor
    ) -> tuple[ReferenceTensors, Tensor]:
        """Return the tensors of the references and the newest frame's tokens (B, N, D').

        `newest` uint8 (B, H, W, C); `older` (B, 1, h, w) the frame before in grey, as `grey` of its
        own `ReferenceTensors`; `flow` and `path` (B, 2, h, w), see `Motion`.
        """
        frame = to_planes(newest)
        working, grey = at_working_size(frame, self.working), grey_of(frame, self.working)
        tensors = reference_tensors(working, grey, older, flow, path)
        return tensors, self.model.encode_reference(normalise(working.flip(1)))


class RestoreFrame(nn.Module):
    """Restores the lost pixels of frames of `size` that lie in `window`.

    `window` and the `context` that the motion is fitted to are in working pixels and whole patches;
    without them the whole frame.
    """

    def __init__(
        self,
        model: DriveMCVAE,
        size: Size,
        window: Rectangle | None = None,
        context: Rectangle | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.working = working_shape(size)
        self.window = window or Rectangle.whole(self.working)
        self.context = context or Rectangle.whole(self.working)

    def forward(
        self,
        frame: Tensor,
        mask: Tensor,
        newest: Tensor,
        reference: ReferenceTensors,
        tokens: Tensor,
        age: Age,
    ) -> tuple[Tensor, Tensor]:
        """Return frames with their lost pixels restored, and the expected errors.

        `frame` and `newest` uint8 (B, H, W, C), `mask` uint8 (B, H, W), `reference` and `tokens` of
        `KeepPair`. The frames are uint8 like `frame` and equal it where nothing is lost; the errors
        float32 (B, H, W) in grey levels, 0 there.
        """
        damaged, lost = to_planes(frame), (mask[:, None] > 0).float()
        working = at_working_size(damaged, self.working)
        visible = (resize_area(lost, self.working) <= 0).float()
        features = extract_features(
            reference, working, visible, age, self.window, self.context, self.model.profile.cell
        )
        prediction = self.model.restore(
            tokens, normalise(working.flip(1)), features.channels, features.source, features.lost
        )
        restored = composite(to_planes(newest), features.aligned, prediction)
        size = frame.shape[1], frame.shape[2]
        pasted = torch.where(mask[..., None] > 0, to_pixels(restored, frame.shape[-1]), frame)
        return pasted, expected_error(prediction, size)[:, 0] * lost[:, 0]


def working_shape(size: Size) -> Size:
    """Height and width at which the motion of frames of `size` is estimated."""
    width, height = working_size(size)
    return height, width


def to_planes(frames: Tensor) -> Tensor:
    """Bring frames uint8 (B, H, W, C) to BGR planes (B, 3, H, W), float32 grey levels."""
    return frames.permute(0, 3, 1, 2).float().expand(-1, CHANNELS, -1, -1)


def to_pixels(planes: Tensor, channels: int) -> Tensor:
    """Bring planes (B, 3, H, W) in whole grey levels to frames uint8 (B, H, W, C)."""
    pixels = planes if channels == CHANNELS else planes.mean(1, keepdim=True).round()
    return pixels.permute(0, 2, 3, 1).to(torch.uint8)


def at_working_size(planes: Tensor, working: Size) -> Tensor:
    """Bring planes (B, C, H, W) to working size, in whole grey levels."""
    resized = resize_area(planes, working)
    return resized if resized is planes else round_levels(resized).clamp(0, 255)


def grey_of(planes: Tensor, working: Size) -> Tensor:
    """Bring BGR planes (B, 3, H, W) to grey of working size (B, 1, h, w)."""
    return at_working_size(to_grey(planes), working)
