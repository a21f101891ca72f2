# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of training share: small clips, and runs that take moments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from support.threads import one_thread  # noqa: F401  (autouse)

from siammcvae_core.data.clips import write_video
from siammcvae_core.train.config import DataConfig, TrainConfig

SMALL = {
    'patch': 8, 'size': (32, 48), 'width': 32, 'depth': 1, 'heads': 2, 'latent': 16,
    'decoder_depth': 1, 'decoder_heads': 2,
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_earlier_run() -> None:
    """Forget the precision of an earlier run, which accelerate holds in a global."""
    state = pytest.importorskip('accelerate.state', reason='accelerate is not installed')
    state.AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope='session')
def drives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of three videos of 24 frames, 64 x 96 pixels: a texture that moves."""
    folder = tmp_path_factory.mktemp('drives')
    rng = np.random.default_rng(0)
    for speed in (1, 2, 3):
        cells = rng.integers(0, 256, (12, 40, 3), np.uint8)
        texture = cv2.resize(cells, (320, 96), interpolation=cv2.INTER_CUBIC)
        with write_video(folder / f'speed{speed}.mp4', 10) as append:
            for step in range(24):
                append(np.ascontiguousarray(texture[:64, step * speed : step * speed + 96]))
    return folder


@pytest.fixture
def config(drives: Path, tmp_path: Path) -> Callable[..., TrainConfig]:
    """Describe a run of twelve steps; `data` sets keys of `DataConfig`."""

    def config(data: dict[str, Any] | None = None, **changes: Any) -> TrainConfig:
        given = {'train': str(drives), 'val': str(drives), 'side': 64, 'gap': (1, 8)}
        given['cache'] = str(drives.parent / 'cache')
        return TrainConfig(**{
            'out': str(tmp_path / 'run'), 'data': DataConfig(**{**given, **(data or {})}),
            'profile_changes': dict(SMALL), 'steps': 12, 'batch': 4, 'lr': 2e-3, 'workers': 0,
            'validate_every': 4, 'val_samples': 6, 'save_every': 4, 'log_every': 1, 'pictures': 1,
            'device': 'cpu', **changes,
        })  # fmt: skip

    return config
