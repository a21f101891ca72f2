# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Whatever comes in whatever order, a camera lets every frame out once, in order, and unharmed."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, RuleBasedStateMachine
import numpy as np

from siammcvae_core.errors import FrameError
from siammcvae_core.restore.restored_frame import RestoreMethod
from siammcvae_core.restore.restorer import Restorer
from siammcvae_ros.frame_path.camera import Camera
from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode
from siammcvae_ros.frame_path.output_queue import CameraFrame, OutputQueue
from siammcvae_ros.frame_path.policy import FramePolicy, MissingMask, OnFailure

SIZES = ((32, 48), (1, 5))
PERIOD = 100_000_000  # ns
PIXELS = {size: np.random.default_rng(0).integers(0, 256, (50, *size), np.uint8) for size in SIZES}
STEPS = st.sampled_from([0, 1, 1, 1, 2, 30, -1, -7])
SHARES = st.sampled_from([0.0, 0.5, 1.0])
REJECTIONS = st.sampled_from(['unsupported_encoding', 'malformed_image', 'empty_image'])


class Stream(RuleBasedStateMachine):
    """A camera between an unruly driver, an unruly fault monitor and a worker of any pace."""

    @initialize(
        mode=st.sampled_from(list(MaskMode)),
        wait=st.sampled_from([0.0, 1.0]),
        slop=st.sampled_from([0, PERIOD]),
        max_hold=st.sampled_from([0.0, 2.0]),
        on_failure=st.sampled_from(list(OnFailure)),
        missing_mask=st.sampled_from(list(MissingMask)),
    )
    def begin(self, mode, wait, slop, max_hold, on_failure, missing_mask):
        self.camera = Camera(
            'front',
            Restorer(best_method=RestoreMethod.COPY),
            MaskMatcher(mode, wait, slop),
            OutputQueue(self, max_hold),
            FramePolicy(on_failure, missing_mask),
            lambda: None,
        )
        self.on_failure = on_failure
        self.now = 0.0
        self.stamp = 0
        self.received = 0
        self.left = []
        self.masks = []

    def pass_through(self, frame):
        self.left.append(frame.number)
        assert self.camera.matcher.mode is not MaskMode.OFF or frame.lost is None

    def publish(self, frame, restored):
        self.left.append(frame.number)
        intact = ~restored.mask
        np.testing.assert_array_equal(restored.frame[intact], frame.pixels[intact])
        assert any(self.is_applied(mask, restored.mask) for mask in self.masks)

    def is_applied(self, mask, lost):
        """Whether a mask sent is the one that was applied."""
        return mask.shape == lost.shape and np.array_equal(mask != 0, lost)

    def next_frame(self, step, **what):
        self.stamp += step * PERIOD
        self.received += 1
        return CameraFrame(self.received, self.stamp, self.now, **what)

    @rule(step=STEPS, size=st.sampled_from(SIZES))
    def frame(self, step, size):
        pixels = PIXELS[size][self.received % 50]
        self.camera.receive(self.next_frame(step, pixels=pixels, encoding='mono8'))

    @rule(count=st.integers(2, 6), size=st.sampled_from(SIZES))
    def burst(self, count, size):
        for _ in range(count):
            self.frame(1, size)

    @rule(step=STEPS, size=st.sampled_from(SIZES), lost=SHARES, late=st.booleans())
    def frame_and_mask(self, step, size, lost, late):
        if late:
            self.frame(step, size)
            self.mask(0, size, lost)
        else:
            self.mask(step, size, lost)
            self.frame(step, size)

    @rule(step=STEPS, reason=REJECTIONS)
    def unreadable_frame(self, step, reason):
        self.camera.reject(self.next_frame(step), FrameError(reason, reason))

    @rule(step=st.integers(-2, 2), size=st.sampled_from([*SIZES, (7, 3)]), lost=SHARES)
    def mask(self, step, size, lost):
        mask = np.zeros(size, np.uint8)
        mask[: round(lost * size[0])] = 255
        self.masks.append(mask)
        self.camera.mask(self.stamp + step * PERIOD, mask)

    @rule(step=st.integers(-2, 2))
    def unreadable_mask(self, step):
        self.camera.mask(self.stamp + step * PERIOD, FrameError('mask_unreadable', 'no mask'))

    @rule(published=st.booleans())
    def mask_publisher(self, published):
        self.camera.matcher.expected = published

    @rule()
    def work(self):
        if self.camera.has_pending:
            self.camera.process_next()

    @rule(seconds=st.sampled_from([0.01, 0.5, 3.0]))
    def wait(self, seconds):
        self.now += seconds
        self.camera.expire(self.now)
        assert self.camera.deadline is None or self.camera.deadline > self.now

    @rule()
    def finish(self):
        """Once all that waited is over, nothing is in flight."""
        while self.camera.has_pending:
            self.camera.process_next()
        self.wait(10.0)
        while self.camera.has_pending:
            self.camera.process_next()
        assert self.counters.in_flight == 0

    @rule()
    def deactivate(self):
        self.camera.stop()
        assert self.counters.in_flight == 0
        assert not self.camera.has_pending

    @property
    def counters(self):
        return self.camera.snapshot().counters

    @invariant()
    def the_counters_add_up(self):
        counters = self.counters
        assert counters.received == self.received
        assert counters.in_flight >= 0
        assert len(self.left) == counters.restored.total() + counters.passed.total()

    @invariant()
    def frames_leave_once_and_in_order(self):
        assert self.left == sorted(set(self.left))


TestStream = Stream.TestCase
TestStream.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
