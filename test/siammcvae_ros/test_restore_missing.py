# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that never come are concealed by the real node, over DDS."""

from support.stream import header, NOTHING, Stream

from siammcvae_core.data.encodings import image_view

SENT = 8


def test_missing_frames_are_concealed_for_a_while(start, probe, wait_until, settings):
    settings['max_reference_age'] = 0.35
    start('restore_node', **settings, conceal_missing='true')
    stream = Stream(probe, wait_until).connect()
    for index in range(SENT):
        stream.send(index, mask=NOTHING)
        reports = len(stream.diagnostics)  # which set the pace, at even intervals
        wait_until(lambda seen=reports: len(stream.diagnostics) > seen, 'diagnostics')
    # On a busy machine one of the frames sent may be late, too, and concealed before it comes.
    expected = [header(SENT + number) for number in range(3)]
    for topic in (stream.out, stream.restored_masks):
        wait_until(lambda of=topic: len(of) >= 3 and of[-1].header == expected[-1], 'three more')
        assert [message.header for message in topic[-3:]] == expected
    frames, masks = stream.out[-3:], stream.restored_masks[-3:]
    status = stream.wait_for_status(received=SENT, in_flight=0)
    assert status['dropped'] == status.get('dropped.concealed', '0')
    stream.wait_for_status(concealed=3 + int(status['dropped']))
    assert all(image_view(mask).all() for mask in masks)
    assert all(image_view(frame).any() for frame in frames)
    stream.serve(SENT + 10, mask=NOTHING)
    assert stream.out[-1].header == header(SENT + 10)
