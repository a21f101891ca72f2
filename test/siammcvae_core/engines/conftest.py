# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of engines: an empty cache, small weights, a moving texture."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.weights import write_small_drive

from siammcvae_core.motion.references import ReferenceFrame, References

Film = Callable[..., tuple[References, np.ndarray]]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'siammcvae_ros'


@pytest.fixture(scope='session')
def drive_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a small drive model whose predictions vary over the frame."""
    pytest.importorskip('torch', reason='PyTorch is not installed')
    return write_small_drive(tmp_path_factory.mktemp('weights') / 'random.safetensors')


@pytest.fixture(scope='session')
def film() -> Film:
    """Draw two reference frames and the next one of a texture that moves three pixels a frame."""

    def draw(size: tuple[int, int]) -> tuple[References, np.ndarray]:
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (size[0], size[1] + 6, 3), np.uint8)
        smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
        frames = [np.ascontiguousarray(smooth[:, 3 * k : 3 * k + size[1]]) for k in range(3)]
        return References((ReferenceFrame(frames[1], 0.1), ReferenceFrame(frames[0], 0.0))), frames[
            2
        ]

    return draw
