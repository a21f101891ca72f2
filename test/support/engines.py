# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A moving texture, a restorer that has seen some of it, and an engine to serve it."""

import cv2
import numpy as np

from siammcvae_core.engines import Restoration
from siammcvae_core.restore.restorer import Restorer


def drive(count=3, step=3):
    """Frames of a texture that moves left by `step` pixels a frame."""
    noise = np.random.default_rng(0).standard_normal((120, 160 + step * count, 3))
    texture = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 4)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return [np.ascontiguousarray(texture[:, step * i : step * i + 160]) for i in range(count)]


def after(frames, stamps=(0.0, 0.1), engine=None, **settings):
    """Return a restorer that has observed `frames` at `stamps`."""
    restorer = Restorer(engine, **settings)
    for frame, stamp in zip(frames, stamps, strict=False):
        restorer.observe(frame, stamp)
    return restorer


def some_lost(size=(120, 160), share=0.6):
    return np.random.default_rng(1).random(size) < share


class ConstantEngine:
    """An engine that restores every frame in one grey and counts its calls."""

    patch = 16
    references = 1
    eager = True

    def __init__(self, grey=77):
        self.grey, self.encoded, self.restored = grey, 0, 0

    def encode_reference(self, frame):
        self.encoded += 1
        return frame.mean()

    def restore(self, references, frame, mask, stamp):
        self.restored += 1
        references.frames[0].encoded_by(self.encode_reference)
        return Restoration(np.full_like(frame, self.grey))

    def describe(self):
        return {'engine': 'constant'}


class FailingEngine(ConstantEngine):
    """An engine whose calls raise `error`, as long as it has one."""

    def __init__(self, error, at_encode=False):
        super().__init__()
        self.error, self.at_encode = error, at_encode

    def encode_reference(self, frame):
        if self.at_encode and self.error:
            raise self.error
        return super().encode_reference(frame)

    def restore(self, references, frame, mask, stamp):
        if self.error:
            raise self.error
        return super().restore(references, frame, mask, stamp)
