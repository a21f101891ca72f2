# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Attention kernels compute one function; positions tell every patch of every grid apart."""

import pytest
import torch
from torch import Tensor

from siammcvae_core.errors import InputError
from siammcvae_core.model import vit

CPU_KERNELS = ('adaptive', 'standard', 'flash')


def qkv(tokens: int = 13) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = torch.randn(3, 2, 4, tokens, 8, generator=torch.Generator().manual_seed(0))
    return q, k, v


@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('kernel', CPU_KERNELS)
def test_kernels_match_attention_in_double_precision(kernel: str, masked: bool) -> None:
    q, k, v = qkv()
    keys = torch.ones(2, 13, dtype=torch.bool)
    keys[0, 9:] = not masked
    scores = torch.einsum('bhqd,bhkd->bhqk', q.double(), k.double()) / 8**0.5
    weights = scores.exp() * keys[:, None, None]
    expected = weights / weights.sum(-1, keepdim=True) @ v.double()

    actual = vit.attend(q, k, v, keys if masked else None, kernel)
    torch.testing.assert_close(actual.double(), expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize('kernel', CPU_KERNELS)
def test_kernels_agree_in_gradient(kernel: str) -> None:
    keys = torch.ones(2, 13, dtype=torch.bool)
    keys[1, 5:] = False
    inputs = [t.requires_grad_() for t in qkv()]
    expected = torch.autograd.grad(vit.attend(*inputs, keys, 'standard').square().sum(), inputs)
    actual = torch.autograd.grad(vit.attend(*inputs, keys, kernel).square().sum(), inputs)
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


def test_a_kernel_the_machine_lacks_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"'memory_efficient' does not serve torch.float32 on cpu"):
        vit.attend(*qkv(), None, 'memory_efficient')


def test_running_out_of_memory_is_not_taken_for_a_missing_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError('CUDA out of memory')

    monkeypatch.setattr(vit.F, 'scaled_dot_product_attention', fail)
    with pytest.raises(torch.OutOfMemoryError):
        vit.attend(*qkv(), None, 'flash')


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs an NVIDIA GPU')
@pytest.mark.parametrize('kernel', vit.KERNELS)
def test_kernels_agree_on_the_gpu(kernel: str) -> None:
    q, k, v = qkv()
    expected = vit.attend(q, k, v, None, 'standard')
    half = [t.cuda().half() for t in (q, k, v)]
    actual = vit.attend(*half, None, kernel)
    torch.testing.assert_close(actual.cpu().float(), expected, rtol=0, atol=5e-3)


def test_unknown_kernel_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'fast'.*adaptive, standard, flash, memory_efficient"):
        vit.ViT(8, 1, 2, 4, 'fast')


def test_tokens_outside_the_keys_influence_no_other() -> None:
    torch.manual_seed(0)
    model = vit.ViT(16, 2, 2, 4, 'adaptive').eval()
    x = torch.randn(1, 6, 16)
    keys = torch.tensor([[True] * 4 + [False] * 2])
    changed = x.clone()
    changed[:, 4:] = 1000.0
    assert torch.equal(model(x, keys)[:, :4], model(changed, keys)[:, :4])
    assert not torch.equal(model(x)[:, :4], model(changed)[:, :4])


def test_positions_by_the_formula() -> None:
    table = vit.positions((3, 5), 8, torch.device('cpu'))
    assert table.shape == (16, 8)
    assert table[0].eq(0).all()
    row, column = 2, 4
    angles = torch.tensor([column, column / 100, row, row / 100])
    sin, cos = angles.sin(), angles.cos()
    expected = torch.cat([sin[:2], cos[:2], sin[2:], cos[2:]])
    torch.testing.assert_close(table[1 + row * 5 + column], expected)


def test_positions_tell_all_patches_of_a_wide_grid_apart() -> None:
    table = vit.positions((23, 40), 64, torch.device('cpu'))[1:]
    assert table.unique(dim=0).shape == (23 * 40, 64)


def test_positions_made_for_inference_serve_training() -> None:
    vit.positions.cache_clear()
    with torch.inference_mode():
        vit.positions((2, 2), 8, torch.device('cpu'))
    table = vit.positions((2, 2), 8, torch.device('cpu'))
    weight = torch.ones(5, 8, requires_grad=True)
    (table * weight).sum().backward()
    assert torch.equal(weight.grad, table)
