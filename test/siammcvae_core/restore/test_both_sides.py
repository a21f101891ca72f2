# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Damaged frames of a recording are restored from those before and after them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from support.bags import raw, record, restore, with_masks
from support.bags import recorded as messages_of
from support.recorded_drive import images

from siammcvae_core.engines import Restoration
from siammcvae_core.metrics import psnr
from siammcvae_core.motion.references import ReferenceFrame, References
from siammcvae_core.restore.__main__ import main
from siammcvae_core.restore.interpolation import IntactPair, merge_all, MERGED
from siammcvae_core.restore.recordings import both_sides
from siammcvae_core.restore.recordings.both_sides import LONGEST, restore_from_both_sides
from siammcvae_core.restore.recordings.resumable_output import ResumableOutput
from siammcvae_core.restore.recordings.sequence import (
    FrameResult,
    MaskedFrame,
    restore_causally,
)
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer
from siammcvae_core.simulation.drive import DriveSim

SIZE = 320, 192
LOST = np.ones((192, 320), bool)
BAND = np.zeros((192, 320), bool)
BAND[64:128] = True


@pytest.fixture(scope='module')
def drive() -> list[np.ndarray]:
    return [frame.image for frame in DriveSim(SIZE, rate=30, frames=LONGEST + 8)]


def recorded(
    drive: Sequence[np.ndarray], lost: dict[int, np.ndarray]
) -> tuple[list[MaskedFrame], Iterator[MaskedFrame]]:
    """Record a drive of which some frames have lost pixels, black, as often as it is asked for."""
    frames = []
    for index, image in enumerate(drive):
        mask = lost.get(index)
        damaged = image if mask is None else np.where(mask[..., None], np.uint8(0), image)
        frames.append(MaskedFrame(index, index * 100_000_000, damaged, mask))
    return frames, iter(frames)


def steps(
    drive: Sequence[np.ndarray], lost: dict[int, np.ndarray], folder: Path, age: float = 1.0
) -> tuple[list[FrameResult], list[FrameResult]]:
    """Restore causally, and from both sides."""
    output = ResumableOutput(folder / 'out.mkv', {})
    both = []
    for improve in (False, True):
        _, frames = recorded(drive, lost)
        causal = restore_causally(frames, Restorer(max_reference_age=age), output)
        backward = Restorer(max_reference_age=age)
        both.append(list(restore_from_both_sides(causal, backward) if improve else causal))
    return both[0], both[1]


def quality(step: FrameResult, drive: Sequence[np.ndarray]) -> float:
    assert step.restored is not None
    truth = drive[step.frame.index]
    return psnr(step.restored.frame, truth, step.restored.mask)


@pytest.mark.parametrize('lost', [LOST, BAND])
@pytest.mark.parametrize('burst', [1, 3])
def test_both_sides_know_more_than_one(drive, tmp_path, lost, burst):
    causal, both = steps(drive[:12], dict.fromkeys(range(4, 4 + burst), lost), tmp_path)
    assert [step.frame.index for step in both] == list(range(12))
    for one, other in zip(causal[4 : 4 + burst], both[4 : 4 + burst], strict=True):
        assert other.restored.both_sides
        assert quality(other, drive) > quality(one, drive) + 0.5
        intact = ~other.restored.mask
        np.testing.assert_array_equal(other.restored.frame[intact], other.frame.frame[intact])
        error = other.restored.uncertainty()
        assert error.shape == lost.shape
        assert (error[lost] > 0).all()
        assert not error[~lost].any()
    assert all(step.restored is None for step in (*both[:4], *both[4 + burst :]))


def test_the_first_frames_are_restored_from_those_after(drive, tmp_path):
    causal, both = steps(drive[:5], {0: LOST, 1: BAND}, tmp_path)
    assert causal[0].restored.method is RestoreMethod.PASS
    assert [step.restored.method for step in both[:2]] == [RestoreMethod.WARP] * 2
    assert all(step.restored.both_sides for step in both[:2])


def test_the_last_frames_are_restored_from_those_before(drive, tmp_path):
    causal, both = steps(drive[:5], {3: LOST, 4: BAND}, tmp_path)
    for one, other in zip(causal, both, strict=True):
        assert other.restored is None or not other.restored.both_sides
        assert (one.restored is None) == (other.restored is None)
    np.testing.assert_array_equal(causal[4].restored.frame, both[4].restored.frame)


def test_what_lies_too_far_ahead_does_not_help(drive, tmp_path):
    causal, both = steps(drive[:14], dict.fromkeys(range(3, 11), LOST), tmp_path, age=0.25)
    methods = [step.restored.method.value for step in both[3:11]]
    assert methods == ['warp'] * 2 + ['pass'] * 4 + ['warp'] * 2
    assert [step.restored.method.value for step in causal[3:11]] == ['warp'] * 2 + ['pass'] * 6


def test_a_burst_too_long_to_wait_for_is_restored_causally(drive, tmp_path):
    lost = dict.fromkeys(range(3, 3 + LONGEST + 1), BAND)
    causal, both = steps(drive, lost, tmp_path, age=60)
    assert not any(step.restored.both_sides for step in both[3 : 3 + LONGEST + 1])
    np.testing.assert_array_equal(causal[20].restored.frame, both[20].restored.frame)


def test_large_frames_do_not_wait_in_memory(drive, tmp_path, monkeypatch):
    monkeypatch.setattr(both_sides, 'MOST_BYTES', 3 * drive[0].nbytes)
    _, both = steps(drive[:14], dict.fromkeys((3, 4, 5, 8, 9, 10, 11), BAND), tmp_path)
    assert [step.restored.both_sides for step in both[3:6]] == [True] * 3
    assert [step.restored.both_sides for step in both[8:12]] == [False] * 4


def test_a_change_of_size_ends_what_both_sides_know(drive, tmp_path):
    small = [image[:96, :160].copy() for image in drive[:4]]
    lost = {3: LOST, 4: np.ones((96, 160), bool)}
    frames = [*drive[:4], *small]
    causal, both = steps(frames, lost, tmp_path)
    assert [step.restored.frame.shape for step in both[3:5]] == [(192, 320, 3), (96, 160, 3)]
    np.testing.assert_array_equal(both[3].restored.frame, causal[3].restored.frame)


def test_steady_motion_is_interpolated_where_it_is():
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(0, 256, (30, 60, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    frames = [texture[20:212, 20 + shift : 340 + shift].copy() for shift in (0, 3, 6, 12)]
    before, after = (
        References((ReferenceFrame(frame, stamp),))
        for frame, stamp in ((frames[0], 1.0), (frames[3], -1.4))
    )
    pair = IntactPair.of(before, after)
    for frame, stamp in ((frames[1], 1.1), (frames[2], 1.2)):
        inner, lost = np.s_[16:-16, 32:-32], np.ones(frame.shape[:2], bool)
        assert (
            psnr(pair.interpolate(np.zeros_like(frame), lost, stamp).frame[inner], frame[inner])
            > 26
        )
    assert psnr(frames[0][inner], frames[2][inner]) < 18


def test_what_is_visible_tells_where_between_it_is():
    """A camera that stops turning between the intact frames is not where steady motion puts it."""
    rng = np.random.default_rng(0)
    texture = np.kron(rng.integers(0, 256, (30, 60, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    first, frame, last = (texture[20:212, 20 + shift : 340 + shift].copy() for shift in (0, 7, 8))
    lost = np.zeros(frame.shape[:2], bool)
    lost[80:112] = True
    before, after = (
        References((ReferenceFrame(image, stamp),)) for image, stamp in ((first, 0.0), (last, -0.2))
    )
    pair = IntactPair.of(before, after)
    hidden = np.where(lost[..., None], np.uint8(0), frame)
    seen = pair.interpolate(hidden, lost, 0.1).frame
    unseen = pair.interpolate(hidden, np.ones_like(lost), 0.1).frame
    inner = np.s_[84:108, 32:-32]
    assert psnr(seen[inner], frame[inner]) > psnr(unseen[inner], frame[inner]) + 5


def test_restorations_are_averaged_by_the_inverse_of_their_errors():
    frames = [np.full((8, 8, 3), level, np.uint8) for level in (10, 40)]
    errors = [np.full((8, 8), level, np.float32) for level in (1.0, 2.0)]
    parts = [Restoration(frame, error.copy) for frame, error in zip(frames, errors, strict=True)]
    merged = merge_all(parts, (1.0, 1.0))
    assert (merged.frame == 20).all()
    assert (merge_all(parts, (1.0, 4.0)).frame == 30).all()
    assert merged.expected_error is not None
    np.testing.assert_allclose(merged.expected_error(), MERGED * 2 / 1.5, rtol=1e-6)


def test_the_command_says_which_it_was(drive, tmp_path, capsys):
    for name in ('frames', 'masks'):
        (tmp_path / name).mkdir()
    for index, image in enumerate(drive[:8]):
        mask = LOST if index == 4 else ~LOST
        cv2.imwrite(str(tmp_path / 'frames' / f'{index}.png'), np.where(mask[..., None], 0, image))
        cv2.imwrite(str(tmp_path / 'masks' / f'{index}.png'), mask * np.uint8(255))
    restored = {}
    for options, said in (([], ', from both sides'), (['--causal'], '')):
        out = tmp_path / f'out{len(options)}.mkv'
        command = [str(tmp_path / 'frames'), str(out), '--mask', str(tmp_path / 'masks')]
        assert main([*command, '--weights', 'none', *options]) == 0
        assert f'8 frames: 7 intact, 1 restored: warp{said}.' in capsys.readouterr().out
        restored[len(options)] = images(out)[4]
    assert psnr(restored[0], drive[4]) > psnr(restored[1], drive[4]) + 1


def test_the_masks_of_a_bag_say_which_it_was(tmp_path):
    frames = [frame.image for frame in DriveSim((64, 48), rate=30, frames=8)]
    masks = [
        raw(number, np.full((48, 64), 255 * (number in (4, 7)), np.uint8), 'mono8')
        for number in range(8)
    ]
    images = [raw(number, image, 'bgr8') for number, image in enumerate(frames)]
    both = restore(record(tmp_path / 'bag', with_masks(images, masks)))
    causal = restore(record(tmp_path / 'again', with_masks(images, masks)), '--causal')
    marks = [
        [set(np.unique(mask.data).tolist()) for mask in messages_of(out, '/front/restored/mask')]
        for out in (both, causal)
    ]
    assert marks == [[{128}, {255}], [{255}, {255}]]
