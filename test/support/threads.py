# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""PyTorch on one thread, for tests of small networks."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute with one thread: sums come in the same order, and small networks are faster."""
    torch = pytest.importorskip('torch', reason='PyTorch is not installed')
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
