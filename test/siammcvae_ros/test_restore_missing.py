# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that never come are concealed by the real node, over DDS."""

from support.stream import header, NOTHING, Stream

from siammcvae_core.data.encodings import image_view

SENT = 5  # the fewest that have a frame rate: no frame is missing before the last one


def test_missing_frames_are_concealed_for_a_while(start, probe, wait_until, settings):
    settings |= {'max_reference_age': 0.35, 'diagnostics_period': 0.5}  # s
    start('restore_node', **settings, conceal_missing='true')
    stream = Stream(probe, wait_until).connect()
    for index in range(SENT):
        stream.serve(index, mask=NOTHING)
        reports = len(stream.diagnostics)  # which set the pace, many times that of a restoration
        wait_until(lambda seen=reports: len(stream.diagnostics) > seen, 'diagnostics')
    expected = [header(SENT + number) for number in range(3)]
    for topic in (stream.out, stream.restored_masks):
        wait_until(lambda of=topic: of[-1].header == expected[-1], 'the last that is concealed')
        assert [message.header for message in topic[SENT:]] == expected
    frames, masks = stream.out[SENT:], stream.restored_masks[SENT:]
    stream.wait_for_status(received=SENT, passed__intact=SENT, concealed=3, dropped=0)
    assert all(image_view(mask).all() for mask in masks)
    assert all(image_view(frame).any() for frame in frames)
    assert stream.serve(SENT + 10, mask=NOTHING).header == header(SENT + 10)
