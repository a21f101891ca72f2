# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Every classical baseline by its contract, and each where it must be good."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from siammcvae_core.baselines.classical import BASELINES, UPPER_BOUNDS
from siammcvae_core.data.clips import VideoClip
from siammcvae_core.data.pairs import distinct_frames
from siammcvae_core.faults.masks import make_mask
from siammcvae_core.metrics import psnr
from siammcvae_core.motion.references import ReferenceFrame, References

SIZE = (192, 256)
STAMPS = 0.0, 0.1, 0.2
NEED_TWO = ('const_velocity', 'mean_velocity', 'visible_flow')
CAUSAL = [name for name in BASELINES if name not in UPPER_BOUNDS]
MOVING = ('visible_flow', 'block_match')
VAL = Path(__file__).parents[4] / 'shared' / 'data' / 'val'


def texture(size, grain=4, seed=0):
    noise = np.random.default_rng(seed).standard_normal((*size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), grain)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)


def drive(steps, size=SIZE):
    """Frames of a textured plane that moves to the left by `steps` pixels from frame to frame."""
    starts = np.cumsum((0, *steps))
    wide = texture((size[0], size[1] + int(starts[-1])))
    return [np.ascontiguousarray(wide[:, x : x + size[1]]) for x in starts]


def kept(*frames, stamps=STAMPS):
    """Keep frames given oldest first."""
    pairs = zip(frames, stamps, strict=False)
    return References(tuple(ReferenceFrame(frame, stamp) for frame, stamp in pairs)[::-1])


def restore(name, frames, mask, content=0):
    damaged = frames[2].copy()
    if name not in UPPER_BOUNDS:
        damaged[mask] = content
    return BASELINES[name](kept(*frames[:2]), damaged, mask, STAMPS[2])


def lost(spec, size=SIZE):
    return make_mask(spec, size, np.random.default_rng(3))


@pytest.mark.parametrize('spec', ['random:0.75', 'band:0.25', 'block:0.1'])
@pytest.mark.parametrize('name', MOVING)
def test_change_of_speed_is_seen_at_the_visible_pixels(name, spec):
    frames, mask = drive((4, 8)), lost(spec)  # constant velocity misses by 4 px
    score = psnr(restore(name, frames, mask), frames[2], mask)
    assert score > psnr(restore('const_velocity', frames, mask), frames[2], mask) + 5
    assert score > psnr(frames[1], frames[2], mask) + 5


def test_block_match_finds_what_jumps_far():
    frames, mask = drive((2, 24)), lost('random:0.75')
    score = psnr(restore('block_match', frames, mask), frames[2], mask)
    assert score > psnr(restore('visible_flow', frames, mask), frames[2], mask) + 3
    assert score > 25


def test_block_match_starts_from_rest_with_one_frame():
    frames, mask = drive((4, 8)), lost('random:0.75')
    restored = BASELINES['block_match'](kept(frames[1]), frames[2], mask, 0.1)
    assert psnr(restored, frames[2], mask) > psnr(frames[1], frames[2], mask) + 8


@pytest.mark.parametrize('name', MOVING)
def test_two_motions_are_told_apart(name):
    """The lower half turns to the other way than it moved, the upper half goes on."""
    ahead, back = drive((3, 3)), drive((5, 5), SIZE)[::-1]
    frames = [np.vstack((a[:96], b[96:])) for a, b in zip(ahead, back, strict=True)]
    frames[2][96:] = frames[0][96:]
    mask = lost('random:0.75')
    score = psnr(restore(name, frames, mask), frames[2], mask)
    assert score > psnr(frames[1], frames[2], mask) + 2
    assert score > psnr(restore('const_velocity', frames, mask), frames[2], mask) + 4


@pytest.mark.parametrize('spec', ['random:0.75', 'full'])
def test_oracle_is_above_all_baselines_and_sees_into_the_hole(spec):
    frames, mask = drive((2, 12)), lost(spec)
    best = psnr(restore('oracle', frames, mask), frames[2], mask)
    assert best > 25
    for name in CAUSAL:
        assert psnr(restore(name, frames, mask), frames[2], mask) < best + 0.1


@pytest.mark.parametrize('name', ['telea', 'navier_stokes'])
@pytest.mark.parametrize('scale', [1, 5])
def test_inpainting_closes_small_holes_in_smooth_frames(name, scale):
    size = SIZE[0] * scale, SIZE[1] * scale
    frame = cv2.resize(texture(SIZE, grain=20), size[::-1])
    mask = np.zeros(size, bool)
    hole = slice(60 * scale, 66 * scale), slice(100 * scale, 106 * scale)
    mask[hole] = True
    assert psnr(restore(name, [frame] * 3, mask), frame, mask) > 28


@pytest.mark.parametrize('name', ['telea', 'navier_stokes'])
def test_inpainting_knows_nothing_of_a_frame_wholly_lost(name):
    restored = restore(name, drive((4, 4)), np.ones(SIZE, bool), content=7)
    np.testing.assert_array_equal(restored, 128)


@pytest.mark.parametrize('name', MOVING)
def test_with_nothing_visible_motion_is_carried_on(name):
    frames, mask = drive((4, 4)), np.ones(SIZE, bool)
    expected = restore('const_velocity', frames, mask)
    np.testing.assert_array_equal(restore(name, frames, mask), expected)


def test_block_match_copies_with_one_frame_and_nothing_visible():
    frames, mask = drive((4, 4)), np.ones(SIZE, bool)
    restored = BASELINES['block_match'](kept(frames[1]), frames[2], mask, 0.1)
    np.testing.assert_array_equal(restored, frames[1])


@pytest.mark.parametrize('name', NEED_TWO)
@pytest.mark.parametrize('stamps', [(0.1,), (0.1, 0.1)])
def test_those_that_need_two_frames_say_so(name, stamps):
    frames, mask = drive((4, 4)), lost('block:0.1')
    with pytest.raises(ValueError, match=r'needs? two references'):
        BASELINES[name](kept(*frames[: len(stamps)], stamps=stamps), frames[2], mask, 0.2)


@pytest.mark.parametrize('name', sorted(set(BASELINES) - set(NEED_TWO)))
def test_the_others_work_with_one(name):
    frames, mask = drive((4, 4)), lost('block:0.1')
    assert BASELINES[name](kept(frames[1]), frames[2], mask, 0.1).shape == frames[2].shape


@pytest.mark.parametrize('name', CAUSAL)
@pytest.mark.parametrize('size', [SIZE, (181, 1283)])
def test_what_is_damaged_is_never_looked_at(name, size):
    frames, mask = drive((4, 6), size), lost('random:0.5', size)
    mask[:5] = mask[:, -3:] = True
    made = restore(name, frames, mask, content=0)[mask]
    for content in (255, np.random.default_rng(0).integers(0, 256, (mask.sum(), 3), np.uint8)):
        np.testing.assert_array_equal(restore(name, frames, mask, content)[mask], made)


@pytest.mark.parametrize('name', BASELINES)
def test_inputs_are_left_as_they_are(name):
    frames, mask = drive((4, 6)), lost('random:0.75')
    inputs = [*frames, mask]
    before = [array.copy() for array in inputs]
    for array in inputs:
        array.flags.writeable = False
    BASELINES[name](kept(*frames[:2]), frames[2], mask, STAMPS[2])
    for array, old in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize('name', BASELINES)
@pytest.mark.parametrize('size', [(1, 1), (1, 50), (3, 2), (17, 33), (97, 131), (360, 643)])
@pytest.mark.parametrize('grey', [False, True])
def test_any_size_in_grey_and_colour(name, size, grey):
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), np.uint8)
    frames = [np.ascontiguousarray(frame[..., 0] if grey else frame) for frame in frames]
    whole, dot = np.ones(size, bool), np.zeros(size, bool)
    dot[size[0] // 2, size[1] // 2] = True
    for mask in (whole, dot):
        restored = BASELINES[name](kept(*frames[:2]), frames[2], mask, STAMPS[2])
        assert restored.shape == frames[2].shape
        assert restored.dtype == np.uint8


@pytest.mark.parametrize('name', MOVING)
def test_grey_is_restored_as_colour_is(name):
    frames, mask = [frame[..., 1].copy() for frame in drive((4, 8))], lost('random:0.75')
    assert psnr(restore(name, frames, mask), frames[2], mask) > 30


@pytest.mark.skipif(not VAL.is_dir(), reason=f'real clips are not at {VAL}')
def test_visible_pixels_help_on_real_drives():
    gains = {name: [] for name in MOVING}
    for clip in ('kitti_wpdd.mp4', 'autobahn.mp4', 'camvid_0016E5.mp4'):
        frames = []
        for frame in distinct_frames(VideoClip(VAL / clip)):
            frames.append(frame.image)
            if len(frames) == 13:
                break
        for index in (2, 12):
            three = frames[index - 2 : index + 1]
            mask = lost('random:0.75', three[2].shape[:2])
            base = psnr(restore('const_velocity', three, mask), three[2], mask)
            for name, gain in gains.items():
                gain.append(psnr(restore(name, three, mask), three[2], mask) - base)
    assert np.mean(gains['visible_flow']) > 0.3
    assert np.mean(gains['block_match']) > 0.3
