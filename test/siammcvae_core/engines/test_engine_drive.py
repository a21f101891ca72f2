# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The drive engine: sizes, grey frames, precision, no influence of lost pixels, its stages."""

from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip('torch', reason='PyTorch is not installed')

from siammcvae_core.engines.drive import DriveEngine  # noqa: E402
from siammcvae_core.engines.factory import load_engine, load_torch_engine  # noqa: E402
from siammcvae_core.engines.stage_timer import StageTimer  # noqa: E402
from siammcvae_core.motion.references import ReferenceFrame, References  # noqa: E402
from siammcvae_core.restore.restorer import RestoreMethod, Restorer  # noqa: E402


@pytest.fixture(scope='module')
def engine(drive_weights: Path) -> DriveEngine:
    return DriveEngine(drive_weights)


def drive(size, grey=False):
    """Three frames of a texture that moves three pixels a frame."""
    rng = np.random.default_rng(0)
    shape = (size[0] + 16, size[1] + 32)
    noise = rng.integers(0, 256, (*shape, 3), np.uint8)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)
    frames = [texture[8:-8, 3 * k : 3 * k + size[1]] for k in range(3)]
    return [np.ascontiguousarray(f[..., 0] if grey else f) for f in frames]


def kept(frames):
    return References((ReferenceFrame(frames[1], 0.1), ReferenceFrame(frames[0], 0.0)))


@pytest.mark.parametrize('size', [(96, 160), (100, 150), (33, 47), (720, 1280), (48, 700)])
@pytest.mark.parametrize('grey', [False, True])
def test_frames_of_any_size_are_restored(engine, size, grey):
    frames = drive(size, grey)
    mask = np.random.default_rng(1).random(size) < 0.3
    restoration = engine.restore(kept(frames), frames[2], mask, 0.2)
    frame, error = restoration.frame, restoration.expected_error()
    assert (frame.shape, frame.dtype) == (frames[2].shape, np.uint8)
    assert (error.shape, error.dtype) == (size, np.float32)
    assert (error[mask] > 0).all()
    assert not error[~mask].any()


def test_lost_pixels_have_no_influence(engine):
    frames = drive((100, 150))
    mask = np.zeros((100, 150), bool)
    mask[20:70, 30:120] = True
    noise = np.random.default_rng(2).integers(0, 256, frames[2].shape, np.uint8)
    changed = cv2.copyTo(noise, mask.view(np.uint8), frames[2].copy())
    one, other = (
        engine.restore(kept(frames), frame, mask, 0.2).frame for frame in (frames[2], changed)
    )
    # Where arrays lie in memory decides how the last bit is rounded.
    assert np.abs(one[mask].astype(int) - other[mask]).max() <= 1


def test_an_encoded_reference_serves_as_well(engine):
    frames = drive((96, 160))
    mask = np.ones((96, 160), bool)
    newest, older = kept(frames).frames
    ready = ReferenceFrame(newest.frame, newest.stamp, engine.encode_reference(newest.frame))
    one = engine.restore(kept(frames), frames[2], mask, 0.2).frame
    other = engine.restore(References((ready, older)), frames[2], mask, 0.2).frame
    assert np.abs(one.astype(int) - other).max() <= 1


def test_every_stage_is_timed_once(engine):
    frames = drive((96, 160))
    references, mask = kept(frames), np.ones((96, 160), bool)
    stages = ['features', 'encode', 'crop', 'network', 'composite']
    timers = [StageTimer(), StageTimer()]
    one, other = (engine.restore(references, frames[2], mask, 0.2, timer) for timer in timers)
    for timer in timers:
        assert list(timer.seconds) == stages
        assert min(timer.seconds.values()) > 0
    np.testing.assert_array_equal(one.frame, other.frame)


def test_bf16_stays_near(engine, drive_weights):
    frames = drive((96, 160))
    mask = np.ones((96, 160), bool)
    half = load_torch_engine(drive_weights, 'cpu', torch.bfloat16)
    one, other = (e.restore(kept(frames), frames[2], mask, 0.2).frame for e in (engine, half))
    assert np.abs(one.astype(int) - other).mean() < 2


def test_one_kept_frame_falls_back(engine):
    frames = drive((96, 160))
    restorer = Restorer(engine)
    restorer.observe(frames[0], 0.0)
    restored = restorer.restore(frames[2], np.ones((96, 160), bool), 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.COPY, 'one_reference')
    restorer.observe(frames[1], 0.1)
    restored = restorer.restore(frames[2], np.ones((96, 160), bool), 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.MODEL, '')
    assert (restored.uncertainty() > 0).all()


def test_the_weights_say_which_engine_they_are_for(drive_weights, engine):
    assert isinstance(load_torch_engine(drive_weights, 'cpu', torch.float32), DriveEngine)
    assert isinstance(load_engine(drive_weights), DriveEngine)
    assert engine.describe()['profile'] == 'small'
    assert load_engine('none') is None
