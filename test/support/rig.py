# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A camera with a real restorer and no ROS, its output recorded."""

import numpy as np

from siammcvae_core.restore.restorer import Restorer
from siammcvae_ros.frame_path.camera import Camera
from siammcvae_ros.frame_path.late_masks import unite
from siammcvae_ros.frame_path.mask_matching import MaskMatcher, MaskMode
from siammcvae_ros.frame_path.output_queue import CameraFrame, OutputQueue
from siammcvae_ros.frame_path.policy import FramePolicy

MS = 1_000_000
HEIGHT, WIDTH = 48, 64
SCENE = np.random.default_rng(0).integers(0, 256, (HEIGHT, 400), np.uint8)


def view(index, speed=2):
    """Return a grey frame of a scene that moves by `speed` pixels per frame."""
    return np.ascontiguousarray(SCENE[:, index * speed : index * speed + WIDTH])


BAND = np.zeros((HEIGHT, WIDTH), np.uint8)
BAND[16:32] = 255
NOTHING = np.zeros((HEIGHT, WIDTH), np.uint8)


def damaged(index, mask=BAND):
    """Return a frame of the scene, black where the mask is set."""
    return np.where(mask != 0, 0, view(index)).astype(np.uint8)


class Rig:
    """A camera with its output recorded; its worker runs when `work` is called."""

    def __init__(self, mode=MaskMode.PER_FRAME, wait=0.0, max_hold=0.0, restorer=None, **policy):
        self.out = []
        self.woken = 0
        self.policy = FramePolicy(**policy)
        self.camera = Camera(
            'front',
            restorer or Restorer(),
            MaskMatcher(mode, wait, unite=unite),
            OutputQueue(self, max_hold),
            self.policy,
            self._wake,
        )

    def _wake(self):
        self.woken += 1

    def pass_through(self, frame):
        self.out.append((frame.message, None))

    def publish(self, frame, restored):
        self.out.append((frame.message, restored))

    def frame(self, index, mask=None, pixels=None, at=None):
        at = index * 0.1 if at is None else at
        stamp = index * 100 * MS
        if mask is not None:
            self.camera.mask(stamp, mask)
        pixels = view(index) if pixels is None else pixels
        self.camera.receive(CameraFrame(index, stamp, at, pixels, 'mono8'))

    def work(self):
        while self.camera.has_pending:
            self.camera.process_next()

    @property
    def numbers(self):
        return [number for number, _ in self.out]

    @property
    def counters(self):
        return self.camera.snapshot().counters
