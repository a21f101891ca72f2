# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0

import cv2
import numpy as np
import pytest

from siammcvae_core.errors import InputError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.clip_masks import clip_masks, dual_masks
from siammcvae_core.faults.masks import PATTERNS

SIZE = (128, 192)


def rng(seed=0):
    return np.random.default_rng(seed)


def panning(count, step, size=SIZE):
    """Move a picture to the right by `step` px per frame."""
    coarse = rng(1).integers(0, 256, (size[0] // 8, 60, 3), np.uint8)
    wide = cv2.resize(coarse, (480, size[0]), interpolation=cv2.INTER_CUBIC)
    return [np.ascontiguousarray(wide[:, 90 - i * step :][:, : size[1]]) for i in range(count)]


@pytest.mark.parametrize('name', PATTERNS)
def test_every_pattern_masks_a_clip(name):
    spec = name if name == 'full' else f'{name}:0.5'
    masks = clip_masks(spec, panning(3, 4), rng())
    assert masks.shape == (3, *SIZE)
    assert masks.dtype == bool
    if name != 'full':
        assert np.allclose(masks.mean(axis=(1, 2)), 0.5, atol=0.02)


def test_tubes_stay_and_random_cells_do_not():
    clip = panning(4, 8)
    tube, random = (clip_masks(f'{name}:0.75', clip, rng()) for name in ('tube', 'random'))
    assert (tube == tube[0]).all()
    assert not np.array_equal(random[0], random[1])


def test_moving_cells_go_with_the_picture():
    masks = clip_masks('motion:0.75', panning(9, 8, (256, 384)), rng(2))
    for i in (2, 4, 6, 8):  # the picture has moved by whole cells
        moved, here = masks[0][:, : -8 * i], masks[i][:, 8 * i :]
        assert np.mean(moved == here) > 0.98
        assert np.mean(masks[0] == masks[i]) < 0.7  # 0.625 by chance
        assert not masks[i][:, : 8 * i].all()  # what came into sight is drawn anew


def test_moving_cells_of_a_still_picture_stay():
    still = [panning(1, 0)[0]] * 4
    masks = clip_masks('motion:0.6', still, rng())
    assert (masks == masks[0]).all()


def test_the_injector_moves_cells_as_the_clip_does():
    clip = panning(4, 10)
    faults = FaultInjector(['motion:0.75'], 1.0, 5, 100)
    masks = np.stack([faults.inject(i, frame).mask for i, frame in enumerate(clip)])
    again = FaultInjector(['motion:0.75'], 1.0, 5, 100)
    still = np.stack([again.inject(i, clip[0]).mask for i in range(4)])
    assert np.array_equal(masks[0], still[3])
    assert np.mean(masks[3] != still[3]) > 0.1
    again.inject(0, clip[0])  # a loop of the source begins anew
    assert np.array_equal(again.inject(1, clip[1]).mask, masks[1])


def test_dual_is_a_tube_and_running_cells():
    lost, asked = dual_masks(SIZE, 8, 0.9, rng())
    assert lost.shape == asked.shape == (8, *SIZE)
    assert (lost == lost[0]).all()
    assert abs(lost.mean() - 0.9) < 0.01
    assert (asked.mean(axis=(1, 2)) == 0.5).all()
    for i in range(4):
        assert (asked[i : i + 4].sum(axis=0) == 2).all()  # every place equally often
        assert np.array_equal(asked[i], asked[i + 4])
        assert not np.array_equal(asked[i], asked[i + 1])
    assert (dual_masks(SIZE, 4, 0.9, rng(), 0.25)[1].sum(axis=0) == 1).all()
    starts = {dual_masks(SIZE, 1, 0.9, rng(seed))[1].tobytes() for seed in range(30)}
    assert len(starts) == 4


def test_what_cannot_be_masked_is_refused():
    with pytest.raises(InputError, match=r'0\.4'):
        dual_masks(SIZE, 2, 0.9, rng(), 0.4)
    with pytest.raises(InputError, match='1 frame'):
        clip_masks('tube:0.5', [], rng())
    with pytest.raises(InputError, match="did you mean 'motion'"):
        clip_masks('moton:0.5', panning(1, 0), rng())
