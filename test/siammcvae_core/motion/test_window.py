# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What a small hole asks for is little, and the same as if the whole frame were looked at."""

import cv2
import numpy as np
import pytest

from siammcvae_core.alignment import features as gathering
from siammcvae_core.alignment.features import CELL, extract_features
from siammcvae_core.motion.references import KeptFrame, References
from siammcvae_core.motion.window import Window

SIZE = (240, 480)
MARGIN = 3


def lost_at(rows, columns):
    lost = np.zeros((SIZE[0] // 16, SIZE[1] // 16), bool)
    lost[rows, columns] = True
    return lost


def test_it_is_the_hole_its_margin_and_whole_patches():
    window = Window.around(lost_at(slice(6, 8), slice(12, 14)), MARGIN)
    assert (window.top, window.bottom) == (48, 176)
    assert (window.left, window.right) == (144, 272)
    assert window.within(Window(32, 128, 240, 480, SIZE)) == Window(16, 16, 144, 144, (208, 352))
    small = window.reduced(CELL)
    assert (small.top, small.left, small.bottom, small.right) == (12, 36, 44, 68)
    assert small.size == (60, 120)


def test_a_hole_everywhere_asks_for_everything():
    lost = lost_at(slice(0, 15, 7), slice(0, 30, 7))
    lost[-1, -1] = True
    assert Window.around(lost, MARGIN).shape == SIZE


def test_it_reads_where_it_lies():
    window = Window.around(lost_at(slice(6, 8), slice(12, 14)), MARGIN)
    image = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
    np.testing.assert_array_equal(window.moved(image, np.zeros((*window.shape, 2), np.float32)),
                                  window.cut(image))  # fmt: skip
    np.testing.assert_array_equal(window.cut(image), image[48:176, 144:272])


def test_its_lattice_is_every_second_pixel_of_every_second_row():
    window = Window.around(lost_at(slice(6, 8), slice(12, 14)), MARGIN)
    image = np.random.default_rng(0).integers(0, 256, SIZE, np.uint8)
    thinned = window.thinned(image)
    np.testing.assert_array_equal(thinned, window.cut(image)[::2, ::2])
    still = np.zeros((*thinned.shape, 2), np.float32)
    np.testing.assert_array_equal(window.lattice(image, still), thinned)
    across = still + np.float32([3, 0])
    np.testing.assert_array_equal(window.lattice(image, across), np.roll(image, -3, 1)[
        window.top : window.bottom : 2, window.left : window.right : 2])  # fmt: skip


@pytest.mark.parametrize('hole', [(slice(96, 144), slice(208, 272)), (slice(0, 40), slice(0, 60))])
def test_evidence_near_the_hole_is_that_of_the_whole_frame(hole, monkeypatch):
    noise = np.random.default_rng(0).standard_normal((SIZE[0], SIZE[1] + 12, 3))
    texture = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 3)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    frames = [np.ascontiguousarray(texture[:, k : k + SIZE[1]]) for k in (0, 4, 9)]
    references = References((KeptFrame(frames[1], 0.1), KeptFrame(frames[0], 0.0)))
    mask = np.zeros(SIZE, bool)
    mask[hole] = True
    part = extract_features(references, frames[2], mask, 0.2)
    monkeypatch.setattr(gathering, 'MARGIN', 1000)
    monkeypatch.setattr(gathering, 'MARGIN_WHOLE', 1000)
    whole = extract_features(references, frames[2], mask, 0.2)
    assert not part.channels[:, -1, -1].any()
    assert whole.channels[:, -1, -1].any()
    rows, columns = (
        slice(max(0, side.start - 16) // CELL, (side.stop + 16) // CELL) for side in hole
    )
    near = np.abs(part.channels - whole.channels)[:, rows, columns]
    assert near.max() < 0.3
    assert near.mean() < 0.006
    assert np.abs(part.aligned - whole.aligned)[mask[::2, ::2]].max() < 0.05
