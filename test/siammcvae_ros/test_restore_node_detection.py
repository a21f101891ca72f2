# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The node with a detector of its own, instead of fault masks or beside them."""

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
import numpy as np
from support.stream import BAND, damaged, header, HEIGHT, NOTHING, Stream, view, WIDTH

from siammcvae_core.data.encodings import image_view
from siammcvae_ros.bridge.images import image_message

CORNER = np.zeros((HEIGHT, WIDTH), np.uint8)
CORNER[:16, :16] = 255


def test_node_that_finds_faults_itself(start, probe, wait_until, settings):
    start('restore_node', **settings, detector='only')
    stream = Stream(probe, wait_until)
    stream.connect(masks=False)
    assert stream.masks.get_subscription_count() == 0
    for index in range(3):
        sent = image_message(header(index), view(index), 'bgr8')
        assert stream.serve(index, mask=BAND) == sent

    restored = image_view(stream.serve(3, damaged(3)))
    np.testing.assert_array_equal(restored[BAND == 0], view(3)[BAND == 0])
    assert np.abs(restored.astype(int) - view(3))[BAND != 0].mean() < 20
    stream.serve(4, damaged(3))
    wait_until(lambda: len(stream.restored_masks) == 5, 'the restored masks')
    np.testing.assert_array_equal(image_view(stream.restored_masks[3]), BAND)
    assert image_view(stream.restored_masks[4]).all()

    stream.serve(5, view(5, 1), encoding='bayer_rggb16')
    stream.serve(6)
    stream.wait_for_status(
        detector='only',
        detector__flagged=2,
        detector__found='frozen',
        detector__failed=0,
        masks__received=0,
        restored__warp=2,
        passed__intact=4,
        passed__unsupported_encoding=1,
    )

    for transition in (Transition.TRANSITION_DEACTIVATE, Transition.TRANSITION_ACTIVATE):
        request = ChangeState.Request(transition=Transition(id=transition))
        assert probe.call(ChangeState, '/restore/change_state', request).success
    stream.serve(7, view(6))
    stream.wait_for_status(detector__flagged=2, passed__intact=5)


def test_node_that_adds_what_it_finds(start, probe, wait_until, settings):
    start('restore_node', **settings, detector='assist')
    stream = Stream(probe, wait_until).connect()
    for index in range(3):
        stream.serve(index, mask=NOTHING)
    stream.serve(3, damaged(3), CORNER)
    stream.serve(4, damaged(4), NOTHING)
    wait_until(lambda: len(stream.restored_masks) == 5, 'the restored masks')
    np.testing.assert_array_equal(image_view(stream.restored_masks[3]), BAND | CORNER)
    np.testing.assert_array_equal(image_view(stream.restored_masks[4]), BAND)
    stream.wait_for_status(
        detector='assist', detector__flagged=2, masks__matched=5, restored__warp=2
    )
