# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector finds what faults lose, leaves intact drives alone, and never raises."""

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from support.damaged_drive import BURST, FIRST, inspect_drive, SIZE

from siammcvae_core.detection.detector import CLASSES, Detector
from siammcvae_core.errors import FrameError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.masks import CELL
from siammcvae_core.simulation.drive import DriveSim


@pytest.mark.parametrize(
    ('spec', 'recall', 'names'),
    [
        ('random:0.5', 1.0, {'flat'}),
        ('random:0.1', 1.0, {'flat'}),
        ('grid:0.75', 1.0, {'flat'}),
        ('tube:0.75', 1.0, {'flat'}),
        ('dual:0.75', 1.0, {'flat'}),
        ('motion:0.75', 1.0, {'flat'}),
        ('slices:0.3', 1.0, {'flat'}),
        ('band:0.25', 1.0, {'line'}),
        ('block:0.15', 0.99, {'flat'}),
        ('dirt:0.2', 0.8, {'flat'}),
        ('full', 1.0, {'flat'}),
        ('dead_rows:0.03', 1.0, {'line'}),
        ('dead_columns:0.03', 1.0, {'line'}),
        ('noise:0.2', 0.98, {'noise'}),
        ('glare:0.25', 0.6, {'light', 'burnt'}),
        ('burn:0.2', 0.55, {'burnt'}),
    ],
)
@pytest.mark.parametrize('grey', [False, True])
def test_finds_the_fault_and_little_else(
    drive: list[np.ndarray], spec: str, recall: float, names: set[str], grey: bool
) -> None:
    frames = [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in drive] if grey else drive
    played = inspect_drive(frames, spec)
    damaged = played[FIRST : FIRST + BURST]
    lost = np.stack([lost for _, lost in damaged])
    mask = np.stack([detection.mask for detection, _ in damaged])
    assert mask[lost].mean() >= recall
    if (~lost).any():
        assert mask[~lost].mean() <= 0.05
    assert names & {name for detection, _ in damaged for name in detection.names}
    after = np.stack([detection.mask for detection, _ in played[FIRST + BURST + 1 :]])
    assert after.mean() <= 0.005
    assert not any(detection.mask.any() for detection, _ in played[:FIRST])


def test_frozen_frame_is_distinguished_from_a_still_camera(drive: list[np.ndarray]) -> None:
    detector = Detector()
    rng = np.random.default_rng(0)
    still = drive[0].astype(np.int16)
    for number in range(5):  # nothing moves, but the sensor's noise does
        noisy = np.clip(still + rng.integers(-1, 2, still.shape), 0, 255).astype(np.uint8)
        assert not detector.inspect(noisy, number * 0.1).mask.any()
    detection = detector.inspect(noisy.copy(), 0.5)
    assert detection.mask.all()
    assert detection.names == ('frozen',)
    assert not detector.inspect(drive[1], 0.6).mask.any()


def test_letterbox_bars_are_no_fault() -> None:
    detector = Detector()
    for number, frame in enumerate(DriveSim(SIZE, frames=8)):
        boxed = cv2.copyMakeBorder(frame.image, 40, 40, 0, 0, cv2.BORDER_CONSTANT)
        if number < 6:
            assert not detector.inspect(boxed, number * 0.1).mask.any()
        else:
            boxed[60:110, 100:180] = 0
            assert detector.inspect(boxed, number * 0.1).mask[4:6, 7:11].all()


def test_rendered_drive_raises_no_alarm() -> None:
    detector = Detector()
    for frame in DriveSim((640, 360), frames=30):
        assert not detector.inspect(frame.image, frame.stamp * 1e-9).mask.any()


def test_another_size_or_an_earlier_stamp_starts_anew(drive: list[np.ndarray]) -> None:
    detector = Detector()
    detector.inspect(drive[0], 1.0)
    assert detector.inspect(drive[0], 1.1).mask.all()
    assert not detector.inspect(drive[0], 1.0).mask.any()
    assert not detector.inspect(np.ascontiguousarray(drive[0][:100]), 1.1).mask.any()
    assert not detector.inspect(np.ascontiguousarray(drive[0][:100, :, 0]), 1.2).mask.any()
    detector.reset()
    assert not detector.inspect(drive[0], 1.3).mask.any()


def test_a_uniform_frame_is_lost() -> None:
    """A sensor never delivers one colour throughout; a cap on the lens is a loss, too."""
    for level in (0, 77, 255):
        detection = Detector().inspect(np.full((64, 96, 3), level, np.uint8), 0.0)
        assert detection.mask.all()


def test_pixels_are_the_cells_cut_to_the_frame() -> None:
    detection = Detector().inspect(np.zeros((40, 50), np.uint8), 0.0)
    assert detection.mask.shape == (3, 4)
    detection.whole_cells[:] = np.arange(12).reshape(3, 4) % 5 == 0
    pixels = detection.pixels()
    assert pixels.dtype == bool
    assert np.array_equal(pixels, detection.whole_cells.repeat(16, 0).repeat(16, 1)[:40, :50])


@pytest.mark.parametrize('turned', [False, True])
def test_dead_lines_lose_themselves_and_their_neighbours_only(
    drive: list[np.ndarray], turned: bool
) -> None:
    first, damaged = (
        np.ascontiguousarray(frame.swapaxes(0, 1)) if turned else frame.copy()
        for frame in drive[:2]
    )
    damaged[[40, 100, 101]], damaged[16:32, 48:80] = 255, 0
    expected = np.zeros(damaged.shape[:2], bool)
    expected[39:42] = expected[99:103] = expected[16:32, 48:80] = True
    detector = Detector()
    detector.inspect(first, 0.0)
    detection = detector.inspect(damaged, 0.1)
    assert np.array_equal(detection.pixels(), expected)
    assert np.array_equal(np.flatnonzero(detection.rows), [40, 100, 101])
    assert detection.mask[2].all()


def test_noise_loses_its_runs_only(drive: list[np.ndarray]) -> None:
    lost = np.zeros(SIZE[::-1], bool)
    lost.ravel()[20 * SIZE[0] + 100 : 26 * SIZE[0] + 40] = True
    damaged = drive[1].copy()
    damaged[lost] = np.random.default_rng(0).integers(0, 256, damaged[lost].shape, np.uint8)
    detector = Detector()
    detector.inspect(drive[0], 0.0)
    detection = detector.inspect(damaged, 0.1)
    assert detection.names == ('noise',)
    assert (detection.pixels() & lost).sum() > 0.99 * lost.sum()
    assert (detection.pixels() & ~lost).sum() < 0.5 * lost.sum()


def test_refuses_what_is_no_frame() -> None:
    with pytest.raises(FrameError):
        Detector().inspect(np.zeros((10, 10, 4), np.uint8), 0.0)


SHAPES = st.tuples(st.integers(1, 70), st.integers(1, 70))
KINDS = ('random', 'flat', 'repeat', 'rows', 'columns', 'few', 'gradient', 'lattice')


def picture(kind: str, shape: tuple[int, ...], seed: int, before: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(seed)
    frame = np.empty(shape, np.uint8)
    if kind == 'repeat' and before.shape == shape:
        return before.copy()
    if kind == 'gradient':
        frame[:] = np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1)) * 3
    elif kind == 'few':
        frame[:] = rng.integers(0, 2, shape) * 255
    elif kind == 'flat':
        frame[:] = rng.integers(256)
    else:
        frame[:] = rng.integers(0, 256, shape)
    if kind == 'rows':
        frame[rng.integers(0, shape[0], 3)] = rng.choice([0, 255])
    elif kind == 'columns':
        frame[:, rng.integers(0, shape[1], 3)] = rng.choice([0, 255])
    elif kind == 'lattice':
        frame[::32] = 0
        frame[:16, :16] = 255
    return frame


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(KINDS), SHAPES, st.booleans(), st.integers(0, 99), st.floats(-9, 9)
        ),
        min_size=1, max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
def test_never_raises_and_keeps_its_contract(
    stream: list[tuple[str, tuple[int, int], bool, int, float]], one_size: bool
) -> None:
    detector = Detector()
    frame = np.zeros((1, 1), np.uint8)
    for number, (kind, size, colour, seed, stamp) in enumerate(stream):
        if one_size:
            size, colour, stamp = stream[0][1], stream[0][2], number * 0.1
        frame = picture(kind, (*size, 3) if colour else size, seed, frame)
        frame.setflags(write=False)
        detection = detector.inspect(frame, stamp)
        grid = (-(-size[0] // CELL), -(-size[1] // CELL))
        assert detection.mask.shape == detection.classes.shape == detection.confidence.shape == grid
        assert (detection.mask.dtype, detection.confidence.dtype) == (bool, np.float32)
        assert np.array_equal(detection.mask, detection.classes > 0)
        assert np.array_equal(detection.mask, detection.confidence > 0)
        assert detection.confidence.max() <= 1
        assert set(detection.names) <= set(CLASSES[1:])


def test_same_frames_give_same_masks(drive: list[np.ndarray]) -> None:
    injector = FaultInjector(['block:0.2', 'glare:0.2', 'freeze'], 0.5, 0, 3)
    frames = [injector.inject(number, frame).frame for number, frame in enumerate(drive)]
    first, second = Detector(), Detector()
    for number, frame in enumerate(frames):
        one, other = first.inspect(frame, number * 0.1), second.inspect(frame.copy(), number * 0.1)
        assert np.array_equal(one.classes, other.classes)


def test_huge_frame() -> None:
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (2160, 3840), np.uint8)
    frame[512:1024, 1024:2048] = 40
    detection = Detector().inspect(frame, 0.0)
    assert detection.mask[32:64, 64:128].all()
