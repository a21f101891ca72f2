# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Ceilings of this machine, measured: matrix products and copies of memory."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
import math
import time

import numpy as np

ROUNDS = 8  # the best counts
SIDE = 1024  # of the matrices
BLOCK = 64 * 2**20  # bytes copied by each thread: more than caches hold


@dataclass(frozen=True)
class Ceilings:
    """GFLOP/s of matrix products by precision; GB/s of copies, bytes read and written."""

    gflops: dict[str, float]
    copy_gbs: float

    def best(self, other: 'Ceilings') -> 'Ceilings':
        """Take the higher of two measurements each: other load only ever lowers them."""
        gflops = {name: max(value, other.gflops[name]) for name, value in self.gflops.items()}
        return Ceilings(gflops, max(self.copy_gbs, other.copy_gbs))

    def floor_ms(self, flop: float, size: float, dtype: str) -> float:
        """Compute the least time for `flop` operations, `size` bytes; NaN for other precisions."""
        return 1e3 * max(flop / self.gflops.get(dtype, math.nan), size / self.copy_gbs) / 1e9


def measure(threads: int, with_torch: bool) -> Ceilings:
    """Measure on `threads`, which torch must be set to; products only `with_torch`."""
    return Ceilings(_products() if with_torch else {}, _copies(threads))


def _products() -> dict[str, float]:
    import torch

    gflops = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, b = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
        seconds = _least(partial(torch.mm, a, b))
        gflops[str(dtype).removeprefix('torch.')] = 2 * SIDE**3 / seconds / 1e9
    return gflops


def _copies(threads: int) -> float:
    sources = np.ones((threads, BLOCK), np.uint8)
    targets = np.ones_like(sources)  # written once, so that its pages are mapped
    with ThreadPoolExecutor(threads) as pool:
        seconds = _least(lambda: list(pool.map(np.copyto, targets, sources)))
    return 2 * sources.nbytes / seconds / 1e9


def _least(run: Callable[[], object]) -> float:
    """Measure the least seconds of a run."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
