# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Which frames the restorer keeps, how it restores from them, and each reason why it cannot."""

import doctest
from pathlib import Path

import cv2
import numpy as np
import pytest

from siammcvae_core.errors import FrameError, InputError
from siammcvae_core.metrics import psnr
from siammcvae_core.restore import restorer as restorer_module
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer

SIZES = [(360, 640), (720, 1280), (1080, 1920), (375, 1242), (603, 966)]
CLIPS = Path(__file__).parents[3] / '../shared/data/val'


def drive(size=(120, 160), count=4, step=3, channels=3):
    """Frames of a texture that moves left by `step` pixels a frame; grey for one channel."""
    height, width = size
    wide = (height, width + step * count, channels)
    noise = np.random.default_rng(0).standard_normal(wide).astype(np.float32)
    texture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)
    texture = texture.astype(np.uint8)
    return [np.ascontiguousarray(texture[:, step * i : step * i + width]) for i in range(count)]


def after(frames, stamps=(0.0, 0.1), **settings):
    """Return a restorer that has observed `frames` at `stamps`."""
    restorer = Restorer(**settings)
    for frame, stamp in zip(frames, stamps, strict=False):
        restorer.observe(frame, stamp)
    return restorer


def some_lost(size=(120, 160), share=0.6):
    return np.random.default_rng(1).random(size) < share


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize('channels', [3, 1])
@pytest.mark.parametrize('cell', [1, 16])
def test_damage_is_restored_at_any_size_in_colour_and_grey(size, channels, cell):
    frames = drive(size, 3, 4, channels)
    grid = np.random.default_rng(1).random((-(-size[0] // cell), -(-size[1] // cell))) < 0.5
    damaged = frames[2].copy()
    lost = np.kron(grid, np.ones((cell, cell), bool))[: size[0], : size[1]]
    damaged[lost] = 0
    restored = after(frames).restore(damaged, grid.astype(np.uint8) * 255, 0.2)
    assert (restored.method, restored.reason, restored.detail) == (RestoreMethod.WARP, '', '')
    assert restored.reference_age == pytest.approx(0.1)
    np.testing.assert_array_equal(restored.mask, lost)
    np.testing.assert_array_equal(restored.frame[~lost], frames[2][~lost])
    copied = psnr(frames[1], frames[2], lost)
    assert psnr(restored.frame, frames[2], lost) > copied + 6
    assert restored.frame.shape == frames[2].shape
    assert restored.uncertainty().shape == size


def test_whole_frame_loss_is_an_ordinary_case():
    frames = drive()
    restored = after(frames).restore(np.zeros_like(frames[2]), np.ones((120, 160), bool), 0.2)
    assert restored.method is RestoreMethod.WARP
    assert psnr(restored.frame, frames[2]) > psnr(frames[1], frames[2]) + 6


def test_lost_pixels_of_the_input_have_no_influence():
    frames, lost = drive(), some_lost()
    damaged = [frames[2].copy(), frames[2].copy()]
    damaged[0][lost], damaged[1][lost] = 0, 255
    results = [after(frames).restore(frame, lost, 0.2).frame for frame in damaged]
    np.testing.assert_array_equal(*results)


def test_time_between_frames_may_be_irregular():
    frames = drive(count=6)
    restored = after(frames, (0.0, 0.1)).restore(frames[5], np.ones((120, 160), bool), 0.5)
    inside = np.zeros((120, 160), bool)
    inside[:, :130] = True  # what enters at the right was never seen
    assert psnr(restored.frame, frames[5], inside) > 28
    assert psnr(frames[1], frames[5], inside) < 22


def test_one_kept_frame_is_copied():
    frames, lost = drive(), some_lost()
    restored = after(frames, (0.0,)).restore(frames[2], lost, 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.COPY, 'one_reference')
    np.testing.assert_array_equal(restored.frame[lost], frames[0][lost])
    np.testing.assert_array_equal(restored.frame[~lost], frames[2][~lost])


def test_two_kept_frames_of_one_stamp_have_no_motion():
    frames = drive()
    restored = after(frames, (0.1, 0.1)).restore(frames[2], some_lost(), 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.COPY, 'one_reference')


def test_without_a_kept_frame_the_input_is_passed_on():
    frames, lost = drive(), some_lost()
    restored = Restorer().restore(frames[2], lost, 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.PASS, 'no_reference')
    assert restored.frame is frames[2]
    assert restored.reference_age is None
    assert not restored.mask.any()
    np.testing.assert_array_equal(restored.uncertainty(), np.where(lost, 255, 0))


def test_too_old_a_kept_frame_is_not_used():
    frames, lost = drive(), some_lost()
    restorer = after(frames, max_reference_age=0.5)
    assert restorer.restore(frames[2], lost, 0.55).method is RestoreMethod.WARP
    restored = restorer.restore(frames[2], lost, 0.65)
    assert (restored.method, restored.reason) == (RestoreMethod.PASS, 'reference_too_old')
    assert restored.reference_age == pytest.approx(0.55)
    assert restored.frame is frames[2]
    assert not restored.mask.any()


@pytest.mark.parametrize('other', [(120, 176, 3), (120, 160)])
def test_a_change_of_size_or_colour_discards_what_was_kept(other):
    restorer, frame = after(drive()), np.zeros(other, np.uint8)
    lost = some_lost(other[:2])
    restored = restorer.restore(frame, lost, 0.2)
    assert (restored.method, restored.reason) == (RestoreMethod.PASS, 'reference_size')
    size = '176x120x3' if len(other) == 3 else '160x120'
    assert restored.detail == f'there is no reference of {size}'
    assert restorer.references == 0
    assert restorer.restore(frame, lost, 0.3).reason == 'no_reference'
    restorer.observe(frame, 0.4)
    assert restorer.restore(frame, lost, 0.5).reason == 'one_reference'


def test_observing_another_size_starts_anew():
    restorer = after(drive())
    restorer.observe(np.zeros((60, 80, 3), np.uint8), 0.2)
    assert restorer.references == 1


@pytest.mark.parametrize('call', ['observe', 'restore'])
def test_stamps_that_go_back_start_anew(call):
    frames = drive()
    restorer = after(frames, (10.0, 10.1))
    if call == 'observe':
        restorer.observe(frames[2], 0.0)
        assert restorer.references == 1
        assert restorer.restore(frames[3], some_lost(), 0.1).reason == 'one_reference'
    else:
        assert restorer.restore(frames[2], some_lost(), 0.0).reason == 'no_reference'
        assert restorer.references == 0


def test_only_the_last_two_frames_are_kept():
    frames, lost = drive(count=5), some_lost()
    restored = after(frames, (0.0, 0.1, 0.2, 0.3)).restore(frames[4], lost, 0.4)
    alone = after(frames[2:], (0.2, 0.3)).restore(frames[4], lost, 0.4)
    np.testing.assert_array_equal(restored.frame, alone.frame)


def test_a_frame_found_damaged_later_is_forgotten():
    frames, lost = drive(), some_lost()
    restorer = after(frames)
    restorer.forget(0.05)
    assert restorer.references == 2
    restorer.forget(0.1)
    assert restorer.references == 1
    restored = restorer.restore(frames[2], lost, 0.2)
    assert restored.reference_age == pytest.approx(0.2)
    np.testing.assert_array_equal(restored.frame[lost], frames[0][lost])
    restorer.forget(0.0)
    assert restorer.restore(frames[2], lost, 0.2).reason == 'no_reference'


def test_reset_forgets_everything():
    restorer = after(drive())
    restorer.reset()
    assert restorer.references == 0


def test_read_only_frames_and_masks_are_accepted():
    frames, lost = drive(), some_lost()
    for array in (*frames, lost):
        array.flags.writeable = False
    restored = after(frames).restore(frames[2], lost, 0.2)
    assert restored.method is RestoreMethod.WARP
    assert restored.frame.flags.writeable


def test_unfit_frames_and_masks_raise_and_change_nothing():
    frames = drive()
    restorer = after(frames)
    with pytest.raises(FrameError, match='uint8'):
        restorer.observe(frames[2].astype(np.float32), 0.2)
    with pytest.raises(FrameError, match='uint8'):
        restorer.restore(frames[2].astype(np.uint16), some_lost(), 0.2)
    with pytest.raises(FrameError, match='mask'):
        restorer.restore(frames[2], np.full((120, 160), np.nan), 0.2)
    assert restorer.restore(frames[2], some_lost(), 0.2).method is RestoreMethod.WARP


def test_the_example_in_the_docstring_runs():
    failed, attempted = doctest.testmod(restorer_module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize('age', [-0.1, float('nan')])
def test_reference_age_must_be_a_time(age):
    with pytest.raises(InputError, match='max_reference_age'):
        Restorer(max_reference_age=age)


def test_warp_beats_copy_on_a_real_drive():
    clip = CLIPS / 'autobahn.mp4'
    if not clip.exists():
        pytest.skip(f'real clips are absent: {clip}')
    video = cv2.VideoCapture(str(clip))
    frames = [video.read()[1] for _ in range(60)]
    lost = np.kron(np.random.default_rng(1).random((23, 40)) < 0.75, np.ones((16, 16), bool))[:360]
    gains = []
    for i in range(2, 60, 8):
        restored = after(frames[i - 2 : i]).restore(frames[i], lost, 0.2)
        copied = psnr(frames[i - 1], frames[i], lost)
        gains.append(psnr(restored.frame, frames[i], lost) - copied)
    assert np.mean(gains) > 3
    assert min(gains) > 1


def test_a_reference_ages_by_the_clock_that_says_more():
    restorer = Restorer(max_reference_age=1.0)
    frames = drive()
    for index in (0, 1):
        restorer.observe(frames[index], index / 10, 50.0 + index)
    ages = [
        restorer.restore(frames[2], some_lost(), stamp, arrived=arrived).reference_age
        for stamp, arrived in ((0.2, 51.5), (0.9, 51.1), (0.95, None))
    ]
    assert ages == pytest.approx([0.5, 0.8, 0.85])
    assert restorer.restore(frames[2], some_lost(), 1.0, arrived=52.1).reason == 'reference_too_old'


@pytest.mark.parametrize('period', [0.1, 1 / 3, 0.033366700])
def test_a_reference_exactly_as_old_as_allowed_is_used(period):
    """Of stamps of today float64 keeps 0.2 microseconds."""
    frame, mask = np.zeros((48, 64), np.uint8), np.ones((48, 64), bool)
    for start in range(1_700_000_000, 1_700_000_020):
        restorer = Restorer(max_reference_age=period)
        restorer.observe(frame, start + 0.5)
        assert restorer.restore(frame, mask, start + 0.5 + period).reason != 'reference_too_old'
        late = restorer.restore(frame, mask, start + 0.5 + period + 1e-4)
        assert late.reason == 'reference_too_old'
