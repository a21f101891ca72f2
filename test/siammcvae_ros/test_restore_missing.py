# Copyright 2026 The siammcvae_ros authors
# SPDX-License-Identifier: Apache-2.0
"""Frames that never come are made up by the real node, over DDS."""

import time

from support.stream import header, NOTHING, Stream

from siammcvae_core.data.encodings import image_view

SENT = 8


def test_frames_that_do_not_come_are_made_up_for_a_while(start, probe, wait_until, settings):
    settings['max_reference_age'] = 0.35
    start('restore_node', **settings, conceal_missing='true')
    stream = Stream(probe, wait_until).connect()
    for index in range(SENT):
        stream.send(index, mask=NOTHING)
        time.sleep(0.1)
    stream.account(received=SENT, concealed=3, passed__intact=SENT, dropped=0)
    stream.wait_until(lambda: len(stream.made_up) == SENT + 3, 'the masks')
    frames, masks = stream.out[SENT:], stream.made_up[SENT:]
    due = [header(SENT + number) for number in range(3)]
    assert [frame.header for frame in frames] == due
    assert [mask.header for mask in masks] == due
    assert all(image_view(mask).all() for mask in masks)
    assert all(image_view(frame).any() for frame in frames)
    stream.serve(SENT + 10, mask=NOTHING)
    assert stream.out[-1].header == header(SENT + 10)
