# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Restored pixels are capped in age: past it the node passes on what it received, over real DDS."""

import numpy as np
from sensor_msgs.msg import Image
from support.stream import BAND, NOTHING, view

from siammcvae_core.data.encodings import image_view


def test_damage_that_outlasts_the_reference_is_passed_on(stream, probe):
    doubts = probe.listen(Image, 'front/restored/uncertainty')
    stream.connect()
    for index in (0, 1):
        stream.serve(index, mask=NOTHING)
    damaged = {index: view(index) for index in (600, 602, 611)}
    for pixels in damaged.values():
        pixels[BAND != 0] = 0
    restored = stream.serve(600, damaged[600], BAND)  # 59.9 s after the last intact frame
    assert image_view(restored)[BAND != 0].any()
    for index in (602, 611):
        passed = stream.serve(index, damaged[index], BAND)
        np.testing.assert_array_equal(image_view(passed), damaged[index])
    stream.wait_for_status(
        restored__warp=1, passed__intact=2, passed__reference_too_old=2, dropped=0
    )
    stream.wait_until(lambda: len(doubts) == 5, 'the uncertainties')
    for doubt in doubts[3:]:
        worst = np.frombuffer(doubt.data, np.float32).reshape(BAND.shape)
        np.testing.assert_array_equal(worst, np.where(BAND, 255, 0))
    stream.wait_until(lambda: len(stream.restored_masks) == 5, 'the restored masks')
    assert [bool(image_view(mask).any()) for mask in stream.restored_masks] == [0, 0, 1, 0, 0]
    stream.serve(612, mask=NOTHING)
    stream.serve(613, mask=NOTHING)
    stream.serve(614, mask=BAND)
    stream.wait_for_status(restored__warp=2)
