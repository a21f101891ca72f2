# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""What lasts is followed until it ends: tears, drops, light, highlights, mud."""

import cv2
import numpy as np
import pytest
from support.damaged_drive import BURST, FIRST, inspect_drive, lost_cells, SIZE

from siammcvae_core.detection.detector import Detector
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.masks import CELL
from siammcvae_core.simulation.drive import DriveSim


def test_tear_is_followed_until_its_seam_is_gone(drive: list[np.ndarray]) -> None:
    played = inspect_drive(drive, 'tearing:0.4')
    for detection, lost in played[FIRST : FIRST + BURST]:
        assert np.array_equal(detection.mask, lost)
        assert detection.names == ('torn',)
    assert not played[-1][0].mask.any()


def test_tear_with_a_faint_seam_is_followed() -> None:
    """Single segments hardly tell it from noise; all of them, frame after frame, do."""
    rng, detector, top = np.random.default_rng(3), Detector(), 144
    frames = [
        np.clip(0.2 * frame.image + 80 + rng.normal(0, 1.5, frame.image.shape), 0, 255)
        for frame in DriveSim(SIZE, frames=40)
    ]
    for number in range(1, len(frames)):
        frame = frames[number].copy()
        if FIRST <= number < 30:
            frame[top:] = frames[number - 1][top:]
        detection = detector.inspect(frame.round().astype(np.uint8), number * 0.1)
        assert ('torn' in detection.names) == (FIRST <= number < 31), number  # a frame to be sure


def test_tear_that_nobody_saw_begin(drive: list[np.ndarray]) -> None:
    """Rows that come a frame late repeat nothing that was delivered; only their seam shows."""
    detector, top = Detector(), 112
    for number in range(1, len(drive)):
        frame = drive[number].copy()
        frame[top:] = drive[number - 1][top:]
        detection = detector.inspect(frame, number * 0.1)
    assert detection.names == ('torn',)
    assert np.array_equal(
        detection.mask.all(axis=1), np.arange(detection.mask.shape[0]) >= top // CELL
    )


def test_content_that_sinks_by_a_row_is_not_torn(drive: list[np.ndarray]) -> None:
    """Every row then fits on to the row above it of the frame before."""
    detector, rng = Detector(), np.random.default_rng(5)
    tall = np.vstack([drive[0][::-1], drive[0], drive[0][::-1]])
    for number in range(30):
        view = tall[40 - number : 40 - number + SIZE[1]]
        noisy = view.astype(np.int16) + rng.integers(-1, 2, view.shape)
        detection = detector.inspect(np.clip(noisy, 0, 255).astype(np.uint8), number * 0.1)
        assert 'torn' not in detection.names


def test_drops_are_found_where_they_cover_detail(drive: list[np.ndarray]) -> None:
    played = inspect_drive(drive, 'droplets:0.2')
    damaged = played[FIRST : FIRST + BURST]
    lost = np.stack([lost for _, lost in damaged])
    mask = np.stack([detection.mask for detection, _ in damaged])
    assert mask[lost].mean() >= 0.45
    assert mask[~lost].mean() <= 0.15
    assert {name for detection, _ in damaged for name in detection.names} == {'blur'}


@pytest.mark.parametrize(
    ('spec', 'seed', 'least'), [('droplets:0.2', 4, 0.4), ('glare:0.25', 0, 0.45)]
)
def test_what_follows_another_of_its_kind_at_once(
    drive: list[np.ndarray], spec: str, seed: int, least: float
) -> None:
    injector, detector = FaultInjector([spec], 1.0, seed, BURST), Detector()
    last, shares = np.zeros(SIZE[::-1], bool), []
    for number, frame in enumerate(drive[: FIRST + 2 * BURST]):
        mask = np.zeros_like(last)
        if number >= FIRST - 1:
            damaged = injector.inject(number, frame)
            if number >= FIRST:
                frame, mask = damaged.frame, damaged.mask
        flagged = detector.inspect(frame, number * 0.1).mask
        if last.any() and (mask != last).any():
            shares.append(flagged[lost_cells(mask)].mean())
        last = mask
    assert shares[0] >= least


def test_light_that_goes_leaves_a_smooth_sky() -> None:
    """What comes to sight as one colour was not covered by it."""
    rng = np.random.default_rng(1)
    haze = np.clip(np.arange(192) - 64, 0, None)[:, None, None] * np.full((1, 320, 3), 0.5)
    haze += haze * cv2.blur(rng.normal(0, 0.7, haze.shape), (3, 3))
    plain = np.clip(190 - haze, 0, 255).round().astype(np.uint8)
    glare = np.exp(-np.hypot(*np.mgrid[-48:144, -160:160]) / 60)[..., None]
    lit = np.clip(plain + 250 * glare, 0, 255).round().astype(np.uint8)
    detector = Detector()
    for number in range(12):
        frame = (lit if number < 4 else plain).copy()
        frame[100 + number, 7] += 1  # or it would be frozen
        detection = detector.inspect(frame, number * 0.1)
    assert not detection.mask.any()


def test_highlights_are_followed_as_they_move(drive: list[np.ndarray]) -> None:
    detector = Detector()
    for number, frame in enumerate(drive):
        left = 40 + 6 * max(number - FIRST, 0)
        if number >= FIRST:
            frame = frame.copy()
            frame[40:110, left : left + 90] = 255
        detection = detector.inspect(frame, number * 0.1)
    assert detection.mask[3:6, left // CELL + 1 : (left + 90) // CELL].all()
    assert not detection.mask[:, : left // CELL - 2].any()


def test_smear_of_a_decoder(drive: list[np.ndarray]) -> None:
    frame = drive[8].copy()
    frame[96:160, 64:192] = frame[95:96, 64:192]
    detector = Detector()
    detector.inspect(drive[7], 0.7)
    detection = detector.inspect(frame, 0.8)
    lost = np.zeros_like(detection.mask)
    lost[6:10, 4:12] = True
    assert detection.mask[lost].mean() > 0.8
    assert not detection.mask[~lost].any()


def test_mud_stays_found_while_the_world_moves() -> None:
    detector = Detector()
    frames = [frame.image for frame in DriveSim(SIZE, frames=60)]
    for number, frame in enumerate(frames):
        if number >= 5:
            frame[50:120, 100:200] = (28, 40, 52)
        detection = detector.inspect(frame, number * 0.1)
        assert detection.mask.any() == (number >= 5)
        if number >= 5:
            assert detection.mask[4:7, 7:12].all()
