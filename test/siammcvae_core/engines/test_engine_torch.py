# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch engine on numpy frames: nothing lost leaks in, sizes and colours come back."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from siammcvae_core.engines import torch as engine_module
from siammcvae_core.engines.torch import lost_patches, resize, TorchEngine, working_size
from siammcvae_core.errors import FrameError, WeightsError
from siammcvae_core.files import sha256
from siammcvae_core.model.checkpoint import save_checkpoint
from siammcvae_core.model.profiles import get_profile
from siammcvae_core.model.siammcvae import SiamMCVAE

SIZES = [(360, 640), (375, 1242), (603, 966), (50, 61), (112, 224), (60, 230)]
"""Shrunk, shrunk by odd factors, enlarged, at the working size, shrunk one way only."""


@pytest.fixture(scope='module')
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    profile = get_profile('tiny', width=32, depth=1, heads=2, latent=16, decoder_heads=2)
    path = tmp_path_factory.mktemp('weights') / 'small.safetensors'
    save_checkpoint(path, SiamMCVAE(profile))
    return path


@pytest.fixture(scope='module')
def engine(weights: Path) -> TorchEngine:
    return TorchEngine(weights)


def noise(size: tuple[int, int], seed: int, channels: tuple[int, ...] = (3,)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, *channels), np.uint8)


def scattered(size: tuple[int, int]) -> np.ndarray:
    """Lose a block, a row, a far corner and a few single pixels."""
    mask = np.zeros(size, bool)
    mask[size[0] // 3 : size[0] // 2, size[1] // 5 : size[1] // 2] = True
    mask[size[0] // 5] = True
    mask[-1, -1] = True
    mask[np.random.default_rng(5).random(size) < 2e-4] = True
    return mask


@pytest.mark.parametrize('channels', [(3,), ()], ids=['colour', 'grey'])
@pytest.mark.parametrize('size', SIZES)
def test_lost_pixels_have_no_influence(
    engine: TorchEngine, size: tuple[int, int], channels: tuple[int, ...]
) -> None:
    reference = engine.encode_reference(noise(size, 0, channels))
    frame, mask = noise(size, 1, channels), scattered(size)
    changed = frame.copy()
    changed[mask] = noise(size, 2, channels)[mask]
    assert not np.array_equal(frame, changed)
    restored = engine.restore_from(reference, frame, mask)
    np.testing.assert_array_equal(restored, engine.restore_from(reference, changed, mask))
    assert restored.shape == frame.shape
    assert restored.dtype == np.uint8
    assert restored.flags.c_contiguous
    np.testing.assert_array_equal(frame, noise(size, 1, channels))


@pytest.mark.parametrize('size', SIZES)
def test_visible_patches_hold_no_trace_of_lost_pixels(size: tuple[int, int]) -> None:
    """Where a patch is not marked, zeroed lost pixels must not have darkened it at all."""
    working = working_size(size, 224, 16)
    for seed in range(20):
        generator = np.random.default_rng(seed)
        mask = np.zeros(size, bool)
        mask[generator.integers(size[0], size=3), generator.integers(size[1], size=3)] = True
        frame = noise(size, seed) | 128
        lost = lost_patches(mask, working, 16)
        pixels = lost.repeat(16, 0).repeat(16, 1)
        damaged = frame.copy()
        damaged[mask] = 0
        np.testing.assert_array_equal(
            resize(damaged, working)[~pixels], resize(frame, working)[~pixels]
        )
        assert 1 <= lost.sum() <= 3 * 4


@pytest.mark.parametrize('size', [(448, 448), (224, 224), (896, 448)])
def test_a_lost_pixel_costs_its_own_patch_only_at_whole_factors(size: tuple[int, int]) -> None:
    working = working_size(size, 224, 16)
    for row, column in ((0, 0), (size[0] // 2 - 1, size[1] // 2), (size[0] - 1, size[1] - 1)):
        mask = np.zeros(size, bool)
        mask[row, column] = True
        factor = size[0] // working[0]
        expected = [[row // factor // 16, column // factor // 16]]
        assert np.argwhere(lost_patches(mask, working, 16)).tolist() == expected


def test_a_mask_that_loses_nothing_and_one_that_loses_all(engine: TorchEngine) -> None:
    size = (96, 160)
    frame = noise(size, 1)
    reference = engine.encode_reference(noise(size, 0))
    working = working_size(size, 224, 16)
    untouched = engine.restore_from(reference, frame, np.zeros(size, bool))
    np.testing.assert_array_equal(untouched, resize(resize(frame, working), size))
    all_lost = np.ones(size, bool)
    one = engine.restore_from(reference, frame, all_lost)
    np.testing.assert_array_equal(one, engine.restore_from(reference, noise(size, 7), all_lost))


def test_pixels_and_colours_come_back_at_the_working_size(engine: TorchEngine) -> None:
    frame, mask = noise((224, 224), 1), np.zeros((224, 224), bool)
    mask[:100, :100] = True
    reference = engine.encode_reference(frame)
    restored = engine.restore_from(reference, frame, mask)
    np.testing.assert_array_equal(restored[112:, 112:], frame[112:, 112:])


def test_the_network_sees_rgb_and_grey_replicated(
    engine: TorchEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = []
    monkeypatch.setattr(
        engine_module, 'normalise', lambda rgb: (inputs.append(rgb), rgb.float() / 255)[1]
    )
    bgr = np.full((224, 224, 3), (10, 20, 30), np.uint8)
    engine.encode_reference(bgr)
    engine.encode_reference(np.full((224, 224), 40, np.uint8))
    assert [s[0, :, 5, 7].tolist() for s in inputs] == [[30, 20, 10], [40, 40, 40]]


def test_grey_is_the_mean_of_the_channels() -> None:
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[...] = (10, 20, 60)
    network = engine_module.normalise(torch.from_numpy(rgb).permute(2, 0, 1)[None])
    assert np.unique(engine_module._to_frame(network, grey=True)).tolist() == [30]
    assert engine_module._to_frame(network, grey=False)[0, 0].tolist() == [60, 20, 10]


def test_the_reference_matters(engine: TorchEngine) -> None:
    frame, mask = noise((100, 200), 1), scattered((100, 200))
    one, other = (
        engine.restore_from(engine.encode_reference(noise((100, 200), seed)), frame, mask)
        for seed in (2, 3)
    )
    assert not np.array_equal(one[mask], other[mask])


def test_a_reference_of_another_size_is_refused(engine: TorchEngine) -> None:
    reference = engine.encode_reference(noise((100, 200), 0))
    with pytest.raises(FrameError, match='200x100, the frame 200x112') as error:
        engine.restore_from(reference, noise((112, 200), 0), np.zeros((112, 200), bool))
    assert error.value.reason == 'reference_size'


@pytest.mark.parametrize(
    ('size', 'long_side', 'expected'),
    [((360, 640), 640, (368, 640)), ((720, 1280), 640, (368, 640)), ((224, 224), 224, (224, 224)),
     ((360, 640), 224, (128, 224)), ((375, 1242), 640, (192, 640)), ((640, 360), 224, (224, 128)),
     ((8, 2000), 224, (16, 224)), ((1, 1), 224, (224, 224))],
)  # fmt: skip
def test_working_size(size: tuple[int, int], long_side: int, expected: tuple[int, int]) -> None:
    assert working_size(size, long_side, 16) == expected


def test_shrinking_averages_and_does_not_alias() -> None:
    stripes = np.zeros((448, 448, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.unique(resize(stripes, (224, 224))).tolist() == [100]


def test_describe(engine: TorchEngine, weights: Path) -> None:
    described = engine.describe()
    assert described['name'] == 'torch'
    assert described['profile'] == 'tiny'
    assert described['weights'] == weights.name
    assert described['sha256'] == sha256(weights)
    assert (described['device'], described['dtype']) == ('cpu', 'float32')
    assert engine.patch == 16


def test_mixed_precision_stays_near_and_leaks_nothing(weights: Path, engine: TorchEngine) -> None:
    half = TorchEngine(weights, dtype=torch.bfloat16)
    frame, mask = noise((112, 224), 1), scattered((112, 224))
    reference = noise((112, 224), 0)
    restored = half.restore_from(half.encode_reference(reference), frame, mask)
    full = engine.restore_from(engine.encode_reference(reference), frame, mask)
    difference = cv2.absdiff(restored, full)
    lost = lost_patches(mask, (112, 224), 16).repeat(16, 0).repeat(16, 1)
    assert difference[~lost].max() == 0
    assert 0 < difference[lost].mean() < 3
    changed = frame.copy()
    changed[mask] ^= 255
    again = half.restore_from(half.encode_reference(reference), changed, mask)
    np.testing.assert_array_equal(again, restored)


def test_a_bad_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / 'absent.safetensors'
    with pytest.raises(WeightsError, match=str(path)):
        TorchEngine(path)


def test_outputs_need_no_gradient_memory(engine: TorchEngine) -> None:
    assert engine.encode_reference(noise((32, 32), 0)).tokens.is_inference()
