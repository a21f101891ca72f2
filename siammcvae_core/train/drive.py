# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive model as the training loop sees it: evidence gathered, answers blended, errors in dB.

The evidence is that of the node, worked out sample by sample; the blend is that of
`features.blending` in PyTorch, so that it can be learned through.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
import os
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.alignment.composite import CANDIDATES, COLOUR_UNIT, SMOOTH
from siammcvae_core.alignment.features import CELL, extract_features
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import load_model, save_checkpoint
from siammcvae_core.model.drive import DriveMCVAE, near, PredictionTensors
from siammcvae_core.model.losses import (
    charbonnier,
    focal_frequency,
    gradient_error,
    kl_divergence,
    smoothness,
)
from siammcvae_core.model.patches import grid_of
from siammcvae_core.model.pixels import normalise
from siammcvae_core.model.profiles import choose, DRIVE_PROFILES, DriveProfile
from siammcvae_core.motion.references import (
    compose,
    dense_flow,
    KeptFrame,
    References,
    sample,
    working_grey,
)
from siammcvae_core.train.system import Batch, Review, TrainingSystem

FLOOR = 0.5  # grey levels² added to squared errors: below, coding noise decides
FLOW_WEIGHT = 0.1
FLOW_RANGE = 3.0  # pixels; true motion further off is no longer followed
SCALE_WEIGHT = 0.05
TRUTH_ROUNDS = 2
UNTIMED = 0.04  # seconds between frames that all have one stamp
EXTRA = ('charbonnier', 'gradient', 'frequency', 'smoothness', 'photometric')


class Gathered(NamedTuple):
    """What is worked out of a batch without learning, as tensors.

    `features` (B, C, h, w); `offset` (B, 2, H, W) into the newest reference, as aligned; `truth`
    (B, 2, h, w) is by how much flow from the undamaged frame deviates from it; `source` long (B, N)
    names the patches of the newest reference.
    """

    features: Tensor
    offset: Tensor
    truth: Tensor
    source: Tensor


class DriveSystem(TrainingSystem):
    """The network learns from two references; in roll-outs the newest it restored itself."""

    references = 2
    rollout = 2

    def __init__(self, network: DriveMCVAE) -> None:
        super().__init__()
        self.network = network
        self.size = network.profile.size
        self.patch = network.profile.patch

    def forward(self, batch: Batch, warmth: float) -> dict[str, Tensor]:
        """Restore and compare; see `_losses`."""
        return self._run(batch, warmth)[0]

    def review(self, batch: Batch) -> Review:
        """Restore with the mean of the latent."""
        losses, restored, prediction = self._run(batch, 1.0)
        pixels = restored.clamp(0, 255).round().byte()
        lost = _pixels(batch.lost, batch.target.shape[-2:], self.patch)
        return Review(
            losses, torch.where(lost, pixels, batch.target), prediction.mean, prediction.log_var
        )

    def save(self, path: Path) -> None:
        """Write the network with its profile."""
        save_checkpoint(path, self.network)

    def load(self, path: Path) -> None:
        """Take over the tensors of a weights file, trained on crops of whatever size."""
        loaded = load_model(path, DriveMCVAE, DriveProfile)
        if replace(loaded.profile, size=self.size) != self.network.profile:
            raise WeightsError(f'{path}: is of {loaded.profile}, expected {self.network.profile}')
        self.network.load_state_dict(loaded.state_dict())

    def _run(
        self, batch: Batch, warmth: float
    ) -> tuple[dict[str, Tensor], Tensor, PredictionTensors]:
        network = self.network
        batch = self._rolled_out(batch)
        known, prediction, restored = self._restore(batch)
        lost = _pixels(batch.lost, batch.target.shape[-2:], self.patch)
        losses = _losses(batch.target, lost, known, prediction, restored)
        beta = warmth * network.profile.beta
        losses['loss'] = losses['loss'] + beta * losses['kl']
        for name, weight in weights_of(network.profile).items():
            losses[name] = _extra(
                name, batch, known, prediction, restored, lost.float(), self.patch
            )  # fmt: skip
            losses['loss'] = losses['loss'] + weight * losses[name]
        return losses, restored, prediction

    def _restore(self, batch: Batch) -> tuple[Gathered, PredictionTensors, Tensor]:
        """Restore targets, float (B, 3, H, W), from the first two references."""
        lost = _pixels(batch.lost, batch.target.shape[-2:], self.patch)
        known = _gather_all(batch, lost)
        prediction = self.network(
            normalise(batch.references[:, 0]),
            normalise(batch.target),
            known.features,
            known.source,
            batch.lost,
        )
        return known, prediction, blend(batch.references[:, 0].float(), known.offset, prediction)

    @torch.no_grad()
    def _rolled_out(self, batch: Batch) -> Batch:
        """Restore damaged references, oldest first, as `Restorer` does while damage lasts.

        Each is restored from the one restored before it and the last intact one, which in the end
        are the references of the target.
        """
        rows = batch.damaged[:, 0].any(1).nonzero()[:, 0]
        count = batch.references.shape[1] - self.references
        if not (count and len(rows)):
            return batch
        frames, seconds = batch.references[rows], batch.seconds[rows]
        kept = [(frames[:, k], seconds[:, k]) for k in (count, count + 1)]
        learning = self.network.training
        self.network.eval()
        for number in reversed(range(count)):
            lost, moment = batch.damaged[rows, number], seconds[:, number]
            ages = torch.stack([then - moment for _, then in kept], 1)
            pictures = torch.stack([picture for picture, _ in kept], 1)
            damaged = Batch(pictures, frames[:, number], lost, ages, batch.damaged[rows])
            restored = self._restore(damaged)[2].clamp(0, 255).round().byte()
            pixels = _pixels(lost, restored.shape[-2:], self.patch)
            newest = torch.where(pixels, restored, frames[:, number])
            kept = [(newest, moment), (frames[:, count], seconds[:, count])]
        self.network.train(learning)
        torch.clear_autocast_cache()  # else the weights cast here would go without gradients
        references, times = batch.references.clone(), batch.seconds.clone()
        for number, (picture, then) in enumerate(kept):
            references[rows, number], times[rows, number] = picture, then
        return batch._replace(references=references, seconds=times)


def blend(newest: Tensor, offset: Tensor, prediction: PredictionTensors) -> Tensor:
    """Carry the answer out as `features.blending.blend` does, on all pixels of working size.

    `newest` float (B, 3, H, W) is the newest reference, RGB; returns its like, not rounded.
    """
    size = newest.shape[-2:]
    correction = _grown(prediction.correction, size)
    moved = _moved(newest, offset + correction, 'bicubic').clamp(0, 255)
    candidates = {'moved': moved, 'copy': newest}
    for name, extent in SMOOTH.items():
        candidates[name] = _smoothed(moved, extent)
    weights = _grown(prediction.weights, size)
    total = COLOUR_UNIT * _grown(prediction.colour.flip(1), size)  # BGR as everywhere in core
    for name, weight in zip(CANDIDATES, weights.split(1, 1), strict=True):
        total = total + weight * candidates[name]
    return total


def _losses(
    target: Tensor, lost: Tensor, known: Gathered, prediction: PredictionTensors, restored: Tensor
) -> dict[str, Tensor]:
    """Compare lost pixels.

    The loss is the logarithm of each image's squared error, since PSNR is what is reported and an
    easy frame counts no less than a hard one; beside it `flow`, how far the corrected motion is
    from that of the undamaged frame, `scale`, the likelihood of the errors under a Laplace
    distribution of the told scale, and the KL term of the latent (eq. 20).
    """
    lost = lost.float()  # (B, 1, H, W)
    share = lost.sum((1, 2, 3)).clamp(min=1)
    difference = restored - target.float()
    squared = (difference.square().mean(1, keepdim=True) * lost).sum((1, 2, 3)) / share
    lost_cells = F.avg_pool2d(lost, CELL)
    astray = (prediction.correction - known.truth).abs().clamp(max=FLOW_RANGE).mean(1, keepdim=True)
    flow = (astray * lost_cells).sum() / lost_cells.sum().clamp(min=1)
    log_scale = _grown(prediction.log_scale, lost.shape[-2:])
    error = difference.detach().abs().mean(1, keepdim=True)
    likelihood = ((error * (-log_scale).exp() + log_scale) * lost).sum() / share.sum()
    fidelity = (squared + FLOOR).log().mean()
    zero = torch.zeros_like(fidelity)
    kl = zero if prediction.log_var is None else kl_divergence(prediction.mean, prediction.log_var)
    return {
        'loss': fidelity + FLOW_WEIGHT * flow + SCALE_WEIGHT * likelihood,
        'psnr': 10 * (255.0**2 / (squared.detach() + 1e-2)).log10().mean(),
        'flow': flow,
        'scale': likelihood,
        'kl': kl,
    }


def weights_of(profile: DriveProfile) -> dict[str, float]:
    """Name the losses that a profile asks for besides, with their weights."""
    return {name: getattr(profile, name) for name in EXTRA if getattr(profile, name) > 0}


def _extra(
    name: str,
    batch: Batch,
    known: Gathered,
    prediction: PredictionTensors,
    restored: Tensor,
    lost: Tensor,
    patch: int,
) -> Tensor:
    """Compute one of the EXTRA losses; `restored` (B, 3, H, W), `lost` of 0 and 1 (B, 1, H, W)."""
    target = batch.target.float()
    difference = restored - target
    if name == 'charbonnier':
        return charbonnier(difference, lost)
    if name == 'gradient':
        return gradient_error(difference, lost)
    if name == 'frequency':
        return focal_frequency(difference, lost)
    if name == 'smoothness':
        return smoothness(prediction.correction, F.avg_pool2d(target, CELL))
    size = target.shape[-2:]
    around = _pixels(near(batch.lost, grid_of(target, patch)), size, patch)
    offset = known.offset + _grown(prediction.correction, size)
    moved = _moved(batch.references[:, 0].float(), offset)
    return charbonnier(moved - target, around * (1 - lost))


def _gather_all(batch: Batch, lost: Tensor) -> Gathered:
    """Gather the evidence of every sample, side by side."""
    frames = torch.cat([batch.references[:, :2], batch.target[:, None]], 1)  # (B, 3, 3, H, W) RGB
    pictures = frames.permute(0, 1, 3, 4, 2).flip(-1).cpu().numpy()
    masks = lost[:, 0].cpu().numpy()
    seconds = batch.seconds.cpu().numpy()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        parts = list(pool.map(_gather_one, pictures, masks, seconds))
    return Gathered(*(
        torch.from_numpy(np.stack(arrays)).to(batch.target.device)
        for arrays in zip(*parts, strict=True)
    ))  # fmt: skip


def _gather_one(
    pictures: np.ndarray, mask: np.ndarray, seconds: np.ndarray
) -> tuple[np.ndarray, ...]:
    newest, older, target = (np.ascontiguousarray(picture) for picture in pictures)
    ages = float(seconds[0]), float(seconds[1])
    if ages[1] <= ages[0]:  # a clip may repeat a stamp; its frames then count as evenly spaced
        ages = ages[0], 2 * ages[0] or UNTIMED
    kept = KeptFrame(newest, -ages[0]), KeptFrame(older, -ages[1])
    damaged = cv2.copyTo(target, (~mask).view(np.uint8))
    known = extract_features(References(kept), damaged, mask, 0.0)
    grey = working_grey(target)
    size = grey.shape[::-1]
    offset = aligned = cv2.resize(known.aligned, size)
    for _ in range(TRUTH_ROUNDS):
        moved = sample(kept[0].grey, offset)
        offset = compose(offset, dense_flow(grey, moved))
    cells = known.channels.shape[:0:-1]
    truth = cv2.resize(offset - aligned, cells, interpolation=cv2.INTER_AREA)
    return known.channels, aligned.transpose(2, 0, 1), truth.transpose(2, 0, 1), known.source


def _pixels(lost: Tensor, size: torch.Size, patch: int) -> Tensor:
    """Bring lost patches (B, N) to the pixels of frames of `size` (H, W): bool (B, 1, H, W)."""
    planes = lost.view(-1, 1, size[0] // patch, size[1] // patch)
    return planes.repeat_interleave(patch, 2).repeat_interleave(patch, 3)


def _grown(cells: Tensor, size: torch.Size) -> Tensor:
    return F.interpolate(cells, size=tuple(size), mode='bilinear', align_corners=False)


def _smoothed(frames: Tensor, extent: tuple[int, int]) -> Tensor:
    """Average over boxes of `extent` (width, height), odd; edges go on outside."""
    across, down = extent
    padded = F.pad(frames, 2 * (across // 2,) + 2 * (down // 2,), mode='replicate')
    return F.avg_pool2d(padded, (down, across), 1)


def _moved(frames: Tensor, offset: Tensor, mode: str = 'bilinear') -> Tensor:
    """Read frames (B, 3, H, W) at pixels moved by `offset` (B, 2, H, W); edges go on outside."""
    height, width = frames.shape[-2:]
    x = offset[:, 0] + torch.arange(width, device=offset.device) + 0.5
    y = offset[:, 1] + torch.arange(height, device=offset.device)[:, None] + 0.5
    where = torch.stack([2 * x / width - 1, 2 * y / height - 1], -1)
    return F.grid_sample(frames, where, mode, padding_mode='border', align_corners=False)


def build(profile: str, changes: Mapping[str, Any]) -> DriveSystem:
    """Build a new network of a named profile; see `TrainingSystem`."""
    return DriveSystem(DriveMCVAE(choose(DRIVE_PROFILES, profile, changes)))
