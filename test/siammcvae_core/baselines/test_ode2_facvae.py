# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Imputation by Ode2-FacVAE: one call for three tasks, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

pytest.importorskip('torchdiffeq', reason='torchdiffeq is not installed')

from siammcvae_core.baselines.ode2_facvae import Ode2FacVAE
from siammcvae_core.baselines.ode2_profile import Ode2Profile, PROFILES
from siammcvae_core.errors import InputError
from siammcvae_core.model.profiles import choose

SMALL = Ode2Profile('x', factors=2, codes=2, width=4, depth=2, hidden=8, patch=8, size=(16, 24))
PATCHES = 6
Clip = tuple[Tensor, Tensor, Tensor, Tensor]


@pytest.fixture
def network() -> Ode2FacVAE:
    torch.manual_seed(0)
    return Ode2FacVAE(SMALL).eval()


@pytest.fixture
def clip() -> Clip:
    """Two clips of four frames at irregular times, and three queries each."""
    generator = torch.Generator().manual_seed(1)
    times = torch.tensor([[0.0, 0.1, 0.25, 0.4], [7.0, 7.2, 7.3, 7.7]], dtype=torch.float64)
    frames = torch.randn(2, 4, 3, 16, 24, generator=generator)
    seen = torch.rand(2, 4, PATCHES, generator=generator) < 0.7
    query = torch.tensor([[0.1, 0.3, 0.6], [7.2, 7.1, 8.0]], dtype=torch.float64)
    return times, frames, seen, query


@torch.no_grad()
def test_one_call_imputes_interpolates_and_extrapolates(network: Ode2FacVAE, clip: Clip) -> None:
    times, frames, seen, query = clip
    imputed = network.impute(times, frames, seen, query)
    assert imputed.frames.shape == (2, 3, 3, 16, 24)
    assert imputed.state.shape == (2, 3, 2, 4)
    assert imputed.error is not None
    assert imputed.error.shape == (2, 3, 16, 24)
    assert (imputed.error >= network.noise).all()
    cells = seen[:, 1].reshape(2, 1, 2, 3).repeat_interleave(8, 2).repeat_interleave(8, 3)
    cells = cells.expand(-1, 3, -1, -1)
    assert torch.equal(imputed.frames[:, 0][cells], frames[:, 1][cells])
    assert not torch.equal(imputed.frames[:, 0][~cells], frames[:, 1][~cells])
    assert network.impute(times, frames, seen, query, samples=0).error is None


@torch.no_grad()
def test_the_order_of_the_input_has_no_influence(network: Ode2FacVAE, clip: Clip) -> None:
    times, frames, seen, query = clip
    one = network.impute(times, frames, seen, query)
    order = [2, 0, 3, 1]
    two = network.impute(times[:, order], frames[:, order], seen[:, order], query)
    assert one.error is not None
    assert two.error is not None
    assert torch.equal(one.frames, two.frames)
    assert torch.equal(one.error, two.error)
    assert torch.equal(one.state, two.state)
    turned = network.impute(times, frames, seen, query.flip(1))
    torch.testing.assert_close(turned.frames.flip(1), one.frames)


@torch.no_grad()
def test_what_is_lost_has_no_influence(network: Ode2FacVAE, clip: Clip) -> None:
    times, frames, seen, query = clip
    pixels = seen.reshape(2, 4, 1, 2, 3).repeat_interleave(8, 3).repeat_interleave(8, 4)
    other = torch.where(pixels, frames, torch.full_like(frames, 9.0))
    one, two = (network.impute(times, f, seen, query) for f in (frames, other))
    assert torch.equal(one.frames, two.frames)


@torch.no_grad()
def test_times_count_from_any_zero(network: Ode2FacVAE, clip: Clip) -> None:
    times, frames, seen, query = clip
    one = network.impute(times, frames, seen, query)
    two = network.impute(times + 1.7e9, frames, seen, query + 1.7e9)  # seconds since 1970
    torch.testing.assert_close(one.frames, two.frames, atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_a_frame_of_which_nothing_is_seen_counts_as_absent(network: Ode2FacVAE, clip: Clip) -> None:
    times, frames, seen, query = clip
    seen = torch.ones_like(seen)
    seen[:, 3] = False
    one = network.impute(times, frames, seen, query)
    two = network.impute(times[:, :3], frames[:, :3], seen[:, :3], query)
    torch.testing.assert_close(one.frames, two.frames)


@pytest.mark.parametrize('dynamics', ['second', 'first', 'linear'])
@pytest.mark.parametrize('context', [False, True])
@torch.no_grad()
def test_one_frame_is_enough(clip: Clip, dynamics: str, context: bool) -> None:
    profile = choose({'x': SMALL}, 'x', {'dynamics': dynamics, 'context': context})
    times, frames, seen, query = (t[:, :1] for t in clip)
    imputed = Ode2FacVAE(profile).eval().impute(times, frames, torch.ones_like(seen), query)
    assert imputed.frames.isfinite().all()


def bad(**changes: Any) -> Callable[[Clip], list[Tensor]]:
    def change(clip: Clip) -> list[Tensor]:
        named = dict(zip(('times', 'frames', 'seen', 'query'), clip, strict=True))
        for name, how in changes.items():
            named[name] = how(named[name].clone())
        return list(named.values())

    return change


def put(value: object, *place: Any) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        tensor[place] = value
        return tensor

    return change


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (bad(times=put(7.2, 1, 3)), r'frames 1 and 3 of clip 1 have one time, 7\.2 s'),
        (bad(times=put(float('nan'), 1, 2)), 'times of clip 1 must be finite, number 2 is not'),
        (bad(query=put(float('inf'), 0, 1)), 'query of clip 0 must be finite, number 1 is not'),
        (bad(query=put(30.0, 1, 2)), r'query 2 of clip 1 is 22\.3 s .* expected at most 3 s'),
        (bad(seen=put(False, 1)), 'nothing of clip 1 is seen in any frame'),
        (bad(frames=put(float('nan'), 1, 0, 0, 0, 0)), 'frames must be finite'),
        (bad(frames=lambda f: f[..., :8]), r'frames must be \(2, 4, 3, 16, 24\), got .* 16, 8\)'),
        (bad(seen=lambda s: s[..., :2]), r'seen must be bool \(2, 4, 6\), got .*\(2, 4, 2\)'),
        (bad(seen=lambda s: s.float()), r'seen must be bool .* got torch\.float32'),
        (bad(query=lambda q: q[0]), r'times and query must be \(B, T\) and \(B, Q\)'),
        (bad(query=lambda q: q[:, :0]), r'times and query must be \(B, T\) and \(B, Q\)'),
    ],
)
def test_bad_input_is_named(
    network: Ode2FacVAE, clip: Clip, change: Callable[[Clip], list[Tensor]], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        network.impute(*change(clip))


@pytest.mark.parametrize('value', [1e4, float('nan')])
@torch.no_grad()
def test_a_diverged_frame_is_never_returned(network: Ode2FacVAE, clip: Clip, value: float) -> None:
    network.dynamics.last.fill_(value)
    network.dynamics.bias.fill_(1.0)
    with pytest.raises(InputError, match=r'the latent state of clip \d diverges .* s from'):
        network.impute(*clip)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'gamma_3': 1.5}, 'the prior must be positive definite'),
        ({'dynamics': 'third'}, 'dynamics must be second or first or linear'),
        ({'prior': 'flat'}, 'prior must be energy or seed'),
        ({'independence': 'none'}, 'independence must be tc or dip'),
        ({'size': (60, 112)}, 'size must be two multiples'),
        ({'time_unit': 0.0}, 'time_unit must be positive'),
        ({'factors': 0}, 'factors must be a positive integer'),
        ({'total_correlation': -1.0}, 'total_correlation must not be negative'),
    ],
)
def test_profiles_that_describe_no_model_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        choose(PROFILES, 'tiny', changes)
