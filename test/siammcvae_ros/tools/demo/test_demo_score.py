# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of the demo, for outputs whose scores are known."""

import cv2
import numpy as np
import pytest

from siammcvae_core.faults.camera import Damaged, FaultInjector
from siammcvae_core.frames import Frame
from siammcvae_core.metrics import psnr
from siammcvae_ros.tools.demo.score import (
    by_fault,
    FrameScorer,
    mean_psnr,
    RecordedFrames,
    sent_frames,
    SentFrame,
)

SIZE = (96, 128)
PERIOD = 100_000_000


def street(step: int) -> np.ndarray:
    """Draw a smooth random scene that has moved 3 px to the left per step."""
    rng = np.random.default_rng(1)
    wide = cv2.GaussianBlur(rng.integers(0, 256, (96, 400, 3), np.uint8), (0, 0), 3)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    return np.ascontiguousarray(wide[:, 3 * step : 3 * step + 128])


def sent(step: int, mask: np.ndarray | None = None, fault: str = 'block:0.2') -> SentFrame:
    truth = street(step)
    if mask is None:
        damaged = Damaged(truth, np.zeros(SIZE, bool), None)
    else:
        damaged = Damaged(np.where(mask[..., None], np.uint8(0), truth), mask, fault)
    return SentFrame(step, step * PERIOD, truth, damaged)


def box() -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[30:70, 40:90] = True
    return mask


def marks(mask: np.ndarray) -> np.ndarray:
    return mask.view(np.uint8) * np.uint8(255)


def scorer_after(*intact: int) -> FrameScorer:
    scorer = FrameScorer(['warp', 'copy'])
    for step in intact:
        frame = sent(step)
        scorer.score(frame, frame.truth, marks(frame.damaged.mask))
    return scorer


def test_perfect_restoration_has_the_highest_score_and_its_method() -> None:
    frame = sent(2, box())
    score = scorer_after(0, 1).score(frame, frame.truth, marks(box()))
    assert (score.outcome, score.method, score.unscored) == ('restored', 'warp', '')
    assert (score.kept_exact, score.marked_exact) == (True, True)
    assert score.psnr['restored'] == 100
    assert score.lost_share == pytest.approx(box().mean())


def test_copy_and_motion_use_the_last_intact_frames() -> None:
    frame = sent(2, box())
    score = scorer_after(0, 1).score(frame, frame.damaged.frame, marks(box()))
    assert score.psnr['copy'] == psnr(street(1), street(2), box())
    assert score.psnr['classical'] > score.psnr['copy'] + 5
    assert score.psnr['restored'] < score.psnr['copy']


def test_damaged_frames_are_no_reference() -> None:
    scorer = scorer_after(0)
    for step in (1, 2):
        frame = sent(step, box())
        score = scorer.score(frame, frame.truth, marks(box()))
    assert score.psnr['copy'] == psnr(street(0), street(2), box())
    assert score.psnr['classical'] == score.psnr['copy'], 'one reference has no motion'
    assert score.method == 'copy', 'the second of the methods given'


def test_one_wrong_kept_pixel_shows() -> None:
    frame = sent(2, box())
    output = frame.truth.copy()
    output[0, 0, 1] ^= 1
    assert scorer_after(0).score(frame, output, marks(box())).kept_exact is False
    intact = sent(3)
    output = intact.truth.copy()
    output[-1, -1, 2] ^= 1
    assert scorer_after(0).score(intact, output, marks(np.zeros(SIZE, bool))).kept_exact is False


@pytest.mark.parametrize('claim', ['less', 'more', 'none came'])
def test_wrong_mask_shows(claim: str) -> None:
    frame = sent(2, box())
    claimed = box()
    claimed[30, 40] = claim == 'more'
    claimed[0, 0] = claim == 'more'
    restored_mask = None if claim == 'none came' else marks(claimed)
    score = scorer_after(0).score(frame, frame.truth, restored_mask)
    assert score.marked_exact is False


def test_passed_on_damaged_frame_is_scored_as_it_came() -> None:
    frame = sent(2, box())
    score = scorer_after(0, 1).score(frame, frame.damaged.frame, np.zeros(SIZE, np.uint8))
    assert (score.outcome, score.kept_exact, score.marked_exact) == ('passed', True, True)
    assert score.psnr['restored'] == psnr(frame.damaged.frame, frame.truth, box())


def test_unscored_frames_say_why() -> None:
    frame = sent(2, box())
    early = scorer_after().score(frame, frame.damaged.frame, np.zeros(SIZE, np.uint8))
    assert (early.unscored, early.psnr) == ('no_reference', {})
    dropped = scorer_after(0).score(frame, None, None)
    assert (dropped.outcome, dropped.unscored, dropped.psnr) == ('dropped', 'no_output', {})
    assert dropped.kept_exact is None
    after_jump = scorer_after(5).score(frame, frame.truth, marks(box()))
    assert after_jump.unscored == 'no_reference', 'a frame of the future is no reference'


def test_means_are_per_frame_and_only_over_scored_ones() -> None:
    scorer = scorer_after(0, 1)
    frames = [sent(2, box()), sent(3, np.ones(SIZE, bool), 'full'), sent(4, box())]
    outputs = [frames[0].truth, street(0), None]
    scores = [
        scorer.score(frame, output, marks(frame.damaged.mask))
        for frame, output in zip(frames, outputs, strict=True)
    ]
    means = mean_psnr(scores)
    assert means['restored'] == pytest.approx((100 + psnr(street(0), street(3))) / 2)
    block, full = by_fault(scores)
    assert (block['fault'], block['frames'], block['scored']) == ('block:0.2', 2, 1)
    assert block['worst_restored'] == 100
    assert full['psnr_lost_restored'] == pytest.approx(psnr(street(0), street(3)))
    assert full['gain_over_copy'] < 0
    assert np.isnan(mean_psnr([])['copy'])


def test_recording_is_followed_by_stamp_with_gaps() -> None:
    recording = RecordedFrames(
        [Frame(i, s, np.full((2, 2, 3), s, np.uint8)) for i, s in enumerate((1, 3))]
    )
    found = [recording.at(stamp) for stamp in (1, 2, 3, 4)]
    assert [None if image is None else int(image[0, 0, 0]) for image in found] == [1, None, 3, None]
    assert recording.exhausted
    stranger = RecordedFrames([Frame(0, 9, np.zeros((2, 2, 3), np.uint8))])
    assert stranger.at(1) is None
    assert not stranger.exhausted


def test_drive_repeats_what_the_replay_sends() -> None:
    rgb = street(0)
    frames = [Frame(i, 7 + i, rgb, 'rgb8') for i in range(6)]
    source = type('Listed', (list,), {'stamped': False})(frames)
    injector = FaultInjector(['random:0.5'], 0.5, 3)
    again = list(sent_frames(source, injector, 5, 1000))
    assert [frame.stamp for frame in again] == [1007, 1008, 1009, 1010, 1011]
    assert np.array_equal(again[0].truth, rgb[..., ::-1])
    assert {frame.damaged.fault for frame in again} == {None, 'random:0.5'}
    source.stamped = True
    assert next(sent_frames(source, injector, 0, 1000)).stamp == 7
