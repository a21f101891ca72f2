# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Dynamics of independent factors: a second-order ODE for each, and its trajectories.

    ds/dt = v,    dc/dt = 0,    dv/dt = f^l(s, v, c) = c - k s - d v + 0.1 W₂ tanh(W₁ (s, v, c) + b)

with k, d ≥ 0 per number. It begins as constant acceleration c, and can learn springs and friction;
what the network adds is bounded. A factor sees its own state alone, so the Jacobian is
block-diagonal and log q moves by the trace of every block (instantaneous change of variables):

    d log q / dt = -Σ_l tr ∂f^l / ∂v^l

Order 1 is ds/dt = W₂ tanh(W₁ s + b), which has neither v nor c; linear has f = 0.
"""

from typing import NamedTuple

import torch
from torch import nn, Tensor

from siammcvae_core.errors import InputError

BOUND = 0.1  # of what the network adds to the acceleration
START = -5.0  # softplus of it is how stiff the springs are at first: hardly
RTOL, ATOL, MOST_STEPS = 1e-3, 1e-4, 1000  # of the adaptive solver
Weights = tuple[Tensor, Tensor, Tensor]
"""The network of all factors: (..., L, i, h), (..., L, 1, h), (..., L, h, q)."""


class Trajectory(NamedTuple):
    """States at K times: `s` and `v` (B, K, L, q), v zero for order 1.

    `energy` (B,) is ∫ |f - c|² dt over all of them; `log_density` (B, K) is the change of log q
    since the start, zero unless asked for.
    """

    s: Tensor
    v: Tensor
    energy: Tensor
    log_density: Tensor


class Dynamics(nn.Module):
    """The right-hand side for L factors of q numbers; `kind` is second, first or linear.

    With `bayesian` the weights of the network are Gaussian, one draw per trajectory.
    """

    def __init__(
        self, factors: int, width: int, hidden: int, kind: str, context: bool, bayesian: bool
    ) -> None:
        super().__init__()
        self.kind, self.context = kind, context
        inputs = width * (1 if kind == 'first' else 3 if context else 2)
        self.first = nn.Parameter(torch.randn(factors, inputs, hidden) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(factors, 1, hidden))
        self.last = nn.Parameter(torch.zeros(factors, hidden, width))
        self.spring = nn.Parameter(torch.full((factors, width), START))
        self.friction = nn.Parameter(torch.full((factors, width), START))
        means = (self.first, self.bias, self.last)
        self.log_deviations = nn.ParameterList(
            [nn.Parameter(torch.full_like(m, -5.0)) for m in means] if bayesian else []
        )

    def draw(self, batch: int) -> Weights:
        """Return the weights of the network, drawn for each trajectory where they are random."""
        means = (self.first, self.bias, self.last)
        if not self.log_deviations:
            return means
        draws = [
            m + d.exp() * torch.randn(batch, *m.shape, device=m.device)
            for m, d in zip(means, self.log_deviations, strict=True)
        ]
        return draws[0], draws[1], draws[2]

    def kl(self) -> Tensor:
        """KL of random weights from N(0, 1), in nats; 0 for weights that are not random."""
        total = self.spring.new_zeros(())
        for m, d in zip((self.first, self.bias, self.last), self.log_deviations, strict=False):
            total = total + 0.5 * (m.square() + (2 * d).exp() - 2 * d - 1).sum()
        return total

    def derivative(self, s: Tensor, v: Tensor, c: Tensor, weights: Weights) -> Tensor:
        """dv/dt (B, L, q) of a state, for order 1 ds/dt."""
        if self.kind == 'linear':
            return torch.zeros_like(s)
        inputs = [s] if self.kind == 'first' else [s, v, c] if self.context else [s, v]
        hidden = torch.tanh(torch.cat(inputs, -1)[..., None, :] @ weights[0] + weights[1])
        added = (hidden @ weights[2])[..., 0, :]  # (B, L, q)
        if self.kind == 'first':
            return added
        stiff, damped = (nn.functional.softplus(p) for p in (self.spring, self.friction))
        return c - stiff * s - damped * v + BOUND * added

    def trajectory(
        self,
        start: Tensor,
        times: Tensor,
        density: bool = False,
        adaptive: bool = False,
        adjoint: bool = False,
    ) -> Trajectory:
        """Follow states `start` (B, L, q, D) from time 0 to `times` (B, K), ascending, any sign.

        Steps are Runge-Kutta's of order 4, one per unit of time or gap, whichever is shorter; or,
        `adaptive`, those of Dormand and Prince. `adjoint` saves memory in training. Raises
        `InputError` where the adaptive solver cannot go on.
        """
        batch = len(times)
        s = start[..., 0]
        v = start[..., 1] if start.shape[-1] > 1 else torch.zeros_like(s)
        c = start[..., 2] if start.shape[-1] > 2 else torch.zeros_like(s)
        weights = self.draw(batch)
        if weights[0].ndim == 4:
            weights = tuple(torch.cat([w, w]) for w in weights)  # type: ignore[assignment]
        # Both ways side by side: to the times after 0, and backwards to those before.
        stops = torch.cat([times.clamp(min=0), times.clamp(max=0).flip(1)])
        gaps = torch.diff(stops, dim=1, prepend=torch.zeros_like(stops[:, :1]))  # (2 B, K)
        # Positions, velocities, energy and log density of every factor in one tensor, for speed.
        state = torch.cat([s, v, s.new_zeros(*s.shape[:2], 2)], -1)  # (B, L, 2 q + 2)
        state = torch.cat([state, state])
        states = []
        for gap in gaps.unbind(1):
            if bool((gap != 0).any()):
                field = _Field(self, torch.cat([c, c]), weights, gap, density)
                state = _solve(field, state, gap, adaptive, adjoint)
            states.append(state)
        every = torch.stack(states, 1)  # (2 B, K, L, 2 q + 2)
        ahead, back = every[:batch], every[batch:].flip(1)
        now = torch.where((times >= 0)[..., None, None], ahead, back)
        width = s.shape[-1]
        energy = ahead[:, -1, :, -2] + back[:, 0, :, -2]
        return Trajectory(
            now[..., :width], now[..., width : 2 * width], energy.sum(1), now[..., -1].sum(2)
        )


class _Field(nn.Module):
    """The right-hand side over one gap (B,) of each trajectory, as time goes from 0 to 1."""

    def __init__(
        self, dynamics: Dynamics, c: Tensor, weights: Weights, gap: Tensor, density: bool
    ) -> None:
        super().__init__()
        self.dynamics, self.density = dynamics, density
        self.c, self.weights, self.gap = c, weights, gap

        self.scale = gap[:, None, None]
        self.width = c.shape[-1]

    def forward(self, time: Tensor, state: Tensor) -> Tensor:
        s, v = state[..., : self.width], state[..., self.width : 2 * self.width]
        with torch.set_grad_enabled(self.density or torch.is_grad_enabled()):
            if self.density and not v.requires_grad:
                v = v.detach().requires_grad_()
            change = self.dynamics.derivative(s, v, self.c, self.weights)
            if self.density:
                trace = -trace_of(change, v)[..., None] * self.scale
            else:
                trace = torch.zeros_like(change[..., :1])
        energy = (change - self.c).square().sum(-1, keepdim=True) * self.scale.abs()
        if self.dynamics.kind == 'first':
            moved, changed = change, torch.zeros_like(v)
        else:
            moved, changed = v, change
        return torch.cat([moved * self.scale, changed * self.scale, energy, trace], -1)


def trace_of(change: Tensor, v: Tensor) -> Tensor:
    """Tr ∂f^l/∂v^l (B, L), exact in q backward passes, since factors do not mix."""
    total = v.new_zeros(v.shape[:2])
    if not change.requires_grad:
        return total
    for number in range(v.shape[-1]):
        (row,) = torch.autograd.grad(
            change[..., number].sum(), v, create_graph=True, allow_unused=True
        )
        if row is not None:
            total = total + row[..., number]
    return total


def _solve(field: _Field, state: Tensor, gap: Tensor, adaptive: bool, adjoint: bool) -> Tensor:
    """Integrate over a gap with torchdiffeq."""
    try:
        from torchdiffeq import odeint, odeint_adjoint
    except ModuleNotFoundError as error:
        raise InputError('ode2_facvae needs torchdiffeq: pip install torchdiffeq') from error
    ends = gap.new_tensor([0.0, 1.0])
    solve = odeint_adjoint if adjoint else odeint
    try:
        if adaptive:
            options = {'max_num_steps': MOST_STEPS}
            path = solve(field, state, ends, rtol=RTOL, atol=ATOL, method='dopri5', options=options)
        else:
            steps = max(1, int(torch.ceil(gap.detach().abs().max() - 1e-4)))
            path = solve(field, state, ends, method='rk4', options={'step_size': 1 / steps})
    except AssertionError as error:  # of step sizes that vanish, or states that are not finite
        raise InputError(
            f'the latent state diverges: the ODE cannot be solved ({error})'
        ) from error
    return path[-1]
