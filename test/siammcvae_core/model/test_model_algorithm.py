# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The model against Algorithm 1 and eq. 2-15 written out token by token, one image, no batch."""

from collections.abc import Callable

import pytest
import torch
from torch import nn, Tensor

from siammcvae_core.model.profiles import Profile
from siammcvae_core.model.siammcvae import SiamMCVAE
from siammcvae_core.model.vit import Block, positions, ViT


def block(module: Block, y: Tensor) -> Tensor:
    """Equations 3 and 4, tokens (T, D)."""
    width, heads = y.shape[1], module.attention.heads
    q, k, v = module.attention.qkv(module.norm1(y)).split(width, -1)
    mixed = []
    for head in range(heads):
        part = slice(head * width // heads, (head + 1) * width // heads)
        weights = (q[:, part] @ k[:, part].T / (width // heads) ** 0.5).softmax(-1)
        mixed.append(weights @ v[:, part])
    y = module.attention.out(torch.cat(mixed, -1)) + y
    first, gelu, second = module.mlp
    return second(gelu(first(module.norm2(y)))) + y


def transformer(module: ViT, y: Tensor) -> Tensor:
    for one in module.blocks:
        y = block(one, y)
    return module.norm(y)


def siam_vit(model: SiamMCVAE, patches: dict[int, Tensor], place: Tensor) -> dict[int, Tensor]:
    """Equations 2 and 5; patches and tokens by their number 1..N, the cls token is number 0."""
    encoder = model.encoder
    y = [encoder.cls + place[0], *(encoder.embed(x) + place[i] for i, x in patches.items())]
    u = encoder.project(transformer(encoder.vit, torch.stack(y)))
    return dict(zip([0, *patches], u, strict=True))


def algorithm_1(model: SiamMCVAE, first: Tensor, second: Tensor, lost: set[int]) -> list[Tensor]:
    """Restore the patches 1..N of `second` (N, P*P*3), those in `lost` from the prediction."""
    n, cpu = len(first), torch.device('cpu')
    place_e = positions((2, 3), model.profile.width, cpu).to(first)
    place_d = positions((2, 3), model.profile.latent, cpu).to(first)
    u1 = siam_vit(model, {i: first[i - 1] for i in range(1, n + 1)}, place_e)
    visible = {i: second[i - 1] for i in range(1, n + 1) if i not in lost}
    u2 = siam_vit(model, visible, place_e)
    u = [torch.cat([u1[i], u2.get(i, model.mask_token)]) for i in range(n + 1)]  # eq. 6, 7
    z = [model.to_mean(row) for row in u]  # eq. 8, E = 0
    v = [model.mix(torch.cat([z[i], u1[i]])) + place_d[i] for i in range(n + 1)]  # eq. 11
    o = model.to_pixels(transformer(model.decoder, torch.stack(v)))  # eq. 12-14
    return [o[i] if i in lost else second[i - 1] for i in range(1, n + 1)]  # eq. 15


@pytest.mark.parametrize('lost', [{2, 4}, {1}, {6}, set(), {1, 2, 3, 4, 5, 6}, {1, 2, 5}])
def test_model_is_algorithm_1(
    small: Profile, build: Callable[..., SiamMCVAE], lost: set[int]
) -> None:
    model = build(small).double()
    for parameter in model.parameters():  # no zero biases or unit norms to hide behind
        nn.init.normal_(parameter, std=0.3)
    first, second = torch.randn(2, 6, 48, dtype=torch.float64)

    def frame(patches: Tensor) -> Tensor:
        return patches.reshape(2, 3, 4, 4, 3).permute(4, 0, 2, 1, 3).reshape(1, 3, 8, 12)

    mask = torch.tensor([[i in lost for i in range(1, 7)]])
    with torch.no_grad():
        expected = torch.stack(algorithm_1(model, first, second, lost))
        actual = model(frame(first), frame(second), mask).patches[0]
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)
