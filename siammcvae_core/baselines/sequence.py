# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Clips with frames at any times, and queries at others: checked, and what was seen put back."""

import torch
from torch import Tensor

from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.errors import InputError
from siammcvae_core.model.pixels import CHANNELS


def check_clip(
    profile: Ode2Profile, times: Tensor, frames: Tensor, seen: Tensor, query: Tensor
) -> None:
    """Raise `InputError` for what `Ode2FacVAE.impute` cannot take, naming what came."""
    height, width = profile.size
    if times.ndim != 2 or query.ndim != 2 or len(times) != len(query) or not query.numel():
        shapes = f'{tuple(times.shape)} and {tuple(query.shape)}'
        raise InputError(f'times and query must be (B, T) and (B, Q), got {shapes}')
    batch, count = times.shape
    expected = batch, count, CHANNELS, height, width
    if tuple(frames.shape) != expected:
        raise InputError(f'frames must be {expected}, got {tuple(frames.shape)}')
    patches = (height // profile.patch) * (width // profile.patch)
    if tuple(seen.shape) != (batch, count, patches) or seen.dtype != torch.bool:
        raise InputError(
            f'seen must be bool {(batch, count, patches)}, got {seen.dtype} {tuple(seen.shape)}'
        )
    for name, values in (('times', times), ('query', query)):
        if not bool(values.isfinite().all()):
            clip, number = (int(i) for i in (~values.isfinite()).nonzero()[0])
            raise InputError(f'{name} of clip {clip} must be finite, number {number} is not')
    if not bool(frames.isfinite().all()):
        raise InputError('frames must be finite, some pixels are not')
    ordered, order = times.sort(1)
    same = ordered[:, 1:] == ordered[:, :-1]
    if bool(same.any()):
        clip, number = (int(i) for i in same.nonzero()[0])
        pair = order[clip, number : number + 2].tolist()
        at = float(ordered[clip, number])
        raise InputError(f'frames {pair[0]} and {pair[1]} of clip {clip} have one time, {at:.9g} s')
    empty = ~seen.any(-1).any(-1)
    if bool(empty.any()):
        raise InputError(f'nothing of clip {int(empty.nonzero()[0])} is seen in any frame')
    far = nearest(times, seen, query)
    if bool((far > profile.horizon).any()):
        clip, number = (int(i) for i in (far > profile.horizon).nonzero()[0])
        raise InputError(
            f'query {number} of clip {clip} is {float(far[clip, number]):.3g} s from the nearest '
            f'observed frame, expected at most {profile.horizon:g} s'
        )


def nearest(times: Tensor, seen: Tensor, query: Tensor) -> Tensor:
    """Seconds from each query (B, Q) to the nearest frame of which something is seen, (B, Q)."""
    distance = (query[:, :, None] - times[:, None]).abs()
    return distance.masked_fill(~seen.any(-1)[:, None], torch.inf).amin(-1)


def pixels_seen(seen: Tensor, profile: Ode2Profile) -> Tensor:
    """Bring seen patches (B, N) to pixels: bool (B, 1, H, W)."""
    rows, columns = (side // profile.patch for side in profile.size)
    cells = seen.reshape(-1, 1, rows, columns)
    return cells.repeat_interleave(profile.patch, 2).repeat_interleave(profile.patch, 3)


def restore_seen(
    predicted: Tensor, query: Tensor, times: Tensor, frames: Tensor, seen: Tensor, patch: int
) -> Tensor:
    """Put the seen patches of frames (B, T, 3, H, W) into predictions of the same time, to the bit.

    `predicted` is (B, Q, 3, H, W) at the times `query`, `seen` bool (B, T, N) of `times`.
    """
    same = query[:, :, None] == times[:, None]  # (B, Q, T)
    found = same.any(-1)
    rows = torch.arange(len(query), device=query.device)[:, None]
    number = same.to(torch.uint8).argmax(-1)  # (B, Q)
    height, width = predicted.shape[-2:]
    cells = seen.unflatten(-1, (height // patch, width // patch))[rows, number]  # (B, Q, r, c)
    pixels = cells.repeat_interleave(patch, 2).repeat_interleave(patch, 3)[:, :, None]
    return torch.where(pixels & found[..., None, None, None], frames[rows, number], predicted)
