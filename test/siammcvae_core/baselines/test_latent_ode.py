# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trajectories against closed forms: springs, constant acceleration, transported densities."""

import math

import pytest
import torch

pytest.importorskip('torchdiffeq', reason='torchdiffeq is not installed')

from siammcvae_core.baselines.latent_ode import Dynamics, trace_of
from siammcvae_core.errors import InputError

TIMES = torch.tensor([[-3.1, -1.0, -0.95, 0.0, 0.4, 2.7], [-0.2, 0.1, 0.3, 1.0, 5.0, 5.5]]).double()


def spring(stiff: float, damped: float = 0.0, context: bool = False) -> Dynamics:
    """Build dv/dt = -stiff s - damped v, without the network."""
    dynamics = Dynamics(2, 3, 4, 'second', context, False).double()
    with torch.no_grad():
        for parameter, value in ((dynamics.spring, stiff), (dynamics.friction, damped)):
            parameter.fill_(math.log(math.expm1(value)) if value else -100.0)
    return dynamics


def with_network(**changes: object) -> Dynamics:
    torch.manual_seed(0)
    options = {'kind': 'second', 'context': True, 'bayesian': False, **changes}
    dynamics = Dynamics(2, 3, 4, **options).double()
    with torch.no_grad():
        dynamics.last.normal_()
        dynamics.spring.fill_(-1.0)
    return dynamics


def start(parts: int = 2) -> torch.Tensor:
    return torch.randn(2, 2, 3, parts, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize('adaptive', [False, True])
def test_a_spring_swings_as_a_cosine(adaptive: bool) -> None:
    omega, state = 0.1, start()
    with torch.no_grad():
        path = spring(omega**2).trajectory(state, TIMES, adaptive=adaptive)
    swing = omega * TIMES[..., None, None]
    s, v = state[:, None, ..., 0], state[:, None, ..., 1]
    within = 2e-3 if adaptive else 1e-5
    expected = s * swing.cos() + v / omega * swing.sin()
    torch.testing.assert_close(path.s, expected, atol=within, rtol=0)
    expected = v * swing.cos() - s * omega * swing.sin()
    torch.testing.assert_close(path.v, expected, atol=within, rtol=0)


def test_constant_acceleration_is_exact_and_free() -> None:
    state = start(3)
    with torch.no_grad():
        path = spring(0.0, context=True).trajectory(state, TIMES)
    s, v, c = (state[:, None, ..., i] for i in range(3))
    t = TIMES[..., None, None]
    torch.testing.assert_close(path.s, s + v * t + c * t**2 / 2)
    torch.testing.assert_close(path.energy, torch.zeros(2).double(), atol=1e-12, rtol=0)


def test_the_energy_is_that_of_what_accelerates() -> None:
    damped, state = 0.4, start()
    with torch.no_grad():
        path = spring(0.0, damped).trajectory(state, TIMES[:1].expand(2, -1))
    # v = v0 exp(-d t), a = -d v: ∫ a² dt over all times.
    first, last = TIMES[0, 0], TIMES[0, -1]
    integral = damped / 2 * ((-2 * damped * first).exp() - (-2 * damped * last).exp())
    expected = state[..., 1].square().sum((1, 2)) * integral
    torch.testing.assert_close(path.energy, expected, rtol=1e-3, atol=0)


def test_the_trace_is_that_of_the_whole_jacobian() -> None:
    dynamics, state = with_network(), start(3)
    s, c = state[..., 0], state[..., 2]

    def f(v: torch.Tensor) -> torch.Tensor:
        return dynamics.derivative(s[:1], v.reshape(1, 2, 3), c[:1], dynamics.draw(1)).reshape(-1)

    v = state[:1, ..., 1].reshape(-1)
    jacobian = torch.autograd.functional.jacobian(f, v)
    assert jacobian[:3, 3:].abs().max() == 0  # factors do not mix
    v_ = v.reshape(1, 2, 3).clone().requires_grad_()
    change = dynamics.derivative(s[:1], v_, c[:1], dynamics.draw(1))
    blocks = torch.stack([jacobian[:3, :3].trace(), jacobian[3:, 3:].trace()])
    torch.testing.assert_close(trace_of(change, v_)[0], blocks)


def test_the_density_of_a_linear_system_is_transported_in_closed_form() -> None:
    damped = 0.3
    path = spring(0.2, damped).trajectory(start(), TIMES, density=True)
    expected = damped * 2 * 3 * TIMES  # log det of exp(A t) is tr(A) t = -d L q t
    torch.testing.assert_close(path.log_density, expected, rtol=1e-6, atol=1e-9)


def test_there_and_back_is_where_it_began() -> None:
    dynamics, state = with_network(), start(3)
    with torch.no_grad():
        there = dynamics.trajectory(state, torch.full((2, 1), 2.0).double())
        middle = torch.stack([there.s[:, 0], there.v[:, 0], state[..., 2]], -1)
        back = dynamics.trajectory(middle, torch.full((2, 1), -2.0).double())
    torch.testing.assert_close(back.s[:, 0], state[..., 0], atol=0.02, rtol=0)
    assert (there.s[:, 0] - state[..., 0]).abs().max() > 1


def test_paths_of_first_order_never_cross() -> None:
    torch.manual_seed(0)
    dynamics = Dynamics(1, 1, 8, 'first', False, False).double()
    with torch.no_grad():
        dynamics.last.normal_()
        starts = torch.linspace(-2, 2, 9).double().reshape(9, 1, 1, 1)
        path = dynamics.trajectory(starts, torch.linspace(0.5, 4, 8).double().expand(9, -1))
    assert (path.s[..., 0, 0].diff(dim=0) > 0).all()
    assert path.v.abs().max() == 0


def test_the_adjoint_has_the_gradient_of_backpropagation() -> None:
    gradients = []
    for adjoint in (False, True):
        dynamics = with_network()
        path = dynamics.trajectory(start(3), TIMES, adjoint=adjoint)
        path.s.square().sum().backward()
        gradients.append(dynamics.first.grad)
    torch.testing.assert_close(gradients[1], gradients[0], rtol=0.05, atol=0.05)


def test_random_weights_differ_by_trajectory_and_have_a_kl() -> None:
    dynamics, same = with_network(bayesian=True), start(3)[:1].expand(2, -1, -1, -1)
    with torch.no_grad():
        path = dynamics.trajectory(same, TIMES[:1].expand(2, -1))
        assert not torch.equal(path.s[0], path.s[1])
        assert dynamics.kl() > 0
        assert with_network().kl() == 0
        for mean, log_deviation in zip(
            (dynamics.first, dynamics.bias, dynamics.last), dynamics.log_deviations, strict=True
        ):
            mean.zero_(), log_deviation.zero_()
        assert dynamics.kl() == 0


def test_an_ode_that_explodes_is_refused() -> None:
    class Exploding(Dynamics):
        def derivative(self, s, v, c, weights):  # type: ignore[no-untyped-def]
            return s**3 * 1e3

    dynamics = Exploding(2, 3, 4, 'second', False, False).double()
    with torch.no_grad(), pytest.raises(InputError, match='the latent state diverges'):
        dynamics.trajectory(start() + 1, TIMES, adaptive=True)
