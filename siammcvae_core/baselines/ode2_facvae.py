# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ode2-FacVAE: frames at any time from frames at others, by factors that move as second-order ODEs.

The second system this package was asked for ("Learning an Optimal Policy for Video Imputation",
2021), after ODE2VAE (Yildiz et al. 2019) and Latent ODE (Rubanova et al. 2019). The latent has L
independent factors z^l = (s^l, v^l, c^l): position, velocity, and a context that is constant over
a clip. A decoder reads the positions of all. The state at the time t* of the newest observed frame
is inferred in closed form (`smoother`) from the codes of all observed frames and moves by the ODE
of `latent_ode`. Since prior and posterior share the dynamics, the bound is

    log p(x_0:N) ≥ E_q Σ_i log p(x_i | s(t_i)) - Σ_l KL(q(z_*^l | x_observed) | p(z_*^l))

Training is in `train.ode2_facvae`.
"""

from typing import NamedTuple

import torch
from torch import nn, Tensor

from siammcvae_core.baselines.convolutions import ConvolutionalDecoder, ConvolutionalEncoder
from siammcvae_core.baselines.latent_ode import Dynamics, Trajectory
from siammcvae_core.baselines.ode2_profile import Ode2Profile
from siammcvae_core.baselines.sequence import check_clip, nearest, pixels_seen, restore_seen
from siammcvae_core.baselines.smoother import posterior
from siammcvae_core.errors import InputError

SAMPLES = 8  # of the state, for the expected error
DIVERGED = 6.0  # deviations of the positions in training


class Imputed(NamedTuple):
    """What was asked for, at Q times.

    `frames` (B, Q, 3, H, W) in the scale of `model.pixels`; `error` (B, Q, H, W) their expected
    deviation in the same scale, None without samples; `state` (B, Q, L, 2 q), positions and then
    velocities of the factors.
    """

    frames: Tensor
    error: Tensor | None
    state: Tensor


class StatePosterior(NamedTuple):
    """Gaussian of the state at a time of reference, for each number of each factor.

    `mean` (B, L, q, D) and `covariance` (B, L, q, D, D); `origin` (B, 1) the time, in seconds.
    """

    mean: Tensor
    covariance: Tensor
    origin: Tensor

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw a state per clip, (B, L, q, D)."""
        device = self.mean.device
        noise = torch.randn(self.mean.shape, generator=generator, device=device)
        root = torch.linalg.cholesky(self.covariance)
        return self.mean + (root @ noise[..., None])[..., 0]


class Ode2FacVAE(nn.Module):
    """The model of a profile; frames have its size."""

    spread: Tensor
    noise: Tensor

    def __init__(self, profile: Ode2Profile, kernel: str = 'adaptive') -> None:
        super().__init__()
        self.profile = profile
        total = profile.factors * profile.codes
        self.encoder = ConvolutionalEncoder(profile.size, profile.width, profile.depth, total)
        self.decoder = ConvolutionalDecoder(profile.size, profile.width, profile.depth, total)
        self.dynamics = Dynamics(
            profile.factors, profile.codes, profile.hidden, profile.dynamics,
            len(profile.deviations) > 2, profile.bayesian,
        )  # fmt: skip
        self.log_process_noise = nn.Parameter(torch.full((total,), -3.0))
        # Deviations of positions and pixels in training.
        self.register_buffer('spread', torch.ones(profile.factors, profile.codes))
        self.register_buffer('noise', torch.ones(()))

    def impute(
        self,
        times: Tensor,
        frames: Tensor,
        seen: Tensor,
        query: Tensor,
        samples: int = SAMPLES,
        adaptive: bool = False,
    ) -> Imputed:
        """Predict the frames at the times `query` (B, Q) of clips; all times in seconds.

        A clip has frames (B, T, 3, H, W), in the scale of `model.pixels`, at `times` (B, T), any
        order; `seen` bool (B, T, N) marks their intact patches. At an observed time the patches
        seen there come back to the bit; other queries interpolate and extrapolate. `samples` of
        the state make the expected error, none with 0. `adaptive` solves with error control.

        Raises `InputError` for shapes that do not fit, times that are equal or not finite, clips
        of which nothing was observed, a query beyond the horizon, and where the state diverges.
        """
        check_clip(self.profile, times, frames, seen, query)
        order = times.argsort(1)
        times, rows = times.gather(1, order), torch.arange(len(times), device=times.device)[:, None]
        frames, seen = frames[rows, order], seen[rows, order]
        state = self.infer(times, frames, seen)
        moves = self.follow(state.mean, query - state.origin, adaptive)
        self._check_state(moves.s, times, seen, query)
        decoded = self.decode(moves.s)
        error = self._error(state, query, samples, adaptive) if samples else None
        decoded = restore_seen(decoded, query, times, frames, seen, self.profile.patch)
        return Imputed(decoded, error, torch.cat([moves.s, moves.v], -1))

    def infer(self, times: Tensor, frames: Tensor, seen: Tensor) -> StatePosterior:
        """Infer the state at the time of the newest observed frame; arguments as of `impute`."""
        batch, count = times.shape
        visible = pixels_seen(seen.flatten(0, 1), self.profile).to(frames.dtype)
        codes, variances = self.encoder(frames.flatten(0, 1), visible)
        observed = seen.any(-1)
        origin = times.masked_fill(~observed, -torch.inf).amax(1, keepdim=True)
        mean, covariance = posterior(
            self._units(times - origin), codes.unflatten(0, (batch, count)),
            variances.unflatten(0, (batch, count)), observed,
            frames.new_tensor(self.profile.deviations), self.log_process_noise.exp(),
        )  # fmt: skip
        groups = self.profile.factors, self.profile.codes
        return StatePosterior(mean.unflatten(1, groups), covariance.unflatten(1, groups), origin)

    def follow(
        self, start: Tensor, seconds: Tensor, adaptive: bool = False, density: bool = False
    ) -> Trajectory:
        """Follow states (B, L, q, D) to times (B, K) after them in seconds, in any order."""
        order = seconds.argsort(1)
        back = order.argsort(1)
        ascending = self._units(seconds.gather(1, order))
        adjoint = self.profile.adjoint and self.training and not density
        moves = self.dynamics.trajectory(start, ascending, density, adaptive, adjoint)
        rows = torch.arange(len(back), device=back.device)[:, None]
        return Trajectory(
            moves.s[rows, back], moves.v[rows, back], moves.energy, moves.log_density[rows, back]
        )

    def decode(self, positions: Tensor) -> Tensor:
        """Decode positions (..., L, q) to frames (..., 3, H, W)."""
        rows = positions.flatten(-2)
        return self.decoder(rows.flatten(0, -2)).unflatten(0, rows.shape[:-1])

    def autoencode(self, frames: Tensor) -> Tensor:
        """Encode whole frames (B, 3, H, W) and decode their codes: the ceiling of any dynamics."""
        seen = torch.ones_like(frames[:, :1])
        codes = self.encoder(frames, seen)[0]
        return self.decoder(codes)

    def _units(self, seconds: Tensor) -> Tensor:
        return (seconds / self.profile.time_unit).float()

    def _error(self, state: StatePosterior, query: Tensor, samples: int, adaptive: bool) -> Tensor:
        generator = torch.Generator(query.device).manual_seed(0)
        limit = self._limit()
        total, squares = torch.zeros(()), torch.zeros(())
        for _ in range(samples):
            moves = self.follow(state.sample(generator), query - state.origin, adaptive)
            drawn = self.decode(moves.s.nan_to_num().maximum(-limit).minimum(limit))
            total, squares = total + drawn, squares + drawn.square()
        variance = (squares / samples - (total / samples).square()).clamp(min=0).mean(2)
        return (variance + self.noise.square()).sqrt()

    def _check_state(self, s: Tensor, times: Tensor, seen: Tensor, query: Tensor) -> None:
        """Raise `InputError` for states that are not finite, or further out than in training."""
        reach = (s / self._limit()).abs().amax((2, 3))  # (B, Q)
        wrong = ~(reach <= 1)
        if bool(wrong.any()):
            clip, number = (int(i) for i in wrong.nonzero()[0])
            distance = float(nearest(times, seen, query)[clip, number])
            raise InputError(
                f'the latent state of clip {clip} diverges {distance:.3g} s from its nearest '
                f'observed frame: {float(DIVERGED * reach[clip, number]):.3g} deviations of '
                f'training, expected at most {DIVERGED:g}'
            )

    def _limit(self) -> Tensor:
        """Positions beyond are diverged, (L, q); deviations of the prior are 1."""
        return DIVERGED * self.spread.clamp(min=1)
