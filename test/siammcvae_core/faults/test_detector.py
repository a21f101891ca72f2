# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The detector finds what faults lose, leaves intact drives alone, and never raises."""

import cv2
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from siammcvae_core.data.drive_sim import DriveSim
from siammcvae_core.errors import FrameError
from siammcvae_core.faults.camera import FaultInjector
from siammcvae_core.faults.detector import CLASSES, Detection, Detector
from siammcvae_core.faults.masks import CELL

SIZE = (320, 192)
FIRST = 6  # frames before the fault
BURST = 5


@pytest.fixture(scope='module')
def drive() -> list[np.ndarray]:
    """Render a drive as a camera delivers it: with noise."""
    rng = np.random.default_rng(3)
    frames = [frame.image for frame in DriveSim(SIZE, frames=FIRST + BURST + 12)]
    noise = [rng.normal(0, 1.5, frame.shape) for frame in frames]
    return [
        np.clip(frame + added, 0, 255).round().astype(np.uint8)
        for frame, added in zip(frames, noise, strict=True)
    ]


def cells(mask: np.ndarray) -> np.ndarray:
    """Find the cells with any lost pixel."""
    below, beyond = (-side % CELL for side in mask.shape)
    return np.pad(mask, ((0, below), (0, beyond))).reshape(
        -1, CELL, (mask.shape[1] + beyond) // CELL, CELL
    ).any(axis=(1, 3))  # fmt: skip


def play(frames: list[np.ndarray], spec: str) -> list[tuple[Detection, np.ndarray]]:
    """Strike the frames from FIRST to FIRST + BURST; give each with its lost cells."""
    injector, detector = FaultInjector([spec], 1.0, 4, 1000), Detector()
    played = []
    for number, frame in enumerate(frames):
        mask = np.zeros(frame.shape[:2], bool)
        if number == FIRST - 1:
            injector.inject(number, frame)  # what the camera holds when the fault begins
        if FIRST <= number < FIRST + BURST:
            damaged = injector.inject(number, frame)
            frame, mask = damaged.frame, damaged.mask
        played.append((detector.inspect(frame, number * 0.1), cells(mask)))
    return played


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
    played = play(frames, spec)
    struck = played[FIRST : FIRST + BURST]
    lost = np.stack([lost for _, lost in struck])
    mask = np.stack([found.mask for found, _ in struck])
    assert mask[lost].mean() >= recall
    if (~lost).any():
        assert mask[~lost].mean() <= 0.05
    assert names & {name for found, _ in struck for name in found.found}
    after = np.stack([found.mask for found, _ in played[FIRST + BURST + 1 :]])
    assert after.mean() <= 0.005
    assert not any(found.mask.any() for found, _ in played[:FIRST])


def test_frozen_frame_is_told_from_a_still_camera(drive: list[np.ndarray]) -> None:
    detector = Detector()
    rng = np.random.default_rng(0)
    still = drive[0].astype(np.int16)
    for number in range(5):  # nothing moves, but the sensor's noise does
        noisy = np.clip(still + rng.integers(-1, 2, still.shape), 0, 255).astype(np.uint8)
        assert not detector.inspect(noisy, number * 0.1).mask.any()
    found = detector.inspect(noisy.copy(), 0.5)
    assert found.mask.all()
    assert found.found == ('frozen',)
    assert not detector.inspect(drive[1], 0.6).mask.any()


def test_tear_is_held_until_its_seam_is_gone(drive: list[np.ndarray]) -> None:
    played = play(drive, 'tearing:0.4')
    for found, lost in played[FIRST : FIRST + BURST]:
        assert np.array_equal(found.mask, lost)
        assert found.found == ('torn',)
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
        found = detector.inspect(frame.round().astype(np.uint8), number * 0.1)
        assert ('torn' in found.found) == (FIRST <= number < 31), number  # a frame to be sure


def test_tear_that_nobody_saw_begin(drive: list[np.ndarray]) -> None:
    """Rows that come a frame late repeat nothing that was delivered; only their seam shows."""
    detector, top = Detector(), 112
    for number in range(1, len(drive)):
        frame = drive[number].copy()
        frame[top:] = drive[number - 1][top:]
        found = detector.inspect(frame, number * 0.1)
    assert found.found == ('torn',)
    assert np.array_equal(found.mask.all(axis=1), np.arange(found.mask.shape[0]) >= top // CELL)


def test_content_that_sinks_by_a_row_is_not_torn(drive: list[np.ndarray]) -> None:
    """Every row then fits on to the row above it of the frame before."""
    detector, rng = Detector(), np.random.default_rng(5)
    tall = np.vstack([drive[0][::-1], drive[0], drive[0][::-1]])
    for number in range(30):
        view = tall[40 - number : 40 - number + SIZE[1]]
        noisy = view.astype(np.int16) + rng.integers(-1, 2, view.shape)
        found = detector.inspect(np.clip(noisy, 0, 255).astype(np.uint8), number * 0.1)
        assert 'torn' not in found.found


def test_drops_are_found_where_they_cover_detail(drive: list[np.ndarray]) -> None:
    played = play(drive, 'droplets:0.2')
    struck = played[FIRST : FIRST + BURST]
    lost = np.stack([lost for _, lost in struck])
    mask = np.stack([found.mask for found, _ in struck])
    assert mask[lost].mean() >= 0.45
    assert mask[~lost].mean() <= 0.15
    assert {name for found, _ in struck for name in found.found} == {'blur'}


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
        found = detector.inspect(frame, number * 0.1).mask
        if last.any() and (mask != last).any():
            shares.append(found[cells(mask)].mean())
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
        found = detector.inspect(frame, number * 0.1)
    assert not found.mask.any()


def test_highlights_are_followed_as_they_move(drive: list[np.ndarray]) -> None:
    detector = Detector()
    for number, frame in enumerate(drive):
        left = 40 + 6 * max(number - FIRST, 0)
        if number >= FIRST:
            frame = frame.copy()
            frame[40:110, left : left + 90] = 255
        found = detector.inspect(frame, number * 0.1)
    assert found.mask[3:6, left // CELL + 1 : (left + 90) // CELL].all()
    assert not found.mask[:, : left // CELL - 2].any()


def test_smear_of_a_decoder(drive: list[np.ndarray]) -> None:
    frame = drive[8].copy()
    frame[96:160, 64:192] = frame[95:96, 64:192]
    detector = Detector()
    detector.inspect(drive[7], 0.7)
    found = detector.inspect(frame, 0.8)
    lost = np.zeros_like(found.mask)
    lost[6:10, 4:12] = True
    assert found.mask[lost].mean() > 0.8
    assert not found.mask[~lost].any()


def test_mud_stays_found_while_the_world_moves() -> None:
    detector = Detector()
    frames = [frame.image for frame in DriveSim(SIZE, frames=60)]
    for number, frame in enumerate(frames):
        if number >= 5:
            frame[50:120, 100:200] = (28, 40, 52)
        found = detector.inspect(frame, number * 0.1)
        assert found.mask.any() == (number >= 5)
        if number >= 5:
            assert found.mask[4:7, 7:12].all()


def test_bars_of_a_format_are_no_fault() -> None:
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


def test_a_flat_frame_is_lost() -> None:
    """A sensor never delivers one colour throughout; a cap on the lens is a loss, too."""
    for level in (0, 77, 255):
        found = Detector().inspect(np.full((64, 96, 3), level, np.uint8), 0.0)
        assert found.mask.all()


def test_pixels_are_the_cells_cut_to_the_frame() -> None:
    found = Detector().inspect(np.zeros((40, 50), np.uint8), 0.0)
    assert found.mask.shape == (3, 4)
    found.wholly[:] = np.arange(12).reshape(3, 4) % 5 == 0
    pixels = found.pixels()
    assert pixels.dtype == bool
    assert np.array_equal(pixels, found.wholly.repeat(16, 0).repeat(16, 1)[:40, :50])


@pytest.mark.parametrize('turned', [False, True])
def test_of_lines_only_they_and_those_beside_them_are_lost(
    drive: list[np.ndarray], turned: bool
) -> None:
    first, damaged = (
        np.ascontiguousarray(frame.swapaxes(0, 1)) if turned else frame.copy()
        for frame in drive[:2]
    )
    damaged[[40, 100, 101]], damaged[16:32, 48:80] = 255, 0
    due = np.zeros(damaged.shape[:2], bool)
    due[39:42] = due[99:103] = due[16:32, 48:80] = True
    detector = Detector()
    detector.inspect(first, 0.0)
    found = detector.inspect(damaged, 0.1)
    assert np.array_equal(found.pixels(), due)
    assert np.array_equal(np.flatnonzero(found.rows), [40, 100, 101])
    assert found.mask[2].all()


def test_of_noise_only_its_runs_are_lost(drive: list[np.ndarray]) -> None:
    lost = np.zeros(SIZE[::-1], bool)
    lost.ravel()[20 * SIZE[0] + 100 : 26 * SIZE[0] + 40] = True
    damaged = drive[1].copy()
    damaged[lost] = np.random.default_rng(0).integers(0, 256, damaged[lost].shape, np.uint8)
    detector = Detector()
    detector.inspect(drive[0], 0.0)
    found = detector.inspect(damaged, 0.1)
    assert found.found == ('noise',)
    assert (found.pixels() & lost).sum() > 0.99 * lost.sum()
    assert (found.pixels() & ~lost).sum() < 0.5 * lost.sum()


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
        found = detector.inspect(frame, stamp)
        grid = (-(-size[0] // CELL), -(-size[1] // CELL))
        assert found.mask.shape == found.classes.shape == found.confidence.shape == grid
        assert (found.mask.dtype, found.confidence.dtype) == (bool, np.float32)
        assert np.array_equal(found.mask, found.classes > 0)
        assert np.array_equal(found.mask, found.confidence > 0)
        assert found.confidence.max() <= 1
        assert set(found.found) <= set(CLASSES[1:])


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
    found = Detector().inspect(frame, 0.0)
    assert found.mask[32:64, 64:128].all()
