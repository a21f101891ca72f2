# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ode2-FacVAE as the training loop sees it.

    loss = ½ log MSE + [ Σ_l KL(q(z_*^l) | p) + transition prior + β TC ] / (d T)

the negative bound of `baselines.ode2_facvae` per number of the window (T frames of d numbers). The
likelihood is Gaussian with one deviation, whose best value is the error itself: hence the
logarithm, and no weight between pixels and KL.

Every sample asks for one of the three tasks: extrapolate (its first frames are observed),
interpolate (its first and last), impute (all, with patches lost in some). All frames are to be
reconstructed, whether observed or not.
"""

from collections.abc import Mapping
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from siammcvae_core.baselines.factorised import (
    covariance_between,
    kl,
    log_density,
    seed_covariance,
    total_correlation,
    transition_penalty,
    white_noise_covariance,
)
from siammcvae_core.baselines.latent_ode import Trajectory
from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE, StatePosterior
from siammcvae_core.baselines.ode2_profile import Ode2Profile, PROFILES
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import load_model, save_checkpoint
from siammcvae_core.model.patches import merge, patchify, unpatchify
from siammcvae_core.model.pixels import denormalise, normalise
from siammcvae_core.model.profiles import choose
from siammcvae_core.train.system import Batch, BatchEvaluation, TrainingSystem

MOMENTUM = 0.02  # of the running deviations of positions and pixels


class Ode2System(TrainingSystem):
    """The network learns from windows of eight frames, at irregular times if `data.rollouts` is 1.

    Such a window has three adjacent frames and four on the way to its target.
    """

    references = 3
    rollout = 4

    def __init__(self, network: Ode2FacVAE) -> None:
        super().__init__()
        self.network = network
        self.size = network.profile.size
        self.patch = network.profile.patch

    def forward(self, batch: Batch, annealing: float) -> dict[str, Tensor]:
        """Compute the bound of a task drawn for each sample."""
        times, frames = _window(batch)
        seen = draw_tasks(batch.lost, times.shape[1])
        return self.bound(times, frames, seen, annealing)[0]

    def bound(
        self, times: Tensor, frames: Tensor, seen: Tensor, annealing: float, drawn: bool = True
    ) -> tuple[dict[str, Tensor], StatePosterior]:
        """Compute the terms of the loss for clips as of `Ode2FacVAE.impute`; and the posterior.

        With `drawn` the state is drawn from its posterior, else it is its mean.
        """
        network, profile = self.network, self.network.profile
        state = network.infer(times, frames, seen)
        start = state.sample() if drawn else state.mean
        stationary = profile.prior == 'stationary'
        moves = network.follow(start, times - state.origin, density=stationary)
        error = (network.decode(moves.s) - frames).square().mean()
        if self.training:
            self._remember(moves.s, error)
        prior = kl(state.mean, state.covariance, times.new_tensor(profile.deviations)).sum(1)
        terms = {
            'kl': self._stationary(state, start, moves) if stationary else prior,
            'transition': self._transition(times, moves),
            'weights': network.dynamics.kl() / profile.clips,
        }
        if profile.independence == 'tc':
            terms['tc'] = total_correlation(start, state.mean, state.covariance)
        else:
            terms['tc'] = covariance_between(state.mean)
        factors = {'tc': profile.total_correlation}
        terms = {name: value.mean() for name, value in terms.items()}
        numbers = frames[0].numel()
        priors = sum(factors.get(name, 1.0) * value for name, value in terms.items()) / numbers
        reconstruction = 0.5 * error.clamp(min=1e-8).log()
        scalars = {'loss': reconstruction + annealing * priors, 'reconstruction': reconstruction}
        return scalars | terms, state

    @torch.no_grad()
    def evaluate(self, batch: Batch) -> BatchEvaluation:
        """Restore the target by the mean of the state."""
        times, frames = _window(batch)
        seen = torch.ones(*times.shape, batch.lost.shape[1], dtype=torch.bool, device=times.device)
        seen[:, -1] = ~batch.lost
        scalars, state = self.bound(times, frames, seen, 1.0, drawn=False)
        moves = self.network.follow(state.mean, times[:, -1:] - state.origin)
        decoded = denormalise(self.network.decode(moves.s)[:, 0])
        pixels = merge(
            patchify(batch.target, self.patch), patchify(decoded, self.patch), batch.lost
        )
        grid = self.size[0] // self.patch, self.size[1] // self.patch
        variances = state.covariance.diagonal(dim1=-2, dim2=-1)
        return BatchEvaluation(
            scalars, unpatchify(pixels, grid), state.mean.flatten(1)[:, None],
            variances.log().flatten(1)[:, None],
        )  # fmt: skip

    def save(self, path: Path) -> None:
        """Write the network with its profile."""
        save_checkpoint(path, self.network)

    def load(self, path: Path) -> None:
        """Load the tensors of a weights file."""
        loaded = load_model(path, Ode2FacVAE, Ode2Profile)
        if loaded.profile != self.network.profile:
            expected = self.network.profile
            raise WeightsError(f'{path}: is of {loaded.profile}, expected {expected}')
        self.network.load_state_dict(loaded.state_dict())

    @torch.no_grad()
    def _remember(self, positions: Tensor, error: Tensor) -> None:
        """Keep running deviations of positions and pixels, for what is refused and expected."""
        network = self.network
        network.spread.lerp_(positions.square().mean((0, 1)).sqrt(), MOMENTUM)
        network.noise.lerp_(error.sqrt(), MOMENTUM)

    def _transition(self, times: Tensor, moves: Trajectory) -> Tensor:
        """Penalise how the state moves, by the prior of the profile, in nats (B,)."""
        profile = self.network.profile
        if profile.prior == 'stationary' or profile.dynamics != 'second':
            return torch.zeros_like(moves.energy)
        if profile.prior == 'energy':
            return moves.energy / (2 * profile.density)
        units = (times / profile.time_unit).float()
        order = units.argsort(1)
        rows = torch.arange(len(order), device=order.device)[:, None]
        gaps = units.gather(1, order).diff(dim=1)
        if profile.prior == 'seed':
            covariance = seed_covariance(profile.gammas, gaps)
        else:
            covariance = white_noise_covariance(profile.density, gaps)
        return transition_penalty(moves.s[rows, order], moves.v[rows, order], gaps, covariance)

    def _stationary(self, state: StatePosterior, start: Tensor, moves: Trajectory) -> Tensor:
        """Σ_i log q_i(z_i) - log p(z_i), every frame by itself N(0, P), in nats (B,).

        log q_i is log q_* of the drawn state and what the flow has changed of it.
        """
        own = torch.diagonal(
            log_density(start, state.mean, state.covariance).sum(-1), dim1=0, dim2=1
        )
        density = own[:, None] + moves.log_density  # (B, T)
        parts = [moves.s, moves.v]
        if start.shape[-1] > 2:
            parts.append(start[:, None, ..., 2].expand_as(moves.s))
        deviations = self.network.profile.deviations
        for part, deviation in zip(parts, deviations, strict=False):
            constant = math.log(deviation) + 0.5 * math.log(2 * math.pi)
            density = density + (0.5 * (part / deviation).square() + constant).sum((2, 3))
        return density.sum(1)


def draw_tasks(lost: Tensor, count: int) -> Tensor:
    """Draw what is seen of windows of `count` frames, in order of time: bool (B, count, N).

    One of the three tasks each; `lost` (B, N) are the patches that every other frame loses where
    all are to be imputed. Something is seen of every window.
    """
    device = lost.device
    task = torch.randint(3, (len(lost), 1), device=device)
    place = torch.arange(count, device=device)
    first = torch.randint(3, 6, (len(lost), 1), device=device).clamp(max=count - 1)
    sides = torch.randint(1, 4, (len(lost), 1), device=device).clamp(max=(count - 1) // 2)
    ahead = place < first
    between = (place < sides) | (place >= count - sides)
    whole = torch.where(task == 0, ahead, between | (task == 2))  # (B, count)
    hit = torch.rand(len(lost), count, device=device) < 0.5
    hit &= place != torch.randint(count, (len(lost), 1), device=device)
    return whole[..., None] & ~((task == 2) & hit)[..., None] | (
        ((task == 2) & hit)[..., None] & ~lost[:, None]
    )


def build(profile: str, changes: Mapping[str, Any]) -> Ode2System:
    """Build a new network of a named profile; see `TrainingSystem`."""
    return Ode2System(Ode2FacVAE(choose(PROFILES, profile, changes)))


def _window(batch: Batch) -> tuple[Tensor, Tensor]:
    """Order a sample by time, its target last: times (B, T) s, frames (B, T, 3, H, W)."""
    order = batch.seconds.argsort(1, descending=True)
    rows = torch.arange(len(order), device=order.device)[:, None]
    times = torch.cat([-batch.seconds[rows, order], torch.zeros_like(batch.seconds[:, :1])], 1)
    frames = torch.cat([batch.references[rows, order], batch.target[:, None]], 1)
    return times, normalise(frames)
