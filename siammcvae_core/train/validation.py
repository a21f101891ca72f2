# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Validation: PSNR and losses on held-out samples, beside those of copying the reference."""

from collections.abc import Iterable
from dataclasses import dataclass

from accelerate import Accelerator
import torch
from torch import Tensor

from siammcvae_core.metrics import PSNR_CAP
from siammcvae_core.model.patches import patchify
from siammcvae_core.train.latents import LatentStatistics
from siammcvae_core.train.system import Batch, lost_pixels, TrainingSystem


@dataclass(frozen=True)
class Validation:
    """Means over the validation samples.

    `scalars`: the losses of the system, `psnr_lost` and `psnr_lost_copy` in dB over lost pixels,
    averaged per sample; with a latent also `kl_per_dimension` (its mean) and `active_units` (a
    share). `kl` (D,) is the KL of each dimension. `pictures` uint8 (n, 3, H, 4 W) show reference,
    damaged frame, restored frame and truth.
    """

    scalars: dict[str, float]
    kl: Tensor | None
    pictures: Tensor


@torch.no_grad()
def validate(
    system: TrainingSystem, batches: Iterable[Batch], accelerator: Accelerator, pictures: int
) -> Validation:
    """Evaluate a system without noise; every process has its own batches, at least one."""
    names: list[str] = []
    sums = torch.zeros(0, device=accelerator.device)
    latents = LatentStatistics()
    shown: list[Tensor] = []
    for batch in batches:
        with accelerator.autocast():
            evaluation = system.evaluate(batch)
        if evaluation.mean is not None and evaluation.log_var is not None:
            latents.add(evaluation.mean, evaluation.log_var)
        means = {name: value.float() for name, value in evaluation.losses.items()}
        means['psnr_lost'] = _psnr_lost(evaluation.restored, batch, system.patch)
        means['psnr_lost_copy'] = _psnr_lost(batch.references[:, 0], batch, system.patch)
        names = list(means)
        count = len(batch.target)
        row = torch.stack([torch.ones_like(means['loss']), *means.values()]) * count
        sums = row if not len(sums) else sums + row
        if sum(map(len, shown)) < pictures:
            shown.append(_pictures(batch, evaluation.restored, system.patch))
    count, *totals = accelerator.reduce(sums, 'sum').tolist()
    scalars = {name: total / count for name, total in zip(names, totals, strict=True)}
    summary = latents.summarise(accelerator)
    kl = None
    if summary is not None:
        kl, scalars['active_units'] = summary
        scalars['kl_per_dimension'] = float(kl.mean())
    return Validation(scalars, kl, torch.cat(shown)[:pictures] if shown else torch.empty(0))


def _psnr_lost(frames: Tensor, batch: Batch, patch: int) -> Tensor:
    """PSNR over the lost patches of each sample, averaged over the batch, in dB."""
    error = patchify(frames, patch).float() - patchify(batch.target, patch).float()
    per_patch = error.square().mean(-1) * batch.lost  # (B, N)
    mse = per_patch.sum(1) / batch.lost.sum(1).clamp(min=1)
    return (10 * torch.log10(255**2 / mse)).clamp(max=PSNR_CAP).mean()


def _pictures(batch: Batch, restored: Tensor, patch: int) -> Tensor:
    lost = lost_pixels(batch.lost, batch.target.shape[2:], patch)
    damaged = batch.target.masked_fill(lost, 128)
    return torch.cat([batch.references[:, 0], damaged, restored, batch.target], 3).cpu()
