# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Plain vision transformer: pre-norm blocks, choice of attention kernel, 2-D sin-cos positions."""

from functools import lru_cache

import numpy as np
import torch
from torch import nn, Tensor
from torch.nn.attention import sdpa_kernel, SDPBackend
import torch.nn.functional as F

from siammcvae_core.errors import InputError
from siammcvae_core.model.patches import Grid

KERNELS = ('adaptive', 'standard', 'flash', 'memory_efficient')
_BACKENDS = {
    'flash': SDPBackend.FLASH_ATTENTION,
    'memory_efficient': SDPBackend.EFFICIENT_ATTENTION,
}
_UNAVAILABLE = ('No available kernel', 'No viable backend')


def check_kernel(kernel: str) -> None:
    """Refuse an unknown attention kernel with an `InputError` that lists the known ones."""
    if kernel not in KERNELS:
        raise InputError(f'no attention kernel {kernel!r}; there are {", ".join(KERNELS)}')


def attend(q: Tensor, k: Tensor, v: Tensor, keys: Tensor | None, kernel: str) -> Tensor:
    """Scaled dot-product attention of q, k, v (B, heads, T, d) to those in `keys`, bool (B, T).

    All kernels compute the same function. `adaptive` leaves the choice to PyTorch, `standard` is
    the written-out product, `flash` and `memory_efficient` insist on one fused kernel. Those two
    depend on the machine: memory_efficient needs a GPU; flash on a GPU needs half precision and
    takes no `keys`, so it serves batches whose images lose equally many patches. Where one cannot
    serve it raises `InputError` instead of silently taking another.
    """
    mask = None if keys is None else keys[:, None, None]  # (B, 1, 1, T)
    if kernel == 'adaptive':
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    if kernel == 'standard':
        scores = q * q.shape[-1] ** -0.5 @ k.transpose(-2, -1)  # (B, heads, T, T)
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        return scores.softmax(-1) @ v
    try:
        with sdpa_kernel(_BACKENDS[kernel]):
            return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    except RuntimeError as error:
        if not str(error).startswith(_UNAVAILABLE):
            raise
        case = 'with' if keys is not None else 'without'
        raise InputError(
            f'attention kernel {kernel!r} does not serve {q.dtype} on {q.device.type} {case} a key'
            " mask; 'adaptive' and 'standard' always do"
        ) from error


class Attention(nn.Module):
    """Multi-headed self-attention, (B, T, D) to (B, T, D)."""

    def __init__(self, width: int, heads: int, kernel: str) -> None:
        super().__init__()
        self.heads = heads
        self.kernel = kernel
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, keys: Tensor | None = None) -> Tensor:
        """Attend to the tokens in `keys`, bool (B, T), None for all."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))  # (B, T, 3, heads, d)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # (B, heads, T, d) each
        y = attend(q, k, v, keys, self.kernel)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """One pre-norm transformer block (eq. 3-4, 12-13)."""

    def __init__(self, width: int, heads: int, mlp_ratio: int, kernel: str) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads, kernel)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, mlp_ratio * width), nn.GELU(), nn.Linear(mlp_ratio * width, width)
        )

    def forward(self, x: Tensor, keys: Tensor | None = None) -> Tensor:
        """Transform tokens (B, T, D), attending to those in `keys`, bool (B, T)."""
        x = x + self.attention(self.norm1(x), keys)
        return x + self.mlp(self.norm2(x))


class ViT(nn.Module):
    """A stack of blocks with a layer norm after the last."""

    def __init__(self, width: int, depth: int, heads: int, mlp_ratio: int, kernel: str) -> None:
        super().__init__()
        check_kernel(kernel)
        self.blocks = nn.ModuleList(Block(width, heads, mlp_ratio, kernel) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, x: Tensor, keys: Tensor | None = None) -> Tensor:
        """Transform tokens (B, T, D); those outside `keys`, bool (B, T), influence no other."""
        for block in self.blocks:
            x = block(x, keys)
        return self.norm(x)


@lru_cache(maxsize=32)
def positions(grid: Grid, width: int, device: torch.device) -> Tensor:
    """Build the fixed 2-D sin-cos positional embedding (1 + N, width), zero for the cls token.

    The first half of the features encodes the column, the second the row, both counted in patches,
    so a larger grid continues a smaller one.
    """
    rows, columns = np.indices(grid).reshape(2, -1)  # (N,) each
    frequency = 10000.0 ** -(np.arange(width // 4) / (width // 4))
    angles = np.stack([columns, rows], 1)[..., None] * frequency  # (N, 2, width / 4)
    table = np.concatenate([np.sin(angles), np.cos(angles)], -1).reshape(-1, width)
    table = np.concatenate([np.zeros((1, width)), table]).astype(np.float32)
    # A tensor created in inference mode could not be used in a later training step.
    with torch.inference_mode(False):
        return torch.from_numpy(table).to(device)
