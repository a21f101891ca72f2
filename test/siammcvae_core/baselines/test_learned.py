# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Trained baselines behind the call of the classical ones."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from siammcvae_core.baselines.baseline import LearnedBaseline
from siammcvae_core.baselines.catalogue import LEARNED_BASELINES
from siammcvae_core.baselines.learned import TrainedBaseline
from siammcvae_core.errors import WeightsError
from siammcvae_core.model.checkpoint import save_checkpoint
from siammcvae_core.motion.references import ReferenceFrame, References

Build = Callable[..., LearnedBaseline]
SIZE = (50, 70)
systems = pytest.mark.parametrize('system', LEARNED_BASELINES)


@pytest.fixture
def load(tmp_path: Path, build: Build) -> Callable[..., TrainedBaseline]:
    """Save a baseline and load it as a restorer that works at 24 x 32."""

    def load(system: str, **changes: object) -> TrainedBaseline:
        path = tmp_path / f'{system}.safetensors'
        save_checkpoint(path, build(system, size=(24, 32), **changes))
        return TrainedBaseline(path)

    return load


def pictures(grey: bool = False) -> list[np.ndarray]:
    """Make three soft frames, the last of them the damaged one."""
    noise = np.random.default_rng(0).random((3, *SIZE) if grey else (3, *SIZE, 3))
    soft = [cv2.GaussianBlur(n, (0, 0), 5) for n in noise]
    return [cv2.normalize(s, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8) for s in soft]


def kept(*frames: np.ndarray) -> References:
    return References(tuple(ReferenceFrame(f, -0.1 * i) for i, f in enumerate(frames)))


LOST = np.zeros(SIZE, bool)
LOST[10:35, 20:60] = True


@systems
@pytest.mark.parametrize('grey', [False, True])
def test_a_frame_of_any_size_comes_back_in_its_size(
    load: Callable[..., TrainedBaseline], system: str, grey: bool
) -> None:
    newer, older, frame = pictures(grey)
    before = frame.copy()
    restored = load(system)(kept(newer, older), frame, LOST, 0.1)
    assert restored.shape == frame.shape
    assert restored.dtype == np.uint8
    assert restored[LOST].std() > 0
    np.testing.assert_array_equal(frame, before)


@systems
def test_lost_pixels_have_no_influence(load: Callable[..., TrainedBaseline], system: str) -> None:
    baseline, (newer, older, frame) = load(system), pictures()
    other = frame.copy()
    other[LOST] = 255 - other[LOST]
    one, two = (baseline(kept(newer, older), f, LOST, 0.1) for f in (frame, other))
    np.testing.assert_array_equal(one, two)


@systems
def test_kept_frames_come_newest_first_and_the_oldest_stands_in(
    load: Callable[..., TrainedBaseline], build: Build, system: str
) -> None:
    baseline, (newer, older, frame) = load(system), pictures()
    count = build(system).references
    one = baseline(kept(newer, older), frame, LOST, 0.1)
    assert np.array_equal(one, baseline(kept(older, newer), frame, LOST, 0.1)) is (count == 0)
    short = baseline(kept(newer), frame, LOST, 0.1)
    assert np.array_equal(one, short) is (count < 2)
    np.testing.assert_array_equal(short, baseline(kept(newer, newer), frame, LOST, 0.1))


def test_without_a_kept_frame_only_mae_restores(load: Callable[..., TrainedBaseline]) -> None:
    frame = pictures()[2]
    assert load('mae')(References(), frame, LOST, 0.1).shape == frame.shape
    for system in ('mae_st', 'videomae', 'siammae'):
        with pytest.raises(ValueError, match=f'{system} needs a reference'):
            load(system)(References(), frame, LOST, 0.1)


def test_it_gives_what_the_network_gives_at_its_own_size(
    load: Callable[..., TrainedBaseline], build: Build
) -> None:
    baseline, network = load('siammae'), build('siammae', size=(24, 32))
    rng = np.random.default_rng(0)
    reference, frame = rng.integers(0, 256, (2, 24, 32, 3), np.uint8)
    mask = np.zeros((24, 32), bool)
    mask[5, 9] = True  # loses one patch, the 3rd of the 2nd row

    def tensor(image: np.ndarray) -> torch.Tensor:
        rgb = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None] / 255
        statistics = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[..., None, None]
        return (rgb - statistics[0]) / statistics[1]

    lost = torch.arange(48)[None] == 8 + 2
    with torch.no_grad():
        out = network.restore(tensor(reference)[:, None], tensor(frame), lost)
    std, mean = torch.tensor([[0.229, 0.224, 0.225], [0.485, 0.456, 0.406]])[..., None, None]
    expected = ((out * std + mean) * 255).round().clamp(0, 255)[0].permute(1, 2, 0).numpy()
    got = baseline(kept(reference), frame, mask, 0.1)[..., ::-1].astype(float)
    assert np.abs(got - expected).max() <= 1


def test_weights_for_features_are_refused(load: Callable[..., TrainedBaseline]) -> None:
    with pytest.raises(WeightsError, match=r'siammae\.safetensors: .*features'):
        load('siammae', norm_pix=True)
    assert load('siammae').name == 'siammae'
