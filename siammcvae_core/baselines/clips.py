# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Masked autoencoders of a short clip: the references and then the damaged frame, in tubelets.

A token is a tubelet, one patch in two consecutive frames, as in VideoMAE and MAE-ST. No tubelet
mixes the damaged frame with a reference, else a lost patch would take an intact one with it: the
clip is the references, oldest first, the newest repeated where their number is odd, and then the
damaged frame twice. A lost patch of the damaged frame is thus one lost tubelet; its two predictions
are averaged.

For restoration only tubelets of the damaged frame are lost. In training this holds for a part of
the samples; the others lose tubelets all over the clip, drawn as the system's paper does.
"""

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor
import torch.nn.functional as F

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.parts import initialise, MaskedDecoder
from siammcvae_core.baselines.profile import BaselineProfile
from siammcvae_core.model.losses import reconstruction_loss
from siammcvae_core.model.patches import Grid, grid_of, patchify

TUBELET = 2
"""Frames of a tubelet."""


@dataclass(frozen=True)
class ClipProfile(BaselineProfile):
    """A clip autoencoder; see `BaselineProfile`.

    It uses `references` reference frames. `clip_share` is the share of the training samples that
    lose tubelets all over the clip, at the ratio at which the damaged frame loses patches.
    """

    references: int = 2
    clip_share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(0 <= self.clip_share <= 1, 'clip_share must be in [0, 1]')

    @property
    def steps(self) -> int:
        """Tubelets in time: those of the references and one of the damaged frame."""
        return -(-self.references // TUBELET) + 1


class ClipAutoencoder(LearnedBaseline):
    """The model of a profile; see `LearnedBaseline`."""

    frames_per_token = TUBELET
    profile: ClipProfile

    def __init__(self, profile: ClipProfile, kernel: str = 'adaptive') -> None:
        super().__init__(profile, kernel)
        self.references = profile.references
        self.decoder = MaskedDecoder(profile, self.pixels_per_token, kernel)
        self._add_times()
        initialise(self)

    def _add_times(self) -> None:
        """Add learned positions in time; a system with fixed ones has none."""

    @abstractmethod
    def places(self, grid: Grid, decoder: bool, device: torch.device) -> Tensor:
        """Positions of the tubelets, (steps, 1 + N, D), D of encoder or decoder, cls first."""

    @abstractmethod
    def mask_clip(self, lost: Tensor) -> Tensor:
        """Lose tubelets all over the clip, bool (B, steps, N), as many as `lost` (B, N) asks."""

    def predict(self, references: Tensor, damaged: Tensor, lost: Tensor) -> Tensor:
        """Predict the patches of the damaged frame, (B, N, P*P*3)."""
        grid = grid_of(damaged, self.profile.patch)
        predicted = self._predict(self._cut(references, damaged), self._lose(lost), grid)
        of_damaged = predicted[:, -lost.shape[1] :]  # (B, N, 2 * P*P*3)
        return of_damaged.unflatten(-1, (TUBELET, -1)).mean(-2)

    def training_loss(
        self, references: Tensor, target: Tensor, lost: Tensor, grid: Grid
    ) -> dict[str, Tensor]:
        """Lose patches of the target or, for `clip_share` of the samples, tubelets of the clip."""
        tubelets = self._cut(references, target)
        everywhere = torch.rand(len(lost), device=lost.device) < self.profile.clip_share
        # With the whole clip lost there is nothing to learn from.
        everywhere &= ~lost.all(1)
        clip_lost = torch.where(
            everywhere[:, None], self.mask_clip(lost).flatten(1), self._lose(lost)
        )
        frames = tubelets.unflatten(-1, (TUBELET, -1))
        return {
            'loss': reconstruction_loss(
                self._predict(tubelets, clip_lost, grid),
                self.as_target(frames).flatten(-2),
                clip_lost,
            )
        }

    def features(self, frames: Tensor) -> Tensor:
        """Describe the patches of whole frames, (B, N, D), each a tubelet without motion."""
        grid = grid_of(frames, self.profile.patch)
        place = _one_cls(self.places(grid, False, frames.device)[-1:])
        tubelets = patchify(frames, self.profile.patch).repeat(1, 1, TUBELET)
        return self.encoder(tubelets, place)[0][:, 1:]

    def _cut(self, references: Tensor, damaged: Tensor) -> Tensor:
        """Cut the clip into tubelets, (B, steps * N, 2 * P*P*3), step by step."""
        odd = references.shape[1] % TUBELET
        earlier = torch.cat([references[:, :odd], references], 1).flip(1)
        clip = torch.cat([earlier, damaged[:, None].expand(-1, TUBELET, -1, -1, -1)], 1)
        patches = patchify(clip.flatten(0, 1), self.profile.patch)  # (B * T, N, P*P*3)
        steps = patches.unflatten(0, (-1, self.profile.steps, TUBELET))  # (B, steps, 2, N, P*P*3)
        return steps.transpose(2, 3).flatten(3).flatten(1, 2)

    def _lose(self, lost: Tensor) -> Tensor:
        """Mark the damaged frame's lost tubelets in the clip, bool (B, steps * N)."""
        return F.pad(lost, ((self.profile.steps - 1) * lost.shape[1], 0))

    def _predict(self, tubelets: Tensor, lost: Tensor, grid: Grid) -> Tensor:
        place, decoder_place = (
            _one_cls(self.places(grid, decoder, tubelets.device)) for decoder in (False, True)
        )
        tokens, _ = self.encoder(tubelets, place, lost)
        return self.decoder(tokens, decoder_place, lost)


def _one_cls(places: Tensor) -> Tensor:
    """Concatenate the steps (steps, 1 + N, D) behind one cls token: (1 + steps * N, D)."""
    return torch.cat([torch.zeros_like(places[0, :1]), places[:, 1:].flatten(0, 1)])
