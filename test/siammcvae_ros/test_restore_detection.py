# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames whose faults the node finds itself: a camera with a real restorer."""

import numpy as np
import pytest
from support.stream import BAND, damaged, HEIGHT, MS, NOTHING, view, WIDTH

from siammcvae_core.detection.detector import Detector
from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restorer import Restorer
from siammcvae_ros.bridge.camera_state import camera_state, SubscriptionStatus
from siammcvae_ros.bridge.diagnostics import camera_status
from siammcvae_ros.frame_path.camera import Camera
from siammcvae_ros.frame_path.inspection import DetectorMode, Inspection
from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode
from siammcvae_ros.frame_path.output_queue import CameraFrame, OutputQueue
from siammcvae_ros.frame_path.policy import FramePolicy, MissingMask, OnFailure

CORNER = np.zeros((HEIGHT, WIDTH), np.uint8)
CORNER[:16, :16] = 255


class Rig:
    """A camera whose frames are inspected, its output recorded; it works when `work` is called."""

    def __init__(self, mode=DetectorMode.ONLY, **policy):
        self.out = []
        masks = MaskMode.OFF if mode is DetectorMode.ONLY else MaskMode.PER_FRAME
        self.camera = Camera(
            'front',
            Restorer(),
            MaskMatcher(masks),
            OutputQueue(self),
            FramePolicy(**policy),
            lambda: None,
            Inspection(mode),
        )

    def pass_through(self, frame):
        self.out.append((frame.message, None))

    def publish(self, frame, restored):
        self.out.append((frame.message, restored))

    def frame(self, index, pixels=None, mask=None, encoding='bgr8'):
        if mask is not None:
            self.camera.mask(index * 100 * MS, mask)
        pixels = view(index) if pixels is None else pixels
        self.camera.receive(CameraFrame(index, index * 100 * MS, index * 0.1, pixels, encoding))

    def serve(self, index, pixels=None, mask=None, encoding='bgr8'):
        """Receive a frame and return its restoration, None if it passed through."""
        self.frame(index, pixels, mask, encoding)
        self.work()
        number, restored = self.out[-1]
        assert number == index
        return restored

    def work(self):
        while self.camera.has_pending:
            self.camera.process_next()

    @property
    def counters(self):
        return self.camera.snapshot().counters

    @property
    def detector(self):
        return self.camera.snapshot().detector


def begin(mode=DetectorMode.ONLY, channels=3, encoding='bgr8', **policy):
    """Return a rig that has observed three intact frames."""
    rig = Rig(mode, **policy)
    for index in range(3):
        mask = None if mode is DetectorMode.ONLY else NOTHING
        assert rig.serve(index, view(index, channels), mask, encoding) is None
    assert rig.counters.passed == {'intact': 3}
    return rig


@pytest.mark.parametrize(
    ('encoding', 'channels'), [('bgr8', 3), ('rgb8', 3), ('mono8', 1), ('rgba8', 4)]
)
def test_only_restores_what_it_finds_and_keeps_the_rest(encoding, channels):
    rig = begin(channels=channels, encoding=encoding)
    pixels = damaged(3, channels=channels)
    restored = rig.serve(3, pixels, encoding=encoding)
    np.testing.assert_array_equal(restored.mask, BAND != 0)
    intact = view(3, channels)[BAND == 0]
    truth = intact[..., 2::-1] if encoding.startswith('rgb') else intact
    np.testing.assert_array_equal(restored.frame[BAND == 0], truth)
    assert rig.serve(4, view(4, channels), encoding=encoding) is None
    assert (rig.detector.flagged, rig.detector.classes) == (1, ('flat',))


@pytest.mark.parametrize(('level', 'name'), [(None, 'frozen'), (0, 'flat'), (255, 'burnt')])
def test_frozen_black_and_white_frames_are_restored_wholly(level, name):
    rig = begin()
    restored = rig.serve(3, view(2) if level is None else np.full_like(view(3), level))
    assert restored.mask.all()
    error = np.abs(restored.frame.astype(int) - view(3))
    copied = np.abs(view(2).astype(int) - view(3))
    assert error[:, :-4].mean() < copied[:, :-4].mean()
    assert rig.detector.classes == (name,)
    assert rig.serve(4) is None


def test_flagged_frame_is_no_reference():
    rig = begin()
    for index in (3, 4):
        rig.serve(index, damaged(index))
    assert rig.camera.snapshot().reference_age == pytest.approx(0.2)


def test_intact_frame_leaves_before_any_work():
    rig = begin()
    rig.frame(3)
    assert [number for number, _ in rig.out] == [0, 1, 2, 3]
    rig.frame(4, damaged(4))
    assert len(rig.out) == 4


def test_off_looks_at_nothing():
    rig = begin(DetectorMode.OFF)
    assert rig.serve(3, damaged(3)) is None
    assert rig.counters.passed == {'intact': 4}
    assert rig.detector.seconds == ()


def test_assist_adds_what_it_finds_to_the_mask():
    rig = begin(DetectorMode.ASSIST)
    union = (BAND | CORNER) != 0
    np.testing.assert_array_equal(rig.serve(3, damaged(3), CORNER).mask, union)
    np.testing.assert_array_equal(rig.serve(4, damaged(4)).mask, BAND != 0)
    np.testing.assert_array_equal(rig.serve(5, damaged(5), NOTHING).mask, BAND != 0)
    np.testing.assert_array_equal(rig.serve(6, mask=CORNER[::16, ::16]).mask, CORNER != 0)
    assert rig.serve(7, mask=NOTHING) is None
    assert rig.detector.flagged == 3


def test_assist_with_masks_missing():
    rig = begin(DetectorMode.ASSIST, missing_mask=MissingMask.UNKNOWN)
    assert rig.serve(3) is None
    np.testing.assert_array_equal(rig.serve(4, damaged(4)).mask, BAND != 0)
    assert rig.counters.passed == {'intact': 3, 'mask_missing': 1}


def test_assist_with_a_mask_that_cannot_be_used():
    rig = begin(DetectorMode.ASSIST)
    assert rig.serve(3, damaged(3), FrameError('mask_unreadable', 'why')) is None
    assert rig.counters.passed == {'intact': 3, 'mask_unreadable': 1}


def test_frame_waiting_for_its_mask_is_inspected_before_it():
    rig = begin(DetectorMode.ASSIST)
    rig.camera.matcher.wait = 1.0
    rig.frame(3, damaged(3))
    assert rig.detector.flagged == 1
    rig.camera.mask(300 * MS, CORNER)
    rig.work()
    np.testing.assert_array_equal(rig.out[-1][1].mask, (BAND | CORNER) != 0)


def test_unreadable_frame_between_is_not_inspected():
    rig = begin()
    error = FrameError('unsupported_encoding', 'why')
    rig.camera.reject(CameraFrame('bayer', 300 * MS, 0.3, encoding='bayer_rggb16'), error)
    assert rig.out[-1][0] == 'bayer'
    assert rig.serve(4, damaged(4)) is not None
    assert rig.detector.failed == 0
    assert rig.counters.passed == {'intact': 3, 'unsupported_encoding': 1}


def test_time_that_goes_back_starts_anew():
    rig = begin()
    assert rig.serve(0, view(2)) is None  # the newest frame again, but of another run
    assert rig.serve(1, view(2)).mask.all()
    assert rig.camera.snapshot().stamp_faults['jumped_back'] == 1


def test_stopping_forgets_the_stream_but_not_the_account():
    rig = begin()
    rig.serve(3, damaged(3))
    rig.serve(4)
    rig.camera.stop()
    assert rig.serve(5, view(4)) is None
    assert rig.detector.flagged == 1
    assert rig.serve(6, view(4)).mask.all()


def broken(*_):
    raise MemoryError('no room')


@pytest.mark.parametrize(
    ('on_failure', 'where'), [(OnFailure.PASSTHROUGH, 'passed'), (OnFailure.DROP, 'dropped')]
)
def test_frame_that_breaks_the_detector_is_neither_restored_nor_kept(
    monkeypatch, on_failure, where
):
    rig = begin(on_failure=on_failure)
    for index in (3, 5):
        with monkeypatch.context() as patched:
            patched.setattr(Detector, 'inspect', broken)
            rig.frame(index)
            rig.work()
        # Begins anew: what was there before the failure does not look frozen.
        np.testing.assert_array_equal(rig.serve(index + 1, damaged(4)).mask, BAND != 0)
    assert rig.camera.snapshot().reference_age == pytest.approx(0.4)
    assert getattr(rig.counters, where)['detector_error'] == 2
    assert 'no room' in rig.camera.snapshot().last_error
    assert (rig.detector.failed, rig.detector.error) == (2, 'MemoryError: no room')


def test_masks_serve_while_the_detector_is_broken(monkeypatch):
    rig = begin(DetectorMode.ASSIST)
    monkeypatch.setattr(Detector, 'inspect', broken)
    np.testing.assert_array_equal(rig.serve(3, damaged(3), BAND).mask, BAND != 0)
    assert rig.serve(4, mask=NOTHING) is None
    assert rig.serve(5) is None
    assert rig.counters.passed == {'intact': 4, 'detector_error': 1}
    assert rig.detector.failed == 3


def test_whatever_frames_come_each_is_settled():
    rig = Rig()
    rng = np.random.default_rng(0)
    shapes = [(1, 1), (1, 3000), (3000, 1), (17, 31), (17, 31), (48, 64), (2, 2)]
    encodings = {'bgr8': (3,), 'rgba8': (4,), 'mono8': ()}
    count = 0
    for shape in shapes:
        for encoding, channels in encodings.items():
            wide = rng.integers(0, 256, (*shape[:1], shape[1] + 2, *channels), np.uint8)
            for pixels in (wide[:, 1:-1], np.zeros_like(wide), np.zeros_like(wide)):
                count += 1
                rig.frame(count, pixels, encoding=encoding)
                rig.work()
    assert (rig.counters.received, rig.counters.in_flight) == (count, 0)
    assert rig.detector.failed == 0


def test_diagnostics_say_what_was_found():
    rig = begin()
    rig.serve(3, damaged(3))
    rig.serve(4, view(2))
    rig.serve(5, view(2))
    now = rig.camera.snapshot()
    state = camera_state(now, now, SubscriptionStatus('/front/image_raw', 1, ''), 1e9)
    values = {pair.key: pair.value for pair in camera_status('restore', state, now).values}
    assert values['detector'] == 'only'
    assert values['detector.flagged'] == '2'
    assert values['detector.found'] == 'frozen'
    assert (values['detector.failed'], values['detector.error']) == ('0', '')
    assert float(values['detector.ms_p99']) >= float(values['detector.ms_p50']) > 0
