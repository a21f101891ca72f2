# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's judgement, fed with outputs whose worth is known."""

import cv2
import numpy as np
import pytest

from siammcvae_core.faults.camera import Damaged, FaultInjector
from siammcvae_core.frames import Frame
from siammcvae_core.metrics import psnr
from siammcvae_ros.tools.demo.score import by_fault, drive, InStep, Judge, mean_psnr, Sent

SIZE = (96, 128)
PERIOD = 100_000_000


def street(step: int) -> np.ndarray:
    """Draw a smooth random scene that has moved 3 px to the left per step."""
    rng = np.random.default_rng(1)
    wide = cv2.GaussianBlur(rng.integers(0, 256, (96, 400, 3), np.uint8), (0, 0), 3)
    wide = cv2.normalize(wide, None, 0, 255, cv2.NORM_MINMAX)
    return np.ascontiguousarray(wide[:, 3 * step : 3 * step + 128])


def sent(step: int, mask: np.ndarray | None = None, fault: str = 'block:0.2') -> Sent:
    truth = street(step)
    if mask is None:
        damaged = Damaged(truth, np.zeros(SIZE, bool), None)
    else:
        damaged = Damaged(np.where(mask[..., None], np.uint8(0), truth), mask, fault)
    return Sent(step, step * PERIOD, truth, damaged)


def box() -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[30:70, 40:90] = True
    return mask


def marks(mask: np.ndarray) -> np.ndarray:
    return mask.view(np.uint8) * np.uint8(255)


def judge_after(*intact: int) -> Judge:
    judge = Judge(['warp', 'copy'])
    for step in intact:
        frame = sent(step)
        judge.judge(frame, frame.truth, marks(frame.damaged.mask))
    return judge


def test_perfect_restoration_has_the_highest_score_and_its_rung() -> None:
    frame = sent(2, box())
    verdict = judge_after(0, 1).judge(frame, frame.truth, marks(box()))
    assert (verdict.outcome, verdict.method, verdict.unscored) == ('restored', 'warp', '')
    assert (verdict.kept_exact, verdict.marked_exact) == (True, True)
    assert verdict.psnr['restored'] == 100
    assert verdict.lost_share == pytest.approx(box().mean())


def test_rivals_restore_from_the_last_intact_frames() -> None:
    frame = sent(2, box())
    verdict = judge_after(0, 1).judge(frame, frame.damaged.frame, marks(box()))
    assert verdict.psnr['copy'] == psnr(street(1), street(2), box())
    assert verdict.psnr['classical'] > verdict.psnr['copy'] + 5
    assert verdict.psnr['restored'] < verdict.psnr['copy']


def test_damaged_frames_are_no_reference_for_rivals() -> None:
    judge = judge_after(0)
    for step in (1, 2):
        frame = sent(step, box())
        verdict = judge.judge(frame, frame.truth, marks(box()))
    assert verdict.psnr['copy'] == psnr(street(0), street(2), box())
    assert verdict.psnr['classical'] == verdict.psnr['copy'], 'one reference has no motion'
    assert verdict.method == 'copy', 'the second of the rungs given'


def test_one_wrong_kept_pixel_shows() -> None:
    frame = sent(2, box())
    output = frame.truth.copy()
    output[0, 0, 1] ^= 1
    assert judge_after(0).judge(frame, output, marks(box())).kept_exact is False
    intact = sent(3)
    output = intact.truth.copy()
    output[-1, -1, 2] ^= 1
    assert judge_after(0).judge(intact, output, marks(np.zeros(SIZE, bool))).kept_exact is False


@pytest.mark.parametrize('claim', ['less', 'more', 'none came'])
def test_a_mask_that_lies_shows(claim: str) -> None:
    frame = sent(2, box())
    claimed = box()
    claimed[30, 40] = claim == 'more'
    claimed[0, 0] = claim == 'more'
    made_up = None if claim == 'none came' else marks(claimed)
    verdict = judge_after(0).judge(frame, frame.truth, made_up)
    assert verdict.marked_exact is False


def test_passed_on_damaged_frame_is_scored_as_it_came() -> None:
    frame = sent(2, box())
    verdict = judge_after(0, 1).judge(frame, frame.damaged.frame, np.zeros(SIZE, np.uint8))
    assert (verdict.outcome, verdict.kept_exact, verdict.marked_exact) == ('passed', True, True)
    assert verdict.psnr['restored'] == psnr(frame.damaged.frame, frame.truth, box())


def test_what_cannot_be_compared_is_left_out_by_name() -> None:
    frame = sent(2, box())
    early = judge_after().judge(frame, frame.damaged.frame, np.zeros(SIZE, np.uint8))
    assert (early.unscored, early.psnr) == ('no_reference', {})
    dropped = judge_after(0).judge(frame, None, None)
    assert (dropped.outcome, dropped.unscored, dropped.psnr) == ('dropped', 'no_output', {})
    assert dropped.kept_exact is None
    after_jump = judge_after(5).judge(frame, frame.truth, marks(box()))
    assert after_jump.unscored == 'no_reference', 'a frame of the future is no reference'


def test_means_are_per_frame_and_only_over_scored_ones() -> None:
    judge = judge_after(0, 1)
    frames = [sent(2, box()), sent(3, np.ones(SIZE, bool), 'full'), sent(4, box())]
    outputs = [frames[0].truth, street(0), None]
    verdicts = [
        judge.judge(frame, output, marks(frame.damaged.mask))
        for frame, output in zip(frames, outputs, strict=True)
    ]
    means = mean_psnr(verdicts)
    assert means['restored'] == pytest.approx((100 + psnr(street(0), street(3))) / 2)
    block, full = by_fault(verdicts)
    assert (block['fault'], block['frames'], block['scored']) == ('block:0.2', 2, 1)
    assert block['worst_restored'] == 100
    assert full['psnr_lost_restored'] == pytest.approx(psnr(street(0), street(3)))
    assert full['gain_over_copy'] < 0
    assert np.isnan(mean_psnr([])['copy'])


def test_recording_is_followed_by_stamp_with_gaps() -> None:
    recording = InStep([Frame(i, s, np.full((2, 2, 3), s, np.uint8)) for i, s in enumerate((1, 3))])
    found = [recording.at(stamp) for stamp in (1, 2, 3, 4)]
    assert [None if image is None else int(image[0, 0, 0]) for image in found] == [1, None, 3, None]
    assert recording.exhausted
    stranger = InStep([Frame(0, 9, np.zeros((2, 2, 3), np.uint8))])
    assert stranger.at(1) is None
    assert not stranger.exhausted


def test_drive_repeats_what_the_replay_sends() -> None:
    rgb = street(0)
    frames = [Frame(i, 7 + i, rgb, 'rgb8') for i in range(6)]
    source = type('Listed', (list,), {'stamped': False})(frames)
    injector = FaultInjector(['random:0.5'], 0.5, 3)
    again = list(drive(source, injector, 5, 1000))
    assert [frame.stamp for frame in again] == [1007, 1008, 1009, 1010, 1011]
    assert np.array_equal(again[0].truth, rgb[..., ::-1])
    assert {frame.damaged.fault for frame in again} == {None, 'random:0.5'}
    source.stamped = True
    assert next(drive(source, injector, 0, 1000)).stamp == 7
